"""Pictures a second through single operations, uint8 in and out: ours beside albumentations, AugLy and plain PIL code.

Ours is measured twice: on a batch of pictures, as a dataset is filled, and on four children of one picture. The others
take one picture at a time, and are measured so, on the pictures of that batch in turn; what they make is let go at once.

python benchmarks/augmentation/throughput.py --peers VENV/lib/python3.11/site-packages
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from tilth.augment.operation import Move
from tilth.augment.operations import OPERATIONS, affine
from tilth.augment.operations.paint import painted, painted_batch

HERE = Path(__file__).parent
SIZES = (32, 64, 224, 300)  # pixels; 300 is the usual side of the handwritten numerals
BATCH = {32: 256, 64: 256, 224: 32, 300: 16}  # pictures of one size that are handed to ours at once
CHILDREN = 4  # of one parent: ten thousand pictures from some three thousand
ROUNDS = 9  # on a machine with other work, the best of few is luck
SHARE = 0.5  # magnitude
SECONDS = 0.005  # a measurement lasts at least so long

Work = Callable[[np.ndarray], Any]


def strokes(side: int, channels: int) -> np.ndarray:
    """Dark strokes on light, slightly noisy paper."""
    rng = np.random.default_rng(side)
    y, x = np.mgrid[:side, :side] / side
    ink = (abs(np.hypot(x - 0.5, y - 0.5) - 0.25) < 0.03) | (abs(x - 0.5) < 0.02)
    shown = np.where(ink[..., None], 40, 240) + rng.normal(0, 4, (side, side, channels))
    return shown.clip(0, 255).astype(np.uint8)


# -- ours ----------------------------------------------------------------------------------------------------------


def moves_of(name: str) -> list[Move]:
    return [Move(one, SHARE) for one in (("rotate", "zoom", "shift_x", "shear_x") if name == "affine" else (name,))]


def ours(name: str) -> Work:
    dice = [np.random.default_rng(row) for row in range(CHILDREN)]
    moves = [moves_of(name)] * CHILDREN
    return lambda shown: painted(shown, moves, dice, keep_ink=False)


def ours_as_a_batch(name: str, shown: np.ndarray) -> Work:
    pictures = different(shown)
    dice = [np.random.default_rng(row) for row in range(len(pictures))]
    moves = [moves_of(name)] * len(pictures)
    return lambda _: painted_batch(pictures, moves, dice, keep_ink=False)


def different(shown: np.ndarray) -> np.ndarray:
    """(b, h, w, c) pictures like this one, as many as are handed to ours at once."""
    rng = np.random.default_rng(0)
    return np.stack([shown ^ rng.integers(4, size=shown.shape, dtype=np.uint8) for _ in range(BATCH[len(shown)])])


def one_by_one(work: Work, shown: np.ndarray) -> Work:
    """What takes one picture, on each of those that ours is handed: one picture alone would stay in the nearest memory."""
    pictures = list(different(shown))

    def each(_: np.ndarray) -> None:
        for picture in pictures:
            work(picture)

    return each


# -- plain PIL code, as such things are usually written ------------------------------------------------------------


def pil(name: str) -> Work | None:
    def turned(image: Image.Image) -> Image.Image:
        white = 255 if image.mode == "L" else (255, 255, 255)
        return image.rotate(-15, Image.Resampling.BICUBIC, fillcolor=white)

    def moved(image: Image.Image) -> Image.Image:
        size = (image.height, image.width)
        whole = np.eye(3)
        for one in ("rotate", "zoom", "shift_x", "shear_x"):
            whole = np.vstack([affine.matrix(one, SHARE, size), [0, 0, 1]]) @ whole
        back = np.linalg.inv(whole)[:2].ravel().tolist()
        white = 255 if image.mode == "L" else (255, 255, 255)
        return image.transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC, fillcolor=white)

    def coarse(image: Image.Image) -> Image.Image:
        width = max(1, round(image.width / (1 + SHARE * (image.width / 16 - 1))))
        small = image.resize((width, width), Image.Resampling.BOX)
        return small.resize(image.size, Image.Resampling.NEAREST)

    works: dict[str, Callable[[Image.Image], Image.Image]] = {
        "hflip": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "rotate": turned,
        "affine": moved,
        "invert": ImageOps.invert,
        "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
        "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
        "posterize": lambda image: ImageOps.posterize(image, 5),
        "solarize": lambda image: ImageOps.solarize(image, 128),
        "equalize": ImageOps.equalize,
        "autocontrast": ImageOps.autocontrast,
        "blur": lambda image: image.filter(ImageFilter.GaussianBlur(max(1, 0.02 * image.width) * SHARE)),
        "sharpen": lambda image: ImageEnhance.Sharpness(image).enhance(2),
        "pixelate": coarse,
    }
    rng = np.random.default_rng(0)
    if name == "noise":
        return lambda shown: (shown + rng.normal(0, 25.5, shown.shape)).clip(0, 255).astype(np.uint8)
    work = works.get(name)
    return None if work is None else lambda shown: np.asarray(work(_image(shown)))


def _image(shown: np.ndarray) -> Image.Image:
    return Image.fromarray(shown[:, :, 0] if shown.shape[2] == 1 else shown)


# -- the peers -----------------------------------------------------------------------------------------------------


def albumentations(name: str, cubic: bool) -> Work | None:
    import albumentations as peer
    import cv2

    smooth = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    sheet = {"interpolation": smooth, "fill": 255, "p": 1}
    geometric: dict[str, Callable[[int], Any]] = {
        "rotate": lambda side: peer.Affine(rotate=(-15, 15), **sheet),
        "affine": lambda side: peer.Affine(
            rotate=(-15, 15), scale=(0.8, 1.2), translate_percent=(-0.1, 0.1), shear=(-8, 8), **sheet
        ),
        "elastic": lambda side: peer.ElasticTransform(alpha=0.5 * side, sigma=0.08 * side, **sheet),
        "barrel": lambda side: peer.OpticalDistortion(distort_limit=(0.2, 0.2), **sheet),
    }
    others: dict[str, Callable[[int], Any]] = {
        "hflip": lambda side: peer.HorizontalFlip(p=1),
        "invert": lambda side: peer.InvertImg(p=1),
        "brightness": lambda side: peer.RandomBrightnessContrast((0.2, 0.2), (0, 0), p=1),
        "contrast": lambda side: peer.RandomBrightnessContrast((0, 0), (0.4, 0.4), p=1),
        "posterize": lambda side: peer.Posterize(num_bits=5, p=1),
        "solarize": lambda side: peer.Solarize(p=1),
        "equalize": lambda side: peer.Equalize(p=1),
        "autocontrast": lambda side: peer.AutoContrast(p=1),
        "blur": lambda side: peer.GaussianBlur(0, (max(1, 0.02 * side) * SHARE,) * 2, p=1),
        "sharpen": lambda side: peer.Sharpen(method="gaussian", p=1),
        "noise": lambda side: peer.GaussNoise(std_range=(0.1, 0.1), p=1),
        "pixelate": lambda side: peer.Downscale((1 / (1 + SHARE * (side / 16 - 1) + 1e-3),) * 2, p=1),
        "erase": lambda side: peer.CoarseDropout((1, 1), (0.2, 0.2), (0.2, 0.2), fill=255, p=1),
    }
    make = (geometric if cubic else {**geometric, **others}).get(name)
    if make is None:
        return None
    made: dict[int, Any] = {}

    def work(shown: np.ndarray) -> Any:
        if len(shown) not in made:
            made[len(shown)] = make(len(shown))
        return made[len(shown)](image=shown)["image"]

    return work


def augly(name: str) -> Work | None:
    import augly.image as peer

    calls: dict[str, Callable[[Image.Image], Any]] = {
        "hflip": peer.hflip,
        "rotate": lambda image: peer.rotate(image, degrees=15),
        "brightness": lambda image: peer.brightness(image, factor=1.2),
        "contrast": lambda image: peer.contrast(image, factor=1.4),
        "blur": lambda image: peer.blur(image, radius=max(1, 0.02 * image.width) * SHARE),
        "sharpen": lambda image: peer.sharpen(image, factor=2),
        "noise": lambda image: peer.random_noise(image, var=0.01),
        "pixelate": lambda image: peer.pixelization(image, ratio=1 / (1 + SHARE * (image.width / 16 - 1))),
        "pixel_shuffle": lambda image: peer.shuffle_pixels(image, factor=SHARE),
    }
    call = calls.get(name)
    return None if call is None else lambda shown: np.asarray(call(_image(shown)))


# -- the clock -----------------------------------------------------------------------------------------------------


def rates(works: dict[str, Work], shown: np.ndarray) -> dict[str, float]:
    """Pictures a second of the processor, the best of several rounds in which all take turns: other work on the machine
    only adds."""
    loops = {}
    for who, work in list(works.items()):
        try:
            work(shown)
        except Exception as fault:  # a peer that cannot do a grey picture, say
            print(f"  {who}: {type(fault).__name__}: {str(fault)[:80]}", file=sys.stderr)
            del works[who]
            continue
        began = time.thread_time()
        work(shown)
        loops[who] = max(1, int(SECONDS / max(time.thread_time() - began, 1e-6)))
    best = dict.fromkeys(works, 1e9)
    for _ in range(ROUNDS):
        for who, work in works.items():
            began = time.thread_time()
            for _ in range(loops[who]):
                work(shown)
            best[who] = min(best[who], (time.thread_time() - began) / loops[who])
    counts = {who: CHILDREN if who == "tilth" else BATCH[len(shown)] for who in works}
    return {who: round(counts[who] / seconds, 1) for who, seconds in best.items()}


ROWS = (
    *("hflip", "rotate", "affine", "elastic", "barrel", "invert", "brightness", "contrast", "posterize", "solarize"),
    *("equalize", "autocontrast", "blur", "sharpen", "noise", "pixelate", "pixel_shuffle", "erase"),
)


WHO = ("tilth, batch", "tilth", "albumentations", "albumentations, bicubic", "AugLy", "PIL")


def works_of(name: str, shown: np.ndarray) -> dict[str, Work]:
    peers = {
        "albumentations": albumentations(name, cubic=False),
        "albumentations, bicubic": albumentations(name, cubic=True),
        "AugLy": augly(name),
        "PIL": pil(name),
    }
    there = {who: one_by_one(work, shown) for who, work in peers.items() if work is not None}
    return {"tilth, batch": ours_as_a_batch(name, shown), "tilth": ours(name), **there}


def table(results: list[dict[str, Any]]) -> None:
    """The rows for the README, and how many of them ours is first in."""
    head = ("px", "channels", "operation", "ours, batch", "ours, 4 children", "albumentations", "its bicubic")
    head = (*head, "AugLy", "PIL code", "batch / best of them", "4 children / best of them")
    print("|", " | ".join(head), "|\n|" + "---|" * len(head))
    ratios: dict[str, dict[tuple[Any, ...], float]] = {"tilth, batch": {}, "tilth": {}}
    for row in results:
        found = row["per_second"]
        peer = max(rate for who, rate in found.items() if who not in ratios)
        key = (row["side_px"], row["channels"], row["operation"])
        for who, ratio in ratios.items():
            ratio[key] = found[who] / peer
        cells = [f"{found[who]:,.0f}" if who in found else "" for who in WHO]
        print("|", " | ".join(map(str, (*key, *cells, *(f"{ratio[key]:.2f}" for ratio in ratios.values())))), "|")
    for who, ratio in ratios.items():
        worst = sorted(ratio, key=lambda key: ratio[key])[:5]
        said = ", ".join(f"{ratio[key]:.2f} {key}" for key in worst)
        print(
            f"{who}: first in {sum(one > 1 for one in ratio.values())} of {len(ratio)}; the worst: {said}",
            file=sys.stderr,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="site-packages that hold albumentations, AugLy and OpenCV")
    parser.add_argument("--only", nargs="*", default=list(ROWS))
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--table", action="store_true", help="no measuring: the table of what was measured")
    chosen = parser.parse_args()
    if chosen.table:
        return table(json.loads((HERE / "throughput.json").read_text())["results"])
    if chosen.peers:
        sys.path.append(chosen.peers)
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    assert set(chosen.only) - {"affine"} <= OPERATIONS.keys()
    file = HERE / "throughput.json"
    results: list[dict[str, Any]] = json.loads(file.read_text())["results"] if file.exists() else []
    packages = ("torch", "numpy", "numba", "pillow", "albumentations", "augly", "opencv-python-headless")
    facts = {
        "machine": platform.processor() or platform.machine(),
        "threads": 1,
        "children": CHILDREN,
        "batch": BATCH,
        "rounds": ROUNDS,
    }
    for side in chosen.sizes:
        for channels in (1, 3):
            shown = strokes(side, channels)
            for name in chosen.only:
                row = {"operation": name, "side_px": side, "channels": channels}
                found = rates(works_of(name, shown), shown)
                print(side, channels, name, found, flush=True)
                results = [one for one in results if not row.items() <= one.items()] + [{**row, "per_second": found}]
                record = {**facts, "versions": {one: version(one) for one in packages}, "results": results}
                file.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
