"""Steps by name, through entry points: ours and a third party's by the same door."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tilth.digest import digest
from tilth.errors import RecipeError, SettingError, did_you_mean
from tilth.recipe import OF_A_CALL
from tilth.steps import ROLES, declared


@dataclasses.dataclass(frozen=True)
class Known:
    """A registered step: its name, role (name of the entry-point group) and where it comes from."""

    name: str
    role: str
    point: EntryPoint

    @property
    def package(self) -> str:
        return self.point.dist.name if self.point.dist else "?"

    def load(self) -> type:
        """The class. Raises RecipeError, naming the package, where its module cannot be imported."""
        try:
            return self.point.load()
        except Exception as fault:  # a third party's module may raise anything while it is imported
            raise RecipeError(f"{self.name} of the package {self.package} cannot be loaded: {fault}") from fault


@cache
def known_steps() -> Mapping[str, Known]:
    """Every registered step by name. Raises RecipeError where two packages claim one name."""
    steps: dict[str, Known] = {}
    for role in ROLES:
        for point in entry_points(group=f"tilth.{role}"):
            one = Known(point.name, role, point)
            other = steps.setdefault(point.name, one)
            if other.point.value != point.value:
                raise RecipeError(
                    f"{other.package} and {one.package} both register a step {point.name!r}; uninstall one"
                )
    return steps


def find_step(use: str) -> Known:
    """A step by its full name or, for a learner, embedder or format, by the part after the dot."""
    steps = known_steps()
    for name in (use, f"learn.{use}", f"embed.{use}", f"formats.{use}"):
        if name in steps:
            return steps[name]
    raise RecipeError(f"there is no step {use!r}{did_you_mean(use, steps)}\n  `tilth steps` lists all of them.")


def make_step(use: str, settings: Mapping[str, Any] | None = None) -> Any:
    """A step with these settings. Raises SettingError for an unknown name or a value of the wrong type."""
    known = find_step(use)
    kind = known.load()
    fields = {field.name: field for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    given = {}
    for name, value in (settings or {}).items():
        if name not in fields:
            raise SettingError(f"{known.name} has no setting {name!r}{did_you_mean(name, [*fields, *OF_A_CALL])}")
        given[name] = _fitted(known.name, fields[name], value)
    try:
        return kind(**given)
    except (TypeError, ValueError) as fault:
        raise SettingError(f"{known.name}: {fault}") from fault


def _fitted(step: str, field: dataclasses.Field[Any], value: Any) -> Any:
    """The value, with TOML's lists as tuples and whole numbers as floats where the default is one."""
    default = field.default
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if default is not dataclasses.MISSING and default is not None and value is not None:
        same = isinstance(value, type(default)) and isinstance(value, bool) == isinstance(default, bool)
        if not same:
            raise SettingError(f"{step}.{field.name} takes {type(default).__name__} (say {default!r}), found {value!r}")
    return value


def step_key(use: str, step: Any) -> str:
    """Identity of a step: its registered name, declared version and settings, and the digest of the weights that a file
    of its settings holds, where it declares one (`weights`): the same file elsewhere is the same step."""
    settings = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}
    # Without weights the key is that of their absence: a step that has none keeps its key for ever.
    more = (step.weights,) if getattr(step, "weights", "") else ()
    plain = {name: value for name, value in settings.items() if not (more and name in declared(step, "files"))}
    return digest(find_step(use).name, declared(step, "version"), plain, *more)
