"""Workspace: the one door. Open, audit, value, propose, apply, prove, export, why, undo."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.dataset import Dataset
from tilth.errors import WorkspaceError
from tilth.run import applied, opening, proof
from tilth.run.plan import default_learner
from tilth.run.runner import Outcome, run_plan
from tilth.run.voice import Silence, Voice
from tilth.store import history
from tilth.store.shelf import Store
from tilth.trial import Evidence
from tilth.workspace.looking import Looking
from tilth.workspace.telling import Telling
from tilth.workspace.valuing import Valuing
from tilth.workspace.writing import Writing

if TYPE_CHECKING:
    pass


def open(
    source: str | Path | None = None,
    *,
    workspace: str | Path | None = None,
    valid: str | None = None,
    test: str | None = None,
    holdout: float | None = None,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    workers: int | None = None,
    fresh: bool = False,
    voice: Voice | None = None,
) -> Workspace:
    """A workspace on a source: opened where it is, made where it is not.

    What is None takes its default where the workspace is made, and is as it was where it is opened.

    source     a folder, a table, a zip or a tar; None: the one the workspace was made from
    workspace  its folder; default `.tilth` here, or what the environment variable TILTH_HOME says
    valid      a split of the source by its name, or the path of another source: picks the epoch, where a learner does
    test       the same for the sealed test split
    holdout    share (0..1) of train to seal where there is no test split; default 0.2
    seed       all randomness derives from it; it belongs to the workspace; default 0
    options    what a format wants to know: `label`, `text`, `path`, `split` (columns), `task`
    device     `auto`, `cpu`, `cuda`, `cuda:1`
    workers    processes side by side; default one per core
    fresh      pass the memo by: everything is made again
    """
    folder = Path(workspace or os.environ.get("TILTH_HOME") or ".tilth")
    voice = voice or Silence()
    if source is None and not (folder / "ledger.db").exists():
        raise WorkspaceError(f"there is no workspace at {folder}. Begin with:  tilth audit SOURCE")
    store = Store(folder)
    asked = opening.Asked(
        Path(source) if source is not None else None,
        valid,
        test,
        holdout,
        seed,
        dict(options) if options else None,
    )
    if store.ledger.fact("base") is None:
        with store.writing():
            if store.ledger.fact("base") is None:
                opening.enter(store, asked, voice)
    else:
        opening.check_same(store, asked)
    return Workspace(store, device=device, workers=workers, fresh=time.time() if fresh else 0.0, voice=voice)


@dataclass(frozen=True)
class Improved:
    """What `improve` hands back."""

    before: Dataset
    after: Dataset
    outcome: Outcome
    evidence: Evidence | None


class Workspace(Looking, Valuing, Telling, Writing):
    """A source, its versions and everything said of them. Made by `tilth.open`."""

    def improve(
        self,
        recipe: str | None = None,
        *,
        learner: str | None = None,
        settings: Mapping[str, Any] | None = None,
        budget: int | None = None,
        seeds: int = 3,
        metric: str | None = None,
        embedder: str | None = None,
        prove: bool = True,
        least_severity: Mapping[str, float] | None = None,
    ) -> Improved:
        """The whole loop: the recipe on the source, every edit applied, and the proof.

        learner   the fixed model: a name (`convnet`), `package.module:factory`; default the recipe's, or the data's
        budget    most open samples of the result; default the recipe's, else the size of the source
        seeds     how many trainings on each side of the proof
        least_severity  kind of finding -> severity under which nothing is done about it
        """
        chosen, text = self.recipe(recipe)
        places = self.plan(proof.valued_by(chosen, learner or chosen.learner, settings), embedder=embedder)
        how: dict[str, Any] = {"budget": budget, "embedder": embedder, "least": dict(least_severity or {})}
        how["valued_by"] = [learner or chosen.learner, dict(settings or {})]
        learner = learner or chosen.learner or default_learner(self.base.schema)
        proof.fixed_model(learner, settings)  # a wrong name or setting is told before the work
        proof.check_metric(metric, self.base.schema.task)
        with self.store.writing(), applied.applying(self.store.ledger, text, how):
            outcome = run_plan(
                self.store,
                self.run,
                places,
                start=history.base(self.store),
                folds=chosen.folds,
                budget=self._budget(chosen, budget),
                commit=True,
                least=least_severity,
            )
        evidence = None
        if prove and self.base.seal:
            evidence = self.prove(learner=learner, settings=settings, seeds=seeds, metric=metric)
        elif prove:
            self.voice.log(f"No proof: there is no test split. {opening.to_get_a_test(self.store)}")
        return Improved(self.base, self.data, outcome, evidence)

    def foresee(
        self,
        recipe: str | None = None,
        *,
        learner: str | None = None,
        settings: Mapping[str, Any] | None = None,
        budget: int | None = None,
        embedder: str | None = None,
        least_severity: Mapping[str, float] | None = None,
    ) -> Outcome:
        """What `improve` would do, asked the same: nothing is changed and nothing is proposed. What is computed for it is kept,
        and `improve` finds it again."""
        chosen, _ = self.recipe(recipe)
        places = self.plan(proof.valued_by(chosen, learner or chosen.learner, settings), embedder=embedder)
        with self.store.writing():
            return run_plan(
                self.store,
                self.run,
                places,
                start=history.base(self.store),
                folds=chosen.folds,
                budget=self._budget(chosen, budget),
                commit=False,
                least=least_severity,
            )
