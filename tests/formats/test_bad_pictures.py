"""Odd pictures come in, broken ones are set aside with the reason, and the source is never touched."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tilth.formats.folder import Folder
from tilth.numerics import picture


def saved(image: Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **settings)
    return sink.getvalue()


def bomb(side_px: int = 60_000) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (6, 4)), "JPEG", exif=exif)


NOISE = Image.effect_noise((64, 64), 90)
ODD = {
    "cmyk.jpg": saved(Image.new("CMYK", (5, 5), (9, 200, 30, 1)), "JPEG"),
    "deep.png": saved(Image.fromarray(np.arange(0, 64_000, 1000, dtype=np.uint16).reshape(8, 8))),
    "palette.png": saved(NOISE.convert("RGB").quantize(16)),
    "alpha.png": saved(Image.new("RGBA", (5, 5), (9, 200, 30, 7))),
    "turned.jpg": turned(),
    "animated.gif": saved(Image.new("L", (5, 5)), "GIF", save_all=True, append_images=[Image.new("L", (5, 5), 200)]),
    "dot.png": saved(Image.new("RGB", (1, 1))),
    "ribbon.png": saved(Image.new("RGB", (4000, 1))),
}
BROKEN = {
    "corrupt.png": (saved(NOISE)[:100] + b"\0" * 2000, "not a readable image"),
    "cut.jpg": (saved(NOISE, "JPEG")[:-300], "truncated"),
    "empty.png": (b"", "the file is empty (0 bytes)"),
    "text.png": (b"hello", "no known image format"),
    "bomb.png": (bomb(), "bomb"),
    "page.html": (b"<html>", "not an image"),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    for folder, files in (("odd", ODD), ("broken", {name: content for name, (content, _) in BROKEN.items()})):
        (root / folder).mkdir()
        for name, content in files.items():
            (root / folder / name).write_bytes(content)
    return root


def test_every_odd_picture_is_a_sample_and_every_broken_one_has_a_reason(source: Path, kit) -> None:
    before = kit.tree(source)
    reading = kit.read(Folder(), source)
    assert {s.path for s in reading.data} == {f"odd/{name}" for name in ODD}
    why = kit.why(reading)
    assert set(why) == {f"broken/{name}" for name in BROKEN}
    assert all(told in why[f"broken/{name}"] for name, (_, told) in BROKEN.items()), why
    assert kit.tree(source) == before


def test_an_odd_original_is_written_untouched(source: Path, kit, tmp_path: Path) -> None:
    reading = kit.read(Folder(), source)
    Folder().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert {name: (tmp_path / "out/odd" / name).read_bytes() for name in ODD} == ODD


@pytest.mark.parametrize("name", ODD)
def test_the_check_at_the_door_agrees_with_decoding(name: str) -> None:
    assert picture.check(ODD[name]) == picture.decode(ODD[name]).shape[:2]


def test_a_file_that_may_not_be_read_is_set_aside(tmp_path: Path, kit) -> None:
    kit.lay(tmp_path, {"cat/1.png": 1, "cat/2.png": 2})
    (tmp_path / "cat/2.png").chmod(0)
    reading = kit.read(Folder(), tmp_path)
    try:
        (tmp_path / "cat/2.png").read_bytes()  # root may
        assert len(reading.data) == 2
    except PermissionError:
        assert kit.why(reading) == {"cat/2.png": "cannot be read: Permission denied"}
