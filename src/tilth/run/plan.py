"""From a recipe's name to a plan that will run: every fault that can be seen before the work is told before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from tilth.dataset import Schema
from tilth.errors import RecipeError, SettingError, StepError, did_you_mean
from tilth.recipe import Recipe, Round, StepCall, parse_recipe
from tilth.run.plugins import find_step, make_step, step_key
from tilth.steps import declared

_GIVEN_BY_LEARNER = ("probabilities", "features")  # where a learner does not declare what it gives


def shipped_recipes() -> dict[str, str]:
    """Name -> TOML of the recipes that come with tilth."""
    folder = files("tilth.run") / "recipes"
    return {
        item.name.removesuffix(".toml"): item.read_text() for item in folder.iterdir() if item.name.endswith(".toml")
    }


def load_recipe(name: str) -> tuple[Recipe, str]:
    """A shipped recipe by name, or one from a TOML file; with its text."""
    shipped = shipped_recipes()
    if name in shipped:
        return parse_recipe(shipped[name], where=f"the recipe {name}"), shipped[name]
    path = Path(name)
    if not path.is_file():
        hint = did_you_mean(name, shipped)
        raise RecipeError(
            f"there is no recipe {name!r}{hint}\n  Shipped: {', '.join(sorted(shipped))}; or give a .toml file."
        )
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as fault:
        raise RecipeError(f"the recipe {path} cannot be read: {fault}") from fault
    return parse_recipe(text, where=str(path)), text


# Below, a small network learns too little to be a witness (3 of 10 planted wrong labels among 130 pictures, against 10 by
# the linear model); above, five of them take longer than a person waits for a first look.
_FOR_A_NETWORK = (500, 10_000)


def default_recipe(schema: Schema, n: int = 1_000) -> str:
    """The shipped recipe for data of this kind and size."""
    if schema.modality == "text":
        return "text"
    if schema.task == "multi-label":
        return "quick"  # the witness and the guard of `tilth` judge one label each
    return "tilth" if _FOR_A_NETWORK[0] <= n <= _FOR_A_NETWORK[1] else "quick"


def default_learner(schema: Schema) -> str:
    """The fixed model that stands in where none is named."""
    return "text-linear" if schema.modality == "text" else "convnet"


@dataclass(frozen=True)
class Place:
    """One call of a plan. place: `3` or `4.2.1`; key: identity of the step and its settings; pool, room, crossfits: as
    of `StepCall`; worth: as of `Round`, in its second time and later ones."""

    place: str
    use: str
    role: str
    step: Any
    key: str
    settings: Mapping[str, Any]
    pool: float = 1.0
    room: float = 1.0
    worth: float = 0.0
    crossfits: int = 1


def plan_of(recipe: Recipe, schema: Schema) -> list[Place]:
    """The calls in order, each with its step made. Raises RecipeError or StepError for what could not run."""
    return placed(recipe, recipe.unrolled(), schema)


def placed(recipe: Recipe, calls: Iterable[tuple[str, StepCall]], schema: Schema) -> list[Place]:
    """These calls of a recipe, with their places, as a plan. Raises as `plan_of` does."""
    have: dict[str, Place] = {}
    before: dict[str, Place] = {}
    places = []
    _check_rounds(recipe)
    for place, call in calls:
        one = _placed(recipe, place, call)
        if schema.modality not in declared(one.step, "modality"):
            raise StepError(
                f"step {place} of the recipe {recipe.name}, {one.use}, works on {' and '.join(declared(one.step, 'modality'))}; "
                f"this dataset is made of {schema.modality}s. Take another recipe: --recipe {default_recipe(schema)}"
            )
        _check_signals(recipe, one, have, before)
        _check_fits(recipe, one, schema)
        gives = _given_by(one)
        have |= dict.fromkeys(gives, one)
        before = {kind: maker for kind, maker in before.items() if kind not in gives}
        if one.role == "augmenters":
            before |= {kind: one for kind, giver in have.items() if not looks_at_each(giver)}
        places.append(one)
    _check_pools(recipe, places)
    return places


def _check_fits(recipe: Recipe, one: Place, schema: Schema) -> None:
    """Raises SettingError where settings speak of what these data have not."""
    if hasattr(one.step, "fits"):
        try:
            one.step.fits(schema)
        except SettingError as fault:
            raise SettingError(f"step {one.place} of the recipe {recipe.name}, {one.use}: {fault}") from fault


def _given_by(place: Place) -> tuple[str, ...]:
    return declared(place.step, "gives") or (_GIVEN_BY_LEARNER if place.role == "learners" else ())


def looks_at_each(place: Place) -> bool:
    """Whether its signal can be had of new samples by looking at these alone."""
    return place.role == "embedders" and hasattr(place.step, "describe")


def _check_signals(recipe: Recipe, one: Place, have: Mapping[str, Place], before: Mapping[str, Place]) -> None:
    """Raises StepError unless the step finds what it reads, for the samples that it reads it for.

    have    kind of signal -> the step that gives it
    before  of these, such as were measured before an augmenter brought samples in -> that augmenter
    """
    who = f"step {one.place} of the recipe {recipe.name}, {one.use}, needs the signal"
    for kind in declared(one.step, "needs"):
        if kind not in have:
            raise StepError(f"{who} {kind!r}, and no step before it gives it.\n  Add one before it:  {_giver(kind)}")
        if kind in before and kind not in declared(one.step, "of_raw"):
            giver, maker = have[kind], before[kind]
            raise StepError(
                f"{who} {kind!r} of every sample; step {giver.place}, {giver.use}, measures it before step {maker.place}, "
                f'{maker.use}, brings new ones in.\n  Measure again in between:  use = "{giver.use}"'
            )


def _check_rounds(recipe: Recipe) -> None:
    """Raises RecipeError where a round is to be run again for labels that no step of it can mend."""
    for number, block in enumerate(recipe.steps, 1):
        if isinstance(block, Round) and block.worth:
            if not any(find_step(call.use).role == "cleansers" for call in block.steps):
                raise RecipeError(
                    f"round {number} of the recipe {recipe.name} has worth = {block.worth:g}, and no step that mends labels: it "
                    'would never be run again.\n  Leave worth out, or add to it:  use = "cleanse.labels"'
                )


def _check_pools(recipe: Recipe, places: Sequence[Place]) -> None:
    """What is filled beyond the budget must be chosen from: raises RecipeError where nothing does."""
    wide = None
    for one in places:
        if one.pool > 1 and one.role not in ("augmenters", "selectors"):
            raise RecipeError(
                f"step {one.place} of the recipe {recipe.name}, {one.use}, has a pool; only augmenters, which fill it, and "
                "selectors, which leave a part of it, take one"
            )
        if one.role == "selectors" or (one.role == "augmenters" and one.pool > 1):
            wide = one if one.pool > 1 else None
    if wide:
        raise RecipeError(
            f"step {wide.place} of the recipe {recipe.name}, {wide.use}, leaves {wide.pool:g} budgets, and no step after it "
            'chooses one out of them.\n  Add one after it:  use = "select.iterative"'
        )


def _placed(recipe: Recipe, place: str, call: StepCall) -> Place:
    known = find_step(call.use)
    if known.role == "formats":
        raise RecipeError(f"step {place} of the recipe {recipe.name}: {call.use} is a format, not a step of a pipeline")
    step = make_step(call.use, call.settings)
    if call.room != 1.0 and known.role != "augmenters":
        raise RecipeError(
            f"step {place} of the recipe {recipe.name}: {call.use} fills nothing; room is for steps that add samples"
        )
    if call.crossfits != 1 and known.role != "learners":
        raise RecipeError(
            f"step {place} of the recipe {recipe.name}: {call.use} is not cross-fitted; crossfits is for learners"
        )
    if known.role == "learners" and hasattr(step, "check"):
        step.check()
    key, settings = step_key(call.use, step), dict(call.settings)
    worth = recipe.worth(place)
    return Place(place, known.name, known.role, step, key, settings, call.pool, call.room, worth, call.crossfits)


def _giver(kind: str) -> str:
    return {
        "embedding": 'use = "embed.pixels"   (or "embed.text")',
        "fingerprint": 'use = "embed.fingerprint"',
        "quality": 'use = "embed.quality"',
        "attributes": 'use = "embed.attributes"',
        "probabilities": 'use = "learn.linear"   (or another learner)',
        "features": 'use = "learn.convnet"   (or another learner with a penultimate layer)',
    }.get(kind, f"a step that gives {kind!r}")


def only(recipe: Recipe, roles: tuple[str, ...]) -> Recipe:
    """The recipe without the steps of other roles: `("embedders", "learners", "detectors")` is an audit."""
    keep = tuple(call for _, call in recipe.once() if find_step(call.use).role in roles)
    return replace(recipe, steps=keep)
