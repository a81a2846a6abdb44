"""ResNet-34 from scratch: the fixed model of paper 4's animals competition."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.learn.network import Blueprint, Networked
from tilth.learn.plan import Plan

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # channels, blocks, stride


@dataclass(frozen=True)
class ResNet34(Networked):
    """Train a ResNet-34 from scratch on 64 x 64 pictures with SGD.

    The architecture and first weights of torchvision's. The best epoch is kept where there are valid samples. Heavy
    for a CPU: give it a GPU for more than a few thousand pictures.
    """

    size_px: int = 64  # paper 4
    batch: int = 128
    epochs: int = 30  # our choice: the paper names none
    rate: float = 0.1  # falls along a cosine; 0.1 for batches of 128 is He's
    momentum: float = 0.9  # paper 4
    weight_decay: float = 5e-4  # usual for small pictures from scratch
    precision: str = "auto"  # auto: bf16 where a probe finds it faster; fp32 or bf16 to pin it

    version = 1
    gives = ("probabilities", "features")
    modality = ("image",)
    source = "He et al. 2016, arXiv:1512.03385"
    cost = "O(n epochs); 1.8 GFLOP a picture of 64 px and epoch"

    def blueprint(self) -> Blueprint:
        plan = Plan(
            epochs=self.epochs,
            batch=self.batch,
            optimizer="sgd",
            rate=self.rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            schedule="cosine",
            warmup_share=0.05,
            keep="best",
        )
        return Blueprint("learn.resnet34", lambda k, _: Net(k), plan, self.size_px, precision=self.precision)


class Net(nn.Module):
    """Pictures (b, 3, h, w) -> answers (b, k); 512 values before the last layer."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        blocks: list[nn.Module] = []
        channels = 64
        for out, count, stride in _STAGES:
            for number in range(count):
                blocks.append(Block(channels, out, stride if number == 0 else 1))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(512, k)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = F.relu(self.stem_norm(self.stem(pictures)), inplace=True)
        seen = self.blocks(F.max_pool2d(seen, 3, 2, 1))
        return self.head(F.adaptive_avg_pool2d(seen, 1).flatten(1))


class Block(nn.Module):
    """Two 3 x 3 convolutions and the way past them."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.second, self.second_norm = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.past: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            self.past = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.first_norm(self.first(seen)), inplace=True)
        return F.relu(self.second_norm(self.second(inner)) + self.past(seen), inplace=True)
