"""Sample: one row of a dataset, and the label it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tilth.digest import digest

Label: TypeAlias = "int | frozenset[int] | tuple[tuple[int, float], ...] | None"
"""A class index (single), a set of class indices (multi), or (class, share) pairs in order of class (soft).
None: not labelled."""

TRAIN, VALID, TEST = "train", "valid", "test"
"""The three splits that mean something to the program. Others (`label_book`) are names a user gave; they are open."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image or text.

    id       16 hex digits: `raw_id` or `made_id`
    content  digest of the file's bytes or of the text, 32 hex digits
    path     name in the layout of the source, relative, with `/`; for a made sample the name it is written under
    home     where the content lies: a root of the workspace (`source`, `source-2`...), `blob` or `text`
    text     the text itself, where the modality is text
    parents  ids of the samples it was made from; empty for raw ones and for what was made from none
    maker    the step that made it, with the technique after a colon (`augment.affine:shear`); empty for raw ones
    """

    id: str
    content: str
    path: str
    label: Label
    split: str = TRAIN
    weight: float = 1.0
    parents: tuple[str, ...] = ()
    maker: str = ""
    home: str = "source"
    text: str | None = None


def raw_id(content: str, path: str) -> str:
    """Identity of a sample that came with the source: its content and its place below the root."""
    return digest("raw", content, path)


def made_id(parents: tuple[str, ...], step: str, ordinal: int) -> str:
    """Identity of a sample that a step made: its parents, the step's key and a counter.

    step     key of the step and its settings, so that two steps never claim one id
    ordinal  which of the samples that this step made from these parents
    """
    return digest("made", parents, step, ordinal)
