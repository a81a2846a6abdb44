"""Draw the sheet of what a recurrent network writes, docs/ideas/recurrent-handwriting.png.

python benchmarks/synthesis/recurrent.py --data FOLDER --work WORK     train it, on strokes of the motor model
python docs/reference/recurrent.py WORK/*/scribe.npz                   draw what it writes

No test draws this sheet: it would have to train.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tilth.synthesize.recurrent.freehand import written_by
from tilth.synthesize.graves import Graves, Scribe
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.render import rendered
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.recurrent.trailing import tidied

SHEET = Path(__file__).parents[1] / "ideas" / "recurrent-handwriting.png"
SIDE, GAP, HEAD, ACROSS = 96, 4, 18, 10  # pixels, and pictures side by side
NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")


def sheet(scribe: Scribe) -> Image.Image:
    """The rows below each other, each under its name."""
    small, capitals = list(NUMERALS), [text.upper() for text in NUMERALS]
    rows = [
        ("As varied as what it learned from: bias 0", [*small, *capitals], 0.0, True),
        ("Bias 0.5", [*small, *capitals], 0.5, True),
        ("Tidy: bias 1.5", [*small, *capitals], 1.5, True),
        ("Written, and turned away or cut before it becomes a picture", [*small, *capitals], 0.0, False),
    ]
    high = sum(HEAD + -(-len(texts) // ACROSS) * (SIDE + GAP) for _, texts, _, _ in rows)
    out = Image.new("RGB", (ACROSS * (SIDE + GAP) + GAP, high + GAP), (150, 150, 150))
    pen, top = ImageDraw.Draw(out), 0
    for number, (name, texts, bias, fit) in enumerate(rows):
        pen.text((GAP, top + 3), name, fill=(20, 20, 20), font=ImageFont.load_default(12))
        top += HEAD
        words = [one for one in (word_of(scribe, text, bias, fit, [number, at]) for at, text in enumerate(texts)) if one]
        for at, shown in enumerate(pictures(words, number)):
            place = (GAP + at % ACROSS * (SIDE + GAP), top + at // ACROSS * (SIDE + GAP))
            out.paste(Image.fromarray(np.repeat(shown, 3, 2)), place)
        top += -(-len(texts) // ACROSS) * (SIDE + GAP)
    return out.quantize(40, dither=Image.Dither.NONE)


def word_of(scribe: Scribe, text: str, bias: float, fit: bool, seed: Sequence[int]) -> Strokes | None:
    """The first writing of a text that is fit for use, or the first that is not."""
    rngs = [np.random.default_rng([*seed, at]) for at in range(64)]
    after = scribe.habits.after
    for one in written_by(scribe.net, scribe.alphabet, [text] * len(rngs), rngs, bias=bias, after=after):
        found = tidied(one, scribe.usual, scribe.habits)
        if fit and not found.fault:
            return found.strokes
        if not fit and (found.fault or found.cut):
            return one.strokes
    return None


def pictures(words: Sequence[Strokes], row: int) -> list[np.ndarray]:
    dice = [np.random.default_rng([row, at, 9]) for at in range(len(words))]
    looks = [
        Look(SIDE, SIDE, pen_px=float(rng.uniform(2.5, 4.5)), scale=float(rng.uniform(0.5, 0.8)), levels=((0, 0.25), (64, 0.75)))
        for rng in dice
    ]
    return rendered(words, looks, dice)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("network", type=Path, help="scribe.npz of the benchmark")
    scribe = Scribe.of(dict(np.load(asked.parse_args().network)), Graves(), [])
    sink = io.BytesIO()
    sheet(scribe).save(sink, "PNG", optimize=True)
    SHEET.write_bytes(sink.getvalue())


if __name__ == "__main__":
    main()
