"""Where compiled kernels are kept for the next process: a fault there costs time, never the work."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache


class Kept(FunctionCache):
    """numba's own files, with their faults taken for a kernel that is not kept."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a file cut short raises whatever its bytes look like: EOFError, UnpicklingError, others
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):  # a full disk, a folder locked since: the kernel is compiled, and runs
            super().save_overload(sig, data)

    def _forget(self) -> None:
        """Takes away what is kept of this kernel, or the damage would stay: numba reads the index before it writes it."""
        name = self._impl.filename_base
        # The index last: as long as it is there and its data is not, other processes compile, which is right.
        for pattern in (f"{name}.*.nbc", f"{name}.nbi"):
            for file in Path(self.cache_path).glob(pattern):
                with contextlib.suppress(OSError):
                    file.unlink()
