"""A recipe that fills a pool and chooses from it: what is planned, what is left, what is told, and what is paid for once."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

import tilth
from tilth.dataset import Schema
from tilth.errors import RecipeError, SettingError
from tilth.recipe import parse_recipe
from tilth.run.plan import plan_of
from tilth.testing import worlds
from tilth.testing.digits import digits
from voices import Heard

IMAGES = Schema("image", "single-label", ("a", "b"))
RECIPE = """
[[step]]
use = "embed.pixels"
[[step]]
use = "augment.geometric"
pool = 2.0
[[step]]
use = "embed.pixels"
[[step]]
use = "select.iterative"
similar = 3
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[step]]\nuse = "augment.geometric"\npool = 3', "no step after it chooses"),
        (
            '[[step]]\nuse = "augment.geometric"\npool = 3\n[[step]]\nuse = "select.random"\npool = 2',
            "leaves 2 budgets",
        ),
        ('[[step]]\nuse = "embed.pixels"\npool = 2', "only augmenters"),
        ('[[step]]\nuse = "augment.geometric"\npool = 0.5', "from 1 to 100"),
        ('[[step]]\nuse = "augment.geometric"\npool = true', "from 1 to 100"),
    ],
)
def test_a_pool_that_is_not_chosen_from_is_refused_before_the_work(text, told):
    with pytest.raises(RecipeError, match=told):
        plan_of(parse_recipe(text), IMAGES)


def test_a_selector_that_reads_what_nobody_gives_is_refused_before_the_work():
    with pytest.raises(tilth.TilthError, match="needs the signal 'probabilities'"):
        plan_of(parse_recipe('[[step]]\nuse = "select.random"\nbudgets = "difficulty"'), IMAGES)
    with pytest.raises(SettingError, match="budgets is one of"):
        plan_of(parse_recipe('[[step]]\nuse = "select.random"\nbudgets = "fair"'), IMAGES)


def test_a_pool_is_filled_chosen_from_and_described_once(tmp_path):
    source = worlds.photos(80, imbalance=0.5).write(tmp_path / "source")
    recipe = tmp_path / "pool.toml"
    recipe.write_text(RECIPE)
    voice = Heard()
    work = tilth.open(source, workspace=tmp_path / "ws", workers=1, voice=voice)
    made = work.improve(str(recipe), budget=100, prove=False)
    assert len(made.after.open) == 100
    kinds = [type(edit).__name__ for _, edit in made.outcome.edits]
    assert kinds.count("Add") == 200 - len(made.before.open) and kinds.count("Drop") == 100
    assert np.ptp(list(made.after.counts("train").values())) <= 1
    assert not any(edit.id in made.before for _, edit in made.outcome.edits)  # nothing raw is dropped
    drop = next(edit for _, edit in made.outcome.edits if type(edit).__name__ == "Drop")
    assert drop.because.startswith(
        "not chosen by select.iterative for a budget of 100; a chosen sample of its class lies"
    )
    assert drop.evidence["apart"] > drop.evidence["apart_random"]
    assert any("select.iterative, in embedding: a chosen" in line and "(random: " in line for line in voice.lines)
    described = [len(pq.read_table(file)) for file in sorted((tmp_path / "ws" / "rows").rglob("*.parquet"))]
    assert sorted(described) == sorted(
        [len(work.base), 200 - len(work.base.open)]
    )  # the raw ones once, the made ones once
    again = tilth.open(source, workspace=tmp_path / "again", workers=1).improve(str(recipe), budget=100, prove=False)
    assert again.after.version == made.after.version


def test_what_came_with_the_source_stays_over_the_budget_and_that_is_told(tmp_path):
    source = worlds.photos(80).write(tmp_path / "source")
    recipe = tmp_path / "thin.toml"
    recipe.write_text('[[step]]\nuse = "select.random"\n')
    voice = Heard()
    work = tilth.open(source, workspace=tmp_path / "ws", workers=1, voice=voice)
    assert not work.improve(str(recipe), budget=20, prove=False).outcome.edits
    assert any("over the budget of 20" in line for line in voice.lines)
    recipe.write_text('[[step]]\nuse = "embed.pixels"\n[[step]]\nuse = "select.random"\nraw = true\n')
    assert len(work.improve(str(recipe), budget=20, prove=False).after.open) == 20
    assert any("in embedding, where it did not look itself: a chosen sample" in line for line in voice.lines)


@pytest.mark.slow
def test_the_recipe_of_iterative_sampling_runs_on_digits(tmp_path):
    source = digits(seed=0).write(tmp_path / "digits")
    work = tilth.open(source, workspace=tmp_path / "ws", workers=1)
    small = {"epochs": 2, "size_px": 16, "least_steps": 60}
    made = work.improve("iterative-sampling", learner="convnet", settings=small, budget=1100, prove=False)
    assert len(made.after.open) == 1100 and made.after.seal == made.before.seal
    drops = [edit for use, edit in made.outcome.edits if use == "select.iterative"]
    assert len(drops) == 550 and drops[0].evidence["apart"] > drops[0].evidence["apart_random"]
