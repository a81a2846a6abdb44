"""What an image operation is: pictures in a batch, one magnitude each, in; pictures of the same shape out.

Pictures are float tensors (b, c, h, w) from 0 (black) to 1 (white). A magnitude is a share of the operation's full
strength: from 0 to 1, and to -1 for an operation that goes to either side. At 0 every operation gives back what it got.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Dice: TypeAlias = Sequence[np.random.Generator]
"""One generator for each picture: what becomes of a picture does not hang on which others stand in its batch."""


@dataclass(frozen=True)
class Operation:
    """One operation of the catalogue.

    apply     (pictures (b, c, h, w), magnitudes (b,), ground (b, c), dice) -> (b, c, h, w)
    matrix    for an affine one: magnitudes (b,) and (h, w) -> (b, 2, 3) in pixels, old place to new; several in a row
              are then one resampling
    signed    magnitudes go to either side of 0
    graded    whether it has a strength at all: a flip has none, and does what it does at any magnitude but 0
    gradient  how it lets the gradient of the magnitude through: `exact`, `through` (the true operation forwards, the
              identity backwards) or `none`
    full      what a magnitude of 1 means, with its unit: "30 degrees"
    """

    name: str
    family: Literal["affine", "bend", "tone", "grain", "stroke", "cover"]
    full: str
    apply: Callable[[Tensor, Tensor, Tensor, Dice], Tensor]
    matrix: Callable[[Tensor, tuple[int, int]], Tensor] | None = None
    signed: bool = False
    graded: bool = True
    gradient: Literal["exact", "through", "none"] = "none"


@dataclass(frozen=True)
class Move:
    """One operation at one magnitude, as it stands in a policy, in the evidence of a made sample, in a JSON file."""

    operation: str
    magnitude: float
