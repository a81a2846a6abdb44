"""check_step: the contract of a step as a test. An author calls it once for a step of theirs."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.finding import Finding
from tilth.sample import TEST
from tilth.signal import Signal, Signals
from tilth.steps import DEFAULTS, ROLES, declared
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World, photos


def check_step(
    step: Any, *, world: World | None = None, signals: Signals | None = None, findings: Sequence[Finding] = ()
) -> None:
    """Raises AssertionError, saying what is wrong, unless the step keeps the contract.

    It must be a frozen dataclass with a documented class, plain settings, honest declarations and exactly one role; it
    must change nothing it is handed, never see the test split, give the same answer for the same seed, and give what
    its role gives, for ids that are in the data.

    world    what it is tried on; default 60 small pictures of shapes
    signals  what it reads; default those that `_plain_signals` makes up for the kinds that it `needs`
    """
    check_declarations(step)
    world = world or photos(60, wrong=4, copies=2, near=2, junk=2)
    data = world.data.open
    signals = signals or plain_signals(data, declared(step, "needs"))
    before = (data.version, {kind: signal.key for kind, signal in signals.items()})
    first = _asked(step, data, signals, findings, world.run(seed=1))
    again = _asked(step, data, signals, findings, world.run(seed=1))
    assert (data.version, {kind: signal.key for kind, signal in signals.items()}) == before, (
        "the step changed its input"
    )
    assert _key(first) == _key(again), "the same seed gave another answer: take randomness from run.rng alone"
    _check_answer(first, data, every=role_of(step) != "valuators")


def role_of(step: Any) -> str:
    """Name of the only role this step plays. Raises AssertionError for none or several."""
    roles = [name for name, role in ROLES.items() if isinstance(step, role)]
    assert len(roles) == 1, f"{type(step).__name__} plays the roles {roles or 'none'}; a step plays exactly one"
    return roles[0]


def check_declarations(step: Any) -> None:
    """The part of the contract that needs no data."""
    kind = type(step)
    assert dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen, (
        f"{kind.__name__}: make it @dataclass(frozen=True)"
    )
    assert inspect.getdoc(kind) and not str(inspect.getdoc(kind)).startswith(kind.__name__ + "("), (
        f"{kind.__name__} has no docstring"
    )
    role_of(step)
    for name, default in DEFAULTS.items():
        assert isinstance(declared(step, name), type(default)), (
            f"{kind.__name__}.{name} must be a {type(default).__name__}"
        )
    fields = {field.name for field in dataclasses.fields(kind)}
    assert not fields & set(DEFAULTS), f"{fields & set(DEFAULTS)} are declarations: write them without an annotation"
    digest({name: getattr(step, name) for name in fields})  # TypeError where a setting is not plain
    assert declared(step, "version") >= 1
    assert declared(step, "grain") in ("sample", "dataset")


def plain_signals(data: Dataset, kinds: Sequence[str]) -> Signals:
    """Made-up signals of these kinds: probabilities that lean to the label, random embeddings around class centres."""
    rng = np.random.default_rng(0)
    k = len(data.schema.classes)
    made = []
    for kind in kinds:
        if kind == "probabilities":
            values = rng.dirichlet(np.ones(k), len(data)) * 0.4 + data.targets * 0.6
            made.append(Signal(kind, data.ids, (values / values.sum(1, keepdims=True)).astype(np.float32)))
        elif kind == "embedding":
            centres = rng.normal(size=(k, 8)) * 4
            values = centres[np.maximum(data.labels, 0)] + rng.normal(size=(len(data), 8))
            made.append(Signal(kind, data.ids, values.astype(np.float32)))
        else:
            made.append(Signal(kind, data.ids, rng.random(len(data))))
    return Signals({signal.kind: signal for signal in made})


def _asked(step: Any, data: Dataset, signals: Signals, findings: Sequence[Finding], run: MemoryRun) -> Any:
    role = role_of(step)
    if role == "detectors":
        return step.detect(data, signals, run)
    if role == "cleansers":
        return step.cleanse(data, list(findings), signals)
    if role == "augmenters":
        return list(step.augment(data, signals, run, budget=len(data) + 10))
    if role == "valuators":
        return step.value(data, signals, run)
    if role == "selectors":
        return step.select(data, signals, max(1, len(data) // 2), run.rng("select"))
    if role == "embedders" and hasattr(step, "measure"):
        return step.measure(data, run)
    if role == "embedders":
        batch = run.texts(data) if data.schema.modality == "text" else list(run.images(data))
        return Signal("embedding", data.ids, step.describe(batch, run))
    if role == "learners":
        model = step.fit(data.train, None, run, seed=3)
        return Signal("probabilities", data.ids, model.predict(data, run))
    return None


def _key(answer: Any) -> str:
    if isinstance(answer, Signal):
        return answer.key
    return digest([repr(item) for item in answer or ()])


def _check_answer(answer: Any, data: Dataset, *, every: bool) -> None:
    if isinstance(answer, Signal):
        assert np.isfinite(answer.values).all(), "the signal has values that are not finite"
        wanted = data if every else data.train.where(data.train.targets.sum(1) > 0)
        assert set(wanted.ids.tolist()) <= set(answer.ids.tolist()) <= set(data.ids.tolist()), (
            f"the signal must have a row for each {'sample' if every else 'labelled train sample'}"
        )
        return
    for item in answer or ():
        if isinstance(item, Finding):
            assert item.why and all(id in data for id in item.ids), (
                f"a finding names samples that are not there: {item}"
            )
        elif isinstance(item, str):
            assert item in data, f"the sample {item} is not in the data"
        else:
            assert item.because, f"an edit without a reason: {item}"
            assert not (isinstance(item, Add) and item.sample.split == TEST), "a step must not add to the test split"
    if answer and hasattr(answer[0], "because"):
        data.apply(answer)
