"""A few operations, written as plainly as can be: what the policy search is tested with."""

import math

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from tilth.augment.operation import Operation


def _affine(rows):
    def apply(pictures, magnitudes, ground, dice):
        theta = rows(magnitudes)
        grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
        paper = ground[:, :, None, None]
        return paper + F.grid_sample(pictures - paper, grid, align_corners=False)

    return apply


def _rows(a, b, c, d, e, f):
    return torch.stack([torch.stack([a, b, c], 1), torch.stack([d, e, f], 1)], 1)


def _shear_x(m):
    one, nil = torch.ones_like(m), torch.zeros_like(m)
    return _rows(one, 0.3 * m, nil, nil, one, nil)


def _shift_x(m):
    one, nil = torch.ones_like(m), torch.zeros_like(m)
    return _rows(one, nil, 0.4 * m, nil, one, nil)


def _rotate(m):
    turn, nil = m * math.radians(30), torch.zeros_like(m)
    return _rows(torch.cos(turn), -torch.sin(turn), nil, torch.sin(turn), torch.cos(turn), nil)


def _invert(pictures, magnitudes, ground, dice):
    on = (magnitudes != 0).float().view(-1, 1, 1, 1)
    return pictures + on * (1 - 2 * pictures)


def _noise(pictures, magnitudes, ground, dice):
    drawn = np.stack([one.standard_normal(tuple(pictures.shape[1:]), dtype=np.float32) for one in dice])
    return pictures + 0.2 * magnitudes.view(-1, 1, 1, 1) * torch.from_numpy(drawn).to(pictures.device)


PLAIN = {
    "shear_x": Operation("shear_x", "affine", ".3", _affine(_shear_x), signed=True, gradient="exact"),
    "shift_x": Operation("shift_x", "affine", ".2 of the side", _affine(_shift_x), signed=True, gradient="exact"),
    "rotate": Operation("rotate", "affine", "30 degrees", _affine(_rotate), signed=True, gradient="exact"),
    "invert": Operation("invert", "tone", "always", _invert, graded=False),
    "noise": Operation("noise", "grain", "deviation of .2", _noise, gradient="exact"),
}
