"""From a workspace to the story of its report, and the file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tilth.dataset import Dataset
from tilth.numerics import picture
from tilth.report.layout import layout_of
from tilth.report.render import render
from tilth.report.story import Change, Story
from tilth.steps import Aside
from tilth.trial import Evidence

if TYPE_CHECKING:
    from tilth.run.ablation import Ablation
    from tilth.workspace import Workspace

_THUMB_PX = 96
_TRAIN = "To train them again:  tilth report --train"


def write_report(
    ws: Workspace, where: str | Path, *, planted: Sequence[tuple[str, int, int]] = (), train: bool = False
) -> Path:
    """Write the report of a workspace as one self-contained HTML file; gives its path.

    planted  (what, how many were planted, how many were found), for worlds with a known answer
    train    whether trainings that are not on record any more are made again; else the report says what it leaves out
    """
    path = Path(where)
    page = render(story_of(ws, planted=planted, train=train))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(page, encoding="utf-8")
    return draft.replace(path)


def story_of(ws: Workspace, *, planted: Sequence[tuple[str, int, int]] = (), train: bool = False) -> Story:
    """All that the report tells of this workspace."""
    before, after = ws.base, ws.data
    every = _union(before, after)
    paths = dict(zip(every.ids.tolist(), every.table.column("path").to_pylist(), strict=True))
    evidence, ablation = ws.evidence(train=train), ws.ablation(train=train)
    left_out = _left_out(ws, evidence, ablation)
    for line in left_out:
        ws.voice.log(line)
    layout = layout_of(ws, every)
    return Story(
        title=ws.fact("name"),
        source=ws.fact("layout"),
        before=before,
        after=after,
        program=version("tilth"),
        created=time.strftime("%Y-%m-%d %H:%M"),
        seed=ws.fact("seed"),
        learner=evidence.learner if evidence else {},
        recipe=ws.fact("recipe", ""),
        asides=[Aside(path, why) for path, why in ws.store.ledger.asides()],
        findings=ws.findings(),
        changes=[
            Change(one.edit, batch.use, batch.before, batch.after, number)
            for number, batch in enumerate(ws.store.ledger.batches(), 1)
            for one in ws.store.ledger.changes(batch=batch.batch)
            if one.verdict == "apply"
        ],
        evidence=evidence,
        ablation=ablation,
        datasets=ws.versions(),
        values=ws.valued(),
        thumbs=_thumbs(ws, every) if before.schema.modality == "image" else _nothing,
        texts=_texts(every) if before.schema.modality == "text" else _nothing,
        names=paths.__getitem__,
        map=(layout.ids, layout.places) if layout else None,
        map_of=layout.space if layout else "",
        medoids=layout.medoids if layout else (),
        seconds=_seconds(ws, evidence),
        commands=_commands(ws),
        planted=[(what, count, found) for what, count, found in planted],
        notes=[*_notes(ws), *left_out],
    )


def _union(before: Dataset, after: Dataset) -> Dataset:
    """Every sample of both versions, as it is in the later one."""
    gone = before.where(~np.isin(before.ids, after.ids))
    return Dataset(pa.concat_tables([after.table, gone.table]), after.schema)


def _nothing(ids: Sequence[str]) -> Mapping[str, Any]:
    return {}


def _thumbs(ws: Workspace, every: Dataset) -> Callable[[Sequence[str]], Mapping[str, bytes]]:
    def thumbs(ids: Sequence[str]) -> Mapping[str, bytes]:
        chosen = every.only(ids)
        small = (picture.shrink(image, _THUMB_PX) for image in ws.run.images(chosen))
        return {
            id: picture.encode(one, suffix=".jpg", quality=80)
            for id, one in zip(chosen.ids.tolist(), small, strict=True)
        }

    return thumbs


def _texts(every: Dataset) -> Callable[[Sequence[str]], Mapping[str, str]]:
    def texts(ids: Sequence[str]) -> Mapping[str, str]:
        chosen = every.only(ids)
        return dict(zip(chosen.ids.tolist(), chosen.table.column("text").to_pylist(), strict=True))

    return texts


def _seconds(ws: Workspace, evidence: Evidence | None) -> Mapping[str, float]:
    seconds: dict[str, float] = {}
    for kind in ("signal", "findings"):
        for _, use, _, spent in ws.store.ledger.remembered(kind):
            seconds[use] = seconds.get(use, 0.0) + spent
    for batch in ws.store.ledger.batches():
        seconds[batch.use] = seconds.get(batch.use, 0.0) + batch.seconds
    if evidence:
        seconds["prove"] = sum(trial.seconds for trial in evidence.trials)
    return seconds


def _commands(ws: Workspace) -> Mapping[str, str]:
    where = f" -w {ws.store.folder}"
    return {
        "take back one sample's edit": f"tilth undo SAMPLE{where}",
        "take back a step": f"tilth undo cleanse.labels{where}",
        "take back everything": f"tilth undo all{where}",
        "ask about a sample": f"tilth why SAMPLE{where}",
        "prove it": f"tilth prove{where}",
        "prove the recipe part by part": f"tilth prove --ablate{where}",
        "list every change": f"tilth diff --json{where}",
        "write the dataset again": f"tilth export FOLDER{where}",
    }


def _notes(ws: Workspace) -> list[str]:
    if not ws.fact("held_out"):
        return []
    return [
        "The source has no test split: a share of its train samples was sealed to prove the result on. "
        "Their labels are as the source gives them, wrong ones among them; the export puts them back unchanged."
    ]


def _left_out(ws: Workspace, evidence: Evidence | None, ablation: Ablation | None) -> list[str]:
    """What is on record and not in the report, and why: a report trains nothing unasked."""
    lines = []
    if evidence is None and (asked := ws.fact("proof")):
        lines.append(
            "The proof on record is of another version. Prove this one:  tilth prove"
            if asked["after"] != ws.data.version
            else f"The proof is left out: trainings of it are not on record any more. {_TRAIN}"
        )
    if ablation is None and ws.fact("ablation"):
        lines.append(f"The ablation is left out: trainings of its first row are not on record any more. {_TRAIN}")
    elif ablation and ablation.left_out:
        names = ", ".join(ablation.left_out)
        lines.append(f"Rows of the ablation whose trainings are not on record any more are left out: {names}. {_TRAIN}")
    return lines
