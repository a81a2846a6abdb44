"""The step that writes with a recurrent network: what it learns from, what it remembers, what it turns away."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, SourceError, StepError
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.synthesize.graves import Graves
from tilth.synthesize.hand.strokes import Strokes, box
from tilth.synthesize.pens.compose import Hand, composed
from tilth.synthesize.pens.reading import read_written
from tilth.synthesize.pens.standing import standing
from tilth.synthesize.pens.written import Written
from tilth.synthesize.recurrent.lessons import of_motor_model, of_pens, prepared
from tilth.testing.contract import check_declarations, check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World

# As small as a network can be that still puts strokes where letters are.
QUICK = Graves(lessons=160, hidden=32, windows=2, mixtures=4, steps=80, batch=16, rate=1.5e-2, bias=2.0, looked_at=12)


def pictures(classes: tuple[str, ...] = ("i", "v"), n: int = 12) -> World:
    """Scans with one thick line each; what they show does not matter to who takes only their looks."""
    rng = np.random.default_rng(0)
    samples, contents = [], {}
    for at in range(n):
        shown = np.full((60, 60, 1), 255, np.uint8)
        left = int(rng.integers(15, 40))
        shown[10:50, left : left + 6] = 10
        content = picture.encode(shown)
        path = f"{classes[at % len(classes)]}/{at}.png"
        id = raw_id(digest_bytes(content), path)
        samples.append(Sample(id, digest_bytes(content), path, at % len(classes)))
        contents[id] = content
    data = Dataset.from_samples(samples, Schema("image", "single-label", classes))
    none: frozenset[Any] = frozenset()
    return World(data, contents, {}, none, none, none, none, none)


WORLD = pictures()


@pytest.fixture(scope="module")
def run() -> MemoryRun:
    """One for all tests: a network that was taught for one is found again by the others."""
    return alone(WORLD)


def alone(world: World) -> MemoryRun:
    own = world.run()
    own.threads = 1  # two threads that wait for each other take ten times as long on a machine that has other work
    return own


def pens(tmp_path: Path, letters: str = "iv", donors: tuple[str, ...] = ("ann", "bea")) -> Path:
    """Bars and vees of several donors, as JSON lines."""
    rng = np.random.default_rng(1)
    rows = []
    for donor in donors:
        for letter in letters:
            for _ in range(4):
                corners = {"i": [[0, 0], [10, 1000]], "v": [[0, 0], [300, 1000], [600, 0]]}.get(
                    letter, [[0, 0], [900, 1000]]
                )
                off = rng.normal(0, 20, (len(corners), 2)).round()
                rows.append({"char": letter, "donor": donor, "strokes": [(np.array(corners) + off).tolist()]})
    file = tmp_path / "pens.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def letter(text: str, *lines: list[tuple[float, float]], writer: str = "") -> Written:
    return Written(text, tuple(np.array(line, np.float64) for line in lines), writer)


# -- standing -------------------------------------------------------------------------------------------------


def test_letters_stand_on_the_base_line_at_their_height() -> None:
    def tops(text: str, *lines: list[tuple[float, float]]) -> tuple[float, float, float, float]:
        return tuple(round(side, 3) for side in box(standing(letter(text, *lines))))

    bar = [(7.0, 100.0), (7.0, 300.0)]
    assert tops("I", bar) == (0, -1, 0, 0)
    assert tops("i", bar) == (0, -0.62, 0, 0)  # no dot
    assert tops("i", bar, [(7.0, 60.0)]) == (0, -0.95, 0, 0)
    assert tops("p", bar) == (0, -0.62, 0, 0.28)
    assert tops("v", [(0, 0), (31, 62), (62, 0)]) == (0, -0.62, 0.62, 0)


def test_a_line_of_writing_is_turned_level_and_set_upright() -> None:
    word = [[(x, 0.2 * x), (x + 5.0, 0.2 * x + 20)] for x in np.arange(0.0, 300, 10)]
    levelled = standing(Written("iiii", tuple(map(np.array, word))))
    middles = np.array([line.mean(0) for line in levelled])
    assert abs(np.polyfit(middles[:, 0], middles[:, 1], 1)[0]) < 0.02
    upright = standing(letter("H", [(0, 20), (5, 0)], [(10, 20), (15, 0)]), deslant=True)
    assert all(np.ptp(line[:, 0]) < 1e-6 for line in upright)


def test_what_has_no_height_stands_nowhere() -> None:
    dash = [(0.0, 0.0), (9.0, 0.0)]
    assert standing(letter("-", dash)) == () == standing(letter("I", dash)) == standing(Written(" ", ()))
    with pytest.raises(SourceError, match="none of 1 written texts has a height"):
        Hand.of([letter("I", dash)])


# -- composing ------------------------------------------------------------------------------------------------


def test_words_are_composed_of_the_letters_of_one_writer_in_order(tmp_path: Path) -> None:
    hand = Hand.of([*read_written(pens(tmp_path)), letter("x", [(0, 0), (9, 9)], writer="cal")])
    rng = np.random.default_rng(0)
    for _ in range(20):
        done = composed("vii", hand, rng)
        assert done is not None
        strokes, writer = done
        assert writer in ("ann", "bea") and len(strokes) == 3
        sides = [box((line,)) for line in strokes]
        assert all(left[2] + 0.03 < right[0] for left, right in pairwise(sides))
        assert all(-0.8 < top < -0.45 and -0.15 < bottom < 0.15 for _, top, _, bottom in sides)
    assert composed("xi", hand, rng) is None and composed("i", hand, rng, writer="cal") is None
    assert hand.can_teach("vi") and not hand.can_teach("xi") and hand.alphabet == "ivx"


def test_a_blank_parts_words(tmp_path: Path) -> None:
    hand = Hand.of(read_written(pens(tmp_path)))
    rng = np.random.default_rng(0)
    widths = {text: [box(composed(text, hand, rng)[0])[2] for _ in range(30)] for text in ("ii", "i i")}  # pyright: ignore
    assert np.mean(widths["i i"]) > np.mean(widths["ii"]) + 0.4


def test_lessons_hold_the_texts_that_are_asked_for_and_pairs(tmp_path: Path) -> None:
    hand = Hand.of(read_written(pens(tmp_path)))
    for found in (
        of_pens(hand, ["vi", "ii"], 300, np.random.default_rng(0)),
        of_motor_model(["vi", "ii"], 300, np.random.default_rng(0)),
    ):
        texts = [one.text for one in found]
        assert len(found) == 300 and 30 < sum(" " in text for text in texts) < 90
        assert texts.count("vi") > 40 and texts.count("ii") > 40
        assert all(0 < len(steps) and np.isfinite(steps).all() for _, steps in prepared(found))


def test_whole_words_of_a_user_are_learned_as_they_are() -> None:
    word = letter("by hand", *[[(x, 0.0), (x + 2.0, 30.0)] for x in range(0, 90, 9)], writer="ann")
    found = of_pens(Hand.of([word] * 7), ["hand"], 5, np.random.default_rng(0))
    assert [one.text for one in found] == ["by hand"] * 5
    assert all(np.array_equal(a, b) for a, b in zip(found[0].strokes, standing(word), strict=True))


def test_a_writing_far_longer_than_all_others_is_left_out() -> None:
    bars: list[Strokes] = [(np.array([[0, -1], [0, 0]], np.float32),)] * 9
    long: Strokes = tuple(np.array([[x, -1], [x, 0]], np.float32) for x in range(90))
    from tilth.synthesize.recurrent.lessons import Writing

    assert len(prepared([Writing("I", one) for one in (*bars, long)])) == 9


# -- the step -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_declarations(Graves())
    check_step(QUICK, world=pictures(n=8))


@pytest.mark.parametrize("source", ["motor", "pens"])
def test_it_makes_pictures_with_their_makers_and_texts(source: str, tmp_path: Path, run: MemoryRun) -> None:
    step = replace(QUICK, strokes=str(pens(tmp_path)) if source == "pens" else "", texts={"i": "i", "v": ["v", "V"]})
    step = step if source == "motor" else replace(step, texts={})
    # Room for forty: a network that was taught for seconds has many of its pages turned away.
    made = list(step.augment(WORLD.data, Signals({}), run, budget=64))
    assert len(made) >= 2
    data = WORLD.data.apply(made)
    assert {one.maker for one in data if one.maker} == {"synthesize.graves:recurrent"}
    assert all(add.evidence["text"].lower() == "iv"[add.sample.label] for add in made)  # pyright: ignore
    for add in made:
        shown = picture.decode(add.content or b"")
        assert shown.min() < 100 and (shown > 200).mean() > 0.4  # ink on paper


@pytest.mark.slow
def test_the_same_seed_makes_the_same_pictures_and_a_second_run_trains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tilth.synthesize.recurrent import teach

    world, run = WORLD, alone(WORLD)

    def made(seen_by: MemoryRun) -> list[str]:
        return [add.sample.content for add in QUICK.augment(world.data, Signals({}), seen_by, budget=20)]

    first = made(run)
    assert first and first == made(alone(WORLD))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was trained again")

    monkeypatch.setattr(teach, "taught", never)
    assert first == made(run)
    # Bias and width are a matter of writing, not of learning.
    tidy = replace(QUICK, bias=3.0, stroke_width=2.0)
    other = [add.sample.content for add in tidy.augment(world.data, Signals({}), run, budget=20)]
    assert other and other != first


def test_a_hand_can_be_shown(tmp_path: Path, run: MemoryRun) -> None:
    made = list(replace(QUICK, style="any").augment(WORLD.data, Signals({}), run, budget=28))
    assert made and {add.sample.maker for add in made} == {"synthesize.graves:primed"}
    step = replace(QUICK, strokes=str(pens(tmp_path)), style="cal")
    with pytest.raises(StepError, match="style is any or one of the writers ann, bea; found 'cal'"):
        list(step.augment(WORLD.data, Signals({}), run, budget=16))


def test_faulty_writings_are_not_rendered_and_extra_strokes_are_cut(
    monkeypatch: pytest.MonkeyPatch, run: MemoryRun
) -> None:
    """The network's writings get an extra stroke planted, or are made faulty, on their way."""
    from tilth.synthesize.recurrent import freehand
    from tilth.synthesize.recurrent.freehand import Drawn

    real = freehand.written_by
    planted: list[int] = []

    def with_extras(*args: object, **settings: object) -> list[Drawn]:
        found = []
        for at, one in enumerate(real(*args, **settings)):  # pyright: ignore
            extra = np.array([[9.0, -1.0], [9.0, 0.0]], np.float32)
            planted.append(at)
            places = (*one.places, np.full(2, len(one.text)))
            found.append(
                replace(one, strokes=(*one.strokes, extra), places=places, finished=one.finished and at % 3 > 0)
            )
        return found

    monkeypatch.setattr(freehand, "written_by", with_extras)
    made = list(QUICK.augment(WORLD.data, Signals({}), run, budget=20))
    assert planted and made and all(add.evidence["cut"] >= 1 for add in made)


