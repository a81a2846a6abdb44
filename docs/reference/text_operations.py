"""Write the table of text operations into docs/ideas/text-operations.md: two sentences through each of them.

python docs/reference/text_operations.py            write it
python docs/reference/text_operations.py --check    exit with 1 where it is stale
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from tilth.augment.synonyms.built_in import BuiltIn
from tilth.augment.synonyms.lexicon import Synonyms
from tilth.augment.writing import OPERATIONS
from tilth.augment.writing.operation import FULL, Stock
from tilth.augment.writing.phrase import parsed

PAGE = Path(__file__).parents[1] / "ideas" / "text-operations.md"
SENTENCES = (
    "Why don't you phone the famous young doctor at No. 12 about a big mistake, please?",
    "I'm so happy to see you",
)
KEEP = frozenset({"mistake"})
STRENGTH = 0.2
STOCK = Stock(Synonyms(BuiltIn(), KEEP), ("river", "paper"), "[MASK]")


def table() -> str:
    """A row for each operation: its family, what a strength of 1 means, and what became of the sentences at 0.2."""
    rows = ["| operation | family | at strength 1 | what it makes |", "|---|---|---|---|"]
    for one in OPERATIONS.values():
        made = "<br>".join(shown(one.name, text) for text in SENTENCES)
        rows.append(f"| `{one.name}` | {one.family} | {one.full} | {made} |")
    return "\n".join(rows)


def shown(name: str, text: str) -> str:
    """The sentence after the operation, what is new in bold; an em dash where it can do nothing."""
    made = OPERATIONS[name].apply(parsed(text, KEEP), FULL * STRENGTH, np.random.default_rng(1), STOCK)
    return "—" if made is None else _marked(text, made.text)


def _marked(old: str, new: str) -> str:
    """The new text, with the words in bold that the old one has not at that place."""
    import difflib

    before, after = old.split(" "), new.split(" ")
    out: list[str] = []
    for kind, low, high, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        words = " ".join(after[start:end])
        if kind == "equal":
            out.append(words)
        elif words:
            out.append(f"**{words}**")
        else:
            out.append("~~" + " ".join(before[low:high]) + "~~")
    return " ".join(out)


def page() -> str:
    """The page with the table as it is now."""
    told = PAGE.read_text(encoding="utf-8")
    return re.sub(r"(?s)(<!-- table -->\n).*?(<!-- end -->)", lambda found: found[1] + table() + "\n" + found[2], told)


def main(*arguments: str) -> int:
    stale = page() != PAGE.read_text(encoding="utf-8")
    if "--check" in arguments:
        if stale:
            print("docs/ideas/text-operations.md is stale; run: python docs/reference/text_operations.py")
        return int(stale)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
