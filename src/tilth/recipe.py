"""Recipe: how to do it again. Ordered steps, rounds and settings; TOML; pure data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from tilth.errors import RecipeError, did_you_mean

OF_A_CALL = ("pool", "room", "crossfits")
"""What a recipe says of any step beside its settings."""

_TOP = ("name", "about", "learner", "folds", "budget", "growth", "step", "round", "row", "format")
_ROUND = ("times", "worth", "step")
FORMAT = 1
_MOST_POOL = 100  # the papers have 8; more is a slip of the finger that fills a disk
_MOST_CROSSFITS = 20  # more is a slip of the finger that takes a night


@dataclass(frozen=True, slots=True)
class StepCall:
    """One step by its registered name, with the settings that differ from its defaults.

    pool  how many budgets an augmenter fills, or a selector leaves: what is over is for a later selector to drop
    room  share (0..1) of what is left of the budget that the step may fill; the rest is for the steps after it
    crossfits  times that a learner is cross-fitted, each with folds of its own; its answers are averaged
    """

    use: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pool: float = 1.0
    room: float = 1.0
    crossfits: int = 1


@dataclass(frozen=True, slots=True)
class Round:
    """A block of steps, repeated.

    worth  how many labels one time must mend for another to follow, as a share (0..1) of train as it came: so many wrong ones
           misled who learned from them. 0: every time is run
    """

    times: int
    steps: tuple[StepCall, ...]
    worth: float = 0.0


Block: TypeAlias = StepCall | Round


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an ablation: a part of a recipe, under a name.

    Steps are named by their name (`cleanse.influence`), their verb (`cleanse`) or their place (`4`, `4.2.1`).

    keep     of the steps that change data only these; None: all of them. What looks stays, as far as one that changes
             data stands after it
    without  steps that are left out, whatever they do
    add      steps at the end
    recipe   taken instead of the one that the row stands in: a shipped one or a file; None: that one
    """

    name: str
    keep: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    add: tuple[StepCall, ...] = ()
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named pipeline.

    learner  the fixed model: its proof is what counts; None where the person must choose or the modality decides
    folds    of every crossfit in it
    budget   most train and valid samples of the result; None: the size of the source, or `growth`
    growth   the same as a multiple of the size of the source; for a budget that a person names it is not asked
    rows     of its ablation, the baseline first; none: they are derived
    """

    name: str
    steps: tuple[Block, ...]
    about: str = ""
    learner: str | None = None
    folds: int = 5
    budget: int | None = None
    growth: float | None = None
    rows: tuple[Row, ...] = ()

    def unrolled(self) -> Iterator[tuple[str, StepCall]]:
        """The calls in the order they run, with a place such as `3` or `4.2.1` (block, round, step)."""
        for number, block in enumerate(self.steps, 1):
            if isinstance(block, StepCall):
                yield str(number), block
                continue
            for turn in range(1, block.times + 1):
                for inner, call in enumerate(block.steps, 1):
                    yield f"{number}.{turn}.{inner}", call

    def once(self) -> Iterator[tuple[str, StepCall]]:
        """The same with one time of each round: where no step changes data, the others would find the same again."""
        for place, call in self.unrolled():
            turn = turn_of(place)
            if not turn or turn[1] == 1:
                yield place, call

    def worth(self, place: str) -> float:
        """`Round.worth` of the round that a place is in."""
        turn = turn_of(place)
        block = self.steps[turn[0] - 1] if turn and turn[1] > 1 else None
        return block.worth if isinstance(block, Round) else 0.0


def turn_of(place: str) -> tuple[int, int] | None:
    """The round that a place is in and which time of it, (4, 2) of `4.2.1`; None outside of rounds."""
    numbers = place.split(".")
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 3 else None


def parse_recipe(text: str, *, where: str = "the recipe") -> Recipe:
    """A recipe from TOML. Steps and rounds keep the order in which they stand in the file.

    Raises RecipeError, naming the key that is wrong.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise RecipeError(f"{where} is not TOML: {fault}") from fault
    for key in raw:
        if key in OF_A_CALL:
            raise RecipeError(f"{where}: {key} stands in the [[step]] that it is for, not at the top")
        if key not in _TOP:
            raise RecipeError(f"{where} has an unknown key {key!r}{did_you_mean(key, _TOP)}")
    if raw.get("format", FORMAT) > FORMAT:
        raise RecipeError(f"{where} has format {raw['format']}; this program reads up to {FORMAT}. Update tilth.")
    steps = iter(_tables(raw, "step", where))
    repeated = iter(_tables(raw, "round", where))
    # TOML keeps [[step]] and [[round]] as two lists; their common order is the order of the headers in the text.
    blocks: list[Block] = []
    for header in _headers(text):
        if header == "step":
            blocks.append(_call(next(steps), where))
        else:
            blocks.append(_round(next(repeated), where))
    rows = tuple(_row(table, where) for table in _tables(raw, "row", where))
    if not blocks and not rows:
        raise RecipeError(f'{where} has no step. Add one:\n  [[step]]\n  use = "audit.duplicates"')
    return Recipe(
        name=_typed(raw, "name", str, where, "unnamed"),
        about=_typed(raw, "about", str, where, ""),
        learner=_typed(raw, "learner", str, where, None),
        folds=_at_least(_typed(raw, "folds", int, where, 5), 2, "folds", where),
        budget=_budget(raw, where),
        growth=_growth(raw, where),
        steps=tuple(blocks),
        rows=rows,
    )


