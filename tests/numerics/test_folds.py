"""Families: copies, children and siblings under one number, also where the parent is gone."""

from __future__ import annotations

import pytest

from tilth.numerics.folds import families, roots


@pytest.mark.parametrize(
    ("ids", "contents", "parents", "together"),
    [
        ("ab", "11", ["", ""], [{"a", "b"}]),  # copies
        ("abc", "123", ["", "a", "b"], [{"a", "b", "c"}]),  # down the generations
        ("abc", "123", ["", "z", "z"], [{"a"}, {"b", "c"}]),  # of one parent that is gone
        ("abm", "123", ["", "", "ab"], [{"a", "b", "m"}]),  # a mixture ties its parents together
    ],
)
def test_who_belongs_together_has_one_number(ids, contents, parents, together):
    groups = families(list(ids), list(contents), [list(of) for of in parents])
    found = [{id for id, group in zip(ids, groups, strict=True) if group == number} for number in set(groups.tolist())]
    assert sorted(map(sorted, found)) == sorted(map(sorted, together))


def test_a_parent_that_is_gone_stands_where_its_children_stand():
    root = roots(["b", "c", "d"], ["1", "2", "3"], [["z"], ["z"], []])
    assert root("z") == root("b") == root("c") != root("d") == "d" and root("nobody") == "nobody"
