"""Values of samples on stdout and as a file: for `tilth value` and `tilth why`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.errors import ExportError

if TYPE_CHECKING:
    from tilth.run.values import Effect, Influence, Valued

_ENDINGS = (".csv", ".parquet", ".jsonl")
_NAMED = 2  # judges named beside a sample
_TEXT = 48  # characters of a text beside its path
_CLASSES = 20  # lines of the summary by class before the rest is counted


# -- a table as a file ----------------------------------------------------------------------------------------


def check_table(where: Path) -> None:
    """Raises ExportError where the table could not be written: told before the work, not after."""
    if where.suffix.lower() not in _ENDINGS:
        raise ExportError(f"a table of values ends in {', '.join(_ENDINGS)}; found {where}. Say  --out values.csv")
    if where.is_dir() or not where.absolute().parent.is_dir():
        why = "it is a folder" if where.is_dir() else f"there is no folder {where.parent}"
        raise ExportError(f"{where} cannot be written: {why}. Choose another file (--out).")


def write_table(ws: Any, names: Sequence[str], where: Path) -> None:
    """All values on record, in the order of the first of these valuators."""
    from pyarrow import csv, parquet

    from tilth.store.tables import written_whole

    asked = [one.use for one in ws.valued(*names)]
    table = ws.values(*asked, *(one.use for one in ws.valued() if one.use not in asked))
    with written_whole(where) as draft:
        if where.suffix.lower() == ".parquet":
            parquet.write_table(table, draft)
        elif where.suffix.lower() == ".csv":
            csv.write_csv(table, draft)
        else:
            draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()))


# -- the answer of `tilth value` ------------------------------------------------------------------------------


def told(ws: Any, names: Sequence[str], out: Path | None, most: int, as_json: bool) -> None:
    """Of each valuator: the samples at both ends with whom they hurt and help most, the classes, time and place."""
    from tilth.run import values

    found = ws.valued(*names)
    if as_json:
        json.dump([_plain(ws, one, most) for one in found], sys.stdout, indent=1)
        print()
        return
    data = ws.data
    for one in found:
        by = f"{len(one.judges):,} judges" if one.judges else "the judges as a whole"
        judged = one.against and (one.judges or one.against != "train")
        against = f" by {by} (split {one.against})" if judged else ""
        print(f"\n{one.use}: {one.among:,} train samples valued{against}; {_unit(one)}, {one.seconds:.1f} s")
        below = int((one.means < 0).sum())
        print(f"  {below:,} of them ({below / max(one.among, 1):.1%}) below zero" + _of_zero(one, below))
        _print_end(ws, one, "most harmful" if below else "lowest", one.worst(most), "hurts most", "harms")
        _print_end(ws, one, "most helpful" if below else "highest", one.best(most), "helps most", "helps")
        _print_classes(values.by_class(data, one))
        print(f"  kept     {ws.store.folder / one.file}")
    if out:
        print(f"\nvalues   {out}")
    from tilth.cli.say import where

    hint = "" if out else f"   |   tilth value --by {names[0]} --out values.csv{where(ws)}"
    print(f"\nNext:  tilth why ID{where(ws)}   |   tilth report{where(ws)}{hint}")


def _of_zero(one: Valued, below: int) -> str:
    """Zero parts help from harm only where somebody judges."""
    return ": they do harm" if below and one.judges else ": read the order, and look at the lowest"


def _unit(one: Valued) -> str:
    return f"unit {one.signal.unit}" if one.signal.unit else "no unit"


def _print_end(ws: Any, one: Valued, title: str, rows: Sequence[int], whom: str, side: str) -> None:
    if not rows:
        return
    said = _rows(ws, one, rows)
    head = ("rank", "value", "label", "path", whom if one.judges else "")
    lines = [
        (f"{row.rank:,}", _signed(row.value), label, _called(path, text), _names(getattr(row, side)[:_NAMED]))
        for row, (path, label, text) in said
    ]
    widths = [max(len(line[at]) for line in (head, *lines)) for at in range(4)]
    print(f"\n  {title}")
    for rank, value, label, path, others in (head, *lines):
        line = f"  {rank:>{widths[0]}}  {value:>{widths[1]}}  {label:<{widths[2]}}  {path:<{widths[3]}}  {others}"
        print(line.rstrip())


def _rows(ws: Any, one: Valued, rows: Sequence[int]) -> list[tuple[Influence, tuple[str, str, str]]]:
    """What is said of each row, and its path, label and text."""
    from tilth.run import values

    ids = [str(one.signal.ids[row]) for row in rows]
    about = values.told_of(ws.store, ids)
    found = [(values.influence_of(ws.store, one, id, most=_NAMED), about[id]) for id in ids]
    return [(said, facts) for said, facts in found if said is not None]


def _print_classes(classes: Sequence[Any]) -> None:
    width = max((len(one.name) for one in classes), default=5)
    print(f"\n  {'class':<{width}}  samples   mean value  share below zero")
    shown = classes if len(classes) <= _CLASSES else sorted(classes, key=lambda one: -one.harmful)[:_CLASSES]
    for one in shown:
        print(f"  {one.name:<{width}}  {one.samples:>7,}  {_signed(one.mean):>11}  {one.harmful:>16.1%}")
    if len(shown) < len(classes):
        print(f"  ... and {len(classes) - len(shown):,} classes with a smaller share (--json has all)")


def _plain(ws: Any, one: Valued, most: int) -> dict[str, Any]:
    from dataclasses import asdict

    from tilth.run import values

    def row(id: str, said: Influence, path: str, label: str, text: str) -> dict[str, Any]:
        facts = {"id": id, "path": path, "label": label, **({"text": text} if text else {})}
        whom = {side: [asdict(effect) for effect in getattr(said, side)] for side in ("harms", "helps")}
        return {**facts, "value": said.value, "rank": said.rank, **(whom if one.judges else {})}

    def end(rows: Sequence[int]) -> list[dict[str, Any]]:
        ids = [str(one.signal.ids[at]) for at in rows]
        return [row(id, said, *facts) for id, (said, facts) in zip(ids, _rows(ws, one, rows), strict=True)]

    return {
        "valuator": one.use,
        "version": ws.data.version,
        "against": one.against,
        "unit": one.signal.unit,
        "samples": one.among,
        "judges": len(one.judges),
        "below_zero": int((one.means < 0).sum()),
        "seconds": one.seconds,
        "file": str(ws.store.folder / one.file),
        "harmful": end(one.worst(most)),
        "helpful": end(one.best(most)),
        "classes": [asdict(row) for row in values.by_class(ws.data, one)],
    }


# -- the lines of `tilth why` ---------------------------------------------------------------------------------


def lines_of(one: Influence) -> list[str]:
    """What a valuator says of one sample."""
    unit = f" {one.unit}" if one.unit else ""
    said = []
    if one.value is not None and one.rank is not None:
        said.append(
            f"worth    {one.name} {_signed(one.value)}{unit}, rank {one.rank:,} of {one.among:,} from the bottom"
        )
    own = "" if said else f"  ({one.name}{unit})"
    for word, effects in (("hurts", one.harms), ("helps", one.helps)):
        said += [f"{word:<8} {_names(effects)}"] if effects else []
    for word, effects in (("hurt by", one.harmed_by), ("aided by", one.helped_by)):
        said += [f"{word:<8} {_names(effects)}{own}"] if effects else []
    return said


def _names(effects: Sequence[Effect]) -> str:
    return ", ".join(f"{_called(one.path, one.text)} ({one.label}, {_signed(one.value)})" for one in effects)


def _called(path: str, text: str) -> str:
    """The path; of a text also how it begins."""
    words = " ".join(text.split())
    return f'{path} "{words if len(words) <= _TEXT else words[: _TEXT - 3] + "..."}"' if words else path


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4g}"
