"""From the valuators that a person names to plans that will run: which step takes which setting, and what it needs first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tilth.dataset import Schema
from tilth.errors import RecipeError, SettingError, StepError, did_you_mean
from tilth.run import proof
from tilth.run.plan import Place, default_learner
from tilth.run.plugins import Known, find_step, known_steps, make_step, step_key
from tilth.steps import declared

_FROM_LEARNERS = ("probabilities", "features")


@dataclass(frozen=True)
class Wish:
    """What a person says beside the names; each valuator takes of it what is its own.

    settings  of the valuator, or of the learner that it goes through
    against   the split whose samples judge
    """

    learner: str | None = None
    embedder: str | None = None
    against: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def valuators() -> list[str]:
    """The names of all valuators, ours and those of installed plugins."""
    return sorted(name for name, known in known_steps().items() if known.role == "valuators")


def find_valuator(name: str) -> Known:
    """A valuator by its full name or the part after `value.`. Raises RecipeError, listing them, for another."""
    every = valuators()
    for full in (name, f"value.{name}"):
        if full in every:
            return known_steps()[full]
    short = [one.removeprefix("value.") for one in every]
    hint = did_you_mean(name.removeprefix("value."), short)
    raise RecipeError(
        f"there is no valuator {name!r}{hint}\n  There are: {', '.join(short)}.  What each needs and costs:  tilth value --list"
    )


def embedder_for(schema: Schema, spec: str | None = None) -> tuple[str, dict[str, Any]]:
    """An embedder and its settings, by default that of the modality. Raises StepError for what is none."""
    use, given = proof.embedder_of(spec or ("embed.text" if schema.modality == "text" else "embed.pixels"))
    found = find_step(use)
    if found.role != "embedders":
        raise StepError(f"{use} is no embedder; `tilth steps` lists those that are")
    fit = declared(found.load(), "modality")
    if schema.modality not in fit:
        raise StepError(
            f"{use} works on {' and '.join(f'{one}s' for one in fit)}; this dataset is made of {schema.modality}s.\n  Leave "
            "--embedder out, or take another: `tilth steps` lists them"
        )
    return use, given


def plans(names: Sequence[str], schema: Schema, wish: Wish) -> list[list[Place]]:
    """For each valuator the places that lead to it, itself the last.

    Raises RecipeError for a wrong name, SettingError for a setting that none of them takes.
    """
    drafts = [_Draft(find_valuator(name), schema, wish) for name in names]
    _check_taken(drafts, wish)
    return [draft.places() for draft in drafts]


class _Draft:
    """One valuator, while it is found out what it takes."""

    def __init__(self, known: Known, schema: Schema, wish: Wish) -> None:
        self.known, self.schema, self.wish = known, schema, wish
        self.fields = _fields(known)
        own = {name: value for name, value in wish.settings.items() if name in self.fields}
        if wish.against is not None and "against" in self.fields:
            own["against"] = wish.against
        self.own, self.taken = own, set(own)
        self.learner = self._learner()
        self.needs = self._needs()

    def _learner(self) -> tuple[str, dict[str, Any]] | None:
        """The learner that the valuator itself goes through, with its settings; those become the valuator's."""
        if "learner" not in self.fields:
            return None
        default = self.own.get("learner") or getattr(self.known.load(), "learner", "")
        spec = self.wish.learner or _fitting(str(default), self.schema) if default or self.wish.learner else ""
        if not spec:
            return None
        use, given = proof.learner_of(spec)
        known = find_step(use)
        if known.role != "learners":
            raise RecipeError(f"{spec} is no learner; `tilth steps` lists those that are")
        more = {k: v for k, v in self.wish.settings.items() if k not in self.fields and k in _fields(known)}
        self.taken |= {*more, *(("learner",) if self.wish.learner else ())}
        self.own["learner"] = use if given else spec
        if "settings" in self.fields and (given or more):
            self.own["settings"] = {**given, **self.own.get("settings", {}), **more}
        return use, {**given, **more}

    def _needs(self) -> tuple[str, ...]:
        return tuple(declared(make_step(self.known.name, self.own), "needs"))

    def places(self) -> list[Place]:
        calls = [self._giver(kind) for kind in self.needs]
        unique = {use: settings for use, settings in calls}
        places = [_place(number, use, settings) for number, (use, settings) in enumerate(unique.items(), 1)]
        last = _place(len(places) + 1, self.known.name, self.own)
        if self.schema.modality not in declared(last.step, "modality"):
            fit = [name for name in valuators() if self.schema.modality in _modality(name)]
            raise StepError(
                f"{self.known.name} works on {' and '.join(declared(last.step, 'modality'))}; this dataset is made of "
                f"{self.schema.modality}s.\n  These work on it: {', '.join(name.removeprefix('value.') for name in fit)}"
            )
        return [*places, last]

    def _giver(self, kind: str) -> tuple[str, Mapping[str, Any]]:
        """The step that gives a signal, with its settings."""
        if kind == "embedding":
            return embedder_for(self.schema, self.wish.embedder)
        if kind in _FROM_LEARNERS:
            use, given = proof.learner_of(self.wish.learner or default_learner(self.schema))
            return use, {**given, **self.learner_settings(use)}
        for name, known in known_steps().items():
            if known.role == "embedders" and kind in declared(known.load(), "gives"):
                return name, {}
        raise StepError(f"{self.known.name} needs the signal {kind!r}, and no installed embedder or learner gives it")

    def learner_settings(self, use: str) -> dict[str, Any]:
        fields = _fields(find_step(use))
        return {k: v for k, v in self.wish.settings.items() if k in fields and k not in self.fields}

    def all_taken(self) -> set[str]:
        """Which settings (and whether `learner`, `embedder` and `against`) this valuator has a use for."""
        taken = {*self.taken, *(("against",) if "against" in self.own else ())}
        if set(self.needs) & set(_FROM_LEARNERS):
            use, _ = proof.learner_of(self.wish.learner or default_learner(self.schema))
            taken |= {"learner", *self.learner_settings(use)}
        return taken | ({"embedder"} if "embedding" in self.needs else set())

    def knows(self) -> set[str]:
        return {*self.fields, *(_fields(find_step(self.learner[0])) if self.learner else ())}


