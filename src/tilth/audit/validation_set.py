"""A validation set from the noisy train data itself: samples that all witnesses agree on, chosen to cover their class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.audit.witnesses import Opinions, hear, judgeable
from tilth.dataset import Dataset, label_text
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.numerics import consensus, copies
from tilth.numerics.coverage import closeness_of, facility_location
from tilth.numerics.groups import equal_rows
from tilth.numerics.neighbors import directions
from tilth.sample import TRAIN
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run

SEVERITY = 0.05  # nothing is wrong with a candidate: whatever else is found of it weighs more


@dataclass(frozen=True)
class ValidationSet:
    """Propose a clean, balanced and diverse validation set out of train, for a person to confirm.

    Trusted are samples whose label the model that did not see them, and their neighbours in every space, all name, and
    of these the surest of each class. Among them the choice covers the whole class (facility location): its regions in
    turn, the crowded ones first, and not only the easiest samples. No candidate has a copy outside of train.
    """

    needs = ("probabilities", "embedding", "fingerprint")
    of_raw = ("probabilities",)
    source = "Nemhauser, Wolsey, Fisher 1978 (facility location); Northcutt et al. 2021, arXiv:1911.00068"
    cost = "a search for copies and for neighbours, and O(n m) for a class of n with m trusted ones"

    per_class: int = 30
    """Samples of each class. The term project that this is made for takes 1 to 100."""

    trust: float = 0.5
    """Share (0..1) of a class, the surest, that may be chosen from: half leaves room for the less easy ones."""

    most_share: float = 0.3
    """Most of a class (0..1) that is proposed: train must keep what it is to learn."""

    reserves: float = 0.2
    """Candidates beyond `per_class`, as a share of it: they stand in for those that somebody speaks against."""

    group: int = 5
    """Most copies of one content, or samples near to it, that a candidate may have: all of them would leave train."""

    neighbors: int = 10
    """How many neighbours vote: as `audit.label_noise`."""

    bits: int = 6  # of 64 in the hash, as in audit.duplicates
    jaccard: float = 0.8  # share of words and pairs of words that near texts have in common

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """A `validation_candidate` per candidate in the order of choice, after one `validation_set` about them all."""
        self._check()
        judged = judgeable(data) & (data.splits == TRAIN)
        if not judged.any() or len(data.schema.classes) < 2:
            run.log(f"validation set: {int(judged.sum())} labelled train samples, nothing to choose from")
            return []
        said = hear(data, signals, neighbors=self.neighbors, splits=(TRAIN,))
        opinions = [said.probabilities, *(votes.shares for votes in said.votes.values())]
        targets, multi = said.data.targets, said.multi
        good = consensus.trusted(opinions, 1 - said.doubt, targets, multi=multi, share=self.trust)
        families = _families(data, signals, run, bits=self.bits, jaccard=self.jaccard)
        free = good & np.isin(said.data.ids, list(self._heads(said, good, families)))
        quota = np.minimum(self.per_class, (self.most_share * (targets > 0).sum(axis=0)).astype(int))
        order = self._chosen(said, free, quota, signals, run)
        bounds = consensus.purity(opinions, targets, good, multi=multi)
        return [*self._told(said, order, quota, bounds), *self._candidates(said, order, families)]

    def _check(self) -> None:
        shares = {"trust": self.trust, "most_share": self.most_share}
        bad = [f"{name} {value}" for name, value in shares.items() if not 0 < value <= 1]
        if self.per_class < 1 or self.reserves < 0 or self.group < 1 or bad:
            raise SettingError(
                "audit.validation_set: per_class and group are 1 or more, reserves 0 or more, trust and most_share within "
                f"0..1; found per_class {self.per_class}, group {self.group}, reserves {self.reserves}, "
                f"trust {self.trust}, most_share {self.most_share}"
            )

    # -- who may be chosen ------------------------------------------------------------------------------------

    def _heads(self, said: Opinions, good: Array, families: dict[str, _Family]) -> Iterator[str]:
        """Of each family of copies that lies in train, is small and is of one mind, the surest trusted sample."""
        order = np.lexsort((said.data.ids, said.doubt))
        seen: set[int] = set()
        for id in said.data.ids[order[good[order]]].tolist():
            family = families[id]
            if family.number not in seen and family.pure and len(family.raw) <= self.group:
                yield id
            seen.add(family.number)

    # -- who is chosen ----------------------------------------------------------------------------------------

    def _chosen(self, said: Opinions, free: Array, quota: Array, signals: Signals, run: Run) -> list[tuple[int, bool]]:
        """(row, whether it is a reserve) in order."""
        lengths = quota + np.ceil(self.reserves * quota).astype(int)
        orders = [
            _covering(said, free, c, int(length), signals, run.rng("audit.validation_set", c))
            for c, length in enumerate(lengths)
        ]
        carried = said.data.targets > 0
        chosen = _in_turns(orders, carried, quota)
        more = _in_turns(orders, carried, lengths, chosen)
        return [*((row, False) for row in chosen), *((row, True) for row in more)]

    # -- what is said of it -----------------------------------------------------------------------------------

    def _told(
        self, said: Opinions, order: Sequence[tuple[int, bool]], quota: Array, bounds: tuple[Array, Array]
    ) -> Iterator[Finding]:
        names = said.data.schema.classes
        rows = [row for row, reserve in order if not reserve]
        counts = (said.data.targets[rows] > 0).sum(axis=0)
        if not rows:
            why = "No sample of train is trusted by all witnesses: there is nothing to propose."
            yield Finding("validation_set", (), SEVERITY, why, {"per_class": self.per_class, "candidates": 0})
            return
        low, high = (float((bound * counts).sum() / counts.sum()) for bound in bounds)
        short = {names[c]: int(self.per_class - n) for c, n in enumerate(counts.tolist()) if n < self.per_class}
        why = (
            f"{len(rows):,} samples of train are proposed for validation, {_range(counts)} a class; of their labels "
            f"{_percent(low)} to {_percent(high)} are expected to be right."
        )
        if short:
            missing = ", ".join(f"{name} (by {by})" for name, by in list(short.items())[:8])
            more = f" and {len(short) - 8} more" if len(short) > 8 else ""
            why += f" Fewer than the {self.per_class} that were asked for in {missing}{more}."
        evidence = {
            "per_class": self.per_class,
            "candidates": len(rows),
            "reserves": len(order) - len(rows),
            "counts": dict(zip(names, counts.tolist(), strict=True)),
            "quota": dict(zip(names, quota.tolist(), strict=True)),
            "short": short,
            "purity": [round(low, 4), round(high, 4)],
            "purity_by_class": {
                name: [round(float(bounds[0][c]), 4), round(float(bounds[1][c]), 4)]
                for c, name in enumerate(names)
                if counts[c]
            },
        }
        yield Finding("validation_set", (), SEVERITY, why, evidence)

    def _candidates(
        self, said: Opinions, order: Sequence[tuple[int, bool]], families: dict[str, _Family]
    ) -> Iterator[Finding]:
        schema, belief = said.data.schema, 1 - said.doubt
        for rank, (row, reserve) in enumerate(order, 1):
            id, given = str(said.data.ids[row]), np.flatnonzero(said.data.targets[row]).tolist()
            family = families[id]
            named = said.data.targets[row] > 0
            votes = {
                name: float(consensus.backing(one.shares[[row]], named[None])[0]) for name, one in said.votes.items()
            }
            model = float(consensus.backing(said.probabilities[[row]], named[None])[0])
            heard = "".join(f", its neighbours{_WHERE[space]} by {share:.2f}" for space, share in votes.items())
            label = label_text(schema, frozenset(given) if said.multi else given[0])
            why = f"{label} by all witnesses: the model that did not see it by {model:.2f}{heard}"
            rest = [other for other in (*family.raw, *family.made) if other != id]
            if rest:
                why += f"; {len(rest)} copies of it, or samples made from it, leave train with it"
            evidence: dict[str, Any] = {
                "rank": rank,
                "reserve": reserve,
                "classes": given,
                "per_class": self.per_class,
                "belief": round(float(belief[row]), 4),
                "probability": round(model, 4),
                "votes": {space: round(share, 4) for space, share in votes.items()},
                "copies": [other for other in family.raw if other != id],
                "made": list(family.made),
            }
            yield Finding("validation_candidate", (id,), SEVERITY, why + ".", evidence)


_WHERE = {"features": " in the model's features", "embedding": " in the embedding"}


# -- families of copies ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Family:
    """Samples that are copies of each other, near copies in a chain, or made from one another.

    raw   ids of those that came with the source, made of those that a step made; both of train
    pure  whether all of them lie in train and carry one label
    """

    number: int
    raw: tuple[str, ...]
    made: tuple[str, ...]
    pure: bool


def _families(data: Dataset, signals: Signals, run: Run, *, bits: int, jaccard: float) -> dict[str, _Family]:
    """id -> its family, for every sample of the data. The sealed split counts: its fingerprints are at hand."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    fingerprint = signals["fingerprint"]
    ids = fingerprint.ids
    a, b = _links(data, signals, run, bits=bits, jaccard=jaccard)
    links = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(ids), len(ids)))
    numbers = connected_components(links, directed=False)[1]
    place = Signal("fingerprint", ids, np.arange(len(ids))).rows(data.ids)
    known = np.zeros(len(ids), bool)
    known[place[data.splits == TRAIN]] = True
    strange = Counter(numbers[~known].tolist())  # of other splits, or sealed
    members: dict[int, list[int]] = {}
    for row, number in enumerate(numbers[place].tolist()):
        members.setdefault(number, []).append(row)
    labels, made = data.table.column("classes").to_pylist(), data.made
    found: dict[str, _Family] = {}
    for number, rows in members.items():
        alike = len({tuple(labels[row] or ()) for row in rows if not made[row]}) <= 1
        raw = tuple(sorted(str(data.ids[row]) for row in rows if not made[row]))
        children = tuple(sorted(str(data.ids[row]) for row in rows if made[row]))
        family = _Family(number, raw, children, alike and not strange[number])
        found |= dict.fromkeys(map(str, data.ids[rows].tolist()), family)
    return found


