"""The places of the map: made once of what the source held, and kept. Later versions are laid on the same map.

What is mapped is the learner's cross-fitted features where a run gave some, else the embedding. A fair draw of the source
makes the map; samples with a finding or a change that were not drawn are placed on it; a sample that a step made lies beside
its parents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.numerics.coverage import closeness_of, facility_location
from tilth.numerics.neighbors import nearest
from tilth.numerics.projection import place_on, project, sample_for_map
from tilth.signal import Array, Signal

if TYPE_CHECKING:
    from tilth.workspace import Workspace

MOST = 3_000
"""Points: what a person can tell apart, and t-SNE places in some 8 s of one core. A quarter is for what is marked and was
not drawn, and as many again for what was made."""

_MOST_MEDOIDS = 24  # pictures on the map: more would hide the dots
_LOOKED_AT = 1_000  # samples of a class among which its medoids are sought
_BESIDE = 0.012  # of the width of the map: how far a made sample lies from its parents


@dataclass(frozen=True)
class Layout:
    """A map of samples.

    ids, places  (n,) and (n, 2)
    medoids      ids that stand for their class, class by class, the one nearest to all others first
    space        what the map is of, in words
    """

    ids: Sequence[str]
    places: Array
    medoids: Sequence[str]
    space: str


def layout_of(ws: Workspace, every: Dataset) -> Layout | None:
    """The map of a workspace; None where there is too little to map.

    every  all samples of the base and of the present version
    """
    base = ws.base.open
    if len(base) < 3:
        return None
    embedding = ws.embed(among=ws.base)
    space, signal = _space(ws, base, embedding)
    run = ws.run.within("report.map")
    known = base.where(np.isin(base.ids, signal.ids))
    nobody = np.zeros(0, np.int64)
    share = MOST if len(base) <= MOST else MOST - MOST // 4
    drawn = known.ids[sample_for_map(len(known), nobody, run.rng(), most=share)]
    values, seed = np.asarray(signal.rows(drawn)), ws.fact("seed")
    key = digest(drawn, np.ascontiguousarray(values))
    places = run.keep(("map", key, seed), lambda: {"places": project(values, seed=seed)})["places"]
    at = dict(zip(drawn.tolist(), np.asarray(places), strict=True))
    late = _late(ws, base, drawn, run.rng("late"))
    seen, unseen = late[np.isin(late, signal.ids)], late[~np.isin(late, signal.ids)]
    if len(seen):
        more = np.asarray(signal.rows(seen))
        new = run.keep(("late", key, seed, digest(seen)), lambda: {"places": place_on(values, places, more, seed=seed)})
        at |= dict(zip(seen.tolist(), np.asarray(new["places"]), strict=True))
    at |= _beside_alike(unseen, drawn, embedding, at)
    at |= _beside_parents(every.open, at, run.rng("made"))
    return Layout(list(at), np.array(list(at.values())), _medoids(ws, every, drawn, signal), space)


def _space(ws: Workspace, base: Dataset, embedding: Signal) -> tuple[str, Signal]:
    """What to map. The first features that a run gave are kept to: a map that changes with each run is none."""
    words = "the cross-fitted features of the learner (the network that places a sample was not trained on it)"
    kept = ws.store.signal(ws.fact("map", "")) if ws.fact("map") else None
    if kept is not None:
        return words, kept
    for key, _, value, _ in reversed(ws.store.ledger.remembered("signal")):
        if "features" not in value.get("signals", ()):
            continue
        signal = ws.store.signal(name := digest(key, "features"))
        if signal is not None and np.isin(base.ids, signal.ids).mean() > 0.5:
            with ws.store.writing():
                ws.store.ledger.set_fact("map", name)
            return words, signal
    return "the embedding", embedding


def _late(ws: Workspace, base: Dataset, drawn: Array, rng: np.random.Generator) -> Array:
    """(m,) ids with a finding or a change that are not on the map yet, a fair draw where they are many."""
    marked = {id for _, finding in ws.findings() for id in finding.ids} | {one.edit.id for _, one in ws.changes()}
    if len(base) <= MOST:
        marked |= set(base.ids.tolist())  # all fit: those without features come too
    late = np.setdiff1d(base.ids[np.isin(base.ids, np.array(sorted(marked), dtype="U16"))], drawn)
    most = MOST // 4 if len(base) > MOST else len(late)
    return late if len(late) <= most else np.sort(rng.choice(late, most, replace=False))


def _beside_alike(ids: Array, drawn: Array, embedding: Signal, at: Mapping[str, Array]) -> dict[str, Array]:
    """Samples that the features do not cover, beside what is most alike in the embedding."""
    ids = ids[np.isin(ids, embedding.ids)]
    if not len(ids) or not len(drawn):
        return {}
    _, rows = nearest(embedding.rows(ids), embedding.rows(drawn), 1)
    return {str(id): at[str(drawn[row])] for id, row in zip(ids, rows[:, 0], strict=True)}


def _beside_parents(data: Dataset, at: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Made samples beside the mean of their parents, as far as those are on the map."""
    made = data.where(data.made)
    if len(made) > MOST // 4:
        made = made.only(made.ids[np.sort(rng.choice(len(made), MOST // 4, replace=False))])
    width = float(np.ptp(np.array(list(at.values())), axis=0).max()) if at else 0.0
    found: dict[str, Array] = {}
    for id, parents in zip(made.ids.tolist(), made.table.column("parents").to_pylist(), strict=True):
        here = [at[parent] for parent in parents if parent in at]
        if here:
            # The direction comes from the id: the sample lies there again in the next version.
            turn = int(id[:8], 16) / 16**8 * 2 * np.pi
            found[id] = np.mean(here, axis=0) + _BESIDE * width * np.array([np.cos(turn), np.sin(turn)])
    return found


def _medoids(ws: Workspace, every: Dataset, drawn: Array, signal: Signal) -> list[str]:
    """One to three of each class, as many as fit the map, of those that nothing was found of."""
    doubted = {id for _, finding in ws.findings() if finding.severity >= 0.2 for id in finding.ids}
    present = every.only(drawn)
    plain = present.where(~np.isin(present.ids, np.array(sorted(doubted), dtype="U16")))
    classes = len(every.schema.classes)
    each = min(3, _MOST_MEDOIDS // max(classes, 1))
    found: list[str] = []
    for c in range(classes if each else 0):
        ids = plain.ids[plain.labels == c][:_LOOKED_AT]
        if len(ids):
            values = np.asarray(signal.rows(ids), dtype=np.float32).reshape(len(ids), -1)
            rows, _ = facility_location(closeness_of(values, values), each)
            found += ids[rows].tolist()
    return found
