"""Synonyms out of the files of WordNet: `index.*`, `data.*`, `*.exc` and `cntlist.rev`, as wndb(5WN) describes them.

The sense that a word has most often is taken for the one that is meant, and only where its part of speech is hardly in
doubt. Another word stands for it where that is the other's most frequent sense as well, so `phone` gives `telephone`, and
`book` does not give `reserve`. Words that the counted texts never hold in that sense are too rare to bring in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tilth.augment.synonyms.inflect import IRREGULAR, PARTS, Irregular, inflected, readings
from tilth.augment.synonyms.lexicon import Entry
from tilth.digest import digest
from tilth.errors import SourceError

FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_KIND = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # of a sense key; 5 is an adjective beside another
_SURE = 0.75  # share of a word's uses that its part of speech must hold: `run` as a noun is one of nine
_PLACES = ("/usr/share/wordnet", "/usr/share/wordnet/dict", "/usr/local/WordNet-3.0/dict", "/usr/local/share/wordnet")


def found(place: str = "") -> WordNet | None:
    """The WordNet at this folder, or without one where it is usually installed or NLTK has it; None where there is none."""
    for folder in [Path(place)] if place else places():
        if (folder / "index.noun").is_file() and (folder / "data.noun").is_file():
            return WordNet(folder)
    return None


def places() -> Iterator[Path]:
    """Where WordNet is looked for."""
    yield from (Path(one) for one in _PLACES)
    roots = [Path(one) for one in os.environ.get("NLTK_DATA", "").split(os.pathsep) if one]
    for root in (*roots, Path.home() / "nltk_data", Path("/usr/share/nltk_data"), Path("/usr/local/share/nltk_data")):
        yield from (root / "corpora" / name for name in ("wordnet", "wordnet31"))


@dataclass
class WordNet:
    """The files of one folder; read when first asked."""

    folder: Path
    name: str = field(default="wordnet", init=False)

    @property
    def said(self) -> str:
        return f"WordNet at {self.folder}"

    @property
    def key(self) -> str:
        sizes = [(self.folder / f"data.{kind}").stat().st_size for kind in FILES.values()]
        return digest(self.name, sizes)

    def entry(self, word: str) -> Entry | None:
        """Words of the same most frequent sense, in the same form."""
        read = self._read(word)
        if read is None:
            return None
        base, part, form = read
        sense = self._first_sense(base, part)
        if sense is None:
            return None
        others = [one for one in self._words(sense, part) if one != base and self._first_sense(one, part) == sense]
        common = [one for one in others if self._counted(one, part) > 0]
        forms = (inflected(one, part, form, self._irregular) for one in common)
        return Entry(part, tuple(one for one in forms if one and one != word))

    def _read(self, word: str) -> tuple[str, str, str] | None:
        """(base, part, form), where one reading holds most of the uses or is the only one."""
        seen = {
            (base, part, form): self._counted(base, part)
            for part in PARTS
            for base, form in readings(word, part, self._irregular)
            if base in self._index[part]
        }
        if len(seen) == 1:
            return next(iter(seen))
        total = sum(seen.values())
        best = max(seen, key=lambda one: seen[one], default=None)
        return best if best is not None and total and seen[best] >= _SURE * total else None

    def _counted(self, base: str, part: str) -> int:
        return self._counts.get((base, part), 0)

    def _first_sense(self, base: str, part: str) -> str | None:
        """Offset of the most frequent sense: the index names it first."""
        line = self._index[part].get(base)
        if line is None:
            return None
        fields = line.split()
        return fields[-int(fields[1])]  # the number of senses stands behind the part, and their offsets at the end

    def _words(self, offset: str, part: str) -> list[str]:
        """The words of a sense, in its order."""
        data = self._data[part]
        start = int(offset)
        fields = data[start : data.index(b"|", start)].decode("latin-1").split()
        count = int(fields[3], 16)
        return [one.split("(")[0] for one in fields[4 : 4 + 2 * count : 2]]

    @cached_property
    def _index(self) -> dict[str, dict[str, str]]:
        return {part: dict(_index_lines(self.folder / f"index.{kind}")) for part, kind in FILES.items()}

    @cached_property
    def _data(self) -> dict[str, bytes]:
        return {part: (self.folder / f"data.{kind}").read_bytes() for part, kind in FILES.items()}

    @cached_property
    def _counts(self) -> dict[tuple[str, str], int]:
        """(base, part) -> how often the texts that WordNet counted hold it, in any sense."""
        file, counts = self.folder / "cntlist.rev", dict[tuple[str, str], int]()
        for line in file.read_text("latin-1").splitlines() if file.is_file() else ():
            key, _, count = line.split()
            base, _, rest = key.partition("%")
            word = (base, _KIND[rest[0]])
            counts[word] = counts.get(word, 0) + int(count)
        return counts

    @cached_property
    def _irregular(self) -> Irregular:
        return IRREGULAR.with_more({**_exceptions(self.folder, "verb"), **_exceptions(self.folder, "noun")})


def _index_lines(file: Path) -> Iterator[tuple[str, str]]:
    """(word, `part senses ... offsets`) of the words without a space; the head of the file begins with spaces."""
    try:
        text = file.read_text("latin-1")
    except OSError as error:
        raise SourceError(f"{file}: a file of WordNet cannot be read ({error.strerror or error})") from error
    for line in text.split("\n"):
        word, _, rest = line.partition(" ")
        if word and "_" not in word:
            yield word, rest


def _exceptions(folder: Path, kind: str) -> dict[tuple[str, str], dict[str, str]]:
    """(part, form) -> base -> the form, empty where there are two: began and begun."""
    file, part = folder / f"{kind}.exc", kind[0]
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for line in file.read_text("latin-1").splitlines() if file.is_file() else ():
        word, *bases = line.split()
        form = "s" if part == "n" else "ing" if word.endswith("ing") else "s" if word.endswith("s") else "ed"
        for base in bases:
            table = tables.setdefault((part, form), {})
            table[base] = word if base not in table else ""
    return tables
