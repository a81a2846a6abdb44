"""From two domains to made samples: a translator that is taught, what it draws, and what of it the judge lets in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import StepError
from tilth.numerics import picture
from tilth.numerics.quota import water_fill
from tilth.sample import TRAIN, Label, Sample, made_id
from tilth.signal import Array
from tilth.steps import Run
from tilth.synthesize.translate.carrying import carried, small
from tilth.synthesize.translate.domains import Pair
from tilth.synthesize.translate.judge import Bench, Court, Verdict, bench_of, beyond_chance, ground_of
from tilth.synthesize.translate.learning import Domain, Lesson, drawn, taught, threads_for
from tilth.synthesize.translate.translators import Game

if TYPE_CHECKING:
    from tilth.synthesize.translation import Translation

_NAME = "synthesize.translation"
_SIZED = 256  # pictures whose sizes are looked at
_BLOCK = 128  # parents whose pictures are held at once: 35 MB at 300 x 300 grey
_CONTENT = {"fastcut": 10.0, "cut": 1.0, "cyclegan": 0.0}
_IDENTITY = {"fastcut": 0.0, "cut": 1.0, "cyclegan": 5.0}
_MAKING = (
    "judge",
    "learner",
    "settings",
    "folds",
    "agree",
    "guided",
    "balance",
    "origin",
    "target",
)  # no part of the teaching
_ENOUGH = 20  # drawn pictures from which it is told whether they show their classes
_TOLD = 12  # target pictures of each class from which a critic can learn what the class looks like


@dataclass(frozen=True)
class Translator:
    """A network that was taught, and how it is asked.

    grey  whether the target's pictures all are: then what is drawn is too
    """

    game: Game
    lesson: Lesson
    weights: Mapping[str, Array]
    grey: bool

    def of(self, originals: Sequence[Array], *, guided: bool) -> list[Array]:
        """Pictures (each h, w, c uint8) as it draws them, at their own sizes."""
        game = self.game
        squares = np.stack([small(one, game.side_px, game.channels) for one in originals])
        found = drawn(game, self.lesson, self.weights, squares)
        made = [carried(one, after, guided=guided) for one, after in zip(originals, found, strict=True)]
        return [picture.to_channels(one, 1) for one in made] if self.grey else made


def translated(step: Translation, data: Dataset, pair: Pair, run: Run, room: int) -> Iterator[Add]:
    """Made samples of the origin's, `room` at most. Classes that are short are filled first; where pictures are turned away,
    others of their class follow."""
    key = digest(step)
    parents = _parents(pair.origin, data, key)
    if not len(parents):
        raise StepError(
            f"{_NAME}: no picture of the origin {pair.said[0]!r} has a label and was not translated before: there is nothing "
            "to make."
        )
    lines, sizes = _lines(step, data, parents, pair.turned, run.rng(_NAME, key, "turns"))
    workshop = _Workshop(step, key, data, pair, teach(step, pair, run), run)
    while room and workshop.sound() and (rows := _next(lines, sizes, min(room, _BLOCK))):
        for add in workshop.made(parents.only(parents.ids[rows])):
            sizes[_group(step, add.sample.label)] += 1
            room -= 1
            yield add
    run.log(workshop.told())


def teach(step: Translation, pair: Pair, run: Run) -> Translator:
    """The translator of these domains, from the memo where it was taught before."""
    target, grey_target = _domain(pair.target, run, step, "target")
    origin, grey_origin = _domain(pair.origin, run, step, "origin")
    channels = 1 if grey_target and grey_origin else 3
    origin, target = (replace(one, pictures=one.pictures[:, :channels]) for one in (origin, target))
    classes = len(pair.origin.schema.classes)
    labels = labels_of(step.labels, origin, target, pair.turned)
    if labels == "told":
        origin, target = _labelled(origin), _labelled(target)
    game = game_of(step, channels, origin.pictures.shape[2], classes if labels == "told" else 0)
    on_gpu = not run.device.startswith("cpu")
    precision = step.precision if step.precision != "auto" else "bf16" if on_gpu else "fp32"
    threads = threads_for(game, step.batch, run.threads)
    lesson = Lesson(step.steps, step.batch, labels != "free", step.average, precision, run.device, threads)
    settings = {name: value for name, value in vars(step).items() if name not in _MAKING}
    seen = (pair.origin.version, pair.target.version, pair.turned)
    key = ("translation", digest(settings), step.version, *seen, run.seed, game.side_px, precision)

    def make() -> Mapping[str, Array]:
        run.log(
            f"{_NAME}: {step.method} from {pair.said[0]} ({len(origin.labels):,} pictures) to {pair.said[1]} "
            f"({len(target.labels):,}) at {game.side_px} px; labels are {labels}"
        )
        with run.progress("learning to translate", step.steps) as advance:
            dice = lambda *words: run.rng(key, *words)  # noqa: E731
            return taught(game, lesson, origin, target, dice, folder=run.checkpoints(*key), advance=advance)

    return Translator(game, lesson, run.keep(key, make), grey_target)


def game_of(step: Translation, channels: int, side_px: int, classes: int) -> Game:
    """The step's settings, with what the data decide; `classes` is 0 where the critic is told none."""
    content, identity = step.content, step.identity
    alike = (
        "method",
        "width",
        "blocks",
        "critic_width",
        "critic_rate",
        "rate",
        "meaning",
        "cycle",
        "patches",
        "temperature",
    )
    settings: dict[str, Any] = {name: getattr(step, name) for name in (*alike, "flips", "pool", "shift", "noise")}
    return Game(
        channels=channels,
        side_px=side_px,
        classes=classes,
        content=_CONTENT[step.method] if content is None else content,
        identity=_IDENTITY[step.method] if identity is None else identity,
        **settings,
    )


