"""Edit: what should change. Data; applying it is `Dataset.apply`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tilth.sample import Label, Sample

_Evidence: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Leave the sample out of the next version."""

    id: str
    because: str
    evidence: _Evidence = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Relabel:
    """Give the sample another label. Refused where its present label is not `old`."""

    id: str
    old: Label
    new: Label
    because: str
    evidence: _Evidence = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Add:
    """Bring in a made sample.

    content  the encoded file or the text (utf-8), to be kept by the store; None once it is kept
    """

    sample: Sample
    because: str
    evidence: _Evidence = field(default_factory=dict[str, Any])
    content: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return self.sample.id


@dataclass(frozen=True, slots=True)
class Weigh:
    """Give the sample another weight in training."""

    id: str
    weight: float
    because: str
    evidence: _Evidence = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Move:
    """Put the sample into another split."""

    id: str
    split: str
    because: str
    evidence: _Evidence = field(default_factory=dict[str, Any])


Edit: TypeAlias = Drop | Relabel | Add | Weigh | Move
