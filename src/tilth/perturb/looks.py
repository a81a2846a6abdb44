"""What pictures are, and how far a pixel of such pictures may be moved."""

from __future__ import annotations

from typing import Literal, TypeAlias

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.numerics.attributes import NAMES
from tilth.steps import Run

_LOOKED_AT = 300  # train pictures: the share of drawings among them is known to 6 points

PHOTO, DRAWING = 8 / 255, 0.1
"""Most that a pixel may move, in units of the range: Madry et al. on photographs; on drawings they take .3 of black on
white, at which strokes begin to break: a third of it stays readable to anyone."""

Eps: TypeAlias = "float | Literal['auto']"


def mostly_drawn(data: Dataset, run: Run) -> bool:
    """Whether most raw train pictures are drawings on plain ground."""
    raw = data.train.where(~data.train.made)
    some = raw.only(raw.ids[:: max(1, len(raw) // _LOOKED_AT)].tolist())
    if not len(some):
        return False
    return bool(run.describe("embed.attributes", some)[:, NAMES.index("drawn")].mean() >= 0.5)


def eps_for(eps: Eps, data: Dataset, run: Run) -> float:
    """The distance as it was set, or the usual one of such pictures."""
    if isinstance(eps, (int, float)):
        return float(eps)
    return DRAWING if mostly_drawn(data, run) else PHOTO


def require_eps(step: str, eps: Eps) -> None:
    """Raises SettingError unless it is `auto` or lies above 0 and up to 1."""
    number = isinstance(eps, (int, float)) and not isinstance(eps, bool)
    if eps != "auto" and not (number and 0 < float(eps) <= 1):
        raise SettingError(
            f"{step}: eps is auto, or how far a pixel may move, above 0 and up to 1 (of black to white); found {eps!r}"
        )
