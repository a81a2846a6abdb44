"""`tilth selftest` on stdout, and the thresholds that other commands take from it."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.run.selftest import SelfTest, Trust


def least(words: Sequence[str] | None) -> dict[str, float] | None:
    """What `--least-severity` says; None where nobody said it."""
    if not words:
        return None
    from tilth.errors import did_you_mean
    from tilth.report.words import KINDS
    from tilth.run.selftest import read_least

    found = read_least(words)
    for kind in found.keys() - KINDS.keys():  # not refused: a detector of a plugin may have kinds of its own
        hint = did_you_mean(kind, list(KINDS))
        print(f"--least-severity: no detector of tilth gives findings of the kind {kind!r}{hint}", file=sys.stderr)
    return found


def told(ws: Any, result: SelfTest, out: Path | None, as_json: bool) -> None:
    """The answer: what was found of what was planted, how right findings are, and the thresholds as a file."""
    from tilth.run.selftest import write_least

    file = write_least(result, out or ws.store.folder / "selftest.toml") if result.precision is not None else None
    if as_json:
        json.dump(_plain(result, file), sys.stdout, indent=1, allow_nan=False)
        print()
        return
    _print_met(result)
    _print_trust(result)
    for use, why in result.untested.items():
        print(f"not tested: {use}, {why}")
    _print_next(ws, result, file)


def _print_met(result: SelfTest) -> None:
    width = max(len(one.fault) for one in result.met)
    print(f"\nRecall: of the faults planted in a copy of your {result.samples:,} samples, how many were found")
    print(f"  {'detector':<18} {'fault':<{width}}  planted  found  recall   95 % interval")
    for one in result.met:
        low, high = one.interval
        by = one.by.removeprefix("audit.")
        print(
            f"  {by:<18} {one.fault:<{width}}  {one.planted:>7,}  {one.found:>5,}  {one.recall:>6.2f}   {low:.2f} to {high:.2f}"
        )


def _print_trust(result: SelfTest) -> None:
    print("\nPrecision: of what was found in that copy, how much is right")
    print(f"  {'kind of finding':<18} findings  planted  seen before  new  precision")
    for one in result.trust:
        new = one.findings - one.right - one.before
        print(f"  {one.kind:<18} {one.findings:>8,}  {one.right:>7,}  {one.before:>11,}  {new:>3,}  {_between(one)}")
    print(
        "  The lower bound counts every finding that was not planted as a false alarm, the upper one those that your data\n"
        "  gave before as right; likely: your own faults are as easy to find as the planted ones."
    )


def _between(one: Trust) -> str:
    if not one.findings:
        return "nothing was found"
    return f"between {one.low:.2f} and {one.high:.2f}, likely {one.likely:.2f}"


def _print_next(ws: Any, result: SelfTest, file: Path | None) -> None:
    from tilth.cli.say import where

    if file is None:
        print(f"\nNext:  tilth selftest --precision 0.9{where(ws)}   (thresholds; the work is done already)")
        return
    print(f"\nFrom which severity on findings are right {result.precision:.0%} of the time, as is likely")
    for one in result.trusted:
        if math.isinf(one.least):
            print(f"  {one.kind:<18} none: no severity reaches it")
        else:
            print(f"  {one.kind:<18} {one.least:.4f}  keeps {one.findings:,} findings, recall {one.recall:.2f}")
    print(f"\nthresholds  {file}\nNext:  tilth improve --least-severity {file}{where(ws)}")


def _plain(result: SelfTest, file: Path | None) -> dict[str, Any]:
    return {
        "version": result.version,
        "recipe": result.recipe,
        "seed": result.seed,
        "share": result.share,
        "met": [dataclasses.asdict(one) | {"recall": one.recall, "interval": list(one.interval)} for one in result.met],
        "trust": [_trust_plain(one) for one in result.trust],
        "asked_precision": result.precision,
        "trusted": [_trust_plain(one) for one in result.trusted],
        "untested": dict(result.untested),
        "thresholds": str(file) if file else None,
        "seconds": round(result.seconds, 1),
    }


def _trust_plain(one: Trust) -> dict[str, Any]:
    facts = dataclasses.asdict(one) | {"low": one.low, "likely": one.likely, "high": one.high}
    return {name: None if isinstance(value, float) and math.isinf(value) else value for name, value in facts.items()}
