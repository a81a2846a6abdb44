"""Loops over bytes that numba compiles: for whoever asks for speed below what whole arrays at a time give.

Modules of this package load numba and are imported where they are used, as `numerics.compiled` says. Kernels work on flat
rows of uint8 and know nothing of operations; what they are called with has its shape and range checked before.
"""

from __future__ import annotations

import tilth.numerics.compiled  # noqa: F401  before any module here imports numba: it says what to do where that does not load
