"""Reading pictures at other places: one antialiased bicubic resampling, with the ground's own value from outside."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nn


def affine(pictures: Tensor, matrices: Tensor, ground: Tensor) -> Tensor:
    """The pictures under these matrices; their gradient is exact but for the clamp, which lets it through.

    pictures  (b, c, h, w)
    matrices  (b, 2, 3) in pixels, old place (x, y) to new
    ground    (b, c), what comes in from outside the frame
    """
    height, width = pictures.shape[-2:]
    linear, offset = matrices[:, :, :2], matrices[:, :, 2]
    a, b, c, d = linear[:, 0, 0], linear[:, 0, 1], linear[:, 1, 0], linear[:, 1, 1]
    back = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / (a * d - b * c)[:, None, None]
    start = -(back @ offset[:, :, None])[:, :, 0]
    half = pictures.new_tensor([width / 2, height / 2])
    # In units of half a side from the centre, as grid_sample counts: old = (back @ (half new + half) + start) / half - 1.
    scaled = back * half / half[:, None]
    moved = ((back @ half) + start) / half - 1
    grid = nn.affine_grid(torch.cat([scaled, moved[:, :, None]], dim=2), list(pictures.shape), align_corners=False)
    shrink = torch.linalg.vector_norm(linear, dim=1)  # how long a step of one old pixel becomes: (b, 2), along x, y
    return read(pictures, grid, ground, widths=1 / shrink.clamp(max=1.0))


def read(pictures: Tensor, grid: Tensor, ground: Tensor, *, widths: Tensor | None = None) -> Tensor:
    """The pictures read at `grid` (b, h, w, 2), which counts from -1 to 1 over the sides of the frame.

    widths  (b, 2) how many old pixels one new pixel covers along x and y, from 1: so much is averaged first, so that
            thin strokes do not break
    """
    lifted = pictures - ground[:, :, None, None]
    if widths is not None and bool((widths > 1 + 1e-6).any()):
        lifted = separable(lifted, box(widths[:, 0]), box(widths[:, 1]))
    moved = nn.grid_sample(lifted, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return clamped(moved + ground[:, :, None, None])


def box(widths: Tensor) -> Tensor:
    """(b, taps) the mean over `widths` pixels about the centre, the outermost counted by what is covered of them."""
    taps = offsets(int((float(widths.detach().max()) + 1) / 2), widths)
    weights = ((widths[:, None] + 1) / 2 - taps.abs()).clamp(0, 1)
    return weights / weights.sum(dim=1, keepdim=True)


def bell(sigmas: Tensor, reach: int) -> Tensor:
    """(b, 2 reach + 1) Gaussian weights; a sigma of 0 px gives the picture back.

    Each is cut off at 3.5 sigma, however far the others of the batch reach.
    """
    taps = offsets(reach, sigmas)
    within = taps.abs() <= torch.ceil(3.5 * sigmas.detach())[:, None]
    weights = torch.exp(-(taps**2) / (2 * sigmas[:, None] ** 2 + 1e-6)) * within
    return weights / weights.sum(dim=1, keepdim=True)


def offsets(reach: int, like: Tensor) -> Tensor:
    return torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)


def separable(pictures: Tensor, across: Tensor, down: Tensor, *, edge: str = "constant") -> Tensor:
    """Each picture under its own weights along x (b, taps) and y (b, taps).

    edge  what lies outside: 0 (`constant`), or the outermost pixel (`replicate`)
    """
    count, channels, height, width = pictures.shape
    rows, columns = down.shape[1] // 2, across.shape[1] // 2
    padded = nn.pad(pictures, (columns, columns, rows, rows), mode=edge)
    flat = padded.reshape(1, count * channels, height + 2 * rows, width + 2 * columns)
    groups = count * channels
    sideways = across.repeat_interleave(channels, 0)[:, None, None, :]
    upright = down.repeat_interleave(channels, 0)[:, None, :, None]
    return nn.conv2d(nn.conv2d(flat, sideways, groups=groups), upright, groups=groups).view(pictures.shape)


def clamped(pictures: Tensor) -> Tensor:
    """Within 0 and 1; the gradient goes through as if nothing had been cut off.

    With a true clamp half of the gradient of noise on white paper would be lost.
    """
    return through(pictures.clamp(0, 1), pictures)


def through(forwards: Tensor, backwards: Tensor) -> Tensor:
    """The value of the first with the gradient of the second."""
    return forwards.detach() + (backwards - backwards.detach()) if backwards.requires_grad else forwards
