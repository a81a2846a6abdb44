"""Finding: what is believed to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tilth.digest import digest


@dataclass(frozen=True, slots=True)
class Finding:
    """One belief about one sample, a pair or a group.

    kind      `unreadable`, `label_noise`, `exact_duplicate`, `near_duplicate`, `contradiction`, `leak`, `imbalance`...
    ids       ids of the samples it speaks of; empty for what concerns the whole set
    severity  0..1, where 1 is worse
    why       one sentence for a person
    evidence  plain values: the numbers behind it (`suggested`, `probability`, `distance`, `neighbors`)
    """

    kind: str
    ids: tuple[str, ...]
    severity: float
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if not 0.0 <= self.severity <= 1.0:
            raise ValueError(f"severity {self.severity} of a {self.kind} is not within 0..1")

    @property
    def key(self) -> str:
        """Identity: the kind and the samples, so that a finding keeps its key when its numbers move."""
        return digest(self.kind, self.ids)
