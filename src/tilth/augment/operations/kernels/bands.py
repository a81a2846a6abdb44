"""Stretches of a row of bytes at once: as they are, the mean over neighbours, and pixels in the opposite order."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from tilth.numerics.compiled.lanes import (
    BYTE,
    LONG,
    SHORT,
    WORD,
    filled,
    intrinsic,
    loaded,
    picked,
    place,
    stored,
    vector,
)

WIDE = 32
"""Bytes that `mean` works on at once; it reads and writes so many, however many of them are wanted."""


@intrinsic
def mean(_: Any, row: Any, at: Any, step: Any, weights: Any, taps: Any, out: Any, to: Any) -> Any:
    """WIDE bytes from `to`: those from `at` with their neighbours 0, 1 .. `taps` steps before and after, in 256ths."""
    given = (row, types.int64, types.int64, weights, types.int64, out, types.int64)

    def band(context: Any, build: Any, signature: Any, values: Any) -> Any:
        row, at, step, weights, taps, out, to = values

        def weight(tap: Any) -> Any:
            one = loaded(build, place(context, build, signature.args[3], weights, build.mul(tap, LONG(2))), SHORT)
            first = build.insert_element(ir.Constant(vector(SHORT, WIDE), ir.Undefined), one, WORD(0))
            return picked(build, first, first, [0] * WIDE)

        def values_at(byte: Any) -> Any:
            taken = loaded(build, place(context, build, signature.args[0], row, byte), vector(BYTE, WIDE))
            return build.zext(taken, vector(SHORT, WIDE))

        total = cgutils.alloca_once_value(build, build.mul(values_at(at), weight(LONG(0))))
        with cgutils.for_range(build, build.add(taps, LONG(1)), start=LONG(1)) as loop:
            away = build.mul(loop.index, step)
            both = build.add(values_at(build.sub(at, away)), values_at(build.add(at, away)))
            build.store(build.add(build.load(total), build.mul(both, weight(loop.index))), total)
        rounded = build.add(build.load(total), filled(SHORT, 128, WIDE))
        whole = build.trunc(build.lshr(rounded, filled(SHORT, 8, WIDE)), vector(BYTE, WIDE))
        stored(build, place(context, build, signature.args[5], out, to), whole)
        return context.get_dummy_value()

    return types.void(*given), band


@intrinsic
def turn_five(_: Any, row: Any, at: Any, out: Any, to: Any) -> Any:
    """Five pixels of three channels that end before byte `at`, in the opposite order from byte `to`, and a byte beyond."""

    def five(context: Any, build: Any, signature: Any, values: Any) -> Any:
        row, at, out, to = values
        start = build.sub(at, LONG(16))
        taken = loaded(build, place(context, build, signature.args[0], row, start), vector(BYTE, 16))
        order = [13 - 3 * (lane // 3) + lane % 3 for lane in range(15)]
        stored(build, place(context, build, signature.args[2], out, to), picked(build, taken, taken, (*order, 0)))
        return context.get_dummy_value()

    return types.void(row, types.int64, out, types.int64), five


@intrinsic
def eight(_: Any, row: Any, at: Any) -> Any:
    """uint64, the bytes from `at`."""

    def word(context: Any, build: Any, signature: Any, values: Any) -> Any:
        return loaded(build, place(context, build, signature.args[0], values[0], values[1]), LONG)

    return types.uint64(row, types.int64), word
