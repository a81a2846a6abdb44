"""Pictures read at other places, bicubic, in whole numbers."""

from __future__ import annotations

import numpy as np

from tilth.augment.operations.kernels.bicubic import read_colour, read_grey
from tilth.numerics.compiled.kernels import kernel, part
from tilth.signal import Array

_STEPS = 256  # places within a pixel: half of one is off by half a level at the hardest edge
_BITS = 8  # 256 steps
_RIM = 4  # pixels of ground about a picture: a place beyond them reads nothing else
_FIRST, _THEN = 7, 14  # bits of the weights: values from -128 to 127 and their sums along one axis stay within 16 bits
_SHIFT = _FIRST + _THEN
_LANES = 32  # places are worked out so many at once; what is left over, one by one, would take as long as the rest
_SHARPNESS = -0.75  # of the cubic: torch's and OpenCV's


def _cubic() -> Array:
    """(steps, 4) how much of each of four neighbours there is at a place between the middle two."""
    at = np.arange(_STEPS)[:, None] / _STEPS + np.array([1, 0, -1, -2])
    far, a = np.abs(at), _SHARPNESS
    return np.where(far <= 1, ((a + 2) * far - (a + 3)) * far**2 + 1, ((a * far - 5 * a) * far + 8 * a) * far - 4 * a)


def _whole(weights: Array, bits: int) -> Array:
    """Whole numbers that add up to 2 ** bits, or flat paper would change."""
    out = np.round(weights * (1 << bits)).astype(np.int16)
    out[np.arange(len(out)), out.argmax(axis=1)] += (1 << bits) - out.sum(axis=1, dtype=np.int16)
    return out


_COARSE, _FINE = _whole(_cubic(), _FIRST), _whole(_cubic(), _THEN)
_PAIRS = (0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3)  # two columns of red, green, blue and nothing, and two more

TABLES = {1: (np.repeat(_COARSE, 4, axis=1), _FINE), 3: (np.repeat(_COARSE, 2, axis=1), _FINE[:, _PAIRS].copy())}
"""By the number of channels, the weights as the sums over the first axis and then the other want them: of a grey picture
first along x, of a colour one first along y."""