@pytest.mark.slow
def test_made_pictures_go_through_the_label_check() -> None:
    """A judge that was never shown such pictures turns away what it takes for another class."""
    world = pictures(n=24)
    guard = world.run().step("augment.guard", {"operations": ("rotate",), "folds": 2, "side_px": 32, "per_class": 4})
    own = alone(world)
    signal = guard.measure(world.data, own)
    judged = list(QUICK.augment(world.data, Signals({"guard": signal}), own, budget=34))
    assert all(0 <= add.evidence["probability"] <= 1 for add in judged)


def test_classes_that_nobody_wrote_are_left_out_and_none_at_all_is_told(tmp_path: Path) -> None:
    world = pictures(("i", "q"))
    run = alone(world)
    step = replace(QUICK, strokes=str(pens(tmp_path)), steps=2)
    made = list(step.augment(world.data, Signals({}), run, budget=16))
    assert {add.sample.label for add in made} <= {0}
    assert any("leaves out q: there are no strokes for 'q'" in line for line in run.lines)
    with pytest.raises(StepError, match=r"can write none of the 2 classes: they have the characters 'iv'"):
        list(step.augment(pictures(("q", "z")).data, Signals({}), run, budget=16))


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"layers": 1}, "layers is a whole number from 2 up"),
        ({"bias": -1}, "bias lies within 0 and 10"),
        ({"stroke_width": 0}, "stroke_width lies within"),
        ({"precision": "fp8"}, "precision is auto, fp32 or bf16"),
        ({"side_px": 2}, "side_px is at least 8"),
        ({"texts": {"i": []}}, "texts of 'i' are one or more words"),
    ],
)
def test_wrong_settings_are_told(setting: dict[str, object], error: str) -> None:
    with pytest.raises(SettingError, match=error):
        Graves(**setting)  # pyright: ignore


def test_strokes_that_are_not_there_and_texts_are_told() -> None:
    world = pictures()
    with pytest.raises(SourceError, match="no such file or folder"):
        list(Graves(strokes="/nowhere").augment(world.data, Signals({}), world.run(), budget=16))
    texts = Dataset.from_samples(
        [Sample("0" * 16, "0" * 32, "a", 0, text="a")], Schema("text", "single-label", ("a", "b"))
    )
    with pytest.raises(StepError, match="this dataset holds texts"):
        list(Graves().augment(texts, Signals({}), MemoryRun(), budget=16))
    assert list(Graves().augment(world.data, Signals({}), world.run(), budget=12)) == []
