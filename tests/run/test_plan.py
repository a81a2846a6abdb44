"""Every fault of a recipe that can be seen before the work is told before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.dataset import Schema
from tilth.errors import LearnerError, RecipeError, SettingError, StepError
from tilth.recipe import parse_recipe
from tilth.run.plan import load_recipe, plan_of, shipped_recipes
from tilth.run.plugins import known_steps, make_step
from tilth.run.proof import fixed_model, valued_by
from tilth.run.rows import plan_row, recipe_of, rows_of
from tilth.testing.contract import check_declarations

IMAGES = Schema("image", "single-label", ("a", "b"))
TEXTS = Schema("text", "single-label", ("a", "b"))


def plan(text: str, schema: Schema = IMAGES) -> None:
    plan_of(parse_recipe(text), schema)


@pytest.mark.parametrize(
    ("text", "fault", "told"),
    [
        ('[[step]]\nuse = "audit.duplicate"', RecipeError, "did you mean 'audit.duplicates'"),
        ('[[step]]\nuse = "audit.balance"\nneighbours = 3', SettingError, "has no setting 'neighbours'"),
        ('[[step]]\nuse = "embed.pixels"\ndims = "many"', SettingError, "takes int"),
        ('[[step]]\nuse = "audit.label_noise"', StepError, "needs the signal 'probabilities'"),
        (
            '[[step]]\nuse = "augment.guard"\nrules = ["hflip: a -> c"]',
            SettingError,
            "augment.guard: .* names the class 'c'",
        ),
        ('[[step]]\nuse = "augment.guard"\nrules = ["hflop: a -> b"]', SettingError, "did you mean 'hflip'"),
        ('[[step]]\nuse = "formats.folder"', RecipeError, "is a format"),
        ('[[step]]\nuse = "embed.pixels"\ncrossfits = 2', RecipeError, "is not cross-fitted"),
        ('crossfits = 2\n[[step]]\nuse = "learn.linear"', RecipeError, r"crossfits stands in the \[\[step\]\]"),
        ('[[step]]\nuse = "learn.linear"\ncrossfit = 2', SettingError, "did you mean 'crossfits'"),
        ('[[step]]\nuse = "learn.linear"\ncrossfits = 0', RecipeError, "from 1 to 20; found 0"),
        ('budget = 0\n[[step]]\nuse = "audit.balance"', RecipeError, "budget must be at least 1"),
        ('growth = 0\n[[step]]\nuse = "audit.balance"', RecipeError, "above 0 and up to 100; found 0"),
        ('growth = "2x"\n[[step]]\nuse = "audit.balance"', RecipeError, "found '2x'"),
        ('growth = 2\nbudget = 9\n[[step]]\nuse = "audit.balance"', RecipeError, "budget and growth"),
        (
            '[[step]]\nuse = "learn.cut-resnet50"\nschedule = "cosin"',
            SettingError,
            "schedule is one of none, cosine, step",
        ),
        (
            '[[step]]\nuse = "learn.contrastive"\nlooks = ["outline"]',
            SettingError,
            "looks are some of .*; found .*outline",
        ),
        ('[[step]]\nuse = "learn.module"\nfactory = "no.such:net"', LearnerError, "no.such cannot be imported"),
    ],
)
def test_a_fault_is_told_before_the_work(text: str, fault: type[Exception], told: str) -> None:
    with pytest.raises(fault, match=told):
        plan(text)


def test_a_step_for_the_other_modality_names_the_recipe_to_take() -> None:
    with pytest.raises(StepError, match="--recipe text"):
        plan('[[step]]\nuse = "embed.pixels"', TEXTS)


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_every_shipped_recipe_can_be_planned(name: str) -> None:
    recipe, _ = load_recipe(name)
    schema = TEXTS if name.startswith("text") else IMAGES
    assert recipe.about and plan_of(recipe, schema)


def test_a_recipe_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"Shipped: .*tilth"):
        load_recipe(str(tmp_path / "no.toml"))


OURS = sorted(name for name, known in known_steps().items() if known.package == "tilth")


@pytest.mark.parametrize("name", [name for name in OURS if not name.startswith("formats.")])
def test_every_step_keeps_the_declarations_of_the_contract(name: str) -> None:
    needed = {
        "learn.module": {"factory": "a:b"},
        "learn.command": {"command": "true"},
        "embed.module": {"factory": "a:b"},
        "embed.onnx": {"path": "a.onnx"},
    }
    check_declarations(make_step(name, needed.get(name)))


def test_what_is_valued_is_what_is_proved() -> None:
    recipe = load_recipe("influence")[0]
    handed = valued_by(recipe, "cut-resnet50", {"epochs": 3})
    assert handed.steps[0].settings == {"learner": "cut-resnet50", "settings": {"epochs": 3}}
    assert handed.steps[1] == recipe.steps[1]
    own = parse_recipe('name = "own"\n[[step]]\nuse = "value.hydra"\nlearner = "convnet"\n')
    assert valued_by(own, "resnet34", None) == own
    assert valued_by(recipe, None, None) == recipe == valued_by(recipe, "linear", None)


def test_the_fixed_model_is_handed_to_an_embedder_that_looks_through_a_learner() -> None:
    recipe, _ = load_recipe("iterative-sampling")
    handed = {call.use: call.settings for _, call in valued_by(recipe, "cut-resnet50", None).unrolled()}
    assert handed["embed.learner"] == {"made": False, "learner": "cut-resnet50", "settings": {}}
    assert [call.pool for _, call in recipe.unrolled() if call.pool > 1] == [3.0, 1.5]
    assert valued_by(recipe, "linear", None) == recipe  # it has no layer to look at: the embedder's own stays


def test_the_witness_of_the_label_guard_is_its_own():
    recipe = parse_recipe('[[step]]\nuse = "augment.guard"')
    assert valued_by(recipe, "cut-resnet50", None) == recipe


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_every_row_of_every_shipped_recipe_makes_a_plan(name):
    recipe, _ = load_recipe(name)
    modality = "text" if name.startswith("text") else "image"
    schema = Schema(modality, "single-label", ("a", "b"))
    for row in rows_of(recipe):
        if row.recipe is None:
            assert plan_row(row, recipe_of(row, recipe), schema)


@pytest.mark.parametrize("name", ["tilth", "competition"])
def test_numerals_are_written_behind_the_guard_and_before_the_witnesses_that_learn_of_them(name: str) -> None:
    uses = [call.use for _, call in load_recipe(name)[0].unrolled()]
    places = [uses.index(use) for use in ("augment.guard", "synthesize.handwriting", "learn.contrastive")]
    assert places == sorted(places)
    # Most datasets show no writing: the step must let them be.
    step = next(call for _, call in load_recipe(name)[0].unrolled() if call.use == "synthesize.handwriting")
    assert step.settings["required"] is False and step.room < 0.5


@pytest.mark.parametrize("wrong", [{"schedule": "cosin"}, {"epochs": 0}, {"precision": "fp64"}])
def test_a_wrong_setting_of_the_fixed_model_is_told_before_the_work(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=f"learn.cut-resnet50: {next(iter(wrong))} "):
        fixed_model("cut-resnet50", wrong)


def test_a_round_whose_worth_nothing_can_reach_is_told_before_the_work() -> None:
    text = 'name = "r"\n[[round]]\ntimes = 2\nworth = 0.1\n[[round.step]]\nuse = "audit.balance"\n'
    with pytest.raises(RecipeError, match=r"round 1 of the recipe r has worth = 0.1, and no step that mends labels"):
        plan_of(parse_recipe(text), Schema("image", "single-label", ("a", "b")))