def labels_of(asked: str, origin: Domain, target: Domain, turned: int | None) -> str:
    """How far classes steer the teaching: free, balanced or told.

    Told where the target has pictures enough of every class of the origin for a critic to learn its looks, balanced where it
    has any of each, free else. Where one class is turned into another there is nothing to tell.
    """
    classes = np.unique(origin.labels[origin.labels >= 0])
    least = min((int((target.labels == label).sum()) for label in classes), default=0)
    if asked == "auto":
        if turned is not None or len(classes) < 2:
            return "free"
        return "told" if least >= _TOLD else "balanced" if least else "free"
    if asked == "told" and not least:
        raise StepError(
            f"{_NAME}: labels = 'told' needs labelled pictures of the target of every class of the origin.\n"
            "  Take balanced or auto."
        )
    return asked if len(classes) else "free"


def _domain(data: Dataset, run: Run, step: Translation, which: str) -> tuple[Domain, bool]:
    """The pictures of a domain, a draw of them where there are many: three channels; and whether none has colour."""
    if len(data) > step.most_seen:
        chosen = run.rng(_NAME, which, "seen").choice(len(data), step.most_seen, replace=False)
        data = data.only(data.ids[chosen])
    side = step.side_px or usual_side(data, run)
    grey, squares = True, np.empty((len(data), 3, side, side), np.uint8)
    for row, one in enumerate(run.images(data)):
        grey = grey and bool((one == one[:, :, :1]).all())
        squares[row] = small(one, side, 3)
    return Domain(squares, data.labels), grey


def usual_side(data: Dataset, run: Run) -> int:
    """The side to work at where none is asked for."""
    some = data.where(np.arange(len(data)) < _SIZED)
    usual = float(np.median([max(one.shape[:2]) for one in run.images(some)]))
    return 32 if usual <= 40 else 64 if usual <= 80 or run.device.startswith("cpu") else 128


def _labelled(domain: Domain) -> Domain:
    known = domain.labels >= 0
    return Domain(domain.pictures[known], domain.labels[known])


# -- whose turn it is -------------------------------------------------------------------------------------------


def _parents(origin: Dataset, data: Dataset, key: str) -> Dataset:
    """Labelled samples that were not translated by this step before: again would make a copy."""
    here = set(data.ids.tolist())
    fresh = np.array([made_id((id,), key, 0) not in here for id in origin.ids.tolist()], bool)
    return origin.where((origin.labels >= 0) & fresh)


def _lines(
    step: Translation, data: Dataset, parents: Dataset, turned: int | None, rng: np.random.Generator
) -> tuple[list[list[int]], Array]:
    """For each class the rows of the parents of what is made of it, as drawn, and how many samples train has of it; one
    line for all where nothing is balanced."""
    labels = parents.labels if turned is None else np.full(len(parents), turned)
    held = data.train.labels
    groups = len(data.schema.classes) if step.balance else 1
    of = np.array([_group(step, int(label)) for label in labels])
    drawn = rng.permutation(len(parents))
    lines = [[int(row) for row in drawn if of[row] == group] for group in range(groups)]
    return lines, np.bincount(held[held >= 0], minlength=groups) if step.balance else np.zeros(1, np.int64)


def _group(step: Translation, label: Label) -> int:
    return label if step.balance and isinstance(label, int) else 0


def _next(lines: list[list[int]], sizes: Array, room: int) -> list[int]:
    """The rows whose turn it is, which leave their lines; none where the lines are empty."""
    quota = water_fill(sizes, room, caps=np.array([len(line) for line in lines]))
    return [line.pop(0) for line, count in zip(lines, quota.tolist(), strict=True) for _ in range(count)]


