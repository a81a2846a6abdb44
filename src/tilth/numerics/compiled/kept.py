"""Where compiled kernels are kept for the next process: a fault there costs time, never the work."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile


@functools.cache
def sources(*folders: Path) -> str:
    """Another word for every state of the modules in these folders."""
    digest = hashlib.sha256()
    # A dot begins an editor's lock, a link to nowhere.
    for file in (file for folder in folders for file in sorted(folder.glob("[!.]*.py"))):
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


class Kept(FunctionCache):
    """numba's own files, named after all that a kernel is made of, and with their faults taken for nothing kept.

    numba looks at the file of the kernel alone, and would go on with one whose `lanes` have changed since. The digest
    stands in the names and not only in the index, so that processes on both sides of a change never read one file.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        state = sources(Path(__file__).parent, Path(inspect.getfile(function)).parent)
        self._base = f"{self._impl.filename_base}.{state}"
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = IndexDataCacheFile(self.cache_path, self._base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a file cut short raises whatever its bytes look like: EOFError, UnpicklingError, others
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):  # a full disk, a folder locked since: the kernel is compiled, and runs
            super().save_overload(sig, data)
            older = Path(self.cache_path).glob(f"{self._impl.filename_base}.*nb[ic]")
            _removed(file for file in older if not file.name.startswith(self._base))

    def _forget(self) -> None:
        """Takes away what is kept of this kernel, or the damage would stay: numba reads an index before it writes."""
        # The index last: as long as it is there and its data is not, other processes compile, which is right.
        for kind in ("*.nbc", "nbi"):
            _removed(Path(self.cache_path).glob(f"{self._base}.{kind}"))


def _removed(files: Iterable[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink()
