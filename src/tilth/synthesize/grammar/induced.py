"""Templates found in texts: where texts of one class differ in a word or a few, there is a slot, and these are its fillers.

    what is the exchange rate between dollars and euros
    what is the exchange rate between pounds and euros      ->   what is the exchange rate between {currency_rate_1} and euros
    how many dollars can i get for a peso                   ->   ... {currency_rate_1} ... {currency_rate_1:2} ...

First every text is read with one to three words in a row left out; what several texts are then alike in is a frame. Frames
whose fillers overlap share a slot. Last, a filler of a slot that stands elsewhere in a frame becomes a slot too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tilth.dataset import Dataset
from tilth.errors import ExportError
from tilth.sample import Sample
from tilth.synthesize.grammar.book import Book, Listed, Template
from tilth.synthesize.grammar.notation import Words, escaped, parse, slots_of

_LONGEST = 3  # words of a filler within a text
_LONGEST_AT_END = 7  # words of one at its beginning or end: what is spoken of, behind a way of asking for it
_LEAST_LEFT = 2  # words that a frame must keep: `{x} is` stands for anything
_SHARED = 2  # fillers that two frames must have in common to have one slot
_LONG = 5  # letters of a word that is no article, no preposition and no auxiliary, mostly
_MOST_PARENTS = 12  # texts that are named as parents: those seen first
_TURNING = frozenset(
    "no not none nobody nothing neither nor never nowhere cannot without except unless don't doesn't didn't isn't "
    "aren't wasn't can't won't n't nicht kein keine nie ne pas jamais sans non nunca sin".split()
)
"""Words that turn a sentence round: no filler holds one."""

_TOKEN = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]+")

Frame: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""The words before the gap and those after it."""


@dataclass(frozen=True)
class _Found:
    """A frame with what stood in its gap. fillers: filler -> how often; parents: ids of the texts."""

    frame: Frame
    fillers: Mapping[str, int]
    parents: tuple[str, ...]


def induced(data: Dataset, *, support: int = 3) -> Book:
    """The templates that the train texts of each class give, one class at a time.

    support  texts that a template must stand for, with as many different fillers

    Texts that a step made, and texts without a label, are not asked.
    """
    train = data.train.where(~data.train.made)
    groups: dict[tuple[int, ...], list[Sample]] = defaultdict(list)
    for sample in train:
        label = (sample.label,) if isinstance(sample.label, int) else tuple(sorted(sample.label or ()))  # type: ignore[arg-type]
        if label and isinstance(sample.label, (int, frozenset)):
            groups[label].append(sample)  # pyright: ignore[reportArgumentType]
    templates: list[Template] = []
    slots: dict[str, Listed] = {}
    for label in sorted(groups):
        names = tuple(data.schema.classes[c] for c in label)
        found, own = _of_class(groups[label], names, support)
        templates += found
        slots |= own
    return Book(tuple(templates), slots)


def write_templates(data: Dataset, where: Path | str, *, support: int = 3) -> int:
    """Write the templates that the train texts give to a TOML file, to be read and mended by hand; how many there are.

    Then: `use = "synthesize.templates"` with `templates = "FILE.toml"`. Raises ExportError where it cannot be written.
    """
    book = induced(data, support=support)
    try:
        Path(where).write_text(written(book), encoding="utf-8")
    except OSError as fault:
        raise ExportError(f"the templates cannot be written to {where}: {fault.strerror}") from fault
    return len(book.templates)


def written(book: Book) -> str:
    """The book as TOML. Slots are lists of plain fillers, as those are that were found."""
    lines = ["# Found in the texts; leave out what makes no sense, add fillers and templates of your own.", ""]
    lines += ["[slots]"]
    for name, fillers in book.slots.items():
        said = ["".join(node.text for node in option if isinstance(node, Words)) for option in fillers.options]  # type: ignore[union-attr]
        lines.append(f"{name} = [{', '.join(_quoted(escaped(one)) for one in said)}]")
    for one in book.templates:
        lines += ["", "[[template]]", f"name = {_quoted(one.name)}", f"text = {_quoted(one.text)}"]
        lines += [f"labels = [{', '.join(map(_quoted, one.labels))}]", f"weight = {one.weight:g}"]
        lines += [f"parents = [{', '.join(map(_quoted, one.parents))}]"] if one.parents else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n") + '"'


# -- one class ------------------------------------------------------------------------------------------------


def _of_class(
    samples: Sequence[Sample], names: tuple[str, ...], support: int
) -> tuple[list[Template], dict[str, Listed]]:
    kept = _frames(samples, support)
    if not kept:
        return [], {}
    group = _shared_slots(kept)
    stem = re.sub(r"\W+", "_", "_".join(names)).strip("_").lower() or "slot"
    order = list(dict.fromkeys(group))
    slot_names = {root: f"{stem}_{number}" for number, root in enumerate(order, 1)}
    fillers = {root: Counter[str]() for root in order}
    for root, one in zip(group, kept, strict=True):
        fillers[root].update(one.fillers)
    lookup = _lookup({slot_names[root]: counts for root, counts in fillers.items()})
    templates: dict[str, Template] = {}
    for root, one in zip(group, kept, strict=True):
        text = _text(one.frame, slot_names[root], lookup)
        name = f"{stem}-{len(templates) + 1}"
        if text not in templates:
            # A template that stands for many texts is used more often, but not as much more: its texts are alike.
            stood = sum(one.fillers.values())
            weight = round(stood**0.5, 3)
            templates[text] = Template(name, text, parse(text, where=name), names, weight, one.parents, stood)
    used = {slot.name for one in templates.values() for slot in slots_of(one.pattern)}
    slots = {
        slot_names[root]: Listed(tuple((Words(said),) for said in sorted(counts)), (1.0,) * len(counts))
        for root, counts in fillers.items()
        if slot_names[root] in used
    }
    return list(templates.values()), slots


