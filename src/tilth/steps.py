"""The contract: the roles a step can play, one Protocol each, and what a step is handed.

A step is a frozen dataclass with one method. Its fields are its settings; un-annotated class attributes declare the
rest:

    version = 1                     raise it when the numbers change: it is part of the memo key
    needs = ("probabilities",)      signals it reads
    of_raw = ("probabilities",)     of these, such as it reads for raw samples alone: they may be older than made ones
    gives = ("embedding",)          signals it makes
    grain = "dataset"               or "sample": a new version pays only for its new samples
    modality = ("image",)           what it works on; default both
    extra = ""                      what to install beside tilth, e.g. "onnx" for tilth[onnx]
    files = ("path",)               settings that name a file; `weights`, a digest of what it holds, is their identity
    own_learner = True              its setting `learner` is a witness of its own, never the fixed model
    source = "Northcutt 2021"       the paper or page
    cost = "O(n k)"                 in words

A step whose settings speak of the data, say of classes, may have `fits(schema)`: it raises SettingError where they do not
fit, and is asked when a recipe is planned.

**A step returns a Signal, Findings or Edits, and changes nothing.**
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Add, Edit
from tilth.finding import Finding
from tilth.signal import Array, Signal, Signals

T = TypeVar("T")
R = TypeVar("R")

DEFAULTS: Mapping[str, Any] = {
    "version": 1,
    "needs": (),
    "of_raw": (),
    "gives": (),
    "grain": "dataset",
    "modality": ("image", "text"),
    "extra": "",
    "files": (),
    "own_learner": False,
    "source": "",
    "cost": "",
}


def declared(step: Any, name: str) -> Any:
    """What a step (or its class) declares under this name, or the default of the contract."""
    return getattr(step, name, DEFAULTS[name])


class Run(Protocol):
    """What a step is handed beside the data: content, randomness, compute and a voice. Never the ledger."""

    @property
    def seed(self) -> int: ...

    @property
    def device(self) -> str:
        """`cpu`, `cuda` or `cuda:1`."""
        ...

    @property
    def threads(self) -> int:
        """How many threads a step may use."""
        ...

    def rng(self, *key: Any) -> np.random.Generator:
        """A generator derived from the seed, the step's key and these plain values. The only randomness there is."""
        ...

    def images(self, data: Dataset) -> Iterator[Array]:
        """Decoded pictures in the order of the rows: uint8 (h, w, 1) grey or (h, w, 3) RGB, decoded ahead in threads.

        Orientation is applied, alpha is laid on white, 16 bit is scaled. Raises ContentError for one that has become
        unreadable since the source was read."""
        ...

    def texts(self, data: Dataset) -> list[str]:
        """The texts in the order of the rows."""
        ...

    def contents(self, data: Dataset) -> Iterator[bytes]:
        """The bytes of the files in the order of the rows (utf-8 for texts)."""
        ...

    def map(self, fn: Callable[[T], R], items: Iterable[T], *, cpus: int = 1, gpus: int = 0, what: str = "") -> list[R]:
        """`[fn(item) for item in items]`, side by side in processes. `fn` and the items can be pickled."""
        ...

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """`with run.progress("embedding", n) as advance: advance(64)`: a bar with the time left."""
        ...

    def log(self, message: str) -> None:
        """A line for the person at the terminal and for the ledger."""
        ...

    def step(self, use: str, settings: Mapping[str, Any] | None = None) -> Any:
        """A registered step by its name: how a step gets a learner or an embedder without importing its neighbor."""
        ...

    def embed(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Signal:
        """The embedding of these samples by a registered embedder, through the memo."""
        ...

    def describe(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Array:
        """(n, d) what an embedder says of each sample by itself, without its `finish`: the same for a sample whatever
        stands beside it. StepError for an embedder that must see the whole dataset."""
        ...

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        """Arrays through the memo: what a step wants to find again after a kill, say a fold."""
        ...

    def checkpoints(self, *key: Any) -> Path:
        """A folder that outlives a kill, for what is too large to lose within one `keep` (weights by epoch)."""
        ...

    def export(self, data: Dataset, where: Path, *, layout: str | None = None) -> Path:
        """Write these samples to a folder, for an external program; the layout of the source where none is named."""
        ...


# -- roles ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aside:
    """A file or row that could not become a sample, and why. Nothing is lost: it stays where it is and is listed."""

    path: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What a format found.

    layout  one sentence: which layout was taken and what was seen
    format  name of the format, to write the same layout again
    facts   plain values the format wants back when it writes (column names, split folders, file ending)
    """

    data: Dataset
    aside: tuple[Aside, ...]
    layout: str
    format: str
    facts: Mapping[str, Any]


@runtime_checkable
class Format(Protocol):
    """A layout of datasets on disk."""

    def sees(self, where: Path) -> str | None:
        """One sentence of what was seen where this layout is at `where`, or None. Cheap: looks, does not read."""
        ...

    def read(self, where: Path, options: Mapping[str, Any], advance: Callable[[int], None]) -> Reading: ...

    def write(
        self,
        data: Dataset,
        where: Path,
        contents: Callable[[Dataset], Iterator[bytes]],
        facts: Mapping[str, Any],
    ) -> None: ...


@runtime_checkable
class Embedder(Protocol):
    """Samples -> (n, d). `describe` sees one batch and nothing else, so a new version pays only for new samples;
    `finish` (optional) sees all rows, say for PCA."""

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, d) float32 from b pictures (uint8 h x w x c) or texts."""
        ...


@runtime_checkable
class DatasetEmbedder(Protocol):
    """An embedder that must see the whole dataset at once: TF-IDF of a corpus, a network that is trained first. The
    labels of the test split are taken off before it is asked."""

    def measure(self, data: Dataset, run: Run) -> Signal: ...


class Model(Protocol):
    """A trained model."""

    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32 probabilities in the order of the rows; rows add up to 1 where single-label."""
        ...

    def features(self, data: Dataset, run: Run) -> Array | None:
        """(n, d) float32 penultimate layer, or None where the model has none."""
        ...


@runtime_checkable
class Exposed(Protocol):
    """A model whose answers can be followed back to the pixels: what perturbation needs. torch's types, which this floor
    does not know, are written Any."""

    def expose(self, pictures: Sequence[Array]) -> AbstractContextManager[tuple[Any, Callable[[Any], Any]]]:
        """Pictures (uint8 h x w x c) as (b, c, h, w) in 0..1 at the size at which the network sees the whole of each, and
        its answers as a function of them: (b, k) before softmax. Both hold within the context."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A fixed model and how it is trained."""

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> Model:
        """Train on `train` (hard, multi-hot or soft targets, weights). `valid` picks the epoch, where the learner
        keeps the best one."""
        ...


class Course(Protocol):
    """A training that can be gone through again, step by step, to the same weights. torch's types, which this floor
    does not know, are written Any."""

    final: Mapping[str, Any] | None
    lesson: Any
    setting: Any
    seed: int

    def __len__(self) -> int:
        """How many train samples there are."""
        ...

    @property
    def steps(self) -> int:
        """Steps until the kept weights."""
        ...

    @property
    def per_epoch(self) -> int: ...

    def begin(self) -> tuple[Any, Any]:
        """The network before the first step, in train mode, and its optimizer."""
        ...

    def finished(self) -> Any:
        """The network with the kept weights, in eval mode."""
        ...

    def set(self, optimizer: Any, step: int) -> None:
        """Make the optimizer ready for this step: its rate, say."""
        ...

    def batch(self, step: int) -> Any:
        """`rows` (b,), `inputs`, `targets` (b, k), `weights` (b,) and `dice` of a step."""
        ...

    def answers(self, net: Callable[[Any], Any], batch: Any) -> Any:
        """(b, k) what the network answers to a batch."""
        ...

    def losses(self, answers: Any, batch: Any) -> Any:
        """(b,) the loss of each sample, not weighted."""
        ...

    def move(self, net: Any, optimizer: Any) -> float:
        """Take the step that the gradients at hand ask for; returns the factor they were clipped by."""
        ...


class Trace(Protocol):
    """What a learner hands out of a training.

    data    the labelled train samples, in the order of the course's rows
    visits  (epochs, n, 3) loss, margin and distance to the label as each sample was met, or None
    """

    @property
    def data(self) -> Dataset: ...

    @property
    def course(self) -> Course: ...

    @property
    def visits(self) -> Array | None: ...

    def examine(self, data: Dataset, run: Run) -> Any:
        """The labelled samples of other data as the network sees them (`inputs`, `targets`, `weights`), or None."""
        ...


@runtime_checkable
class Traceable(Protocol):
    """A learner whose training can be gone through again: what valuation by trajectory needs."""

    def trace(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int, record: bool = False) -> Trace: ...


@runtime_checkable
class Detector(Protocol):
    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]: ...


@runtime_checkable
class Valuator(Protocol):
    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n,) or (n, m), higher = more helpful, negative = harmful."""
        ...


@runtime_checkable
class Cleanser(Protocol):
    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """At most one edit per sample; never empties a class."""
        ...


@runtime_checkable
class Augmenter(Protocol):
    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train samples, so that the open part of the dataset holds at most `budget` samples."""
        ...


@runtime_checkable
class Selector(Protocol):
    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep, so that the open part of the dataset holds at most `budget` samples."""
        ...


ROLES: Mapping[str, Any] = {
    "formats": Format,
    "embedders": (Embedder, DatasetEmbedder),
    "learners": Learner,
    "detectors": Detector,
    "valuators": Valuator,
    "cleansers": Cleanser,
    "augmenters": Augmenter,
    "selectors": Selector,
}
"""Role by the name of its entry-point group: `tilth.detectors` and so on."""
