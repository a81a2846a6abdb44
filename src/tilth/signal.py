"""Signal: what was measured, one row per sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tilth.digest import digest
from tilth.errors import StepError

Array = npt.NDArray[Any]
Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Signal:
    """One array with a row per sample id.

    kind    what it is: `embedding`, `probabilities`, `losses`, `value`...
    ids     (n,) ids of samples, unique
    values  (n,), (n, d), (n, k) or (n, e)
    unit    of the values (`share`, `nats`, `px`), empty where there is none
    better  which way is good for the sample, None where the question has no meaning
    meta    plain facts of the making: which learner, folds, seed
    """

    kind: str
    ids: Array
    values: Array
    unit: str = ""
    better: Better = None
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.values):
            raise ValueError(f"{self.kind}: {len(self.ids)} ids and {len(self.values)} rows")
        object.__setattr__(self, "ids", np.asarray(self.ids, dtype="U16"))
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: Array) -> Array:
        """The values of these samples, in their order. Raises StepError where one was not measured."""
        order = np.argsort(self.ids, kind="stable")
        sorted_ids = self.ids[order]
        wanted = np.asarray(ids, dtype="U16")
        at = np.minimum(np.searchsorted(sorted_ids, wanted), max(len(sorted_ids) - 1, 0))
        found = sorted_ids[at] == wanted if len(sorted_ids) else np.zeros(len(wanted), bool)
        if not found.all():
            missing = int((~found).sum())
            raise StepError(
                f"the signal {self.kind!r} has no row for {missing} of {len(wanted)} samples "
                f"(first: {wanted[~found][0]}).\n  They came after it was measured: measure again in a step before."
            )
        return self.values[order[at]]

    def covers(self, ids: Array) -> bool:
        """Whether each of these samples was measured."""
        return bool(np.isin(np.asarray(ids, dtype="U16"), self.ids).all())

    @property
    def key(self) -> str:
        """Digest of all that a step can read of it: what a memo key is made of."""
        # As JSON, which is how facts are kept: those read back are those that were made.
        facts = json.dumps(dict(self.meta), sort_keys=True, default=str)
        return digest(self.kind, self.ids, np.ascontiguousarray(self.values), self.unit, self.better, facts)


_GIVERS = {
    "embedding": 'an embedder, say use = "embed.pixels" or use = "embed.text"',
    "probabilities": 'a learner, say use = "learn.convnet" or use = "learn.text-linear"',
    "quality": 'use = "embed.quality"',
    "attributes": 'use = "embed.attributes"',
    "features": 'a learner with a layer to look at, say use = "learn.contrastive"',
}


class Signals(Mapping[str, Signal]):
    """The signals at hand, by kind. Asking for one that is absent says which step gives it."""

    def __init__(self, signals: Mapping[str, Signal] | None = None) -> None:
        self._signals = dict(signals or {})

    def __getitem__(self, kind: str) -> Signal:
        if kind not in self._signals:
            giver = _GIVERS.get(kind, "a step that gives it")
            raise StepError(
                f"the signal {kind!r} was asked for, and there is none "
                f"(there is: {', '.join(sorted(self._signals)) or 'nothing'}).\n  Add a step before it: {giver}."
            )
        return self._signals[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._signals

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __len__(self) -> int:
        return len(self._signals)

    def with_(self, *signals: Signal) -> Signals:
        """These and the given ones; a given one takes the place of an older one of its kind."""
        return Signals({**self._signals, **{signal.kind: signal for signal in signals}})
