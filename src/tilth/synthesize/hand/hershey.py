"""Dr. Hershey's single-stroke fonts: the points of each letter, as `hershey.txt` beside this file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Polylines: TypeAlias = tuple[npt.NDArray[Any], ...]
"""The lines of a letter, each (points, 2) int64: x to the right, y down, in units of the fonts."""

CAPITAL = 21
"""Units of the fonts from the base line to the top of a capital."""

BASE = 9
"""y of their base line."""

_ZERO = ord("R")
_LIFT = " R"


@lru_cache(maxsize=1)
def faces() -> Mapping[str, Mapping[str, Polylines]]:
    """Face -> letter -> its lines: futural (Latin print), scripts (Latin script), greeks and cyrilc_1."""
    text = files("tilth.synthesize.hand").joinpath("hershey.txt").read_text("utf-8")
    _, *blocks = text.strip().split("\n\n")  # before the first one stands whose they are
    found: dict[str, Mapping[str, Polylines]] = {}
    for block in blocks:
        name, *lines = block.split("\n")
        found[name] = {line[0]: _lines(line[2:]) for line in lines}
    return found


def _lines(coded: str) -> Polylines:
    """A letter, in the code of James Hurt: two signs a point."""
    return tuple(np.array([ord(sign) - _ZERO for sign in part]).reshape(-1, 2) for part in coded.split(_LIFT) if part)
