"""Story: all that a report tells, as plain values. The workspace fills it, `render` lays it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tilth.dataset import Dataset
from tilth.edit import Edit
from tilth.finding import Finding
from tilth.run.ablation import Ablation
from tilth.run.values import Valued
from tilth.run.versions import Described
from tilth.signal import Array
from tilth.steps import Aside
from tilth.trial import Evidence

Thumbs: TypeAlias = Callable[[Sequence[str]], Mapping[str, bytes]]
Texts: TypeAlias = Callable[[Sequence[str]], Mapping[str, str]]


def _none_of(ids: Sequence[str]) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Change:
    """One edit that is in force, and where it came from.

    step            name of the step that proposed it, or of the person who decided
    version_before  of the dataset it was applied to
    version_after   of the dataset it made
    batch           number of the batch, from 1, in order of application
    """

    edit: Edit
    step: str
    version_before: str
    version_after: str
    batch: int


@dataclass(frozen=True)
class Story:
    """What was found, changed and proved about one dataset.

    title     name of the dataset
    source    one sentence: which layout was taken and what was seen
    created   date and time as it shall be printed, or None
    program   version of tilth
    learner   the fixed model: name and settings
    recipe    the recipe as TOML
    findings  (step, finding) pairs
    changes   the edits that lead from `before` to `after`, in order of application
    evidence  None where nothing was trained
    ablation  what each part of a recipe adds; None where nothing was ablated
    datasets  the table of datasets: the version that was read, then one for each step that changed data
    values    what each valuator said of `after`; none where nobody was asked
    thumbs    ids -> small JPEG or PNG files, at most 96 px a side; asked only for samples that are shown, and may leave
              out what has no picture
    texts     ids -> texts; likewise
    names     id -> what to call the sample; its path where None
    map       (n,) ids and their (n, 2) places; None where no map was made
    map_of    what the map is of, in words
    medoids   ids on the map that stand for their class, to be shown as pictures
    seconds   step -> how long it ran
    commands  what it does -> the command line, to undo and to look closer
    planted   (what, how many were planted, how many of them were found), for worlds with a known answer
    notes     plain sentences that belong in sight, say that the proof ran on a sample
    """

    title: str
    source: str
    before: Dataset
    after: Dataset
    program: str = ""
    created: str | None = None
    seed: int = 0
    learner: Mapping[str, Any] = field(default_factory=dict[str, Any])
    recipe: str = ""
    asides: Sequence[Aside] = ()
    findings: Sequence[tuple[str, Finding]] = ()
    changes: Sequence[Change] = ()
    evidence: Evidence | None = None
    ablation: Ablation | None = None
    datasets: Sequence[Described] = ()
    values: Sequence[Valued] = ()
    thumbs: Thumbs = _none_of
    texts: Texts = _none_of
    names: Callable[[str], str] | None = None
    map: tuple[Sequence[str], Array] | None = None
    map_of: str = ""
    medoids: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    planted: Sequence[tuple[str, int, int]] = ()
    notes: Sequence[str] = ()
