"""One pixel: the place and the value of a single pixel that leads a network astray, found by evolution, without gradients.

All pictures of a batch evolve side by side, so that a generation is a few large batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tilth.perturb.gradient import Answers
from tilth.signal import Array

_MEAN, _SPREAD = 128 / 255, 127 / 255  # of the first values: Su et al., section 4.2


def one_pixel(
    answers: Answers,
    pixels: Tensor,
    labels: Tensor,
    dice: Sequence[np.random.Generator],
    *,
    agents: int = 400,
    generations: int = 100,
    factor: float = 0.5,
    at_once: int = 512,
) -> tuple[Tensor, Tensor]:
    """Differential evolution of (y, x, value of each channel), without crossover; a child takes the place of its parent
    where the label is less probable with it.

    pixels   (b, c, h, w) in 0..1
    labels   (b,) int64
    dice     a generator for each picture: what is found for one does not depend on the others
    factor   of the difference of two agents that is added to a third
    at_once  pictures that are looked at together
    returns  (b, c, h, w) each with the best pixel that was found, and (b,) bool whether it leads the network astray

    A picture rests as soon as an agent does.
    Source   Su et al. 2019, arXiv:1710.08864, sections 3.2 and 4.2
    Cost     up to agents (generations + 1) ways forth for each picture
    """
    height, width = pixels.shape[2:]
    genes = np.stack([_first(rng, agents, pixels.shape[1], height, width) for rng in dice])
    chance, astray = _asked(answers, pixels, labels, np.arange(len(pixels)), genes, at_once)
    for _ in range(generations):
        rows = np.flatnonzero(~astray.any(axis=1))
        if not len(rows):
            break
        children = np.stack([_children(dice[row], genes[row], factor, height, width) for row in rows.tolist()])
        theirs, led = _asked(answers, pixels, labels, rows, children, at_once)
        better = theirs < chance[rows]
        genes[rows] = np.where(better[:, :, None], children, genes[rows])
        chance[rows], astray[rows] = np.where(better, theirs, chance[rows]), np.where(better, led, astray[rows])
    # Of the agents that lead astray the one that does so most; where none does, the one that comes nearest.
    best = np.where(astray | ~astray.any(axis=1, keepdims=True), chance, np.inf).argmin(axis=1)
    shown = _painted(pixels, np.arange(len(pixels)), genes[np.arange(len(pixels)), best])
    return shown, torch.from_numpy(astray.any(axis=1)).to(pixels.device)


def _first(rng: np.random.Generator, agents: int, channels: int, height: int, width: int) -> Array:
    """(agents, 2 + c) places anywhere, values around the middle."""
    places = rng.random((agents, 2)) * (height, width)
    return np.concatenate([places, np.clip(rng.normal(_MEAN, _SPREAD, (agents, channels)), 0, 1)], axis=1)


def _children(rng: np.random.Generator, genes: Array, factor: float, height: int, width: int) -> Array:
    """(agents, 2 + c) for each agent another one, moved by the difference of two; genes that leave their range are drawn
    anew, since those pushed back to it would crowd the rim."""
    first, second, third = _three(rng, len(genes))
    children = genes[first] + factor * (genes[second] - genes[third])
    most = np.array([height, width, *[1.0] * (genes.shape[1] - 2)])
    outside = (children < 0) | (children > most) | ((children >= most) & (most > 1))
    return np.where(outside, rng.random(children.shape) * most, children)


def _three(rng: np.random.Generator, agents: int) -> tuple[Array, Array, Array]:
    """Three rows for each agent that differ from each other."""
    first = rng.integers(agents, size=agents)
    second = (first + 1 + rng.integers(agents - 1, size=agents)) % agents
    low, high = np.minimum(first, second), np.maximum(first, second)
    third = rng.integers(agents - 2, size=agents)
    third += third >= low
    third += third >= high
    return first, second, third


def _asked(
    answers: Answers, pixels: Tensor, labels: Tensor, rows: Array, genes: Array, at_once: int
) -> tuple[Array, Array]:
    """(r, agents) the probability of the label with each pixel, and whether another class is answered."""
    agents = genes.shape[1]
    of, flat = np.repeat(rows, agents), genes.reshape(len(rows) * agents, -1)
    chance, astray = np.empty(len(of), np.float32), np.empty(len(of), bool)
    with torch.inference_mode():
        for start in range(0, len(of), at_once):
            part = slice(start, start + at_once)
            logits = answers(_painted(pixels, of[part], flat[part]))
            own = labels[torch.from_numpy(of[part]).to(labels.device)]
            chance[part] = torch.softmax(logits, 1).gather(1, own[:, None])[:, 0].cpu().numpy()
            astray[part] = (logits.argmax(1) != own).cpu().numpy()
    return chance.reshape(-1, agents), astray.reshape(-1, agents)


def _painted(pixels: Tensor, rows: Array, genes: Array) -> Tensor:
    """(m, c, h, w) pictures `rows`, each with one pixel set."""
    shown = pixels[torch.from_numpy(rows).to(pixels.device)]
    where = torch.from_numpy(genes[:, :2].astype(np.int64)).to(pixels.device)
    value = torch.from_numpy(genes[:, 2:].astype(np.float32)).to(pixels.device)
    shown[torch.arange(len(rows), device=pixels.device), :, where[:, 0], where[:, 1]] = value
    return shown
