"""Synonyms out of a MyThes thesaurus, `th_LANGUAGE.idx` and `.dat`, as office suites install it.

An entry lists meanings with their part of speech. Only what stands without a remark is a synonym: `(generic term)`,
`(similar term)`, `(antonym)` are not. A word's first meaning of the part that most of its meanings have is taken, and
another word stands for it where that holds the other way round as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tilth.augment.synonyms.inflect import PARTS, inflected, readings
from tilth.augment.synonyms.lexicon import Entry
from tilth.digest import digest
from tilth.errors import SourceError

_PARTS = {"(noun)": "n", "(verb)": "v", "(adj)": "a", "(adv)": "r"}
_SURE = 0.6  # share of the meanings that the part of speech must hold; meanings are not counted uses
_PLACES = ("/usr/share/mythes", "/usr/share/myspell/dicts", "/usr/lib/libreoffice/share/extensions/dict-en")
_NAME = "th_en_US_v2"


def found(place: str = "") -> MyThes | None:
    """The thesaurus at this folder or file, or without one where it is usually installed; None where there is none."""
    for one in [place] if place else _PLACES:
        path = Path(one)
        stem = path.with_suffix("") if path.suffix in (".idx", ".dat") else path / _NAME
        if stem.with_suffix(".idx").is_file() and stem.with_suffix(".dat").is_file():
            return MyThes(stem)
    return None


@dataclass
class MyThes:
    """The two files; read when first asked."""

    stem: Path
    name: str = field(default="mythes", init=False)

    @property
    def said(self) -> str:
        return f"the thesaurus {self.stem.name} in {self.stem.parent}"

    @property
    def key(self) -> str:
        return digest(self.name, self.stem.with_suffix(".dat").stat().st_size)

    def entry(self, word: str) -> Entry | None:
        """Words of the same first meaning, in the same form."""
        parts = [
            (part, base, form) for part in PARTS for base, form in readings(word, part) if self._main(base)[0] == part
        ]
        if len({part for part, _, _ in parts}) != 1:
            return None
        part, base, form = parts[0]
        others = [one for one in self._main(base)[1] if base in self._main(one)[1]]
        forms = (inflected(one, part, form) for one in others if self._main(one)[0] == part)
        return Entry(part, tuple(one for one in forms if one and one != word))

    def _main(self, word: str) -> tuple[str, tuple[str, ...]]:
        """The part of speech that most meanings have, and the synonyms of the first of them; empty where in doubt."""
        if word not in self._mains:
            meanings = self._meanings(word)
            parts = [part for part, _ in meanings]
            part = max(_PARTS.values(), key=parts.count)
            sure = len(parts) > 0 and parts.count(part) >= _SURE * len(parts)
            self._mains[word] = meanings[parts.index(part)] if sure else ("", ())
        return self._mains[word]

    @cached_property
    def _mains(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        return {}

    def _meanings(self, word: str) -> list[tuple[str, tuple[str, ...]]]:
        offset = self._offsets.get(word)
        if offset is None:
            return []
        start = self._data.index(b"\n", offset) + 1
        count = int(self._data[offset : start - 1].rpartition(b"|")[2])
        lines = self._data[start : start + 4096 * count].split(b"\n", count)[:count]
        found = (line.decode(self._encoding, "replace").split("|") for line in lines)
        return [(_PARTS[part], tuple(words)) for part, *words in found if part in _PARTS]

    @cached_property
    def _data(self) -> bytes:
        return self.stem.with_suffix(".dat").read_bytes()

    @cached_property
    def _encoding(self) -> str:
        return self._data[: self._data.index(b"\n")].decode("ascii", "replace").strip() or "utf-8"

    @cached_property
    def _offsets(self) -> dict[str, int]:
        """Where the entry of each single word begins."""
        file = self.stem.with_suffix(".idx")
        try:
            lines = file.read_text(self._encoding).split("\n")[2:]
            pairs = (line.rpartition("|") for line in lines if "|" in line)
            return {word: int(offset) for word, _, offset in pairs if " " not in word}
        except (OSError, ValueError, LookupError) as error:
            raise SourceError(f"{file}: this is no index of a MyThes thesaurus ({error})") from error
