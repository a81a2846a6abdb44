"""Quality: pictures that are dark, bright, blurred, noisy, empty, cut off, inverted, or of an odd size for their dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.numerics import spread
from tilth.numerics.quality import MEASURES
from tilth.signal import Array, Signals
from tilth.steps import Run

Measures = Mapping[str, Array]
Said = tuple[Array, Array, Callable[[int], str]]
"""Of one kind: which rows (n,) bool, how bad (n,) 0..1, and the sentence of a row."""

_EMPTY_RANGE = 10.0  # grey levels between the brightest and the darkest 2 x 2 pixels: less is not seen
_NOTHING_BUT_NOISE = 1.35  # of `structure`; pure noise has 1.0 +- .1, a photograph under noise of sigma 60 at least 1.4
# Textures may be as fine as noise, but seldom as white, as fine and as even at once (4 of 1,000 photographs of 64 px).
_WHITE, _FINE_PX, _EVEN = 1.4, 0.5, 0.65
_BARE = 1.5  # in colour, noise that is grey alone must be this much stronger: half of those 4 are left
# Least distances from the median: where all are alike, what is a little apart is not bad.
_SHADES, _GRAINIER = 40.0, 5.0  # grey levels
_LONGER = 0.4  # of the logarithm: edges half as long again
_ONE_GROUND = 0.9  # share of the pictures that must have one kind of ground, for another to be unusual
_CLEAR = 0.9  # share of a border that makes a ground clear
_TOUCHED = 0.98  # share of the border that is ground in a picture whose content keeps within it


@dataclass(frozen=True)
class Quality:
    """Find pictures whose quality is unusual for their dataset and bad to the eye.

    A picture is named where a measure lies `far` robust deviations from the median of the dataset *and* beyond an
    absolute floor: a set of night photographs is not dark, and a set without faults has no worst one.
    """

    far: float = 4.0  # robust standard deviations from the median: 1 in 16,000 of a normal distribution lies above
    dark: float = 90.0  # grey level (of 255) under which 99.9 % of a dark picture lie
    bright: float = 130.0  # grey level over which 99.9 % of a bright picture lie
    edge_px: float = 1.2  # length of edges: a Gaussian blur of radius 0.85 px; sharp edges have 0.5 to 0.9
    noise: float = 12.0  # grey levels of white noise in the quiet parts: plainly seen
    colour_noise: float = 6.0  # of red less green, where textures have next to none: 1 % of JPEG photographs have 1.1
    entropy: float = 2.5  # bits of grey levels: six even tones
    area: float = 4.0  # times larger or smaller than the median, in pixels: twice the side
    ratio: float = 2.0  # times wider or taller than the median
    polarity: float = 60.0  # grey levels between the content and its ground, on the wrong side

    version = 1
    needs = ("quality",)
    of_raw = ("quality",)
    modality = ("image",)
    source = "Tilth"
    cost = "O(n)"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One finding per picture and kind: `dark`, `bright`, `blurred`, `noisy`, `low_information`, `odd_size`,
        `odd_ratio`, `cropped`, `inverted`. Evidence `worthless` is true where nothing is to be seen."""
        del run
        shown = data.raw  # what augmentation made is as its maker meant it
        if not len(shown):
            return []
        values = signals["quality"].rows(shown.ids)
        at: Measures = dict(zip(MEASURES, values.T.astype(np.float64), strict=True))
        empty = at["range"] < _EMPTY_RANGE
        ruined = ~empty & (at["structure"] < _NOTHING_BUT_NOISE) & (at["grain"] >= self.noise)
        findings = []
        for kind, (flagged, severity, why) in self._kinds(at, empty, ruined).items():
            worthless = {"low_information": empty, "noisy": ruined}.get(kind, np.zeros(len(shown), bool))
            for row in np.flatnonzero(flagged):
                evidence = {name: round(float(at[name][row]), 3) for name in _SHOWN[kind]}
                evidence["worthless"] = bool(worthless[row])
                grade = 1.0 if worthless[row] else round(float(severity[row]), 4)
                findings.append(Finding(kind, (str(shown.ids[row]),), grade, why(int(row)), evidence))
        return findings

    def _kinds(self, at: Measures, empty: Array, ruined: Array) -> Mapping[str, Said]:
        drawn = ~empty  # of a picture in which nothing is to be seen, nothing else is said
        return {
            "low_information": self._low_information(at, empty),
            "noisy": self._noisy(at, drawn, ruined),
            "blurred": self._blurred(at, drawn & ~ruined),
            "dark": self._dark(at, drawn),
            "bright": self._bright(at, drawn),
            "inverted": self._inverted(at, drawn),
            "cropped": self._cropped(at, drawn),
            "odd_size": self._odd_size(at),
            "odd_ratio": self._odd_ratio(at),
        }

    # -- light ------------------------------------------------------------------------------------------------

    def _dark(self, at: Measures, drawn: Array) -> Said:
        high = at["shade_high"]
        cut = spread.below(high, far=self.far, ceiling=self.dark, least=_SHADES)
        return (
            drawn & (high < cut),
            _grade((cut - high) / max(cut, 1.0)),
            lambda row: (
                f"It is dark: 99.9 % of it lie under grey level {high[row]:.0f} of 255 (half of the pictures reach "
                f"{np.median(high):.0f})."
            ),
        )

    def _bright(self, at: Measures, drawn: Array) -> Said:
        low = at["shade_low"]
        cut = spread.above(low, far=self.far, floor=self.bright, least=_SHADES)
        return (
            drawn & (low > cut),
            _grade((low - cut) / max(255 - cut, 1.0)),
            lambda row: (
                f"It is bright throughout: 99.9 % of it lie over grey level {low[row]:.0f} of 255 (in half of the "
                f"pictures over {np.median(low):.0f})."
            ),
        )

    # -- sharpness and noise ----------------------------------------------------------------------------------

    def _blurred(self, at: Measures, seen: Array) -> Said:
        edges = at["edge_px"]
        logs = np.log(np.maximum(edges, 0.1))  # twice as long is as far at any size
        cut = float(np.exp(spread.above(logs, far=self.far, floor=float(np.log(self.edge_px)), least=_LONGER)))
        usual = float(np.median(edges))
        return (
            seen & (edges > cut),
            _grade((edges / cut - 1) / 3),
            lambda row: (
                f"It is blurred: its edges are {edges[row]:.1f} px long, those of half of the pictures under "
                f"{usual:.1f} px."
            ),
        )

    def _noisy(self, at: Measures, drawn: Array, ruined: Array) -> Said:
        grey, colour = at["grain"], at["colour_grain"]
        cut = spread.above(grey, far=self.far, floor=self.noise, least=_GRAINIER)
        colour_cut = spread.above(colour, far=self.far, floor=self.colour_noise, least=_GRAINIER)
        white = (at["whiteness"] > _WHITE) & (at["edge_px"] < _FINE_PX) & (at["evenness"] > _EVEN)
        white &= grey > np.where(at["colour"] > 1, _BARE * cut, cut)
        flagged = drawn & (white | (colour > colour_cut) | ruined)

        def why(row: int) -> str:
            if ruined[row]:
                return f"There is nothing in it but noise (grain of {grey[row]:.0f} grey levels)."
            which, value, usual = ("", grey[row], np.median(grey))
            if not white[row]:
                which, value, usual = ("colour ", colour[row], np.median(colour))
            return (
                f"It is noisy: the {which}grain in its quiet parts is {value:.0f} grey levels strong "
                f"(in half of the pictures under {usual:.1f})."
            )

        return flagged, _grade(np.maximum(grey / cut, colour / colour_cut) / 5), why

    def _low_information(self, at: Measures, empty: Array) -> Said:
        bits, extent = at["entropy"], at["range"]
        cut = spread.below(bits, far=self.far, ceiling=self.entropy)

        def why(row: int) -> str:
            if empty[row]:
                return f"Nothing is to be seen: its tones differ by {extent[row]:.0f} of 255 grey levels."
            return (
                f"There is little in it: {bits[row]:.1f} bits of tones (half of the pictures: {np.median(bits):.1f})."
            )

        return empty | (bits < cut), _grade((cut - bits) / max(cut, 0.1)), why

    # -- ground -----------------------------------------------------------------------------------------------

    def _inverted(self, at: Measures, drawn: Array) -> Said:
        clear, polarity = at["clear"] >= _CLEAR, at["polarity"]
        sided = drawn & clear & (np.abs(polarity) >= self.polarity)
        usual = np.sign(np.median(polarity[sided])) if sided.any() else 0.0
        one = sided.mean() >= _ONE_GROUND * _ONE_GROUND and (np.sign(polarity[sided]) == usual).mean() >= _ONE_GROUND
        is_, others = ("dark", "light") if usual > 0 else ("light", "dark")
        return (
            sided & (np.sign(polarity) == -usual) & one,
            np.full(len(polarity), 0.4),
            lambda row: (
                f"Its ground is {is_} (grey level {at['ground'][row]:.0f} of 255) and its content {others}; in "
                f"{(np.sign(polarity[sided]) == usual).mean():.0%} of the pictures it is the other way round."
            ),
        )

    def _cropped(self, at: Measures, drawn: Array) -> Said:
        clear = at["clear"]
        within = (clear >= _TOUCHED).mean() >= _ONE_GROUND
        return (
            drawn & (clear < _TOUCHED) & (clear >= 0.5) & within,  # under half it is no longer a ground
            _grade((_TOUCHED - clear) * 2),
            lambda row: (
                f"Its content touches the border ({1 - clear[row]:.0%} of it) and may be cut off; "
                f"{(clear >= _TOUCHED).mean():.0%} of the pictures keep within it."
            ),
        )

    # -- size -------------------------------------------------------------------------------------------------

    def _odd_size(self, at: Measures) -> Said:
        logs = np.log(np.maximum(at["height"] * at["width"], 1))
        flagged, severity, times = _both_ways(logs, self.area, self.far)
        return (
            flagged,
            severity,
            lambda row: (
                f"It is {at['width'][row]:.0f} x {at['height'][row]:.0f} px: {times(row)} "
                "as many pixels as the median of the pictures."
            ),
        )

    def _odd_ratio(self, at: Measures) -> Said:
        logs = np.log(np.maximum(at["width"], 1) / np.maximum(at["height"], 1))
        flagged, severity, times = _both_ways(logs, self.ratio, self.far)
        return (
            flagged,
            severity,
            lambda row: (
                f"It is {at['width'][row]:.0f} x {at['height'][row]:.0f} px: {times(row)} "
                "as wide for its height as the median of the pictures."
            ),
        )


def _both_ways(logs: Array, times: float, far: float) -> tuple[Array, Array, Callable[[int], str]]:
    middle, deviation = spread.usual(logs)
    away = logs - middle
    cut = max(float(np.log(times)), far * deviation)

    def said(row: int) -> str:
        factor = float(np.exp(away[row]))
        return f"{factor:.1f} times" if factor >= 1 else f"1/{1 / factor:.1f}"

    return np.abs(away) > cut, _grade(np.abs(away) / cut / 4), said


def _grade(share: Array) -> Array:
    """Severities from .2 at the cut up to .7: a picture of bad quality may still be right."""
    return 0.2 + 0.5 * np.clip(share, 0, 1)


_SHOWN: Mapping[str, tuple[str, ...]] = {
    "low_information": ("range", "entropy", "contrast"),
    "noisy": ("grain", "evenness", "whiteness", "colour_grain", "structure"),
    "blurred": ("edge_px",),
    "dark": ("shade_high", "shade_middle"),
    "bright": ("shade_low", "shade_middle"),
    "inverted": ("ground", "polarity", "clear"),
    "cropped": ("clear", "ground"),
    "odd_size": ("height", "width"),
    "odd_ratio": ("height", "width"),
}
"""kind -> the measures that its evidence holds."""
