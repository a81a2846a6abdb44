"""DeepFool: about the shortest change that carries a picture over the border of its class; its length is a margin."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tilth.perturb.gradient import Answers, lengths

_BEYOND = 1e-4  # added to each distance, as the authors do: a step to the border itself may end on this side of it


@dataclass(frozen=True)
class Crossing:
    """Where pictures were carried.

    pixels    (b, c, h, w) in 0..1, beyond the border where `crossed`
    distance  (b,) length of the cumulated change without the overshoot; 0 for a picture that was there already. Where the
              border was not crossed, how far was searched
    crossed   (b,) bool
    steps     (b,) int, borders that were aimed at
    """

    pixels: Tensor
    distance: Tensor
    crossed: Tensor
    steps: Tensor


def deepfool(
    answers: Answers,
    pixels: Tensor,
    labels: Tensor,
    *,
    steps: int = 50,
    overshoot: float = 0.02,
    candidates: int = 10,
) -> Crossing:
    """Step by step to the nearest border of the label, as the network would have it if it were linear here.

    pixels      (b, c, h, w) in 0..1
    labels      (b,) int64; a picture that is answered otherwise already stays as it is
    overshoot   share of the whole change that is added to it
    candidates  classes that are looked at, the label among them: those that are answered most at the start

    A picture is left alone as soon as its answer changed, and costs nothing more.
    Source      Moosavi-Dezfooli et al. 2016, arXiv:1511.04599, algorithm 2
    Cost        per step a way forth and `candidates` - 1 ways back
    """
    with torch.no_grad():
        ranked = torch.argsort(answers(pixels), dim=1, descending=True, stable=True)
    others = _without(ranked, labels)[:, : max(candidates - 1, 1)]

    def nearest(logits: Tensor, shown: Tensor, rows: Tensor) -> Tensor:
        own, gains, slopes = labels[rows, None], [], []
        for column in others[rows].T:
            gain = (logits.gather(1, column[:, None]) - logits.gather(1, own))[:, 0]
            slopes.append(torch.autograd.grad(gain.sum(), shown, retain_graph=True)[0])
            gains.append(gain.detach())
        return _shortest(torch.stack(gains, 1), torch.stack(slopes, 1))

    return _walked(
        answers,
        pixels,
        lambda logits, rows: logits.argmax(1) != labels[rows],
        nearest,
        steps=steps,
        overshoot=overshoot,
    )


def deepfool_towards(
    answers: Answers, pixels: Tensor, targets: Tensor, *, steps: int = 50, overshoot: float = 0.02
) -> Crossing:
    """About the shortest change after which the network answers with the target.

    targets  (b,) int64; a picture that is answered so already stays as it is

    Each step aims at the border to the class that is answered instead.
    Cost     per step a way forth and one back
    """

    def onwards(logits: Tensor, shown: Tensor, rows: Tensor) -> Tensor:
        own = targets[rows, None]
        rest = logits.detach().scatter(1, own, -torch.inf).argmax(1, keepdim=True)
        gain = (logits.gather(1, own) - logits.gather(1, rest))[:, 0]
        slope = torch.autograd.grad(gain.sum(), shown)[0]
        return _shortest(gain.detach()[:, None], slope[:, None])

    return _walked(
        answers,
        pixels,
        lambda logits, rows: logits.argmax(1) == targets[rows],
        onwards,
        steps=steps,
        overshoot=overshoot,
    )


def _walked(answers: Answers, pixels: Tensor, there, step, *, steps: int, overshoot: float) -> Crossing:
    """Add up steps until each picture is there; those that are leave the batch."""
    b = len(pixels)
    change, shown = torch.zeros_like(pixels), pixels.clone()
    taken, rows = torch.zeros(b, dtype=torch.int64, device=pixels.device), torch.arange(b, device=pixels.device)
    for number in range(steps + 1):
        with torch.enable_grad():
            now = shown[rows].requires_grad_(True)
            logits = answers(now)
            done = there(logits, rows)
            if number < steps and done.any() and not done.all():
                # Asked again without those that are there: the ways back are many and cost more than this one forth.
                rows = rows[~done]
                now = shown[rows].requires_grad_(True)
                logits, done = answers(now), done[~done]
            rows = rows[~done]
            if not len(rows) or number == steps:
                break
            moved = step(logits, now, rows)
        change[rows] += moved
        shown[rows] = (pixels[rows] + (1 + overshoot) * change[rows]).clamp_(0, 1)
        taken[rows] += 1
    crossed = torch.ones(b, dtype=torch.bool, device=pixels.device)
    crossed[rows] = False
    return Crossing(shown, lengths(change).flatten(), crossed, taken)


def _shortest(gains: Tensor, slopes: Tensor) -> Tensor:
    """(b, c, h, w) the step to the nearest of the borders.

    gains   (b, j) by how much less each class is answered; where it is answered more, its border lies behind
    slopes  (b, j, c, h, w) gradients of the gains
    """
    steep = torch.linalg.vector_norm(slopes.flatten(2), dim=2)
    far = gains.abs() / steep.clamp_min(1e-8)
    at = far.argmin(1)
    rows = torch.arange(len(far), device=far.device)
    scale = (far[rows, at] + _BEYOND) / steep[rows, at].clamp_min(1e-8)
    return slopes[rows, at] * scale.view(-1, 1, 1, 1)


def _without(ranked: Tensor, labels: Tensor) -> Tensor:
    """(b, k - 1) the ranked classes without the label."""
    return ranked[ranked != labels[:, None]].view(len(ranked), -1)