# -- what is made -----------------------------------------------------------------------------------------------


class _Workshop:
    """Draws, asks the judge and writes up what passes; keeps count."""

    def __init__(
        self, step: Translation, key: str, data: Dataset, pair: Pair, translator: Translator, run: Run
    ) -> None:
        self.step, self.key, self.pair, self.translator, self.run = step, key, pair, translator, run
        self.schema, self.paths = data.schema, set(data.table.column("path").to_pylist())
        self.court = Court(bench_of_step(step, data, pair), run)
        self.kept, self.lost, self.far = 0, 0, 0
        self.labels: list[int] = []
        self.answers: list[int] = []

    def made(self, parents: Dataset) -> Iterator[Add]:
        """The edits that bring in what is drawn of these parents and passes."""
        originals = list(self.run.images(parents))
        shown = self.translator.of(originals, guided=self.step.guided)
        rows = list(parents)
        labels = [one.label if self.pair.turned is None else self.pair.turned for one in rows]
        wanted = [label for label in labels if isinstance(label, int)]
        verdicts = self.court.of(shown, wanted, parents.ids.tolist())
        self.labels += wanted
        self.answers += [verdict.answer for verdict in verdicts]
        if not self.sound():
            return
        for parent, label, one, verdict in zip(rows, labels, shown, verdicts, strict=True):
            self.kept += verdict.passed
            self.lost += verdict.lost
            self.far += not verdict.passed and not verdict.lost
            if verdict.passed:
                yield self._add(parent, label, one, verdict)

    def _add(self, parent: Sample, label: Label, shown: Array, verdict: Verdict) -> Add:
        suffix = ".jpg" if PurePosixPath(parent.path).suffix.lower() in (".jpg", ".jpeg") else ".png"
        content = picture.encode(shown, suffix=suffix)
        sample = Sample(
            id=made_id((parent.id,), self.key, 0),
            content=digest_bytes(content),
            path=self._path(parent, suffix),
            label=label,
            split=TRAIN,
            weight=parent.weight,
            parents=(parent.id,),
            maker=f"{_NAME}:{self.step.method}",
            home="blob",
        )
        origin, target = self.pair.said
        evidence = {
            "technique": self.step.method,
            "origin": origin,
            "target": target,
            "probability": round(verdict.probability, 4),
            "distance": round(verdict.distance, 4),
        }
        because = f"more of {label_text(self.schema, label)}: {parent.path} in the style of {target}"
        return Add(sample, because, evidence, content)

    def _path(self, parent: Sample, suffix: str) -> str:
        """`stem_method.suffix` beside the parent, with `-2`, `-3` from the second on."""
        place = PurePosixPath(parent.path)
        stem = f"{place.name.removesuffix(place.suffix)}_{self.step.method}"
        numbers = ("", *(f"-{number}" for number in range(2, len(self.paths) + 3)))
        free = (str(place.with_name(f"{stem}{number}{suffix}")) for number in numbers)
        path = next(one for one in free if one not in self.paths)
        self.paths.add(path)
        return path

    def sound(self) -> bool:
        """Whether what was drawn so far shows its classes by more than luck. Of fog that is always taken for a 3 the threes would
        pass; so nothing does."""
        return len(self.labels) < _ENOUGH or self._agreement() >= self.step.agree

    def _agreement(self) -> float:
        return beyond_chance(np.array(self.labels), np.array(self.answers))

    def told(self) -> str:
        tried = len(self.labels)
        known = float((np.array(self.labels) == np.array(self.answers)).mean()) if tried else 0.0
        said = (
            f"{_NAME} made {self.kept:,} pictures in the style of {self.pair.said[1]}: of {tried:,} drawn {known:.1%} were taken "
            f"for their class, {self.lost:,} were turned away as lost, {self.far:,} as too far from every real picture; "
            f"{self.court.told()}"
        )
        if self.sound():
            return said
        return (
            f"{said}.\n  They agree with their classes by {self._agreement():.2f} beyond chance, less than {self.step.agree}: "
            "nothing more comes in. More steps may help, or a smaller content"
        )


def bench_of_step(step: Translation, data: Dataset, pair: Pair) -> Bench:
    """Whom the judge of this step is made of."""
    ground = ground_of(pair.origin, pair.target, pair.turned, step.judge)
    mark = digest(
        "judge", step.learner, dict(step.settings), step.folds, pair.origin.version, pair.target.version, ground
    )
    return bench_of(
        data,
        pair.origin,
        pair.target,
        ground=ground,
        learner=step.learner,
        settings=dict(step.settings),
        folds=step.folds,
        mark=mark,
    )
