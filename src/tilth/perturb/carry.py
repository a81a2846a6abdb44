"""A change that was found at the size at which a network sees a picture, brought to the picture's own size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from tilth.signal import Array

_ROUNDS = 6  # of making good what enlarging and shrinking blurs; the share that still leads astray stands still after 5


def carried(original: Array, change: Tensor, *, limit: float | None = None) -> Array:
    """The picture with the change, as a file holds it.

    original  (h, w, c) uint8
    change    (c or 1, H, W) in units of the range, of the whole picture at another size
    limit     most that a pixel may move, in units of the range; None: as far as it goes
    returns   (h, w, c) uint8

    A change that is enlarged and then shrunk again by the network's own way of looking comes out blurred. So what is
    missing of it is added, enlarged, a few times over, as far as limit and range let it. Where the picture is smaller than
    what the network sees, fine grain has no place on it and is lost.
    """
    own = torch.from_numpy(np.ascontiguousarray(original)).permute(2, 0, 1).float()[None] / 255
    wanted = change.detach().cpu()[None]
    if own.shape[1] == 1 and wanted.shape[1] == 3:
        wanted = wanted.mean(1, keepdim=True)
    low, high = -own, 1 - own
    if limit is not None:
        low, high = low.clamp_min(-limit), high.clamp_max(limit)
    moved = torch.zeros_like(own)
    for _ in range(_ROUNDS if own.shape[2:] != wanted.shape[2:] else 1):
        missing = wanted - _resized(moved, wanted.shape[2:])
        moved = torch.clamp(moved + _resized(missing, own.shape[2:]), low, high)
    return _pixels(own + moved)


def pointed(original: Array, value: Tensor, row: int, column: int, size: tuple[int, int]) -> Array:
    """The picture with one pixel of what the network sees set: all of the picture's own pixels that fall into it.

    value  (c or 1,) in 0..1
    size   (H, W) at which the network sees the picture
    """
    out = original.copy()
    rows, columns = (_span(at, small, own) for at, small, own in zip((row, column), size, out.shape[:2], strict=True))
    shown = value.detach().cpu()
    shown = shown.mean(0, keepdim=True) if out.shape[2] == 1 else shown
    out[rows, columns] = (shown * 255 + 0.5).clamp(0, 255).to(torch.uint8).numpy()
    return out


def _span(at: int, small: int, own: int) -> slice:
    start = round(at * own / small)
    return slice(min(start, own - 1), max(round((at + 1) * own / small), min(start, own - 1) + 1))


def _resized(change: Tensor, size: torch.Size) -> Tensor:
    if change.shape[2:] == size:
        return change
    return F.interpolate(change, tuple(size), mode="bilinear", align_corners=False, antialias=True)


def _pixels(values: Tensor) -> Array:
    return (values[0] * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
