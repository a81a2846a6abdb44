"""What tests of duplicates and leaks share: the signals of a world as the runner would measure them, and its pairs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.embed.fingerprint import Fingerprint
from tilth.embed.pixels import Pixels
from tilth.embed.text import Text
from tilth.finding import Finding
from tilth.numerics import picture
from tilth.sample import Sample, made_id, raw_id
from tilth.signal import Array, Signal, Signals
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World, draw


def signals_of(world: World) -> Signals:
    """Fingerprints and embeddings of all samples, those of the sealed test among them."""
    data, run = world.data, world.run()
    text = data.schema.modality == "text"
    batch = run.texts(data) if text else list(run.images(data))
    fingerprint = Signal("fingerprint", data.ids, Fingerprint().describe(batch, run))
    return Signals({"fingerprint": fingerprint, "embedding": embedding_of(data, run)})


def embedding_of(data: Dataset, run: MemoryRun) -> Signal:
    if data.schema.modality == "text":
        return Text(dims=16).measure(data, run)
    step = Pixels()
    return Signal("embedding", data.ids, step.finish(step.describe(list(run.images(data)), run), data, run))


def pairs(findings: Iterable[Finding], *kinds: str) -> set[tuple[str, str]]:
    """All pairs of ids that findings of these kinds speak of, each in order."""
    return {pair for finding in findings if finding.kind in kinds for pair in combinations(sorted(finding.ids), 2)}


def in_order(known: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(min(pair), max(pair)) for pair in known}


def cluttered(n: int, *, side_px: int, channels: int = 3, seed: int = 0) -> list[Array]:
    """Drawings of shapes on clutter, each another one."""
    rng = np.random.default_rng(seed)
    shapes = ("circle", "square", "triangle", "cross", "ring", "bars")
    found = []
    for number in range(n):
        drawn = draw(shapes[number % 6], rng, side_px=side_px, channels=channels)
        clutter = picture.resize(rng.integers(0, 256, (6, 6, channels), dtype=np.uint8), side_px, side_px)
        found.append((0.6 * drawn + 0.4 * clutter).astype(np.uint8))
    return found


def nearly(original: Array) -> Array:
    """The same picture, brighter by 8 % and once resized to 80 % and back."""
    height, width = original.shape[:2]
    bright = np.clip(original * 1.08, 0, 255).astype(np.uint8)
    return picture.resize(picture.resize(bright, round(height * 0.8), round(width * 0.8)), height, width)


def world_of(images, labels, *, splits=None, parents=None) -> World:
    """A world of these pictures; `parents[row]` is the row it was made from."""
    contents = [picture.encode(image) for image in images]
    samples: list[Sample] = []
    for row, content in enumerate(contents):
        digest, split = digest_bytes(content), splits[row] if splits else "train"
        of = (parents or {}).get(row)
        id = raw_id(digest, f"{row:04}.png") if of is None else made_id((samples[of].id,), "test", row)
        made = {} if of is None else {"parents": (samples[of].id,), "maker": "test"}
        samples.append(Sample(id, digest, f"{row:04}.png", labels[row], split, **made))
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b", "c")))
    nothing = frozenset()
    by_id = {sample.id: content for sample, content in zip(samples, contents, strict=True)}
    return World(data, by_id, {}, nothing, nothing, nothing, nothing, nothing)
