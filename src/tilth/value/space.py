"""Where the two sides of a valuation lie, and settings that are checked the same way in each game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError, did_you_mean
from tilth.signal import Array, Signals

SPACES = ("embedding", "features")
"""Signals in which distances say something."""


def places(data: Dataset, signals: Signals, signal: str, step: str) -> Array:
    """(n, d) float32, where these samples lie in this signal.

    Raises StepError where a sample was not measured or lies nowhere.
    """
    values = np.asarray(signals[signal].rows(data.ids), dtype=np.float32)
    if values.ndim != 2 or not values.shape[1]:
        raise StepError(f"{step} was asked to compare samples in the signal {signal!r}, and its rows are no vectors")
    lost = ~np.isfinite(values).all(axis=1)
    if lost.any():
        raise StepError(
            f"{step}: the signal {signal!r} has numbers that are not finite in {int(lost.sum())} of {len(values)} rows "
            f"(first: {data.ids[lost][0]}).\n  Measure it again, or name another signal:  signal = NAME"
        )
    return values


def contents_of(data: Dataset) -> Array:
    """(n,) int, equal for samples of one content."""
    digests = data.table.column("content").to_numpy(zero_copy_only=False).astype(str)
    return np.unique(digests, return_inverse=True)[1].ravel()


def require_one_of(step: str, name: str, found: Any, known: Sequence[str]) -> None:
    """Raises SettingError for a word that is not known."""
    if found not in known:
        close = did_you_mean(str(found), known)
        raise SettingError(f"{step}: {name} is one of {', '.join(known)}, found {found!r}{close}")


def require_at_least(step: str, least: float, **settings: float) -> None:
    """Raises SettingError for a number below the least one, or one that is none."""
    for name, found in settings.items():
        if not found >= least:
            raise SettingError(f"{step}: {name} must be at least {least:g}, found {found!r}")


def require_shares(step: str, **settings: float) -> None:
    """Raises SettingError for a number outside 0..1, or one that is none."""
    for name, found in settings.items():
        if not 0 <= found <= 1:
            raise SettingError(f"{step}: {name} is a share within 0 and 1, found {found!r}")


def require_above(step: str, floor: float, **settings: float) -> None:
    """Raises SettingError for a number that is not above the floor."""
    for name, found in settings.items():
        if not found > floor:
            raise SettingError(f"{step}: {name} must be more than {floor:g}, found {found!r}")
