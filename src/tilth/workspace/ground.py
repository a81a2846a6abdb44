"""What every verb of a workspace stands on: the store, the run, versions and recipes."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tilth.dataset import Dataset
from tilth.errors import RecipeError, WorkspaceError
from tilth.recipe import Recipe, StepCall
from tilth.run import answers, door, proof
from tilth.run.local import LocalRun
from tilth.run.plan import Place, default_recipe, load_recipe, plan_of
from tilth.run.voice import Silence, Voice
from tilth.store import history
from tilth.store.shelf import Store

if TYPE_CHECKING:
    pass

LOOKING = ("embedders", "learners", "valuators", "detectors")
"""Roles that change nothing."""


class Ground:
    """A store, and what is computed for it."""

    def __init__(
        self,
        store: Store,
        *,
        device: str = "auto",
        workers: int | None = None,
        fresh: float = 0.0,
        voice: Voice | None = None,
    ) -> None:
        self.store, self.voice = store, voice or Silence()
        self._device, self._workers, self._fresh = device, workers or os.cpu_count() or 1, fresh

    @property
    def base(self) -> Dataset:
        """The version that was read."""
        return self.store.version(history.base(self.store))

    @property
    def data(self) -> Dataset:
        """The present version."""
        return self.store.version(history.head(self.store))

    def version(self, name: str) -> Dataset:
        """A version by its digest, a part of it, `base` or `head`."""
        if name in ("base", "head"):
            return self.base if name == "base" else self.data
        found = sorted(self.store.folder.glob(f"versions/{name}*.parquet"))
        if len(found) != 1:
            raise WorkspaceError(f"{len(found)} versions begin with {name!r}. `tilth log` lists them.")
        return self.store.version(found[0].stem)

    def fact(self, key: str, default: Any = None) -> Any:
        """A fact of the making: `layout`, `seed`, `name`, `held_out`..."""
        return self.store.ledger.fact(key, default)

    @cached_property
    def run(self) -> LocalRun:
        """The Run of this workspace: contents, compute, randomness."""
        folder = self.store.folder.resolve()
        roots = {home: (folder / place).resolve() for home, place in self.fact("roots", {}).items()}
        cores = os.cpu_count() or 1
        return LocalRun(
            folder,
            roots,
            seed=self.fact("seed", 0),
            device=_device(self._device),
            threads=cores,
            workers=self._workers,
            source_format=self.fact("source_format"),
            facts=self.fact("facts", {}),
            fresh=self._fresh,
            voice=self.voice,
        )

    def find(self, name: str) -> str:
        """The id of a sample by its id, the beginning of it, or its path."""
        return answers.find(self.store, name)

    def recipe(self, name: str | None = None) -> tuple[Recipe, str]:
        """A recipe by name or file, by default the shipped one for this kind of data; with its TOML."""
        chosen, text = load_recipe(name or default_recipe(self.base.schema, len(self.base)))
        if not chosen.steps:
            raise RecipeError(f"{chosen.name} has rows and no step: it is for  tilth prove --ablate {name}")
        return chosen, text

    def plan(self, recipe: Recipe, *, embedder: str | None = None) -> list[Place]:
        """The calls of a recipe, checked against this dataset. embedder: stands in for the recipe's own."""
        if embedder:
            recipe = with_embedder(recipe, embedder)
        return plan_of(recipe, self.base.schema)

    def _budget(self, recipe: Recipe, budget: int | None) -> int:
        budget = budget if budget is not None else recipe.budget
        return max(1, round(len(self.base.open) * (recipe.growth or 1))) if budget is None else budget

    def _as_read(self, data: Dataset) -> Dataset:
        """With what was held out of train in train again."""
        return door.put_back(data) if self.fact("held_out") else data


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def with_embedder(recipe: Recipe, embedder: str) -> Recipe:
    """The recipe with another embedder in the place of its own for pixels or text."""
    use, settings = proof.embedder_of(embedder)

    def swapped(block: Any) -> Any:
        if isinstance(block, StepCall):
            return replace(block, use=use, settings=settings) if block.use in ("embed.pixels", "embed.text") else block
        return replace(block, steps=tuple(swapped(call) for call in block.steps))

    return replace(recipe, steps=tuple(swapped(block) for block in recipe.steps))
