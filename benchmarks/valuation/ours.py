"""Our methods and plain baselines: python ours.py METHOD input.npz output.npz

A method is a function of a protocol.Task that returns {"values": (n,)} and, where it has one, {"matrix": (n, m)};
higher = more helpful. Put it into METHODS and run.py measures it beside the peers.
"""

from __future__ import annotations

import numpy as np
import protocol
import worlds
from protocol import Answer, Task

PACKAGES: dict[str, str] = {}  # first word of a method's name -> distribution whose version is noted


def random(task: Task) -> Answer:
    return {"values": np.random.default_rng([task.seed, 6]).random(len(task.y)), "train_seconds": 0}


def final_loss(task: Task) -> Answer:
    """Minus the loss of each sample at the end of training."""
    return {"values": -worlds.losses(task.network(), task.X, task.y)}


def mean_loss(task: Task) -> Answer:
    """Minus the loss of each sample, mean over the checkpoints."""
    nets = (task.network(at) for at in range(len(task.states)))
    return {"values": -np.mean([worlds.losses(net, task.X, task.y) for net in nets], axis=0)}


METHODS: dict[str, protocol.Method] = {
    "baseline.random": random,
    "baseline.final-loss": final_loss,
    "baseline.mean-loss": mean_loss,
}

if __name__ == "__main__":
    protocol.main(METHODS, PACKAGES)
