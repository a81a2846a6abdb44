"""Proof and ablation: the fixed model before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tilth.recipe import Recipe, Row, parse_recipe
from tilth.run import applied, proof
from tilth.run.ablation import Ablation, Question, ablated, last_ablation
from tilth.run.local import LocalRun
from tilth.run.plan import default_learner, load_recipe
from tilth.run.rows import RowPlan, plan_row, recipe_of, rows_of
from tilth.run.versions import Described, versions_on_line
from tilth.store import history
from tilth.trial import Evidence
from tilth.workspace.ground import Ground, with_embedder

if TYPE_CHECKING:
    pass


class Proving(Ground):
    """The sealed test split is asked here."""

    def prove(
        self,
        before: str = "base",
        after: str = "head",
        *,
        learner: str | None = None,
        settings: Mapping[str, Any] | None = None,
        seeds: int = 3,
        metric: str | None = None,
        robustness: bool = False,
    ) -> Evidence:
        """Train the fixed model on both versions, with the same seeds, and ask the sealed test split.

        robustness  ask it about changed test pictures too: noise, FGSM, PGD and one pixel, each model attacked itself
        """
        learner, settings = self._fixed_model(learner, settings)
        asked = {
            "before": self.version(before).version,
            "after": self.version(after).version,
            "learner": learner,
            "settings": dict(settings),
            "seeds": seeds,
            "metric": metric,
            **({"robustness": True} if robustness else {}),
        }
        with self.store.writing():
            evidence = proof.prove(self.store, self.run, **asked)
            self.store.ledger.set_fact("proof", asked)
            measure = evidence.headline
            self.store.ledger.say(
                f"prove: {measure.metric} {measure.before:.4f} -> {measure.after:.4f} "
                f"[{measure.low:+.4f}, {measure.high:+.4f}], {evidence.verdict}"
            )
        return evidence

    def _fixed_model(self, learner: str | None, settings: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
        """The learner and its settings; where none is named those of the proof on record, or the default of the data."""
        if learner is None and (recorded := self.fact("proof")):
            return recorded["learner"], {**recorded["settings"], **(settings or {})}
        return learner or default_learner(self.base.schema), settings or {}

    def evidence(self, *, train: bool = False) -> Evidence | None:
        """The proof on record, where it is of the present version.

        train  whether trainings that are not on record any more are made again; else there is no proof
        """
        asked = self.fact("proof")
        if not asked or asked["after"] != history.head(self.store):
            return None
        try:
            return proof.prove(self.store, self._reading(train), **asked, train=train)
        except proof.Untrained:
            return None

    def _reading(self, train: bool) -> LocalRun:
        """The Run for what is on record: read in this process, and taken as it is."""
        return replace(self.run, fresh=0.0, workers=self.run.workers if train else 1)

    def ablate(
        self,
        recipe: str | None = None,
        *,
        learner: str | None = None,
        settings: Mapping[str, Any] | None = None,
        budget: int | None = None,
        seeds: int = 3,
        metric: str | None = None,
    ) -> Ablation:
        """What each part of a recipe adds: its rows are made beside the line of versions, which stays as it is, and the fixed
        model is trained on each with the same seeds. Kept; the report shows the last one.

        recipe   a shipped one or a file: its `[[row]]`s, or where it has none its stages one after the other; None: the
                 recipe that was applied, with its budget and embedder
        learner  as of `prove`
        budget   most open samples of each row
        """
        chosen, how = self._to_ablate(recipe, learner, settings)
        learner, settings = self._fixed_model(learner or (chosen.learner if recipe else None), settings)
        proof.fixed_model(learner, settings)  # a wrong name or setting is told before the work
        proof.check_metric(metric, self.base.schema.task)
        plans = [self._row(row, chosen, how) for row in rows_of(chosen)]
        budget = self._budget(chosen, how["budget"] if budget is None else budget)
        asked = Question(chosen.name, learner, dict(settings), seeds, metric, budget)
        with self.store.writing():
            return ablated(self.store, self.run, plans, asked, least=how["least"])

    def ablation(self, *, train: bool = False) -> Ablation | None:
        """The ablation that was made last, or None.

        train  whether trainings that are not on record any more are made again; else their rows are left out
        """
        return last_ablation(self.store, self._reading(train), train=train)

    def _to_ablate(
        self, recipe: str | None, learner: str | None, settings: Mapping[str, Any] | None
    ) -> tuple[Recipe, Mapping[str, Any]]:
        """The recipe whose rows are asked for, and how it is run: budget, embedder, least severity, valuators' learner."""
        chosen, _ = self.recipe() if recipe is None else load_recipe(recipe)
        plain = {"budget": None, "embedder": None, "least": {}, "valued_by": [learner or chosen.learner, settings]}
        if recipe is None and (text := self.fact(applied.RECIPE)):
            # As it was applied, so that what was done for it is found again.
            return parse_recipe(text, where="the recipe that was applied"), {**plain, **self.fact(applied.HOW, {})}
        return chosen, plain

    def _row(self, row: Row, recipe: Recipe, how: Mapping[str, Any]) -> RowPlan:
        chosen = proof.valued_by(recipe_of(row, recipe), *how["valued_by"])
        if how["embedder"]:
            chosen = with_embedder(chosen, how["embedder"])
        return plan_row(row, chosen, self.base.schema)

    def versions(self) -> list[Described]:
        """The table of datasets: the version that was read, and one for each step of the line that changed data."""
        return versions_on_line(self.store)