def _check_taken(drafts: Sequence[_Draft], wish: Wish) -> None:
    """Raises SettingError for what was said and none of the valuators takes: nothing is passed over in silence."""
    taken: set[str] = set().union(*(draft.all_taken() for draft in drafts))
    known: set[str] = set().union(*(draft.knows() for draft in drafts))
    names = " nor ".join(draft.known.name for draft in drafts)
    has = f"neither {names} has a" if len(drafts) > 1 else f"{names} has no"
    for name in wish.settings:
        if name not in taken:
            raise SettingError(
                f"{has} setting {name!r}{did_you_mean(name, known)}\n  There are: {', '.join(sorted(known))}"
            )
    said = {"learner": wish.learner, "against": wish.against, "embedder": wish.embedder}
    for name, value in said.items():
        if value is not None and name not in taken:
            raise SettingError(f"{names} has no use for {'--' + name} {value}; leave it out")


def _fitting(learner: str, schema: Schema) -> str:
    """This learner where it works on such data, else the default one."""
    use, _ = proof.learner_of(learner)
    return learner if schema.modality in declared(find_step(use).load(), "modality") else default_learner(schema)


def _place(number: int, use: str, settings: Mapping[str, Any]) -> Place:
    known = find_step(use)
    step = make_step(known.name, settings)
    return Place(str(number), known.name, known.role, step, step_key(known.name, step), dict(settings))


def _fields(known: Known) -> set[str]:
    kind = known.load()
    return {one.name for one in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()


def _modality(name: str) -> tuple[str, ...]:
    try:
        return declared(known_steps()[name].load(), "modality")
    except RecipeError:  # one that cannot be loaded is not proposed
        return ()
