"""What each train sample is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from tilth.run import values, valuing
from tilth.run.runner import run_plan
from tilth.signal import Signal
from tilth.store import history
from tilth.workspace.ground import Ground

if TYPE_CHECKING:
    import pyarrow as pa


class Valuing(Ground):
    """Values by valuators, and what is on record of them."""

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
