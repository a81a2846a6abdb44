"""Looks: pen, paper and scan of one picture, and where on it the drawing stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ruling:
    """Lines that were on the paper before the pen.

    upright   whether they run up and down; else across
    first_px  where the first one lies, from the left or from the top
    every_px  from one to the next; 0: there is one alone
    wide_px   how wide they are
    dark      0 (as the ground) to 1 (as the ink); where a scan makes black and white of it, near 0.5 they break up
    """

    upright: bool
    first_px: float
    every_px: float
    wide_px: float
    dark: float


@dataclass(frozen=True)
class Look:
    """What one picture of something written looks like, but for what is written.

    height_px, width_px  of the picture
    across, down         the middle of the drawing, shares of width and height
    scale                the larger of its share of the width and its share of the height
    aspect               log2 of its width over its height; None: as it was written
    slant                px to the right per px up that its strokes are sheared by
    pen_px               width of a stroke where the pen runs at its usual speed
    ground, ink          tones (1 or 3 of them, 0..255) of the paper and of full ink
    flow                 how much ink the pen leaves, 0..1; where strokes cross there is more of it
    swell                by how much of itself a stroke is thinner where the pen runs twice as fast
    taper                by how much of itself a stroke is thinner at its ends; below 0: thicker, as ink gathers there
    soft_px              how wide the edges of strokes are
    rough                0..1, how uneven the ink lies
    levels               (tone, share of the ink), darkest first, where a scan made few tones of many; else none
    grain                deviation of the scan's noise, 0..1
    shade                by how much the paper's tone drifts from one side to the other, 0..1
    stains               how many there are on the paper
    specks               share of the picture that is dirt
    rulings              lines on the paper
    jpeg                 quality at which the scan was saved; 0: without loss
    """

    height_px: int
    width_px: int
    across: float = 0.5
    down: float = 0.5
    scale: float = 0.7
    aspect: float | None = None
    slant: float = 0.0
    pen_px: float = 6.0
    ground: tuple[int, ...] = (255,)
    ink: tuple[int, ...] = (0,)
    flow: float = 0.9
    swell: float = 0.15
    taper: float = 0.1
    soft_px: float = 1.2
    rough: float = 0.15
    levels: tuple[tuple[int, float], ...] = ()
    grain: float = 0.0
    shade: float = 0.0
    stains: int = 0
    specks: float = 0.0
    rulings: tuple[Ruling, ...] = ()
    jpeg: int = 0
