"""Contents of made samples, addressed by their digest."""

from __future__ import annotations

from pathlib import Path

from tilth.digest import digest_bytes
from tilth.errors import WorkspaceError
from tilth.store.tables import written_whole


class Blobs:
    """A folder of contents, `ab/abcdef...`. Keeping the same content twice is keeping it once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, content: bytes) -> str:
        """Store it; gives its digest."""
        key = digest_bytes(content)
        path = self._path(key)
        if not path.exists():
            with written_whole(path) as draft:
                draft.write_bytes(content)
        return key

    def __getitem__(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise WorkspaceError(f"the blob {key} is gone from {self.root}. Was the workspace copied whole?") from None

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def _path(self, key: str) -> Path:
        return self.root / key[:2] / key
