"""Pictures -> tensors a network takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from tilth.errors import LearnerError
from tilth.numerics import descriptor
from tilth.numerics import picture as pictures
from tilth.numerics.picture import Picture

_MOST_BYTES = 4 << 30  # all pictures lie in memory at once; beyond this a two-core machine would swap

CAFFE_MEANS = (103.939, 116.779, 123.68)
"""Blue, green, red: what the first ImageNet networks subtract."""


@dataclass(frozen=True)
class Inputs:
    """All pictures of a training, ready to be taken by index.

    values  (n, c, h, w) uint8, or float32 that needs nothing more
    shift   (1, c, 1, 1) and
    scale   (1, c, 1, 1): a batch is (values - shift) * scale
    """

    values: torch.Tensor
    shift: torch.Tensor | None = None
    scale: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """(b, c, h, w) float32."""
        taken = self.values[rows] if isinstance(rows, slice) else self.values.index_select(0, rows)
        if self.shift is None or self.scale is None:
            return taken
        return taken.float().sub_(self.shift).mul_(self.scale)

    def on(self, device: str, *, channels_last: bool) -> Inputs:
        """The same on a device and in a memory order."""
        order = torch.channels_last if channels_last else torch.contiguous_format
        move = lambda tensor: None if tensor is None else tensor.to(device)  # noqa: E731
        values = self.values.to(device).contiguous(memory_format=order)
        return replace(self, values=values, shift=move(self.shift), scale=move(self.scale))


def caffe(picture: Picture, side_px: int) -> torch.Tensor:
    """(3, side, side) float32, blue first, the caffe means subtracted, no scaling: as the 2021 competition's script.

    Bilinear with half-pixel centres, no antialiasing, ratio not kept, no rounding; grey is repeated.
    """
    rgb = torch.from_numpy(np.ascontiguousarray(pictures.to_channels(picture, 3))).permute(2, 0, 1)[None].float()
    small = F.interpolate(rgb, (side_px, side_px), mode="bilinear", align_corners=False, antialias=False)
    return small[0].flip(0) - torch.tensor(CAFFE_MEANS).view(3, 1, 1)


def square(picture: Picture, side_px: int, channels: int) -> torch.Tensor:
    """(channels, side, side) uint8; bilinear with antialiasing, ratio not kept."""
    small = pictures.resize(pictures.to_channels(picture, channels), side_px, side_px)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def content(picture: Picture, side_px: int, channels: int) -> torch.Tensor:
    """(channels, side, side) uint8: the content cut out where it lies on a clear ground, else the whole picture; its
    ratio half kept."""
    own = pictures.to_channels(picture, channels)
    return _cut(own, descriptor.content_box(descriptor.luma(own)), side_px)


def tidied(picture: Picture, side_px: int, channels: int) -> torch.Tensor:
    """As `content`, without what reaches in from the border or is dust."""
    own = pictures.to_channels(picture, channels)
    tidy, box = descriptor.tidied(own)
    return _cut(tidy, box, side_px)


def _cut(picture: Picture, box: descriptor.Box | None, side_px: int) -> torch.Tensor:
    cut = descriptor.squared(picture, box, side_px, keep_ratio=0.5)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1)


def stacked(look: Callable[[Picture], torch.Tensor], found: Iterable[Picture], n: int) -> torch.Tensor:
    """(n, c, h, w) what `look` makes of each picture, in one block of memory."""
    block: torch.Tensor | None = None
    at = -1
    for at, picture in enumerate(found):
        seen = look(picture)
        if block is None:
            _check_room(n, seen)
            block = torch.empty((n, *seen.shape), dtype=seen.dtype)
        block[at] = seen
    if block is None or at + 1 != n:
        raise LearnerError(f"{n} pictures were asked for and {at + 1} came")
    return block


def _check_room(n: int, one: torch.Tensor) -> None:
    needed = n * one.numel() * one.element_size()
    if needed > _MOST_BYTES:
        raise LearnerError(
            f"{n:,} pictures of {tuple(one.shape)} need {needed / 2**30:.1f} GiB of memory, more than "
            f"{_MOST_BYTES >> 30} GiB.\n  Choose a smaller size_px, or train with learn.command."
        )


def spread(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Shift and scale (1, c, 1, 1) that give uint8 pictures mean 0 and deviation 1 in each channel."""
    some = values[:: max(1, len(values) // 4096)]  # 4,096 pictures tell mean and deviation to 1 %
    flat = some.to(torch.float64).transpose(0, 1).flatten(1)
    mean, deviation = flat.mean(1), flat.std(1, correction=0).clamp_min(1.0)
    return mean.float().view(1, -1, 1, 1), (1 / deviation).float().view(1, -1, 1, 1)


def jittered(batch: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
    """Each picture turned by up to 8 degrees and shifted by up to 8 % of its side; edges are continued.

    Nothing is mirrored: a mirrored letter, digit or sign is another or none.
    """
    turn, across, down = ((torch.rand((3, len(batch)), generator=dice) * 2 - 1) * _JITTER).to(batch.device)
    cos, sin = torch.cos(turn).view(-1, 1, 1), torch.sin(turn).view(-1, 1, 1)
    y, x = (_middles(side, batch.device) for side in batch.shape[2:])
    # affine_grid does the same by a batch of tiny matrix products, which takes as long as a layer.
    grid = torch.stack(
        [
            cos * x.view(1, 1, -1) - sin * y.view(1, -1, 1) + across.view(-1, 1, 1),
            sin * x.view(1, 1, -1) + cos * y.view(1, -1, 1) + down.view(-1, 1, 1),
        ],
        dim=3,
    )
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def _middles(side: int, device: torch.device) -> torch.Tensor:
    """(side,) middles of the pixels, where the picture goes from -1 to 1."""
    return (torch.arange(side, device=device) * 2 + 1) / side - 1


_JITTER = torch.tensor([[0.14], [0.16], [0.16]])  # radians; halves of the side: 8 degrees, 8 % of the side
