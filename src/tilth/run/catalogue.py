"""The list of every step, for `tilth steps` and the reference pages."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from tilth.errors import RecipeError
from tilth.run.plugins import find_step, known_steps
from tilth.steps import declared


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is told of a step."""

    name: str
    role: str
    package: str
    about: str
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    modality: tuple[str, ...]
    source: str
    cost: str
    extra: str
    settings: dict[str, Any]


def catalogue() -> list[Entry]:
    """Every registered step, by role and name. One that cannot be loaded is listed with the reason."""
    return [_entry(known) for known in known_steps().values()]


def about_of(use: str) -> str:
    """What a step does, in its own words; nothing for what is no step (an edit by a person, a plugin that went away)."""
    try:
        return _first_words(find_step(use).load())
    except RecipeError:
        return ""


def _first_words(kind: Any) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def _entry(known: Any) -> Entry:
    try:
        kind = known.load()
    except RecipeError as fault:
        return Entry(known.name, known.role, known.package, str(fault), (), (), (), "", "", "", {})
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    settings = {field.name: _default(field) for field in fields}
    return Entry(
        known.name,
        known.role,
        known.package,
        _first_words(kind),
        declared(kind, "needs"),
        declared(kind, "gives"),
        declared(kind, "modality"),
        declared(kind, "source"),
        declared(kind, "cost"),
        declared(kind, "extra"),
        settings,
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default
