"""Draw the sheet of mixtures, docs/ideas/mixing.png: two pairs of digits and a pair of drawings, mixed in each way.

python docs/reference/mixing.py            write it
python docs/reference/mixing.py --check    exit with 1 where it is stale

The digits are scikit-learn's, the drawings those of `tilth.testing.worlds`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

from tilth.numerics import mixing, picture
from tilth.numerics.saliency import salient
from tilth.testing.worlds import draw

SHEET = Path(__file__).parents[1] / "ideas" / "mixing.png"
SIDE, GAP, HEAD = 96, 8, 16  # pixels
HEADS = ("parent", "partner", "mixup 0.7", "mixup 0.5", "CutMix 0.7", "SaliencyMix 0.7")


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """A parent and a partner (h, w, 3) each; the last partner is wider than its parent is."""
    digits = load_digits().images
    ink = [(255 - digit / 16 * 235).astype(np.uint8)[:, :, None].repeat(3, 2) for digit in digits[[3, 7, 4, 14]]]
    shown = [picture.resize(one, SIDE, SIDE) for one in ink]
    rng = np.random.default_rng(3)
    square, cross = (draw(shape, rng, side_px=SIDE, channels=3) for shape in ("square", "cross"))
    return [(shown[0], shown[1]), (shown[2], shown[3]), (square, cross[SIDE // 5 : -SIDE // 5])]


def row(parent: np.ndarray, partner: np.ndarray, centre: tuple[int, int]) -> list[np.ndarray]:
    """What the heads say, from left to right."""
    fitted, (top, left, bottom, right) = mixing.fitted(partner, *parent.shape)
    firsts, seconds = parent[None], fitted[None]
    place = salient([fitted[top:bottom, left:right]])[0]
    stands_out = (top + place[0] * (bottom - top), left + place[1] * (right - left))
    shown = [parent, fitted]
    shown += [mixing.blended(firsts, seconds, np.array([share]))[0] for share in (0.7, 0.5)]
    for at in (centre, stands_out):
        box = mixing.boxes(np.array([0.7]), np.array([at], dtype=np.int64), SIDE, SIDE)
        shown.append(mixing.pasted(firsts, seconds, box)[0])
    return shown


def sheet() -> Image.Image:
    """A row for each pair under the names of the ways."""
    rows = [row(*pair, centre) for pair, centre in zip(pairs(), ((70, 22), (20, 74), (24, 24)), strict=True)]
    wide, high = len(HEADS) * (SIDE + GAP) + GAP, len(rows) * (SIDE + GAP) + HEAD + GAP
    out = Image.new("RGB", (wide, high), (255, 255, 255))
    pen = ImageDraw.Draw(out)
    for at, head in enumerate(HEADS):
        pen.text((GAP + at * (SIDE + GAP), 4), head, fill=(40, 40, 40), font=ImageFont.load_default(11))
    for down, shown in enumerate(rows):
        for at, one in enumerate(shown):
            out.paste(Image.fromarray(one), (GAP + at * (SIDE + GAP), HEAD + GAP // 2 + down * (SIDE + GAP)))
    return out


def stale() -> bool:
    """Whether the sheet on disk shows something else: another size, or other pixels than rounding explains."""
    if not SHEET.exists():
        return True
    kept, now = np.asarray(Image.open(SHEET).convert("RGB")).astype(int), np.asarray(sheet()).astype(int)
    return kept.shape != now.shape or float(np.abs(kept - now).mean()) > 0.5


def main(*arguments: str) -> int:
    if "--check" in arguments:
        if stale():
            print("docs/ideas/mixing.png is stale; run: python docs/reference/mixing.py")
        return int(stale())
    sink = io.BytesIO()
    sheet().save(sink, "PNG", optimize=True)
    SHEET.write_bytes(sink.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
