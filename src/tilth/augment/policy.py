"""Policy: which operations are drawn for a picture, how often and how strongly; a plain value and its JSON.

A policy is a table, as Faster AutoAugment leaves it: sub-policies of a few stages, and in each stage every operation
with its chance to be drawn, its probability to be done then, and its magnitude.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilth.augment.operation import Move, Operation
from tilth.digest import digest
from tilth.errors import SettingError, did_you_mean
from tilth.signal import Array

FORMAT = 1
_DIGITS = 6  # of what is kept: what the JSON says is what is drawn


@dataclass(frozen=True)
class Stage:
    """One stage, a value for each operation of the policy.

    chance     of being drawn; they add up to 1
    p          of being done, where drawn
    magnitude  share of the operation's full strength, 0 to 1; its sign is drawn
    """

    chance: tuple[float, ...]
    p: tuple[float, ...]
    magnitude: tuple[float, ...]


@dataclass(frozen=True)
class Policy:
    """A learned policy.

    operations   names in the catalogue, in the order of the columns
    subpolicies  one of them is drawn for a picture, all alike; its stages follow one another
    softmax      temperature at which the chances were made
    bernoulli    temperature at which "done or not" was relaxed in the search
    seed         of the run that found it
    data         version of the dataset that it was found on
    """

    operations: tuple[str, ...]
    subpolicies: tuple[tuple[Stage, ...], ...]
    softmax: float
    bernoulli: float
    seed: int
    data: str

    @property
    def key(self) -> str:
        """Identity of what it does."""
        return digest(self.operations, self.subpolicies)

    def moves(self, rng: np.random.Generator, catalogue: Mapping[str, Operation]) -> tuple[Move, ...]:
        """What one picture gets: a sub-policy, in each stage an operation by its chance, done by its p, to a side.

        Every call draws the same number of times, whatever comes of it. May be empty: then nothing is done.
        """
        stages = self.subpolicies[int(rng.integers(len(self.subpolicies)))]
        found = []
        for stage in stages:
            at = _drawn(stage.chance, rng.random())
            done, side = rng.random() < stage.p[at], 1 if rng.random() < 0.5 else -1
            operation = catalogue[self.operations[at]]
            if done:
                strength = stage.magnitude[at] * (side if operation.signed else 1) if operation.graded else 1.0
                found.append(Move(operation.name, strength))
        return tuple(found)

    def without(self, forbid: Collection[str]) -> Policy:
        """This policy, in which these operations are never drawn. SettingError where a stage has no other."""
        kept = np.array([name not in forbid for name in self.operations])
        if kept.all():
            return self
        table = [[_only(stage, kept) for stage in stages] for stages in self.subpolicies]
        return replace(self, subpolicies=tuple(tuple(stages) for stages in table))

    def shares(self) -> dict[str, tuple[float, float]]:
        """For each operation: how many times a picture gets it on average, and at which magnitude, on average."""
        stages = [stage for stages in self.subpolicies for stage in stages]
        often = np.array([stage.chance for stage in stages]) * np.array([stage.p for stage in stages])
        strong = (often * np.array([stage.magnitude for stage in stages])).sum(0) / np.maximum(often.sum(0), 1e-12)
        times = often.sum(0) / len(self.subpolicies)
        return {name: (float(a), float(b)) for name, a, b in zip(self.operations, times, strong, strict=True)}

    def told(self) -> str:
        """In words, the most frequent operation first: `rotate .41 times at .32, shear_x ...`."""
        ranked = sorted(self.shares().items(), key=lambda item: -item[1][0])
        return ", ".join(f"{name} {often:.2f} times at {strong:.2f}" for name, (often, strong) in ranked)

    def json(self) -> str:
        """The policy as a file that a person can read and edit."""
        table = [
            [
                {
                    name: {"chance": chance, "p": p, "magnitude": magnitude}
                    for name, chance, p, magnitude in zip(
                        self.operations, stage.chance, stage.p, stage.magnitude, strict=True
                    )
                }
                for stage in stages
            ]
            for stages in self.subpolicies
        ]
        head = {
            "version": FORMAT,
            "operations": list(self.operations),
            "L": len(self.subpolicies),
            "K": len(self.subpolicies[0]),
            "temperatures": {"softmax": self.softmax, "bernoulli": self.bernoulli},
            "seed": self.seed,
            "data": self.data,
            "subpolicies": table,
        }
        return json.dumps(head, indent=1) + "\n"


def _only(stage: Stage, kept: Array) -> Stage:
    chance = np.array(stage.chance) * kept
    if not chance.sum():
        raise SettingError("a stage of the policy has no chance for any operation but those that are forbidden")
    return replace(stage, chance=tuple(np.round(chance / chance.sum(), _DIGITS).tolist()))


def _drawn(chance: Sequence[float], at: float) -> int:
    """The operation whose part of the line from 0 to 1 this place lies in. One without a chance is never drawn."""
    ends = np.cumsum(chance)
    return int(np.searchsorted(ends, at * ends[-1], side="right"))


def policy_of(
    operations: Sequence[str],
    chance: Array,
    p: Array,
    magnitude: Array,
    *,
    softmax: float,
    bernoulli: float,
    seed: int,
    data: str,
) -> Policy:
    """A policy out of arrays.

    chance, p, magnitude  (l, stages, operations)
    """
    tables = [np.round(np.asarray(array, dtype=np.float64), _DIGITS).tolist() for array in (chance, p, magnitude)]
    subpolicies = tuple(
        tuple(Stage(tuple(a), tuple(b), tuple(c)) for a, b, c in zip(*rows, strict=True))
        for rows in zip(*tables, strict=True)
    )
    return Policy(tuple(operations), subpolicies, softmax, bernoulli, seed, data)


def load_policy(file: Path, known: Collection[str]) -> Policy:
    """The policy in this file. Raises SettingError, saying what is wrong with it, unless it is one.

    known  operations of the catalogue
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise SettingError(f"the policy {file} cannot be read ({fault.strerror})") from fault
    except ValueError as fault:
        raise SettingError(f"the policy {file} is no JSON ({fault})") from fault
    try:
        return _parsed(found, known)
    except KeyError as fault:
        raise SettingError(f"the policy {file} lacks {fault.args[0]!r}") from fault
    except (TypeError, ValueError, AttributeError, IndexError) as fault:
        raise SettingError(f"the policy {file} is not one that can be followed: {fault}") from fault


