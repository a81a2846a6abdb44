"""Writing: what can be told of a text by itself: whether anything is written, in which script, with which damage."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

_LOST = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f]")  # the mark of a lost letter; control characters
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,4});")
_FOREIGN_RUN = re.compile("[\u0080-\uffff]{2,}")
# Blocks that belong to one way of writing; the script of a letter is the first word of its Unicode name.
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HANGUL": "CJK", "IDEOGRAPHIC": "CJK", "FULLWIDTH": "LATIN"}


def is_blank(text: str) -> bool:
    """Whether nothing can be seen: spaces, line ends, control and format characters, and nothing else."""
    return all(unicodedata.category(letter) in _UNSEEN for letter in text)


_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cn", "Mn"})


def has_letters(text: str) -> bool:
    """Whether there is a letter, a digit, or a symbol that speaks for itself (an emoji)."""
    return any(unicodedata.category(letter)[0] in "LN" or unicodedata.category(letter) == "So" for letter in text)


def scripts(text: str) -> Counter[str]:
    """How many letters of each script: `LATIN`, `CYRILLIC`, `ARABIC`, `CJK`..."""
    return Counter(script for letter in text if (script := _script(letter)))


@cache
def _script(letter: str) -> str:
    if not letter.isalpha():
        return ""
    first = re.split(r"[ -]", unicodedata.name(letter, ""))[0]
    return _TOGETHER.get(first, first)


def damage(text: str) -> str:
    """What the damage to the encoding looks like, as it stands in the text; empty where there is none.

    U+FFFD and control characters are lost letters. A run that is UTF-8 when its letters are taken for bytes of Windows-1252
    was read as Windows-1252. Entities of HTML were never decoded.
    """
    if found := _LOST.search(text):
        return f"U+{ord(found.group()):04X}"
    for run in _FOREIGN_RUN.finditer(text):
        if part := _misread(run.group()):
            return part
    found = _ENTITY.search(text)
    return found.group() if found else ""


def _misread(run: str) -> str:
    """The first part of the run that is UTF-8 in disguise."""
    for start in range(len(run) - 1):
        for length in (2, 3, 4):
            part = run[start : start + length]
            try:
                if len(part) == length and len(part.encode("cp1252").decode("utf-8")) == 1:
                    return part
            except (UnicodeEncodeError, UnicodeDecodeError):
                continue
    return ""


def plain_key(text: str) -> str:
    """The letters and digits alone, without case, accents, compatibility forms, spaces and punctuation."""
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in parts if letter.isalnum())


def shells(words: Sequence[Sequence[str]], *, length: int, least: int) -> tuple[list[float], list[str]]:
    """The share (0..1) of each text's words that stand in passages shared by many texts, and its most shared passage.

    words    of n texts; texts with the same words count once
    length   words in a row that make a passage
    least    texts that must share it
    """
    counts: Counter[tuple[str, ...]] = Counter()
    for text in {tuple(text) for text in words}:
        counts.update(set(_grams(text, length)))
    shared = {gram for gram, count in counts.items() if count >= least}
    shares, passages = [], []
    for text in words:
        grams = _grams(text, length)
        starts = [at for at, gram in enumerate(grams) if gram in shared]
        covered = {at + step for at in starts for step in range(length)}
        shares.append(len(covered) / len(text) if text else 0.0)
        most = max((grams[at] for at in starts), key=lambda gram: (counts[gram], gram), default=())
        passages.append(" ".join(most))
    return shares, passages


def _grams(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
