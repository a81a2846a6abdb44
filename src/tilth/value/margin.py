"""Margin: how far a picture lies from the border of its class, as a network sees it that never saw the picture.

A wrong label has a negative margin: the network must be led some way before it says what the label says. A small one is an
edge case; a large one is safe, and tells a model little that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.perturb.against import against
from tilth.sample import TRAIN
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run
from tilth.value.passes import require_whole
from tilth.value.sides import sides, value_signal
from tilth.value.space import require_at_least

_BATCH = 256  # pictures whose borders are sought together


@dataclass(frozen=True)
class Margin:
    """The length of the shortest change after which a network that never saw a picture no longer answers with its label, by
    DeepFool; where it answers otherwise already, less than zero: the length after which it would.

    Says which labels are doubtful and which samples lie at the border. Says nothing of whom a sample helps.
    """

    source = "Moosavi-Dezfooli et al. 2016, arXiv:1511.04599"
    cost = "a training for each fold, and some 4 ways forth and 40 back for each picture"
    modality = ("image",)
    gives = ("margin",)

    learner: str = "convnet"
    """A network whose answers can be followed back to the pixels."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, where they differ from its defaults."""

    folds: int = 5
    """Networks; each never saw one part of the train pictures."""

    steps: int = 50
    """Borders that are aimed at, at most; three to six are usual."""

    overshoot: float = 0.02
    """Share of the change that is added until the border is crossed, as published; it is no part of the length."""

    candidates: int = 10
    """Classes whose borders are looked at, as published."""

    def __post_init__(self) -> None:
        require_whole("value.margin", 2, folds=self.folds, candidates=self.candidates)
        require_whole("value.margin", 1, steps=self.steps)
        require_at_least("value.margin", 0, overshoot=self.overshoot)

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n,) root mean square over the values of a picture, in units of the range."""
        del signals
        pair = sides(data, TRAIN, "value.margin", judged=False)
        facts = (self.learner, dict(self.settings), self.folds, self.steps, self.overshoot, self.candidates)
        found = run.keep(("margin", *facts, data.version), lambda: self._measured(data, run))
        # Made samples are not led anywhere: what was made of a picture says nothing of its label.
        known = np.isin(pair.valued.ids, found["ids"])
        at = np.searchsorted(found["ids"], pair.valued.ids[known])
        values = np.full(len(pair.valued), float(np.median(found["values"])))
        values[known] = found["values"][at]
        meta = {
            "learner": self.learner,
            "folds": self.folds,
            "answered_otherwise": int((found["values"] < 0).sum()),
            "not_crossed": int(found["lost"].sum()),
            "not_measured": int((~known).sum()),
        }
        return value_signal("margin", pair, values, unit="share of the range", meta=meta)

    def _measured(self, data: Dataset, run: Run) -> dict[str, Array]:
        jury = against("value.margin", self.learner, self.settings, data, run, folds=self.folds)
        values, lost = np.zeros(len(jury.data)), np.zeros(len(jury.data), bool)
        with run.progress("margins", len(jury.data)) as advance:
            for model, batch in jury.batches(jury.data.ids, _BATCH):
                rows = np.searchsorted(jury.data.ids, batch.ids)
                values[rows], lost[rows] = self._margins(model, list(run.images(batch)), batch.labels)
                advance(len(batch))
        return {"ids": jury.data.ids, "values": values, "lost": lost}

    def _margins(self, model: Any, pictures: list[Array], labels: Array) -> tuple[Array, Array]:
        import torch

        from tilth.perturb.deepfool import deepfool, deepfool_towards

        with model.expose(pictures) as (pixels, answers):
            own = torch.from_numpy(labels).to(pixels.device)
            how = {"steps": self.steps, "overshoot": self.overshoot}
            out = deepfool(answers, pixels, own, candidates=self.candidates, **how)
            back = deepfool_towards(answers, pixels, own, **how)
        # One of the two is zero: either the label is answered already, or it is not.
        lengths = (out.distance - back.distance) / pixels[0].numel() ** 0.5
        return lengths.cpu().numpy(), (~(out.crossed & back.crossed)).cpu().numpy()
