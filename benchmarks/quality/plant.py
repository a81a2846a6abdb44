"""Pictures with planted faults, and which file carries which. Nothing is taken from the machine but the folders named."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

EVERYDAY = (
    "astronaut", "camera", "chelsea", "coffee", "rocket", "motorcycle_left", "coins", "brick", "grass", "gravel",
    "china", "flower", "grace_hopper",
)  # fmt: skip
"""Photographs that come with scikit-image, scikit-learn and matplotlib."""

SIDE_SHARE = 0.8  # of the resize round trip of a near copy


def blur(radius_px: float) -> Callable[[Image.Image, np.random.Generator], Image.Image]:
    return lambda image, rng: image.filter(ImageFilter.GaussianBlur(radius_px))


def noise(sigma: float, *, grey: bool = False) -> Callable[[Image.Image, np.random.Generator], Image.Image]:
    def noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        values = np.asarray(image, float)
        grain = rng.normal(0, sigma, values.shape[:2] + ((1,) if grey else (3,)))
        return Image.fromarray(np.clip(values + grain, 0, 255).astype(np.uint8))

    return noisy


def light(gain: float, shift: float) -> Callable[[Image.Image, np.random.Generator], Image.Image]:
    return lambda image, rng: Image.fromarray(np.clip(np.asarray(image, float) * gain + shift, 0, 255).astype(np.uint8))


def static(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Uniform noise and nothing else, of the size of the picture."""
    return Image.fromarray(rng.integers(0, 256, (*image.size[::-1], 3), dtype=np.uint8))


def same(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image


def near(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    small = image.resize([round(side * SIDE_SHARE) for side in image.size], Image.Resampling.BILINEAR)
    return light(1.08, 0)(small.resize(image.size, Image.Resampling.BILINEAR), rng)


def recompressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=50)
    return Image.open(sink).convert("RGB")


def cropped(share: float) -> Callable[[Image.Image, np.random.Generator], Image.Image]:
    def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        w, h = image.size
        x, y = round(w * (1 - share) / 2), round(h * (1 - share) / 2)
        return image.crop((x, y, w - x, h - y)).resize((w, h), Image.Resampling.BILINEAR)

    return crop


FAULTS: dict[str, tuple[Callable[[Image.Image, np.random.Generator], Image.Image], int]] = {
    "blur": (blur(6), 40),
    "noise": (noise(40), 40),
    "static": (static, 40),
    "dark": (light(0.15, 0), 40),
    "bright": (light(1.2, 140), 40),
    "white": (light(0.2, 210), 40),
}
COPIES: dict[str, tuple[Callable[[Image.Image, np.random.Generator], Image.Image], int]] = {
    "exact": (same, 100),
    "near": (near, 100),
    "jpeg": (recompressed, 50),
    "crop95": (cropped(0.95), 50),
    "crop90": (cropped(0.90), 50),
}
WEAKER: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "blur 1.5": blur(1.5),
    "blur 2": blur(2),
    "blur 3": blur(3),
    "noise 15": noise(15),
    "noise 25": noise(25),
    "grey noise 40": noise(40, grey=True),
    "noise 25, then JPEG 75": lambda image, rng: _jpeg(noise(25)(image, rng), 75),
    "noise 40, then JPEG 75": lambda image, rng: _jpeg(noise(40)(image, rng), 75),
    "dark x .25": light(0.25, 0),
    "dark x .35": light(0.35, 0),
    "bright + 100": light(1.0, 100),
    "bright x 3": light(3.0, 0),
}
"""Lesser faults, one kind at a time, for recall alone."""


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=quality)
    return Image.open(sink).convert("RGB")


