"""Rules are read as they are meant, and what is no rule is told."""

from __future__ import annotations

import pytest

from tilth.errors import SettingError
from tilth.numerics.label_rules import FORBID, parsed

CLASSES = ("iv", "vi", "vii", "a: b")
OPERATIONS = ("hflip", "vflip", "invert")


def rules(*told: str):
    return parsed(told, operations=OPERATIONS, classes=CLASSES)


def test_both_ways_one_way_forbidden_and_allowed():
    assert rules("hflip: iv <-> vi", "hflip:vii->forbid", "vflip: iv -> vi", " invert :  iv -> allow") == {
        ("hflip", 0): 1,
        ("hflip", 1): 0,
        ("hflip", 2): FORBID,
        ("vflip", 0): 1,
        ("invert", 0): 0,
    }


def test_a_class_that_is_named_stands_above_the_star_in_any_order():
    either = rules("vflip: * -> forbid", "vflip: iv -> allow"), rules("vflip: iv -> allow", "vflip: * -> forbid")
    assert either[0] == either[1] == {("vflip", 0): 0, ("vflip", 1): FORBID, ("vflip", 2): FORBID, ("vflip", 3): FORBID}


def test_operations_done_together_have_one_name_in_any_order():
    assert rules("vflip + hflip: iv -> forbid") == rules("hflip+vflip: iv -> forbid") == {("hflip+vflip", 0): FORBID}


def test_a_class_may_have_a_colon_in_its_name():
    assert rules("hflip: a: b -> vi") == {("hflip", 3): 1}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("hflip iv vi", "is none"),
        ("hflip: iv", "is none"),
        ("", "is none"),
        ("hflop: iv -> vi", "did you mean 'hflip'"),
        ("hflip: iiv -> vi", "did you mean"),
        ("hflip: iv -> xx", "class 'xx'"),
        ("hflip: * <-> vi", "after `*`"),
        ("hflip: * -> vi", "after `*`"),
        ("hflip+: iv -> vi", "operation ''"),
    ],
)
def test_what_is_no_rule_is_told(rule, told):
    with pytest.raises(SettingError, match=told.replace("*", r"\*")):
        rules(rule)


def test_rules_that_contradict_each_other_are_told():
    with pytest.raises(SettingError, match="contradicts"):
        rules("hflip: iv <-> vi", "hflip: vi -> forbid")
