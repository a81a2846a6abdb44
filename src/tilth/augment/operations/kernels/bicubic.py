"""Four pixels read at once at other places, bicubic: sixteen neighbours of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import ir
from numba import types

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


def _paired(build: Any, values: Any, weights: Any) -> Any:
    """(2 n) int16 twice -> (n) int32, the sums of the products of each two neighbours: one instruction of most processors."""
    count = values.type.count
    wide = vector(WORD, count)
    products = build.mul(build.sext(values, wide), build.sext(weights, wide))
    even, odd = (picked(build, products, products, range(start, count, 2)) for start in (0, 1))
    return build.add(even, odd)


def _rounded(build: Any, sums: Any, shift: int) -> Any:
    """(n) int32 -> (n) uint8: sums of values that count from 128, in 2 ** -shift of a level."""
    count = sums.type.count
    half = build.add(sums, filled(WORD, 1 << (shift - 1), count))
    level = build.add(build.ashr(half, filled(WORD, shift, count)), filled(WORD, 128, count))
    least, most = filled(WORD, 0, count), filled(WORD, 255, count)
    level = build.select(build.icmp_signed(">", level, least), level, least)
    level = build.select(build.icmp_signed("<", level, most), level, most)
    return build.trunc(level, vector(BYTE, count))


class _Reading:
    """What both ways of reading four pixels are handed, see `reading.read`: in the order of their arguments."""

    def __init__(self, context: Any, build: Any, kinds: Any, values: Any) -> None:
        self._context, self._build, self._kinds, self._values = context, build, kinds, values
        self.pitch, self.at = values[1], values[5]

    def place(self, array: int, byte: Any) -> Any:
        return place(self._context, self._build, self._kinds[array], self._values[array], byte)

    def _word(self, lane: int) -> Any:
        """One of the three words of a pixel: where it lies, and where its two rows of weights do."""
        bits = self._kinds[2].dtype.bitwidth
        at = self._build.mul(self._build.add(self.at, LONG(lane)), LONG(bits // 8))
        return lambda array: self._build.sext(loaded(self._build, self.place(array, at), ir.IntType(bits)), LONG)

    def sheet(self, lane: int) -> Any:
        return self.place(0, self._word(lane)(2))

    def first(self, lane: int) -> Any:
        return self.place(6, self._word(lane)(3))

    def then(self, lane: int) -> Any:
        return self.place(7, self._word(lane)(4))

    def keep(self, sums: Any, shift: int, order: Iterable[int], byte: Any) -> None:
        levels = _rounded(self._build, sums, shift)
        stored(self._build, self.place(9, byte), picked(self._build, levels, levels, order))


@intrinsic
def read_grey(
    _: Any,
    sheet: Any,
    pitch: Any,
    places: Any,
    firsts: Any,
    thens: Any,
    at: Any,
    first: Any,
    then: Any,
    shift: Any,
    row: Any,
) -> Any:
    """Four pixels of a grey picture, from `at` in `row`. On its sheet each pixel stands with the three below it."""
    if not isinstance(shift, types.IntegerLiteral):
        return None
    bits = shift.literal_value
    given = (sheet, types.int64, places, firsts, thens, types.int64, first, then, shift, row)

    def four(context: Any, build: Any, signature: Any, values: Any) -> Any:
        reading = _Reading(context, build, signature.args, values)

        def rows(lane: int) -> Any:
            """(8,) int16, for each of four rows the sum over two columns, of the left two and of the right two."""
            taps = build.sext(loaded(build, reading.sheet(lane), vector(BYTE, 16)), vector(SHORT, 16))
            wide = build.mul(taps, loaded(build, reading.first(lane), vector(SHORT, 16)))
            return build.add(*(picked(build, wide, wide, range(half, half + 8)) for half in (0, 8)))

        def two(lane: int) -> Any:
            """(4,) int32, for each of two pixels the sums over two rows."""
            left, right = rows(lane), rows(lane + 1)
            upper = picked(build, left, right, (*range(4), *range(8, 12)))
            lower = picked(build, left, right, (*range(4, 8), *range(12, 16)))
            weights = [loaded(build, reading.then(one), vector(SHORT, 4)) for one in (lane, lane + 1)]
            return _paired(build, build.add(upper, lower), picked(build, weights[0], weights[1], range(8)))

        left, right = two(0), two(2)
        sums = build.add(*(picked(build, left, right, range(start, 8, 2)) for start in (0, 1)))
        reading.keep(sums, bits, range(4), reading.at)
        return context.get_dummy_value()

    return types.void(*given), four


@intrinsic
def read_colour(
    _: Any,
    sheet: Any,
    pitch: Any,
    places: Any,
    firsts: Any,
    thens: Any,
    at: Any,
    first: Any,
    then: Any,
    shift: Any,
    row: Any,
) -> Any:
    """Four pixels of three channels, and four bytes beyond them that the next ones overwrite. Their sheet is of int16."""
    if not isinstance(shift, types.IntegerLiteral):
        return None
    bits = shift.literal_value
    given = (sheet, types.int64, places, firsts, thens, types.int64, first, then, shift, row)

    def four(context: Any, build: Any, signature: Any, values: Any) -> Any:
        reading = _Reading(context, build, signature.args, values)

        def one(lane: int) -> Any:
            """(8,) int32, for red, green, blue and nothing the sums over the left two columns, then the right two."""
            place, weights, summed = reading.sheet(lane), reading.first(lane), filled(SHORT, 0, 16)
            for tap in range(4):
                pair = loaded(build, build.gep(weights, [LONG(4 * tap)]), WORD)  # one weight twice
                single = build.insert_element(ir.Constant(vector(WORD, 8), ir.Undefined), pair, WORD(0))
                weight = build.bitcast(picked(build, single, single, [0] * 8), vector(SHORT, 16))
                summed = build.add(summed, build.mul(loaded(build, place, vector(SHORT, 16)), weight))
                place = build.gep(place, [reading.pitch])
            order = (0, 3, 1, 4, 2, 5, 12, 12, 6, 9, 7, 10, 8, 11, 12, 12)
            taps = loaded(build, reading.then(lane), vector(SHORT, 16))
            return _paired(build, picked(build, summed, summed, order), taps)

        def two(lane: int) -> Any:
            left, right = one(lane), one(lane + 1)
            halves = ((*range(start, start + 4), *range(start + 8, start + 12)) for start in (0, 4))
            return build.add(*(picked(build, left, right, half) for half in halves))

        sums = picked(build, two(0), two(2), range(16))
        order = [4 * pixel + channel for pixel in range(4) for channel in range(3)]
        reading.keep(sums, bits, (*order, 3, 3, 3, 3), build.mul(reading.at, LONG(3)))
        return context.get_dummy_value()

    return types.void(*given), four