def _frames(samples: Sequence[Sample], support: int) -> list[_Found]:
    """Frames with enough fillers, those that stand for most texts first; of two that stand for the same texts one."""
    read = [(sample.id, _TOKEN.findall(sample.text or "")) for sample in samples]
    often = Counter(key for _, words in read for _, _, key in _gaps(words))
    seen: dict[Frame, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for id, words in read:
        for at, size, key in _gaps(words):
            if often[key] >= support and _plain(filler := words[at : at + size]):
                seen[tuple(words[:at]), tuple(words[at + size :])][" ".join(filler)].append(id)
    kept: list[_Found] = []
    for frame, fillers in seen.items():
        parents = tuple(dict.fromkeys(id for ids in fillers.values() for id in ids))
        if len(fillers) >= support and len(parents) >= support and not _joined(fillers):
            counts = {said: len(ids) for said, ids in fillers.items()}
            kept.append(_Found(frame, counts, tuple(sorted(parents)[:_MOST_PARENTS])))
    kept.sort(key=lambda one: (-sum(one.fillers.values()), -sum(map(len, one.frame)), one.frame))
    told: dict[tuple[str, ...], _Found] = {}
    for one in kept:
        told.setdefault(one.parents, one)
    return list(told.values())


def _gaps(words: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Place, size and what stands around it, of each gap that leaves enough."""
    last = len(words) - bool(words and not words[-1][0].isalnum())  # the sign at the end stays at the end
    for size in range(1, min(_LONGEST_AT_END, last - _LEAST_LEFT) + 1):
        for at in range(last - size + 1) if size <= _LONGEST else (0, last - size):
            yield at, size, "\0".join((*words[:at], "", *words[at + size :]))


def _plain(filler: Sequence[str]) -> bool:
    """Whether words may be left out: no sign among them, and none that turns the sentence round."""
    return all(word[0].isalnum() and word.lower().replace("’", "'") not in _TURNING for word in filler)


def _joined(fillers: Mapping[str, list[str]]) -> bool:
    """Whether most fillers begin or end with one word: the gap is a word too wide, and a smaller one was seen too."""
    words = [said.split() for said in fillers]
    if all(len(one) == 1 for one in words):
        return False
    first, last = Counter(one[0] for one in words), Counter(one[-1] for one in words)
    return max(first.most_common(1)[0][1], last.most_common(1)[0][1]) > len(words) / 2


def _shared_slots(kept: Sequence[_Found]) -> list[int]:
    """For each frame the first one with the same slot: those that have a telling filler in common, or two of any kind, and
    chains of them."""
    above = list(range(len(kept)))

    def root(at: int) -> int:
        while above[at] != at:
            at = above[at]
        return at

    first: dict[object, int] = {}
    for at, one in enumerate(kept):
        said = sorted(one.fillers)
        pairs = [(one, two) for i, one in enumerate(said) for two in said[i + 1 :]]
        for key in (*pairs, *(word for word in said if _telling(word))):
            a, b = root(at), root(first.setdefault(key, at))
            above[max(a, b)] = min(a, b)
    return [root(at) for at in range(len(kept))]


def _telling(filler: str) -> bool:
    """Whether a filler says what kind its slot is: a long word, a name, a number, or several words."""
    return len(filler) >= _LONG or filler[0].isdigit() or filler[0].isupper()


def _lookup(slots: Mapping[str, Counter[str]]) -> dict[tuple[str, ...], str]:
    """Words of a filler -> the slot it is a filler of most often. Only what was seen in a gap twice: chance is no kind."""
    best: dict[tuple[str, ...], tuple[int, str]] = {}
    for name, counts in slots.items():
        for said, count in counts.items():
            key = tuple(said.split())
            if count >= _SHARED and len(key[0]) > 3 and (count, name) > best.get(key, (0, "")):
                best[key] = (count, name)
    return {key: name for key, (_, name) in best.items()}


def _text(frame: Frame, slot: str, lookup: Mapping[tuple[str, ...], str]) -> str:
    """The frame as a template, with the fillers that stand elsewhere in it as further slots."""
    used = Counter({slot: 1})
    parts = [_side(frame[0], lookup, used), "{" + slot + "}", _side(frame[1], lookup, used)]
    return " ".join(part for part in parts if part)


def _side(words: Sequence[str], lookup: Mapping[tuple[str, ...], str], used: Counter[str]) -> str:
    out: list[str] = []
    at = 0
    while at < len(words):
        for size in range(_LONGEST, 0, -1):
            name = lookup.get(tuple(words[at : at + size])) if at + size <= len(words) else None
            if name:
                used[name] += 1
                out.append(f"{{{name}:{used[name]}}}" if used[name] > 1 else f"{{{name}}}")
                at += size
                break
        else:
            out.append(escaped(words[at]))
            at += 1
    return " ".join(out)
