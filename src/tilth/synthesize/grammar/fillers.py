"""What goes into a slot: a list, or a range of numbers, money, dates or times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from tilth.errors import SourceError, did_you_mean

_KINDS = ("number", "money", "date", "time")
_MINUTES = {"min": 1, "h": 60}


@dataclass(frozen=True)
class Range:
    """So many fillers, worked out one by one."""

    count: int
    said: Callable[[int], str]


def ranged(table: Mapping[str, Any], *, where: str) -> Range:
    """The fillers of a table such as `{ kind = "number", from = 1, to = 30, step = 1 }`.

    number  `from`, `to`, `step` (1), `decimals` (as many as the step has), `words` (true: one, two, ... twenty)
    money   the same, and `currency` ("$"; with `{}` for the place of the sum: "{} euros")
    date    `from`, `to` as 2024-12-31, `step` in days (1), `format` ("%d %B")
    time    `from`, `to` as 08:30, `step` as "15min" or "1h" ("30min"), `format` ("%H:%M")

    Raises SourceError for another kind, another key, or a range without anything in it.
    """
    kind = table.get("kind")
    if kind not in _KINDS:
        raise SourceError(
            f"{where}: kind is one of {', '.join(_KINDS)}, found {kind!r}{did_you_mean(str(kind), _KINDS)}"
        )
    known = {
        "number": ("decimals", "words"),
        "money": ("decimals", "currency"),
        "date": ("format",),
        "time": ("format",),
    }[kind]
    for key in table:
        if key not in ("kind", "from", "to", "step", *known):
            raise SourceError(f"{where}: a {kind} has no {key!r}{did_you_mean(key, ('from', 'to', 'step', *known))}")
    for key in ("from", "to"):
        if key not in table:
            raise SourceError(f"{where}: a range of kind {kind} needs {key!r}")
    make = {"number": _numbers, "money": _money, "date": _dates, "time": _times}[kind]
    made = make(table, where)
    if made.count < 1:
        raise SourceError(f"{where}: from {table['from']} to {table['to']} there is nothing")
    return made


def _numbers(table: Mapping[str, Any], where: str) -> Range:
    start, step, count, decimals = _steps(table, where)
    if table.get("words"):
        return Range(count, lambda at: in_words(int(start + at * step)))
    return Range(count, lambda at: f"{start + at * step:.{decimals}f}")


def _money(table: Mapping[str, Any], where: str) -> Range:
    start, step, count, decimals = _steps(table, where)
    decimals = 2 if decimals == 1 else decimals
    currency = str(table.get("currency", "$"))
    form = currency if "{}" in currency else currency + "{}"
    return Range(count, lambda at: form.replace("{}", f"{start + at * step:.{decimals}f}"))


def _steps(table: Mapping[str, Any], where: str) -> tuple[Decimal, Decimal, int, int]:
    """First, step, how many, decimals. Decimal: 0.1 three times is 0.3, and the last one is not lost."""
    try:
        start, end, step = (Decimal(str(table.get(key, 1))) for key in ("from", "to", "step"))
        decimals = int(table.get("decimals", max(-int(step.normalize().as_tuple().exponent), 0)))
    except (InvalidOperation, ValueError, TypeError) as fault:
        raise SourceError(f"{where}: from, to, step and decimals are numbers, found {dict(table)}") from fault
    if step <= 0 or not all(map(math.isfinite, (start, end, step))):
        raise SourceError(f"{where}: step is more than 0, found {step}")
    return start, step, int((end - start) // step) + 1 if end >= start else 0, decimals


def _dates(table: Mapping[str, Any], where: str) -> Range:
    try:
        start, end = (date.fromisoformat(str(table[key])) for key in ("from", "to"))
        days = int(table.get("step", 1))
    except ValueError as fault:
        raise SourceError(f"{where}: dates are written 2024-12-31, and step in days ({fault})") from fault
    if days < 1:
        raise SourceError(f"{where}: step is at least 1 day, found {days}")
    form = str(table.get("format", "%d %B"))
    count = (end - start).days // days + 1 if end >= start else 0
    return Range(
        count, lambda at: _said(datetime.combine(start + timedelta(days=at * days), datetime.min.time()), form)
    )


def _times(table: Mapping[str, Any], where: str) -> Range:
    try:
        start, end = (datetime.strptime(str(table[key]), "%H:%M") for key in ("from", "to"))
    except ValueError as fault:
        raise SourceError(f"{where}: times are written 08:30 ({fault})") from fault
    minutes = _span(str(table.get("step", "30min")), where)
    form = str(table.get("format", "%H:%M"))
    count = int((end - start).total_seconds() // 60) // minutes + 1 if end >= start else 0
    return Range(count, lambda at: _said(start + timedelta(minutes=at * minutes), form))


def _span(said: str, where: str) -> int:
    for unit, minutes in _MINUTES.items():
        if said.endswith(unit) and said.removesuffix(unit).strip().isdigit() and int(said.removesuffix(unit)) > 0:
            return int(said.removesuffix(unit)) * minutes
    raise SourceError(f'{where}: step is written "15min" or "1h", found {said!r}')


def _said(moment: datetime, form: str) -> str:
    """As people write it, without a leading nought: `5 May`, `8:30 PM`; the 24 hours keep theirs."""
    hour = moment.hour % 12 or 12
    return moment.strftime(form.replace("%d", str(moment.day)).replace("%I", str(hour)))


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def in_words(number: int) -> str:
    """0 to 999,999 in English words; digits beyond."""
    if not 0 <= number < 1_000_000:
        return str(number)
    if number < 20:
        return _ONES[number]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {'and ' if number % size < 100 else ''}{in_words(number % size)}" if number % size else ""
            return f"{in_words(number // size)} {name}{rest}"
    return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")


def checked_weights(weights: Sequence[float], *, where: str) -> tuple[float, ...]:
    """Weights that can be drawn by. Raises SourceError for one below 0, or where all are 0."""
    if min(weights) < 0 or not sum(weights) > 0 or not all(map(math.isfinite, weights)):
        raise SourceError(f"{where}: weights are 0 or more, and not all 0; found {list(weights)}")
    return tuple(weights)
