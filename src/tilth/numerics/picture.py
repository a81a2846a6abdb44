"""Pictures: bytes -> uint8 (h, w, c) and back, and a few facts about them."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from tilth.errors import ContentError

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
Picture = npt.NDArray[np.uint8]

MOST_PIXELS = 100_000_000
"""Above this a picture is refused before it is decoded: 300 MB of RGB, the size at which bombs begin."""


# What people keep pictures in. Pillow opens more, some through outside programs (EPS) or by a guess (SPIDER).
_FORMATS = frozenset(
    {"AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM", "TGA", "TIFF", "WEBP"}
)


# Beside EXIF, where Pillow looks for an orientation.
_ORIENTED = frozenset({"Raw profile type exif", "XML:com.adobe.xmp", "xmp"})


class _Quiet:
    """No warnings while any thread decodes: Pillow warns of odd metadata; what matters raises.

    `warnings.catch_warnings` alone is wrong in threads: the one that leaves first brings the old filters back for all,
    the one that leaves last keeps "ignore" for ever. So the first one in switches, the last one out switches back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._held = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._held = warnings.catch_warnings()
                self._held.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._held.__exit__(None, None, None)


_QUIET = _Quiet()


def decode(content: bytes) -> Picture:
    """The first frame of an image file as uint8: (h, w, 1) where it is grey, (h, w, 3) RGB otherwise.

    EXIF orientation is applied, palettes and CMYK become RGB, 16-bit and float are scaled to 8, alpha is laid on white.
    Raises ContentError, with the reason, for anything that does not decode whole.
    """
    return _opened(content, lambda image: _to_uint8(_upright(image)))


def check(content: bytes) -> tuple[int, int]:
    """(height, width) in pixels of what `decode` would give; the same errors, in half of the time."""

    def size(image: Image.Image) -> tuple[int, int]:
        # Grey and RGB are done when they are loaded; the rest is tried, as not every mode can be converted.
        if image.mode not in ("L", "RGB") or "exif" in image.info or image.info.keys() & _ORIENTED:
            return _to_uint8(_upright(image)).shape[:2]
        return image.height, image.width

    return _opened(content, size)


def _opened(content: bytes, use: Callable[[Image.Image], T]) -> T:
    """What `use` makes of the loaded first frame."""
    from PIL import Image

    if not content:
        raise ContentError("the file is empty (0 bytes)")
    try:
        with _QUIET, Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if image.format not in _FORMATS:
                raise ContentError(f"{image.format} files are not read; save it as PNG or JPEG")
            if width * height > MOST_PIXELS:
                raise ContentError(f"{width} x {height} px is more than {MOST_PIXELS:,} pixels: a bomb or a mistake")
            image.load()
            return use(image)
    except ContentError:
        raise
    except Exception as fault:  # Pillow's decoders raise anything from OSError to struct.error and IndexError
        raise ContentError(f"not a readable image ({_reason(fault)})") from fault


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF, of any kind: the pixels are whole all the same
        return image


def _reason(fault: Exception) -> str:
    text = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
    # The address of the buffer in memory says nothing to a person and changes from run to run.
    return "no known image format" if "cannot identify" in text else text


def _to_uint8(image: Image.Image) -> Picture:
    from PIL import Image

    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _scaled(np.asarray(image))[:, :, None]
    if image.mode == "1":
        image = image.convert("L")
    if "A" in image.mode or "transparency" in image.info:
        rgba = image.convert("RGBA")
        flat = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        flat.alpha_composite(rgba)
        image = flat.convert("L") if image.mode in ("L", "LA") else flat.convert("RGB")
    if image.mode == "L":
        return np.asarray(image)[:, :, None].copy()
    return np.asarray(image.convert("RGB")).copy()


def _scaled(values: npt.NDArray[np.generic]) -> Picture:
    # 16-bit files use 0..65535 by definition; 32-bit and float ones have no common range, so theirs is taken.
    wide = np.nan_to_num(values.astype(np.float64))
    most, low = float(wide.max(initial=0)), min(0.0, float(wide.min(initial=0)))
    if values.dtype.itemsize == 2 or 255 < most <= 65535:
        top = 65535.0
    else:
        top = 255.0 if 1 < most <= 255 else most
    return np.clip((wide - low) / max(top - low, 1e-9) * 255 + 0.5, 0, 255).astype(np.uint8)


def encode(picture: Picture, *, suffix: str = ".png", quality: int = 95) -> bytes:
    """A picture as a file: `.png` (lossless) or `.jpg` (quality 95, no chroma subsampling); one-channel stays grey."""
    from PIL import Image

    sink = io.BytesIO()
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    if suffix.lower() in (".jpg", ".jpeg"):
        image.save(sink, "JPEG", quality=quality, subsampling=0)
    else:
        image.save(sink, "PNG", compress_level=3)  # a third of the time of level 6 for 5 % more bytes
    return sink.getvalue()


def to_channels(picture: Picture, channels: int) -> Picture:
    """The picture with 1 (ITU-R 601 luma) or 3 channels."""
    if picture.shape[2] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=2)
    weights = np.array([0.299, 0.587, 0.114])
    return (picture @ weights + 0.5).astype(np.uint8)[:, :, None]


def background(picture: Picture) -> npt.NDArray[np.uint8]:
    """(c,) the value of the ground: the median of the one-pixel border, per channel."""
    return backgrounds(picture[None])[0]


def backgrounds(pictures: Picture) -> npt.NDArray[np.uint8]:
    """(b, c) the same for pictures (b, h, w, c)."""
    rim = [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]]
    # Sorting bytes is several times as fast as seeking their median: that goes by way of floats.
    values = np.concatenate([side.transpose(0, 2, 1) for side in rim], axis=2)
    values.sort(axis=2, kind="stable")
    half = values.shape[2] // 2  # there is an even number of them
    return ((values[:, :, half - 1].astype(np.uint16) + values[:, :, half]) // 2).astype(np.uint8)


def shrink(picture: Picture, side_px: int) -> Picture:
    """The picture with its longer side at most `side_px`, antialiased, ratio kept: for thumbnails and descriptors."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return picture
    return resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))


def resize(picture: Picture, height_px: int, width_px: int) -> Picture:
    """Bilinear with antialiasing; the ratio is not kept."""
    from PIL import Image

    grey = picture.shape[2] == 1
    image = Image.fromarray(picture[:, :, 0] if grey else picture)
    out = np.asarray(image.resize((width_px, height_px), Image.Resampling.BILINEAR))
    return out[:, :, None] if grey else out
