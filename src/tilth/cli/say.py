"""Answers on stdout: words for people, or JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tilth.cli import worth
from tilth.cli.targets import Written

_SHOWN = 12  # examples of a kind before the rest is counted; --json has all


def data(values: Mapping[str, Any], as_json: bool) -> None:
    """A few named values."""
    if as_json:
        _json(values)
    else:
        print(
            "\n".join(
                f"{key:<10} {value:,}" if isinstance(value, int) else f"{key:<10} {value}"
                for key, value in values.items()
            )
        )


def improved(ws: Any, result: Any, written: Written, page: Path, as_json: bool) -> None:
    """The end of `improve`."""
    tally, evidence_ = ws.tally(), result.evidence
    if as_json:
        _json(
            {
                "version": result.after.version,
                "samples": len(result.after),
                "open": len(result.after.open),
                "edits": tally,
                "evidence": evidence_plain(evidence_) if evidence_ else None,
                "out": str(written.where),
                "stood": written.stood,
                "report": str(page),
            }
        )
        return
    counted = ", ".join(f"{count:,} {kind}" for kind, count in tally.items()) or "nothing to change"
    print(f"\n{len(result.before.open):,} -> {len(result.after.open):,} open samples: {counted}")
    if evidence_:
        evidence(evidence_, False)
    print(
        f"dataset  {written.where}{written.told}\nreport   {page}\nundo     tilth undo [SAMPLE | STEP | all]{where(ws)}"
    )


def where(ws: Any) -> str:
    """What to add to a command so that it means this workspace."""
    folder = ws.store.folder
    return "" if folder == Path(".tilth") else f" -w {folder}"


def seeds_told(count: int) -> str:
    """How many trainings each side had."""
    return f"{count} seeds in pairs" if count > 1 else "one seed"


def evidence(one: Any, as_json: bool) -> None:
    """The proof: the headline, the other metrics, the random baseline."""
    if as_json:
        _json(evidence_plain(one))
        return
    print(f"\n{one.headline.sentence}")
    for measure in one.measures[1:]:
        print(f"  {measure.sentence}")
    if one.taught:
        print(f"  {leaked(one)}")
    if one.baseline:
        print(f"  as many dropped at random: {one.baseline.sentence}")
    print(f"  ({seeds_told(len(one.seeds))}, {one.learner.get('use', one.learner)}, sealed test {one.seal})\n")


def leaked(one: Any) -> str:
    """The headline without the test samples that lay in train too."""
    asked = len(one.trials[0].ids)
    if one.unseen:
        return f"without {one.taught:,} leaked test samples ({asked - one.taught:,} are left): {one.unseen.sentence}"
    why = (
        "without them none is left" if one.taught == asked else "the command gave no probabilities to leave them out by"
    )
    return f"{one.taught:,} of {asked:,} test samples lie in train too and flatter: {why}"


def evidence_plain(one: Any) -> dict[str, Any]:
    """A proof as JSON can hold it."""
    return {
        "verdict": one.verdict,
        "before": one.before,
        "after": one.after,
        "seal": one.seal,
        "seeds": list(one.seeds),
        "learner": dict(one.learner),
        "measures": [measure_plain(measure) for measure in one.measures],
        "per_class": {name: measure_plain(measure) for name, measure in one.per_class.items()},
        "baseline": measure_plain(one.baseline) if one.baseline else None,
        "unseen": measure_plain(one.unseen) if one.unseen else None,
        "taught": one.taught,
    }


def measure_plain(one: Any) -> dict[str, Any]:
    """One metric before and after as JSON can hold it, with its verdict."""
    return {**dataclasses.asdict(one), "verdict": one.verdict}


def findings(ws: Any, found: Sequence[tuple[str, Any]], as_json: bool) -> None:
    """Findings by kind, the worst of each in words."""
    asides = ws.store.ledger.asides()
    if as_json:
        rows = [{"step": use, **_finding_plain(one)} for use, one in found]
        _json(
            {
                "version": ws.data.version,
                "findings": rows,
                "aside": [{"path": path, "why": why} for path, why in asides],
            }
        )
        return
    for kind in dict.fromkeys(one.kind for _, one in found):
        chosen = sorted((one for _, one in found if one.kind == kind), key=lambda one: -one.severity)
        print(f"\n{kind.replace('_', ' ')}: {len(chosen):,}")
        for one in chosen[:_SHOWN]:
            ids = " ".join(one.ids[:3]) + (f" (+{len(one.ids) - 3})" if len(one.ids) > 3 else "")
            print(f"  {one.severity:.2f}  {ids}  {one.why}")
        if len(chosen) > _SHOWN:
            print(f"  ... and {len(chosen) - _SHOWN:,} more (--json has all)")
    if asides:
        print(f"\nset aside: {len(asides):,}")
        print("\n".join(f"  {path}: {why}" for path, why in asides[:_SHOWN]))
    if not found and not asides:
        print("nothing was found")


def _finding_plain(one: Any) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "ids": list(one.ids),
        "severity": one.severity,
        "why": one.why,
        "evidence": dict(one.evidence),
    }


def dry_run(
    ws: Any, recipe: str | None, embedder: str | None, edits_: Sequence[tuple[str, Any]], as_json: bool
) -> None:
    """The plan, and the edits it would make."""
    chosen, _ = ws.recipe(recipe)
    if not as_json:
        print(f"plan: {chosen.name}. {chosen.about}")
        for place in ws.plan(chosen, embedder=embedder):
            told = ", ".join(f"{key} = {value!r}" for key, value in _settings_of(place).items())
            print(f"  {place.place:>6}  {place.use:<22} {told}")
    edits(ws, edits_, as_json, "To do it, the same command without --dry-run")


def _settings_of(place: Any) -> dict[str, Any]:
    usually = {"pool": 1, "room": 1, "crossfits": 1, "worth": 0}
    asked = {name: (getattr(place, name), usual) for name, usual in usually.items()}
    return {**place.settings, **{name: value for name, (value, usual) in asked.items() if value != usual}}


def edits(ws: Any, proposed: Sequence[tuple[str, Any]], as_json: bool, then: str) -> None:
    """Proposed edits by step and kind, some of each in words; `then`: how they come to be applied."""
    from tilth.store.plain import edit_to_plain, kind_of

    if as_json:
        rows = [
            {"step": use, "kind": kind_of(one), "id": one.id, "because": one.because, **edit_to_plain(one)}
            for use, one in proposed
        ]
        _json({"version": ws.data.version, "edits": rows})
        return
    for use, kind in dict.fromkeys((use, kind_of(one)) for use, one in proposed):
        chosen = [one for by, one in proposed if by == use and kind_of(one) == kind]
        print(f"\n{use}: {len(chosen):,} {kind}")
        print("\n".join(f"  {one.id}  {one.because}" for one in chosen[:_SHOWN]))
        if len(chosen) > _SHOWN:
            print(f"  ... and {len(chosen) - _SHOWN:,} more (--json has all)")
    print(f"\nNothing was changed. {then}" if proposed else "\nnothing to change")


def validation_set(ws: Any, made: Any, target: Path | None, as_json: bool) -> None:
    """What is proposed for validation, class by class, and how clean it is expected to be."""
    from tilth.store.plain import kind_of

    told = dict(made.summary.evidence) if made.summary else {}
    edits = Counter(kind_of(one) for _, one in made.outcome.edits)
    if as_json:
        ids = made.data.ids.tolist()
        told |= {"edits": dict(edits), "replaced": made.replaced, "ids": ids, "out": str(target or "")}
        _json({"version": ws.data.version, **told})
        return
    print(
        made.summary.why
        if made.summary
        else "nothing could be proposed: train needs labelled samples of two classes or more to choose from"
    )
    by_class = told.get("purity_by_class", {})
    for name, count in made.data.counts().items():
        if name in by_class:
            low, high = by_class[name]
            print(f"  {name:<20} {count:>4}   expected right {low:.1%} to {high:.1%}")
    if target is None:
        if open_ := len(ws.proposals()):
            print(f"{open_:,} edits that were proposed before still wait for `tilth apply`.")
        return
    more = f", {edits['drop']:,} copies of them leave train too" if edits["drop"] else ""
    print(f"\n{len(made.data):,} samples proposed{more}. Look at them before you trust them.")
    if made.replaced:
        print(
            f"They replace {made.replaced:,} edits that were proposed before and not applied: these are withdrawn.\n"
            "Propose with their recipe again to have them back."
        )
    print(f"set      {target}\napply    tilth apply{where(ws)}   (--skip SAMPLE for one that is wrong)")


def log(ws: Any, as_json: bool) -> None:
    """The lines of the ledger and the line of batches."""
    batches = ws.store.ledger.batches()
    if as_json:
        _json(
            {
                "log": [{"at": at, "what": what} for at, what in ws.log()],
                "line": [dataclasses.asdict(one) for one in batches],
            }
        )
        return
    print("\n".join(f"{at}  {what}" for at, what in ws.log()))
    print(f"\nbase {ws.base.version}")
    print("\n".join(f"  {one.place:>5}  {one.use:<22} -> {one.after}" for one in batches))


def why(one: Any, as_json: bool) -> None:
    """All that is known of a sample."""
    from tilth.store.plain import kind_of

    sample = one.sample
    if as_json:
        _json(
            {
                "id": sample.id,
                "path": sample.path,
                "label": one.label,
                "split": sample.split,
                "present": one.present,
                "parents": list(one.parents),
                "children": list(one.children),
                "findings": [{"step": use, **_finding_plain(finding)} for use, finding in one.findings],
                "edits": [
                    {
                        "step": batch.use,
                        "kind": kind_of(change.edit),
                        "because": change.edit.because,
                        "verdict": change.verdict,
                        "state": batch.state,
                        "by": change.by,
                        "why": change.why,
                        "evidence": dict(change.edit.evidence),
                    }
                    for batch, change in one.changes
                ],
                "values": [dataclasses.asdict(said) for said in one.values],
            }
        )
        return
    print(
        f"{sample.id}  {sample.path}\n  label {one.label}, split {sample.split}, {'present' if one.present else 'not in the present version'}"
    )
    if sample.maker:
        print(f"  made by {sample.maker} from {', '.join(one.parents) or 'no other sample'}")
    for use, finding in one.findings:
        print(f"  found    {finding.kind} ({finding.severity:.2f}, {use}): {finding.why}")
    for batch, change in one.changes:
        stands = {"proposed": "  [proposed, not applied]", "superseded": "  [of an earlier run]"}.get(batch.state, "")
        if change.verdict == "reject":
            stands = f"  [taken back by {change.by}: {change.why}]"
        print(f"  {kind_of(change.edit):<8} {batch.use}, by {change.by}: {change.edit.because}{stands}")
    if one.children:
        print(
            f"  made from it: {', '.join(one.children[:8])}"
            + (f" (+{len(one.children) - 8})" if len(one.children) > 8 else "")
        )
    for said in one.values:
        print("\n".join(f"  {line}" for line in worth.lines_of(said)))
    if not one.findings and not one.changes and not one.values:
        print("  nothing was found and nothing was changed")


def undone(ws: Any, result: Any, as_json: bool) -> None:
    """What an undo took back."""
    if as_json:
        _json(
            {
                "version": result.version,
                "undone": [one.edit.id for one in result.asked],
                "also": [{"id": one.edit.id, "why": why} for one, why in result.also],
            }
        )
        return
    print(
        f"{len(result.asked):,} edit{'' if len(result.asked) == 1 else 's'} taken back; the version is {result.version} now"
    )
    for reason, count in Counter(reason for _, reason in result.also).items():
        print(f"  and {count:,} that depended on them: {reason}")
    if ws.fact("proof"):
        print("  The proof on record is of another version. Again:  tilth prove" + where(ws))


def diff(ws: Any, differences: Sequence[Any], as_json: bool) -> None:
    """Differences between two versions, one a line."""
    if as_json:
        _json([dataclasses.asdict(one) for one in differences])
        return
    for kind, count in Counter(one.kind for one in differences).items():
        print(f"{kind}: {count:,}")
    for one in differences:
        change = " -> ".join(part for part in (one.old, one.new) if part)
        print(f"  {one.kind:<10} {one.id}  {one.path}  {change}  {one.because}")


def steps(as_json: bool, *, name: str = "") -> None:
    """Every registered step, those of one role, or one. Raises RecipeError for a name that is neither."""
    from tilth.run.catalogue import catalogue
    from tilth.run.plugins import find_step

    rows = catalogue()
    if name and name not in {one.role for one in rows}:
        name = find_step(name).name
    rows = [one for one in rows if name in ("", one.role, one.name)]
    if as_json:
        _json([dataclasses.asdict(one) for one in rows])
        return
    for group in dict.fromkeys(one.role for one in rows):
        print(f"\n{group}")
        for one in (row for row in rows if row.role == group):
            print(f"  {one.name:<22} {one.about}")
            facts = [
                ("needs", ", ".join(one.needs)),
                ("gives", ", ".join(one.gives)),
                ("source", one.source),
                ("cost", one.cost),
                ("extra", one.extra and f"pip install tilth[{one.extra}]"),
                ("from", one.package if one.package != "tilth" else ""),
            ]
            for name, value in facts:
                if value:
                    print(f"    {name:<8} {value}")
            if one.settings:
                print("    settings " + ", ".join(f"{name} = {value!r}" for name, value in one.settings.items()))


def _json(value: Any) -> None:
    from tilth.store.plain import dump

    json.dump(json.loads(dump(value)), sys.stdout, indent=1)
    print()
