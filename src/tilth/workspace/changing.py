"""Edits: proposed, applied, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tilth.dataset import Dataset
from tilth.edit import Edit
from tilth.errors import WorkspaceError
from tilth.run import building, proof, proposals
from tilth.run.runner import Outcome, run_plan
from tilth.store import history
from tilth.store.ledger import Batch, Change
from tilth.workspace.ground import Ground

if TYPE_CHECKING:
    pass


class Changing(Ground):
    """What changes data, and what did."""

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
            replaced = proposals.keep(self.store, outcome.done, start)
        if replaced:
            edits = "1 edit that was" if replaced == 1 else f"{replaced:,} edits that were"
            self.voice.log(
                f"  {edits} proposed before and not applied: withdrawn. Propose with their recipe again to have them back."
            )
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
        """A clean, balanced, diverse validation set out of train, as proposals that wait for `apply`, in place of those that
        waited before; where none can be chosen, these stay.

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
            # Where nothing could be chosen there is nothing to put in the place of what waits.
            replaced = proposals.keep(self.store, outcome.done, start) if outcome.edits else 0
        return building.built(self.base.schema, outcome, replaced=replaced)

    def changes(self) -> list[tuple[Batch, Change]]:
        """Every edit in force, with its batch, in the order of the line."""
        ledger = self.store.ledger
        return [
            (batch, one)
            for batch in ledger.batches()
            for one in ledger.changes(batch=batch.batch)
            if one.verdict == "apply"
        ]

    def tally(self) -> dict[str, int]:
        """How many edits of each kind are in force."""
        on_line = {batch.batch for batch in self.store.ledger.batches()}
        counts: dict[str, int] = {}
        for batch, kind, verdict, count in self.store.ledger.tally():
            if batch in on_line and verdict == "apply":
                counts[kind] = counts.get(kind, 0) + count
        return counts

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
