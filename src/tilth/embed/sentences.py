"""Sentences: an embedding of texts by a sentence model on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tilth.digest import digest, digest_bytes
from tilth.errors import StepError
from tilth.numerics.descriptor import unit
from tilth.numerics.outside import asked
from tilth.signal import Array
from tilth.steps import Run

_STEP = "embed.sentences.model"


@dataclass(frozen=True)
class Sentences:
    """Describe texts by a sentence model: a folder of sentence-transformers, or a function `module:function` that is handed a
    list of texts and gives (n, d). Nothing is downloaded.
    """

    model: str = ""  # a folder, or package.module:function
    batch: int = 64  # texts a forward pass; bounds the memory
    prefix: str = ""  # put before each text, for models that were trained with one ("query: ")

    version = 1
    gives = ("embedding",)
    grain = "sample"
    modality = ("text",)
    extra = "sentences"
    source = "Reimers and Gurevych 2019, arXiv:1908.10084"
    cost = "that of the model"

    @property
    def weights(self) -> str:
        """Digest of a folder's settings and of the sizes of its files: another model has another memory."""
        folder = Path(self.model)
        if not self.model or not folder.is_dir():
            return ""
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        small = {file.name: digest_bytes(file.read_bytes()) for file in files if file.suffix == ".json"}
        return digest([(file.name, file.stat().st_size) for file in files], small)

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, d) float32 of length 1. Raises StepError where the model cannot be loaded, or gives another shape."""
        texts = [self.prefix + text for text in batch]
        parts = [self._part(texts[at : at + self.batch], run) for at in range(0, len(texts), self.batch)]
        return np.concatenate(parts) if parts else np.empty((0, 1), np.float32)

    def _part(self, texts: list[str], run: Run) -> Array:
        if not self.model:
            raise StepError(
                f'{_STEP} is empty; name a folder with a model of sentence-transformers, or a function "package.module:function"'
            )
        if Path(self.model).is_dir():
            found = _loaded(str(Path(self.model).resolve()), run.device).encode(texts, show_progress_bar=False)
        else:
            found = asked(self.model, setting=_STEP, arrays=True)(texts)
        values = np.asarray(found, np.float32)
        if values.ndim != 2 or len(values) != len(texts) or not np.isfinite(values).all():
            raise StepError(
                f"{_STEP}: {self.model} was handed {len(texts)} texts and gave {values.shape}; (n, d) is needed"
            )
        return unit(values)


@cache  # a model is loaded once, not once a batch
def _loaded(folder: str, device: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    except ImportError as fault:
        raise StepError(
            f'{_STEP} = {folder!r} needs sentence-transformers:  pip install "tilth[sentences]"\n'
            '  Or name a function of yours: "package.module:function".'
        ) from fault
    try:
        return SentenceTransformer(folder, device=device)
    except Exception as fault:  # whatever the library says of a folder that it cannot use
        raise StepError(f"{_STEP}: {folder} cannot be loaded ({type(fault).__name__}: {fault})") from fault
