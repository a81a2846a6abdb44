"""What can be done to a text: an operation by its name, as it stands in settings and in the maker of a made text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilth.augment.writing import letters, marks, noise, order, wording
from tilth.augment.writing.operation import TextOperation
from tilth.errors import SettingError, did_you_mean

OPERATIONS: Mapping[str, TextOperation] = {
    one.name: one
    for one in (*wording.OPERATIONS, *order.OPERATIONS, *noise.OPERATIONS, *letters.OPERATIONS, *marks.OPERATIONS)
}

SETS: Mapping[str, tuple[str, ...]] = {
    # Wei and Zou 2019: the four of easy data augmentation.
    "eda": ("synonym", "insert", "swap", "delete"),
    "characters": ("keyboard", "letter_swap", "letter_drop", "letter_double", "ocr"),
    "surface": ("contraction", "case", "punctuation"),
    # The same: on texts like those of train no mix was shown to be better or worse than another, nor than none at all
    # (benchmarks/text/operations.md), so the default is the one that is published and invents no words.
    "auto": ("synonym", "insert", "swap", "delete"),
}


def named(step: str, names: Sequence[str], forbid: Sequence[str] = ()) -> tuple[str, ...]:
    """The operations that these names of operations and of sets stand for, each once, less the forbidden ones."""
    for name in (*names, *forbid):
        if name not in OPERATIONS and name not in SETS:
            known = (*OPERATIONS, *SETS)
            there = f"{did_you_mean(name, known)} (there is {', '.join(OPERATIONS)}; and the sets {', '.join(SETS)})"
            raise SettingError(f"{step} has no operation {name!r}{there}")
    barred = _spread(forbid)
    left = tuple(name for name in _spread(names) if name not in barred)
    if not left:
        raise SettingError(f"{step}: no operation is left; name one or more in `operations` that `forbid` does not")
    return left


def _spread(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for name in names for one in SETS.get(name, (name,))))
