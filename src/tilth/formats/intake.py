"""From a list of files and what the source says of them to samples: the door through which all content comes in.

Every file is read once: its bytes give the digest, and decoding them shows that they are a picture. What does not
decode is set aside with the reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset, Modality, Schema
from tilth.digest import digest_bytes
from tilth.errors import ContentError, SourceError
from tilth.formats.labels import Told, label_of
from tilth.formats.listing import PICTURES, summary
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.steps import Aside, Reading

MOST_BYTES = 512 * 2**20
"""A larger file is no picture that could be decoded (see `picture.MOST_PIXELS`), and is not read into memory."""

_THREADS = min(4, os.cpu_count() or 1)  # decoders let go of the lock; more threads than this wait for the disk
_CHUNK = 64  # files a thread takes at a time: 1 % of the time goes into handing over


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a text, and what the source says of it.

    path  relative to the root, with `/`
    file  where it lies, or the text itself
    """

    path: str
    file: Path | str
    told: Told
    split: str


def samples_of(
    entries: Sequence[Entry], schema: Schema, advance: Callable[[int], None]
) -> tuple[list[Sample], list[Aside]]:
    """The entries as samples; those that are unreadable or have an impossible label are set aside.

    A path that comes again gets `./` before it: the same file, another sample.
    """
    samples: list[Sample] = []
    aside: list[Aside] = []
    index = {name: number for number, name in enumerate(schema.classes)}
    seen: set[tuple[str, str]] = set()
    for entry, (content, why) in zip(entries, _contents(entries, schema.modality, advance), strict=True):
        try:
            if why:
                raise ContentError(why)
            label = label_of(entry.told, index, schema.task)
        except ContentError as fault:
            aside.append(Aside(entry.path, str(fault)))
            continue
        path = entry.path
        while (content, path) in seen:
            path = "./" + path
        seen.add((content, path))
        text = entry.file if isinstance(entry.file, str) else None
        home = "source" if text is None else "text"
        samples.append(Sample(raw_id(content, path), content, path, label, entry.split, home=home, text=text))
    return samples, aside


def reading(
    where: Path,
    entries: Sequence[Entry],
    schema: Schema,
    advance: Callable[[int], None],
    *,
    aside: Iterable[Aside],
    layout: str,
    format: str,
    facts: Mapping[str, Any],
) -> Reading:
    """The entries as a Reading; its fact `root` is the folder that the paths are relative to.

    Raises SourceError where no sample is left, with what was found instead."""
    samples, more = samples_of(entries, schema, advance)
    asides = sorted([*aside, *more], key=lambda item: (item.path, item.why))
    if not samples:
        raise SourceError(
            f"no sample could be read from {where}: {layout}. Found {summary(where)}; {len(asides)} were set aside"
            + (f", the first being {asides[0].path} ({asides[0].why})." if asides else ".")
            + " Hand in a folder of class folders, an imgs/ with data-labels.json, a table, or an archive of these."
        )
    suffixes = {Path(sample.path).suffix.lower() for sample in samples}
    suffix = suffixes.pop() if schema.modality == "image" and len(suffixes) == 1 else ""
    return Reading(Dataset.from_samples(samples, schema), tuple(asides), layout, format, {"suffix": suffix, **facts})


def text_of(content: bytes) -> str:
    """A text from its bytes. Raises ContentError where it is not UTF-8 or empty."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ContentError(f"not UTF-8 text (byte {fault.start})") from fault
    return checked(text)


def checked(text: str) -> str:
    """The text. Raises ContentError where it is empty or holds what was not UTF-8 in its file."""
    if not text.strip():
        raise ContentError("the text is empty")
    try:
        text.encode()
    except UnicodeEncodeError as fault:  # bytes smuggled through as lone surrogates
        raise ContentError("not UTF-8 text") from fault
    return text


def bytes_of(file: Path) -> bytes:
    """The bytes of a file. Raises ContentError, with the reason, where it is none, or too large, or may not be read."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ContentError("not a file")
        if status.st_size > MOST_BYTES:
            raise ContentError(f"{status.st_size:,} bytes are too many for one picture or text")
        return file.read_bytes()
    except FileNotFoundError as fault:
        raise ContentError("there is no such file") from fault
    except OSError as fault:
        raise ContentError(f"cannot be read: {fault.strerror}") from fault


def _contents(
    entries: Sequence[Entry], modality: Modality, advance: Callable[[int], None]
) -> Iterator[tuple[str, str]]:
    """(digest, "") or ("", reason) for each entry, in order, read ahead in threads."""
    if modality == "text":
        for entry in entries:
            yield _text_digest(str(entry.file))
            advance(1)
        return
    chunks = [entries[start : start + _CHUNK] for start in range(0, len(entries), _CHUNK)]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="tilth-read") as pool:
        try:
            for found in pool.map(_picture_digests, chunks):
                yield from found
                advance(len(found))
        finally:  # an interrupt does not wait for files that no one will ask for
            pool.shutdown(wait=True, cancel_futures=True)


def _text_digest(text: str) -> tuple[str, str]:
    try:
        return digest_bytes(checked(text).encode()), ""
    except ContentError as fault:
        return "", str(fault)


def _picture_digests(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    return [_picture_digest(Path(entry.file)) for entry in entries]


def _picture_digest(file: Path) -> tuple[str, str]:
    try:
        content = bytes_of(file)
        picture.check(content)
        return digest_bytes(content), ""
    except ContentError as fault:
        meant = file.suffix.lower() in PICTURES or "no known image format" not in str(fault)
        return "", str(fault) if meant else "not an image"
