"""From a recipe to the rows of its ablation: which of its steps each row runs, under the places they have in the recipe.

The places stay, and so do the memo keys: what two rows have in common at their beginning is done once, and a row that is
the recipe as it was applied costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilth.dataset import Schema
from tilth.errors import RecipeError, did_you_mean
from tilth.recipe import Recipe, Row, StepCall
from tilth.run.plan import Place, load_recipe, placed
from tilth.run.plugins import find_step

_STAGES = {"cleansers": "cleansing", "augmenters": "augmentation", "selectors": "selection"}


@dataclass(frozen=True)
class RowPlan:
    """A row, ready to run."""

    name: str
    places: tuple[Place, ...]
    folds: int

    @property
    def changing(self) -> tuple[str, ...]:
        """The steps of it that change data."""
        return tuple(place.use for place in self.places if place.role in _STAGES)


def rows_of(recipe: Recipe) -> tuple[Row, ...]:
    """The rows that a recipe names, or else the untouched data and its stages, one after the other; of a recipe of one
    stage, its steps. Raises RecipeError where nothing in it changes data."""
    if recipe.rows:
        return recipe.rows
    changing = [(place, call) for place, call in recipe.unrolled() if _stage(call)]
    if not changing:
        raise RecipeError(
            f"the recipe {recipe.name} has no step that changes data: there is nothing to take away from it"
        )
    stages = list(_stages(changing))
    if len(stages) == 1:
        stages = [(call.use, [place]) for place, call in changing]
    rows, kept = [Row("baseline", keep=())], []
    for name, places in _told_apart(stages):
        kept += places
        rows.append(Row(f"+ {name}", keep=tuple(kept)))
    return tuple(rows)


def _stage(call: StepCall) -> str | None:
    return _STAGES.get(find_step(call.use).role)


def _stages(changing: Sequence[tuple[str, StepCall]]) -> Iterator[tuple[str, list[str]]]:
    """Stretches of steps that change data in the same way: (name, places). What fills a pool and what chooses from it are
    one: a pool alone is no dataset of its budget."""
    name, last, places, wide = "", "", [], False
    for place, call in changing:
        stage = _stage(call) or ""
        if stage != last and places and not wide:
            yield name, places
            name, places = "", []
        if stage != last or not name:
            name = f"{name} and {stage}" if name else stage
        places.append(place)
        last, wide = stage, call.pool > 1
    yield name, places


def _told_apart(stages: Sequence[tuple[str, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """`cleansing`, and the next time `cleansing (2)`."""
    seen: dict[str, int] = {}
    for name, places in stages:
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), places


def plan_row(row: Row, recipe: Recipe, schema: Schema) -> RowPlan:
    """The plan of a row. Raises RecipeError for a name that is no step of the recipe, and as `plan_of` does."""
    calls = list(recipe.unrolled())
    for name in (*(row.keep or ()), *row.without):
        if not any(_means(name, place, call) for place, call in calls):
            known = dict.fromkeys(call.use for _, call in calls)
            raise RecipeError(
                f"the row {row.name!r} speaks of {name!r}, which is no step of the recipe {recipe.name}"
                f"{did_you_mean(name, known)}\n  There is {', '.join(known) or 'none'}; or a verb, or a place such as 2 or 4.2.1."
            )
    left = [(place, call) for place, call in calls if not any(_means(name, place, call) for name in row.without)]
    if row.keep is not None:
        kept = row.keep
        left = [
            (place, call) for place, call in left if not _stage(call) or any(_means(name, place, call) for name in kept)
        ]
        # What looks, with nothing after it that acts on what it sees, is not worth its time.
        last = max((at for at, (_, call) in enumerate(left) if _stage(call)), default=-1)
        left = left[: last + 1]
    added = [(f"+{number}", call) for number, call in enumerate(row.add, 1)]
    return RowPlan(row.name, tuple(placed(recipe, [*left, *added], schema)), recipe.folds)


def _means(name: str, place: str, call: StepCall) -> bool:
    verb = call.use.partition(".")[0]
    return name in (call.use, verb, place) or place.startswith(f"{name}.")


def recipe_of(row: Row, recipe: Recipe) -> Recipe:
    """The recipe that a row is a part of. Raises RecipeError where it has no step to be a part of."""
    chosen = load_recipe(row.recipe)[0] if row.recipe else recipe
    if not chosen.steps and not row.add and row.keep is None:
        raise RecipeError(
            f'the row {row.name!r} has nothing to do: {chosen.name} has no step. Name a recipe:  recipe = "tilth"\n'
            "  or say that it is the data as they are:  keep = []"
        )
    return chosen
