"""What a writing network adds or leaves out: extra strokes behind the text are cut, other faults turn the writing away.

That such networks go on after the last character is their best known fault. It is told by where the window stood when a
stroke was drawn, by strokes that lie far from all others, and by how much ink a text of these characters takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.signal import Array
from tilth.synthesize.hand.strokes import Strokes, box
from tilth.synthesize.recurrent.freehand import Drawn

_SHARE = 0.005  # of what was learned from lies beyond each bound
_MARGIN = 1.1  # by which a bound is wider than what was learned from
_SKIPPED = 0.02  # of right writings in which a window passes over a character: a network that does so often tells nothing by it
_FLOOR = 0.3  # of the height of a capital: no gap within a text is called far below this


@dataclass(frozen=True)
class Usual:
    """How much ink, how many strokes and how wide a text of these characters is, and how far the bounds lie.

    each    (letters, 3) ink, strokes and width of each character
    bounds  (3, 2) the least and the most that a text has, as a share of the sum over its characters
    gap     the widest gap within a text, from one stroke to the nearest other
    low     how far strokes reach below and above the base line at most
    """

    alphabet: str
    each: Array
    bounds: Array
    gap: float
    low: tuple[float, float]

    @classmethod
    def of(cls, writings: Sequence[tuple[str, Strokes]], alphabet: str) -> Usual:
        """Learned from writings that are right."""
        counts = np.array([[text.count(letter) for letter in alphabet] for text, _ in writings], np.float64)
        sizes = np.array([_sizes(strokes) for _, strokes in writings])
        # A little ridge: a character that is never there, or always beside another, gets a small share and no nonsense.
        ridge = 1e-3 * len(writings) * np.eye(len(alphabet))
        each = np.maximum(np.linalg.solve(counts.T @ counts + ridge, counts.T @ sizes), 1e-3)
        shares = sizes / np.maximum(counts @ each, 1e-9)
        low, high = np.quantile(shares, [_SHARE, 1 - _SHARE], axis=0)
        gaps = np.array([max(_gaps(strokes), default=0.0) for _, strokes in writings])
        tops = np.array([[-box(strokes)[1], box(strokes)[3]] for _, strokes in writings])
        reach = np.quantile(tops, 1 - _SHARE, axis=0) * _MARGIN
        return cls(
            alphabet,
            each,
            np.stack([low / _MARGIN, high * _MARGIN], 1),
            max(float(np.quantile(gaps, 1 - _SHARE)) * _MARGIN, _FLOOR),
            (float(reach[0]), float(reach[1])),
        )

    def arrays(self) -> dict[str, Array]:
        """As arrays, for the memo."""
        return {"each": self.each, "bounds": self.bounds, "gap": np.array(self.gap), "low": np.array(self.low)}

    @classmethod
    def from_arrays(cls, kept: Mapping[str, Array], alphabet: str) -> Usual:
        above, below = (float(one) for one in kept["low"])
        return cls(alphabet, kept["each"], kept["bounds"], float(kept["gap"]), (above, below))

    def fault(self, text: str, strokes: Strokes) -> str:
        """What is unusual about these lines for this text, or nothing."""
        counts = np.array([text.count(letter) for letter in self.alphabet], np.float64)
        shares = np.array(_sizes(strokes)) / np.maximum(counts @ self.each, 1e-9)
        for name, share, (least, most) in zip(("ink", "strokes", "width"), shares, self.bounds.tolist(), strict=True):
            if not least <= share <= most:
                return f"{share:.2f} times the usual {name}, which lies within {least:.2f} and {most:.2f}"
        above, below = -box(strokes)[1], box(strokes)[3]
        if above > self.low[0] or below > self.low[1]:
            return "it leaves the line"
        return ""


@dataclass(frozen=True)
class Habits:
    """How a network's window moves in writings that are right.

    Nothing in the training holds the window to the character that is drawn. Some networks read ahead, all the more at the
    end of a text; so what counts as past the end is measured.

    after  steps that are drawn after the window passed the last character, at most
    skips  whether it passes over characters
    """

    after: int = 0
    skips: bool = False

    @classmethod
    def of(cls, texts: Sequence[str], places: Sequence[Array]) -> Habits:
        """From where the window stood at each step (t,) of writings of these texts."""
        past = [np.flatnonzero(own >= len(text)) for text, own in zip(texts, places, strict=True)]
        late = [len(own) - int(at[0]) if len(at) else 0 for at, own in zip(past, places, strict=True)]
        skipped = np.mean([bool(_missed(text, own)) for text, own in zip(texts, places, strict=True)])
        return cls(int(np.quantile(late, 1 - _SHARE, method="higher")), bool(skipped > _SKIPPED))


def _missed(text: str, places: Array) -> list[int]:
    """Characters at which the window never stood, and that leave ink."""
    seen = set(places.tolist())
    return [at for at, letter in enumerate(text) if at not in seen and not letter.isspace()]


@dataclass(frozen=True)
class Tidied:
    """What is left of a writing.

    cut    how many strokes were taken off its end
    fault  one sentence where it is to be turned away, else empty
    """

    strokes: Strokes
    cut: int
    fault: str


def tidied(drawn: Drawn, usual: Usual, habits: Habits) -> Tidied:
    """The writing without what trails behind it, and whether the rest is fit for use."""
    strokes, cut = _cut(drawn, usual.gap, habits.after)
    return Tidied(strokes, cut, _fault(drawn, strokes, usual, habits))


def _cut(drawn: Drawn, gap: float, after: int) -> tuple[Strokes, int]:
    """Strokes at the end go that were drawn, for the most part, later after the window passed the last character than any
    right one is, or that lie far from all before them."""
    kept = len(drawn.strokes)
    places = np.concatenate(drawn.places) if kept else np.zeros(0)
    passed = np.flatnonzero(places >= len(drawn.text))
    limit = int(passed[0]) + after if len(passed) else len(places)
    ends = np.cumsum([len(part) for part in drawn.places])
    while kept and ends[kept - 1] - len(drawn.places[kept - 1]) / 2 > limit:
        kept -= 1
    while kept > 1 and _apart(drawn.strokes[kept - 1], drawn.strokes[: kept - 1]) > gap:
        kept -= 1
    return drawn.strokes[:kept], len(drawn.strokes) - kept


def _fault(drawn: Drawn, strokes: Strokes, usual: Usual, habits: Habits) -> str:
    if not strokes:
        return "nothing was written"
    if not drawn.finished:
        return "it did not come to an end"
    missed = [] if habits.skips else _missed(drawn.text, np.concatenate(drawn.places[: len(strokes)]))
    if missed:
        return f"character {missed[0] + 1} was passed over"
    if any(gap > usual.gap for gap in _gaps(strokes)):
        return "a stroke lies far from the others"
    return usual.fault(drawn.text, strokes)


def _sizes(strokes: Strokes) -> tuple[float, float, float]:
    """Length of all lines, their number, and the width; a dot is as long as a pen is wide."""
    ink = sum(max(float(np.hypot(*np.diff(line, axis=0).T).sum()) if len(line) > 1 else 0.0, 0.05) for line in strokes)
    left, _, right, _ = box(strokes)
    return ink, float(len(strokes)), right - left + 0.15


def _gaps(strokes: Strokes) -> list[float]:
    """How far each stroke lies from the nearest other."""
    if len(strokes) < 2:
        return []
    return [_apart(line, (*strokes[:at], *strokes[at + 1 :])) for at, line in enumerate(strokes)]


def _apart(line: Array, others: Strokes) -> float:
    """Distance between the boxes of a line and of the nearest other; 0 where they overlap.

    Boxes, for points alone are too sparse, and measuring pieces against pieces takes ten times as long.
    """
    low, high = line.min(0), line.max(0)
    lows, highs = np.array([other.min(0) for other in others]), np.array([other.max(0) for other in others])
    between = np.maximum(np.maximum(lows - high, low - highs), 0)
    return float(np.hypot(*between.T).min())
