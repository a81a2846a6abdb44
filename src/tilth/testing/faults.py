"""Planting known faults in a copy of somebody's data: what a detector finds of them is what it can be trusted with.

`FAULTS` is the table: a fault names the step and the kind of finding that should meet it, and an act that plants one. A
fault for a new detector is one more line. Nothing of the original is changed: rows are copied, contents are new bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, VALID, Label, Sample, raw_id
from tilth.signal import Array

LEAST, MOST = 10, 300
"""Of each fault: with fewer than 10 the interval says nothing; with 300 it is 5 points wide on each side."""

Read = Callable[[Sample], bytes]


@dataclass(frozen=True)
class Fault:
    """A way in which data are wrong.

    name   what a person calls it
    by     the step that should find it; it is planted where the recipe has that step
    kind   the kind of finding that should name it
    act    plants one at a sample; gives the id of what is wrong now, or None where it cannot be planted there
    also   other kinds of finding that are right about it too: no false alarms
    """

    name: str
    by: str
    kind: str
    act: Callable[[Bed, Sample], str | None]
    also: tuple[str, ...] = ()
    modality: tuple[str, ...] = ("image", "text")
    weight: float = 1.0


@dataclass(frozen=True)
class Planted:
    """A copy of the data with faults in it.

    contents  id -> bytes of the samples that are new (of pictures; a text is in its sample)
    faults    name of a fault -> ids of what is wrong
    """

    data: Dataset
    contents: Mapping[str, bytes]
    faults: Mapping[str, tuple[str, ...]]


class Bed:
    """The copy while faults are put into it. Mutable; it lives for one call of `plant`."""

    def __init__(self, data: Dataset, read: Read, likeness: Array | None, rng: np.random.Generator) -> None:
        self.data, self.read, self.rng = data, read, rng
        self.likeness = likeness
        self.gone: set[str] = set()
        self.new: dict[str, Sample] = {}
        self.contents: dict[str, bytes] = {}
        self.classes = len(data.schema.classes)
        self.text = data.schema.modality == "text"
        self.splits = sorted(set(data.splits.tolist()) & {VALID, TEST})
        self.others: Sequence[Sample] = ()

    def relabel(self, sample: Sample, label: Label) -> str:
        self.gone.add(sample.id)
        self.new[sample.id] = replace(sample, label=label)
        return sample.id

    def add(self, sample: Sample, content: bytes, label: Label, split: str = TRAIN) -> str:
        """A new sample beside an old one. Its name is drawn: nothing in it tells that it was planted."""
        suffix = sample.path[sample.path.rfind(".") :] if "." in sample.path[-6:] else ""
        path = f"{split}/{self.rng.integers(16**12):012x}{suffix}"
        key = digest_bytes(content)
        id = raw_id(key, path)
        text = content.decode() if self.text else None
        self.new[id] = Sample(id, key, path, label, split, home="text" if self.text else "blob", text=text)
        if not self.text:
            self.contents[id] = content
        return id

    def spoil(self, sample: Sample, content: bytes) -> str:
        """New content in the place of the old, under the old label."""
        self.gone.add(sample.id)
        return self.add(sample, content, sample.label, sample.split)

    def other(self) -> Sample:
        """Any of the samples that are left as they are."""
        return self.others[int(self.rng.integers(len(self.others)))]

    def taken(self) -> Dataset:
        kept = self.data.where(~np.isin(self.data.ids, np.array(sorted(self.gone), dtype="U16")))
        return kept.merged(Dataset.from_samples(self.new.values(), self.data.schema))


def plant(
    data: Dataset,
    faults: Sequence[Fault],
    *,
    read: Read,
    share: float,
    rng: np.random.Generator,
    likeness: Array | None = None,
    spare: frozenset[str] = frozenset(),
) -> Planted:
    """A copy of the data with each of these faults in it, every sample touched by one fault at most.

    read      the bytes of a sample
    share     of the train samples, for each kind of finding: faults of one kind divide it between them
    likeness  (n, k) how like each sample is to each class, larger is more: where the nearest wrong class is sought
    spare     ids that stay as they are: what is believed to be wrong already
    """
    bed = Bed(data, read, likeness, rng)
    free = _free(data, spare)
    order = [free[row] for row in rng.permutation(len(free))]
    counts = _counts(faults, share, len(free))
    bed.others = order[sum(counts.values()) :] or order
    waiting = iter(order)
    planted = {fault.name: tuple(_sown(bed, fault, counts[fault.name], waiting)) for fault in faults}
    return Planted(bed.taken(), bed.contents, planted)


def _free(data: Dataset, spare: frozenset[str]) -> list[Sample]:
    """Train samples with a hard label that no step made."""
    rows = data.train.raw
    return [
        one
        for one in rows
        if one.id not in spare and isinstance(one.label, (int, frozenset)) and one.label != frozenset()
    ]


def _counts(faults: Sequence[Fault], share: float, n: int) -> dict[str, int]:
    """How many of each fault: never more than a half of the samples in all, or nothing sound would be left."""
    siblings = {one.kind: sum(other.weight for other in faults if other.kind == one.kind) for one in faults}
    wanted = {one.name: share * n * one.weight / siblings[one.kind] for one in faults}
    counts = {name: int(min(max(round(many), LEAST), MOST)) for name, many in wanted.items()}
    most = n / 2 / max(sum(counts.values()), 1)
    return {name: int(many * min(1.0, most)) for name, many in counts.items()}


def _sown(bed: Bed, fault: Fault, count: int, waiting: Iterator[Sample]) -> Iterator[str]:
    """Ids of what was planted. A fault that cannot be planted here (no second class, no split to leak into) is given up after
    a few samples: the others need theirs."""
    done, failed = 0, 0
    while done < count and failed < LEAST and (sample := next(waiting, None)) is not None:
        id = fault.act(bed, sample)
        done, failed = (done, failed + 1) if id is None else (done + 1, 0)
        if id is not None:
            yield id


# -- labels ---------------------------------------------------------------------------------------------------


def any_label(bed: Bed, sample: Sample) -> str | None:
    """A wrong class, any of them alike."""
    if bed.classes < 2:
        return None
    scores = bed.rng.random(bed.classes)
    return bed.relabel(sample, _other_label(sample.label, scores))


def near_label(bed: Bed, sample: Sample) -> str | None:
    """The wrong class that the sample is most like: the mistake that people make."""
    if bed.classes < 2 or bed.likeness is None:
        return None
    row = int(np.searchsorted(bed.data.ids, sample.id))
    return bed.relabel(sample, _other_label(sample.label, bed.likeness[row]))


def _other_label(label: Label, scores: Array) -> Label:
    """The class with the highest score beside the given; of several classes one is exchanged."""
    given = label if isinstance(label, frozenset) else {label}
    order = [int(one) for one in np.argsort(-scores, kind="stable") if int(one) not in given]
    if not isinstance(label, frozenset):
        return order[0]
    if not order:  # every class is given: one is too many
        return label - {min(label)}
    return (label - {min(label, key=lambda one: scores[one])}) | {order[0]}


# -- copies ---------------------------------------------------------------------------------------------------


def exact_copy(bed: Bed, sample: Sample) -> str | None:
    return bed.add(sample, bed.read(sample), sample.label)


def near_copy(bed: Bed, sample: Sample) -> str | None:
    """The picture a little brighter, or smaller and saved again; the text in other letters, or without one word."""
    content = bed.read(sample)
    if bed.text:
        words = content.decode().split()
        if bed.rng.random() < 0.5 or len(words) < 12:  # a word less of twelve: nine tenths in common
            return bed.add(sample, (content.decode().upper() + " !").encode(), sample.label)
        del words[int(bed.rng.integers(len(words)))]
        return bed.add(sample, " ".join(words).encode(), sample.label)
    shown = picture.decode(content)
    if bed.rng.random() < 0.5:
        changed = picture.encode(np.clip(shown.astype(float) * 0.94 + 6, 0, 255).astype(np.uint8))
    else:
        height, width = (max(8, round(side * 0.8)) for side in shown.shape[:2])
        changed = picture.encode(picture.resize(shown, height, width), suffix=".jpg", quality=85)
    return bed.add(sample, changed, sample.label)


def contradiction(bed: Bed, sample: Sample) -> str | None:
    """The same content again, under another label."""
    if bed.classes < 2:
        return None
    return bed.add(sample, bed.read(sample), _other_label(sample.label, bed.rng.random(bed.classes)))


def leak(bed: Bed, sample: Sample) -> str | None:
    """A train sample that is in valid or in test as well, under the same label."""
    if not bed.splits:
        return None
    split = bed.splits[int(bed.rng.integers(len(bed.splits)))]
    return bed.add(sample, bed.read(sample), sample.label, split)


# -- content that is none -------------------------------------------------------------------------------------


def junk(bed: Bed, sample: Sample) -> str | None:
    """Content of no class under a label: a picture in shuffled tiles or laid over others; a text of strangers' words."""
    if bed.text:
        words = [word for _ in range(4) for word in bed.read(bed.other()).decode().split()]
        length = max(3, len(bed.read(sample).decode().split()))
        chosen = bed.rng.permutation(len(words))[:length]
        return bed.spoil(sample, " ".join(words[at] for at in chosen).encode()) if words else None
    shown = picture.decode(bed.read(sample))
    spoiled = _tiles(shown, bed.rng) if bed.rng.random() < 0.5 else _laid_over(shown, bed)
    return bed.spoil(sample, picture.encode(spoiled))