def write(pictures: Sequence[Image.Image], where: Path, *, seed: int) -> list[dict[str, str]]:
    """Write the pictures as PNG, some of them with a fault, and copies beside others; returns the truth, a row per
    file: `name`, `fault` (or empty) and `of` (the file it is a copy of)."""
    rng = np.random.default_rng(seed)
    where.mkdir(parents=True)
    free = [int(at) for at in rng.permutation(len(pictures))]
    made: list[tuple[str, str, Image.Image]] = []
    for fault, (change, count) in FAULTS.items():
        made += [(fault, "", change(pictures[free.pop()], rng)) for _ in range(count)]
    plain = {at: f"{number:05d}" for number, at in enumerate(rng.permutation(free))}
    sources = list(rng.permutation(free))
    for fault, (change, count) in COPIES.items():
        for _ in range(count):
            at = sources.pop()
            made.append((fault, f"{plain[at]}.png", change(pictures[at], rng)))
    rows = []
    for at, name in sorted(plain.items(), key=lambda item: item[1]):
        pictures[at].save(where / f"{name}.png")
        rows.append({"name": f"{name}.png", "fault": "", "of": ""})
    for number, at in enumerate(rng.permutation(len(made))):
        fault, of, image = made[at]
        name = f"{len(plain) + number:05d}.png"
        image.save(where / name)
        rows.append({"name": name, "fault": fault, "of": of})
    return rows


# -- pictures to plant in -------------------------------------------------------------------------------------


def small(folder: Path, n: int, *, seed: int) -> list[Image.Image]:
    """Pictures of 64 px from below a folder, of different bytes."""
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".jpg", ".png"))
    chosen = np.random.default_rng(seed).permutation(len(files))
    found: dict[bytes, Image.Image] = {}
    for at in chosen:
        image = Image.open(files[at]).convert("RGB")
        if image.size == (64, 64):
            found.setdefault(image.tobytes(), image)
        if len(found) == n:
            break
    return list(found.values())


def large(folders: Sequence[Path], n: int, *, seed: int) -> list[Image.Image]:
    """Pictures of 224 px: crops of everyday photographs that overlap little, then dead leaves."""
    rng = np.random.default_rng(seed)
    photos = [image for _, image in sorted(_photos(folders))]
    crops = [crop for photo in photos for crop in _tiles(photo)]
    order = rng.permutation(len(crops))[:n]
    found = [crops[at] for at in order]
    return found + [dead_leaves(photos, rng) for _ in range(n - len(found))]


def _photos(folders: Sequence[Path]) -> Iterator[tuple[str, Image.Image]]:
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".jpg", ".png") and file.stem in EVERYDAY:
                yield file.stem, Image.open(file).convert("RGB")


def _tiles(photo: Image.Image) -> Iterator[Image.Image]:
    """Squares of 224 px and more, side by side, brought to 224: fine tiles, then the largest squares."""
    for side in (224, min(photo.size)):
        for x in range(0, photo.width - side + 1, side):
            for y in range(0, photo.height - side + 1, side):
                tile = photo.crop((x, y, x + side, y + side))
                yield tile if side == 224 else tile.resize((224, 224), Image.Resampling.LANCZOS)


def dead_leaves(photos: Sequence[Image.Image], rng: np.random.Generator, *, side: int = 224) -> Image.Image:
    """Discs of all sizes that cover each other, each cut from a photograph: sizes, edges and tones are distributed as
    in photographs (Lee, Mumford and Huang 2001), and every picture is another.

    Drawn at twice the size and halved, so that edges are as sharp as those of a lens."""
    big = side * 2
    values = np.asarray(_patch(photos, rng, big)).copy()
    for _ in range(50):
        radius = min(12 / rng.uniform(0.02, 1.0), 150)  # density of the cube of the radius, cut at both ends
        cx, cy = rng.uniform(0, big, 2)
        width = int(2 * radius) + 2
        x0, y0 = max(0, int(cx - radius)), max(0, int(cy - radius))
        patch = _patch(photos, rng, width)[: big - y0, : big - x0]
        y, x = np.ogrid[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]]
        inside = (x - cx) ** 2 + (y - cy) ** 2 < radius**2
        values[y0 : y0 + patch.shape[0], x0 : x0 + patch.shape[1]][inside] = patch[inside]
    return Image.fromarray(values).reduce(2)


def _patch(photos: Sequence[Image.Image], rng: np.random.Generator, side: int) -> np.ndarray:
    """A square of a photograph, mirrored or not; enlarged where the photograph is smaller."""
    photo = photos[int(rng.integers(len(photos)))]
    width = min(side, *photo.size)
    left, top = (int(rng.integers(0, room - width + 1)) for room in photo.size)
    values = np.asarray(photo.crop((left, top, left + width, top + width)).resize((side, side)))
    return values[:, :: 1 if rng.random() < 0.5 else -1]
