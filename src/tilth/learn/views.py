"""Views: a picture as it might have looked too, drawn anew each time it is seen.

Sheared, turned, zoomed, shifted, stretched; now and then inverted; with noise. Nothing is mirrored: a mirrored letter or
digit is another or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Views:
    """How far views may differ from the picture.

    turn_deg   degrees, either way
    shear      pixels across per pixel down, either way
    zoom       natural logarithm of the zoom, either way
    stretch    the same, for the ratio of the sides
    shift      share of the side, either way
    noise      deviation of Gaussian noise at the most, in deviations of the pictures
    inverted   share of the views in which dark and bright change places
    """

    turn_deg: float = 12.0
    shear: float = 0.2
    zoom: float = 0.2
    stretch: float = 0.15
    shift: float = 0.08
    noise: float = 0.15
    inverted: float = 0.0

    def of(self, batch: torch.Tensor, dice: torch.Generator) -> torch.Tensor:
        """A view of each picture. batch: (b, c, h, w) with mean about 0; edges are continued."""
        drawn = torch.rand((8, len(batch)), generator=dice)
        seen = self._moved(batch, drawn[:6])
        if self.inverted:
            seen = torch.where((drawn[6] < self.inverted).to(batch.device).view(-1, 1, 1, 1), -seen, seen)
        if self.noise:
            level = (drawn[7] * self.noise).to(batch.device).view(-1, 1, 1, 1)
            seen = seen + level * torch.randn(seen.shape, generator=dice).to(batch.device)
        return seen

    def alike(self, batch: torch.Tensor, number: int) -> torch.Tensor:
        """One and the same view of each picture, whatever stands beside it: moved, without noise, not inverted."""
        dice = torch.Generator().manual_seed(number)
        return self._moved(batch, torch.rand((6, 1), generator=dice))

    def _moved(self, batch: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        """Turned, zoomed, stretched, sheared and shifted. drawn: (6, b) or (6, 1), 0..1."""
        either = (drawn * 2 - 1).to(batch.device)
        turn = torch.deg2rad(either[0] * self.turn_deg)
        grown = torch.exp(either[1] * self.zoom)
        wide = torch.exp(either[2] * self.stretch)
        cos, sin = torch.cos(turn) * grown, torch.sin(turn) * grown
        # From a place in the view to the place in the picture: (x, y) -> matrix (x, y) + shift, sides from -1 to 1.
        matrix = torch.stack([cos * wide, either[3] * self.shear * grown - sin, sin, cos / wide])
        grid = _grid(matrix, 2 * self.shift * either[4:], batch).expand(len(batch), -1, -1, -1)
        return F.grid_sample(batch, grid, "bilinear", "border", False)


def _grid(matrix: torch.Tensor, shift: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """(b, h, w, 2) where each place of a view lies in its picture. matrix (4, b), shift (2, b)."""
    y, x = (((torch.arange(side, device=batch.device) * 2 + 1) / side - 1) for side in batch.shape[2:])
    xx, xy, yx, yy = (part.view(-1, 1, 1) for part in matrix)
    across = xx * x.view(1, 1, -1) + xy * y.view(1, -1, 1) + shift[0].view(-1, 1, 1)
    down = yx * x.view(1, 1, -1) + yy * y.view(1, -1, 1) + shift[1].view(-1, 1, 1)
    return torch.stack([across, down], 3)