def _tiles(shown: Array, rng: np.random.Generator) -> Array:
    """The picture cut into 4 x 4 tiles, in another order."""
    height, width = (max(side // 4, 1) for side in shown.shape[:2])
    whole = picture.resize(shown, height * 4, width * 4)
    tiles = whole.reshape(4, height, 4, width, -1).swapaxes(1, 2).reshape(16, height, width, -1)
    return tiles[rng.permutation(16)].reshape(4, 4, height, width, -1).swapaxes(1, 2).reshape(whole.shape)


def _laid_over(shown: Array, bed: Bed) -> Array:
    """Three pictures in one, the others turned by quarters; where ink is dark on light the dark stays."""
    dark = shown.mean() > 127
    result = shown
    for turns in (1, 2):
        other = picture.to_channels(picture.decode(bed.read(bed.other())), shown.shape[2])
        turned = picture.resize(np.rot90(other, turns).copy(), *shown.shape[:2])
        result = np.minimum(result, turned) if dark else np.maximum(result, turned)
    return result


# -- spoiled pictures -----------------------------------------------------------------------------------------


def _spoiled(change: Callable[[Array, np.random.Generator], Array]) -> Callable[[Bed, Sample], str | None]:
    def act(bed: Bed, sample: Sample) -> str | None:
        shown = picture.decode(bed.read(sample)).astype(float)
        return bed.spoil(sample, picture.encode(np.clip(change(shown, bed.rng), 0, 255).astype(np.uint8)))

    return act


def _blurred(shown: Array, rng: np.random.Generator) -> Array:
    from scipy.ndimage import gaussian_filter

    del rng
    side = max(shown.shape[:2]) / 20  # a twentieth of the picture: nothing fine is left
    return gaussian_filter(shown, (side, side, 0))


def _noisy(shown: Array, rng: np.random.Generator) -> Array:
    return shown + rng.normal(0, 60, shown.shape)


# -- the table ------------------------------------------------------------------------------------------------

_PICTURES = ("image",)

FAULTS: tuple[Fault, ...] = (
    Fault("wrong label, any class", "audit.label_noise", "label_noise", any_label, ("contradiction",)),
    Fault("wrong label, nearest class", "audit.label_noise", "label_noise", near_label, ("contradiction",)),
    Fault("junk", "audit.outliers", "outlier", junk, ("label_noise", "out_of_class", "low_information", "noisy")),
    Fault("exact copy", "audit.duplicates", "exact_duplicate", exact_copy),
    Fault("near copy", "audit.duplicates", "near_duplicate", near_copy),
    Fault(
        "copy with another label", "audit.duplicates", "contradiction", contradiction, ("exact_duplicate", "label_noise")
    ),
    Fault("copy in valid or test", "audit.leaks", "leak", leak, ("exact_duplicate",)),
    Fault("blurred", "audit.quality", "blurred", _spoiled(_blurred), ("outlier", "low_information"), _PICTURES),
    Fault("noisy", "audit.quality", "noisy", _spoiled(_noisy), ("outlier",), _PICTURES),
    Fault("dark", "audit.quality", "dark", _spoiled(lambda x, _: x * 0.12), ("outlier", "low_information"), _PICTURES),
    Fault("bright", "audit.quality", "bright", _spoiled(lambda x, _: 255 - (255 - x) * 0.12), ("outlier", "low_information"), _PICTURES),
    Fault("empty", "audit.quality", "low_information", _spoiled(lambda x, _: x * 0 + x.mean()), ("outlier", "exact_duplicate", "near_duplicate", "contradiction", "dark", "bright", "blurred"), _PICTURES),
)  # fmt: skip
"""What can be planted. `by` is matched with the steps of the recipe, so a line costs nothing where its detector is not used."""
