"""Proof through the memo: trials are kept one by one, so a kill loses at most those in progress."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import RecipeError, StepError
from tilth.recipe import Recipe, StepCall
from tilth.run.local import LocalRun
from tilth.run.plugins import find_step, make_step, step_key
from tilth.steps import Run, declared
from tilth.store.shelf import Store
from tilth.store.tables import written_whole
from tilth.trial import Evidence, Trial


def learner_of(spec: str) -> tuple[str, dict[str, Any]]:
    """`convnet` or `package.module:factory` as a registered learner and the settings that it takes."""
    return ("learn.module", {"factory": spec}) if ":" in spec else (spec, {})


def fixed_model(spec: str, settings: Mapping[str, Any] | None = None) -> Any:
    """The learner of this name with these settings. Raises RecipeError or SettingError for what does not exist."""
    use, given = learner_of(spec)
    if find_step(use).role != "learners":
        raise RecipeError(f"{spec} is no learner; `tilth steps` lists those that are")
    step = make_step(use, {**given, **(settings or {})})
    if hasattr(step, "check"):
        step.check()
    return step


def check_metric(metric: str | None, task: str) -> None:
    """Raises SettingError for a headline that the task does not know: told before the work that comes before the proof."""
    from tilth.prove.compare import headline_of

    headline_of(metric, task)


def valued_by(recipe: Recipe, learner: str | None, settings: Mapping[str, Any] | None) -> Recipe:
    """The recipe with this fixed model in the valuators, embedders and augmenters that ask for a learner and name none: what
    is valued is then what is proved, what a selector sees is what the fixed model sees, and what is led astray is of its
    kind."""
    if learner is None:
        return recipe

    def handed(block: Any) -> Any:
        if not isinstance(block, StepCall):
            return replace(block, steps=tuple(handed(call) for call in block.steps))
        known = find_step(block.use)
        asks = known.role in ("valuators", "embedders", "augmenters")
        named = {field.name for field in fields(known.load())} if asks else set()
        own = asks and declared(known.load(), "own_learner")
        if own or not {"learner", "settings"} <= named or "learner" in block.settings:
            return block
        use, given = learner_of(learner)
        # A command, a regression: nothing to go through again, and no layer to look at.
        if not hasattr(find_step(use).load(), "trace"):
            return block
        return replace(block, settings={**block.settings, "learner": use, "settings": {**given, **(settings or {})}})

    return replace(recipe, steps=tuple(handed(block) for block in recipe.steps))


def embedder_of(spec: str) -> tuple[str, dict[str, Any]]:
    """`embed.pixels`, `package.module:factory` or `model.onnx` as a registered embedder and its settings."""
    if spec.endswith(".onnx"):
        return "embed.onnx", {"path": spec}
    return ("embed.module", {"factory": spec}) if ":" in spec else (spec, {})


class Untrained(StepError):
    """A trial that is not on record, where none may be held."""


@dataclass(frozen=True)
class RememberedHold:
    """`prove.trial.hold` through files: a trial that was held before is read. Can be pickled.

    train  whether one that is not on record is held; else it raises Untrained
    """

    folder: Path
    fresh: float = 0.0
    train: bool = True

    def __call__(self, use: str, settings: Mapping[str, Any], data: Dataset, seed: int, run: Run) -> Trial:
        from tilth.prove.trial import hold, to_plain

        if (known := self.on_record(use, settings, data, seed)) is not None:
            return known
        key = self._key(use, settings, data, seed)
        if not self.train:
            raise Untrained(f"no trial of version {data.version} with {use} and seed {seed} is on record")
        file = self.folder / f"{key}.json"
        trial = hold(use, settings, data, seed, run.within(key) if isinstance(run, LocalRun) else run)
        with written_whole(file) as draft:
            draft.write_text(json.dumps(to_plain(trial)))
        return trial

    def on_record(self, use: str, settings: Mapping[str, Any], data: Dataset, seed: int) -> Trial | None:
        """The trial that was held before, or None."""
        from tilth.prove.trial import from_plain

        file = self.folder / f"{self._key(use, settings, data, seed)}.json"
        if not file.exists() or file.stat().st_mtime < self.fresh:
            return None
        return from_plain(json.loads(file.read_text()))

    def _key(self, use: str, settings: Mapping[str, Any], data: Dataset, seed: int) -> str:
        return digest("trial", step_key(use, make_step(use, settings)), data.version, data.seal, seed)


@dataclass(frozen=True)
class RememberedUnder:
    """`prove.robustness.hold_under` through files, as `RememberedHold`."""

    folder: Path
    fresh: float = 0.0
    train: bool = True

    def __call__(
        self, use: str, settings: Mapping[str, Any], data: Dataset, seed: int, run: Run, eps: float
    ) -> Mapping[str, Trial]:
        from tilth.prove.robustness import AGENTS, EVOLVED, GENERATIONS, PICTURES, STEP, STEPS, hold_under
        from tilth.prove.trial import from_plain, to_plain

        asked = (eps, PICTURES, EVOLVED, AGENTS, GENERATIONS, STEPS, STEP)
        key = digest("under", step_key(use, make_step(use, settings)), data.version, data.seal, seed, run.seed, asked)
        file = self.folder / f"{key}.json"
        if file.exists() and file.stat().st_mtime >= self.fresh:
            return {name: from_plain(plain) for name, plain in json.loads(file.read_text()).items()}
        if not self.train:
            raise Untrained(f"no trial under attack of version {data.version} with {use} and seed {seed} is on record")
        found = hold_under(use, settings, data, seed, run.within(key) if isinstance(run, LocalRun) else run, eps)
        with written_whole(file) as draft:
            draft.write_text(json.dumps({name: to_plain(trial) for name, trial in found.items()}))
        return found


def prove(
    store: Store,
    run: LocalRun,
    *,
    before: str,
    after: str,
    learner: str,
    settings: Mapping[str, Any],
    seeds: int,
    metric: str | None,
    robustness: bool = False,
    train: bool = True,
) -> Evidence:
    """Evidence for two versions that the store keeps; with `robustness` it also tells of both under attack. Raises Untrained
    where a trial is missing and none may be held."""
    from tilth.prove.compare import compare

    use, given = learner_of(learner)
    folder = store.folder.resolve() / "trials"
    asked: dict[str, Any] = {"learner": use, "settings": {**given, **settings}, "seeds": range(seeds), "run": run}
    sides = store.version(before), store.version(after)
    evidence = compare(*sides, **asked, hold=RememberedHold(folder, run.fresh, train), metric=metric)
    if not robustness:
        return evidence
    from tilth.prove.robustness import robustness as under_attack

    more = under_attack(*sides, **asked, hold_under=RememberedUnder(folder, run.fresh, train))
    return replace(evidence, measures=(*evidence.measures, *more))
