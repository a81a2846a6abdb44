"""A network as a function of the pixels of whole pictures, with a way back: what perturbation follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from tilth.errors import StepError
from tilth.learn.preprocess import CAFFE_MEANS
from tilth.learn.setting import Setting
from tilth.numerics.picture import Picture

WHOLE = ("square", "caffe")
"""Looks that show the whole picture, resized: what is changed on it can be told on the picture itself."""


def pixels_of(pictures: Sequence[Picture], see: Callable[[Picture], torch.Tensor], look: str) -> torch.Tensor:
    """(b, c, h, w) float32 in 0..1: the pictures at the size at which the network sees them; c = 1 where all are grey, or
    the network sees one channel only.

    Raises StepError for a look that cuts something out of the picture.
    """
    if look not in WHOLE:
        raise StepError(
            f"this network cuts the content out of each picture ({look}), and its pixels cannot be followed back.\n"
            '  Take a network that sees the whole picture: learner = "convnet", "resnet34" or "cut-resnet50".'
        )
    seen = torch.stack([see(picture) for picture in pictures]).float()
    if look == "caffe":
        seen = seen.add_(_means(seen)).flip(1)
    if seen.shape[1] > 1 and all(picture.shape[2] == 1 for picture in pictures):
        seen = seen[:, :1]
    return (seen / 255).clamp_(0, 1)


def answering(
    net: nn.Module, look: str, shift: torch.Tensor | None, scale: torch.Tensor | None, channels: int, setting: Setting
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Pictures (b, c, h, w) in 0..1 -> answers (b, k) before softmax, in float32; gradients reach the pixels.

    channels  that the network takes; one is repeated where it takes more
    """
    move = lambda tensor: None if tensor is None else tensor.to(setting.device)  # noqa: E731
    shift, scale = move(shift), move(scale)
    order = torch.channels_last if setting.channels_last else torch.contiguous_format

    def answers(pixels: torch.Tensor) -> torch.Tensor:
        values = pixels.expand(-1, channels, -1, -1) * 255
        if look == "caffe":
            values = values.flip(1) - _means(values)
        if shift is not None and scale is not None:
            values = (values - shift) * scale
        return net(values.contiguous(memory_format=order)).float()

    return answers


def _means(like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(CAFFE_MEANS, device=like.device).view(1, 3, 1, 1)