def _links(data: Dataset, signals: Signals, run: Run, *, bits: int, jaccard: float) -> tuple[Array, Array]:
    """Pairs of rows of the fingerprints: identical, near, or parent and child."""
    fingerprint = signals["fingerprint"]
    rows, ids = fingerprint.values, fingerprint.ids
    if data.schema.modality == "text":  # the sealed texts are not at hand: their min-hashes must do
        near = copies.near_texts(rows, None, jaccard=jaccard)
    else:
        rng = run.rng("audit.validation_set", "copies")
        near = copies.near_pictures(rows, signals["embedding"].rows(ids), bits=bits, rng=rng)
    pairs = [(near.a, near.b)]
    pairs += [(np.full(len(group) - 1, group[0]), group[1:]) for group in equal_rows(rows[:, :2])]
    row_of = {id: row for row, id in enumerate(ids.tolist())}
    born = [
        (row_of[parent], row_of[child])
        for child, parents in zip(data.ids.tolist(), data.table.column("parents").to_pylist(), strict=True)
        for parent in parents
        if parent in row_of and child in row_of
    ]
    if born:
        pairs.append((np.array([parent for parent, _ in born]), np.array([child for _, child in born])))
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


# -- choosing -------------------------------------------------------------------------------------------------

_MOST = 4_000
"""Samples of a class that are looked at, drawn fairly where there are more: 4,000 x 4,000 distances are 64 MB."""


