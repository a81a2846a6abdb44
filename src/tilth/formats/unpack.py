"""Unpacking a zip or tar so that nothing leads out of the folder and no bomb fills the disk."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tilth.errors import ContentError, SourceError
from tilth.formats.listing import noise, shown
from tilth.steps import Aside

MOST_BYTES = 50 * 2**30
"""Unpacked size above which an archive is refused: more than a hundred times what a set of pictures is."""
MOST_FILES = 5_000_000
MOST_RATIO = 200
"""Unpacked over packed size; texts reach 20, and a bomb 1000."""
SMALL = 64 * 2**20
"""Bytes that may be unpacked at any ratio: a csv of one repeated row is no bomb."""

_BLOCK = 2**20


@dataclass(frozen=True)
class _Member:
    """One entry of an archive.

    link  where a link points to, told from the root of the archive, else empty
    odd   why it is nothing to unpack, else empty
    """

    name: str
    is_folder: bool = False
    link: str = ""
    odd: str = ""
    open: Callable[[], IO[bytes]] | None = None


def is_archive(file: Path) -> bool:
    """Whether a file is a zip or tar by its ending and its first bytes."""
    try:
        if file.name.lower().endswith(".zip"):
            return zipfile.is_zipfile(file)
        return file.name.lower().endswith(TARS) and tarfile.is_tarfile(file)
    except OSError:
        return False


TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def count_members(file: Path) -> int:
    """How many entries an archive has, or 0 where only unpacking would tell."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return len(archive.infolist())
        if not file.name.lower().endswith(".tar"):
            return 0
        with tarfile.open(file) as archive:
            return sum(1 for _ in archive)
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return 0


def unpack(file: Path, to: Path, advance: Callable[[int], None]) -> list[Aside]:
    """Put the files of an archive into the folder `to`, which is made; returns what was set aside.

    Set aside: names that are absolute or lead out, links that do, links to what is not a file of the archive, devices,
    encrypted and damaged members, a second file of one name. Raises SourceError for a bomb, a damaged or truncated
    archive, and a full or read-only disk.
    """
    aside: list[Aside] = []
    links: list[tuple[str, str]] = []
    allowance = _Allowance(file)
    try:
        to.mkdir(parents=True)
        for member in _members(file):
            advance(1)
            try:
                _one(member, to, links, allowance)
            except ContentError as fault:
                aside.append(Aside(shown(member.name), str(fault)))
        for name, target in links:
            try:
                _link(name, target, to)
            except ContentError as fault:
                aside.append(Aside(shown(name), str(fault)))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as fault:
        raise SourceError(f"{file} is damaged or cut off ({fault}); fetch or pack it again") from fault
    except OSError as fault:
        raise SourceError(f"{file} cannot be unpacked to {to}: {fault.strerror or fault}") from fault
    return aside


class _Allowance:
    """How much may still be unpacked."""

    def __init__(self, file: Path) -> None:
        self._file, self._packed = file, max(file.stat().st_size, 1)
        self._bytes = self._files = 0

    def spend(self, count: int) -> None:
        self._bytes += count
        if self._bytes > MOST_BYTES or (self._bytes > SMALL and self._bytes / self._packed > MOST_RATIO):
            raise SourceError(
                f"{self._file} is refused as a bomb: its {self._packed:,} bytes unpack to more than {self._bytes:,}. "
                "If it is sound, unpack it yourself and hand in the folder."
            )

    def file(self) -> None:
        self._files += 1
        if self._files > MOST_FILES:
            raise SourceError(f"{self._file} is refused: it holds more than {MOST_FILES:,} files")


def _one(member: _Member, to: Path, links: list[tuple[str, str]], allowance: _Allowance) -> None:
    name = _checked(member.name)
    if name is None:
        return
    if member.odd:
        raise ContentError(member.odd)
    if member.link:
        links.append((member.name, member.link))
        return
    target = to / name
    try:
        if member.is_folder:
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as sink:
            _copy(member, sink, allowance)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as fault:
        raise ContentError("another member of the archive has this name") from fault
    except OSError as fault:
        if fault.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise ContentError(f"its name cannot be written: {fault.strerror}") from fault
        raise


def _copy(member: _Member, sink: IO[bytes], allowance: _Allowance) -> None:
    allowance.file()
    assert member.open is not None
    try:
        with member.open() as stream:
            while block := stream.read(_BLOCK):
                allowance.spend(len(block))
                sink.write(block)
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as fault:
        Path(sink.name).unlink()
        reason = (
            "it is encrypted" if "ncrypted" in str(fault) else f"it is damaged or packed in an unknown way ({fault})"
        )
        raise ContentError(reason) from fault


def _checked(name: str) -> str | None:
    """The name with `/`; None for what systems leave behind. Raises ContentError for one that leads out."""
    name = name if "/" in name else name.replace("\\", "/")  # old Windows programs pack so
    path = PurePosixPath(name)
    if shown(name) != name or "\0" in name:
        raise ContentError("its name is not UTF-8")
    if path.is_absolute() or (len(name) > 1 and name[1] == ":"):
        raise ContentError("its path is absolute")
    if ".." in path.parts:
        raise ContentError("its path leads out of the archive")
    return None if not path.parts or any(noise(part) for part in path.parts) else str(path)


def _link(name: str, target: str, to: Path) -> None:
    """A link within the archive becomes a copy: no link is ever made on disk."""
    inside = Path(os.path.normpath(to / target))
    if PurePosixPath(target).is_absolute() or not inside.is_relative_to(to):
        raise ContentError("a link out of the archive")
    if not inside.is_file():
        raise ContentError("a link to what is no file of the archive")
    file = to / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        raise ContentError("another member of the archive has this name")
    try:
        file.hardlink_to(inside)
    except OSError:
        shutil.copyfile(inside, file)


# -- members ------------------------------------------------------------------------------------------------


def _members(file: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(file) and not file.name.lower().endswith(TARS):
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                yield _zipped(archive, info)
        return
    with tarfile.open(file) as archive:
        for info in archive:
            yield _tarred(archive, info)
        # tarfile takes a cut or damaged header for the end; the true end is a block of zeros.
        assert archive.fileobj is not None
        archive.fileobj.seek(archive.offset)
        end = archive.fileobj.read(tarfile.BLOCKSIZE)
        if len(end) < tarfile.BLOCKSIZE or end.strip(b"\0"):
            raise tarfile.ReadError("it does not end as a tar does")


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        if info.file_size > 4096:
            return _Member(info.filename, odd="a link with an impossible target")
        target = archive.read(info).decode(errors="replace")
        return _Member(info.filename, link=_from(info.filename, target))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return _Member(info.filename, odd="a device or a pipe")
    return _Member(info.filename, info.is_dir(), open=lambda: archive.open(info))


def _tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if info.issym():
        return _Member(info.name, link=_from(info.name, info.linkname))
    if info.islnk():
        return _Member(info.name, link=info.linkname)  # a hard link is told from the root of the archive
    if not info.isfile() and not info.isdir():
        return _Member(info.name, odd="a device or a pipe")

    def opened() -> Any:
        return archive.extractfile(info)

    return _Member(info.name, info.isdir(), open=opened)


def _from(name: str, target: str) -> str:
    """A symbolic link's target, told from the root of the archive."""
    return target if target.startswith("/") else os.path.normpath(PurePosixPath(name).parent / target)
