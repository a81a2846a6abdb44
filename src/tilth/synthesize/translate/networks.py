"""The networks of a translator: one that draws, one that tells drawn from real, and one that compares places.

Small by default, for pictures of 32 to 64 px on two cores; their widths are settings.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Generator(nn.Module):
    """Pictures (b, c, s, s) of -1..1 -> pictures of the other domain.

    A ResNet as in Johnson et al. 2016, on blocks of 2 x 2 pixels: layers at full size took two thirds of the time at 32 px,
    and drew no better. What its first half sees is what PatchNCE compares.

    halvings  of the side until the blocks, the one by blocks of pixels among them
    """

    def __init__(self, channels: int, *, width: int, halvings: int, blocks: int) -> None:
        super().__init__()
        wides = [width * 2**at for at in range(1, halvings + 1)]
        self.stem = _layer(4 * channels, wides[0], 3, mirrored=True)
        self.down = nn.ModuleList(_layer(a, b, 3, stride=2) for a, b in pairwise(wides))
        self.blocks = nn.ModuleList(_Block(wides[-1]) for _ in range(blocks))
        self.up = nn.ModuleList(_layer(b, a, 3) for a, b in reversed(list(pairwise(wides))))
        fine = max(width // 2, channels)
        self.fine = _convolution(wides[0], 4 * fine, 3)
        self.out = _convolution(fine, channels, 3, mirrored=True)  # over the seams of the blocks of pixels
        self.widths = (wides[0], wides[-1], wides[-1])  # of what `seen` gives

    def forward(self, pictures: Tensor) -> Tensor:
        return self.drawn(self.seen(pictures))

    def seen(self, pictures: Tensor) -> list[Tensor]:
        """What is seen of pictures after the stem, before the blocks and in the middle of them."""
        found = [self.stem(F.pixel_unshuffle(pictures, 2))]
        now = found[0]
        for layer in (*self.down, *self.blocks[: self._half]):
            if layer is self.blocks[0]:
                found.append(now)
            now = layer(now)
        return [*found, now]

    def drawn(self, seen: list[Tensor]) -> Tensor:
        """The pictures that the second half draws of what the first has seen."""
        now = seen[-1]
        for block in self.blocks[self._half :]:
            now = block(now)
        for layer in self.up:
            # Enlarged and then convolved: transposed convolutions leave a checkerboard (Odena et al. 2016).
            now = layer(F.interpolate(now, scale_factor=2.0, mode="nearest"))
        return torch.tanh(self.out(F.relu(F.pixel_shuffle(self.fine(now), 2))))

    @property
    def _half(self) -> int:
        return (len(self.blocks) + 1) // 2


class Critic(nn.Module):
    """Pictures (b, c, s, s) -> (b, 1, p, p), how real each patch seems: a patch of 34 px with two halvings, of 70 with three.

    classes  of which it is told one for each picture; 0: it is told none
    """

    def __init__(self, channels: int, *, width: int, halvings: int, classes: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(channels, width, 4, stride=2), nn.LeakyReLU(0.2)]
        for at in range(1, halvings + 1):
            kernel = _convolution(width * min(at, 2), 2 * width, 4, stride=2 if at < halvings else 1)
            layers += [kernel, _Norm(), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.out = _convolution(2 * width, 1, 4)
        self.classes = nn.Embedding(classes, 2 * width) if classes else None
        if self.classes is not None:
            nn.init.normal_(self.classes.weight, 0, 0.02)

    def forward(self, pictures: Tensor, classes: Tensor | None = None) -> Tensor:
        seen = self.layers(pictures)
        answers = self.out(seen)
        if self.classes is None or classes is None:
            return answers
        # Miyato and Koyama 2018: what is seen, projected on the class; the mean over the picture, for all its patches.
        own = (self.classes(classes) * seen.mean((2, 3))).sum(1)
        return answers + own.view(-1, 1, 1, 1)


class Reader(nn.Module):
    """Pictures (b, c, s, s) -> (b, classes), of which class each seems to be."""

    def __init__(self, channels: int, *, width: int, halvings: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(channels, width, 4, stride=2), nn.LeakyReLU(0.2)]
        for at in range(1, halvings + 1):
            layers += [_convolution(width * min(at, 2), 2 * width, 4, stride=2), _Norm(), nn.LeakyReLU(0.2)]
        # Where a stroke stands tells an I from a II: the mean over the whole picture would lose it.
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.out = nn.Linear(2 * width * 16, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.out(self.layers(pictures))


class Places(nn.Module):
    """For each layer of `Generator.seen` a small network: what is seen at a place -> a vector of length 1."""

    def __init__(self, widths: tuple[int, ...], *, size: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, size), nn.ReLU(), nn.Linear(size, size)) for width in widths
        )

    def forward(self, seen: list[Tensor], rows: list[Tensor]) -> list[Tensor]:
        """For each layer (b, p, size): the vectors at these places, `rows` (p,) of the h * w of the layer."""
        taken = [layer.flatten(2).index_select(2, at).transpose(1, 2) for layer, at in zip(seen, rows, strict=True)]
        return [F.normalize(head(places), dim=2) for head, places in zip(self.heads, taken, strict=True)]


class _Norm(nn.Module):
    """Instance normalisation, nothing learned."""

    def forward(self, values: Tensor) -> Tensor:
        # As groups of one channel: three times as fast on a CPU as F.instance_norm.
        return F.group_norm(values, values.shape[1])


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(_layer(width, width, 3), _convolution(width, width, 3), _Norm())

    def forward(self, values: Tensor) -> Tensor:
        return values + self.layers(values)


def _layer(channels: int, out: int, side: int, *, stride: int = 1, mirrored: bool = False) -> nn.Sequential:
    return nn.Sequential(_convolution(channels, out, side, stride=stride, mirrored=mirrored), _Norm(), nn.ReLU())


def _convolution(channels: int, out: int, side: int, *, stride: int = 1, mirrored: bool = False) -> nn.Conv2d:
    """A convolution that keeps the side, or with an even kernel takes a pixel off it; beyond the border lie zeros, or the
    picture mirrored."""
    mode = "reflect" if mirrored else "zeros"
    kernel = nn.Conv2d(channels, out, side, stride, (side - 1) // 2, padding_mode=mode)
    nn.init.normal_(kernel.weight, 0, 0.02)  # as CycleGAN and CUT begin
    assert kernel.bias is not None
    nn.init.zeros_(kernel.bias)
    return kernel
