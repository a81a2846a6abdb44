"""Look, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.run import valuing
from tilth.run.plan import only
from tilth.run.runner import Outcome, blinded, run_plan
from tilth.run.selftest import Asked, SelfTest, self_test
from tilth.signal import Signal
from tilth.store import history
from tilth.workspace.ground import LOOKING, Ground

if TYPE_CHECKING:
    import pyarrow as pa


class Looking(Ground):
    """Audits, self-tests, embeddings, components."""

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
        places = self.plan(only(chosen, LOOKING), embedder=embedder)
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
        places = self.plan(only(chosen, LOOKING), embedder=embedder)
        asked = Asked(chosen.name, chosen.folds, share, seed, tuple(detectors), precision)
        with self.store.writing():
            return self_test(self.store, self.run, places, history.head(self.store), asked)

    def findings(self) -> list[tuple[str, Finding]]:
        """(step, finding) of everything that was found, the last word of each step."""
        latest: dict[tuple[str, str], tuple[str, Finding]] = {}
        for use, finding in self.store.ledger.findings():
            latest[use, finding.key] = (use, finding)
        return list(latest.values())

    def embed(
        self, use: str | None = None, *, settings: Mapping[str, Any] | None = None, among: Dataset | None = None
    ) -> Signal:
        """The embedding by an embedder, the default for the modality where none is named.

        among  which samples; default those of the present version
        """
        use, given = valuing.embedder_for(self.base.schema, use)
        with self.store.writing():
            return self.run.embed(use, blinded(self.data if among is None else among), {**given, **(settings or {})})

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