def _covering(said: Opinions, free: Array, c: int, count: int, signals: Signals, rng: np.random.Generator) -> list[int]:
    """Rows of class c in the order in which they cover it: every sample of the class counts by the belief in it."""
    carried = np.flatnonzero(said.data.targets[:, c] > 0)
    points, candidates = _drawn(carried, rng), _drawn(carried[free[carried]], rng)
    if not len(candidates) or count < 1:
        return []
    embedding, ids = signals["embedding"], said.data.ids
    own, others = (directions(embedding.rows(ids[rows]).astype(np.float32)) for rows in (points, candidates))
    closeness = closeness_of(own, others)
    rows, _ = facility_location(closeness * (1 - said.doubt[points])[:, None].astype(np.float32), count)
    return candidates[rows].tolist()


def _drawn(rows: Array, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= _MOST else np.sort(rng.choice(rows, _MOST, replace=False))


def _in_turns(orders: Sequence[Sequence[int]], carried: Array, wanted: Array, before: Sequence[int] = ()) -> list[int]:
    """Rows class by class in turns, the class with the fewest first, each the next of its order: `wanted` of each class.

    With several labels a sample counts for each of its classes; one that would overfill none goes before the others.
    before  rows that are taken already: they count, and are not given again
    """
    counts, taken, chosen = carried[list(before)].sum(axis=0), set(before), list[int]()
    left = list(map(list, orders))
    several = bool((carried.sum(axis=1) > 1).any())
    while True:
        open_classes = (counts < wanted) & [bool(rows) for rows in left]
        if not open_classes.any():
            return chosen
        c = int(np.where(open_classes, counts, np.inf).argmin())
        left[c] = [row for row in left[c] if row not in taken]
        if left[c]:
            full = counts >= wanted
            # The first of the best; with one label each that is the first.
            row = min(left[c], key=lambda one: int((carried[one] & full).sum())) if several else left[c][0]
            counts = counts + carried[row]
            taken.add(row)
            chosen.append(row)


def _range(counts: Array) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
