"""Paper and scan: how unevenly ink lies, what was on the paper before, and what a scanner makes of both."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture
from tilth.synthesize.ink.looks import Look, Ruling
from tilth.synthesize.ink.tiles import Ink

Array = npt.NDArray[Any]

_SIDE = 1024  # px of a sheet of noise; pictures take a part of it that is drawn
_HALF = 0.5  # of full ink: what is darker is ink to a scan in black and white

# Sheets of noise, each of layers (lumps in px, weight).
# In small lumps, as the paper's tooth takes ink, and in larger ones, as the pen gives it.
_INKED = ((1.6, 0.75), (7.0, 0.5))
_DIRTY = ((2.6, 1.0), (40.0, 0.7))  # in lumps of all sizes, and more of it in one place than in another
_PRINTED = ((4.0, 0.12),)
_GRAIN = ((1.0, 1.0),)


def scanned(ink: Ink, look: Look, rng: np.random.Generator) -> Picture:
    """(h, w, c) uint8: the ink on its paper, as a scanner sees it."""
    _uneven(ink.dark, look, rng)
    if look.levels and not look.rulings and not look.specks:
        pixels = _blank(look)
        _few_tones(ink.dark, look, pixels, ink.top, ink.left)
        return pixels
    dark = np.zeros((look.height_px, look.width_px), np.float32)
    there = dark[ink.top : ink.top + len(ink.dark), ink.left : ink.left + ink.dark.shape[1]]
    there[...] = ink.dark[: there.shape[0], : there.shape[1]]
    _ruled(dark, look, rng)
    if look.specks > 0:
        _soiled(dark, look.specks, rng)
    if look.levels:
        pixels = _blank(look)
        _few_tones(dark, look, pixels, 0, 0)
        return pixels
    pixels = _toned(dark, look, rng)
    return _saved(pixels, look.jpeg) if look.jpeg else pixels


# -- noise ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _sheet(layers: tuple[tuple[float, float], ...]) -> Array:
    """(1024, 1024) float32 noise, each layer of the deviation that is its weight and in lumps about as large as it says; it
    goes on at its borders."""
    # Drawn once: to make noise for each picture would take as long as all the rest. Which part a picture takes comes from
    # its own generator.
    waves = np.fft.fftfreq(_SIDE).astype(np.float32)
    sheet = np.zeros((_SIDE, _SIDE), np.float32)
    for size_px, weight in layers:
        rng = np.random.default_rng([29, round(size_px * 16)])
        noise = rng.standard_normal((_SIDE, _SIDE), dtype=np.float32)
        soft = np.exp(-2 * (np.pi * size_px / 2) ** 2 * waves**2)
        noise = np.fft.irfft2(np.fft.rfft2(noise) * soft[:, None] * soft[None, : _SIDE // 2 + 1])
        sheet += (noise * (weight / noise.std())).astype(np.float32)
    sheet.flags.writeable = False  # all pictures share it
    return sheet


def _noise(layers: tuple[tuple[float, float], ...], shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """(h, w) of a sheet, from a place that is drawn."""
    sheet = _sheet(layers)
    high, wide = shape
    # Of what is at most half as large as the sheet a part is taken as it lies: there are places enough.
    top, left = (int(rng.random() * (_SIDE - side if 2 * side <= _SIDE else _SIDE)) for side in shape)
    if top + high <= _SIDE and left + wide <= _SIDE:
        return sheet[top : top + high, left : left + wide]
    return sheet[np.ix_((top + np.arange(high)) % _SIDE, (left + np.arange(wide)) % _SIDE)]


# -- ink and paper --------------------------------------------------------------------------------------------


def _uneven(dark: Array, look: Look, rng: np.random.Generator) -> None:
    """Make ink (h, w) uneven in place. Where it lies thick it is above 1; below 0 there is none."""
    if look.rough <= 0 or not dark.size:
        return
    # Half-way up the edge noise moves the outline, by less than the edge is wide; on the ridge it pales the ink.
    lumps = _noise(_INKED, dark.shape, rng) * np.float32(look.rough)
    lumps += 1
    dark *= lumps


def _ruled(dark: Array, look: Look, rng: np.random.Generator) -> None:
    """Draw the lines of the paper into (h, w) in place."""
    for ruling in look.rulings:
        sheet = dark if ruling.upright else dark.T
        side = sheet.shape[1]
        many = 1 if ruling.every_px <= 0 else int((side - ruling.first_px) // ruling.every_px) + 1
        for at in range(max(many, 0)):
            _line(sheet, ruling, ruling.first_px + at * ruling.every_px, rng)


def _line(sheet: Array, ruling: Ruling, x: float, rng: np.random.Generator) -> None:
    """One upright line at x px."""
    left, right = int(max(0, x - ruling.wide_px - 1)), int(min(sheet.shape[1], x + ruling.wide_px + 2))
    if left >= right:
        return
    across = ruling.wide_px / 2 + 0.5 - np.abs(np.arange(left, right) + 0.5 - x)
    across = (ruling.dark * np.clip(across, 0, 1)).astype(np.float32)
    part = sheet[:, left:right]
    # The noise is taken across where the line runs across: so both lie in memory alike.
    strength = _noise(_PRINTED, part.shape, rng) if sheet.flags.c_contiguous else _noise(_PRINTED, part.T.shape, rng).T
    np.maximum(part, np.clip(across * (1 + strength), 0, 1), out=part)


def _soiled(dark: Array, share: float, rng: np.random.Generator) -> None:
    """Dirt on this share of the picture, in place."""
    noise = _noise(_DIRTY, dark.shape, rng)
    # The same noise on a coarse grid has the same quantiles.
    bound = np.quantile(noise[::7, ::7], 1 - min(share, 0.2))
    dark[noise > bound] = 0.9


# -- scanning -------------------------------------------------------------------------------------------------


def _blank(look: Look) -> Picture:
    return np.full((look.height_px, look.width_px, 1), look.ground[0], np.uint8)


def _few_tones(dark: Array, look: Look, pixels: Picture, top: int, left: int) -> None:
    """Into a blank picture (h, w, 1): what is dark enough becomes ink, the darkest share of it the darkest tone; what is
    equally dark has one tone.

    dark  of a part of it, which may reach beyond
    """
    there = pixels[top : top + dark.shape[0], left : left + dark.shape[1], 0]
    dark = dark[: there.shape[0], : there.shape[1]]
    # From the palest tone to the darkest, each over the share of it and of all that are darker.
    inked = dark >= _HALF
    tones, shares = [look.ground[0], *(tone for tone, _ in reversed(look.levels))], [share for _, share in look.levels]
    there += inked.view(np.uint8) * _step(tones[0], tones[1])
    values = dark[inked] if len(shares) > 1 else np.empty(0)
    for before, tone, share in zip(tones[1:], tones[2:], np.cumsum(shares)[-2::-1].tolist(), strict=False):
        count = round(share * len(values))
        if count:
            bound = np.partition(values, len(values) - count)[len(values) - count]
            there += (dark >= bound).view(np.uint8) * _step(before, tone)


def _step(before: int, after: int) -> np.uint8:
    """What is to be added to one tone to get another, as bytes add: several times as fast as setting some of them."""
    return np.uint8((after - before) % 256)


def _toned(dark: Array, look: Look, rng: np.random.Generator) -> Picture:
    """(h, w, c) uint8 of ink (h, w), 0 as the ground to 1 as full ink."""
    np.clip(dark, 0, 1, out=dark)
    light = _light(dark.shape, look, rng)
    grain = _noise(_GRAIN, dark.shape, rng) * np.float32(255 * look.grain) if look.grain > 0 else np.float32(0)
    grain += np.float32(0.5)
    pixels = np.empty((*dark.shape, len(look.ground)), np.uint8)
    for channel, (ground, ink) in enumerate(zip(look.ground, look.ink, strict=True)):
        tones = dark * np.float32(ink - ground)
        tones += np.float32(ground)
        if light is not None:
            tones *= light
        tones += grain
        pixels[:, :, channel] = np.clip(tones, 0, 255, out=tones)
    return pixels


def _light(shape: tuple[int, ...], look: Look, rng: np.random.Generator) -> Array | None:
    """(h, w) about 1: a drift of tone from side to side, and stains; None where there is neither."""
    if look.shade <= 0 and not look.stains:
        return None
    light = np.ones(shape, np.float32)
    y, x = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in shape)
    if look.shade > 0:
        angle = rng.uniform(0, 2 * np.pi)
        light += look.shade * np.cos(angle) * x[None, :] + look.shade * np.sin(angle) * y[:, None]
    for _ in range(look.stains):
        (middle_x, middle_y), size = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.08, 0.3)
        off = np.sqrt((x[None, :] - middle_x) ** 2 + (y[:, None] - middle_y) ** 2) / size
        # Liquid dries from its rim: darkest at the border of the stain.
        light *= 1 - rng.uniform(0.03, 0.1) * np.where(off < 1, 0.5 + 0.5 * off**6, np.exp(-(((off - 1) * 12) ** 2)))
    return light


def _saved(pixels: Picture, quality: int) -> Picture:
    """The picture as it comes back from a JPEG file of this quality."""
    from PIL import Image

    sink = io.BytesIO()
    grey = pixels.shape[2] == 1
    Image.fromarray(pixels[:, :, 0] if grey else pixels).save(sink, "JPEG", quality=quality)
    back = np.asarray(Image.open(sink))
    return back[:, :, None] if grey else back
