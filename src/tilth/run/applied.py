"""Which recipe the line of versions is the whole of, and how it was run: on record only while that is so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tilth.store.ledger import Ledger
from tilth.store.plain import dump

RECIPE, HOW = "recipe", "applied"


@contextmanager
def applying(ledger: Ledger, text: str, how: Mapping[str, Any]) -> Iterator[None]:
    """Around the run that puts the edits of a recipe on the line. A run that is stopped midway leaves no recipe on record,
    unless it was the one that is on the line anyway.

    text  the recipe as TOML
    how   plain facts of the run: budget, embedder, least severities
    """
    plain = json.loads(dump(dict(how)))
    if (ledger.fact(RECIPE), ledger.fact(HOW)) != (text, plain):
        ledger.forget(RECIPE, HOW)
    yield
    with ledger.transaction():
        ledger.set_fact(RECIPE, text)
        ledger.set_fact(HOW, plain)
