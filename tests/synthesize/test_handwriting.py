"""The step fills the smallest classes with numerals, letters and words that look like the target's pictures."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import ContentError, LearnerError, SettingError, StepError
from tilth.numerics import attributes, picture
from tilth.sample import Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.synthesize import desk
from tilth.synthesize.desk import named
from tilth.synthesize.hand.numerals import forms
from tilth.synthesize.hand.writers import writer, written
from tilth.synthesize.handwriting import Handwriting
from tilth.synthesize.ink.fit import form_like, seen, tones_of
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.render import rendered
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

SCAN = Look(90, 120, pen_px=4.0, levels=((0, 0.4), (64, 0.6)), scale=0.6)
BOLD = replace(SCAN, height_px=140, width_px=100, pen_px=11.0, levels=((10, 1.0),), scale=0.8, down=0.4)


def drawn(text, look, seed):
    rng = np.random.default_rng(seed)
    form, hand = forms(text)[0], writer(rng)
    return rendered([written(form, hand, rng, movement="lognormal")], [look], [rng])[0]


def shelf(looks, *, classes=("i", "v", "vi"), counts=(4, 8, 6), split="train", suffix=".png"):
    """Pictures of numerals: (split of the target, the look of its pictures)."""
    samples, contents = [], {}
    for place, look in looks.items():
        for label, (name, count) in enumerate(zip(classes, counts, strict=True)):
            for number in range(count):
                content = picture.encode(drawn(name if name.isascii() else "a", look, [number, label]), suffix=suffix)
                path = f"{place}/{name}/{number}{suffix}"
                one = Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, label, place)
                samples.append(one)
                contents[one.id] = content
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple(classes)))
    return data, contents


def added(step, data, contents, extra, *, seed=0, threads=2, signals=None):
    run = MemoryRun(contents, seed=seed)
    run.threads = threads
    return list(step.augment(data, signals or Signals(), run, budget=len(data.open) + extra)), run


def test_keeps_the_contract():
    check_step(Handwriting())


def test_the_smallest_classes_grow_first_and_the_budget_is_met():
    data, contents = shelf({"train": SCAN})
    adds, _ = added(Handwriting(), data, contents, 9)
    assert data.apply(adds).counts("train") == {"i": 9, "v": 9, "vi": 9}
    assert added(Handwriting(), data, contents, 0)[0] == []
    even, _ = added(Handwriting(balance=False), data, contents, 9)
    assert np.bincount([add.sample.label for add in even]).tolist() == [3, 3, 3]


def test_made_samples_have_a_maker_no_parents_and_names_by_class():
    data, contents = shelf({"train": SCAN})
    adds, _ = added(Handwriting(), data, contents, 30)
    grown = data.apply(adds)
    assert grown.made.sum() == 30 and len({add.sample.path for add in adds}) == 30
    assert adds[0].sample.path == "i/i-001_handwriting.png" and adds[0].sample.parents == ()
    assert {add.sample.maker for add in adds} == {"synthesize.handwriting:motor"}
    assert all(digest_bytes(add.content) == add.sample.content for add in adds)
    assert {"technique", "text", "form", "writer", "looks_of"} <= set(adds[0].evidence)
    again, _ = added(Handwriting(), grown, contents | {add.id: add.content for add in adds}, 12)
    assert len(grown.apply(again)) == len(grown) + 12


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads_and_how_many():
    data, contents = shelf({"train": SCAN})
    first, _ = added(Handwriting(), data, contents, 40, seed=3, threads=1)
    second, _ = added(Handwriting(), data, contents, 40, seed=3, threads=4)
    assert [(add, add.content) for add in first] == [(add, add.content) for add in second]
    known = {add.id: add.content for add in first}
    fewer, _ = added(Handwriting(), data, contents, 11, seed=3)
    assert all(known[add.id] == add.content for add in fewer)
    other, _ = added(Handwriting(), data, contents, 40, seed=4)
    assert [add.content for add in other] != [add.content for add in first]


def test_looks_are_those_of_the_target_and_not_of_train():
    data, contents = shelf({"train": SCAN, "book": BOLD})
    adds, _ = added(Handwriting(), data, contents, 60)
    shown = [picture.decode(add.content) for add in adds]
    assert {tuple(np.unique(one)) for one in shown} == {(10, 255)}
    ours = attributes.known(attributes.of_pictures(shown))
    book = data.split("book")
    theirs = attributes.known(attributes.of_pictures(list(MemoryRun(contents).images(book))))
    for name, near in (("side_px", 8), ("stroke", 0.012), ("scale", 0.06), ("down", 0.04), ("brightness", 0.04)):
        column = attributes.NAMES.index(name)
        assert np.nanmedian(ours[:, column]) == pytest.approx(np.nanmedian(theirs[:, column]), abs=near)
    plain, _ = added(Handwriting(against="train"), data, contents, 20)
    assert {tuple(np.unique(picture.decode(add.content))) for add in plain} == {(0, 64, 255)}


def test_attributes_that_a_step_before_measured_are_taken():
    data, contents = shelf({"train": SCAN})
    run = MemoryRun(contents)
    told = Signals({"attributes": run.embed("embed.attributes", data)})
    ours, _ = added(Handwriting(), data, contents, 10, signals=told)
    assert [add.content for add in ours] == [add.content for add in added(Handwriting(), data, contents, 10)[0]]
    wide = np.array(told["attributes"].values)
    wide[:, attributes.NAMES.index("drawn")] = 0
    with pytest.raises(StepError, match="none of the 18"):
        added(Handwriting(), data, contents, 10, signals=Signals({"attributes": Signal("attributes", data.ids, wide)}))


def test_jpegs_beget_jpegs_of_the_side_that_is_asked_for():
    data, contents = shelf({"train": replace(SCAN, levels=(), ground=(240,), ink=(30,))}, suffix=".jpg")
    adds, _ = added(Handwriting(side_px=48), data, contents, 6)
    assert all(add.sample.path.endswith(".jpg") and add.content[:2] == b"\xff\xd8" for add in adds)
    assert {max(picture.decode(add.content).shape) for add in adds} == {48}


def test_what_is_written_is_the_name_in_both_cases_unless_that_is_another_class():
    assert named("viii", ("viii", "x")) == ("viii", "VIII")
    assert named("viii", ("viii", "VIII")) == ("viii",)
    assert named("cat", ("cat",)) == ("cat",) and named("7", ("7",)) == ("7",)
    assert [named(letter, tuple("ABCDIVX")) for letter in "DIX"] == [("D",), ("I",), ("X",)]


def test_no_more_is_written_than_so_many_times_the_real_pictures():
    data, contents = shelf({"train": SCAN})
    most = round(1.5 * len(data.train))
    assert len(added(Handwriting(most_times=1.5), data, contents, 10 * len(data.train))[0]) == most
    assert len(added(Handwriting(most_times=1.5), data, contents, 1)[0]) == 1
    few = Handwriting(most_times=1.5)
    adds, run = added(few, data, contents, 10 * len(data.train))
    again = list(few.augment(data.apply(adds), Signals(), run, budget=20 * len(data.train)))
    assert (
        not again
        and run.lines[-1] == f"nothing is written by hand: {most} are there, as many as most_times = 1.5 lets in"
    )
    list(few.augment(data, Signals(), run, budget=len(data)))
    assert run.lines[-1].endswith("there is no room for it; a larger budget makes some")
    for wrong in (0, True, float("inf"), "1"):
        with pytest.raises(SettingError, match="most_times"):
            Handwriting(most_times=wrong)  # pyright: ignore[reportArgumentType]


def test_a_class_that_no_font_can_write_is_left_out_and_said():
    data, contents = shelf({"train": SCAN}, classes=("i", "v", "漢"))
    adds, run = added(Handwriting(), data, contents, 12)
    assert {add.sample.label for add in adds} == {0, 1} and len(adds) == 12
    assert any("leaves out 漢" in line for line in run.lines)
    told, _ = added(Handwriting(texts={"漢": ["kan", "Kan"]}), data, contents, 40)
    assert {add.evidence["text"] for add in told if add.sample.label == 2} == {"kan", "Kan"}


def test_where_no_class_can_be_written_it_says_what_to_do():
    data, contents = shelf({"train": SCAN}, classes=("漢", "字", "語"))
    with pytest.raises(StepError, match="texts = "):
        added(Handwriting(), data, contents, 3)
    with pytest.raises(StepError, match="'vv', which is no class"):
        added(Handwriting(texts={"vv": "v"}), *shelf({"train": SCAN}), 3)
    with pytest.raises(StepError, match="'shelf'"):
        added(Handwriting(against="shelf"), *shelf({"train": SCAN}), 3)
    with pytest.raises(StepError, match="texts"):
        added(Handwriting(), worlds.utterances(20).data, {}, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"movement": "jump"}, {"writers": 0}, {"sloppy": 9}, {"side_px": 2}, {"texts": {"i": ()}}, {"looked_at": 0}],
)
def test_settings_out_of_bounds_are_refused(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Handwriting(**wrong)


def test_a_form_is_chosen_that_has_the_proportions_of_the_picture():
    ways = [*forms("II"), *forms("ii")]
    for name in ("capitals, bars: both", "capitals, bars: none"):
        form = next(one for one in ways if one.name == name)
        rng = np.random.default_rng(1)
        shown = rendered([written(form, writer(rng, sloppy=0), rng, movement="lognormal")], [SCAN], [rng])[0]
        one = seen(shown, attributes.of_pictures([shown])[0], id="x", label=0, jpeg=False)
        chosen, free = (
            [
                form_like(one, ways, np.random.default_rng(seed), same=same).bars in ("both", "own")
                for seed in range(300)
            ]
            for same in (True, False)
        )
        assert np.mean(chosen) > np.mean(free) + 0.1 if form.bars == "both" else np.mean(chosen) < np.mean(free) - 0.1


def test_tones_are_told_for_scans_in_few_tones_and_for_colours():
    ground, ink, levels = tones_of(drawn("vi", SCAN, 0))
    assert ground == (255,) and [tone for tone, _ in levels] == [0, 64] and sum(share for _, share in levels) == 1
    assert ink in ((0,), (64,))
    blue = drawn("vi", replace(SCAN, levels=(), ground=(240, 240, 230), ink=(30, 40, 120), grain=0.02), 0)
    ground, ink, levels = tones_of(blue)
    assert levels == () and np.allclose(ground, (240, 240, 230), atol=8) and np.allclose(ink, (30, 40, 120), atol=45)


@pytest.mark.slow
def test_with_the_label_guard_every_picture_carries_what_the_check_said_of_it():
    data, contents = shelf({"train": SCAN}, counts=(24, 24, 24))
    run = MemoryRun(contents)
    settings = {"learner": "learn.linear", "settings": {}, "operations": ["rotate"], "per_class": 4, "folds": 2}
    guard = run.step("augment.guard", settings).measure(data, run)
    adds, _ = added(Handwriting(), data, contents, 24, signals=Signals({"guard": guard}))
    assert 0 < len(adds) <= 24
    assert all(0 <= add.evidence["probability"] <= 1 and add.evidence["distance"] <= 1 for add in adds)


def test_where_it_is_not_required_what_cannot_be_written_or_is_not_drawn_gets_none_and_it_is_said():
    data, contents = shelf({"train": SCAN}, classes=("猫", "犬", "鳥"))
    with pytest.raises(StepError, match="can write none"):
        added(Handwriting(), data, contents, 10)
    adds, run = added(Handwriting(required=False), data, contents, 10)
    assert not adds and "nothing is written by hand" in " ".join(run.lines)
    drawings, scans = shelf({"train": SCAN})
    noise = {
        one: picture.encode(np.random.default_rng(at).integers(0, 256, (80, 80, 3)).astype(np.uint8), suffix=".png")
        for at, one in enumerate(scans)
    }
    adds, run = added(Handwriting(required=False), drawings, {**scans, **dict(list(noise.items())[:9])}, 10)
    assert not adds and "drawings on plain ground" in " ".join(run.lines)


@dataclass
class Tired:
    """A learner, and its model, that answers as a linear one does, and fails when it has been asked too often."""

    inner: Any
    left: list[int]

    def fit(self, train, valid, run, *, seed):
        return Tired(self.inner.fit(train, valid, run, seed=seed), self.left)

    def predict(self, data, run):
        self.left[0] -= 1
        if self.left[0] < 0:
            raise LearnerError("the network went to sleep")
        return self.inner.predict(data, run)

    def features(self, data, run):
        return self.inner.features(data, run)


class Lab(MemoryRun):
    """A run where the learner `learn.tired` is installed."""

    left: list[int]

    def step(self, use, settings=None):
        return Tired(super().step("learn.linear"), self.left) if use == "learn.tired" else super().step(use, settings)


@pytest.mark.slow
def test_where_it_is_not_required_a_check_that_fails_ends_the_making_and_not_the_run():
    data, contents = shelf({"train": SCAN}, counts=(24, 24, 24))
    run = Lab(contents)
    run.left = [10**6]
    settings = {"learner": "learn.tired", "settings": {}, "operations": ["rotate"], "per_class": 4, "folds": 2}
    signals = Signals({"guard": run.step("augment.guard", settings).measure(data, run)})

    def made(asked, *, required):
        run.left[0] = asked
        return list(Handwriting(required=required).augment(data, signals, run, budget=len(data) + 100))

    whole = made(10**6, required=False)
    needed = 10**6 - run.left[0]
    stayed = []
    # While the check is made, while it is told whether it knows what is written, and while the last pictures are made.
    for asked in (0, 3, needed - 1):
        adds = made(asked, required=False)
        assert adds == whole[: len(adds)]
        stayed.append(len(adds))
        what = f"no more than {len(adds)} pictures are" if adds else "nothing is"
        said = f"{what} written by hand: the network went to sleep. Once that is mended, --fresh "
        assert run.lines[-1].startswith(said)
    assert stayed[:2] == [0, 0] and 0 < stayed[2] < len(whole)
    for asked in (0, 3):
        with pytest.raises(LearnerError, match="went to sleep"):
            made(asked, required=True)


def test_a_fault_of_the_program_is_never_taken_for_something_that_cannot_be_done():
    data, contents = shelf({"train": SCAN})
    broken = Signals({"guard": Signal("guard", data.ids, np.zeros((len(data), 3), np.float32))})
    with pytest.raises(KeyError):
        added(Handwriting(required=False), data, contents, 6, signals=broken)
    gone = {one: content for one, content in contents.items() if one != data.ids[0]} | {data.ids[0]: b""}
    with pytest.raises(ContentError):
        added(Handwriting(required=False), data, gone, 6)


def test_letters_that_could_be_numerals_are_letters_among_letters():
    data, contents = shelf({"train": SCAN}, classes=("A", "D", "X"))
    ways = Handwriting().ways(data, MemoryRun(contents))
    assert {form.bars for several in ways.values() for form in several} == {"none"}
    assert {form.text for form in ways[1]} == {"D"}


@pytest.mark.parametrize("texts", [["i", "ii"], {"i": 0}, {"i": []}])
def test_texts_that_are_no_table_of_words_are_told(texts):
    with pytest.raises(SettingError, match="texts"):
        Handwriting(texts=texts)


@pytest.mark.slow
def test_pictures_that_do_not_show_what_is_written_get_none():
    data, contents = shelf({"train": SCAN}, classes=("i", "v", "vi"), counts=(24, 24, 24))
    strangers = Dataset(data.table, Schema("image", "single-label", ("w", "o", "m"))).only(data.ids[10:])  # uneven
    run = MemoryRun(contents)
    settings = {"learner": "learn.linear", "settings": {}, "operations": ["rotate"], "per_class": 4, "folds": 2}
    guard = run.step("augment.guard", settings).measure(strangers, run)
    adds, said = added(Handwriting(), strangers, contents, 24, signals=Signals({"guard": guard}))
    assert not adds and "do not show what is written" in " ".join(said.lines)


def test_the_sheet_of_the_docs_is_current():
    file = Path(__file__).parents[2] / "docs" / "reference" / "handwriting.py"
    spec = importlib.util.spec_from_file_location("handwriting_sheet", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.stale(), "run: python docs/reference/handwriting.py"


def desk_pen(pages, attempt, *, spoil=()):
    """Writes v on each page; the pages whose number is in `spoil` end in a point that is none."""
    found = []
    for page in pages:
        rng = np.random.default_rng([page.ordinal, attempt])
        word = written(forms("v")[0], writer(rng), rng, movement="lognormal")
        if page.ordinal in spoil:
            word = [*word[:-1], np.vstack([word[-1][:-1], [np.nan, 0.0]])]
        found.append(desk.Inked(page, "nobody", word, SCAN, rng, {}))
    return found


def test_a_line_with_a_point_that_is_none_comes_to_nothing():
    pages = [desk.Page(1, number, f"p{number}") for number in range(4)]
    done = desk.shown(lambda pages, attempt: desk_pen(pages, attempt, spoil={2}), pages, 0)
    assert [one.page.ordinal for one in done] == [0, 1, 3]
    assert all(one.shown.min() < 100 for one in done)


def test_how_many_are_rendered_together_changes_no_picture(monkeypatch):
    pages = [desk.Page(1, number, f"p{number}") for number in range(5)]
    together = desk.shown(desk_pen, pages, 0)
    monkeypatch.setattr(desk, "_VALUES", 2 * 3 * SCAN.height_px * SCAN.width_px)
    sizes = []
    monkeypatch.setattr(desk, "rendered", lambda words, *more: sizes.append(len(words)) or rendered(words, *more))
    apart = desk.shown(desk_pen, pages, 0)
    assert sizes == [2, 2, 1]
    assert [one.shown.tobytes() for one in apart] == [one.shown.tobytes() for one in together]
