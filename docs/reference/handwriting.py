"""Draw the sheet of handwriting, docs/ideas/handwriting.png: forms of a numeral, digits, letters, pens and papers.

python docs/reference/handwriting.py            write it
python docs/reference/handwriting.py --check    exit with 1 where it is stale
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tilth.synthesize.ink.looks import Look, Ruling
from tilth.synthesize.hand.numerals import forms
from tilth.synthesize.ink.render import rendered
from tilth.synthesize.hand.writers import writer, written

SHEET = Path(__file__).parents[1] / "ideas" / "handwriting.png"
SIDE, GAP, HEAD, ACROSS = 96, 4, 18, 9  # pixels, and pictures side by side

SCAN = {"levels": ((0, 0.25), (64, 0.75))}
GREY = {"ground": (238,), "ink": (40,), "grain": 0.015, "shade": 0.12, "soft_px": 1.6, "jpeg": 80}
SQUARES = (Ruling(True, 11, 22, 1.4, 0.3), Ruling(False, 15, 22, 1.4, 0.3))
BLUE = {"ground": (246, 243, 232), "ink": (38, 52, 130), "grain": 0.01, "shade": 0.08, "rulings": SQUARES}
PENCIL = {"ground": (232, 228, 220), "ink": (96, 94, 96), "grain": 0.012, "rough": 0.45, "soft_px": 2.0, "pen_px": 2.6}
STAINED = {"ground": (228, 214, 180), "ink": (84, 52, 30), "grain": 0.012, "shade": 0.2, "stains": 2, "swell": 0.3}
CHALK = {"ground": (40, 62, 52), "ink": (228, 230, 224), "rough": 0.5, "pen_px": 5.0, "grain": 0.015}
BROKEN = {"levels": ((0, 1.0),), "flow": 0.57, "rulings": (Ruling(True, 70, 0, 2.0, 0.51),)}

ROWS = (
    ("One numeral in small letters and in capitals, by writers of their own", ("viii", "VIII") * 9, (SCAN,)),
    ("i to x, black and white with two tones of ink", "i ii III iv V VI vii IX x I II iii IV v vi VII ix X".split(), (SCAN,)),
    ("Digits", tuple("0123456789" * 2)[:18], (GREY,)),
    ("Letters", tuple("abdeghkmnqrstwyzQR"), (BLUE,)),
    ("Any alphabet", ("\u03b1", "\u03b2", "\u03bb", "\u03a9", "\u0436", "\u0449", "\u0416", "\u00e9", "\u00fc", "\u00f1", "to", "be", "or", "not", "12", "47", "&", "?"), (BLUE, GREY)),
    ("Pens and papers: scan, grey, blue ink, pencil, stained, chalk, a pale copy", ("IV", "7", "a", "ix", "R", "VI", "viii", "k", "ii") * 2, (SCAN, GREY, BLUE, PENCIL, STAINED, CHALK, BROKEN, STAINED, BROKEN)),
)  # fmt: skip


def sheet() -> Image.Image:
    """The rows below each other, each under its name."""
    high = sum(HEAD + -(-len(texts) // ACROSS) * (SIDE + GAP) for _, texts, _ in ROWS)
    out = Image.new("RGB", (ACROSS * (SIDE + GAP) + GAP, high + GAP), (150, 150, 150))
    pen, top = ImageDraw.Draw(out), 0
    for number, (name, texts, looks) in enumerate(ROWS):
        pen.text((GAP, top + 3), name, fill=(20, 20, 20), font=ImageFont.load_default(12))
        top += HEAD
        for at, shown in enumerate(drawn(number, texts, looks)):
            place = (GAP + at % ACROSS * (SIDE + GAP), top + at // ACROSS * (SIDE + GAP))
            out.paste(Image.fromarray(np.repeat(shown, 3, 2) if shown.shape[2] == 1 else shown), place)
        top += -(-len(texts) // ACROSS) * (SIDE + GAP)
    return out.quantize(160, kmeans=3, dither=Image.Dither.NONE)  # the grain of paper is half a megabyte otherwise


def drawn(row: int, texts: tuple[str, ...], looks: tuple[dict, ...]) -> list[np.ndarray]:
    """A picture for each text, each by another writer."""
    words, seen, dice = [], [], []
    for at, text in enumerate(texts):
        rng = np.random.default_rng([row, at, 2])
        hand, ways = writer(rng), forms(text)
        usual = np.array([way.usual for way in ways])
        form = ways[int(rng.choice(len(ways), p=usual / usual.sum()))]
        words.append(written(form, hand, rng, movement=("lognormal", "minimum-jerk")[at % 2]))
        own = {"pen_px": float(rng.uniform(2.5, 5)), "scale": float(rng.uniform(0.45, 0.8)), "flow": hand.flow}
        own |= {"slant": hand.slant, "swell": hand.swell, "taper": hand.taper, "rough": hand.rough}
        own |= {"across": float(rng.uniform(0.4, 0.6)), "down": float(rng.uniform(0.4, 0.6))}
        seen.append(Look(SIDE, SIDE, **(own | looks[at % len(looks)])))
        dice.append(rng)
    return rendered(words, seen, dice)


def stale() -> bool:
    """Whether the sheet on disk shows something else: another size, or other pixels than rounding explains."""
    if not SHEET.exists():
        return True
    kept, now = np.asarray(Image.open(SHEET).convert("RGB")).astype(int), np.asarray(sheet().convert("RGB")).astype(int)
    return kept.shape != now.shape or float(np.abs(kept - now).mean()) > 0.5


def main(*arguments: str) -> int:
    if "--check" in arguments:
        if stale():
            print("docs/ideas/handwriting.png is stale; run: python docs/reference/handwriting.py")
        return int(stale())
    sink = io.BytesIO()
    sheet().save(sink, "PNG", optimize=True)
    SHEET.write_bytes(sink.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
