"""Recipes are TOML that keeps its order, and says what is wrong."""

from __future__ import annotations

import pytest

from tilth.errors import RecipeError
from tilth.recipe import Round, StepCall, parse_recipe

PAPER_1 = """
name    = "augment-and-valuate"
learner = "cut-resnet50"
budget  = 10_000

[[step]]
use = "value.hydra"
against = "label_book"

[[round]]
times = 2
  [[round.step]]
  use = "augment.policy"
  [[round.step]]
  use = "cleanse.neighbors"   # after augmentation

[[step]]
use = "audit.balance"
"""


def test_steps_and_rounds_keep_the_order_of_the_file() -> None:
    recipe = parse_recipe(PAPER_1)
    assert [type(block) for block in recipe.steps] == [StepCall, Round, StepCall]
    assert [place for place, _ in recipe.unrolled()] == ["1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "3"]
    assert [call.use for _, call in recipe.unrolled()][-1] == "audit.balance"
    assert next(recipe.unrolled())[1].settings == {"against": "label_book"}
    assert (recipe.learner, recipe.budget, recipe.folds) == ("cut-resnet50", 10_000, 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "not TOML"),
        ("naem = 'x'\n[[step]]\nuse='a'", "did you mean 'name'"),
        ("name = 'x'", "no step"),
        ("[[step]]\nk = 1", "a step names what it uses"),
        ("[[round]]\ntimes = 2", r"no \[\[round.step\]\]"),
        ("[[round]]\ntimes = 0\n[[round.step]]\nuse='a'", "at least 1"),
        ("[[round]]\ntmies = 2\n[[round.step]]\nuse='a'", "tmies"),
        ("[[round]]\nworth = 3\n[[round.step]]\nuse='a'", "worth is a share"),
        ("[[round]]\nworth = 0.1\n[[round.step]]\nuse='a'", "times = 2"),
        ("folds = 1\n[[step]]\nuse='a'", "at least 2"),
        ("budget = 'ten'\n[[step]]\nuse='a'", "budget must be int"),
        ("format = 99\n[[step]]\nuse='a'", "Update tilth"),
        ("step = 3", "write each step as"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        parse_recipe(text)


def test_worth_is_asked_of_the_second_time_and_later_ones() -> None:
    recipe = parse_recipe(PAPER_1.replace("times = 2", "times = 3\nworth = 0.02"))
    assert [recipe.worth(place) for place, _ in recipe.unrolled()] == [0, 0, 0, 0.02, 0.02, 0.02, 0.02, 0]
    assert [place for place, _ in recipe.once()] == ["1", "2.1.1", "2.1.2", "3"]
