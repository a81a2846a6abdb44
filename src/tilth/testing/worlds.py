"""Small datasets with planted faults, whose answer is known.

`photos` draws pictures of simple shapes, `utterances` writes sentences; both plant wrong labels, junk, copies, near
copies, imbalance and leaks by number, and keep the truth beside the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, VALID, Label, Sample, raw_id
from tilth.signal import Array
from tilth.testing.memory import MemoryRun

SHAPES = ("circle", "square", "triangle", "cross", "ring", "bars")


@dataclass(frozen=True)
class World:
    """A dataset and what is wrong with it.

    truth    id -> the right label, for every sample that has one (junk has none)
    wrong    ids with a wrong label
    junk     ids of pictures or texts of no class
    copies   pairs (original, exact copy)
    near     pairs (original, near copy)
    leaks    pairs (train, test) of copies across the seal
    """

    data: Dataset
    contents: Mapping[str, bytes]
    truth: Mapping[str, Label]
    wrong: frozenset[str]
    junk: frozenset[str]
    copies: frozenset[tuple[str, str]]
    near: frozenset[tuple[str, str]]
    leaks: frozenset[tuple[str, str]]

    def run(self, *, seed: int = 0) -> MemoryRun:
        """A Run that has this world's contents at hand."""
        return MemoryRun(self.contents, seed=seed)

    def write(self, where: Path) -> Path:
        """The files of the world below `where`, as `SPLIT/CLASS/NAME`."""
        for sample in self.data:
            file = where / sample.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.contents[sample.id])
        return where


@dataclass
class _Row:
    content: bytes
    shown: int | None
    label: int
    split: str
    of: int | None = None  # index of the row it copies
    kind: str = "plain"


def photos(
    n: int = 200,
    *,
    classes: int = 4,
    wrong: int = 0,
    junk: int = 0,
    copies: int = 0,
    near: int = 0,
    leaks: int = 0,
    imbalance: float = 1.0,
    side_px: int = 32,
    channels: int = 1,
    test_share: float = 0.25,
    valid_share: float = 0.0,
    seed: int = 0,
) -> World:
    """Pictures of shapes on a plain ground; `n` clean ones, the planted faults come on top and lie in train.

    imbalance  size of the smallest class over the largest, in train
    """
    rng = np.random.default_rng(seed)

    def clean(shape: int) -> bytes:
        return picture.encode(draw(SHAPES[shape], rng, side_px=side_px, channels=channels))

    def noise() -> bytes:
        return picture.encode(rng.integers(0, 256, (side_px, side_px, channels), dtype=np.uint8))

    def nearly(content: bytes) -> bytes:
        bright = picture.decode(content).astype(float) * 1.06 + 3
        return picture.encode(np.clip(bright, 0, 255).astype(np.uint8))

    rows = _rows(rng, n, classes, imbalance, test_share, valid_share, clean)
    _plant(rows, rng, classes, wrong, junk, copies, near, leaks, noise, nearly)
    names = SHAPES[:classes]
    samples = [_photo(row, number, names) for number, row in enumerate(rows)]
    return _world(rows, samples, Schema("image", "single-label", tuple(names)))


def utterances(
    n: int = 200,
    *,
    classes: int = 3,
    wrong: int = 0,
    junk: int = 0,
    copies: int = 0,
    near: int = 0,
    leaks: int = 0,
    imbalance: float = 1.0,
    test_share: float = 0.25,
    valid_share: float = 0.0,
    seed: int = 0,
) -> World:
    """Sentences about the weather, food, travel or money; faults as in `photos`."""
    rng = np.random.default_rng(seed)
    seen: set[str] = set()

    def clean(topic: int) -> bytes:
        while (text := _sentence(rng, topic)) in seen:
            pass
        seen.add(text)
        return text.encode()

    def noise() -> bytes:
        letters = rng.choice(list("qzxjkwvb"), size=(4, 6))
        return " ".join("".join(word) for word in letters).encode()

    def nearly(content: bytes) -> bytes:
        return content.upper() + b" !"

    rows = _rows(rng, n, classes, imbalance, test_share, valid_share, clean)
    _plant(rows, rng, classes, wrong, junk, copies, near, leaks, noise, nearly)
    names = tuple(_TOPICS)[:classes]
    samples = [
        Sample(
            raw_id(digest_bytes(row.content), f"row-{number}"),
            digest_bytes(row.content),
            f"row-{number}",
            row.label,
            row.split,
            home="text",
            text=row.content.decode(),
        )
        for number, row in enumerate(rows)
    ]
    return _world(rows, samples, Schema("text", "single-label", names))


