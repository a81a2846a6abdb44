"""English endings: which form of which word this is, and another word in the same form.

A form is `base`, `s` (a plural, or a verb's third person), `ed` (past and participle, where they are one), `ing`, `er`
or `est`. Where the form of a word is in doubt, there is none: a verb whose past and participle differ (began, begun) is
never put in the place of one where they are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PARTS = ("n", "v", "a", "r")
"""Noun, verb, adjective, adverb."""

_FORMS: Mapping[str, tuple[str, ...]] = {"n": ("s",), "v": ("s", "ed", "ing"), "a": ("er", "est"), "r": ()}

# base past, where the participle is the same.
_ALIKE = """
bend bent, bind bound, bleed bled, breed bred, bring brought, build built, buy bought, catch caught, cling clung,
creep crept, deal dealt, dig dug, feed fed, feel felt, fight fought, find found, flee fled, grind ground, hang hung,
have had, hear heard, hold held, keep kept, kneel knelt, lay laid, lead led, leave left, lend lent, lose lost, make made,
mean meant, meet met, mislead misled, pay paid, rebuild rebuilt, say said, seek sought, sell sold, send sent,
shine shone, shoot shot, sit sat, sleep slept, slide slid, spend spent, spin spun, stand stood, stick stuck,
strike struck, sweep swept, swing swung, teach taught, tell told, think thought, understand understood, weep wept,
win won, wind wound, repay repaid, overhear overheard, withhold withheld, misunderstand misunderstood, unwind unwound
"""
# Past, participle or base cannot be told from each other, or differ: no `ed` form.
_APART = """
arise awake be bear beat become begin bet bid bite blow break burst cast choose come cost cut do draw dream drink drive
eat fall fly forbid foresee forget forgive forgo freeze get give go grow hide hit hurt know let lie light mistake
overcome overtake prove put quit read redo ride ring rise run see set sew shake shed show shrink shut sing sink speak
spit split spread spring steal stink swear swell swim take tear throw thrust undergo undertake undo upset wake wear weave
withdraw write overdo override overrun oversee rewrite retake outgrow outdo broadcast forecast burn learn smell spell
spill spoil leap lean
"""
_PLURALS = """
child children, foot feet, tooth teeth, goose geese, mouse mice, louse lice, ox oxen, person people, man men, woman women,
knife knives, life lives, wife wives, leaf leaves, half halves, shelf shelves, thief thieves, wolf wolves, loaf loaves,
calf calves, self selves, analysis analyses, basis bases, crisis crises, thesis theses, hypothesis hypotheses,
phenomenon phenomena, criterion criteria, hero heroes, potato potatoes, tomato tomatoes, echo echoes, photo photos,
piano pianos, euro euros, video videos, radio radios, studio studios, zoo zoos
"""
_ONE_NUMBER = frozenset("sheep deer fish series species means news aircraft offspring".split())
_STRESSED_LAST = frozenset(
    "admit allot begin commit compel confer control defer deter equip excel expel forget incur infer occur omit patrol "
    "permit prefer propel rebel recur refer regret remit repel submit transfer transmit".split()
)


def _table(text: str) -> dict[str, str]:
    pairs = (pair.split() for pair in text.split(","))
    return {base: form for base, form in pairs}


@dataclass(frozen=True)
class Irregular:
    """What goes by no rule: for each part of speech and form, base -> that form; an empty one: none that is safe."""

    forms: Mapping[tuple[str, str], Mapping[str, str]]
    bases: Mapping[str, Mapping[str, tuple[str, str]]] = field(init=False)

    def __post_init__(self) -> None:
        bases: dict[str, dict[str, tuple[str, str]]] = {part: {} for part in PARTS}
        for (part, form), table in self.forms.items():
            for base, word in table.items():
                if word:
                    bases[part].setdefault(word, (base, form))
        object.__setattr__(self, "bases", bases)

    def with_more(self, more: Mapping[tuple[str, str], Mapping[str, str]]) -> Irregular:
        """These and more; what is here already stays."""
        keys = {*self.forms, *more}
        return Irregular({key: {**more.get(key, {}), **self.forms.get(key, {})} for key in keys})


IRREGULAR = Irregular(
    {
        ("v", "ed"): {**_table(_ALIKE), **dict.fromkeys(_APART.split(), "")},
        ("v", "s"): {"have": "has", "be": "", "do": "does", "go": "goes"},
        ("n", "s"): {**_table(_PLURALS), **dict.fromkeys(_ONE_NUMBER, "")},
        ("a", "er"): {"good": "better", "bad": "worse", "far": "farther", "many": "", "little": "", "much": ""},
        ("a", "est"): {"good": "best", "bad": "worst", "far": "farthest", "many": "", "little": "", "much": ""},
    }
)


def readings(word: str, part: str, irregular: Irregular = IRREGULAR) -> Iterator[tuple[str, str]]:
    """(base, form) of all that this word may be; whether there is such a base is not asked."""
    yield word, "base"
    if word in irregular.bases[part]:
        yield irregular.bases[part][word]
    for form in _FORMS[part]:
        for base in _stems(word, form):
            if inflected(base, part, form, irregular) == word:
                yield base, form


def inflected(base: str, part: str, form: str, irregular: Irregular = IRREGULAR) -> str | None:
    """This word in that form; None where it has none that is sure."""
    if form == "base":
        return base
    known = irregular.forms.get((part, form), {})
    if base in known:
        return known[base] or None
    if form == "s":
        return _with_s(base, part)
    if form == "ing":
        return _with_ing(base)
    if form == "ed":
        return _before_vowel(base) + "ed"
    return _before_vowel(base) + form if _sounds(base) <= 2 and len(base) <= 6 else None


def _stems(word: str, form: str) -> Iterator[str]:
    if not word.endswith(form) or len(word) < len(form) + 2:
        return
    stem = word[: -len(form)]
    yield stem
    if form != "s":
        yield stem + "e"
    if stem.endswith("ie"):
        yield stem[:-2] + "y"
    if stem.endswith("i"):
        yield stem[:-1] + "y"
    if stem.endswith("e"):
        yield stem[:-1]
    if stem.endswith("y"):
        yield stem[:-1] + "ie"
    if len(stem) > 3 and stem[-1] == stem[-2]:
        yield stem[:-1]


def _with_s(base: str, part: str) -> str | None:
    if part == "n" and re.search(r"(fe?|[^aeiou]o|sis|us|man|ics|ness)$", base):
        return None  # knives and roofs, heroes and pianos: no rule tells
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(s|x|z|ch|sh|o)$", base) else "s")


def _with_ing(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    stem = _before_vowel(base, keep_y=True)
    return (base if re.search(r"(ee|oe|ye)$", base) else stem) + "ing"


def _before_vowel(base: str, *, keep_y: bool = False) -> str:
    """The word as it stands before -ed, -ing, -er, -est."""
    if base.endswith("e"):
        return base[:-1]
    if not keep_y and re.search(r"[^aeiou]y$", base):
        return base[:-1] + "i"
    doubled = base in _STRESSED_LAST or _sounds(base) == 1
    short = re.search(r"(^|[^aeiou])[aeiou][^aeiouwxy]$", base) or re.search(r"qu[aeiou][^aeiouwxy]$", base)
    return base + base[-1] if doubled and short else base


def _sounds(word: str) -> int:
    """Groups of vowels: about as many as syllables."""
    return max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word))))


_AN = re.compile(r"hour|honest|honou?r|heir|[aeio]|u(?!ni(?![nm])|nan|s[aeu]|t[ei]|r[aeio]|bi)", re.IGNORECASE)
_A = re.compile(r"eu|ewe|one\b|once\b", re.IGNORECASE)


def article(word: str) -> str:
    """`a` or `an`, by how the next word begins: a union, an hour."""
    return "an" if _AN.match(word) and not _A.match(word) else "a"
