"""How a kernel is compiled: at its first call, kept for the next process, without Python's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numba

from tilth.numerics.compiled.kept import Kept


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled. No fast-math: the same sums in the same order give the same bytes on every machine."""
    made: Any = numba.njit(nogil=True, error_model="numpy")(function)
    with contextlib.suppress(RuntimeError):  # nowhere to keep it: neither this folder nor the user's can be written
        made._cache = Kept(function)  # what `cache=True` does, with numba's own
    return made


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """A piece of a kernel: compiled as part of those that call it, and kept with them."""
    return numba.njit(error_model="numpy", inline="never")(function)
