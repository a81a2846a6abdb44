"""Find pictures with hardly any contrast: an example of a step from outside tilth."""

from __future__ import annotations

from dataclasses import dataclass

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.signal import Signals
from tilth.steps import Run


@dataclass(frozen=True)
class FaintPictures:
    """Pictures whose grey values hardly differ: blank pages, lens caps."""

    spread: float = 4.0  # grey levels of 0..255: the standard deviation below which a picture is faint

    version = 1
    modality = ("image",)
    source = "an example; nobody's paper"
    cost = "O(n pixels)"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        found = []
        for id, image in zip(data.ids.tolist(), run.images(data), strict=True):
            spread = float(image.std())
            if spread < self.spread:
                why = f"its grey values differ by {spread:.1f} levels only (less than {self.spread:g})"
                found.append(Finding("faint", (id,), 1 - spread / self.spread, why, {"spread": spread}))
        return found
