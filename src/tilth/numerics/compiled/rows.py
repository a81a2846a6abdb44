"""Sparse rows times a narrow table, LANES columns at a time: the two products of a linear machine's training."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from tilth.numerics.compiled.lanes import FLOAT, LONG, WORD, intrinsic, loaded, picked, place, stored, vector

LANES = 8
"""Columns of a table: one vector of most processors. Sixteen are no faster with 150 classes, and half as fast with six."""

_ROW = vector(FLOAT, LANES)
_BYTES = 4  # of a float32 or an int32


@intrinsic
def gathered(_: Any, table: Any, columns: Any, values: Any, start: Any, end: Any, out: Any) -> Any:
    """Adds one sparse row times the table to `out`, (LANES,) float32: what stands from `start` to `end` in columns and values.

    table  (d, LANES) float32; columns int32; values float32; start, end int64
    """
    given = (table, columns, values, types.int64, types.int64, out)

    def emit(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        table, columns, values, start, end, out = arguments
        to = place(context, build, signature.args[5], out, LONG(0))
        total = cgutils.alloca_once_value(build, loaded(build, to, _ROW))
        with cgutils.for_range(build, end, start=start) as loop:
            row, value = _entry(context, build, signature.args, table, columns, values, loop.index)
            build.store(build.fadd(build.load(total), build.fmul(value, loaded(build, row, _ROW))), total)
        stored(build, to, build.load(total))
        return context.get_dummy_value()

    return types.void(*given), emit


@intrinsic
def scattered(_: Any, table: Any, columns: Any, values: Any, start: Any, end: Any, step: Any) -> Any:
    """Adds one sparse row, so many times as `step` says for each lane, to the rows of the table. Arguments as `gathered`."""
    given = (table, columns, values, types.int64, types.int64, step)

    def emit(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        table, columns, values, start, end, step = arguments
        each = loaded(build, place(context, build, signature.args[5], step, LONG(0)), _ROW)
        with cgutils.for_range(build, end, start=start) as loop:
            row, value = _entry(context, build, signature.args, table, columns, values, loop.index)
            stored(build, row, build.fadd(loaded(build, row, _ROW), build.fmul(value, each)))
        return context.get_dummy_value()

    return types.void(*given), emit


def _entry(context: Any, build: Any, kinds: Any, table: Any, columns: Any, values: Any, at: Any) -> tuple[Any, Any]:
    """The address of the table's row that an entry of the sparse row stands for, and its value in all lanes."""
    byte = build.mul(at, LONG(_BYTES))
    column = build.sext(loaded(build, place(context, build, kinds[1], columns, byte), WORD), LONG)
    value = loaded(build, place(context, build, kinds[2], values, byte), FLOAT)
    row = place(context, build, kinds[0], table, build.mul(column, LONG(_BYTES * LANES)))
    first = build.insert_element(ir.Constant(_ROW, ir.Undefined), value, WORD(0))
    return row, picked(build, first, first, [0] * LANES)
