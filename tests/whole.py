"""Shipped recipes with settings that make each of their steps quick: the same steps, in the same order, in seconds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from tilth.run.plan import shipped_recipes
from tilth.testing.worlds import photos, utterances

LEARNER = ["--learner", "convnet", "--set", "epochs=1", "--set", "least_steps=1", "--set", "size_px=16"]

_NETWORK = "epochs = 1\nleast_steps = 2"
_QUICK: Mapping[str, str] = {
    "learn.contrastive": f"{_NETWORK}\nasked = 1\nlooks = ['content']",
    "learn.convnet": f"{_NETWORK}\nsize_px = 16",
    "augment.guard": "per_class = 4\nfolds = 2\ncopies = 0\nsettings = { epochs = 1, least_steps = 2, loss = 'classes', looks = ['content'] }",
    "augment.policy": "steps = 4\nbatch = 8\nchunks = 2\nsubpolicies = 2\nsearch_px = 16",
}


def quick(name: str) -> str:
    """The TOML of a shipped recipe, made quick."""
    text = re.sub(r"(?m)^folds .*$", "folds = 2", shipped_recipes()[name])
    for use, settings in _QUICK.items():
        text = re.sub(rf'(?m)^use = "{re.escape(use)}".*$', f'use = "{use}"\n{settings}', text)
    return text


def write_world(where: Path, name: str) -> Path:
    """A source that the recipe of this name works on: with planted faults, a clean valid split and a test split."""
    faults = {"wrong": 10, "copies": 4, "near": 3, "junk": 3, "leaks": 2, "imbalance": 0.5, "valid_share": 0.2}
    if not name.startswith("text"):
        return photos(120, classes=3, side_px=16, seed=5, **faults).write(where)
    data = utterances(120, classes=3, seed=5, **faults).data
    rows = ({"text": one.text, "label": data.schema.classes[one.label], "split": one.split} for one in data)  # type: ignore[index]
    table = where.with_suffix(".jsonl")
    table.write_text("\n".join(json.dumps(row) for row in rows))
    return table
