"""Fingerprint: by what copies and near copies are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.numerics import fingerprint
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Fingerprint:
    """Take the fingerprint of each sample: a digest of its decoded pixels or text, and hashes that near copies share.

    What the words hold is said in `tilth.numerics.fingerprint`.
    """

    version = 1
    gives = ("fingerprint",)
    grain = "sample"
    source = "Zauner 2010 (pHash); Broder 1997, On the resemblance and containment of documents (min-hash)"
    cost = "O(n); about 0.2 ms a picture of 64 px"

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, 36) uint64 from b pictures (uint8 h x w x c) or texts."""
        del run
        texts = len(batch) > 0 and isinstance(batch[0], str)
        return fingerprint.of_texts(batch) if texts else fingerprint.of_pictures(batch)
