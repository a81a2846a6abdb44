"""Paper 4's file names: `img_KEY.jpg` for an original, `img_KEY_TECHNIQUE.jpg` for what was made from it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

from tilth.dataset import Dataset
from tilth.formats.naming import safe
from tilth.sample import Sample

NAME = re.compile(r"img_(?P<key>[^_]+)(_(?P<technique>[^_]+?)(-(?P<number>[1-9][0-9]*))?)?\.jpg")
"""The key is what lies between the first and the second underscore; a technique's name has none."""


def names_of(data: Dataset, *, keep: bool) -> dict[str, str]:
    """{sample id: file name} for a whole dataset.

    A technique that comes more than once for one key is numbered: `oversampling-1`, `oversampling-2`.

    keep  whether originals keep their names whatever they are (they came in this layout); else they become `img_KEY`
    """
    samples = {sample.id: sample for sample in data}
    originals = sorted((s for s in samples.values() if not s.maker), key=lambda s: (s.path, s.id))
    taken: set[str] = set()
    names: dict[str, str] = {}
    for sample in originals:
        stem = _free(_stem(sample, keep=keep), sample.id, taken)
        names[sample.id] = f"{stem}.jpg"
    stems = {id: name.removesuffix(".jpg") for id, name in names.items()}
    made = sorted((s for s in samples.values() if s.maker), key=lambda s: (s.path, s.id))
    wished = {sample.id: f"{_root(sample, samples, stems)}_{technique(sample.maker)}" for sample in made}
    often = Counter(wished.values())
    numbers: Counter[str] = Counter()
    for sample in made:
        wish = stem = wished[sample.id]
        while often[wish] > 1 or stem in taken:
            numbers[wish] += 1
            stem = f"{wish}-{numbers[wish]}"
            if stem not in taken:
                break
        taken.add(stem)
        names[sample.id] = f"{stem}.jpg"
    return names


def technique(maker: str) -> str:
    """The technique as a part of a name: `augment.geometric:shear` -> `shear`."""
    word = maker.rpartition(":")[2] if ":" in maker else maker.rpartition(".")[2]
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", word).strip("-.") or "made"


def _stem(sample: Sample, *, keep: bool) -> str:
    stem = PurePosixPath(safe(PurePosixPath(sample.path).name)).stem
    if keep or re.fullmatch(r"img_[^_]+(_[^_]+)?", stem):
        return stem
    return "img_" + stem.removeprefix("img_").replace("_", "-")


def _root(sample: Sample, samples: Mapping[str, Sample], stems: Mapping[str, str]) -> str:
    """The stem `img_KEY` of the first original that a made sample comes from, also where that one was dropped; of one that
    was made from none, its own up to its technique."""
    first = sample
    while first.parents and first.parents[0] in samples:
        first = samples[first.parents[0]]
    stem = stems.get(first.id) or _stem(first, keep=False)
    if first.maker and not first.parents:
        return "img_" + PurePosixPath(first.path).stem.split("_")[0]
    # What was made from an earlier made picture (`img_KEY_shear`, read back as an original) goes by the same key.
    return "_".join(stem.split("_")[:2]) if stem.startswith("img_") else stem


def _free(stem: str, id: str, taken: set[str]) -> str:
    if stem in taken:
        stem = f"{stem}-{id[:6]}"
    taken.add(stem)
    return stem
