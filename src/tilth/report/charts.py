"""Charts as inline SVG.

Widths are in per cent and heights in px, so that a chart fills its place while lines and dots keep their size; the
words stand beside it in HTML, where they wrap, scale and can be read aloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from markupsafe import Markup, escape

from tilth.report import words
from tilth.signal import Array
from tilth.trial import Evidence, Measure, Trial


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values, laid out from 0 to 100 per cent."""

    low: float
    high: float

    def at(self, value: float) -> str:
        span = self.high - self.low or 1.0
        return f"{min(max(100 * (value - self.low) / span, 0), 100):.2f}%"


def scale_of(values: Sequence[float], *, zero: bool, pad: float = 0.06) -> Scale:
    """A scale that holds these values (and zero), with some air at both ends."""
    finite = [value for value in values if np.isfinite(value)] + ([0.0] if zero else [])
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    air = pad * ((high - low) or 1.0)
    return Scale(low - air, high + air)


def interval(measure: Measure, scale: Scale) -> Markup:
    """The difference as a dot, its interval as a bar, zero as a line."""
    if not np.isfinite([measure.low, measure.high, measure.difference]).all():
        return Markup("")
    difference = words.signed(measure.difference, words.is_share(measure))
    said = f"{difference}, interval {words.span(measure)}: {measure.verdict}"
    zero, low, high, mid = (scale.at(value) for value in (0, measure.low, measure.high, measure.difference))
    return Markup(
        f'<svg class="interval {measure.verdict.replace(" ", "-")}" height="20" role="img" aria-label="{escape(said)}">'
        f'<line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="20"/>'
        f'<line class="range" x1="{low}" x2="{high}" y1="10" y2="10"/>'
        f'<circle cx="{mid}" cy="10" r="5"/></svg>'
    )


def dumbbell(measure: Measure, scale: Scale) -> Markup:
    """Before as a ring, after as a disc, the way between them as a line."""
    if not np.isfinite([measure.before, measure.after]).all():
        return Markup("")
    share = words.is_share(measure)
    said = f"before {words.amount(measure.before, share)}, after {words.amount(measure.after, share)}"
    old, new = scale.at(measure.before), scale.at(measure.after)
    return Markup(
        f'<svg class="dumbbell {measure.verdict.replace(" ", "-")}" height="18" role="img" aria-label="{escape(said)}">'
        f'<line class="rail" x1="0" x2="100%" y1="9" y2="9"/><line class="way" x1="{old}" x2="{new}" y1="9" y2="9"/>'
        f'<circle class="was" cx="{old}" cy="9" r="4.5"/><circle class="is" cx="{new}" cy="9" r="5"/></svg>'
    )


def pair_of_bars(before: float, after: float, most: float) -> Markup:
    """Before as a thin bar above after; both lengths out of `most`."""
    old, new = (f"{100 * value / (most or 1):.2f}%" for value in (before, after))
    return Markup(
        '<svg class="bars" height="16" aria-hidden="true">'
        f'<rect class="was" width="{old}" y="1" height="5" rx="1"/>'
        f'<rect class="is" width="{new}" y="7" height="8" rx="1"/></svg>'
    )


def bar(value: float, most: float) -> Markup:
    return Markup(
        '<svg class="bars" height="12" aria-hidden="true">'
        f'<rect class="is" width="{100 * value / (most or 1):.2f}%" y="2" height="8" rx="1"/></svg>'
    )


# -- learning curves ------------------------------------------------------------------------------------------

Side = Literal["before", "after"]
HEIGHT, WIDTH = 200, 400  # of the drawing; it is stretched to its place


@dataclass(frozen=True, slots=True)
class Line:
    side: Side
    valid: bool
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """A drawing and the words around it: `ticks` are (place from the top in per cent, words)."""

    title: str
    svg: Markup
    ticks: tuple[tuple[float, str], ...]
    first: str
    last: str
    has_valid: bool


def learning_curves(evidence: Evidence) -> list[Curves]:
    """Loss and accuracy by epoch, a line per seed and side; what was not recorded is not drawn."""
    return curves_of(sides(evidence))


def curves_of(sided: Sequence[tuple[Side, Trial]]) -> list[Curves]:
    """The same for trials of which each is given its side."""
    found = [_curves_of(sided, key, title) for key, title in (("loss", "Loss"), ("accuracy", "Accuracy"))]
    return [curves for curves in found if curves is not None]


def sides(evidence: Evidence) -> list[tuple[Side, Trial]]:
    """The trials that belong to the two sides (those of the random deletion are neither)."""
    named: dict[str, Side] = {evidence.after: "after", evidence.before: "before"}
    return [(named[trial.version], trial) for trial in evidence.trials if trial.version in named]


