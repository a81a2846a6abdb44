"""From a workspace's recipe to a validation set: the witnesses of the recipe, then the two steps that build it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tilth.dataset import Dataset, Schema
from tilth.edit import Move
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.recipe import Recipe, StepCall
from tilth.run.plugins import find_step
from tilth.run.runner import Outcome

DETECTOR, CLEANSER = "audit.validation_set", "cleanse.validation_set"
_WITNESSES = ("embedders", "learners")


@dataclass(frozen=True)
class ValidationSet:
    """A proposed validation set.

    data      its samples, in the split that they are to go to
    outcome   what every step on the way found, and the edits that wait for `apply`
    summary   the finding about them all: `purity`, `counts`, `short` in its evidence; None where nothing could be chosen
    replaced  how many edits waited before and were withdrawn for these
    """

    data: Dataset
    outcome: Outcome
    summary: Finding | None
    replaced: int = 0

    @property
    def purity(self) -> tuple[float, float]:
        """Between which bounds the share of right labels is expected; (0, 1) where nothing is known."""
        low, high = (self.summary.evidence.get("purity") if self.summary else None) or (0.0, 1.0)
        return float(low), float(high)


def recipe_for(recipe: Recipe, *, per_class: int, copies: str, settings: Mapping[str, Any]) -> Recipe:
    """The embedders and the learner of a recipe, then the detector and the cleanser of the validation set.

    settings  of the detector, beside `per_class`
    """
    if copies not in ("drop", "move"):  # told before the work
        raise SettingError(f"copies of what is chosen are dropped or moved (drop, move), found {copies!r}")
    calls = [call for _, call in recipe.once() if find_step(call.use).role in _WITNESSES]
    unique = {call.use: call for call in calls}
    built = [StepCall(DETECTOR, {**settings, "per_class": per_class}), StepCall(CLEANSER, {"copies": copies})]
    return replace(recipe, name=f"{recipe.name}: validation set", steps=(*unique.values(), *built))


def with_learner(recipe: Recipe, use: str, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with this learner as its witness."""
    calls = [call for _, call in recipe.once() if find_step(call.use).role != "learners"]
    return replace(recipe, steps=(*calls, StepCall(use, dict(settings))))


def built(schema: Schema, outcome: Outcome, *, replaced: int = 0) -> ValidationSet:
    """The samples that the edits of an outcome put into another split."""
    moved = [edit.id for _, edit in outcome.edits if isinstance(edit, Move)]
    said = [one for use, one in outcome.findings if use == DETECTOR and one.kind == "validation_set"]
    data = outcome.data.only(moved) if moved else Dataset.from_samples([], schema)
    return ValidationSet(data, outcome, said[0] if said else None, replaced)
