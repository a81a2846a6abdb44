"""Demand: how many new samples each train sample should give, beside the others of its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.numerics.density_ratio import bounded
from tilth.numerics.groups import by_class
from tilth.signal import Array, Signal, Signals
from tilth.value.sides import Sides

KIND = "demand"


def groups(data: Dataset) -> Array:
    """(n,) int, within which demand is told."""
    return by_class(data.targets, several=data.schema.task == "multi-label")


def require_bounds(step: str, least: float, most: float) -> None:
    """Raises SettingError unless 0 <= least <= 1 <= most."""
    if not 0 <= least <= 1 <= most:
        raise SettingError(
            f"{step}: least and most are bounds around 1, least from 0 to 1 and most from 1 up; found {least!r}, {most!r}"
        )


def demand_signal(
    use: str, pair: Sides, wanted: Array, signals: Signals, *, least: float, most: float, meta: Mapping[str, Any]
) -> Signal:
    """The signal `demand` (n,) of the valued samples: mean 1 in each class, within the bounds.

    wanted  (n,) factors of this step. Where a demand is at hand already, both are multiplied: the steps of a recipe add
            their reasons to one demand, and `parts` of its facts names them in order.
    """
    before = signals[KIND] if KIND in signals else None
    parts = [use]
    if before is not None:
        held = np.isin(pair.valued.ids, before.ids)
        wanted = wanted.astype(np.float64).copy()
        wanted[held] *= before.rows(pair.valued.ids[held])
        parts = [*before.meta.get("parts", ()), use]
    values = bounded(wanted, groups(pair.valued), least=least, most=most)
    facts = {"valuator": use, "against": pair.against, "parts": parts, **meta}
    return Signal(KIND, pair.valued.ids, values.astype(np.float32), "times its share", "higher", facts)
