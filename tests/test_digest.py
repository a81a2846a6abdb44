"""Plain values have one identity, and nothing else has any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.digest import digest

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_the_same_value_has_the_same_digest(value: object) -> None:
    assert digest(value) == digest(value)


@given(st.lists(plain, max_size=4), st.lists(plain, max_size=4))
def test_how_values_are_split_up_matters(left: list[object], right: list[object]) -> None:
    if right:
        assert digest(left, right) != digest([*left, *right])


def test_kinds_are_kept_apart() -> None:
    assert len({digest(value) for value in (1, 1.0, True, "1", b"1", None, [1], {1}, {"1": 1})}) == 9


def test_order_matters_in_lists_and_not_in_dicts_and_sets() -> None:
    assert digest([1, 2]) != digest([2, 1])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"x", "y"}) == digest({"y", "x"})


def test_arrays_count_with_shape_and_kind() -> None:
    zeros = np.zeros(4, np.float32)
    assert len({digest(a) for a in (zeros, zeros.reshape(2, 2), zeros.astype(np.float64), zeros + 1)}) == 4
    assert digest(np.arange(6).reshape(2, 3).T) == digest(np.ascontiguousarray(np.arange(6).reshape(2, 3).T))


def test_a_dataclass_is_its_fields() -> None:
    @dataclass(frozen=True)
    class Step:
        k: int = 5

    assert digest(Step()) == digest(Step(5)) != digest(Step(6))


@pytest.mark.parametrize("value", [object(), lambda: None, len])
def test_code_and_objects_have_no_identity(value: object) -> None:
    with pytest.raises(TypeError, match="only plain values"):
        digest(value)


def test_golden() -> None:
    """Ids and memo keys of every workspace hang on these bytes: a change here is a new format."""
    assert digest("raw", "c", "p") == "8289dc140184b25e"
