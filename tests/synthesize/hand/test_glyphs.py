"""Glyphs stand on the base line, have every usual letter, and are made of few arcs that keep to the font's own lines."""

import numpy as np
import pytest

from tilth.synthesize.hand.glyphs import HANDS, arcs, glyph, missing
from tilth.synthesize.hand.hershey import BASE, CAPITAL, faces
from tilth.synthesize.hand.motor import moved
from tilth.synthesize.hand.numerals import forms, is_numeral
from tilth.synthesize.hand.writers import all_written, writer, written


def test_print_has_every_printable_letter_of_ascii():
    assert [chr(code) for code in range(33, 127) if glyph(chr(code), "print") is None] == []
    assert missing("Größe: 12 % of café, naïve Łódź") == "ßŁ"


@pytest.mark.parametrize("letter", "AHIVXadimx15")
def test_letters_stand_on_the_base_line_and_capitals_are_1_high(letter):
    one = glyph(letter, "print")
    points = np.concatenate([via.points for via in one.strokes])
    assert points[:, 0].min() == 0 and points[:, 0].max() == pytest.approx(one.width)
    assert abs(points[:, 1].max()) < 0.06 and (points[:, 1].min() == pytest.approx(-1) or letter.islower())


def test_a_polyline_round_a_circle_becomes_arcs_of_that_circle():
    angles = np.linspace(0, 2 * np.pi, 33)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    via = arcs(circle)
    assert 4 <= len(via.bows) <= 7 and via.bows.sum() == pytest.approx(2 * np.pi, rel=0.02)
    (line,) = moved([via], overlap=0.0, movement="minimum-jerk")
    np.testing.assert_allclose(np.hypot(*line.T), 1, atol=0.02)


@pytest.mark.parametrize("letter", "abdgjmnpqrtuy2358BDGJPQRSU&")
def test_a_glyph_that_is_written_slowly_keeps_to_the_line_of_the_font(letter):
    drawn = faces()["futural"][letter]
    own = np.concatenate([(_dense(line) - (0, BASE)) / CAPITAL for line in drawn])
    own[:, 0] -= own[:, 0].min()
    lines = moved(glyph(letter, "print").strokes, overlap=0.0, movement="minimum-jerk", points=200)
    points = np.concatenate(lines)
    off = np.sqrt(((points[:, None] - own[None]) ** 2).sum(2))
    assert off.min(1).max() < 0.06 and off.min(0).max() < 0.08


def _dense(line):
    at = np.linspace(0, len(line) - 1, 40 * len(line))
    return np.stack([np.interp(at, np.arange(len(line)), line[:, side]) for side in (0, 1)], 1)


def test_an_accent_lies_above_its_letter_and_a_blank_has_room_only():
    plain, accented = glyph("e", "print"), glyph("é", "print")
    assert len(accented.strokes) == len(plain.strokes) + 1 and accented.width == plain.width
    assert accented.strokes[-1].points[:, 1].max() < min(via.points[:, 1].min() for via in plain.strokes)
    assert glyph(" ", "print").strokes == () and glyph(" ", "print").width > 0
    assert all(glyph("漢", hand) is None for hand in HANDS)


@pytest.mark.parametrize("text", ["i", "viii", "IX", "xc", "MMXXVI"])
def test_roman_numerals_are_told(text):
    assert is_numeral(text)


@pytest.mark.parametrize("text", ["", "iiv", "Viii", "cat", "7", "iiiiiiii", "vv"])
def test_what_is_no_numeral_is_told(text):
    assert not is_numeral(text)


def test_a_numeral_has_forms_with_dots_rings_and_bars_and_a_word_has_those_of_the_fonts():
    names = {form.name for text in ("viii", "VIII") for form in forms(text)}
    assert {
        "small, i dotted",
        "small, i ringed",
        "small, i bare",
        "capitals, bars: both",
        "capitals, bars: own",
    } <= names
    assert [form.name for form in forms("cat")] == ["print", "script"]
    assert [form.name for form in forms("7")] == ["print"] and len(forms("7")[0].letters[0]) > 2
    assert forms("漢字") == () and forms("") == ()


def test_bars_lie_over_and_under_the_whole_numeral():
    form = next(form for form in forms("VII") if form.name == "capitals, bars: both")
    plain = next(form for form in forms("VII") if form.name == "capitals, bars: none")
    hand = writer(np.random.default_rng(0), sloppy=0)
    both, none = (written(one, hand, np.random.default_rng(1), movement="lognormal") for one in (form, plain))
    over, under = both[-2:]
    assert len(both) == len(none) + 2
    assert np.allclose(over[:, 1], -1, atol=0.1) and np.allclose(under[:, 1], 0, atol=0.1)
    left, right = (pick(np.concatenate(none)[:, 0]) for pick in (np.min, np.max))
    assert over[:, 0].min() < left + 0.05 and over[:, 0].max() > right - 0.05


def test_a_word_is_the_same_whatever_is_written_beside_it():
    texts = ["viii", "IX", "jQ&", "ii", "café", "VII"] * 8
    ways = [forms(text)[-1] for text in texts]
    movements = ["lognormal", "minimum-jerk", "lognormal"] * 16

    def dice():
        return [np.random.default_rng([7, at]) for at in range(len(texts))]

    hands = [writer(rng) for rng in dice()]
    together = all_written(ways, hands, dice(), movements)
    for at, rng in enumerate(dice()):
        alone = written(ways[at], hands[at], rng, movement=movements[at])
        assert len(alone) == len(together[at])
        assert all(np.array_equal(a, b) for a, b in zip(alone, together[at], strict=True))
    assert all_written([], [], [], []) == []


def test_a_writer_keeps_to_their_habits_and_another_has_others():
    (form,) = forms("4")
    hands = [writer(np.random.default_rng(seed)) for seed in range(12)]

    def strokes(hand, seed):
        return len(written(form, hand, np.random.default_rng(seed), movement="lognormal"))

    usual = [np.bincount([strokes(hand, seed) for seed in range(20)], minlength=4).max() for hand in hands]
    assert np.mean(usual) > 16
    assert len({strokes(hand, 3) for hand in hands}) > 1
