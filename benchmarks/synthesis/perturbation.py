"""FGSM, PGD, DeepFool and one pixel beside foolbox, torchattacks and ART: the same network, the same pictures, one core.

    pip install --no-deps --target PEERS foolbox==3.3.4 torchattacks==3.5.1 adversarial-robustness-toolbox==1.20.1 \
        eagerpy GitPython gitdb smmap six tqdm requests urllib3 idna certifi charset-normalizer
    python benchmarks/synthesis/perturbation.py --peers PEERS [--pictures 128] [--evolved 16] [--generations 20]

Without --peers only ours are measured. Every tool runs in this process on the same torch, one after the other for each
attack; what was measured is kept in perturbation.json and not measured again (--fresh measures anew).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.learn.convnet import Net
from tilth.learn.resnet34 import Net as ResNet34
from tilth.perturb import gradient
from tilth.perturb.deepfool import deepfool
from tilth.perturb.one_pixel import one_pixel
from tilth.signal import Signals
from tilth.testing.digits import digits
from tilth.value.margin import Margin

OUT = Path(__file__).with_suffix(".json")
EPS, STEP, STEPS = 0.03, 0.0075, 10  # at .1, the usual for drawings, all of them succeed with every picture
MEAN, SCALE = 0.8, 1 / 0.3
Run = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Normalised(nn.Module):
    """Pictures in 0..1 -> answers: what all tools are handed."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.net((pixels - MEAN) * SCALE)


# -- the network and the pictures ------------------------------------------------------------------------------


def trained(folder: Path) -> tuple[Normalised, torch.Tensor, torch.Tensor]:
    """learn.convnet's network after 5 passes over 1,198 real digits of 32 px, and the other 599 as it answers them
    rightly. Kept, so that every tool and every run sees the same weights."""
    world = digits(wrong=0, junk=0, copies=0, near=0, leaks=0, scarce=0)
    run, data = world.run(), world.data
    pixels = torch.from_numpy(np.stack(list(run.images(data)))).permute(0, 3, 1, 2).float() / 255
    labels, test = torch.from_numpy(data.labels), torch.from_numpy(data.splits == "test")
    net, kept = Normalised(Net(10, 1)), folder / "perturbation.pt"
    if kept.exists():
        net.load_state_dict(torch.load(kept))
    else:
        torch.manual_seed(0)
        net = Normalised(Net(10, 1))
        taught(net, pixels[~test], labels[~test])
        torch.save(net.state_dict(), kept)
    net = net.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    with torch.no_grad():
        right = net(pixels[test]).argmax(1) == labels[test]
    print(f"accuracy on {int(test.sum())} held out: {float(right.float().mean()):.3f}")
    return net, pixels[test][right], labels[test][right]


def taught(net: nn.Module, pixels: torch.Tensor, labels: torch.Tensor) -> None:
    steps = 5 * len(pixels) // 64
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(steps):
        rows = torch.randint(len(pixels), (64,))
        optimizer.zero_grad()
        F.cross_entropy(net(pixels[rows]), labels[rows], label_smoothing=0.1).backward()
        optimizer.step()
        schedule.step()


# -- the attacks, tool by tool ---------------------------------------------------------------------------------


def ours(net: nn.Module, generations: int) -> dict[str, Run]:
    def dice(n: int) -> list[np.random.Generator]:
        return [np.random.default_rng([0, row]) for row in range(n)]

    def pgd(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        start = gradient.box_start(x, dice(len(x)), eps=EPS)
        return gradient.pgd(net, x, y, start, eps=EPS, step=STEP, steps=STEPS)

    return {
        "fgsm": lambda x, y: gradient.fgsm(net, x, y, eps=EPS),
        "pgd": pgd,
        "deepfool": lambda x, y: deepfool(net, x, y, steps=50, overshoot=0.02, candidates=10).pixels,
        "deepfool, overshoot .1": lambda x, y: deepfool(net, x, y, steps=50, overshoot=0.1, candidates=10).pixels,
        "one_pixel": lambda x, y: one_pixel(net, x, y, dice(len(x)), agents=400, generations=generations)[0],
    }


def foolbox(net: nn.Module, generations: int) -> dict[str, Run]:
    import foolbox as fb

    model = fb.PyTorchModel(net, bounds=(0, 1))

    def of(attack: Any, eps: float | None) -> Run:
        return lambda x, y: attack(model, x, y, epsilons=eps)[1]

    return {
        "fgsm": of(fb.attacks.FGSM(), EPS),
        "pgd": of(fb.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=True), EPS),
        "deepfool": of(fb.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02), None),
        "deepfool, overshoot .1": of(fb.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.1), None),
    }


