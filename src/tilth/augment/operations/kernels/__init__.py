"""Loops over bytes that numba compiles: for whoever asks for speed below what whole arrays at a time give.

Modules of this package load numba, a fifth of a second of it; so they are imported where they are used. Kernels work on
flat rows of uint8 and know nothing of operations; what they are called with has its shape and range checked before.

numba keeps a compiled kernel until the file that it stands in changes, and does not look at what that file imports. Who
changes `lanes`, `bicubic`, `bands` or `narrow` throws the `__pycache__` of this folder away.
"""
