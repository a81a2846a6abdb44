"""What a count says of a rate, and how many of the findings that nobody planted are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_Z = 1.959964  # 95 %
FEWEST = 5
"""Findings above a threshold before a share of them is believed."""


def interval(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, 0..1; (0, 1) where nothing was tried.

    Source  Wilson 1927, Probable inference, the law of succession, and statistical inference
    """
    if of == 0:
        return 0.0, 1.0
    share, z = hits / of, _Z**2 / of
    middle, half = share + z / 2, _Z * np.sqrt(share * (1 - share) / of + z / (4 * of))
    low, high = float((middle - half) / (1 + z)), float((middle + half) / (1 + z))
    return min(max(0.0, low), share), max(min(1.0, high), share)


def likely_own(severities: Array, planted: Array, others: Array) -> float:
    """How many of the findings that nobody planted are right, at most: as many as fit under their counts at every severity,
    if what was wrong before is found as well as what was planted.

    severities  thresholds to look at
    planted     (p,) severities of the planted faults that were found, and 0 or less for each that was missed
    others      (m,) severities of the other findings
    returns     the number of faults of the data's own, found or not

    The largest share of a known distribution in a mixture: at every threshold, others found >= own faults x recall.
    Source      Blanchard et al. 2010, Semi-supervised novelty detection, section 3 (mixture proportion)
    """
    if not len(planted) or not len(others):
        return 0.0
    bound = np.inf
    for least in severities:
        found = float((planted >= least).mean())
        above = int((others >= least).sum())
        if found * len(planted) >= FEWEST and above >= FEWEST:
            # One deviation up: the least of many noisy ratios would be too small.
            slack = np.sqrt(found * (1 - found) / len(planted))
            bound = min(bound, (above + np.sqrt(above)) / max(found - slack, found / 2))
    found = float((planted > 0).mean())
    return float(min(bound, len(others) / found)) if np.isfinite(bound) and found else 0.0
