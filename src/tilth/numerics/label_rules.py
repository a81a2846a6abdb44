"""Rules that a person writes about operations and classes: `hflip: iv <-> vi`, `vflip: * -> forbid`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tilth.errors import SettingError, did_you_mean

FORBID = -1
_SHAPE = re.compile(r"^\s*(?P<operation>[^:]+?)\s*:\s*(?P<old>.+?)\s*(?P<arrow><->|->)\s*(?P<new>.+?)\s*$")
_EXAMPLE = 'write "hflip: iv <-> vi", "hflip: vii -> forbid", "invert: * -> allow"'

Rules = Mapping[tuple[str, int], int]
"""(operation, class) -> the class that comes of it, or FORBID. Operations that are done together are joined by `+`, in
the order of the alphabet."""


def parsed(rules: Sequence[str], *, operations: Sequence[str], classes: Sequence[str]) -> Rules:
    """The rules as a table. `*` stands for all classes that no other rule of that operation names.

    Raises SettingError for what is no rule, for an operation or class that is not there, and for two rules that
    contradict each other.
    """
    wide: dict[tuple[str, int], int] = {}
    named: dict[tuple[str, int], int] = {}
    for rule in rules:
        found = _SHAPE.match(rule) if isinstance(rule, str) else None
        if found is None:
            raise SettingError(f"the rule {rule!r} is none; {_EXAMPLE}")
        name = joined(part.strip() for part in found["operation"].split("+"))
        for part in name.split("+"):
            _known(rule, "operation", part, operations)
        for old, new in _pairs(rule, found["old"], found["arrow"], found["new"], classes):
            table = wide if found["old"] == "*" else named
            if table.setdefault((name, old), new) != new:
                raise SettingError(f"the rule {rule!r} contradicts an earlier one about {name} and {classes[old]!r}")
    return {**wide, **named}


def joined(operations: Iterable[str]) -> str:
    """The name of several operations that are done together, in whatever order."""
    return "+".join(sorted(operations))


def _pairs(rule: str, old: str, arrow: str, new: str, classes: Sequence[str]) -> list[tuple[int, int]]:
    if old == "*":
        if arrow == "<->" or new not in ("forbid", "allow"):
            raise SettingError(f"the rule {rule!r}: after `*` there is `-> forbid` or `-> allow`; {_EXAMPLE}")
        return [(index, FORBID if new == "forbid" else index) for index in range(len(classes))]
    one = _known(rule, "class", old, classes)
    if arrow == "->" and new in ("forbid", "allow") and new not in classes:
        return [(one, FORBID if new == "forbid" else one)]
    other = _known(rule, "class", new, classes)
    return [(one, other), (other, one)] if arrow == "<->" else [(one, other)]


def _known(rule: str, what: str, name: str, names: Sequence[str]) -> int:
    if name not in names:
        there = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise SettingError(
            f"the rule {rule!r} names the {what} {name!r}{did_you_mean(name, names)}, which is not there ({there})"
        )
    return list(names).index(name)