def torchattacks(net: nn.Module, generations: int) -> dict[str, Run]:
    import torchattacks as ta

    return {
        "fgsm": ta.FGSM(net, eps=EPS),
        "pgd": ta.PGD(net, eps=EPS, alpha=STEP, steps=STEPS, random_start=True),
        "deepfool": ta.DeepFool(net, steps=50, overshoot=0.02),
        # Its agents are popsize // 3 genes, times 3: 399.
        "one_pixel": ta.OnePixel(net, pixels=1, steps=generations, popsize=400, inf_batch=512),
    }


def art(net: nn.Module, generations: int) -> dict[str, Run]:
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    model = PyTorchClassifier(net, nn.CrossEntropyLoss(), (1, 32, 32), 10, clip_values=(0.0, 1.0), device_type="cpu")

    def of(attack: Any) -> Run:
        return lambda x, y: torch.from_numpy(attack.generate(x.numpy(), F.one_hot(y, 10).numpy()))

    pgd = evasion.ProjectedGradientDescentPyTorch(
        model, eps=EPS, eps_step=STEP, max_iter=STEPS, num_random_init=1, batch_size=128, verbose=False
    )
    fool = evasion.DeepFool(model, max_iter=50, epsilon=0.02, nb_grads=10, batch_size=128, verbose=False)
    return {
        "fgsm": of(evasion.FastGradientMethod(model, eps=EPS, batch_size=128)),
        "pgd": of(pgd),
        "deepfool": of(fool),
        # 399 agents are written into it; predict is called with the batch of 128 that it has by default.
        "one_pixel": of(evasion.PixelAttack(model, th=1, es=1, max_iter=generations)),
    }


TOOLS = {"tilth": ours, "foolbox": foolbox, "torchattacks": torchattacks, "art": art}


# -- measuring -------------------------------------------------------------------------------------------------


