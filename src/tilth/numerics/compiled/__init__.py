"""Loops that numba compiles: how they are compiled and kept, and those that are on plain arrays.

Modules of this package load numba, 0.6 s of it (0.2 s to import it, 0.4 s at the first kernel); so they are imported where they
are used. What a kernel is called with has its shape and range checked before.

A compiled kernel is kept until any module of its own folder or of this one changes (`kept`): a kernel has pieces of others in
it, and whoever changes one has nothing to throw away.
"""

from __future__ import annotations

import importlib

from tilth.errors import StepError

# Here and not where kernels are compiled, as every module with a kernel comes past here before it imports numba.
try:
    importlib.import_module("numba")
except (ImportError, OSError) as fault:  # a wheel for another processor, a numba that does not know this numpy
    raise StepError(
        f"image operations and the learner of texts are compiled by numba, and it does not load here ({fault}).\n"
        "  Install it again:  python -m pip install --force-reinstall numba"
    ) from fault
