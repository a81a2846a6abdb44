"""Components on stdout: for `tilth components`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.cli.say import where

if TYPE_CHECKING:
    import pyarrow as pa

_LABELS = 6  # labels named of a component


def told(ws: Any, table: pa.Table, out: Path | None, most: int, as_json: bool) -> None:
    """How many there are, how large they are, and those whose labels differ most."""
    summary, worst = _summary(table), _worst(table, most)
    if as_json:
        json.dump({**summary, "out": str(out or ""), "worst": worst}, sys.stdout, indent=1)
        print()
        return
    print(
        f"\n{summary['samples']:,} samples: {summary['components']:,} components of two or more (largest "
        f"{summary['largest']:,}), {summary['singletons']:,} singletons, threshold {summary['threshold']:.4g}"
    )
    print(
        f"labels differ in {summary['at_odds']:,} of them; {summary['flagged']:,} are flagged (above the 80th percentile)"
    )
    if worst:
        print("\n  component  size  disagreement    std  labels")
    for one in worst:
        counts = [f"{name} {count}" for name, count in one["label_counts"].items()]
        said = ", ".join(counts[:_LABELS]) + (f" and {len(counts) - _LABELS} more" if len(counts) > _LABELS else "")
        line = (
            f"  {one['component_id']:>9,}  {one['size']:>4,}  {one['disagreement']:>12.3f}  {one['std']:>5.2f}  {said}"
        )
        print(line)
        print(f"             {', '.join(one['paths'])}")
    print(f"\ntable    {out}" if out else f"\nNext:  tilth components --out components.parquet{where(ws)}")


def _first_rows(table: pa.Table) -> Any:
    """The first row of each component: it holds what is said of it."""
    ids = table.column("component_id").to_numpy()
    return np.unique(ids, return_index=True)[1]


def _summary(table: pa.Table) -> dict[str, Any]:
    import pyarrow as pa

    one = table.take(pa.array(_first_rows(table)))
    sizes = one.column("component_size").to_numpy()
    column = lambda name: one.column(name).to_numpy()  # noqa: E731
    flagged = (
        column("is_bad_component_std_80") | column("is_bad_component_disagreement_80") if len(sizes) else sizes > 0
    )
    return {
        "samples": table.num_rows,
        "components": int((sizes > 1).sum()),
        "singletons": int((sizes == 1).sum()),
        "largest": int(sizes.max(initial=0)),
        "at_odds": int((column("disagreement") > 0).sum()),
        "flagged": int(np.asarray(flagged).sum()),
        "threshold": float((table.schema.metadata or {}).get(b"threshold", b"0")),
    }


def _worst(table: pa.Table, most: int) -> list[dict[str, Any]]:
    firsts = _first_rows(table)
    values, sizes = (table.column(name).to_numpy()[firsts] for name in ("disagreement", "component_size"))
    order = [at for at in np.lexsort((firsts, -sizes, -values)) if values[at] > 0][:most]
    told = []
    for at in order:
        rows = table.slice(int(firsts[at]), int(sizes[at]))
        first = rows.slice(0, 1).select(["component_id", "label_counts", "disagreement", "std", "variance"])
        said = first.to_pylist()[0]
        ids = rows.column("id").to_pylist()
        told.append(
            {
                "component_id": said["component_id"],
                "size": len(ids),
                "label_counts": dict(said["label_counts"]),
                "disagreement": said["disagreement"],
                "std": said["std"],
                "ids": ids,
                "paths": [*rows.column("path").to_pylist()[:3], *([f"+{len(ids) - 3}"] if len(ids) > 3 else [])],
            }
        )
    return told
