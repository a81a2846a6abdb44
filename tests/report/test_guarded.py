"""The report shows what the label guard says of each operation and class."""

from __future__ import annotations

from tilth.finding import Finding
from tilth.report.guarded import MOST_CLASSES, table
from tilth.report.render import render
from tilth.report.story import Story
from tilth.testing.worlds import photos


def fate(word: str, **facts):
    plain = {"word": word, "target": None, "reach": 1.0, "by": "learned", "asked": 50, "moved": 2}
    return {**plain, "low": 0.01, "high": 0.1, "strange": 0.0, **facts}


def finding(classes, operations) -> Finding:
    return Finding("label_guard", (), 0.5, "hflip turns iv into vi.", {"classes": classes, "operations": operations})


def test_each_verdict_has_its_sign_and_its_numbers():
    row = [
        fate("becomes", target="vi", moved=48),
        fate("forbidden", reach=0.5, target="iv"),
        fate("forbidden", reach=0.0, by="rule"),
        fate("safe"),
        None,
    ]
    found = table([("audit.label_guard", finding(list("abcde"), {"hflip": row}))])
    assert found is not None
    (_, cells), *_ = found.rows
    assert [cell.sign for cell in cells] == ["→ vi", "< 0.5", "no", "·", "?"]
    assert "48 of 50 moved" in cells[0].facts and "mostly to vi" in cells[0].facts and "by a rule" in cells[2].facts


def test_operations_of_which_something_is_told_come_first_and_too_many_classes_are_left_out():
    classes = [f"c{at}" for at in range(MOST_CLASSES + 6)]
    calm, told = [fate("safe")] * len(classes), [fate("safe")] * (len(classes) - 1) + [fate("forbidden", reach=0.0)]
    found = table([("audit.label_guard", finding(classes, {"invert": calm, "hflip": told}))])
    assert found is not None and [name for name, _ in found.rows] == ["hflip", "invert"]
    assert found.left_out == 6 and classes[-1] in found.classes


def test_without_a_finding_there_is_no_table():
    assert table([]) is None
    assert table([("x", Finding("label_guard", (), 0.0, "odd"))]) is None


def test_the_page_holds_the_table_and_names_are_escaped():
    data = photos(20).data
    operations = {"hflip": [fate("becomes", target="<b>vi")]}
    story = Story("t", "s", data, data, findings=[("audit.label_guard", finding(["<i>iv"], operations))])
    page = render(story)
    assert "The label guard" in page and 'class="guarded"' in page and 'class="becomes"' in page
    assert "<b>vi" not in page and "&lt;b&gt;vi" in page
