"""Drawings in two styles: train has plenty of the one, the target of the other. What train lacks is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, VALID, Sample, raw_id
from tilth.signal import Array
from tilth.testing.worlds import World

Range = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """Ranges that drawings are drawn from, evenly; lengths and places are shares of the side, tones run from 0 to 255."""

    stroke: Range = (0.07, 0.11)
    across: Range = (0.38, 0.62)
    down: Range = (0.38, 0.62)
    scale: Range = (0.5, 0.7)
    ground: Range = (215, 250)
    ink: Range = (10, 70)


PLAIN = Style()

OTHERS: Mapping[str, tuple[Style, str]] = {
    "thin": (replace(PLAIN, stroke=(0.025, 0.04)), "stroke"),
    "moved": (replace(PLAIN, across=(0.26, 0.34), scale=(0.4, 0.5)), "across"),
    "dark": (replace(PLAIN, ground=(10, 60), ink=(190, 250)), "ground"),
}
"""Name -> a style that train may lack, and the attribute that tells it."""

GLYPHS: Mapping[str, tuple[tuple[float, float, float, float], ...]] = {
    "vee": ((-1, -1, 0, 1), (0, 1, 1, -1)),
    "cross": ((-1, -1, 1, 1), (-1, 1, 1, -1)),
    "bars": ((-0.6, -1, -0.6, 1), (0.6, -1, 0.6, 1)),
    "tent": ((-1, 1, 0, -1), (0, -1, 1, 1), (-0.5, 0.1, 0.5, 0.1)),
    "comb": ((-1, -1, -1, 1), (0, -1, 0, 1), (1, -1, 1, 1), (-1, 1, 1, 1)),
}
"""Name -> its strokes from (x, y) to (x, y), within -1..1, y down."""


@dataclass(frozen=True)
class Styled:
    """A world and the ids of its samples, of any split, that are drawn in the other style."""

    world: World
    other: frozenset[str]


def styled(
    name: str,
    *,
    n: int = 300,
    target: int = 52,
    test: int = 0,
    rare: float = 0.06,
    common: float = 0.6,
    side_px: int = 48,
    seed: int = 0,
) -> Styled:
    """Drawings of five glyphs, as many of each.

    name          of a style in `OTHERS`
    n             train samples, a share `rare` of them in the other style
    target, test  samples of valid and of the sealed split, a share `common` of them in the other style; both shares are
                  met exactly
    """
    rng = np.random.default_rng(seed)
    samples, contents, truth, other = [], {}, {}, set()
    for split, count, share in ((TRAIN, n, rare), (VALID, target, common), (TEST, test, common)):
        chosen = set(rng.permutation(count)[: round(share * count)].tolist())
        for number in range(count):
            label = number % len(GLYPHS)
            glyph = tuple(GLYPHS)[label]
            content = picture.encode(draw(glyph, OTHERS[name][0] if number in chosen else PLAIN, rng, side_px=side_px))
            path = f"{split}/{glyph}/{number:05d}.png"
            key = digest_bytes(content)
            sample = Sample(raw_id(key, path), key, path, label, split)
            samples.append(sample)
            contents[sample.id], truth[sample.id] = content, label
            if number in chosen:
                other.add(sample.id)
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple(GLYPHS)))
    none: frozenset[str] = frozenset()
    world = World(data, contents, truth, none, none, frozenset(), frozenset(), frozenset())
    return Styled(world, frozenset(other))


def draw(glyph: str, style: Style, rng: np.random.Generator, *, side_px: int = 48) -> Array:
    """A glyph by a hand that trembles: uint8 (side, side, 1)."""
    stroke, across, down, scale, ground, ink = (float(rng.uniform(*span)) for span in vars(style).values())
    turn = rng.uniform(-0.25, 0.25)
    axis = (np.arange(side_px) + 0.5) / side_px
    y, x = np.meshgrid(axis, axis, indexing="ij")
    nearest = np.full(x.shape, np.inf)
    matrix = scale / 2 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for line in GLYPHS[glyph]:
        ends = (np.array(line).reshape(2, 2) + rng.normal(0, 0.12, (2, 2))) @ matrix.T + [across, down]
        nearest = np.minimum(nearest, _apart(x, y, ends[0], ends[1]))
    covered = np.clip((stroke / 2 - nearest) * side_px + 0.5, 0, 1)
    grey = ground + (ink - ground) * covered + rng.normal(0, 3, covered.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)[:, :, None]


def _apart(x: Array, y: Array, start: Array, end: Array) -> Array:
    """How far each place is from the line between two points."""
    way = end - start
    along = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / max(float(way @ way), 1e-9), 0, 1)
    return np.hypot(x - start[0] - along * way[0], y - start[1] - along * way[1])
