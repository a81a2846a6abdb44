"""Workspace: the one door. Open, audit, value, propose, apply, prove, export, why, undo."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tilth.dataset import Dataset
from tilth.edit import Edit
from tilth.errors import RecipeError, WorkspaceError
from tilth.finding import Finding
from tilth.recipe import Recipe, Row, StepCall, parse_recipe
from tilth.run import answers, applied, building, door, exports, opening, proof, proposals, values, valuing
from tilth.run.ablation import Ablation, Question, ablated, last_ablation
from tilth.run.compare import Difference, differences
from tilth.run.local import LocalRun
from tilth.run.plan import Place, default_learner, default_recipe, load_recipe, only, plan_of
from tilth.run.rows import RowPlan, plan_row, recipe_of, rows_of
from tilth.run.runner import Outcome, blinded, run_plan
from tilth.run.selftest import Asked, SelfTest, self_test
from tilth.run.versions import Described, versions_on_line
from tilth.run.voice import Silence, Voice
from tilth.signal import Signal
from tilth.store import history
from tilth.store.ledger import Batch, Change
from tilth.store.shelf import Store
from tilth.store.tables import write_signal
from tilth.trial import Evidence

if TYPE_CHECKING:
    import pyarrow as pa

_LOOKING = ("embedders", "learners", "valuators", "detectors")


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


class Workspace:
    """A source, its versions and everything said of them. Made by `tilth.open`."""

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

    # -- what there is ----------------------------------------------------------------------------------------

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

    # -- observe, propose, decide, apply ----------------------------------------------------------------------

    def recipe(self, name: str | None = None) -> tuple[Recipe, str]:
        """A recipe by name or file, by default the shipped one for this kind of data; with its TOML."""
        chosen, text = load_recipe(name or default_recipe(self.base.schema, len(self.base)))
        if not chosen.steps:
            raise RecipeError(f"{chosen.name} has rows and no step: it is for  tilth prove --ablate {name}")
        return chosen, text

    def plan(self, recipe: Recipe, *, embedder: str | None = None) -> list[Place]:
        """The calls of a recipe, checked against this dataset. embedder: stands in for the recipe's own."""
        if embedder:
            recipe = _with_embedder(recipe, embedder)
        return plan_of(recipe, self.base.schema)

    def audit(
        self,
        recipe: str | None = None,
        *,
        embedder: str | None = None,
        least_severity: Mapping[str, float] | None = None,
    ) -> Outcome:
        """Look, and change nothing: the recipe without the steps that edit, on the present version.

        least_severity  kind of finding -> severity under which it is left out, as `selftest` gives it
        """
        chosen, _ = self.recipe(recipe)
        places = self.plan(only(chosen, _LOOKING), embedder=embedder)
        with self.store.writing():
            return run_plan(
                self.store,
                self.run,
                places,
                start=history.head(self.store),
                folds=chosen.folds,
                budget=0,
                commit=False,
                least=least_severity,
            )

    def selftest(
        self,
        recipe: str | None = None,
        *,
        share: float = 0.05,
        seed: int = 0,
        detectors: Sequence[str] = (),
        precision: float | None = None,
        embedder: str | None = None,
    ) -> SelfTest:
        """What each detector of the recipe can be trusted with on this dataset: known faults are planted in a copy of the
        present version and sought. Nothing here is changed.

        share      of the train samples (0..0.25), planted for each kind of finding
        seed       of the planting
        detectors  which ones, by name; none: all of the recipe
        precision  0..1: give the severity from which on each kind reaches it (`SelfTest.least_severity`)
        """
        chosen, _ = self.recipe(recipe)
        places = self.plan(only(chosen, _LOOKING), embedder=embedder)
        asked = Asked(chosen.name, chosen.folds, share, seed, tuple(detectors), precision)
        with self.store.writing():
            return self_test(self.store, self.run, places, history.head(self.store), asked)

    def propose(
        self,
        recipe: str | None = None,
        *,
        budget: int | None = None,
        embedder: str | None = None,
        least_severity: Mapping[str, float] | None = None,
    ) -> Outcome:
        """What the recipe would change, as edits that nobody has applied yet. They are kept for `apply`.

        least_severity  kind of finding -> severity under which nothing is done about it
        """
        chosen, _ = self.recipe(recipe)
        places = self.plan(chosen, embedder=embedder)
        budget = self._budget(chosen, budget)
        with self.store.writing():
            start = history.head(self.store)
            outcome = run_plan(
                self.store,
                self.run,
                places,
                start=start,
                folds=chosen.folds,
                budget=budget,
                commit=False,
                least=least_severity,
            )
            proposals.keep(self.store, outcome.done, start)
        return outcome

    def proposals(self) -> list[tuple[Batch, Change]]:
        """The edits that wait for `apply`."""
        return proposals.waiting(self.store)

    def apply(
        self,
        edits: Sequence[Edit] | None = None,
        *,
        only: Sequence[str] = (),
        skip: Sequence[str] = (),
        by: str = "person",
    ) -> Dataset:
        """Apply these edits, or the proposals; of these only what is named, and nothing that is to be skipped.

        only  samples (id or path), names of steps or kinds of edit (`drop`, `relabel`, `add`); the other proposals stay open
        skip  the same; these are declined
        """
        with self.store.writing():
            if edits is not None:
                data, _ = history.add_batch(
                    self.store, self.data, list(edits), place="apply", use="apply", key="", by=by
                )
                return data
            chosen = proposals.Chosen(self._meant(only), self._meant(skip))
            return proposals.apply(self.store, self.data, chosen, by=by)

    def _meant(self, names: Sequence[str]) -> set[str]:
        """Names of steps and kinds as they are; every other name is a sample, and one that is none is told."""
        words = {*proposals.KINDS, *(batch.use for batch in self.store.ledger.batches(state="proposed"))}
        return {name if name in words else self.find(name) for name in names}

    def validation_set(
        self,
        per_class: int = 30,
        *,
        recipe: str | None = None,
        learner: str | None = None,
        embedder: str | None = None,
        copies: str = "drop",
        settings: Mapping[str, Any] | None = None,
    ) -> building.ValidationSet:
        """A clean, balanced, diverse validation set out of train, as proposals that wait for `apply`.

        learner   the witness: a name, `package.module:factory`; default that of the recipe
        copies    what becomes of copies of what is chosen: `drop` or `move` (along with it)
        settings  of `audit.validation_set`, beside `per_class`
        """
        chosen, _ = self.recipe(recipe)
        if learner:
            chosen = building.with_learner(chosen, *proof.learner_of(learner))
        chosen = building.recipe_for(chosen, per_class=per_class, copies=copies, settings=settings or {})
        places = self.plan(chosen, embedder=embedder)
        with self.store.writing():
            start = history.head(self.store)
            outcome = run_plan(self.store, self.run, places, start=start, folds=chosen.folds, budget=0, commit=False)
            proposals.keep(self.store, outcome.done, start)
        return building.built(self.base.schema, outcome)

    def export_validation_set(
        self, made: building.ValidationSet, where: str | Path, *, layout: str | None = None
    ) -> Path:
        """Write a validation set to the folder `where`/NAME-validation-set, in the layout of the source or another."""
        return exports.write(
            self.run, made.data, self.check_validation_target(where, layout=layout), layout=layout, name=None
        )

    def check_validation_target(self, where: str | Path, *, layout: str | None = None) -> Path:
        """The folder `where`/NAME-validation-set. Raises ExportError where it could not be written in this layout."""
        folder = Path(where) / f"{str(self.fact('name')).removesuffix('-training-set')}-validation-set"
        self.check_target(folder, layout=layout)
        return folder

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
        budget    most open samples of the result; default the size of the source
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
            self.voice.log(
                "No proof: there is no test split. Name one (--test) or let a share be sealed (--holdout 0.2)."
            )
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

    def _budget(self, recipe: Recipe, budget: int | None) -> int:
        budget = budget if budget is not None else recipe.budget
        return len(self.base.open) if budget is None else budget

    # -- prove ------------------------------------------------------------------------------------------------

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
            chosen = _with_embedder(chosen, how["embedder"])
        return plan_row(row, chosen, self.base.schema)

    def versions(self) -> list[Described]:
        """The table of datasets: the version that was read, and one for each step of the line that changed data."""
        return versions_on_line(self.store)

    # -- signals ----------------------------------------------------------------------------------------------

    def embed(
        self, use: str | None = None, *, settings: Mapping[str, Any] | None = None, among: Dataset | None = None
    ) -> Signal:
        """The embedding by an embedder, the default for the modality where none is named.

        among  which samples; default those of the present version
        """
        use, given = valuing.embedder_for(self.base.schema, use)
        with self.store.writing():
            return self.run.embed(use, blinded(self.data if among is None else among), {**given, **(settings or {})})

    # -- components -------------------------------------------------------------------------------------------

    def components(self, out: str | Path | None = None, *, embedder: str | None = None, **settings: Any) -> pa.Table:
        """Components of near-duplicates among the open samples of the present version, a row per sample: component, its
        size, label counts, statistics and flags. Nothing is changed.

        out       write it here too, as Parquet
        embedder  whose vectors are compared; default that of the modality
        settings  of `audit.components`: `threshold`, `metric`, `linkage`, `neighbors`
        """
        from tilth.run import components

        if out is not None:
            components.check_target(Path(out))
        step = components.step_of(settings)  # a wrong setting is told before the work
        judged = components.judged(self.data, self.embed(embedder), step)
        table = components.table_of(judged)
        if out is not None:
            components.write_table(table, Path(out))
        self.voice.log(judged.summary)
        return table

    # -- values -----------------------------------------------------------------------------------------------

    @overload
    def value(
        self,
        use: str = ...,
        *,
        settings: Mapping[str, Any] | None = ...,
        learner: str | None = ...,
        embedder: str | None = ...,
        against: str | None = ...,
    ) -> Signal: ...
    @overload
    def value(
        self,
        use: list[str],
        *,
        settings: Mapping[str, Any] | None = ...,
        learner: str | None = ...,
        embedder: str | None = ...,
        against: str | None = ...,
    ) -> list[Signal]: ...
    def value(
        self,
        use: str | list[str] = "knn_shapley",
        *,
        settings: Mapping[str, Any] | None = None,
        learner: str | None = None,
        embedder: str | None = None,
        against: str | None = None,
    ) -> Signal | list[Signal]:
        """What each train sample is worth, by one valuator or several. Kept, and found again by `values`, `influence`,
        `why` and the report, until the data change.

        use       `hydra` or `value.hydra`, or a list of names
        settings  of the valuator, or of the learner that it goes through
        learner   the model whose training or answers are looked into; default the valuator's, or the data's
        embedder  where the valuator needs an embedding; default that of the modality
        against   the split whose samples judge; default the valuator's, mostly `valid`
        """
        names = [use] if isinstance(use, str) else use
        wish = valuing.Wish(learner, embedder, against, dict(settings or {}))
        found = []
        plans = valuing.plans(names, self.base.schema, wish)  # a wrong name or setting is told before the work
        with self.store.writing():
            start = history.head(self.store)
            for places in plans:  # each by itself: a valuator's memo must not hang on who was asked beside it
                outcome = run_plan(self.store, self.run, places, start=start, folds=5, budget=0, commit=False)
                found.append(outcome.done[-1].signals[0])
        return found[0] if isinstance(use, str) else found

    def values(self, *use: str) -> pa.Table:
        """The values on record of the present version: id, path, label, split, and for each valuator the mean over judges
        and the rank (1: the most harmful). The most harmful samples by the first come first.

        use  which valuators, the first of them for the order; none: all on record
        """
        return values.table_of(self.data, values.required(self.store, self._valuators(use)))

    def valued(self, *use: str) -> list[values.Valued]:
        """The signals behind `values`, with what belongs to them; empty where nothing is on record."""
        return values.on_record(self.store, self._valuators(use))

    def influence(self, name: str, *use: str, most: int = 5) -> list[values.Influence]:
        """What each valuator on record says of a sample (id or path): the judges that it helps and harms most; of a judge,
        the train samples that help and harm it most."""
        records = values.required(self.store, self._valuators(use))
        id = self.find(name)
        said = [values.influence_of(self.store, one, id, most=most) for one in records]
        return [one for one in said if one is not None]

    def _valuators(self, names: Sequence[str]) -> list[str]:
        return [valuing.find_valuator(name).name for name in names]

    # -- answers ----------------------------------------------------------------------------------------------

    def find(self, name: str) -> str:
        """The id of a sample by its id, the beginning of it, or its path."""
        return answers.find(self.store, name)

    def why(self, name: str) -> answers.Why:
        """All that is known of a sample: what was found, what was changed and by whom, where it comes from."""
        return answers.why(self.store, name)

    def changes(self) -> list[tuple[Batch, Change]]:
        """Every edit in force, with its batch, in the order of the line."""
        ledger = self.store.ledger
        return [
            (batch, one)
            for batch in ledger.batches()
            for one in ledger.changes(batch=batch.batch)
            if one.verdict == "apply"
        ]

    def findings(self) -> list[tuple[str, Finding]]:
        """(step, finding) of everything that was found, the last word of each step."""
        latest: dict[tuple[str, str], tuple[str, Finding]] = {}
        for use, finding in self.store.ledger.findings():
            latest[use, finding.key] = (use, finding)
        return list(latest.values())

    def log(self) -> list[tuple[str, str]]:
        """(time, what) of everything that was done here."""
        return self.store.ledger.lines()

    # -- undo -------------------------------------------------------------------------------------------------

    def undo(self, *names: str, by: str = "person", why: str = "") -> history.Undone:
        """Take edits back and replay what came after.

        names  samples (id or path), steps (`cleanse.labels`), kinds (`relabel`), `all`; none: the last batch
        """
        with self.store.writing():
            return history.undo(self.store, self._named(names), by=by, why=why)

    def _named(self, names: Sequence[str]) -> list[Change]:
        ledger, line = self.store.ledger, self.store.ledger.batches()
        if not line:
            raise WorkspaceError("nothing to undo: no edit was applied here yet")
        if not names:
            # The last step may have changed nothing, or have been taken back already.
            last = next((batch for batch in reversed(line) if ledger.in_force(batch.batch)), line[-1])
            return ledger.changes(batch=last.batch)
        if "all" in names:
            return [one for batch in line for one in ledger.changes(batch=batch.batch)]
        chosen: list[Change] = []
        for name in names:
            if name in proposals.KINDS:
                chosen += ledger.changes(kinds=[name])
            elif name in {batch.use for batch in line}:
                chosen += [one for batch in line if batch.use == name for one in ledger.changes(batch=batch.batch)]
            else:
                chosen += ledger.changes(sample=self.find(name))
        return chosen

    # -- out --------------------------------------------------------------------------------------------------

    def export(
        self, where: str | Path, *, layout: str | None = None, version: str = "head", name: str | None = None
    ) -> Path:
        """Write a version to a folder or file, in the layout of the source or another (`folder`, `animals`, `table`). What
        lies there already, as it was written, is not written again."""
        data, where = self._as_read(self.version(version)), Path(where)
        if exports.there(self.store, where, data, layout, name):
            self.voice.log(f"{where} holds this version already")
            return where
        exports.write(self.run, data, where, layout=layout, name=name)
        exports.remember(self.store, where, data, layout, name)
        return where

    def target(self, where: str | Path, *, layout: str | None = None, instead: bool = False) -> Path:
        """Where an export of the present version may go: there; where an earlier export of this workspace lies and is of
        another version, beside it. Raises ExportError where it could not be written: told before the work, not after.

        instead  beside it, too, where something else lies there
        """
        where, data = Path(where), self._as_read(self.data)
        if instead or exports.ours(self.store, where):
            where = exports.place(self.store, where, data, layout)
        if not exports.there(self.store, where, data, layout, None):
            exports.check(self.run, data, where, layout=layout)
        return where

    def check_target(self, where: Path, *, layout: str | None = None) -> None:
        """Raises ExportError where an export to this folder could not be written: told before the work, not after."""
        exports.check(self.run, self._as_read(self.data), where, layout=layout)

    def _as_read(self, data: Dataset) -> Dataset:
        """With what was held out of train in train again."""
        return door.put_back(data) if self.fact("held_out") else data

    def write_signal(self, signal: Signal, where: Path) -> None:
        """A signal as Parquet: `id` and `value`."""
        write_signal(signal, where)

    def diff(self, before: str = "base", after: str = "head") -> list[Difference]:
        """What is different between two versions, sample by sample, with the last reason on record."""
        old, new = self.version(before), self.version(after)
        reasons = {one.edit.id: one.edit.because for _, one in self.changes()}
        return [replace(one, because=reasons.get(one.id, "")) for one in differences(old, new)]

    def _repr_html_(self) -> str:
        """A short table for notebooks; `tilth.write_report` has the whole story."""
        from html import escape

        data, base = self.data, self.base
        rows = [
            ("source", self.fact("layout", "")),
            ("version", f"{data.version} ({len(data):,} samples; {len(base):,} as read)"),
            (
                "edits in force",
                ", ".join(f"{count:,} {kind}" for kind, count in self.tally().items()) or "none",
            ),
        ]
        if asked := self.fact("proof"):
            rows.append(
                (
                    "proof",
                    "on record, of another version" if asked["after"] != data.version else self._proof_line(),
                )
            )
        cells = "".join(f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in rows)
        return f"<table><caption>Tilth workspace {escape(str(self.store.folder))}</caption>{cells}</table>"

    def _proof_line(self) -> str:
        evidence = self.evidence()
        return evidence.headline.sentence if evidence else ""

    def tally(self) -> dict[str, int]:
        """How many edits of each kind are in force."""
        on_line = {batch.batch for batch in self.store.ledger.batches()}
        counts: dict[str, int] = {}
        for batch, kind, verdict, count in self.store.ledger.tally():
            if batch in on_line and verdict == "apply":
                counts[kind] = counts.get(kind, 0) + count
        return counts


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_embedder(recipe: Recipe, embedder: str) -> Recipe:
    """The recipe with another embedder in the place of its own for pixels or text."""
    use, settings = proof.embedder_of(embedder)

    def swapped(block: Any) -> Any:
        if isinstance(block, StepCall):
            return StepCall(use, settings) if block.use in ("embed.pixels", "embed.text") else block
        return replace(block, steps=tuple(swapped(call) for call in block.steps))

    return replace(recipe, steps=tuple(swapped(block) for block in recipe.steps))
