"""Plain value -> short key.

Identity is declared, not guessed: only plain values have a digest. No code is pickled or hashed, and no path of a
machine or time of a file goes in.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

_SHORT = 16  # hex digits: 64 bits, a one in 10^7 chance of any collision among 2 million samples


def digest_bytes(content: bytes) -> str:
    """The digest of raw bytes, 32 hex digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest(*values: Any) -> str:
    """The digest of plain values, 16 hex digits: None, bool, int, float, str, bytes, list, tuple, set, dict,
    dataclass and numpy array, nested at will.

    Order matters in sequences and not in sets and dicts; `1`, `1.0`, `True` and `"1"` all differ.
    """
    sink = hashlib.blake2b(digest_size=_SHORT // 2)
    for value in values:
        for piece in _pieces(value):
            sink.update(piece)
    return sink.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    # Each piece carries a tag and a length, so that ("ab", "c") and ("a", "bc") differ.
    if value is None:
        yield b"N"
    elif isinstance(value, (bool, np.bool_)):
        yield b"T" if value else b"F"
    elif isinstance(value, (int, np.integer)):
        yield _framed(b"i", str(int(cast(int, value))).encode())
    elif isinstance(value, (float, np.floating)):
        yield b"f" + struct.pack("<d", float(cast(float, value)))
    elif isinstance(value, str):
        yield _framed(b"s", value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        yield _framed(b"b", value)
    elif isinstance(value, np.ndarray):
        array = np.ascontiguousarray(cast("np.ndarray[Any, Any]", value))
        yield _framed(b"a", f"{array.dtype.str}{array.shape}".encode())
        yield array.tobytes()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        yield _framed(b"c", type(value).__name__.encode())
        yield from _pieces(fields)
    elif isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        yield from _unordered(b"d", [(key, items[key]) for key in items])
    elif isinstance(value, (set, frozenset)):
        yield from _unordered(b"u", list(cast("set[Any]", value)))
    elif isinstance(value, Sequence):
        items = cast("Sequence[Any]", value)
        yield b"l" + struct.pack("<q", len(items))
        for item in items:
            yield from _pieces(item)
    else:
        raise TypeError(f"no digest for a {type(value).__name__}: only plain values have an identity")


def _framed(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack("<q", len(content)) + content


def _unordered(tag: bytes, items: list[Any]) -> Iterator[bytes]:
    yield tag + struct.pack("<q", len(items))
    yield from sorted(b"".join(_pieces(item)) for item in items)
