"""Paired bootstrap: how far a difference could have come about by the luck of the test samples and of the seeds.

Both sides see the same resamples of the test split, and seeds go in pairs, so what is common to both sides cancels. The
test samples are resampled by counts; of a handful of seeds a resample says little (of two there are three), so the luck
of the seeds is drawn from a normal with the spread that they show, and the half-widths are stretched by t / z at
Satterthwaite's degrees of freedom. What a seed happens to get right on these very samples is in both parts, so the
interval errs to the careful side where seeds differ in that alone, which Jordan found to be the rule.

Measured over 2,000 simulated comparisons on 200 samples, share of intervals that hold the truth: 97 to 98 % where seeds
differ by luck on samples alone; 94 % with 5 seeds, 92 % with 3 and 87 % with 2 where the seeds make most of the spread.

Source   Efron and Tibshirani 1993, chapters 8 and 13; Satterthwaite 1946, doi:10.2307/3002019;
         Jordan 2023, arXiv:2304.01910 (variance between runs)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

RESAMPLES = 2_000
"""The 2.5 % tail is then 50 resamples deep: its place wobbles by about 2 % of the interval's width."""

_BLOCK = 16_000_000  # counts held at a time: 128 MB


def resample_counts(m: int, resamples: int, rng: np.random.Generator) -> Array:
    """(r, m) float64: how often each of m samples is drawn in each resample; rows add up to m."""
    drawn = rng.integers(m, size=(resamples, m)) + np.arange(resamples)[:, None] * m
    return np.bincount(drawn.ravel(), minlength=resamples * m).reshape(resamples, m).astype(np.float64)


def paired_interval(
    gains: Callable[[Array], Array], *, samples: int, rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[Array, Array, Array]:
    """Differences and their 95 % intervals.

    gains    weights (r, m) -> (s, r, q): for each pair of seeds, resample and quantity, after less before
    samples  m, size of the test split
    returns  difference, low and high, each (q,); nan where a quantity has no value on the whole sample

    One pair of seeds tells nothing of the spread over seeds: its interval speaks of the samples alone.
    """
    whole = gains(np.ones((1, samples)))[:, 0]
    s, point = len(whole), whole.mean(axis=0)
    resampled = np.concatenate([gains(block).mean(axis=0) for block in _blocks(samples, resamples, rng)])
    of_seeds = whole.var(axis=0, ddof=1) / s if s > 1 else np.zeros(len(point))
    luck = rng.standard_normal((resamples, len(point))) * np.sqrt(of_seeds)
    stretch = _stretch([(np.nanvar(resampled, axis=0), samples - 1), (of_seeds, s - 1)])
    low, high = np.nanpercentile(resampled + luck - point, (2.5, 97.5), axis=0)
    return point, point + low * stretch, point + high * stretch


def _blocks(m: int, resamples: int, rng: np.random.Generator) -> Iterator[Array]:
    size = max(1, _BLOCK // max(m, 1))
    for start in range(0, resamples, size):
        yield resample_counts(m, min(size, resamples - start), rng)


def _stretch(parts: list[tuple[Array, int]]) -> Array:
    """(q,) the 97.5 % point of t over that of the normal, for a sum of variances (q,) of these degrees of freedom."""
    from scipy.stats import norm, t

    total = sum(variance for variance, _ in parts)
    doubt = np.asarray(sum(variance**2 / max(freedom, 1) for variance, freedom in parts))
    freedom = np.divide(np.square(total), doubt, out=np.full(doubt.shape, np.inf), where=doubt > 0)
    return t.ppf(0.975, np.maximum(freedom, 1)) / norm.ppf(0.975)


def unpaired_interval(before: Array, after: Array, *, samples: int) -> tuple[float, float, float]:
    """Difference and 95 % interval where only the share of right answers is known, and not which were right.

    before, after  (s,) shares within 0..1, seeds in pairs
    samples        m, size of the test split
    returns        difference, low, high

    The spread of the test samples is that of two binomials, as if the sides had been asked different questions: wider
    than the paired one. Of numbers outside 0..1 nothing is known beyond their spread over the seeds; of one seed of
    these, nothing at all, and the interval is as wide as the numbers are large.
    """
    gains = after - before
    s, point = len(gains), float(gains.mean())
    means = np.array([before.mean(), after.mean()])
    shares = bool(((means >= 0) & (means <= 1)).all())
    if not shares and s == 1:
        reach = float(np.abs(means).sum())
        return point, point - reach, point + reach
    # Not below the spread of one right answer: at 0 and at 1 the binomial formula says, wrongly, that all is certain.
    of_samples = np.maximum(means * (1 - means), 1 / samples).sum() / samples if shares else 0.0
    of_seeds = gains.var(ddof=1) / s if s > 1 else 0.0
    stretch = _stretch([(np.array([of_samples]), samples - 1), (np.array([of_seeds]), s - 1)])[0]
    reach = float(1.959964 * stretch * np.sqrt(of_samples + of_seeds))
    return point, point - reach, point + reach
