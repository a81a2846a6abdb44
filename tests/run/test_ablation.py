"""Rows of an ablation: what they run, what they share, what a kill leaves, and that the line stays as it was."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import unescape
from pathlib import Path

import pytest

import tilth
from tilth.cli.tables import datasets
from tilth.dataset import Dataset, Schema
from tilth.edit import Add, Drop, Relabel
from tilth.errors import RecipeError, SettingError, StepError
from tilth.prove import trial as trial_of
from tilth.recipe import Recipe, parse_recipe
from tilth.report.render import render
from tilth.report.write import story_of
from tilth.run.ablation import time_in_words
from tilth.run.plan import plan_of
from tilth.run.rows import plan_row, rows_of
from tilth.run.versions import described, edits_in_words
from tilth.sample import Sample, made_id, raw_id
from tilth.testing.worlds import World, photos
from tilth.workspace import Workspace

SCHEMA = Schema("image", "single-label", ("a", "b"))
STEPS = """
name = "small"

[[step]]
use = "embed.pixels"

[[step]]
use = "learn.linear"

[[step]]
use = "audit.label_noise"

[[step]]
use = "cleanse.labels"

[[step]]
use = "augment.geometric"
"""
ROWS = """
[[row]]
name = "Baseline"
keep = []

[[row]]
name = "cleansing"
keep = ["cleanse"]

[[row]]
name = "cleansing and augmentation"
"""


def uses(recipe: Recipe) -> dict[str, list[str]]:
    plans = [plan_row(row, recipe, SCHEMA) for row in rows_of(recipe)]
    return {plan.name: [place.use for place in plan.places] for plan in plans}


# -- rows -----------------------------------------------------------------------------------------------------


def test_a_row_keeps_what_looks_as_far_as_something_acts_on_it() -> None:
    found = uses(parse_recipe(STEPS + ROWS))
    witnesses = ["embed.pixels", "learn.linear", "audit.label_noise", "cleanse.labels"]
    assert found == {
        "Baseline": [],
        "cleansing": witnesses,
        "cleansing and augmentation": [*witnesses, "augment.geometric"],
    }


def test_a_recipe_without_rows_is_ablated_by_its_stages_and_one_of_a_single_stage_by_its_steps() -> None:
    found = uses(parse_recipe(STEPS))
    assert list(found) == ["baseline", "+ cleansing", "+ augmentation"]
    assert found["+ augmentation"] == [place.use for place in plan_of(parse_recipe(STEPS), SCHEMA)]
    mending = STEPS.replace("augment.geometric", "cleanse.duplicates")
    assert list(uses(parse_recipe(mending))) == ["baseline", "+ cleanse.labels", "+ cleanse.duplicates"]


def test_rounds_are_ablated_round_by_round() -> None:
    text = STEPS.replace('[[step]]\nuse = "cleanse.labels"', "")
    text += (
        '\n[[round]]\ntimes = 2\n[[round.step]]\nuse = "cleanse.labels"\n[[round.step]]\nuse = "augment.geometric"\n'
    )
    text = text.replace('[[step]]\nuse = "augment.geometric"\n', "", 1)
    names = list(uses(parse_recipe(text)))
    assert names == ["baseline", "+ cleansing", "+ augmentation", "+ cleansing (2)", "+ augmentation (2)"]


def test_steps_may_be_named_by_name_verb_and_place_and_added() -> None:
    rows = """
[[row]]
name = "by place"
keep = ["4"]

[[row]]
name = "without"
without = ["cleanse.labels", "audit"]

