"""Arithmetic on 16 bits that stays there: numba widens it to 64, and a vector then holds a quarter as many values."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from tilth.numerics.compiled.lanes import intrinsic

_16, _32 = ir.IntType(16), ir.IntType(32)


@intrinsic
def plus(_: Any, one: Any, other: Any) -> Any:
    """uint16 + uint16; beyond 65,535 it starts again."""
    return types.uint16(types.uint16, types.uint16), lambda context, build, signature, values: build.add(*values)


@intrinsic
def times(_: Any, one: Any, other: Any) -> Any:
    """uint16 * uint16, the lower half."""
    return types.uint16(types.uint16, types.uint16), lambda context, build, signature, values: build.mul(*values)


@intrinsic
def shifted(_: Any, value: Any, bits: Any) -> Any:
    """uint16 by so many bits to the right."""
    return types.uint16(types.uint16, types.uint16), lambda context, build, signature, values: build.lshr(*values)


@intrinsic
def leveled(_: Any, value: Any, gain: Any, shift: Any, bits: Any) -> Any:
    """uint8, the nearest within its range: (the upper half of uint16 * int16, plus int16) by so many bits to the right.

    The first is below 32,768, and the sum within 16 bits.
    """

    def level(context: Any, build: Any, signature: Any, values: Any) -> Any:
        value, gain, shift, bits = values
        product = build.mul(build.sext(value, _32), build.sext(gain, _32))
        upper = build.trunc(build.ashr(product, _32(16)), _16)
        whole = build.ashr(build.add(upper, shift), bits)
        whole = build.select(build.icmp_signed(">", whole, _16(0)), whole, _16(0))
        whole = build.select(build.icmp_signed("<", whole, _16(255)), whole, _16(255))
        return build.trunc(whole, ir.IntType(8))

    return types.uint8(types.uint16, types.int16, types.int16, types.uint16), level
