"""What is said of the time left: nothing before there is a pace to tell it by."""

from __future__ import annotations

import pytest

from tilth.run import voice
from tilth.run.voice import Lines


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(voice.time, "monotonic", lambda: now[0])
    return now


def test_getting_ready_is_not_taken_for_the_pace(clock, capsys):
    update, _ = Lines(every_s=20).bar("reading", 30_000)
    clock[0] = 40
    update(60)  # loaded libraries for most of it
    assert capsys.readouterr().err == "  reading: 60 of 30,000\n"
    clock[0] = 60
    update(2_060)  # a hundred a second
    assert capsys.readouterr().err == "  reading: 2,060 of 30,000, about 5 min left\n"


def test_the_first_of_a_few_large_pieces_tells_the_pace(clock, capsys):
    update, _ = Lines(every_s=20).bar("5 folds", 5)
    clock[0] = 100
    update(1)
    assert capsys.readouterr().err == "  5 folds: 1 of 5, about 7 min left\n"


def test_nothing_is_said_more_often_than_asked(clock, capsys):
    update, _ = Lines(every_s=20).bar("reading", 100)
    for second in range(1, 60):
        clock[0] = second
        update(second)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_step_is_named_once_before_its_first_line(clock, capsys):
    lines = Lines(every_s=20)
    lines.doing("      4  learn.contrastive")
    update, _ = lines.bar("5 folds", 5)
    for done in (1, 2):
        clock[0] += 30
        update(done)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "      4  learn.contrastive"
    assert [line.split(":")[0] for line in said[1:]] == ["  5 folds", "  5 folds"]


def test_short_work_is_not_announced(clock, capsys):
    lines = Lines(every_s=20)
    lines.doing("      1  embed.pixels")
    update, close = lines.bar("looking", 5)
    update(5)
    close()
    assert capsys.readouterr().err == ""