def _parsed(found: Any, known: Collection[str]) -> Policy:
    if not isinstance(found, dict):
        raise ValueError("it holds no table of names and values")
    if found["version"] != FORMAT:
        raise ValueError(f"its version is {found['version']!r}, and {FORMAT} is known here")
    names = tuple(found["operations"])
    for name in names:
        if name not in known:
            raise ValueError(f"there is no operation {name!r}{did_you_mean(str(name), known)}")
    subpolicies = tuple(tuple(_stage(stage, names) for stage in stages) for stages in found["subpolicies"])
    if not names or not subpolicies or not all(subpolicies):
        raise ValueError("it needs an operation, a sub-policy and a stage at least")
    temperatures = found.get("temperatures", {})
    return Policy(
        names,
        subpolicies,
        float(temperatures.get("softmax", 0)),
        float(temperatures.get("bernoulli", 0)),
        int(found.get("seed", 0)),
        str(found.get("data", "")),
    )


def _stage(found: dict[str, Any], names: tuple[str, ...]) -> Stage:
    """A stage; an operation that it does not name has no chance."""
    for name in found:
        if name not in names:
            raise ValueError(f"a stage names {name!r}, which is not among its operations{did_you_mean(name, names)}")
    absent = {"chance": 0.0, "p": 0.0, "magnitude": 0.0}
    rows = [found.get(name, absent) for name in names]
    chance, p, magnitude = (tuple(float(row[what]) for row in rows) for what in ("chance", "p", "magnitude"))
    if not all(0 <= value <= 1 for value in (*chance, *p, *magnitude)):
        raise ValueError("chance, p and magnitude lie within 0 and 1")
    if sum(chance) <= 0:
        raise ValueError("no operation of a stage has a chance")
    return Stage(chance, p, magnitude)
