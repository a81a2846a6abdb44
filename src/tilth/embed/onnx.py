"""Onnx: an embedding by an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tilth.digest import digest_bytes
from tilth.errors import StepError
from tilth.numerics.batches import normalised, stacked
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Onnx:
    """Describe pictures by a network in an ONNX file, run by onnxruntime.

    Its first input takes (b, c, side, side) float32; its first output, or the one named, gives (b, d) or (b, d, h, w).
    """

    path: str = ""  # the .onnx file
    output: str = ""  # name of the output to take; empty: the first
    side_px: int = 224  # of the square that it is handed, where the file leaves it open
    channels: int = 3  # 1 or 3, likewise
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # taken from values within 0..1; those of ImageNet
    std: tuple[float, ...] = (0.229, 0.224, 0.225)  # divided by; those of ImageNet
    batch: int = 64  # pictures a forward pass; bounds the memory

    version = 1
    gives = ("embedding",)
    grain = "sample"
    files = ("path",)
    modality = ("image",)
    extra = "onnx"
    source = "https://onnx.ai"
    cost = "that of the model"

    @cached_property
    def weights(self) -> str:
        """Digest of the file: the identity of what is asked, which its path is not."""
        return digest_bytes(_file(self.path).read_bytes())

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, d) float32. Raises StepError for a file that is missing or no ONNX, and an output of another shape."""
        session = _session(self.path, self.weights, run.threads, run.device)
        entry = session.get_inputs()[0]
        channels, side_px = _wanted(entry.shape, self.channels, self.side_px)
        size = entry.shape[0] if isinstance(entry.shape[0], int) and entry.shape[0] > 0 else self.batch
        parts: list[Array] = []
        for at in range(0, len(batch), size):
            pixels = normalised(stacked(batch[at : at + size], side_px, channels), self.mean, self.std)
            parts.append(self._asked(session, entry.name, pixels, size)[: len(batch[at : at + size])])
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def _asked(self, session: Any, name: str, pixels: Array, size: int) -> Array:
        b = len(pixels)
        if b < size and isinstance(session.get_inputs()[0].shape[0], int):  # a file with a fixed batch takes no less
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], size - b, axis=0)])
        try:
            found = np.asarray(session.run([self.output] if self.output else None, {name: pixels})[0], np.float32)
        except Exception as fault:  # onnxruntime has a class of its own per fault
            raise StepError(f"embed.onnx: {self.path} refused a batch of {pixels.shape} ({_first(fault)}).") from fault
        if found.ndim == 4:
            found = found.mean(axis=(2, 3))
        if found.ndim != 2 or len(found) != len(pixels):
            raise StepError(
                f"embed.onnx: {self.path} was handed {len(pixels)} pictures and gave {found.shape};"
                f" ({len(pixels)}, d) is needed. Name another output."
            )
        return found


def _wanted(shape: Sequence[Any], channels: int, side_px: int) -> tuple[int, int]:
    """Channels and side that the file fixes, else those of the settings."""
    if len(shape) != 4:
        raise StepError(f"embed.onnx needs a network that takes (b, c, h, w); this one takes {tuple(shape)}.")
    fixed_c = shape[1] if isinstance(shape[1], int) and shape[1] > 0 else channels
    fixed_s = shape[2] if isinstance(shape[2], int) and shape[2] > 0 else side_px
    return fixed_c, fixed_s


@cache  # loaded once, not once a batch; by the digest of the file, which its path is not
def _session(path: str, weights: str, threads: int, device: str) -> Any:
    del weights
    try:
        import onnxruntime
    except ImportError as fault:
        raise StepError('embed.onnx needs onnxruntime:  pip install "tilth[onnx]"') from fault
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    wanted = ("CUDAExecutionProvider",) * device.startswith("cuda") + ("CPUExecutionProvider",)
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(_file(path)), options, providers=providers)
    except Exception as fault:
        raise StepError(f"embed.onnx: {path} is not an ONNX file that can be loaded ({_first(fault)}).") from fault


def _file(path: str) -> Path:
    if not path:
        raise StepError('embed.onnx needs the file:  path = "model.onnx"')
    if not Path(path).is_file():
        raise StepError(f"embed.onnx: there is no file {path}.")
    return Path(path)


def _first(fault: Exception) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
