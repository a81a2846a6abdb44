"""`tilth demo`: the main job on the embedded sample, with the answer beside what was found."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tilth.errors import ExportError


def run_demo(folder: Path, *, seed: int, quiet: bool) -> None:
    """Write the sample below `folder`, improve it and print what was found of what was planted."""
    import tilth
    from tilth.run.voice import voice_for
    from tilth.testing.digits import digits

    began = time.monotonic()
    if folder.exists() and any(folder.iterdir()) and not (folder / "digits.tilth").exists():
        raise ExportError(f"{folder} is there already and is no demo of ours. Choose another:  tilth demo PATH")
    world = digits(seed=seed)
    source = folder / "digits"
    if not source.exists():
        draft = folder / ".digits"
        shutil.rmtree(draft, ignore_errors=True)
        world.write(draft).rename(source)
    ws = tilth.open(source, workspace=folder / "digits.tilth", seed=seed, voice=voice_for(quiet=quiet))
    # The quick recipe and a linear model: the whole loop in half a minute, on any machine.
    result = ws.improve("quick", learner="linear", seeds=3)
    target = folder / "digits-improved"
    shutil.rmtree(target, ignore_errors=True)  # ours: the demo made it
    ws.export(target)
    rows = found_of_planted(world, ws)
    page = tilth.write_report(
        ws, folder / "report.html", planted=[(what, planted, found) for what, planted, found, _ in rows]
    )
    print(f"\n{'planted':<28}{'':>8}{'found':>8}{'settled':>9}")
    for what, planted, found, settled in rows:
        print(f"{what:<28}{planted:>8}{found:>8}{settled:>9}")
    print("(Near copies with one label are found and left: two takes of one digit are no fault.)")
    if result.evidence:
        from tilth.cli import say

        say.evidence(result.evidence, False)
    print(f"dataset  {target}\nreport   {page.resolve()}\nseconds  {time.monotonic() - began:.0f}")
    print(
        f"\nNext:  tilth why ID -w {folder}/digits.tilth   |   tilth undo -w {folder}/digits.tilth   |   tilth improve YOUR_DATA"
    )


def found_of_planted(world: Any, ws: Any) -> list[tuple[str, int, int, int]]:
    """(fault, planted, found, settled): found by a detector; settled by an edit in force (relabelled rightly or dropped)."""
    spoken: dict[str, set[str]] = {}
    for _, finding in ws.findings():
        spoken.setdefault(finding.kind, set()).update(finding.ids)
    after = ws.data
    gone = {id for id in world.data.ids.tolist() if id not in after}

    def settled_label(id: str) -> bool:
        return id in gone or after[id].label == world.truth.get(id)

    def row(what: str, ids: Iterable[str], kinds: tuple[str, ...], settled: Any) -> tuple[str, int, int, int]:
        ids = list(ids)
        found = set().union(*(spoken.get(kind, set()) for kind in kinds))
        return what, len(ids), sum(id in found for id in ids), sum(map(settled, ids))

    copies = ("exact_duplicate", "near_duplicate", "contradiction", "leak")
    return [
        row("wrong labels", world.wrong, ("label_noise",), settled_label),
        row("scribbles that are no digit", world.junk, ("label_noise",), lambda id: id in gone),
        row("exact copies", (b for _, b in world.copies), copies, lambda id: _one_left(world.copies, id, after)),
        row("near copies", (b for _, b in world.near), copies, lambda id: _one_left(world.near, id, after)),
        row("copies of test pictures", (a for a, _ in world.leaks), ("leak",), lambda id: id in gone),
    ]


def _one_left(pairs: frozenset[tuple[str, str]], copy: str, after: Any) -> bool:
    original = next(a for a, b in pairs if b == copy)
    return (original in after) + (copy in after) <= 1
