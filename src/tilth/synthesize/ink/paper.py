"""Paper and scan: how unevenly ink lies, what was on the paper before, and what a scanner makes of both."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture
from tilth.synthesize.ink.looks import Look, Ruling

Array = npt.NDArray[Any]

_SIDE = 1024  # px of a sheet of noise; pictures take a part of it that is drawn
_HALF = 0.5  # of full ink: what is darker is ink to a scan in black and white


# -- noise ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _sheet(size_px: float) -> Array:
    """(1024, 1024) float32 noise of deviation 1 whose lumps are about this large; it goes on at its borders."""
    # Drawn once: to make noise for each picture would take as long as all the rest. Which part a picture takes, and
    # which way up, comes from its own generator.
    rng = np.random.default_rng([29, round(size_px * 16)])
    noise = rng.standard_normal((_SIDE, _SIDE), dtype=np.float32)
    waves = np.fft.fftfreq(_SIDE).astype(np.float32)
    soft = np.exp(-2 * (np.pi * size_px / 2) ** 2 * waves**2)
    noise = np.fft.irfft2(np.fft.rfft2(noise) * soft[:, None] * soft[None, : _SIDE // 2 + 1])
    return (noise / noise.std()).astype(np.float32)


def _noise(size_px: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """(h, w) of a sheet, from a place and a way up that are drawn."""
    sheet = _sheet(size_px)
    top, left, turn = (int(number) for number in rng.integers(0, (_SIDE, _SIDE, 8)))
    sheet = sheet.T if turn & 1 else sheet
    sheet = sheet[:: -1 if turn & 2 else 1, :: -1 if turn & 4 else 1]
    high, wide = shape
    if top + high <= _SIDE and left + wide <= _SIDE:
        return sheet[top : top + high, left : left + wide]
    return sheet[np.ix_((top + np.arange(high)) % _SIDE, (left + np.arange(wide)) % _SIDE)]


# -- ink and paper --------------------------------------------------------------------------------------------


def uneven(dark: Array, look: Look, rng: np.random.Generator) -> None:
    """Make ink (h, w) uneven in place: in small lumps, as the paper's tooth takes it, and in larger ones, as the pen
    gives it. Where it lies thick it is above 1."""
    rows = np.flatnonzero(dark.any(1))
    if look.rough <= 0 or not len(rows):
        return
    columns = np.flatnonzero(dark[rows[0] : rows[-1] + 1].any(0))
    inked = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    lumps = _noise(1.6, inked.shape, rng) * np.float32(0.75 * look.rough)
    lumps += _noise(7.0, inked.shape, rng) * np.float32(0.5 * look.rough)
    # Half-way up the edge noise moves the outline, by less than the edge is wide; on the ridge it pales the ink.
    lumps += 1
    inked *= lumps
    np.maximum(inked, 0, out=inked)


def ruled(dark: Array, look: Look, rng: np.random.Generator) -> None:
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
    across = np.clip(ruling.wide_px / 2 + 0.5 - np.abs(np.arange(left, right) + 0.5 - x), 0, 1).astype(np.float32)
    strength = ruling.dark * (1 + 0.12 * _noise(4.0, (sheet.shape[0], right - left), rng))
    part = sheet[:, left:right]
    np.maximum(part, np.clip(across * strength, 0, 1), out=part)


# -- scanning -------------------------------------------------------------------------------------------------


def scanned(dark: Array, look: Look, rng: np.random.Generator) -> Picture:
    """(h, w, c) uint8 of ink (h, w), 0 as the ground to 1 as full ink."""
    if look.specks > 0:
        _soiled(dark, look.specks, rng)
    if look.levels:
        return _few_tones(dark, look)
    tones = np.asarray(look.ground, np.float32) + np.minimum(dark, 1)[:, :, None] * (
        np.asarray(look.ink, np.float32) - np.asarray(look.ground, np.float32)
    )
    tones *= _light(dark.shape, look, rng)[:, :, None]
    if look.grain > 0:
        tones += (_noise(1.0, dark.shape, rng) * (255 * look.grain))[:, :, None]
    tones += 0.5
    pixels = np.clip(tones, 0, 255, out=tones).astype(np.uint8)
    return _saved(pixels, look.jpeg) if look.jpeg else pixels


def _few_tones(dark: Array, look: Look) -> Picture:
    """What is dark enough becomes ink, the darkest share of it the darkest tone."""
    pixels = np.full(dark.shape, look.ground[0], np.uint8)
    where = np.flatnonzero(dark.ravel() >= _HALF)
    inked = dark.ravel()[where]
    # From the palest tone to the darkest, each over the share of it and of all that are darker.
    tones, shares = [tone for tone, _ in look.levels], np.cumsum([share for _, share in look.levels])
    found = np.full(len(inked), tones[-1], np.uint8)
    for tone, share in zip(reversed(tones[:-1]), reversed(shares[:-1].tolist()), strict=True):
        count = round(share * len(inked))
        if count:
            found[np.argpartition(inked, -count)[-count:]] = tone
    pixels.ravel()[where] = found
    return pixels[:, :, None]


def _soiled(dark: Array, share: float, rng: np.random.Generator) -> None:
    """Dirt on this share of the picture, in place."""
    # In lumps of all sizes, and more of it in one place than in another.
    noise = _noise(2.6, dark.shape, rng) + 0.7 * _noise(40.0, dark.shape, rng)
    # The same noise on a coarse grid has the same quantiles.
    bound = np.quantile(noise[::7, ::7], 1 - min(share, 0.2))
    dark[noise > bound] = 0.9


def _light(shape: tuple[int, ...], look: Look, rng: np.random.Generator) -> Array:
    """(h, w) about 1: a drift of tone from side to side, and stains."""
    light = np.ones(shape, np.float32)
    y, x = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in shape)
    if look.shade > 0:
        angle = rng.uniform(0, 2 * np.pi)
        light += look.shade * (np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None])
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
