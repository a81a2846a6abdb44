"""Many dimensions -> two, to look at. A map is for finding things, not for measuring: distances on it mean little."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FEWEST = 50
"""Below this many rows t-SNE has no neighbourhoods to speak of (perplexity 30 wants three times as many neighbours)."""

WIDEST = 50
"""Dimensions that t-SNE is given: the principal ones. More cost time in the search for neighbours and add noise."""


def project(values: Array, *, seed: int) -> Array:
    """Two coordinates per row: principal components for few rows, t-SNE from there on.

    values   (n, d) float; what is not finite counts as zero
    seed     the same rows and seed give the same map
    returns  (n, 2) float64, centred

    Source   Poličar et al. 2019 (openTSNE), started from principal components (Kobak and Berens 2019)
    Cost     O(n log n); 15 s of one core for 5,000 rows
    """
    values = _finite(values)
    if not values.size:
        return np.zeros((len(values), 2))
    start = components(values, 2)
    if len(values) < FEWEST or not start.any():  # few rows, or all alike
        return start
    return _tsne(components(values, _width(values)), seed)


def place_on(values: Array, places: Array, more: Array, *, seed: int) -> Array:
    """Coordinates for newcomers on a map that is there: the old places stay, each newcomer goes among its neighbours.

    values   (n, d) float, what the map was made of by `project` with this seed
    places   (n, 2) the map
    more     (m, d) float, the newcomers
    returns  (m, 2) float64; what one gets does not depend on who else is new

    Source   Poličar et al. 2021, Embedding to reference t-SNE space (openTSNE's transform)
    Cost     O((n + m) log n); 1 s of one core for 300 newcomers among 3,000
    """
    values, more = (_finite(part) for part in (values, more))
    if not len(more) or not len(values):
        return np.zeros((len(more), 2))
    mean, axes = _axes(values, _width(values) if len(values) >= FEWEST else 2)
    old, new = (values - mean) @ axes, (more - mean) @ axes
    if len(values) < FEWEST or not np.asarray(places).any():
        return np.pad(new, ((0, 0), (0, max(0, 2 - new.shape[1]))))[:, :2]
    return _transformed(old, np.asarray(places, dtype=np.float64), new, seed)


def _finite(values: Array) -> Array:
    values = np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=0.0, neginf=0.0)
    return values.reshape(len(values), -1) if values.size else values.reshape(len(values), 0)


def _width(values: Array) -> int:
    return min(WIDEST, values.shape[1], len(values))


def components(values: Array, d: int) -> Array:
    """The first d principal components, (n, d), each with its largest loading positive; zeros where there are fewer.

    values   (n, m) float, finite
    """
    out = np.zeros((len(values), d))
    mean, axes = _axes(values, d)
    out[:, : axes.shape[1]] = (values - mean) @ axes
    return out


def _axes(values: Array, d: int) -> tuple[Array, Array]:
    """The mean (m,) and the first d principal axes (m, at most d)."""
    n, m = values.shape
    if n < 2 or m == 0:
        return np.zeros(m), np.zeros((m, 0))
    mean = values.mean(axis=0)
    centred = values - mean
    if n >= m:
        _, axes = np.linalg.eigh(centred.T @ centred)
        axes = axes[:, ::-1][:, :d]
    else:
        # Fewer rows than columns: the small Gram matrix has the same axes.
        squares, left = np.linalg.eigh(centred @ centred.T)
        keep = squares[::-1][:d] > 1e-12 * max(squares[-1], 1e-300)
        axes = centred.T @ left[:, ::-1][:, :d][:, keep]
        axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-300)
    # An axis has no sign of its own: without this, two machines mirror the map.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return mean, axes * np.where(signs == 0, 1, signs)


def _tsne(values: Array, seed: int) -> Array:
    from openTSNE import TSNE

    # theta and the numbers of steps are coarser than the library's (0.5, 250 and 500): at 5,000 rows that takes 15 s
    # instead of 32 s of one core and keeps 18 % instead of 20 % of the ten nearest neighbours of noisy clouds.
    # Two threads gave the same map and, on a busy machine with two cores, took four times as long.
    embedding = TSNE(
        perplexity=_perplexity(values),
        initialization="pca",
        neighbors=_search(values),
        negative_gradient_method="bh" if len(values) < 10_000 else "fft",
        theta=0.9,
        early_exaggeration_iter=150,
        n_iter=350,
        n_jobs=1,
        random_state=seed,
        verbose=False,
    )
    placed = np.asarray(embedding.fit(values), dtype=np.float64)
    return placed - placed.mean(axis=0)


def _perplexity(values: Array) -> int:
    return min(30, (len(values) - 1) // 3)  # it cannot see more neighbours than there are


def _search(values: Array) -> str:
    return "exact" if len(values) < 4_000 else "annoy"


def _transformed(old: Array, places: Array, new: Array, seed: int) -> Array:
    """New rows on the old map by openTSNE: the reference pulls and pushes them, they do not move each other."""
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    near = PerplexityBasedNN(old, perplexity=_perplexity(old), method=_search(old), n_jobs=1, random_state=seed)
    # Barnes and Hut's tree: what a point feels does not hang on the extent of a grid, so not on the other newcomers.
    reference = TSNEEmbedding(places, near, negative_gradient_method="bh", theta=0.9, n_jobs=1, random_state=seed)
    few = min(5, _perplexity(old))
    found = reference.transform(new, perplexity=few, k=min(25, len(old)), learning_rate=0.1, n_iter=100)
    return np.asarray(found, dtype=np.float64)


def sample_for_map(n: int, keep: Array, rng: np.random.Generator, *, most: int = 5_000) -> Array:
    """Which rows to show: all of them, or `most`: first those to keep, then a fair draw of the others.

    n        number of rows
    keep     (m,) int, rows that should be shown (those with a finding or a change); drawn from where they are too many
    returns  (min(n, most),) int, ascending
    """
    if n <= most:
        return np.arange(n)
    keep = np.unique(np.asarray(keep, dtype=np.int64))
    # A quarter of the dots stays ordinary: a map of faults alone does not show what they lie among.
    room = most - most // 4
    if len(keep) > room:
        keep = rng.choice(keep, size=room, replace=False)
    others = np.setdiff1d(np.arange(n), keep)
    drawn = rng.choice(others, size=min(most - len(keep), len(others)), replace=False)
    return np.sort(np.concatenate([keep, drawn]))
