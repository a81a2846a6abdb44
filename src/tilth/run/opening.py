"""From what a person asks for to a workspace that holds it; and whether an old workspace is what is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from tilth.digest import digest
from tilth.errors import WorkspaceError
from tilth.run import door
from tilth.run.voice import Voice
from tilth.sample import TEST
from tilth.store.shelf import Store


@dataclass(frozen=True)
class Asked:
    source: Path | None
    valid: str | None
    test: str | None
    holdout: float | None
    seed: int | None
    options: dict[str, Any] | None

    def said(self) -> dict[str, Any]:
        """What was asked for in words; the rest is as it was, or the default."""
        every = {
            "valid": self.valid,
            "test": self.test,
            "holdout": self.holdout,
            "seed": self.seed,
            "options": self.options,
        }
        return {key: value for key, value in every.items() if value is not None}


def enter(store: Store, asked: Asked, voice: Voice) -> None:
    if asked.source is None:
        raise WorkspaceError(f"the workspace {store.folder} holds no dataset yet. Begin with:  tilth audit SOURCE")
    chosen = {"valid": None, "test": None, "holdout": 0.2, "seed": 0, "options": {}, **asked.said()}
    entrance = door.enter(
        asked.source,
        unpack_to=store.folder / "unpacked",
        options=chosen["options"],
        valid=chosen["valid"],
        test=chosen["test"],
        holdout=chosen["holdout"],
        voice=voice,
        rng=np.random.default_rng(int(digest(chosen["seed"], "holdout"), 16)),
    )
    store.keep_version(entrance.data)
    facts = {
        "source": os.path.relpath(asked.source.resolve(), store.folder.resolve()),
        "roots": {
            home: os.path.relpath(root.resolve(), store.folder.resolve()) for home, root in entrance.roots.items()
        },
        "asked": chosen,
        "layout": entrance.layout,
        "source_format": entrance.format,
        "facts": {key: value for key, value in entrance.facts.items() if key != "root"},
        "held_out": entrance.held_out,
        "name": asked.source.resolve().name.split(".")[0],
        "seed": chosen["seed"],
        "base": entrance.data.version,
    }
    with store.ledger.transaction():
        for key, value in facts.items():
            store.ledger.set_fact(key, value)
        store.ledger.set_asides((one.path, one.why) for one in entrance.aside)
        store.ledger.say(f"read {asked.source.name}: {entrance.layout}")
    voice.log(f"  {entrance.layout}")
    sealed = len(entrance.data.split(TEST))
    if entrance.held_out and sealed:
        voice.log(f"  No test split: {sealed:,} train samples are sealed to prove the result on.")
    if entrance.aside:
        voice.log(f"  {len(entrance.aside):,} files or rows were set aside, each with a reason (see the report).")


def to_get_a_test(store: Store) -> str:
    """What a person may do about a dataset without a test split."""
    share = store.ledger.fact("asked")["holdout"]
    if not share:
        return "Name one (--test) or let a share be sealed (--holdout 0.2)."
    return (
        f"Name one (--test): a share of {share:g} is sealed where there are {door.LEAST_FOR_HOLDOUT} train samples, and "
        f"{ceil(1 / share)} different ones of a class."
    )


def check_same(store: Store, asked: Asked) -> None:
    if asked.source is None:
        return
    before = (store.folder / store.ledger.fact("source")).resolve()
    if before != asked.source.resolve():
        raise WorkspaceError(
            f"the workspace {store.folder} was made from {before}, and you ask for {asked.source}.\n"
            "  Take another workspace:  --workspace PATH"
        )
    known = store.ledger.fact("asked")
    for key, value in asked.said().items():
        if known[key] != value:
            raise WorkspaceError(
                f"the workspace {store.folder} was made with {key} = {known[key]!r}, and you ask for {value!r}.\n"
                "  Take another workspace:  --workspace PATH"
            )
