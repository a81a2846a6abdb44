"""What the tests of formats share: small pictures, reading, and comparing what was read."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tilth.dataset import Dataset, label_text
from tilth.steps import Format, Reading


def picture_bytes(number: int = 0, suffix: str = ".png", side_px: int = 8, mode: str = "RGB", **settings: Any) -> bytes:
    rng = np.random.default_rng(number)
    image = Image.fromarray(rng.integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)).convert(mode)
    sink = io.BytesIO()
    image.save(sink, {".png": "PNG", ".jpg": "JPEG"}[suffix], **settings)
    return sink.getvalue()


class Kit:
    """Helpers, handed out by one fixture."""

    picture = staticmethod(picture_bytes)

    @staticmethod
    def lay(root: Path, files: dict[str, bytes | str | int]) -> Path:
        """Write files: bytes and texts as they are, a number as the picture of this number."""
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, int):
                file.write_bytes(picture_bytes(content, ".jpg" if path.endswith(".jpg") else ".png"))
            else:
                file.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    @staticmethod
    def read(format: Format, where: Path, **options: Any) -> Reading:
        return format.read(where, options, lambda _: None)

    @staticmethod
    def contents(reading: Reading, made: dict[str, bytes] | None = None) -> Callable[[Dataset], Iterator[bytes]]:
        """What the runner hands to `write`: raw files from the root, made ones from the store."""
        root = Path(reading.facts["root"])

        def of(data: Dataset) -> Iterator[bytes]:
            for sample in data:
                if made and sample.id in made:
                    yield made[sample.id]
                elif sample.text is not None:
                    yield sample.text.encode()
                else:
                    yield (root / sample.path).read_bytes()

        return of

    @staticmethod
    def bag(data: Dataset) -> Counter[tuple[str, str, str]]:
        """The multiset of (content, label, split)."""
        return Counter((sample.content, repr(label_text(data.schema, sample.label)), sample.split) for sample in data)

    @staticmethod
    def why(reading: Reading) -> dict[str, str]:
        return {one.path: one.why for one in reading.aside}

    @staticmethod
    def tree(root: Path) -> str:
        """Digest of all names and bytes below a folder."""
        sink = hashlib.sha256()
        for item in sorted(root.rglob("*")):
            sink.update(str(item.relative_to(root)).encode(errors="surrogateescape"))
            if item.is_file() and not item.is_symlink():
                sink.update(item.read_bytes())
        return sink.hexdigest()

    @staticmethod
    def names(root: Path) -> list[str]:
        return sorted(item.relative_to(root).as_posix() for item in root.rglob("*") if item.is_file())


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()
