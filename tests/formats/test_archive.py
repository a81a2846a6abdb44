"""Archives are unpacked without leading out, and read as what they hold."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tilth.errors import SourceError
from tilth.formats import unpack as unpacking
from tilth.formats.archive import Archive
from tilth.formats.detect import detect
from tilth.formats.folder import Folder
from tilth.testing.contract import check_declarations


def zipped(where: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return where


def tarred(where: Path, members: dict[str, bytes | tuple[bytes, str]]) -> Path:
    """Files, and (type, target) for links and devices."""
    with tarfile.open(where, "w:gz" if where.name.endswith("gz") else "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type, info.linkname = content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return where


@pytest.fixture
def pictures(kit) -> dict[str, bytes]:
    return {f"{split}/{name}/1.png": kit.picture(n) for n, split in enumerate(("train", "val")) for name in "ab"}


def test_keeps_the_contract() -> None:
    check_declarations(Archive())


@pytest.mark.parametrize(
    "pack", [("d.zip", zipped), ("d.tar", tarred), ("d.tar.gz", tarred), ("d.tgz", tarred)], ids=lambda p: p[0]
)
@pytest.mark.parametrize("above", ["", "set/", "set/inner/"])
def test_reads_what_is_inside_as_if_it_were_unpacked(tmp_path: Path, kit, pictures, pack, above: str) -> None:
    name, packed = pack
    file = packed(tmp_path / name, {above + path: content for path, content in pictures.items()})
    assert detect(file)[0] == "archive"
    reading = kit.read(Archive(), file, unpack_to=tmp_path / "unpacked")
    plain = kit.read(Folder(), kit.lay(tmp_path / "plain", pictures))
    assert reading.data.version == plain.data.version and reading.format == "folder"
    assert all((Path(reading.facts["root"]) / s.path).is_file() for s in reading.data)


def test_of_every_other_layout(tmp_path: Path, kit) -> None:
    table = zipped(tmp_path / "t.zip", {"t/d.csv": b"path,label\n1.png,a\n", "t/1.png": kit.picture(1)})
    assert kit.read(Archive(), table, unpack_to=tmp_path / "t").format == "table"
    hot = zipped(tmp_path / "h.zip", {"h/imgs/img_a.png": kit.picture(1), "h/data-labels.json": b'{"img_a": [1, 0]}'})
    assert kit.read(Archive(), hot, unpack_to=tmp_path / "h").format == "onehot"
    with pytest.raises(SourceError, match=r"no known layout in .*It holds: 1 .md"):
        kit.read(Archive(), zipped(tmp_path / "n.zip", {"README.md": b"x"}), unpack_to=tmp_path / "n")


def test_nothing_leads_out_of_a_zip(tmp_path: Path, kit, pictures) -> None:
    file = tmp_path / "in/d.zip"
    file.parent.mkdir()
    bad = {
        "../../slip.png": b"x",
        "/tmp/abs.png": b"x",
        "C:\\abs.png": b"x",
        "..\\slip.png": b"x",
        "train/a/../../../up.png": b"x",
    }
    zipped(file, pictures | bad)
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("train/a/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../../../../secret.png")
    reading = kit.read(Archive(), file, unpack_to=tmp_path / "to/unpacked")
    assert len(reading.data) == 4
    assert kit.why(reading) == {
        "../../slip.png": "its path leads out of the archive",
        "/tmp/abs.png": "its path is absolute",
        "C:\\abs.png": "its path is absolute",
        "..\\slip.png": "its path leads out of the archive",
        "train/a/../../../up.png": "its path leads out of the archive",
        "train/a/link.png": "a link out of the archive",
    }
    assert [p for p in kit.names(tmp_path) if not p.startswith("to/unpacked/")] == ["in/d.zip"]


def test_nothing_leads_out_of_a_tar(tmp_path: Path, kit, pictures) -> None:
    kit.lay(tmp_path, {"secret.png": 1})
    odd: dict[str, bytes | tuple[bytes, str]] = {
        "../slip.png": b"x",
        "/abs.png": b"x",
        "train/a/out.png": (tarfile.SYMTYPE, "../../../secret.png"),
        "train/a/abs.png": (tarfile.SYMTYPE, str(tmp_path / "secret.png")),
        "train/a/hard.png": (tarfile.LNKTYPE, "../secret.png"),
        "train/a/dev": (tarfile.CHRTYPE, ""),
        "train/a/pipe": (tarfile.FIFOTYPE, ""),
        "train/a/in.png": (tarfile.SYMTYPE, "../b/1.png"),
        "train/a/dead.png": (tarfile.SYMTYPE, "nowhere.png"),
        "train/a/same.png": (tarfile.LNKTYPE, "train/b/1.png"),
    }
    reading = kit.read(Archive(), tarred(tmp_path / "d.tar", pictures | odd), unpack_to=tmp_path / "to/unpacked")
    assert {s.path for s in reading.data} == {*pictures, "train/a/in.png", "train/a/same.png"}
    assert kit.why(reading) == {
        "../slip.png": "its path leads out of the archive",
        "/abs.png": "its path is absolute",
        "train/a/out.png": "a link out of the archive",
        "train/a/abs.png": "a link out of the archive",
        "train/a/hard.png": "a link out of the archive",
        "train/a/dev": "a device or a pipe",
        "train/a/pipe": "a device or a pipe",
        "train/a/dead.png": "a link to what is no file of the archive",
    }
    assert not any(item.is_symlink() for item in (tmp_path / "to").rglob("*"))


def test_a_link_laid_before_its_file_does_not_redirect_it(tmp_path: Path, kit, pictures) -> None:
    (tmp_path / "outside").mkdir()
    odd: dict[str, bytes | tuple[bytes, str]] = {
        "train/c": (tarfile.SYMTYPE, str(tmp_path / "outside")),
        "train/c/x.png": kit.picture(1),
    }
    kit.read(Archive(), tarred(tmp_path / "d.tar", odd | pictures), unpack_to=tmp_path / "to")
    assert list((tmp_path / "outside").iterdir()) == []


def test_bombs_are_refused_and_nothing_stays(tmp_path: Path, kit, monkeypatch: pytest.MonkeyPatch) -> None:
    file = zipped(tmp_path / "d.zip", {"train/a/1.png": b"\0" * 3_000_000})
    monkeypatch.setattr(unpacking, "SMALL", 1_000_000)
    with pytest.raises(SourceError, match="refused as a bomb"):
        kit.read(Archive(), file, unpack_to=tmp_path / "to/unpacked")
    assert kit.names(tmp_path) == ["d.zip"]


@pytest.mark.parametrize("pack", [("d.zip", zipped), ("d.tar", tarred), ("d.tar.gz", tarred)], ids=lambda p: p[0])
def test_a_cut_or_rotten_archive_says_so(tmp_path: Path, kit, pictures, pack) -> None:
    name, packed = pack
    file = packed(tmp_path / name, pictures)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 3])
    if detected := Archive().sees(file):
        with pytest.raises(SourceError, match="damaged or cut off"):
            kit.read(Archive(), file, unpack_to=tmp_path / "to")
    else:
        with pytest.raises(SourceError, match="no known layout"):
            detect(file)
    assert detected or name == "d.zip"
    assert not (tmp_path / "to").exists()


def test_a_member_with_a_wrong_checksum_is_set_aside(tmp_path: Path, kit, pictures) -> None:
    file = tmp_path / "d.zip"
    with zipfile.ZipFile(file, "w") as archive:  # stored, so that its bytes can be found
        for name, content in pictures.items():
            archive.writestr(name, content)
    content, first = file.read_bytes(), pictures["train/a/1.png"]
    file.write_bytes(content.replace(first, first[:-20] + b"\0" * 20, 1))
    reading = kit.read(Archive(), file, unpack_to=tmp_path / "to")
    assert len(reading.data) == 3 and "damaged" in kit.why(reading)["train/a/1.png"]


def test_one_name_twice_keeps_the_first(tmp_path: Path, kit, pictures) -> None:
    reading = kit.read(
        Archive(), tarred(tmp_path / "d.tar", pictures | {"train/./a/1.png": kit.picture(8)}), unpack_to=tmp_path / "to"
    )
    assert len(reading.data) == 4 and kit.why(reading) == {
        "train/./a/1.png": "another member of the archive has this name"
    }


def test_unpacks_once_and_never_over_something_else(tmp_path: Path, kit, pictures) -> None:
    file = tarred(tmp_path / "d.tar", pictures | {"/abs.png": b"x"})
    first = kit.read(Archive(), file, unpack_to=tmp_path / "to")
    before = {item: item.stat().st_mtime_ns for item in (tmp_path / "to").rglob("*")}
    again = kit.read(Archive(), file, unpack_to=tmp_path / "to")
    assert again.data.version == first.data.version and again.aside == first.aside
    assert before == {item: item.stat().st_mtime_ns for item in (tmp_path / "to").rglob("*")}
    other = tarred(tmp_path / "e.tar", pictures)
    with pytest.raises(SourceError, match="something else is there"):
        kit.read(Archive(), other, unpack_to=tmp_path / "to")
    with pytest.raises(SourceError, match="say where to unpack it"):
        kit.read(Archive(), other)


def test_a_zip_is_written_as_it_was_and_twice_the_same(tmp_path: Path, kit, pictures) -> None:
    reading = kit.read(Archive(), zipped(tmp_path / "d.zip", pictures), unpack_to=tmp_path / "to")
    for name in ("one.zip", "two.zip"):
        Archive().write(reading.data, tmp_path / name, kit.contents(reading), reading.facts)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    again = kit.read(Archive(), tmp_path / "one.zip", unpack_to=tmp_path / "again")
    assert again.data.version == reading.data.version
