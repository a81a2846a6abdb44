"""XML as a tree that knows the line of each element, for messages that say where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from tilth.errors import SourceError
from tilth.synthesize.pens.written import text_of


@dataclass
class Element:
    """An element; names are without their namespace.

    text  what stands between its tags, that of its children left out
    """

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list["Element"])

    def below(self, name: str) -> Iterator[Element]:
        """All elements of this name within, itself too, in the order of the file."""
        if self.name == name:
            yield self
        for child in self.children:
            yield from child.below(name)

    def own(self, name: str) -> list[Element]:
        """Its children of this name."""
        return [child for child in self.children if child.name == name]


def read_xml(file: Path) -> Element:
    """The root. Raises SourceError for what is no XML, and for entities: a few lines of them fill any memory."""
    root = Element("", {}, 0)
    stack = [root]
    parser = expat.ParserCreate("utf-8")

    def opened(name: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        stack.append(Element(name.rpartition(":")[2], plain, parser.CurrentLineNumber))
        stack[-2].children.append(stack[-1])

    def entity(*_: object) -> None:
        raise SourceError(f"{file}:{parser.CurrentLineNumber}: XML that declares entities is not read")

    def said(words: str) -> None:
        stack[-1].text += words

    parser.StartElementHandler = opened
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = said
    parser.EntityDeclHandler = entity
    parser.buffer_text = True
    try:
        # The text is unpacked and decoded before: what its first line says of an encoding no longer holds.
        parser.Parse(text_of(file).encode(), True)
    except expat.ExpatError as error:
        raise SourceError(f"{file}:{error.lineno}: not well-formed XML ({expat.ErrorString(error.code)})") from None
    return root.children[0]
