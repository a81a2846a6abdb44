"""What a folder, a file or a value calls a split, and what the program calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tilth.errors import SourceError, did_you_mean
from tilth.sample import TEST, TRAIN, VALID

ROLES: Mapping[str, str] = {
    "train": TRAIN, "training": TRAIN, "trn": TRAIN,
    "val": VALID, "valid": VALID, "validation": VALID, "dev": VALID,
    "test": TEST, "testing": TEST, "tst": TEST,
}  # fmt: skip


def role(name: str) -> str | None:
    """`train`, `valid` or `test` for the usual names of these, None for any other."""
    return ROLES.get(name.strip().lower())


def role_within(name: str) -> str | None:
    """The only split named by a part of a name (`TREC_train`, `animals-validation-set`), or None."""
    found = {ROLES[part] for part in _parts(name) if part in ROLES}
    return found.pop() if len(found) == 1 else None


def _parts(name: str) -> list[str]:
    return re.split(r"[^a-z]+", name.lower())


def assign(names: Iterable[str], options: Mapping[str, Any], *, within: bool = False) -> dict[str, str]:
    """{name as found: split}: as the option `splits` says, else by the usual names, else the name itself.

    within  whether a split may be named by a part of a name, as in `animals-validation-set`

    Raises SourceError where the option names what is not there; the usual names may be absent.
    """
    found = sorted(names)
    told: Mapping[str, str] = options.get("splits") or {}
    parts = {name: {name} | (set(_parts(name)) if within else set()) for name in found}
    for name in told:
        if role(name) is None and not any(name in known for known in parts.values()):
            raise SourceError(
                f"there is no split {name!r} in the source{did_you_mean(name, found)}; "
                f"found {', '.join(found) or 'none'}"
            )
    by_option = {
        name: next((told[part] for part in (name, *sorted(parts[name])) if part in told), None) for name in found
    }
    return {name: by_option[name] or (role_within(name) if within else role(name)) or name for name in found}


def in_words(folders: Mapping[str, str]) -> str:
    """`train, val as valid, label_book` for {as found: split}."""
    return ", ".join(name if name == split else f"{name} as {split}" for name, split in folders.items())


def as_found(folders: Mapping[str, str], split: str, default: str) -> str:
    """The first name under which a split was found, or `default`."""
    return next((name for name, known in folders.items() if known == split), default)
