"""What a source says of a sample -> a label, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tilth.dataset import Dataset, Task
from tilth.errors import ContentError, ExportError, SourceError
from tilth.sample import Label, Sample

Told: TypeAlias = "str | tuple[str, ...] | Mapping[str, float]"
"""One class name, several, or shares by class name."""


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names by number where all are whole numbers, by letter otherwise."""
    unique = set(names)
    if all(name.lstrip("-").isdecimal() for name in unique):
        return tuple(sorted(unique, key=lambda name: (int(name), name)))
    return tuple(sorted(unique))


def classes_of(told: Iterable[Told], options: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes that the option `classes` gives, or else all that are mentioned."""
    if given := options.get("classes"):
        return tuple(str(name) for name in given)
    return in_order(name for item in told for name in ((item,) if isinstance(item, str) else item))


def task_of(options: Mapping[str, Any], *, several: bool) -> Task:
    """The task that the option `task` gives, or else what was seen. Raises SourceError for an unknown one."""
    task = options.get("task")
    if task not in (None, "single-label", "multi-label"):
        raise SourceError(f"there is no task {task!r}; choose single-label or multi-label")
    return task or ("multi-label" if several else "single-label")


def label_of(told: Told, index: Mapping[str, int], task: Task) -> Label:
    """The label in class indices. Raises ContentError, with the reason, where it is none."""
    names = (told,) if isinstance(told, str) else tuple(told)
    if unknown := [name for name in names if name not in index]:
        raise ContentError(f"its label {unknown[0]!r} is not among the {len(index)} classes")
    if isinstance(told, Mapping):
        return _soft(told, index, task)
    if task == "multi-label":
        return frozenset(index[name] for name in names)
    if len(names) != 1:
        raise ContentError(f"it has {len(names)} labels, and the task is single-label")
    return index[names[0]]


def _soft(told: Mapping[str, float], index: Mapping[str, int], task: Task) -> Label:
    if not all(isinstance(share, (int, float)) and math.isfinite(share) and share >= 0 for share in told.values()):
        raise ContentError("its label has shares that are not numbers from 0 up")
    # Of several labels each stands for itself: a picture may be a whole cat and three tenths of a dog.
    if task == "multi-label":
        if (most := max(told.values())) > 1 + 1e-3:
            raise ContentError(f"a share of its label is {most:.3g}, more than 1")
    elif not math.isclose(total := sum(told.values()), 1, abs_tol=1e-3):
        raise ContentError(f"the shares of its label add up to {total:.3g}, not to 1")
    return tuple(sorted((index[name], float(share)) for name, share in told.items() if share > 0))


def is_soft(label: Label) -> bool:
    """Whether a label is made of shares."""
    return isinstance(label, tuple)


def told_of(label: Label, classes: Sequence[str]) -> Told | None:
    """A label in class names; None where there is none."""
    if label is None:
        return None
    if isinstance(label, int):
        return classes[label]
    if isinstance(label, frozenset):
        return tuple(classes[index] for index in sorted(label))
    return {classes[index]: share for index, share in label}


def hot(label: Label, k: int) -> list[int]:
    """(k,) one-hot or multi-hot."""
    chosen = {label} if isinstance(label, int) else label
    assert isinstance(chosen, (set, frozenset))
    return [int(index in chosen) for index in range(k)]


def refuse_unwritable(data: Dataset, layout: str, *, several: bool) -> None:
    """ExportError where some label does not fit a layout that has one class (or, `several`, a set) for each file."""
    for sample in data:
        if why := _unwritable(sample, several):
            raise ExportError(
                f"{sample.path} {why}, which the {layout} layout cannot hold. Choose the table layout "
                f"(`--export-layout table`): it writes any label.{hard_instead(sample)}"
            )


def hard_instead(sample: Sample) -> str:
    """How to make it so that it has a hard label, where a step mixed it."""
    if not (is_soft(sample.label) and len(sample.parents) > 1):
        return ""
    return f' Or mix within classes: within = "class" in the step {sample.maker.partition(":")[0]}.'


def _unwritable(sample: Sample, several: bool) -> str:
    if sample.label is None:
        return "has no label"
    if is_soft(sample.label):
        return "has a soft label (shares of several classes)"
    if isinstance(sample.label, frozenset) and not several and len(sample.label) != 1:
        return f"has {len(sample.label)} classes"
    return ""
