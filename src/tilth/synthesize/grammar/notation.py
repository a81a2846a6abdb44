"""The notation of a template: text with slots, alternatives, optional parts and words that agree.

find me {a cuisine} place within {n} {n|mile|miles} of {place}[ (tonight|tomorrow*2)]

{slot}               a filler of the slot; one filler a text, wherever the slot stands
{a slot}             the filler with `a` or `an` before it, as it sounds
{slot:2}             a second filler of the same slot, never the first one
{slot|mile|miles}    a word that agrees with a number; `{slot|mile}` makes the plural itself
(one|two*3|)         one of several, the second three times as often; an empty one is nothing
[part] [part*3]      an optional part: half of the time, three times out of four
\\{ \\[ \\( \\| \\*       the sign itself
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tilth.errors import SourceError


@dataclass(frozen=True)
class Words:
    """Text as it stands."""

    text: str


@dataclass(frozen=True)
class Slot:
    """A filler. `key` tells the fillers of one slot apart; article: `a`, `A` or nothing."""

    name: str
    key: str = "1"
    article: str = ""


@dataclass(frozen=True)
class Agreeing:
    """A word for one, or for several, as the number in a slot asks."""

    slot: Slot
    one: str
    many: str


@dataclass(frozen=True)
class Choice:
    """One of several sequences, by weight."""

    options: tuple[Pattern, ...]
    weights: tuple[float, ...]


Node: TypeAlias = Words | Slot | Agreeing | Choice
Pattern: TypeAlias = tuple[Node, ...]

_SIGNS = r"{}()[]|*\\"
_NAME = re.compile(r"(?:([aA]n?)\s+)?([\w-]+)(?::(\w+))?$")
_WEIGHT = re.compile(r"\*(\d+(?:\.\d+)?)(?=[|)\]])")
_CLOSING = {"(": ")", "[": "]"}


def parse(text: str, *, where: str) -> Pattern:
    """The pattern of a template.

    Raises SourceError, naming `where` and the place in the text, for a bracket without its other half and the like.
    """
    reader = _Reader(text, where)
    pattern = reader.sequence("")
    if reader.at < len(text):
        raise reader.fault(f"{text[reader.at]!r} closes nothing; write \\{text[reader.at]} for the sign itself")
    return pattern


def slots_of(pattern: Pattern) -> Iterator[Slot]:
    """Every slot that is named in a pattern."""
    for node in pattern:
        if isinstance(node, Slot):
            yield node
        elif isinstance(node, Agreeing):
            yield node.slot
        elif isinstance(node, Choice):
            for option in node.options:
                yield from slots_of(option)


def escaped(text: str) -> str:
    """Text as a template that says just that."""
    return re.sub(r"([{}()\[\]|*\\])", r"\\\1", text)


def plural(word: str) -> str:
    """The English plural of a regular noun."""
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


class _Reader:
    """A place in a text; a template is read from left to right, once."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where, self.at = text, where, 0

    def fault(self, why: str) -> SourceError:
        return SourceError(f"{self.where}: {why}\n  {self.text}\n  {' ' * self.at}^")

    def sequence(self, until: str) -> Pattern:
        """Nodes up to one of these signs, which is left standing."""
        nodes: list[Node] = []
        said: list[str] = []
        while self.at < len(self.text) and (sign := self.text[self.at]) not in until:
            if sign == "\\" and self.text[self.at + 1 : self.at + 2] in _SIGNS:
                said.append(self.text[self.at + 1 : self.at + 2])
                self.at += 2
            elif sign in "{([":
                nodes += [Words("".join(said))] if said else []
                said = []
                nodes.append(self._slot() if sign == "{" else self._choice(sign))
            elif sign in "})]":
                break
            elif until and sign == "*" and _WEIGHT.match(self.text, self.at):
                break
            else:
                said.append(sign)
                self.at += 1
        return (*nodes, *([Words("".join(said))] if said else []))

    def _choice(self, sign: str) -> Choice:
        opened, closing = self.at, _CLOSING[sign]
        options: list[Pattern] = []
        weights: list[float] = []
        while self.text[self.at : self.at + 1] != closing or self.at == opened:
            self.at += 1
            options.append(self.sequence("|" + closing))
            weights.append(self._weight())
            if self.text[self.at : self.at + 1] not in ("|", closing):
                self.at = opened
                raise self.fault(f"{sign!r} is not closed by {closing!r}")
        self.at += 1
        if sign == "[":
            options, weights = [*options, ()], [*weights, 1.0]
        if not sum(weights):
            self.at = opened
            raise self.fault("every alternative has weight 0")
        return Choice(tuple(options), tuple(weights))

    def _weight(self) -> float:
        found = _WEIGHT.match(self.text, self.at)
        if not found:
            return 1.0
        self.at = found.end()
        return float(found.group(1))

    def _slot(self) -> Slot | Agreeing:
        end = self.text.find("}", self.at)
        if end < 0:
            raise self.fault("'{' is not closed by '}'")
        name, *forms = self.text[self.at + 1 : end].split("|")
        found = _NAME.match(name.strip())
        if not found or len(forms) > 2 or (forms and found.group(1)):
            raise self.fault("write {slot}, {a slot}, {slot:2} or {slot|one|many}")
        self.at = end + 1
        article = found.group(1) or ""
        slot = Slot(found.group(2), found.group(3) or "1", article[:1])
        return Agreeing(slot, forms[0], forms[-1] if len(forms) > 1 else plural(forms[0])) if forms else slot
