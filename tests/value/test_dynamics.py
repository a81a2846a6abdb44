"""Dynamics: each score by hand, and planted wrong labels."""

from __future__ import annotations

import numpy as np
import pytest

from games import separation
from tilth.errors import SettingError, StepError
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value.dynamics import UNITS, Dynamics, scored

QUICK = {"size_px": 16, "epochs": 6, "least_steps": 40, "precision": "fp32"}
# Four epochs of three samples: learned and kept; learned, lost, learned, lost; never learned.
MARGINS = np.array([[-1.0, 2.0, -3.0], [1.0, -1.0, -2.0], [2.0, 1.0, -1.0], [4.0, -4.0, -2.0]])
LOSSES = np.array([[1.0, 0.5, 2.0], [0.5, 1.0, 2.0], [0.25, 0.5, 2.0], [0.25, 2.0, 2.0]])
VISITS = np.stack([LOSSES, MARGINS, LOSSES / 2], 2).astype(np.float32)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("aum", [1.5, -0.5, -2.0]),
        ("loss", [-0.5, -1.0, -2.0]),
        ("el2n", [-0.375, -0.375, -1.0]),
        ("forgetting", [0, -2, -4]),
        ("confidence", np.exp(-LOSSES).mean(0)),
        ("variability", -np.exp(-LOSSES).std(0)),
    ],
)
def test_scores_are_those_of_the_papers(score, expected) -> None:
    np.testing.assert_allclose(scored(VISITS, score, early=2), expected, rtol=1e-6)


def test_an_epoch_in_which_a_sample_was_not_met_does_not_count() -> None:
    visits = VISITS.copy()
    visits[1, 0] = np.nan
    assert scored(visits, "aum", early=2)[0] == pytest.approx((-1 + 2 + 4) / 3)
    assert scored(visits, "forgetting", early=2)[0] == 0


def test_a_gap_between_right_and_wrong_is_forgetting() -> None:
    visits = VISITS.copy()
    visits[2, 1] = np.nan  # right, wrong, not met, wrong
    assert scored(visits, "forgetting", early=2)[1] == -1
    visits[2, 0] = np.nan  # wrong, right, not met, right
    assert scored(visits, "forgetting", early=2)[0] == 0
    visits[1, 1] = np.nan  # right, not met, not met, wrong
    assert scored(visits, "forgetting", early=2)[1] == -1


def test_planted_wrong_labels_are_low() -> None:
    world = worlds.photos(160, wrong=16)
    run = world.run()
    for score in ("aum", "loss", "confidence", "el2n", "forgetting"):
        signal = Dynamics(score=score, settings=QUICK).value(world.data.open, Signals({}), run)
        assert signal.values.shape == (len(world.data.train),) and signal.unit == UNITS[score]
        assert separation(signal.values, signal.ids, set(world.wrong)) > (0.7 if score == "forgetting" else 0.8), score


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SettingError, match="score is one of"):
        Dynamics(score="margin")
    with pytest.raises(SettingError, match="early_epochs"):
        Dynamics(early_epochs=0)
    world = worlds.photos(40)
    with pytest.raises(StepError, match="goes through a training again"):
        Dynamics(learner="linear").value(world.data.open, Signals({}), world.run())


@pytest.mark.parametrize("score", UNITS)
def test_keeps_the_contract(score) -> None:
    check_step(Dynamics(score=score, settings=QUICK), world=worlds.photos(40, wrong=4))
