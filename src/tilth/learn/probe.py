"""Which setting trains fastest on this machine and is sound.

Settings change the rounding, so a choice that hangs on the noise of a clock would break "the same seed gives the same
weights". Hence: memory order, fused optimizer and the number of threads follow rules (below); only bfloat16 is timed,
and taken where it wins by a clear margin. On a 2021 server core with AVX2 alone it is 8 times *slower* than float32; on
cores with AMX or AVX512-BF16 and on GPUs it wins by 1.5 to 4. What was measured is kept in the workspace, so a resumed run
chooses the same, and once for the machine, so that all runs on it do: in the folder that TILTH_CACHE names, else in
`tilth` below XDG_CACHE_HOME or ~/.cache.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from tilth.digest import digest
from tilth.learn.course import Course, Lesson
from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs
from tilth.learn.setting import Setting
from tilth.learn.trainer import architecture, step
from tilth.steps import Run

Measured: TypeAlias = Mapping[str, np.ndarray[Any, Any]]

MARGIN = 1.3  # below, a busy neighbour could turn the choice
_SECONDS = 3.0  # most that a probe may take
_TURNS = 6
# Steps below this work are slower on two threads than on one: cut-resnet50 at batch 8 (0.8 GFLOP) took 16 ms on one
# thread, and 80 ms on two while a neighbour computed.
_GFLOP_PER_THREAD = 4.0


def probe(
    net: nn.Module,
    shape: tuple[int, ...],
    k: int,
    plan: Plan,
    run: Run,
    *,
    precision: str,
    kind: Callable[..., Course] = Course,
) -> tuple[Setting, dict[str, Any]]:
    """The setting to train this network with, and a record of how it was found.

    shape      (c, h, w) of a picture
    precision  `fp32` or `bf16` pins it; `auto` takes the faster, which is found once and kept
    kind       the course it is trained by
    """
    work = gflop_per_step(net, (plan.batch, *shape))
    threads = max(1, min(run.threads, int(work / _GFLOP_PER_THREAD)))
    setting = Setting(device=run.device, threads=threads)
    record: dict[str, Any] = {"torch": torch.__version__, "gflop_per_step": round(work, 3)}
    if precision != "auto":
        setting = replace(setting, precision="bf16" if precision == "bf16" else "fp32")
        return setting, record | vars(setting) | {"chosen": "by hand"}
    key = ("probe", architecture(net), plan.batch, shape, run.device, threads, torch.__version__)
    kept = run.keep(key, lambda: of_machine(key, lambda: _timed(net, (plan.batch, *shape), k, plan, setting, kind)))
    fp32_ms, bf16_ms, gap = (float(value) for value in kept["measured"])
    sound = bf16_ms * MARGIN <= fp32_ms and gap <= 0.05
    setting = replace(setting, precision="bf16" if sound else "fp32")
    record |= {"fp32_ms_per_step": round(fp32_ms, 2), "bf16_ms_per_step": round(bf16_ms, 2), "bf16_loss_gap": gap}
    return setting, record | vars(setting) | {"chosen": "by probe"}


def of_machine(key: Any, measure: Callable[[], Measured]) -> Measured:
    """What was measured on this machine under this key: by whoever came first, in whatever workspace. Where nothing can be
    kept, it is measured."""
    machine = (platform.node(), platform.machine(), os.cpu_count(), torch.backends.cpu.get_cpu_capability())
    try:
        named = os.environ.get("TILTH_CACHE")
        folder = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tilth"
    except RuntimeError:  # nobody's home
        return measure()
    file = folder / "probes" / f"{digest(key, machine)}.json"
    known = _read(file)
    if known is None:
        known = measure()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps({name: values.tolist() for name, values in known.items()}))
            if _read(file) is None:  # of two at once both take what then stands there
                draft.replace(file)
            draft.unlink(missing_ok=True)
        except OSError:  # no home, a full or a read-only disk: as it was before there was such a folder
            return known
        known = _read(file) or known
    return known


def _read(file: Path) -> Measured | None:
    try:
        return {name: np.array(values, np.float64) for name, values in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return None


def gflop_per_step(net: nn.Module, shape: tuple[int, ...]) -> float:
    """Work of one step of training: three times that of looking at a batch."""
    from torch.utils.flop_counter import FlopCounterMode

    trial = copy.deepcopy(net).cpu().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        trial(torch.zeros(shape))
    return 3 * counter.get_total_flops() / 1e9


def _timed(
    net: nn.Module, shape: tuple[int, ...], k: int, plan: Plan, setting: Setting, kind: Callable[..., Course]
) -> dict[str, np.ndarray[Any, Any]]:
    """`measured` (3,): ms per step in fp32, in bf16, and how far their losses part, as a share of the loss."""
    with setting.active():
        torch.manual_seed(0)
        batch, truth = torch.randn(shape), torch.eye(k)[torch.arange(shape[0]) % k]
        lesson = Lesson(Inputs(batch), truth, torch.ones(shape[0]), multi=False)
        candidates = [replace(setting, precision="fp32"), replace(setting, precision="bf16")]
        steps = [_stepper(net, lesson, plan, candidate, kind) for candidate in candidates]
        best, losses = [float("inf")] * 2, [0.0] * 2
        began = time.perf_counter()
        for turn in range(_TURNS):
            for which, once in enumerate(steps):
                started = time.perf_counter()
                losses[which] = once()
                if turn:  # the first one warms up
                    best[which] = min(best[which], (time.perf_counter() - started) * 1e3)
            if turn and time.perf_counter() - began > _SECONDS / 2:
                break
    gap = abs(losses[1] - losses[0]) / max(abs(losses[0]), 0.1) if np.isfinite(losses).all() else float("inf")
    return {"measured": np.array([*best, gap])}


def _stepper(
    net: nn.Module, lesson: Lesson, plan: Plan, setting: Setting, kind: Callable[..., Course]
) -> Callable[[], float]:
    course = kind(net, lesson.on(setting), plan, setting, 0)
    trial, optimizer = course.begin()

    def once() -> float:
        sums = step(trial, course, optimizer, 0)  # brings sums home: waits for a GPU
        return float(sums[0] / sums[2])

    return once
