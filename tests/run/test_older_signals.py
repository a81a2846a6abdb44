"""What was measured before an augmenter brought samples in: looked at again, done without, or refused before the work."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tilth.dataset import Dataset, Schema
from tilth.errors import StepError
from tilth.recipe import parse_recipe
from tilth.run.local import LocalRun
from tilth.run.plan import plan_of
from tilth.run.plugins import known_steps, make_step
from tilth.run.runner import run_plan
from tilth.signal import Signal, Signals
from tilth.steps import declared
from tilth.store.shelf import Store
from tilth.testing.contract import plain_signals
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import photos

IMAGES = Schema("image", "single-label", ("a", "b"))


def recipe(*uses: str) -> str:
    return "\n".join(f"[[step]]\n{use}" for use in uses)


MADE = 'use = "augment.geometric"\npool = 2.0'


@pytest.mark.parametrize(
    ("giver", "reader", "kind"),
    [
        ('use = "learn.linear"', 'use = "select.coverage"', "probabilities"),
        ('use = "embed.learner"', 'use = "select.k_center"', "embedding"),
        ('use = "learn.convnet"', 'use = "select.k_center"\nspace = "features"', "features"),
    ],
)
def test_what_made_samples_lack_is_told_before_the_work_with_the_step_to_put_in_between(
    giver: str, reader: str, kind: str
) -> None:
    again = giver.split('"')[1]
    with pytest.raises(StepError, match=rf"(?s)'{kind}' of every sample.*in between:  use = \"{again}\""):
        plan_of(parse_recipe(recipe(giver, MADE, reader)), IMAGES)
    assert plan_of(parse_recipe(recipe(giver, MADE, giver, reader)), IMAGES)


def test_a_round_that_ends_with_an_augmenter_is_asked_the_same_of_its_second_turn() -> None:
    block = '[[round]]\ntimes = {}\n[[round.step]]\nuse = "select.coverage"\n[[round.step]]\nuse = "augment.geometric"'
    first = '[[step]]\nuse = "learn.linear"\n'
    assert plan_of(parse_recipe(first + block.format(1)), IMAGES)
    with pytest.raises(StepError, match=r"step 2\.2\.1"):
        plan_of(parse_recipe(first + block.format(2)), IMAGES)


def test_a_step_that_reads_raw_samples_alone_is_content_with_what_is_older() -> None:
    near = recipe('use = "learn.linear"', MADE, 'use = "embed.pixels"', 'use = "select.near_errors"')
    assert plan_of(parse_recipe(near), IMAGES)


def test_embedders_that_look_at_each_sample_look_at_new_ones(tmp_path: Path) -> None:
    world = photos(60, classes=3, side_px=16, test_share=0.2, seed=3)
    world.write(tmp_path / "raw")
    store = Store(tmp_path / "tilth")
    store.keep_version(world.data)
    store.ledger.set_fact("base", world.data.version)
    run = LocalRun(tmp_path / "tilth", {"source": tmp_path / "raw"})
    text = recipe('use = "embed.pixels"', MADE, 'use = "select.k_center"')
    places = plan_of(parse_recipe(text), world.data.schema)
    budget = len(world.data.open) + 10
    how: dict[str, Any] = {"start": world.data.version, "folds": 2, "budget": budget, "commit": True}
    outcome = run_plan(store, run, places, **how)
    assert len(outcome.data.open) == budget
    assert outcome.signals["embedding"].covers(outcome.data.ids)
    assert run_plan(store, run, places, **how).data.version == outcome.data.version


# -- what steps declare ---------------------------------------------------------------------------------------


@cache
def _grown() -> tuple[Dataset, Dataset, MemoryRun]:
    """A dataset, the same with made samples, and a run that has the contents of both."""
    world = photos(60, classes=3, valid_share=0.2, wrong=4, copies=2, near=2, junk=2)
    data = world.data.open
    adds = list(make_step("augment.geometric").augment(data, Signals(), world.run(), budget=len(data) + 20))
    return data, data.apply(adds), MemoryRun({**world.contents, **{add.id: add.content or b"" for add in adds}})


@cache
def _signal(kind: str, older: bool) -> Signal:
    data, run = _grown()[0 if older else 1], _grown()[2]
    if kind == "guard":
        few = {"learner": "learn.linear", "settings": {}, "operations": ["hflip"], "folds": 2}
        return run.embed("augment.guard", data, few)
    if kind in ("fingerprint", "quality", "attributes"):
        return run.embed(f"embed.{kind}", data)
    if kind == "features":
        return Signal("features", data.ids, plain_signals(data, ["embedding"])["embedding"].values)
    return plain_signals(data, [kind])[kind]


def _declaring() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, known in sorted(known_steps().items()):
        if known.package != "tilth" or known.role in ("formats", "embedders", "learners"):
            continue
        settings = {"budgets": "difficulty"} if known.role == "selectors" else {}
        if declared(make_step(name, settings), "of_raw"):
            found.append((name, settings))
    return found


@pytest.mark.parametrize(("name", "settings"), _declaring())
def test_a_step_reads_for_raw_samples_alone_what_it_says_so_of(name: str, settings: dict[str, Any]) -> None:
    step, (_, data, run) = make_step(name, settings), _grown()
    raw = declared(step, "of_raw")
    signals = Signals({kind: _signal(kind, kind in raw) for kind in declared(step, "needs")})
    role = known_steps()[name].role
    if role == "detectors":
        step.detect(data, signals, run)
    elif role == "valuators":
        assert step.value(data, signals, run).covers(data.train.ids)
    elif role == "augmenters":
        assert len(list(step.augment(data, signals, run, budget=len(data)))) == 0
        list(step.augment(data, signals, run, budget=len(data) + 5))
    else:
        assert step.select(data, signals, len(data) - 10, run.rng("select"))


@pytest.mark.parametrize("name", ["value.coverage", "audit.coverage_gaps"])
def test_a_space_that_may_be_looked_in_is_left_out_where_made_samples_lie_nowhere_in_it(name: str) -> None:
    step, (_, data, run) = make_step(name), _grown()
    signals = Signals({"attributes": _signal("attributes", False), "features": _signal("features", True)})
    assert step.value(data, signals, run) if name.startswith("value") else step.detect(data, signals, run) is not None
