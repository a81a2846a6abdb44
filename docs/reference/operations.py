"""Draw the sheet of all image operations, docs/ideas/operations.png: the same strokes through each of them.

python docs/reference/operations.py            write it
python docs/reference/operations.py --check    exit with 1 where it is stale
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tilth.augment.operation import Move
from tilth.augment.operations import OPERATIONS
from tilth.augment.operations.paint import painted

SHEET = Path(__file__).parents[1] / "ideas" / "operations.png"
PAPER, INK, RULE = (246, 241, 226), (38, 52, 120), (205, 208, 222)
SIDE, GAP, HEAD, ACROSS = 72, 6, 16, 5  # pixels, and operations side by side


def strokes() -> np.ndarray:
    """(h, w, 3) uint8: a v and an i in blue ink on ruled paper."""
    large = Image.new("RGB", (4 * SIDE, 4 * SIDE), PAPER)
    pen = ImageDraw.Draw(large)
    for y in (100, 220):
        pen.line([(0, y), (4 * SIDE, y)], fill=RULE, width=4)
    pen.line([(60, 90), (110, 218), (158, 92)], fill=INK, width=14, joint="curve")
    pen.line([(206, 128), (204, 216)], fill=INK, width=14)
    pen.ellipse([(198, 84), (216, 102)], fill=INK)
    return np.asarray(large.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def sheet() -> Image.Image:
    """Each operation under its name: at -1 and 1 where it goes to either side, else at a half and 1; one that is on or off,
    off and on."""
    shown = strokes()
    wide, high = 2 * SIDE + 2 * GAP, SIDE + HEAD + GAP
    rows = -(-len(OPERATIONS) // ACROSS)
    out = Image.new("RGB", (ACROSS * wide + GAP, rows * high + GAP), (255, 255, 255))
    pen = ImageDraw.Draw(out)
    for at, (name, operation) in enumerate(OPERATIONS.items()):
        left, top = GAP + at % ACROSS * wide, at // ACROSS * high
        pen.text((left, top + 2), name, fill=(40, 40, 40), font=ImageFont.load_default(11))
        shares = ((-1.0, 1.0) if operation.signed else (0.5, 1.0)) if operation.graded else (0.0, 1.0)
        children = painted(shown, [[Move(name, share)] for share in shares], _dice(), keep_ink=False)
        for number, child in enumerate(children):
            out.paste(Image.fromarray(child), (left + number * (SIDE + 2), top + HEAD))
    return out


def _dice() -> list[np.random.Generator]:
    return [np.random.default_rng(4), np.random.default_rng(4)]


def stale() -> bool:
    """Whether the sheet on disk shows something else: another size, or other pixels than rounding explains."""
    if not SHEET.exists():
        return True
    kept, now = np.asarray(Image.open(SHEET).convert("RGB")).astype(int), np.asarray(sheet()).astype(int)
    return kept.shape != now.shape or float(np.abs(kept - now).mean()) > 0.5


def main(*arguments: str) -> int:
    if "--check" in arguments:
        if stale():
            print("docs/ideas/operations.png is stale; run: python docs/reference/operations.py")
        return int(stale())
    sink = io.BytesIO()
    sheet().save(sink, "PNG", optimize=True)
    SHEET.write_bytes(sink.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