[[row]]
name = "another way to fill"
keep = ["cleanse.labels"]
add = [{ use = "augment.geometric", noise = 0.1 }]
"""
    found = uses(parse_recipe(STEPS + rows))
    assert found["by place"][-1] == "cleanse.labels"
    assert found["without"] == ["embed.pixels", "learn.linear", "augment.geometric"]
    assert found["another way to fill"][-2:] == ["cleanse.labels", "augment.geometric"]


def test_a_row_that_names_what_is_not_there_is_told_with_the_nearest_name() -> None:
    recipe = parse_recipe(STEPS + '[[row]]\nname = "x"\nkeep = ["cleanse.label"]\n')
    with pytest.raises(RecipeError, match=r"'cleanse.label'.*did you mean 'cleanse.labels'"):
        uses(recipe)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("[[row]]\nkeep = []", "a row has a name"),
        ('[[row]]\nname = "x"\nkept = []', "found 'kept'; did you mean 'keep'"),
        ('[[row]]\nname = "x"\nkeep = [1]', "a list of steps"),
        ('[[row]]\nname = "x"\nkeep = "cleanse"', "must be list"),
    ],
)
def test_a_row_that_is_no_row_is_told(row: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse_recipe(STEPS + row)


def test_a_recipe_that_only_looks_has_nothing_to_take_away() -> None:
    with pytest.raises(RecipeError, match="nothing to take away"):
        rows_of(parse_recipe('[[step]]\nuse = "embed.pixels"'))


def test_time_is_told_in_words() -> None:
    assert time_in_words(14, 18, 1440.0, 2) == "14 of 18 trainings to go, about 12 minutes"
    assert time_in_words(1, 6, 30.0, 1) == "1 of 6 trainings to go, about 30 seconds"
    assert time_in_words(90, 90, 36_000.0, 1).endswith("about 10.0 hours")


def test_a_dataset_in_a_line_is_equal_where_its_classes_are_give_or_take_one() -> None:
    def rows(train: str, valid: str = "") -> Dataset:
        labels = [("ab".index(c), split) for split, text in (("train", train), ("valid", valid)) for c in text]
        return Dataset.from_samples(
            [Sample(raw_id("c", f"{n}"), "c" * 32, f"{n}", label, split) for n, (label, split) in enumerate(labels)],
            SCHEMA,
        )

    one = described("x", rows("aaabb", "ab"), "made up")
    assert (one.equal, one.train, one.valid, one.samples) == (True, 2.5, 1.0, 7)
    other = described("x", rows("aaab"), "made up")
    assert (other.equal, other.train, other.valid) == (False, 2.0, None)


def test_edits_are_told_in_words() -> None:
    made = [
        Sample(made_id(("p",), "k", n), "c" * 32, f"{n}", 0, "train", 1.0, ("p",), "augment.x:turn") for n in (1, 2)
    ]
    edits = [Drop("a", ""), Relabel("b", 0, 1, ""), *(Add(sample, "") for sample in made)]
    assert edits_in_words(edits) == "1 dropped, 1 relabelled, 2 added (turn 2)"
    assert edits_in_words([]) == "nothing changed"


def test_a_step_leaves_room_for_those_after_it(ws: Workspace, tmp_path: Path) -> None:
    half = tmp_path / "half.toml"
    half.write_text('name = "half"\n' + '[[step]]\nuse = "augment.geometric"\nroom = 0.5\n' * 2)
    n = len(ws.base.open)
    data = ws.propose(str(half), budget=n + 40).data
    assert len(data.open) == n + 30


@pytest.mark.parametrize("room", ["0", "1.5", '"half"', "true"])
def test_a_room_that_is_no_share_is_told(room: str) -> None:
    with pytest.raises(RecipeError, match="room is a share"):
        parse_recipe(f'[[step]]\nuse = "augment.geometric"\nroom = {room}')
    with pytest.raises(RecipeError, match="fills nothing"):
        plan_of(parse_recipe('[[step]]\nuse = "embed.pixels"\nroom = 0.5'), SCHEMA)


# -- in a workspace -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> World:
    return photos(150, wrong=30, imbalance=0.6, seed=3)


@pytest.fixture
def ws(world: World, tmp_path: Path) -> Workspace:
    world.write(tmp_path / "shapes")
    (tmp_path / "small.toml").write_text(STEPS + ROWS)
    return tilth.open(tmp_path / "shapes", workspace=tmp_path / "ws", workers=1)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often which version was trained on."""
    counted: Counter[str] = Counter()
    hold = trial_of.hold

    def counting(learner, settings, data, seed, run):  # type: ignore[no-untyped-def]
        if counted["until"] and sum(counted.values()) - counted["until"] >= counted["until"]:
            raise KeyboardInterrupt
        counted[data.version] += 1
        return hold(learner, settings, data, seed, run)

    monkeypatch.setattr(trial_of, "hold", counting)
    return counted


def test_rows_are_made_beside_the_line_and_shown_by_the_report(
    ws: Workspace, fits: Counter[str], tmp_path: Path
) -> None:
    found = ws.ablate(str(tmp_path / "small.toml"), learner="linear", seeds=2)
    assert [row.name for row in found.rows] == ["Baseline", "cleansing", "cleansing and augmentation"]
    baseline, mended, full = found.rows
    assert baseline.version == ws.base.version == ws.data.version, "the line did not move"
    assert not ws.store.ledger.batches() and not ws.findings() and not ws.valued(), "nothing is said of the samples"
    assert mended.version != baseline.version and len(ws.version(full.version).open) <= len(ws.base.open)
    assert baseline.against_last is None and baseline.against_first.headline.difference == 0
    assert mended.against_first.headline == mended.against_last.headline  # type: ignore[union-attr]
    assert full.against_last.before == mended.version  # type: ignore[union-attr]
    assert set(fits.values()) == {2}, "each version once a seed"
    again = ws.ablation()
    assert again is not None and again.question == found.question and again.datasets == found.datasets
    assert [row.against_first.measures for row in again.rows] == [row.against_first.measures for row in found.rows]
    assert set(fits.values()) == {2}, "the report trains nothing"
    page = render(story_of(ws))
    assert 'id="ablation"' in page and "cleansing and augmentation" in page and "The best row is" in page
    assert page.count("Classification report, means over the seeds") == 3