def measured(run: Run, net: nn.Module, x: torch.Tensor, y: torch.Tensor, repeats: int) -> dict[str, Any]:
    """Success, mean length of the change of those that succeed, and pictures a second of one core, the best of several."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - two of the peers draw from it
    seconds, shown = [], x
    for _ in range(repeats):
        begun = time.process_time()
        shown = run(x.clone(), y.clone())
        seconds.append(time.process_time() - begun)
    shown = shown.detach()
    with torch.no_grad():
        astray = net(shown).argmax(1) != y
    change = (shown - x).flatten(1)
    length, relative = change.norm(dim=1), change.norm(dim=1) / x.flatten(1).norm(dim=1)
    some = bool(astray.any())
    return {
        "pictures": len(x),
        "success": round(float(astray.float().mean()), 4),
        "l2": round(float(length[astray].mean()), 4) if some else None,
        "relative_l2": round(float(relative[astray].mean()), 4) if some else None,
        "linf": round(float(change.abs().max()), 4),
        "pixels_changed": round(float((change != 0).sum(1).float().mean()), 1),
        "cpu_seconds": round(min(seconds), 3),
        "pictures_a_second": round(len(x) / min(seconds), 2),
    }


def cases(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, Callable[[], dict[str, Any]]]]:
    net, pixels, labels = trained(folder)
    some = [name for name in TOOLS if name == "tilth" or args.peers]
    runs = {name: TOOLS[name](net, args.generations) for name in some}
    for attack in ("fgsm", "pgd", "deepfool", "deepfool, overshoot .1", "one_pixel"):
        n = args.evolved if attack == "one_pixel" else args.pictures
        repeats = args.repeats if attack in ("fgsm", "pgd") else 1
        for name in some:
            if attack in runs[name]:
                what = (runs[name][attack], net, pixels[:n], labels[:n], repeats)
                yield f"convnet 32 px, {attack}", name, lambda what=what: measured(*what)
    if args.resnet:
        yield from _large(args)


def _large(args: argparse.Namespace) -> Iterator[tuple[str, str, Callable[[], dict[str, Any]]]]:
    """resnet34 with its first weights on 64 px of noise: for speed alone."""
    torch.manual_seed(1)
    net = Normalised(ResNet34(10)).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    pixels = torch.rand(args.resnet, 3, 64, 64)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    peers = {"pgd": ("foolbox", "torchattacks"), "deepfool": ("foolbox",)}  # picture by picture it takes minutes
    for attack, others in peers.items():
        for name in ("tilth", *(others if args.peers else ())):
            what = (TOOLS[name](net, 1)[attack], net, pixels, labels, 1)
            yield f"resnet34 64 px, random weights, {attack}", name, lambda what=what: measured(*what)


def margin() -> dict[str, Any]:
    """How low `value.margin` ranks wrong labels that were planted among digits: one seed."""
    from sklearn.metrics import roc_auc_score

    world = digits(wrong=60, junk=0, copies=0, near=0, leaks=0, scarce=0)
    data = world.data.open
    some = data.where(np.arange(len(data)) < 400)
    small = {"size_px": 32, "epochs": 1, "least_steps": 70, "precision": "fp32"}
    found = Margin(settings=small, folds=3).value(some, Signals(), world.run())
    wrong = np.isin(found.ids, list(world.wrong))
    return {
        "samples": len(found.ids),
        "wrong": int(wrong.sum()),
        "auroc": round(float(roc_auc_score(wrong, -found.values)), 4),
        "median_right": round(float(np.median(found.values[~wrong])), 4),
        "median_wrong": round(float(np.median(found.values[wrong])), 4),
    }


def machine(args: argparse.Namespace) -> dict[str, Any]:
    peers = ("foolbox", "torchattacks", "adversarial-robustness-toolbox") if args.peers else ()
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        **{name: version(name) for name in ("tilth", "numpy", "torch", *peers)},
    }


def table(rows: dict[str, Any]) -> str:
    """The rows as they stand in perturbation.md."""
    lines = [
        "| network, attack | tool | pictures | success | L2 | of the picture's | pictures a second |",
        "|---" * 7 + "|",
    ]
    for case, tools in rows.items():
        for name, one in tools.items():
            far = [f"{one[key]:.3f}" if one[key] is not None else "-" for key in ("l2", "relative_l2")]
            cells = (case, name, one["pictures"], f"{one['success']:.1%}", *far, f"{one['pictures_a_second']:,.1f}")
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--peers", type=Path, help="a folder of pip install --target")
    asked.add_argument("--pictures", type=int, default=128)
    asked.add_argument("--evolved", type=int, default=16, help="pictures of one_pixel")
    asked.add_argument("--generations", type=int, default=20)
    asked.add_argument("--resnet", type=int, default=8, help="pictures of the large network; 0: leave it out")
    asked.add_argument("--repeats", type=int, default=9)
    asked.add_argument("--work", type=Path, default=Path("/tmp"), help="where the trained network is kept")
    asked.add_argument("--fresh", action="store_true")
    args = asked.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    if args.peers:
        sys.path.append(str(args.peers))  # behind the project's own: only what is not there comes from it
    known = json.loads(OUT.read_text()) if OUT.exists() and not args.fresh else {}
    settings = {
        key: value for key, value in vars(args).items() if key in ("pictures", "evolved", "generations", "resnet")
    }
    rows: dict[str, Any] = known.get("rows", {}) if known.get("settings") == settings else {}
    for case, name, run in cases(args, args.work):
        if name not in rows.setdefault(case, {}):
            rows[case][name] = run()
            OUT.write_text(json.dumps({"machine": machine(args), "settings": settings, "rows": rows}, indent=1) + "\n")
        print(f"{case:42} {name:13} {rows[case][name]}", flush=True)
    told = known.get("margin") or margin()
    OUT.write_text(
        json.dumps({"machine": machine(args), "settings": settings, "rows": rows, "margin": told}, indent=1) + "\n"
    )
    print(table(rows), told, sep="\n")


if __name__ == "__main__":
    main()
