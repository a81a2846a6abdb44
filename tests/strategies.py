"""Datasets and edits for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.edit import Add, Drop, Edit, Move, Relabel, Weigh
from tilth.sample import TEST, Label, Sample, made_id, raw_id

CLASSES = ("ant", "bee", "cat")


def labels(task: str) -> st.SearchStrategy[Label]:
    if task == "multi-label":
        return st.frozensets(st.integers(0, 2))
    soft = st.just(((0, 0.25), (2, 0.75)))
    return st.one_of(st.integers(0, 2), st.none(), soft)


@st.composite
def datasets(draw: st.DrawFn, least: int = 0, most: int = 12, task: str | None = None) -> Dataset:
    """Any small dataset: all splits, weights, label kinds."""
    task = task or draw(st.sampled_from(["single-label", "multi-label"]))
    n = draw(st.integers(least, most))
    samples = []
    for number in range(n):
        content = digest(draw(st.integers(0, 5))) * 2
        path = f"p{number}"
        samples.append(
            Sample(
                raw_id(content, path),
                content,
                path,
                draw(labels(task)),
                draw(st.sampled_from(["train", "valid", "test", "label_book"])),
                draw(st.sampled_from([0.5, 1.0, 2.0])),
            )
        )
    return Dataset.from_samples(draw(st.permutations(samples)), Schema("image", task, CLASSES))  # type: ignore[arg-type]


@st.composite
def datasets_with_edits(draw: st.DrawFn) -> tuple[Dataset, list[Edit]]:
    """A dataset and a batch of edits that fit it: at most one per sample, none to the test split."""
    data = draw(datasets(least=1))
    edits: list[Edit] = []
    for sample in data:
        if sample.split == TEST:
            continue
        kind = draw(st.sampled_from(["none", "drop", "relabel", "weigh", "move", "add"]))
        if kind == "drop":
            edits.append(Drop(sample.id, "junk"))
        elif kind == "relabel":
            edits.append(Relabel(sample.id, sample.label, draw(labels(data.schema.task)), "seen"))
        elif kind == "weigh":
            edits.append(Weigh(sample.id, draw(st.floats(0, 4)), "rare"))
        elif kind == "move":
            edits.append(Move(sample.id, "elsewhere", "balance"))
        elif kind == "add":
            id = made_id((sample.id,), "step", draw(st.integers(0, 3)))
            child = Sample(
                id, "c" * 32, f"{sample.path}_x", sample.label, sample.split, parents=(sample.id,), maker="m"
            )
            edits.append(Add(child, "filled"))
    return data, edits
