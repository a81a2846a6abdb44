"""How a kernel is compiled: at its first call, kept for the next process, without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled. No fast-math: the same sums in the same order give the same bytes on every machine."""
    settings = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # nowhere to keep it: neither this folder nor the user's cache can be written
        return numba.njit(**settings)(function)


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """A piece of a kernel: compiled as part of those that call it, and kept with them."""
    return numba.njit(error_model="numpy", inline="never")(function)