def multi_label(n: int = 200, *, seed: int = 0, contradictions: int = 0) -> World:
    """Sentences on one to three topics at once; `contradictions` of them come twice with different label sets."""
    rng = np.random.default_rng(seed)
    schema = Schema("text", "multi-label", tuple(_TOPICS))
    samples: list[Sample] = []
    copies: list[tuple[int, int]] = []
    for number in range(n):
        topics = sorted(rng.choice(len(_TOPICS), size=rng.integers(1, 4), replace=False).tolist())
        text = " and ".join(_sentence(rng, topic) for topic in topics) + f" ({number})"
        split = TEST if rng.random() < 0.25 else TRAIN
        samples.append(_text_sample(text, f"row-{number}", frozenset(topics), split))
    train = [index for index, sample in enumerate(samples) if sample.split == TRAIN]
    for number, at in enumerate(train[:contradictions]):
        first = samples[at]
        assert isinstance(first.label, frozenset) and first.text is not None
        other = first.label ^ {int(rng.integers(len(_TOPICS)))} or frozenset({0, 1, 2, 3})
        copies.append((at, len(samples)))
        samples.append(_text_sample(first.text, f"again-{number}", other, TRAIN))
    data = Dataset.from_samples(samples, schema)
    pairs = frozenset((samples[a].id, samples[b].id) for a, b in copies)
    truth = {sample.id: sample.label for sample in samples[:n]}
    contents = {sample.id: (sample.text or "").encode() for sample in samples}
    return World(data, contents, truth, frozenset(), frozenset(), pairs, frozenset(), frozenset())


def _text_sample(text: str, path: str, label: Label, split: str) -> Sample:
    content = digest_bytes(text.encode())
    return Sample(raw_id(content, path), content, path, label, split, home="text", text=text)


# -- planting -------------------------------------------------------------------------------------------------


def _rows(rng, n, classes, imbalance, test_share, valid_share, clean) -> list[_Row]:  # type: ignore[no-untyped-def]
    shares = np.linspace(1.0, imbalance, classes)
    rows = []
    for number in range(n):
        split = TEST if number < n * test_share else VALID if number < n * (test_share + valid_share) else TRAIN
        shown = number % classes if split != TRAIN else int(rng.choice(classes, p=shares / shares.sum()))
        rows.append(_Row(clean(shown), shown, shown, split))
    return rows


def _plant(rows, rng, classes, wrong, junk, copies, near, leaks, noise, nearly) -> None:  # type: ignore[no-untyped-def]
    plain = [index for index, row in enumerate(rows) if row.split == TRAIN]
    free = list(rng.permutation(plain))
    for _ in range(wrong):
        row = rows[free.pop()]
        row.label = int((row.shown + rng.integers(1, classes)) % classes)
        row.kind = "wrong"
    for kind, count in (("copy", copies), ("near", near), ("leak", leaks)):
        for _ in range(count):
            of = (
                int(free.pop())
                if kind != "leak"
                else int(rng.choice([i for i, r in enumerate(rows) if r.split == TEST]))
            )
            content = nearly(rows[of].content) if kind == "near" else rows[of].content
            rows.append(_Row(content, rows[of].shown, rows[of].label, TRAIN, of, kind))
    for _ in range(junk):
        rows.append(_Row(noise(), None, int(rng.integers(classes)), TRAIN, kind="junk"))


def _photo(row: _Row, number: int, names: tuple[str, ...]) -> Sample:
    content = digest_bytes(row.content)
    path = f"{row.split}/{names[row.label]}/{number:05d}.png"
    return Sample(raw_id(content, path), content, path, row.label, row.split)


