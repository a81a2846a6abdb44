"""The margin: exact for a network whose border is known, low where labels were planted wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from borders import Affine
from tilth.errors import SettingError, StepError
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value.margin import Margin

SMALL = {"size_px": 24, "epochs": 1, "least_steps": 60, "precision": "fp32"}


class Known:
    """A model with a known border."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.net = net

    @contextmanager
    def expose(self, pictures: Sequence[Any]) -> Iterator[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]]:
        yield torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255, self.net


def test_the_margin_of_a_linear_border_is_the_distance_to_it_with_its_sign() -> None:
    net = Affine(2, (1, 6, 6))
    pictures = list(np.random.default_rng(0).integers(118, 138, (12, 6, 6, 1), dtype=np.uint8))
    labels = np.arange(12) % 2
    margins, lost = Margin()._margins(Known(net), pictures, labels)
    values = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        gap = (net(values)[:, 0] - net(values)[:, 1]).numpy() * np.where(labels == 0, 1, -1)
    far = gap / float((net.weight[0] - net.weight[1]).norm().detach()) / 6  # 6: root of the number of pixels
    assert not lost.any() and (gap < 0).any() and (gap > 0).any()
    assert margins == pytest.approx(far, abs=5e-5)


@pytest.mark.slow
def test_planted_wrong_labels_have_low_margins() -> None:
    world = worlds.photos(120, classes=3, side_px=24, wrong=12, test_share=0.05, seed=2)
    found = Margin(settings=SMALL, folds=2).value(world.data.open, Signals(), world.run())
    wrong = np.isin(found.ids, list(world.wrong))
    assert roc_auc_score(wrong, -found.values) >= 0.95
    assert np.median(found.values[wrong]) < 0 < np.median(found.values[~wrong])
    assert found.better == "higher" and found.meta["not_crossed"] == 0


def test_the_contract_is_kept() -> None:
    check_step(Margin(settings={**SMALL, "least_steps": 10}, folds=2), world=worlds.photos(40, classes=2, side_px=24))


def test_texts_are_refused_and_a_learner_that_cannot_be_followed_back() -> None:
    texts = worlds.utterances(30)
    with pytest.raises(StepError, match="texts"):
        Margin().value(texts.data.open, Signals(), texts.run())
    world = worlds.photos(30, classes=2)
    with pytest.raises(StepError, match="cannot be"):
        Margin(learner="linear", folds=2).value(world.data.open, Signals(), world.run())


def test_a_setting_out_of_range_is_told() -> None:
    with pytest.raises(SettingError, match="folds"):
        Margin(folds=1)