def _curves_of(sided: Sequence[tuple[Side, Trial]], key: str, title: str) -> Curves | None:
    lines = [
        line
        for side, trial in sided
        for name in (key, f"valid_{key}")
        if (line := _line(trial, name, side)) is not None
    ]
    if not lines:
        return None
    ys = np.concatenate([line.ys for line in lines])
    # One exploding epoch must not flatten the rest: above the 99th percentile the line leaves the frame.
    scale = scale_of([float(ys.min()), float(np.percentile(ys, 99))], zero=False, pad=0.03)
    epochs = Scale(min(line.xs[0] for line in lines), max(line.xs[-1] for line in lines))
    marks = [tick for tick in ticks(scale.low, scale.high) if scale.low <= tick <= scale.high]
    places = [(100 - float(scale.at(tick)[:-1]), f"{tick:.4g}") for tick in marks]
    grid = "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{top * 2:.1f}" y2="{top * 2:.1f}"/>' for top, _ in places
    )
    drawn = "".join(_polyline(line, epochs, scale) for line in lines)
    svg = Markup(
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title} by epoch, {len(lines)} lines">{grid}{drawn}</svg>'
    )
    valid = any(line.valid for line in lines)
    return Curves(title, svg, tuple(places), f"{epochs.low:g}", f"{epochs.high:g}", valid)


def _line(trial: Trial, key: str, side: Side) -> Line | None:
    points = [(row.get("epoch", at), row[key]) for at, row in enumerate(trial.curves, 1) if key in row]
    points = [(x, y) for x, y in points if y is not None and np.isfinite(y)]
    if len(points) < 2:
        return None
    xs, ys = zip(*points, strict=True)
    return Line(side, key.startswith("valid_"), tuple(xs), tuple(ys))


def _polyline(line: Line, epochs: Scale, scale: Scale) -> str:
    xs = [float(epochs.at(x)[:-1]) * WIDTH / 100 for x in line.xs]
    ys = [HEIGHT - float(scale.at(y)[:-1]) * HEIGHT / 100 for y in line.ys]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    return f'<polyline class="{line.side}{" valid" if line.valid else ""}" points="{points}"/>'


# -- values ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars that part at zero, and the words around them: `ticks` are (place from the left in per cent, words)."""

    svg: Markup
    ticks: tuple[tuple[float, str], ...]
    most: int
    beyond: int


def histogram(values: Array, *, bars: int = 48) -> Histogram | None:
    """How many samples have which value; zero is always an edge. Those beyond the outermost per cent are in the end bars."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = (float(end) for end in np.percentile(finite, [0.5, 99.5]))
    pad = 0.0 if high > low else abs(low) or 1.0
    marks = ticks(low - pad, high + pad, about=bars)
    step = float(f"{marks[1] - marks[0]:.6g}")  # a round number, as the ticks are
    first, last = int(np.floor((low - pad) / step)), int(np.ceil((high + pad) / step))
    # By whole numbers of steps: an edge at 0 is exactly 0.
    at = np.clip(np.floor(finite / step), first, last - 1).astype(int) - first
    counts = np.bincount(at, minlength=last - first)
    most, width = int(counts.max()), WIDTH / len(counts)
    drawn = "".join(
        f'<rect class="{"below" if first + place < 0 else "above"}" x="{place * width:.2f}" width="{width * 0.92:.2f}" '
        f'y="{HEIGHT * (1 - count / most):.1f}" height="{HEIGHT * count / most:.1f}"/>'
        for place, count in enumerate(counts.tolist())
        if count
    )
    scale = Scale(first * step, last * step)
    zero = scale.at(0.0)[:-1]
    line = f'<line class="zero" x1="{float(zero) * WIDTH / 100:.2f}" x2="{float(zero) * WIDTH / 100:.2f}" y1="0" y2="{HEIGHT}"/>'
    said = f"{len(finite):,} values, {int((finite < 0).sum()):,} of them below zero"
    svg = Markup(
        f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{said}">'
        f"{drawn}{line if first <= 0 <= last else ''}</svg>"
    )
    words_at = [(float(scale.at(tick)[:-1]), f"{tick:.4g}".replace("-", "−")) for tick in ticks(scale.low, scale.high)]
    beyond = int(((finite < scale.low - step / 1e6) | (finite > scale.high + step / 1e6)).sum())
    return Histogram(svg, tuple(words_at), most, beyond)


def two_histograms(facts: Mapping[str, Any]) -> Histogram | None:
    """Train against its target by the values of one attribute, as a finding's evidence tells them; None where it does not.

    facts  `edges` (bins + 1,), `train_shares` and `target_shares` (bins,) of a side, and `against`, the target's name
    """
    edges, train, target = (facts.get(name) for name in ("edges", "train_shares", "target_shares"))
    if not edges or not train or not target:
        return None
    most, width = max(*train, *target) or 1.0, WIDTH / len(train)

    def drawn(shares: Sequence[float], side: str, left: float) -> str:
        return "".join(
            f'<rect class="{side}" x="{place * width + left:.2f}" width="{width * 0.45:.2f}" '
            f'y="{HEIGHT * (1 - share / most):.1f}" height="{HEIGHT * share / most:.1f}"/>'
            for place, share in enumerate(shares)
            if share
        )

    said = f"Shares of train and of {facts.get('against', 'the target')} by value, {len(train)} bars each"
    svg = Markup(
        f'<svg class="histogram pair" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}">{drawn(train, "train", 0)}{drawn(target, "target", width * 0.47)}</svg>'
    )
    scale = Scale(edges[0], edges[-1])
    places = tuple((float(scale.at(tick)[:-1]), f"{tick:.4g}".replace("-", "−")) for tick in ticks(edges[0], edges[-1]))
    return Histogram(svg, places, round(100 * most), 0)


def ticks(low: float, high: float, *, about: int = 4) -> list[float]:
    """Round values between low and high: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10 ** np.floor(np.log10(raw))
    step = float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999))
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(number * step, 10) for number in range(first, last + 1)]
