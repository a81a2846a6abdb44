"""What an author of a step writes: the contract, and a known answer."""

from __future__ import annotations

import numpy as np
from tilth_faint import FaintPictures

from tilth.dataset import Dataset
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import photos


def test_keeps_the_contract() -> None:
    check_step(FaintPictures())


def test_finds_the_blank_page_and_nothing_else() -> None:
    world = photos(30)
    blank = picture.encode(np.full((32, 32, 1), 250, np.uint8))
    sample = Sample(raw_id(digest_bytes(blank), "blank.png"), digest_bytes(blank), "blank.png", 0)
    data = Dataset.from_samples([*world.data, sample], world.data.schema)
    found = FaintPictures().detect(data.open, Signals(), MemoryRun({**world.contents, sample.id: blank}))
    assert [finding.ids for finding in found] == [(sample.id,)]
