"""Loops over bytes that numba compiles: for whoever asks for speed below what whole arrays at a time give.

Modules of this package load numba, a fifth of a second of it; so they are imported where they are used. Kernels work on
flat rows of uint8 and know nothing of operations; what they are called with has its shape and range checked before.

numba keeps a compiled kernel until the file that it stands in changes, and does not look at what that file imports. Who
changes `lanes`, `bicubic`, `bands` or `narrow` throws the `__pycache__` of this folder away.
"""

from __future__ import annotations

import importlib

from tilth.errors import StepError

# Here and not where kernels are compiled, as every module of this package comes past here before it imports numba.
try:
    importlib.import_module("numba")
except (ImportError, OSError) as fault:  # a wheel for another processor, a numba that does not know this numpy
    raise StepError(
        f"image operations are compiled by numba, and it does not load here ({fault}).\n"
        "  Install it again:  python -m pip install --force-reinstall numba"
    ) from fault