def _headers(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = line.split("#")[0].strip().replace(" ", "")
        if bare in ("[[step]]", "[[round]]"):
            yield bare.strip("[]")


def _tables(raw: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[Any]", value)):
        raise RecipeError(f"{where}: write each {key} as [[{key}]]")
    return cast("list[dict[str, Any]]", value)


def _call(table: Mapping[str, Any], where: str) -> StepCall:
    if not isinstance(table.get("use"), str):
        raise RecipeError(f'{where}: a step names what it uses:  use = "audit.duplicates"; found {dict(table)}')
    pool = table.get("pool", 1.0)
    if isinstance(pool, bool) or not isinstance(pool, (int, float)) or not 1 <= pool <= _MOST_POOL:
        raise RecipeError(f"{where}: pool is a number of budgets from 1 to {_MOST_POOL}, found {pool!r}")
    room = table.get("room", 1.0)
    if isinstance(room, bool) or not isinstance(room, (int, float)) or not 0 < room <= 1:
        raise RecipeError(
            f"{where}: room is a share of what is left of the budget, above 0 and up to 1; found {room!r}"
        )
    crossfits = table.get("crossfits", 1)
    if isinstance(crossfits, bool) or not isinstance(crossfits, int) or not 1 <= crossfits <= _MOST_CROSSFITS:
        raise RecipeError(f"{where}: crossfits is a whole number from 1 to {_MOST_CROSSFITS}; found {crossfits!r}")
    settings = {key: value for key, value in table.items() if key not in ("use", *OF_A_CALL)}
    return StepCall(table["use"], settings, float(pool), float(room), crossfits)


def _round(table: Mapping[str, Any], where: str) -> Round:
    for key in table:
        if key not in _ROUND:
            raise RecipeError(
                f"{where}: a round has `times`, `worth` and [[round.step]]; found {key!r}{did_you_mean(key, _ROUND)}"
            )
    steps = tuple(_call(step, where) for step in _tables(table, "step", where))
    if not steps:
        raise RecipeError(f"{where}: a round has no [[round.step]]")
    worth = table.get("worth", 0.0)
    if isinstance(worth, bool) or not isinstance(worth, (int, float)) or not 0 <= worth <= 1:
        raise RecipeError(f"{where}: worth is a share of the samples, from 0 to 1; found {worth!r}")
    times = _at_least(_typed(table, "times", int, where, 1), 1, "times", where)
    if worth and times == 1:
        raise RecipeError(f"{where}: worth says when a round is run again, and this one is run once:  times = 2")
    return Round(times, steps, float(worth))


def _row(table: Mapping[str, Any], where: str) -> Row:
    known = ("name", "keep", "without", "add", "recipe")
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: a row has {', '.join(known)}; found {key!r}{did_you_mean(key, known)}")
    name = _typed(table, "name", str, where, None)
    if not name:
        raise RecipeError(f'{where}: a row has a name:  name = "cleansing alone"; found {dict(table)}')
    return Row(
        name,
        _names(table, "keep", where) if "keep" in table else None,
        _names(table, "without", where),
        tuple(_call(step, where) for step in _tables(table, "add", where)),
        _typed(table, "recipe", str, where, None),
    )


def _names(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = cast("list[Any]", _typed(table, key, list, where, []))
    if not all(isinstance(name, str) for name in value):
        raise RecipeError(f'{where}: {key} is a list of steps:  {key} = ["cleanse.labels"]; found {value!r}')
    return tuple(value)


def _typed(table: Mapping[str, Any], key: str, kind: type, where: str, default: Any) -> Any:
    value = table.get(key, default)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise RecipeError(f"{where}: {key} must be {kind.__name__}, found {value!r}")
    return value


def _budget(raw: Mapping[str, Any], where: str) -> int | None:
    value = _typed(raw, "budget", int, where, None)
    return value if value is None else _at_least(value, 1, "budget", where)


def _growth(raw: Mapping[str, Any], where: str) -> float | None:
    value = raw.get("growth")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _MOST_POOL:
        raise RecipeError(
            f"{where}: growth is how many times the source the result may hold, above 0 and up to {_MOST_POOL}; found {value!r}"
        )
    if "budget" in raw:
        raise RecipeError(f"{where} names budget and growth; keep one of them")
    return float(value)


def _at_least(value: int, least: int, key: str, where: str) -> int:
    if value < least:
        raise RecipeError(f"{where}: {key} must be at least {least}, found {value}")
    return value
