"""Story -> one self-contained HTML file, and a short piece of HTML for a notebook."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tilth.finding import Finding
from tilth.prove.classes import class_scores
from tilth.report import ablation, charts, confusion, gallery, guarded, tally, words, worth
from tilth.report.atlas import atlas
from tilth.report.story import Change, Story
from tilth.trial import Evidence, Measure

_PAGE = Path(__file__).parent / "page"
MOST_CLASSES = 40  # rows of the chart by class; beyond, those that moved the most up and down
MOST_ASIDES = 1_000
EDIT_ORDER = [fate for fate, _ in words.EDITS.values()]


def render(story: Story) -> str:
    """The report: HTML with its styles, pictures and script inside. It opens from disk and asks no network."""
    fates = tally.fates_of(story.changes)
    script = _text("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            story=story,
            tally=tally.tally(story),
            proof=_proof(story),
            ablation=ablation.panel(story.ablation),
            kinds=tally.kinds_of(story.findings, fates),
            **_galleries(story, fates),
            guarded=guarded.table(story.findings),
            worth=worth.panels(story, fates),
            balance=tally.balance(story.before, story.after),
            atlas=atlas(story, fates),
            asides=list(islice(story.asides, MOST_ASIDES)),
            to_prove=_command(story, " prove", "tilth prove"),
            to_list=_command(story, " diff", "tilth diff --json"),
            seconds=sorted(story.seconds.items(), key=lambda item: -item[1]),
            classes=story.before.schema.classes,
            style=Markup(_text("report.css")),
            script=Markup(script),
            # Only this script may run, whatever a class or a text is called; nothing may be fetched.
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def _text(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"words": words, "charts": charts}
    environment.filters |= {
        "number": words.number,
        "seconds": words.seconds,
        "metric": words.metric_name,
        "count": words.counted,
    }
    return environment


def _command(story: Story, verb: str, otherwise: str) -> str:
    """The command line with this verb, as the story gives it."""
    return next((line for line in story.commands.values() if verb in line), otherwise)


# -- what the templates are handed ----------------------------------------------------------------------------


def _proof(story: Story) -> dict[str, Any] | None:
    evidence = story.evidence
    if evidence is None:
        return None
    multi = story.before.schema.task == "multi-label"
    leaks = sum(finding.kind == "leak" for _, finding in story.findings)
    measures = [*evidence.measures, *(one for one in (evidence.unseen, evidence.baseline) if one)]
    by_class, folded = _by_class(evidence)
    return {
        "sentence": words.verdict_sentence(evidence),
        "baseline": words.baseline_sentence(evidence),
        "limits": words.limits(evidence, leaks=leaks, sealed_changed=story.before.seal != story.after.seal),
        "scale": _scale_of(measures),
        "classes": by_class,
        "folded": folded,
        "class_scale": charts.Scale(-0.02, 1.02),  # F1 lies within 0..1; a little air for the dots
        "reports": _reports(story, evidence),
        "curves": charts.learning_curves(evidence),
        "confusion": confusion.confusion(evidence, story.before.schema.classes, multi=multi),
        "multi": multi,
    }


def _reports(story: Story, evidence: Evidence) -> list[tuple[str, ablation.ClassTable]]:
    """(caption, classification report) of both sides; nothing where the trials gave metrics only."""
    schema = story.before.schema
    found = []
    for caption, version in (("Before", evidence.before), ("After", evidence.after)):
        trials = [trial for trial in evidence.trials if trial.version == version]
        table = ablation.class_table(class_scores(trials, schema.classes, schema.task))
        found += [(caption, table)] if table else []
    return found


def _scale_of(measures: Sequence[Measure]) -> charts.Scale:
    """One scale for the differences that are shares; a metric of another unit would flatten them."""
    shares = [measure for measure in measures if words.is_share(measure)]
    return charts.scale_of([value for measure in shares for value in (measure.low, measure.high)], zero=True)


def _by_class(evidence: Evidence) -> tuple[list[tuple[str, Measure]], int]:
    """The classes from the largest gain to the largest loss, and how many in the middle are folded."""
    ranked = sorted(evidence.per_class.items(), key=lambda item: -item[1].difference)
    if len(ranked) <= MOST_CLASSES:
        return ranked, 0
    half = MOST_CLASSES // 2
    return ranked[:half] + ranked[-half:], len(ranked) - 2 * half


def _galleries(story: Story, fates: dict[str, str]) -> dict[str, Any]:
    """Cards of findings by kind and of changes by sort, and the table of changes; one album serves them all."""
    kinds = dict.fromkeys(finding.kind for _, finding in story.findings)
    found = {kind: gallery.worst(story.findings, kind) for kind in kinds}
    severity = gallery.severities(story.findings)
    changed = {fate: gallery.chosen(story.changes, fate, severity) for fate in EDIT_ORDER}
    rows = list(islice(story.changes, gallery.MOST_ROWS))
    pictured = gallery.album(story, _shown_ids(found, changed), fates)
    named = gallery.Album(
        pictured.schema, gallery.rows_of(story, [row.edit.id for row in rows]), {}, {}, fates, story.names
    )
    return {
        "found": {kind: [gallery.finding_card(*pair, pictured) for pair in pairs] for kind, pairs in found.items()},
        "changed": {
            fate: [gallery.change_card(change, pictured) for change in some] for fate, some in changed.items() if some
        },
        "fate_counts": _fate_counts(story.changes),
        "meanings": dict(words.EDITS.values()),
        "rows": [gallery.change_row(change, named) for change in rows],
        "steps": sorted({change.step for change in story.changes}),
    }


def _shown_ids(found: dict[str, list[tuple[str, Finding]]], changed: dict[str, list[Change]]) -> list[str]:
    ids = [id for pairs in found.values() for _, finding in pairs for id in finding.ids[: gallery.MEMBERS]]
    return ids + [id for some in changed.values() for change in some for id in gallery.ids_of(change.edit)]


def _fate_counts(changes: Sequence[Change]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in changes:
        fate = gallery.fate_of(change.edit)
        counts[fate] = counts.get(fate, 0) + 1
    return counts
