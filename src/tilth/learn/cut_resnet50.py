"""The fixed model of the 2021 data-centric competition: ResNet-50 v1, cut after its first stage.

Source: the competition's train.py as told in its forum and papers (Keras, conv2_block3_out). 229,760 weights up to the
cut, and 257 for each class.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.learn.network import Blueprint, Networked
from tilth.learn.plan import Keep, Plan, Schedule


@dataclass(frozen=True)
class CutResNet50(Networked):
    """Train the fixed model of the 2021 data-centric competition from scratch: 32 x 32 pictures, ResNet-50 cut early.

    Adam, no schedule, no augmentation, the weights of the best valid accuracy. 16 ms a step on one 2021 server core:
    half an hour for 9,000 pictures and 100 epochs.
    """

    size_px: int = 32  # the competition's
    batch: int = 8  # the competition's
    epochs: int = 100  # the competition's
    rate: float = 1e-4  # the competition's
    schedule: Schedule = "none"  # the competition's; cosine, and the last weights, make a short training tell more
    warmup_share: float = 0.0  # the competition's
    keep: Keep = "best"  # the competition's: by valid accuracy, where there are valid samples; or last
    precision: str = "auto"  # auto: bf16 where a probe finds it faster; fp32 or bf16 to pin it

    version = 1
    gives = ("probabilities", "features")
    modality = ("image",)
    source = "Data-Centric AI Competition 2021; He et al. 2016, arXiv:1512.03385"
    cost = "O(n epochs); 2 ms a picture and epoch on one core"

    def blueprint(self) -> Blueprint:
        plan = Plan(
            epochs=self.epochs,
            batch=self.batch,
            optimizer="adam",
            rate=self.rate,
            epsilon=1e-7,
            keras_epsilon=True,
            schedule=self.schedule,
            warmup_share=self.warmup_share,
            keep=self.keep,
        )
        name = "learn.cut-resnet50"
        return Blueprint(name, lambda k, _: Net(k), plan, self.size_px, look="caffe", precision=self.precision)


class Net(nn.Module):
    """Pictures (b, 3, h, w) -> answers (b, k); the 256 values before the last layer are the embedding."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.stem, self.stem_norm = _kernel(3, 64, 7, stride=2, padding=3), _norm(64)
        self.blocks = nn.ModuleList([Bottleneck(64, project=True), Bottleneck(256), Bottleneck(256)])
        self.head = nn.Linear(256, k)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = F.relu(self.stem_norm(self.stem(pictures)), inplace=True)
        # Keras pads with zeros here; after relu these never win, as torch's minus infinity never does.
        seen = F.max_pool2d(seen, 3, 2, 1)
        b, _, h, w = seen.shape
        rows = seen.permute(0, 2, 3, 1).reshape(-1, 64)
        for block in self.blocks:
            rows = block(rows, (b, h, w))
        return self.head(rows.view(b, h * w, 256).mean(1))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 and the way past them, on rows (b h w, c): one per place of the picture.

    Rows, for a 1 x 1 convolution is then one matrix product over the batch. torch's own kernel goes picture by picture
    on small batches: 18.5 against 16.1 ms a step.
    """

    def __init__(self, channels: int, *, project: bool = False) -> None:
        super().__init__()
        self.past = _kernel(channels, 256, 1) if project else None
        self.past_norm = _norm(256) if project else None
        self.narrow, self.narrow_norm = _kernel(channels, 64, 1), _norm(64)
        self.across, self.across_norm = _kernel(64, 64, 3, padding=1), _norm(64)
        self.wide, self.wide_norm = _kernel(64, 256, 1), _norm(256)

    def forward(self, rows: torch.Tensor, place: tuple[int, int, int]) -> torch.Tensor:
        past = rows
        if self.past is not None and self.past_norm is not None:
            past = _normed(self.past_norm, _product(self.past, rows))
        inner = F.relu(_normed(self.narrow_norm, _product(self.narrow, rows)), inplace=True)
        inner = self.across(inner.view(*place, 64).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(-1, 64)
        inner = F.relu(_normed(self.across_norm, inner), inplace=True)
        return F.relu(_normed(self.wide_norm, _product(self.wide, inner)) + past, inplace=True)


def _kernel(channels: int, out: int, side: int, *, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    """Glorot uniform, with a bias. The bias stays at zero: BatchNorm takes the mean off, so its gradient is exactly
    zero, and Adam would only amplify the rounding in it."""
    kernel = nn.Conv2d(channels, out, side, stride, padding)
    nn.init.xavier_uniform_(kernel.weight)
    nn.init.zeros_(kernel.bias)  # pyright: ignore[reportArgumentType]
    kernel.bias.requires_grad_(False)  # pyright: ignore[reportOptionalMemberAccess]
    return kernel


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.01)  # Keras' momentum 0.99


def _product(kernel: nn.Conv2d, rows: torch.Tensor) -> torch.Tensor:
    return F.linear(rows, kernel.weight.flatten(1), kernel.bias)


def _normed(norm: nn.BatchNorm2d, rows: torch.Tensor) -> torch.Tensor:
    mean, variance, share = norm.running_mean, norm.running_var, norm.momentum or 0.0
    return F.batch_norm(rows, mean, variance, norm.weight, norm.bias, norm.training, share, norm.eps)
