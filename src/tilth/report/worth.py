"""What samples are worth: of each valuator on record a histogram, both ends as cards, the classes and the harmed judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilth.report import charts, gallery, words
from tilth.report.gallery import Album, Tile
from tilth.report.story import Story
from tilth.run.values import ClassWorth, Valued, by_class, extremes

ENDS = 18  # samples shown at each end: three rows of a wide screen
JUDGES = 6  # harmed judges shown
CULPRITS = 3  # train samples beside each of them: one row of a card
MOST_CLASSES = 40


@dataclass(frozen=True, slots=True)
class ValueCard:
    """A train sample with its value, and in words the judge that it hurts or helps most."""

    tile: Tile
    value: str
    below: bool
    rank: int
    whom: str


@dataclass(frozen=True, slots=True)
class JudgeCard:
    """A judge, and the train samples that harm it most; each wears its value."""

    tile: Tile
    culprits: tuple[Tile, ...]
    harm: str


@dataclass(frozen=True, slots=True)
class Panel:
    """All of one valuator."""

    use: str
    name: str
    among: int
    below: int
    sentence: str
    zero: str
    settings: str
    chart: charts.Histogram | None
    harmful: tuple[ValueCard, ...]
    helpful: tuple[ValueCard, ...]
    judges: tuple[JudgeCard, ...]
    against: str
    unit: str
    classes: tuple[ClassWorth, ...]
    folded: int


def panels(story: Story, fates: Mapping[str, str]) -> list[Panel]:
    """A panel for each valuator on record; none where nobody was asked."""
    shown = [one for one in story.values if one.among]
    if not shown:
        return []
    album = _album(story, {id for one in shown for id in _ids(one)}, fates)
    return [_panel(story, one, album) for one in shown]


def _album(story: Story, ids: Iterable[str], fates: Mapping[str, str]) -> Album:
    """As the samples are now: it is the present label that was valued."""
    pictured = gallery.album(story, ids, fates)
    return replace(pictured, samples={sample.id: sample for sample in story.after.only(sorted(pictured.samples))})


def _ids(one: Valued) -> list[str]:
    rows = {*one.worst(ENDS), *one.best(ENDS)}
    judged = _harmed(one)
    rows |= {row for _, culprits in judged for row in culprits}
    judges = one.judges
    return [str(one.signal.ids[row]) for row in sorted(rows)] + [judges[column] for column, _ in judged]


def _harmed(one: Valued) -> list[tuple[int, list[int]]]:
    """(column, rows of the train samples that harm it most) of the judges that receive the most harm."""
    if not one.judges:
        return []
    received = np.minimum(np.nan_to_num(one.signal.values), 0).sum(0)
    _, worst = extremes(received, JUDGES)
    return [(column, extremes(one.signal.values[:, column], CULPRITS)[1]) for column in worst]


def _panel(story: Story, one: Valued, album: Album) -> Panel:
    classes = by_class(story.after, one)
    shown = classes if len(classes) <= MOST_CLASSES else sorted(classes, key=lambda row: -row.harmful)[:MOST_CLASSES]
    worst = one.worst(ENDS)
    best = [row for row in one.best(ENDS) if row not in set(worst)]
    return Panel(
        use=one.use,
        name=one.name,
        among=one.among,
        below=int((one.means < 0).sum()),
        sentence=_sentence(one),
        zero=_zero(one),
        settings=words.plain(one.settings) if one.settings else "",
        chart=charts.histogram(one.means),
        harmful=tuple(_card(one, row, album, -1) for row in worst),
        helpful=tuple(_card(one, row, album, 1) for row in best),
        judges=tuple(_judge_card(one, column, rows, album) for column, rows in _harmed(one)),
        against=one.against,
        unit=one.signal.unit,
        classes=tuple(shown),
        folded=len(classes) - len(shown),
    )


def _sentence(one: Valued) -> str:
    by = f", the mean over {words.counted(len(one.judges), 'judge')}" if one.judges else ""
    split = f" of the split {one.against}" if one.against else ""
    unit = f", in {one.signal.unit}" if one.signal.unit else ""
    return f"{one.use} gave a value to {words.counted(one.among, 'train sample')}{by}{split if by else ''}{unit}."


def _zero(one: Valued) -> str:
    below = int((one.means < 0).sum())
    if not below:
        return "None lies below zero: here the order tells, and the lowest are the ones to look at."
    verb = "lies" if below == 1 else "lie"
    return f"{below:,} ({100 * below / one.among:.1f} %) {verb} below zero: in its judgement they do harm."


def _card(one: Valued, row: int, album: Album, side: int) -> ValueCard:
    value = float(one.means[row])
    return ValueCard(
        tile=album.tile(str(one.signal.ids[row])),
        value=_amount(value, one),
        below=value < 0,
        rank=int(one.ranks[row]),
        whom=_whom(one, row, album, side),
    )


def _whom(one: Valued, row: int, album: Album, side: int) -> str:
    """`hurts most valid/cat/3.png (−0.2)`, or nothing where no judge has a column."""
    judges = one.judges
    if not judges:
        return ""
    above, below = extremes(one.signal.values[row], 1)
    at = below if side < 0 else above
    if not at:
        return ""
    value = words.signed(float(one.signal.values[row, at[0]]), False)
    return f"{'hurts' if side < 0 else 'helps'} most {album.name(judges[at[0]]) or judges[at[0]]} ({value})"


def _judge_card(one: Valued, column: int, rows: Sequence[int], album: Album) -> JudgeCard:
    received = one.signal.values[:, column]
    harm = float(np.minimum(np.nan_to_num(received), 0).sum())
    culprits = (album.tile(str(one.signal.ids[row]), words.signed(float(received[row]), False)) for row in rows)
    return JudgeCard(album.tile(one.judges[column], "judge"), tuple(culprits), _amount(harm, one))


def _amount(value: float, one: Valued) -> str:
    return words.signed(value, False) + (f" {one.signal.unit}" if one.signal.unit else "")
