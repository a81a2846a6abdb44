"""Under which names samples are written, so that no two take one name and no name leads out of the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.formats.listing import noise
from tilth.numerics import picture
from tilth.sample import Sample

_LONGEST = 200  # bytes; file systems stop at 255, and a suffix must still fit


def safe(name: str) -> str:
    """A class, split or file name as one part of a path: no slash, not hidden, not too long."""
    name = "".join("-" if char in "/\\\0" or not char.isprintable() else char for char in name).strip()
    if not name or noise(name):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST:
        name = name.encode()[:_LONGEST].decode(errors="ignore") + "-" + digest(name)[:6]
    return name


def unique(names: Iterable[str]) -> list[str]:
    """The names made safe, in order; one that comes again gets `-2`, `-3`..."""
    taken: set[str] = set()
    return [_free(safe(name), (f"-{number}" for number in range(2, 1_000_000)), taken) for name in names]


def place(data: Dataset, folder_of: Callable[[Sample], str], suffix: str) -> dict[str, str]:
    """{sample id: relative path} for writing as files.

    Originals come first, so they keep their names; those that moved to another folder next, made ones last. Where a
    name is taken, the first digits of the id are added.

    suffix  ending of all files of the source, which made pictures take on; empty where they differ
    """
    taken: set[str] = set()
    planned: dict[str, str] = {}
    samples = {sample.id: (sample, folder_of(sample)) for sample in data}
    order = sorted((bool(s.maker), not _stays(s, home), s.path, s.id) for s, home in samples.values())
    for *_, id in order:
        sample, home = samples[id]
        name = PurePosixPath(home) / file_name(sample, suffix)
        tails = (f"-{id[:digits]}{name.suffix}" for digits in (6, 16))
        planned[id] = _free(str(name), tails, taken, stem=str(name.with_suffix("")))
    return planned


def file_name(sample: Sample, suffix: str) -> str:
    """The last part of a sample's path, with the ending that its content will have."""
    name = safe(PurePosixPath(sample.path).name.replace(":", "-")) if sample.home == "text" else tail(sample)
    if sample.text is not None:
        return name if name.endswith(".txt") else f"{name}.txt"
    if not sample.maker:
        return name
    wanted = suffix if suffix.lower() in (".jpg", ".jpeg", ".png") else PurePosixPath(name).suffix
    return PurePosixPath(name).stem + (wanted if wanted.lower() in (".jpg", ".jpeg", ".png") else ".png")


def tail(sample: Sample) -> str:
    """The file name of a sample."""
    return safe(PurePosixPath(sample.path).name)


def fitted(content: bytes, sample: Sample, name: str) -> bytes:
    """The content as it goes into a file of this name: originals untouched, made pictures encoded as it ends."""
    if not sample.maker or sample.text is not None or kind_of(content) == kind_by(name):
        return content
    return picture.encode(picture.decode(content), suffix=PurePosixPath(name).suffix)


def kind_of(content: bytes) -> str:
    """`jpeg`, `png` or nothing, by the first bytes."""
    return "jpeg" if content.startswith(b"\xff\xd8\xff") else "png" if content.startswith(b"\x89PNG\r\n\x1a\n") else ""


def kind_by(name: str) -> str:
    """`jpeg`, `png` or nothing, by the ending."""
    return _KINDS.get(PurePosixPath(name).suffix.lower(), "")


_KINDS: Mapping[str, str] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}


def _stays(sample: Sample, folder: str) -> bool:
    return str(PurePosixPath(sample.path).parent) == str(PurePosixPath(folder))


def _free(name: str, tails: Iterable[str], taken: set[str], *, stem: str | None = None) -> str:
    tails = iter(tails)
    free = name
    while free in taken:
        free = (name if stem is None else stem) + next(tails)
    taken.add(free)
    return free
