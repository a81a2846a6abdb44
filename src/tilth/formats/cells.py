"""Label cells of a table: a name, a number, a list, `a|b`, several columns of 0s and 1s, or shares by class."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tilth.errors import ContentError
from tilth.formats.labels import Told

SEPARATORS = "|;"


def told_by(value: Any, separator: str) -> Told:
    """What one cell says. Raises ContentError where it is empty or no label."""
    if isinstance(value, str):
        value = _opened(value.strip())
    if isinstance(value, dict):
        if not value:
            raise ContentError("it has no label")
        return {_name(key): share for key, share in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(_name(item) for item in value))
    if isinstance(value, str) and separator:
        return tuple(dict.fromkeys(part.strip() for part in value.split(separator) if part.strip()))
    return _name(value)


def told_by_columns(values: Sequence[Any], names: Sequence[str]) -> Told:
    """What a row of 0s and 1s says. Raises ContentError for other values."""
    wrong = [value for value in values if _as_bit(value) is None]
    if wrong:
        raise ContentError(f"its label holds {wrong[0]!r}, which is neither 0 nor 1")
    return tuple(name for name, value in zip(names, values, strict=True) if _as_bit(value))


def separator_of(values: Sequence[Any]) -> str:
    """What separates several labels in one text: a sign whose parts are also found alone or in other rows."""
    texts = {value.strip() for value in values if isinstance(value, str) and value[:1] not in ("[", "{")}
    for separator in SEPARATORS:
        parted = [text.split(separator) for text in texts if separator in text]
        if not parted:
            continue
        often = Counter(part.strip() for text in texts for part in text.split(separator))
        parts = {part.strip() for row in parted for part in row if part.strip()}
        if sum(often[part] > 1 for part in parts) * 2 >= len(parts) or len(parted) * 2 > len(texts):
            return separator
    return ""


def is_several(value: Any) -> bool:
    """Whether a cell holds a list."""
    return isinstance(_opened(value.strip()) if isinstance(value, str) else value, (list, tuple))


def kind_of_labels(values: Sequence[Any]) -> str:
    """`int` where typed cells hold whole numbers, `str` otherwise: to write them as they were."""
    flat = [item for value in values for item in (value if isinstance(value, (list, tuple)) else [value])]
    whole = [item for item in flat if item is not None]
    return "int" if whole and all(isinstance(item, int) and not isinstance(item, bool) for item in whole) else "str"


def cell_of(told: Told | None, *, kind: str, separator: str) -> Any:
    """What to write into one cell; lists and shares stay what they are, for the writer to spell."""
    if told is None:
        return None
    if isinstance(told, str):
        return _value(told, kind)
    if isinstance(told, tuple):
        return separator.join(told) if separator else [_value(name, kind) for name in told]
    return dict(told)


def _value(name: str, kind: str) -> Any:
    return int(name) if kind == "int" and name.lstrip("-").isdecimal() else name


def _opened(text: str) -> Any:
    """A list or an object that is spelled out in a text, as JSON or as Python prints it."""
    if text[:1] not in ("[", "{") or text[-1:] not in ("]", "}"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return found if isinstance(found, (list, dict)) else text


def _name(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise ContentError("it has no label")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float)):
        raise ContentError(f"its label is a {type(value).__name__}, not a name")
    name = str(value).strip()
    if not name:
        raise ContentError("it has no label")
    try:
        name.encode()
    except UnicodeEncodeError as fault:
        raise ContentError("its label is not UTF-8 text") from fault
    return name


def _as_bit(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}.get(
            value.strip().lower()
        )
    return bool(value) if isinstance(value, (int, float)) and value in (0, 1) else None
