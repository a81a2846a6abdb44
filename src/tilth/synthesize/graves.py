"""Handwriting by a recurrent network that learned it from strokes: a user's own, or those of the motor model.

Taught by the motor model it can at best write as that does; it is there to take on the hands of people whose strokes a user
has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.synthesize.desk import (
    Desk,
    Inked,
    Page,
    judge_of,
    quota_of,
    room_for,
    texts_of,
    texts_setting,
    whole_settings,
)
from tilth.synthesize.hand.numerals import forms
from tilth.synthesize.hand.writers import writer
from tilth.synthesize.ink.fit import Target, form_like, look_like, thinned
from tilth.synthesize.pens.compose import Hand
from tilth.synthesize.pens.reading import read_written
from tilth.synthesize.recurrent.lessons import Writing, of_motor_model, of_pens, prepared
from tilth.synthesize.recurrent.offsets import steps_of
from tilth.synthesize.recurrent.trailing import Habits, Usual, tidied
from tilth.synthesize.targets import suffix_of, target_of, tuned

if TYPE_CHECKING:
    from tilth.synthesize.recurrent.freehand import Prime
    from tilth.synthesize.recurrent.network import Net

_NAME = "synthesize.graves"
_SHOWN = 200  # writings that a hand to be shown is drawn from
_LED = 600  # lessons that a taught network is led through, to see how its window moves
_SHORT = 4  # characters of one at most: what is shown is gone through step by step each time


@dataclass(frozen=True)
class Graves:
    """Write the classes' names with a recurrent network that was taught by pen strokes, and scan them with the looks of a
    target.

    The network is trained once and found again. Extra strokes at the end, a known fault of such networks, are cut, and what
    is faulty otherwise is written anew.
    """

    texts: Mapping[str, Any] = field(default_factory=dict[str, Any])  # class -> what is written for it, one or several
    strokes: str = ""  # file or folder of pen strokes to learn from; none named: the motor model writes some
    style: str = ""  # "": a hand of its own each time; any: one that it is shown; or the name of a writer to show
    bias: float = 0.5  # 0: as varied as what was learned; 1: tidy; at 2 all look alike
    stroke_width: float = 1.0  # times as wide as the strokes of the target
    deslant: bool = False  # whether strokes are set upright before they are learned from
    lessons: int = 6000  # writings to learn from, words composed of single letters among them
    hidden: int = 128  # cells of a layer; Graves took 400, for all that people write
    layers: int = 2  # Graves took 3
    windows: int = 5  # components of the window on the text; Graves took 10
    mixtures: int = 10  # densities for the next point; Graves took 20
    steps: int = 3000  # of the optimizer: about twenty minutes of two cores for numerals
    batch: int = 64  # writings a step
    rate: float = 4e-3  # of Adam, at the top of the warm-up
    against: str = ""  # split whose looks are taken; none named: the small clean one, else valid, else train
    balance: bool = True  # smallest classes first; False: each class gets as many
    side_px: int | None = None  # longer side of the new pictures; None: as those of the target
    looked_at: int = 400  # target pictures at most that looks are taken from
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 on a GPU

    version = 2
    modality = ("image",)
    source = "Graves 2013, arXiv:1308.0850"
    cost = "a training of twenty minutes on two cores, once; then 10 ms for a numeral"

    def __post_init__(self) -> None:
        numbers = ("lessons", "hidden", "layers", "windows", "mixtures", "steps", "batch", "looked_at")
        whole_settings(_NAME, {name: (getattr(self, name), 2 if name == "layers" else 1) for name in numbers})
        for name, least, most in (("bias", 0, 10), ("stroke_width", 0.2, 5), ("rate", 1e-6, 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise SettingError(f"{_NAME}: {name} lies within {least} and {most}, found {value!r}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise SettingError(f"{_NAME}: precision is auto, fp32 or bf16; found {self.precision!r}")
        if self.side_px is not None and self.side_px < 8:
            raise SettingError(f"{_NAME}: side_px is at least 8 or left out, found {self.side_px!r}")
        object.__setattr__(self, "texts", texts_setting(_NAME, self.texts))

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        room = room_for(_NAME, data, budget)
        if not room:
            return
        wanted = texts_of(_NAME, self.texts, data.schema.classes)
        hand = Hand.of(read_written(Path(self.strokes).expanduser()), deslant=self.deslant) if self.strokes else None
        able = self._able(wanted, hand, data, run)
        judge = judge_of(data, signals, run)
        target = target_of(_NAME, data, signals, run, against=self.against, looked_at=self.looked_at)
        scribe = self.scribe(sorted({text for texts in able.values() for text in texts}), hand, run)
        pen = _Pen(self, digest(self), able, scribe, target, run)
        pen = replace(pen, target=tuned(target, lambda one: replace(pen, target=one), sorted(able)))
        desk = Desk(_NAME, pen.key, data, pen, run, judge, suffix_of(target))
        yield from desk.filled(quota_of(data, list(able), room, balance=self.balance), sorted(able))

    def _able(
        self, wanted: Mapping[int, tuple[str, ...]], hand: Hand | None, data: Dataset, run: Run
    ) -> dict[int, tuple[str, ...]]:
        """Class index -> those of its texts that can be learned. Raises StepError where there is none at all."""
        found: dict[int, tuple[str, ...]] = {}
        for index, texts in wanted.items():
            can = tuple(text for text in texts if (hand.can_teach(text) if hand else bool(forms(text))))
            if can:
                found[index] = can
            else:
                run.log(f"{_NAME} leaves out {data.schema.classes[index]}: there are no strokes for {texts[0]!r}")
        if not found:
            there = f"they have the characters {hand.alphabet!r}" if hand else "the motor model has no glyphs for them"
            raise StepError(
                f"{_NAME} can write none of the {len(wanted)} classes: {there}.\n"
                '  Say what is written for a class:  texts = { CLASS = ["word"] }'
            )
        return found

    def scribe(self, texts: Sequence[str], hand: Hand | None, run: Run) -> Scribe:
        """A network that was taught to write these texts; found again where it was taught before.

        hand  a user's strokes; None: the motor model's
        """
        rng = run.rng(_NAME, "lessons")
        source = digest([] if hand is None else hand.key)
        teaching = ("lessons", "hidden", "layers", "windows", "mixtures", "steps", "batch", "rate")
        key = (_NAME, self.version, source, list(texts), {name: getattr(self, name) for name in teaching})
        kept = run.keep(key, lambda: self._taught(texts, hand, run, rng, key))
        shown = self._shown(texts, hand, run.rng(_NAME, "shown", digest(self)))
        return Scribe.of(kept, self, shown)

    def _taught(
        self, texts: Sequence[str], hand: Hand | None, run: Run, rng: np.random.Generator, key: Sequence[Any]
    ) -> Mapping[str, Array]:
        """The weights and what is usual, as arrays."""
        from tilth.synthesize.recurrent.network import Shape
        from tilth.synthesize.recurrent.teach import Lesson, Plan, taught

        pairs = prepared(
            of_motor_model(texts, self.lessons, rng) if hand is None else of_pens(hand, texts, self.lessons, rng)
        )
        alphabet = "".join(sorted({" "} | {letter for one, _ in pairs for letter in one.text}))
        lesson = Lesson.of([(one.text, steps) for one, steps in pairs], alphabet)
        shape = Shape(len(alphabet), self.hidden, self.layers, self.windows, self.mixtures, lesson.pace)
        bf16 = self.precision == "bf16" or (self.precision == "auto" and run.device != "cpu")
        with run.progress("learning to write", self.steps) as advance:
            net = taught(
                lesson,
                shape,
                Plan(self.steps, self.batch, self.rate),
                seed=run.seed,
                folder=run.checkpoints(*key),
                device=run.device,
                threads=run.threads,
                precision="bf16" if bf16 else "fp32",
                advance=advance,
            )
        return known_of(net, pairs, alphabet)

    def _shown(self, texts: Sequence[str], hand: Hand | None, rng: np.random.Generator) -> list[Prime]:
        """Writings that a hand is drawn from; none where none is to be shown. Raises StepError for an unknown writer."""
        from tilth.synthesize.recurrent.freehand import Prime

        if not self.style:
            return []
        short = [text for text in texts if len(text) <= _SHORT] or list(texts)
        writings = of_motor_model(short, 5 * _SHOWN, rng) if hand is None else of_pens(hand, short, 5 * _SHOWN, rng)
        known = sorted({one.writer for one in writings})
        if self.style not in ("any", *known):
            raise StepError(
                f"{_NAME}: style is any or one of the writers {', '.join(known[:12])}; found {self.style!r}"
            )
        mine = [one for one in writings if self.style in ("any", one.writer) and _fit_to_show(one)][:_SHOWN]
        if not mine:
            raise StepError(f"{_NAME}: the writer {self.style!r} wrote nothing short enough to show")
        return [Prime(one.text, steps_of(one.strokes)) for one in mine]


def known_of(net: Net, pairs: Sequence[tuple[Writing, Array]], alphabet: str) -> dict[str, Array]:
    """A taught network as arrays, with what is usual in its lessons and how its window moves in them: what a `Scribe` is
    made of."""
    from tilth.synthesize.recurrent.freehand import led_through

    some = [(one.text, steps) for one, steps in pairs[:_LED]]
    habits = Habits.of([text for text, _ in some], led_through(net, alphabet, some))
    weights = {f"net.{name}": value.detach().cpu().numpy() for name, value in net.state_dict().items()}
    usual = Usual.of([(one.text, one.strokes) for one, _ in pairs], alphabet)
    facts = {"alphabet": alphabet, "pace": net.shape.pace, "after": habits.after, "skips": habits.skips}
    return {**weights, **usual.arrays(), **{name: np.array(value) for name, value in facts.items()}}


def _fit_to_show(one: Writing) -> bool:
    return " " not in one.text and len(one.text) <= 2 * _SHORT


@dataclass(frozen=True)
class Scribe:
    """A taught network, and what it needs to know of what it writes.

    shown  writings of the hands to take on; none: hands of its own
    """

    net: Net
    alphabet: str
    usual: Usual
    habits: Habits
    bias: float
    shown: Sequence[Prime]

    @classmethod
    def of(cls, kept: Mapping[str, Array], step: Graves, shown: Sequence[Prime]) -> Scribe:
        import torch

        from tilth.synthesize.recurrent.network import Net, Shape

        alphabet = str(kept["alphabet"])
        pace = float(kept["pace"])
        net = Net(Shape(len(alphabet), step.hidden, step.layers, step.windows, step.mixtures, pace))
        weights = {name[4:]: torch.from_numpy(np.array(kept[name])) for name in kept if name.startswith("net.")}
        net.load_state_dict(weights)
        habits = Habits(int(kept["after"]), bool(kept["skips"]))
        return cls(net.eval(), alphabet, Usual.from_arrays(kept, alphabet), habits, step.bias, shown)

    def written(self, texts: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[tuple[Any, int, str]]:
        """For each text the strokes, how many were cut off their end, and the fault that speaks against them, if any."""
        from tilth.synthesize.recurrent.freehand import written_by

        hands = [self.shown[int(rng.integers(len(self.shown)))] if self.shown else None for rng in rngs]
        after = self.habits.after
        drawn = written_by(self.net, self.alphabet, texts, rngs, bias=self.bias, primes=hands, after=after)
        found = [tidied(one, self.usual, self.habits) for one in drawn]
        return [(one.strokes, one.cut, one.fault) for one in found]


@dataclass(frozen=True)
class _Pen:
    """The network's pen, with the looks of the target. What is faulty is left out, and asked for again by the desk."""

    step: Graves
    key: str
    texts: Mapping[int, tuple[str, ...]]
    scribe: Scribe
    target: Target
    run: Run

    def __call__(self, pages: Sequence[Page], attempt: int) -> list[Inked]:
        rngs = [self.run.rng(self.key, page.id, attempt) for page in pages]
        likes = [self.target.like(page.label, rng) for page, rng in zip(pages, rngs, strict=True)]
        texts = [self._text(page, like, rng) for page, like, rng in zip(pages, likes, rngs, strict=True)]
        found: list[Inked] = []
        written = self.scribe.written(texts, rngs)
        for page, rng, like, text, (strokes, cut, fault) in zip(pages, rngs, likes, texts, written, strict=True):
            if fault:
                continue
            width = self.target.thicker * self.step.stroke_width
            same, plain = like.label == page.label, writer(rng, sloppy=0.0)
            tuned = {"thicker": width, "softer": self.target.softer}
            look = look_like(like, plain, rng, same=same, **tuned, side_px=self.step.side_px)
            look = thinned(strokes, look, fill=like.fill if same else 0.0)
            technique = "primed" if self.step.style else "recurrent"
            said = {"technique": technique, "text": text, "cut": cut, "looks_of": like.id}
            found.append(Inked(page, "a network", strokes, look, rng, said))
        return found

    def _text(self, page: Page, like: Any, rng: np.random.Generator) -> str:
        """What is written: of several texts the one whose proportions fit the picture that looks are taken from."""
        texts = self.texts[page.label]
        ways = [form for text in texts for form in forms(text)] if len(texts) > 1 else []
        if len({form.text for form in ways}) < len(texts):
            return texts[int(rng.integers(len(texts)))]
        return form_like(like, ways, rng, same=like.label == page.label).text
