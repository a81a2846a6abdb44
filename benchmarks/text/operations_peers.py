"""Texts made by another library with its defaults: run in an environment of its own, which has no tilth.

    python operations_peers.py nlpaug|textattack METHOD[,METHOD...] IN.json OUT.json

IN holds `texts`, `copies` and `seed`. OUT holds for each method `texts`, for each text a list of new ones, and `seconds` of its
own time without loading; or `failed`. Nothing is downloaded: WordNet and the like must lie where NLTK_DATA says.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def nlpaug(method: str) -> Callable[[str, int], list[str]]:
    from nlpaug.augmenter import char, word

    made: dict[str, Callable[[], Any]] = {
        "keyboard": char.KeyboardAug,
        "ocr": char.OcrAug,
        "letter_swap": lambda: char.RandomCharAug(action="swap"),
        "swap": lambda: word.RandomWordAug(action="swap"),
        "delete": lambda: word.RandomWordAug(action="delete"),
        "spelling": word.SpellingAug,
        "synonym": lambda: word.SynonymAug(aug_src="wordnet"),
    }
    augmenter = made[method]()
    return lambda text, copies: augmenter.augment(text, n=copies)


def textattack(method: str) -> Callable[[str, int], list[str]]:
    from textattack.augmentation import recipes

    made = {
        "characters": recipes.CharSwapAugmenter,
        "synonym": recipes.WordNetAugmenter,
        "eda": recipes.EasyDataAugmenter,
        "delete": recipes.DeletionAugmenter,
        "swap": recipes.SwapAugmenter,
    }
    cached: dict[int, Any] = {}

    def make(text: str, copies: int) -> list[str]:
        if copies not in cached:
            cached[copies] = made[method](transformations_per_example=copies)
        return cached[copies].augment(text)

    return make


def main(peer: str, methods: str, given: str, got: str) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    asked = json.loads(Path(given).read_text())
    answers = {method: answer(peer, method, asked) for method in methods.split(",")}
    Path(got).write_text(json.dumps(answers))


def answer(peer: str, method: str, asked: dict[str, Any]) -> dict[str, Any]:
    random.seed(asked["seed"])
    np.random.seed(asked["seed"])  # noqa: NPY002 - both libraries draw from the global generators
    try:
        make = {"nlpaug": nlpaug, "textattack": textattack}[peer](method)
        make("How far is it from the old town to the sea ?", asked["copies"])  # what is loaded at the first call
        begun = time.process_time()
        texts = [make(text, asked["copies"]) or [] for text in asked["texts"]]
        return {"texts": texts, "seconds": time.process_time() - begun}
    except Exception as fault:  # what another library raises is told, whatever it is
        lines = [line.strip() for line in str(fault).splitlines() if line.strip(" *")]
        return {"failed": f"{type(fault).__name__}: {lines[0] if lines else ''}"[:200]}


if __name__ == "__main__":
    main(*sys.argv[1:])
