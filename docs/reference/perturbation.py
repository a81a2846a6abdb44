"""Draw the sheet of perturbations, docs/ideas/perturbation.png: real handwritten digits, what was added, and what comes of it.

python docs/reference/perturbation.py            write it; a small network is trained first, some 20 s of one core
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from tilth.perturb import gradient
from tilth.perturb.deepfool import deepfool
from tilth.perturb.noise import NOISES
from tilth.perturb.one_pixel import one_pixel
from tilth.testing.digits import digits

SHEET = Path(__file__).parents[1] / "ideas" / "perturbation.png"
SIDE, GAP, HEAD, LEFT, ACROSS = 64, 4, 15, 74, 8
SHOWN = 3.0  # times the change is enlarged to be seen
SIZE = (LEFT + ACROSS * (SIDE + GAP), 0)

Change = Callable[[torch.Tensor, Callable[[torch.Tensor], torch.Tensor], torch.Tensor], torch.Tensor]


def dice(n: int) -> list[np.random.Generator]:
    return [np.random.default_rng([5, row]) for row in range(n)]


def _pgd(pixels: torch.Tensor, answers: Callable[[torch.Tensor], torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    start = gradient.box_start(pixels, dice(len(pixels)), eps=0.1)
    return gradient.pgd(answers, pixels, labels, start, eps=0.1, step=0.025, steps=10)


def _noise(kind: str) -> Change:
    def changed(pixels: torch.Tensor, answers: object, labels: torch.Tensor) -> torch.Tensor:
        shown = [(one.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8) for one in pixels]
        noisy = [NOISES[kind](one, rng, 0.1) for one, rng in zip(shown, dice(len(shown)), strict=True)]
        return torch.from_numpy(np.stack(noisy)).permute(0, 3, 1, 2).float() / 255

    return changed


ROWS: dict[str, Change] = {
    "as it is": lambda pixels, answers, labels: pixels,
    "gaussian .1": _noise("gaussian"),
    "uniform .1": _noise("uniform"),
    "salt, pepper": _noise("salt_pepper"),
    "fgsm .1": lambda pixels, answers, labels: gradient.fgsm(answers, pixels, labels, eps=0.1),
    "pgd .1": _pgd,
    "deepfool": lambda pixels, answers, labels: deepfool(answers, pixels, labels, overshoot=0.3).pixels,
    "one pixel": lambda pixels, answers, labels: one_pixel(
        answers, pixels, labels, dice(len(pixels)), agents=200, generations=15
    )[0],
}


def sheet() -> Image.Image:
    """A row for each: what comes out, under it the change three times as strong, over it what the network says."""
    world = digits(wrong=0, junk=0, copies=0, near=0, leaks=0, scarce=0)
    run, data = world.run(), world.data
    model = run.step("convnet", {"size_px": 32, "epochs": 5, "least_steps": 90, "precision": "fp32"})
    net = model.fit(data.open, None, run, seed=0)
    test = data.split("test")
    one_each = test.where(np.isin(np.arange(len(test)), [np.flatnonzero(test.labels == k)[0] for k in range(ACROSS)]))
    high = HEAD + SIDE + GAP + SIDE // 2 + 2 * GAP
    out = Image.new("RGB", (SIZE[0], len(ROWS) * high + GAP), (255, 255, 255))
    pen = ImageDraw.Draw(out)
    with net.expose(list(run.images(one_each))) as (pixels, answers):
        labels = torch.from_numpy(one_each.labels)
        for row, (name, change) in enumerate(ROWS.items()):
            shown = change(pixels, answers, labels).detach()
            with torch.no_grad():
                said = answers(shown).argmax(1).tolist()
            top = GAP + row * high
            pen.text((GAP, top + HEAD + SIDE // 2 - 6), name, fill=(40, 40, 40), font=ImageFont.load_default(11))
            for at in range(ACROSS):
                left, wrong = LEFT + at * (SIDE + GAP), said[at] != int(labels[at])
                words = f"{int(labels[at])} > {said[at]}" if wrong else f"{said[at]}"
                colour = (178, 34, 34) if wrong else (40, 110, 60)
                pen.text((left + 2, top), words, fill=colour, font=ImageFont.load_default(11))
                out.paste(_picture(shown[at], SIDE), (left, top + HEAD))
                moved = 0.5 + SHOWN * (shown[at] - pixels[at])
                out.paste(_picture(moved, SIDE // 2), (left + SIDE // 4, top + HEAD + SIDE + GAP))
    return out


def _picture(values: torch.Tensor, side: int) -> Image.Image:
    small = (values[0].clamp(0, 1) * 255).to(torch.uint8).numpy()
    return Image.fromarray(small).resize((side, side), Image.Resampling.NEAREST).convert("RGB")


def main() -> int:
    torch.set_num_threads(1)
    sink = io.BytesIO()
    sheet().save(sink, "PNG", optimize=True)
    SHEET.write_bytes(sink.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
