"""Pictures of every kind become uint8 (h, w, 1 or 3), or say why not."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from tilth.errors import ContentError
from tilth.numerics import picture


def saved(image: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **settings)
    return sink.getvalue()


RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([RAMP, 255 - RAMP, np.full_like(RAMP, 90)], axis=2)


def test_grey_has_one_channel_and_colour_has_three() -> None:
    assert np.array_equal(picture.decode(saved(Image.fromarray(RAMP)))[:, :, 0], RAMP)
    assert np.array_equal(picture.decode(saved(Image.fromarray(COLOUR))), COLOUR)


def test_a_palette_becomes_its_colours() -> None:
    image = Image.fromarray(COLOUR).quantize(64)
    assert np.array_equal(picture.decode(saved(image)), np.asarray(image.convert("RGB")))


def test_cmyk_becomes_rgb() -> None:
    decoded = picture.decode(saved(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG", quality=100))
    assert decoded.shape == (4, 4, 3)
    assert decoded[0, 0, 0] > 200 and decoded[0, 0, 1] < 50  # full magenta and yellow make red


def test_16_bits_are_scaled_to_8() -> None:
    wide = np.array([[0, 257, 65535]], dtype=np.uint16)
    assert picture.decode(saved(Image.fromarray(wide)))[:, :, 0].tolist() == [[0, 1, 255]]


def test_a_dark_16_bit_picture_stays_dark() -> None:
    wide = np.full((4, 4), 200, dtype=np.uint16)
    assert picture.decode(saved(Image.fromarray(wide))).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1.0, 300.0, 1e30])
def test_floats_of_any_range_give_a_picture(value: float) -> None:
    wide = np.array([[0.0, 0.5], [value, 0.25]], dtype=np.float32)
    assert picture.decode(saved(Image.fromarray(wide), "TIFF")).shape == (2, 2, 1)


def test_alpha_is_laid_on_white() -> None:
    decoded = picture.decode(saved(Image.new("RGBA", (2, 2), (0, 0, 0, 0))))
    assert decoded.shape == (2, 2, 3) and (decoded == 255).all()
    assert picture.decode(saved(Image.new("LA", (2, 2), (10, 255)))).tolist() == [[[10], [10]], [[10], [10]]]


def test_grey_with_a_transparent_value_stays_grey() -> None:
    content = saved(Image.new("L", (2, 2), 7), transparency=7)
    assert picture.decode(content).tolist() == [[[255], [255]], [[255], [255]]]


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    decoded = picture.decode(saved(Image.fromarray(COLOUR), "PNG", exif=exif))
    assert np.array_equal(decoded, np.rot90(COLOUR, -1))


def test_damaged_exif_does_not_lose_the_picture() -> None:
    content = saved(Image.fromarray(COLOUR), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffrubbish")
    assert picture.decode(content).shape == (6, 8, 3)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert picture.decode(content)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_any_size_is_a_picture(size: tuple[int, int]) -> None:
    assert picture.decode(saved(Image.new("L", size))).shape == (size[1], size[0], 1)


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it is 60,000 x 60,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "0 bytes"),
        (b"not a picture at all", "no known image format"),
        (saved(Image.fromarray(COLOUR))[:60], "not a readable image"),
        (saved(Image.effect_noise((64, 64), 90), "JPEG")[:-200], "truncated"),
        (bomb(), "bomb|exceeds"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS files are not read"),
    ],
    ids=["zero bytes", "a text", "a cut png", "a cut jpeg", "a bomb", "a program for another program"],
)
def test_what_is_no_whole_picture_says_why(content: bytes, why: str) -> None:
    with pytest.raises(ContentError, match=why):
        picture.decode(content)


def test_threads_do_not_switch_warnings_on_or_off_for_each_other() -> None:
    odd = saved(Image.fromarray(COLOUR), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffrubbish")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        shapes = set(pool.map(lambda _: picture.decode(odd).shape, range(200)))
    assert shapes == {(6, 8, 3)}
    assert list(warnings.filters) == before


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_png_keeps_every_pixel(pixels: np.ndarray) -> None:
    assert np.array_equal(picture.decode(picture.encode(pixels)), pixels)


def test_jpeg_keeps_size_and_channels() -> None:
    for pixels in (COLOUR, RAMP[:, :, None]):
        decoded = picture.decode(picture.encode(pixels, suffix=".jpg"))
        assert decoded.shape == pixels.shape
        assert abs(decoded.astype(int) - pixels).mean() < 6


def test_channels_follow_luma() -> None:
    assert picture.to_channels(np.array([[[255, 0, 0]]], np.uint8), 1).tolist() == [[[76]]]
    assert picture.to_channels(np.array([[[9]]], np.uint8), 3).tolist() == [[[9, 9, 9]]]


def test_the_background_is_the_border() -> None:
    pixels = np.full((9, 9, 1), 240, np.uint8)
    pixels[2:7, 2:7] = 0
    assert picture.background(pixels).tolist() == [240]


@given(st.integers(1, 400), st.integers(1, 400))
def test_shrinking_keeps_the_ratio_and_the_limit(height: int, width: int) -> None:
    small = picture.shrink(np.zeros((height, width, 1), np.uint8), 32)
    assert max(small.shape[:2]) == min(32, max(height, width))
    assert min(small.shape[:2]) >= 1
