"""TextQuality names every planted fault of writing, and nothing in clean sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.audit.text_quality import TextQuality
from tilth.dataset import Dataset, Schema
from tilth.numerics import writing
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import utterances

CLEAN = [sample.text or "" for sample in utterances(80).data]


def detected(texts, **settings):
    samples = [
        Sample(raw_id(f"{n:032x}", str(n)), f"{n:032x}", str(n), 0, home="text", text=text)
        for n, text in enumerate(texts)
    ]
    data = Dataset.from_samples(samples, Schema("text", "single-label", ("a",)))
    at = {sample.id: int(sample.path) for sample in samples}
    found = TextQuality(**settings).detect(data, Signals({}), MemoryRun({}))
    return [(one.kind, *sorted(at[id] for id in one.ids)) for one in found], found


def test_clean_sentences_have_no_finding():
    assert detected(CLEAN)[0] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty_text"),
        (" \t\u200b\n", "empty_text"),
        ("?! ...", "empty_text"),
        ("the cafÃ© in Oslo is late today says Turin", "mojibake"),
        ("donâ€™t pay the invoice in Oslo today says Turin", "mojibake"),
        ("the tra\ufffdn departs in Oslo today says Turin no 5", "mojibake"),
        ("bread &amp; cheese taste good in Oslo today", "mojibake"),
        ("поезд отправляется из Осло сегодня в полдень", "wrong_script"),
        ("loan", "short_text"),
        (" ".join(["the loan is paid"] * 40), "long_text"),
    ],
)
def test_each_planted_fault_is_named(text, kind):
    assert detected([*CLEAN, text])[0] == [(kind, len(CLEAN))]


@pytest.mark.parametrize(
    "text",
    [
        "the café in São Paulo is cooked today says Ångström no 5",
        "Übermäßig viele Gäste kommen heute in Turin an",
        "the soup 🍜 tastes good in Kyoto at noon says Hanoi",
        "SÃO PAULO departs in Oslo today says Turin no 7",
        "the word «тест» is paid in Oslo today says Perth no 4",
    ],
)
def test_good_writing_is_not_damage(text):
    assert detected([*CLEAN, text])[0] == []


def test_only_texts_in_which_nothing_is_written_are_worthless():
    _, found = detected([*CLEAN, "", "?!", "loan"])
    assert [one.evidence.get("worthless", False) for one in found] == [True, False, False]


def test_a_shell_that_many_share_is_boilerplate():
    shell = "please find attached the monthly report that you asked for dear"
    texts = [f"{shell} {name}" for name in ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")]
    found, _ = detected([*CLEAN, *texts])
    assert sorted(found) == [("boilerplate", len(CLEAN) + at) for at in range(6)]
    assert detected([*CLEAN, *texts[:4]])[0] == []


def test_copies_of_one_text_are_no_shell():
    assert detected([*CLEAN, *["please find attached the monthly report that you asked for"] * 9])[0] == []


def test_accents_and_joins_are_told_and_what_duplicates_tells_is_not():
    found, _ = detected([*CLEAN, "café noir", "Cafe Noir!", "e-mail now", "email now"])
    n = len(CLEAN)
    assert [one for one in found if one[0] == "same_text"] == [("same_text", n, n + 1), ("same_text", n + 2, n + 3)]
    case = [CLEAN[0].upper() + " !", CLEAN[1].replace(" ", "  ")]
    assert detected([*CLEAN, *case])[0] == []  # audit.duplicates names them


def test_where_scripts_are_mixed_none_is_a_stranger():
    found, _ = detected(["поезд отправляется из города %d" % at for at in range(40)] + CLEAN[:40])  # noqa: UP031
    assert not [one for one in found if one[0] == "wrong_script"]


@given(st.text(max_size=60))
def test_any_text_can_be_told(text):
    assert isinstance(writing.damage(text), str) and isinstance(writing.plain_key(text), str)
    assert not (writing.is_blank(text) and writing.has_letters(text))
    assert sum(writing.scripts(text).values()) <= len(text)


@given(st.text(st.characters(codec="cp1252", min_codepoint=0xA1), min_size=1, max_size=8))
def test_what_was_read_in_the_wrong_encoding_is_seen(text):
    try:
        broken = text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return  # five bytes have no letter in Windows-1252
    assert writing.damage(broken)


def test_keeps_the_contract():
    check_step(TextQuality(), world=utterances(60, copies=3, junk=2))