def _world(rows: list[_Row], samples: list[Sample], schema: Schema) -> World:
    def pairs(kind: str) -> frozenset[tuple[str, str]]:
        return frozenset(
            (samples[row.of].id, sample.id)
            for row, sample in zip(rows, samples, strict=True)
            if row.kind == kind and row.of is not None
        )

    both = list(zip(rows, samples, strict=True))
    return World(
        data=Dataset.from_samples(samples, schema),
        contents={sample.id: row.content for row, sample in both},
        truth={sample.id: row.shown for row, sample in both if row.shown is not None},
        wrong=frozenset(sample.id for row, sample in both if row.kind == "wrong"),
        junk=frozenset(sample.id for row, sample in both if row.kind == "junk"),
        copies=pairs("copy"),
        near=pairs("near"),
        leaks=frozenset((train, test) for test, train in pairs("leak")),
    )


# -- what is drawn and written --------------------------------------------------------------------------------


def draw(shape: str, rng: np.random.Generator, *, side_px: int = 32, channels: int = 1) -> Array:
    """A shape of random size, place and turn, dark on a light ground: uint8 (side, side, channels)."""
    axis = (np.arange(side_px) + 0.5) / side_px * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    turn, size = rng.uniform(-0.3, 0.3), rng.uniform(0.45, 0.75)
    dx, dy = rng.uniform(-0.2, 0.2, 2)
    u = ((x - dx) * np.cos(turn) + (y - dy) * np.sin(turn)) / size
    v = (-(x - dx) * np.sin(turn) + (y - dy) * np.cos(turn)) / size
    inside = {
        "circle": np.hypot(u, v) - 1,
        "square": np.maximum(abs(u), abs(v)) - 0.85,
        "triangle": np.maximum(abs(u) * 1.4 + v * 0.8 - 0.8, -v - 0.8),
        "cross": np.maximum(np.minimum(abs(u), abs(v)) - 0.22, np.maximum(abs(u), abs(v)) - 1),
        "ring": abs(np.hypot(u, v) - 0.75) - 0.2,
        "bars": np.maximum(abs(abs(u) - 0.55) - 0.2, abs(v) - 0.95),
    }[shape]
    ink = 1 / (1 + np.exp(np.clip(inside * side_px / 2, -30, 30)))
    ground, dark = rng.uniform(200, 245), rng.uniform(10, 90)
    grey = ground + (dark - ground) * ink + rng.normal(0, 4, ink.shape)
    tint = rng.uniform(0.75, 1.0, channels) if channels > 1 else np.ones(1)
    return np.clip(grey[:, :, None] * tint, 0, 255).astype(np.uint8)


_TOPICS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "weather": (
        ("rain", "snow", "sunshine", "wind", "fog", "hail"),
        ("falls", "comes", "ends", "starts", "clears"),
    ),
    "food": (
        ("soup", "bread", "cheese", "curry", "salad", "rice"),
        ("tastes good", "is cooked", "needs salt", "is eaten"),
    ),
    "travel": (
        ("train", "ferry", "flight", "bus", "tram", "coach"),
        ("departs", "is late", "arrives", "is full"),
    ),
    "money": (
        ("loan", "card", "account", "invoice", "transfer", "fee"),
        ("is paid", "was declined", "is due", "rose"),
    ),
}
_PLACES = ("Lisbon", "Oslo", "Kyoto", "Quito", "Perth", "Accra", "Turin", "Hanoi")
_TIMES = ("today", "tomorrow", "at noon", "on Monday", "next week", "tonight", "in March", "at dawn")


def _sentence(rng: np.random.Generator, topic: int) -> str:
    nouns, verbs = tuple(_TOPICS.values())[topic]
    pick = lambda words: words[int(rng.integers(len(words)))]  # noqa: E731
    opening = pick(("the", "my", "our", "this", "every", "no"))
    return f"{opening} {pick(nouns)} {pick(verbs)} in {pick(_PLACES)} {pick(_TIMES)} says {pick(_PLACES)} no {rng.integers(99)}"
