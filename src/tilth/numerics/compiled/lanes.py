"""Vectors, said to LLVM directly: sixteen taps of a bicubic reading are one load, and not sixteen.

numba's own loops come out up to ten times as slow here, as LLVM is not allowed to join loads of neighbours in a straight
line of code. What is said is plain LLVM, without instructions of any one processor. Lanes are never summed with each
other: floats, too, come out the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir
from numba import extending

BYTE, SHORT, WORD, LONG = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
FLOAT = ir.FloatType()


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that tells the types of a call, and how to say it to LLVM; for type checkers, what it stands for."""
    return extending.intrinsic(function)


def vector(kind: ir.Type, count: int) -> ir.VectorType:
    return ir.VectorType(kind, count)


def filled(kind: ir.IntType, value: int, count: int) -> ir.Constant:
    return ir.Constant(vector(kind, count), [value] * count)


def place(context: Any, build: Any, kind: Any, array: Any, at: Any) -> Any:
    """The address of the byte `at` of this array."""
    data = context.make_array(kind)(context, build, array).data
    return build.gep(build.bitcast(data, BYTE.as_pointer()), [at])


def loaded(build: Any, place: Any, kind: Any) -> Any:
    value = build.load(build.bitcast(place, kind.as_pointer()))
    value.align = 1
    return value


def stored(build: Any, place: Any, value: Any) -> None:
    build.store(value, build.bitcast(place, value.type.as_pointer())).align = 1


def picked(build: Any, first: Any, second: Any, order: Iterable[int]) -> Any:
    """These lanes of two vectors, counted through both."""
    lanes = list(order)
    return build.shuffle_vector(first, second, ir.Constant(vector(WORD, len(lanes)), lanes))