def test_the_report_leaves_out_what_it_would_have_to_train_and_says_so(
    ws: Workspace, fits: Counter[str], tmp_path: Path
) -> None:
    found = ws.ablate(str(tmp_path / "small.toml"), learner="linear", seeds=1, budget=130)
    ws.prove(learner="linear", seeds=1)
    trained = Counter(fits)
    files = {json.loads(file.read_text())["version"]: file for file in ws.store.folder.glob("trials/*.json")}
    files[found.rows[1].version].unlink()
    page = render(story_of(ws))
    assert "cleansing and augmentation" in page and "left out: cleansing. To train them again" in page
    assert ws.ablation().left_out == ("cleansing",)  # type: ignore[union-attr]
    files[ws.base.version].unlink()
    page = render(story_of(ws))
    assert "The proof is left out" in page and "The ablation is left out" in page and ws.ablation() is None
    assert fits == trained, "the report trains nothing"
    page = render(story_of(ws, train=True))
    assert "To train them again" not in page and ws.evidence() is not None
    assert len(ws.ablation().rows) == 3 and sum(fits.values()) == sum(trained.values()) + 2  # type: ignore[union-attr]


def test_what_was_applied_is_ablated_without_a_step_run_again(ws: Workspace, tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(STEPS)
    ws.improve(str(plain), learner="linear", seeds=1, budget=140)
    before = ws.store.ledger.remembered("signal"), ws.store.ledger.remembered("edits")
    found = ws.ablate(seeds=1)
    assert (ws.store.ledger.remembered("signal"), ws.store.ledger.remembered("edits")) == before
    assert [row.name for row in found.rows] == ["baseline", "+ cleansing", "+ augmentation"]
    assert found.rows[-1].version == ws.data.version and found.question.budget == 140
    table = ws.versions()
    assert table[0].name == "base" and table[-1].version == ws.data.version
    assert table[1].about.startswith("Relabel where") and table[1].about not in "\n".join(datasets(table))
    assert re.fullmatch(r"[\d,]+ relabelled", table[1].description)
    assert f"{table[1].description}: {table[1].about}" in unescape(render(story_of(ws)))


def test_a_stopped_run_leaves_no_recipe_on_record_that_is_not_on_the_line(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tilth.run import runner

    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(STEPS)
    two.write_text(STEPS.replace("small", "other"))
    ws.improve(str(one), prove=False)
    text, how = ws.fact("recipe"), ws.fact("applied")
    assert text == STEPS

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_do", cut)
        with pytest.raises(KeyboardInterrupt):
            ws.improve(str(one), prove=False)
        assert (ws.fact("recipe"), ws.fact("applied")) == (text, how), "it is on the line, stopped again or not"
        with pytest.raises(KeyboardInterrupt):
            ws.improve(str(two), prove=False, budget=100)
    assert ws.fact("recipe") is None and ws.fact("applied") is None
    ws.improve(str(two), prove=False, budget=100)
    assert '"other"' in ws.fact("recipe") and ws.fact("applied")["budget"] == 100


def test_a_stopped_ablation_goes_on_with_the_next_training(ws: Workspace, fits: Counter[str], tmp_path: Path) -> None:
    file = str(tmp_path / "small.toml")
    fits["until"] = 2
    with pytest.raises(KeyboardInterrupt):
        ws.ablate(file, learner="linear", seeds=2)
    assert ws.ablation() is None
    del fits["until"]
    first = Counter(fits)
    assert sum(first.values()) == 2
    again = tilth.open(workspace=ws.store.folder, workers=1)
    found = again.ablate(file, learner="linear", seeds=2)
    assert len(found.rows) == 3 and set(fits.values()) == {2}, "none was held twice"


def test_an_ablation_without_a_test_split_or_with_a_wrong_learner_is_told_before_the_work(
    world: World, tmp_path: Path
) -> None:
    world.write(tmp_path / "shapes")
    ws = tilth.open(tmp_path / "shapes" / "train", workspace=tmp_path / "ws", holdout=0.0)
    with pytest.raises(StepError, match="no labelled test split"):
        ws.ablate("quick", learner="linear")
    with pytest.raises(RecipeError, match="no learner"):
        ws.ablate("quick", learner="embed.pixels")
    with pytest.raises(SettingError):
        ws.ablate("quick", learner="linear", settings={"strenght": 1})
    assert not list((tmp_path / "ws").glob("trials/*"))


def test_rows_alone_are_for_ablation(ws: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "rows.toml"
    file.write_text(
        'name = "rows"\n[[row]]\nname = "base"\nkeep = []\n[[row]]\nname = "quick"\nrecipe = "quick"\nkeep = ["cleanse.leaks"]\n'
    )
    with pytest.raises(RecipeError, match="rows and no step"):
        ws.improve(str(file))
    assert [row.name for row in ws.ablate(str(file), learner="linear", seeds=1).rows] == ["base", "quick"]