def counting(height: int, width: int) -> Array:
    """The words that `read` wants for pictures of this size: twice as fast where they need not be long."""
    longest = max((height + 2 * _RIM) * (width + 2 * _RIM) * 6, (max(height, width) + 2 * _RIM) * _STEPS)
    return np.zeros((3, -(-width // _LANES) * _LANES), dtype=np.int32 if longest < 1 << 31 else np.int64)


@part
def _lay(picture: Array, level: Array, lines: Array) -> None:
    """A picture (h, w c) with a rim of its ground, counted from 128: signed."""
    height, row = picture.shape
    channels, turn = len(level), np.uint8(128)
    # Unsigned, for LLVM does not see else that a place with something added is not one that counts from the end.
    left, right = np.uint64(_RIM * channels), np.uint64(_RIM * channels + row)
    for x in range(lines.shape[1]):
        lines[0, x] = np.int8(level[x % channels] ^ turn)
    for y in range(1, height + 2 * _RIM):
        if _RIM <= y < height + _RIM:
            for x in range(row):
                lines[y, left + np.uint64(x)] = np.int8(picture[y - _RIM, x] ^ turn)
            for x in range(_RIM * channels):
                lines[y, x] = lines[0, x]
                lines[y, right + np.uint64(x)] = lines[0, x]
        else:
            for x in range(lines.shape[1]):
                lines[y, x] = lines[0, x]


@part
def _join(lines: Array, sheet: Array) -> None:
    """Each pixel of a grey picture with the three below it in one word."""
    for y in range(len(lines) - 3):
        for x in range(lines.shape[1]):
            upper = np.uint32(lines[y, x]) | np.uint32(np.uint32(lines[y + 1, x]) << np.uint32(8))
            third, fourth = np.uint32(lines[y + 2, x]), np.uint32(lines[y + 3, x])
            lower = np.uint32(third << np.uint32(16)) | np.uint32(fourth << np.uint32(24))
            sheet[y, x] = np.uint32(upper) | np.uint32(lower)


@part
def _bulged(xs: Array, ys: Array, bulge: float, height: int, width: int) -> None:
    across, down = 0.5 * width, 0.5 * height
    for x in range(len(xs)):
        far, deep = (xs[x] - across) / across, (ys[x] - down) / down
        more = bulge * (0.5 * (far * far + deep * deep))
        xs[x] += more * (xs[x] - across)
        ys[x] += more * (ys[x] - down)


@kernel
def read(
    pictures: Array,
    back: Array,
    bulges: Array,
    bends: Array,
    between: Array,
    ground: Array,
    first: Array,
    then: Array,
    words: Array,
    out: Array,
) -> None:
    """Each picture, grey or RGB, read at its own places; outside lies the ground.

    pictures  (b, h, w c) uint8
    back      (b, 2, 3) in pixels, the new place of a pixel's middle to the old
    bulges    (b,) how many times its own place farther from the middle the corner is read, on top of that
    bends     (b, 2, h, k) pixels by which places are off besides, to the right and down, at each row and knot
    between   (k, w) how much of each knot there is at each column
    ground    (b, c) uint8
    first, then  `TABLES` of this number of channels
    words     (3, w and more) of a kind of whole number that counts the bytes of a picture laid out, see `counting`
    out       (b, h, w c) uint8, is filled
    """
    count, height, values = pictures.shape
    channels = ground.shape[1]
    width = values // channels
    tall, broad = height + 2 * _RIM, (width + 2 * _RIM) * channels
    lines = np.empty((tall if channels == 1 else 0, broad), dtype=np.uint8)
    # One line more: vectors of colour read a few values beyond the last.
    grey = np.empty((tall + 1 if channels == 1 else 0, broad), dtype=np.uint32)
    colour = np.empty((tall + 1 if channels == 3 else 0, broad), dtype=np.int16)
    wide = words.shape[1]
    xs, ys = np.empty(wide, dtype=np.float64), np.empty(wide, dtype=np.float64)
    places, firsts, thens = words[0], words[1], words[2]
    row = np.empty(wide * channels + 16, dtype=np.uint8)
    right, bottom = (width + 4.0) * _STEPS, (height + 4.0) * _STEPS
    step, pitch = (4, 4 * broad) if channels == 1 else (6, 2 * broad)  # bytes of a pixel and a line
    of_first, of_then = 2 * first.shape[1], 2 * then.shape[1]  # bytes of a row of weights
    for one in range(count):
        if channels == 1:
            _lay(pictures[one], ground[one], lines)
            _join(lines, grey)
        else:
            _lay(pictures[one], ground[one], colour)
        for y in range(height):
            along, upright = back[one, 0, 0], back[one, 1, 0]
            left = back[one, 0, 1] * (y + 0.5) + back[one, 0, 2]
            top = back[one, 1, 1] * (y + 0.5) + back[one, 1, 2]
            for x in range(wide):
                xs[x] = along * (x + 0.5) + left
                ys[x] = upright * (x + 0.5) + top
            if bulges[one] != 0:
                _bulged(xs, ys, bulges[one], height, width)
            for knot in range(len(between)):
                for x in range(width):
                    xs[x] += bends[one, 0, y, knot] * between[knot, x]
                    ys[x] += bends[one, 1, y, knot] * between[knot, x]
            for x in range(wide):
                # In steps, from the first pixel of the rim that all four taps of a place beyond the frame lie in.
                across_at = xs[x] * _STEPS + ((_RIM - 1.5) * _STEPS + 0.5)
                down_at = ys[x] * _STEPS + ((_RIM - 1.5) * _STEPS + 0.5)
                across_at = across_at if across_at > 0.0 else 0.0  # also what is no number
                down_at = down_at if down_at > 0.0 else 0.0
                far = words.dtype.type(across_at if across_at < right else right)
                deep = words.dtype.type(down_at if down_at < bottom else bottom)
                places[x] = (deep >> _BITS) * pitch + (far >> _BITS) * step
                firsts[x] = ((far if channels == 1 else deep) & (_STEPS - 1)) * of_first
                thens[x] = ((deep if channels == 1 else far) & (_STEPS - 1)) * of_then
            if channels == 1:
                for x in range(0, width, 4):
                    read_grey(grey, pitch, places, firsts, thens, x, first, then, _SHIFT, row)
            else:
                for x in range(0, width, 4):
                    read_colour(colour, pitch, places, firsts, thens, x, first, then, _SHIFT, row)
            for x in range(values):
                out[one, y, x] = row[x]
