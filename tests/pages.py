"""A strict reader of a report's HTML, and a story that has something of everything."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Add, Drop, Relabel
from tilth.finding import Finding
from tilth.report.render import render
from tilth.report.story import Change, Story
from tilth.sample import Sample, made_id
from tilth.steps import Aside
from tilth.testing import worlds
from tilth.trial import Evidence, Measure, Trial

EVIL = "<script>alert(1)</script>"
QUOTES = "\"'><img src=x onerror=alert(2)> & </script><!-- \u2028"

SECTIONS = ("result", "proof", "found", "changed", "balance", "map", "aside", "made")
VOID = {"meta", "img", "input", "br", "link", "col", "hr"}
SVG_VOID = {"line", "circle", "path", "rect", "polyline"}  # closed with "/>"; the parser reports start and end


class Page(HTMLParser):
    """A strict reader: every tag is closed in order, ids are unique, and what is loaded is kept."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.words: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if facts.get("id"):
            self.ids.append(str(facts["id"]))
        self.loads += [str(facts[key]) for key in ("src", "href", "data", "action", "poster", "srcset") if key in facts]
        assert not [key for key in facts if key.startswith("on")], f"an event handler in {tag}: {facts}"
        self.scripts += tag == "script"
        if tag == "img":
            self.images.append(facts)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID | SVG_VOID, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(story: Story) -> Page:
    page = Page(render(story))
    assert [id for id in page.ids if id in SECTIONS] == list(SECTIONS)
    assert len(page.ids) == len(set(page.ids))
    for load in page.loads:
        assert load.startswith(("#", "data:image/")), f"the page loads {load[:80]}"
    return page


def measure(metric: str, before: float, after: float, half: float) -> Measure:
    return Measure(metric, before, after, after - before, after - before - half, after - before + half)


def evidence(
    before: Dataset, after: Dataset, *, gain: float = 0.1, half: float = 0.05, curves: bool = True
) -> Evidence:
    """Plausible trials on the test split: right with probability 0.7 before and 0.7 + gain after."""
    rng = np.random.default_rng(0)
    test = before.split("test")
    targets = test.targets
    trials = []
    for data, share in ((before, 0.7), (after, 0.7 + gain)):
        for seed in (0, 1, 2):
            flip = rng.random(targets.shape) > share
            said = np.where(flip, 1 - targets, targets) * 0.8 + 0.1
            rows = [
                {"epoch": float(e), "loss": 1 / e, "accuracy": 1 - 1 / (e + 1), "valid_loss": 2 / e} for e in (1, 2, 3)
            ]
            trials.append(
                Trial({"name": "convnet"}, data.version, before.seal, seed, test.ids, targets, said,
                      {"accuracy": share}, tuple(rows) if curves else ())
            )  # fmt: skip
    by_class = {
        name: measure("f1", 0.6, 0.6 + gain * (at + 1) / 4, half) for at, name in enumerate(before.schema.classes)
    }
    top = measure("accuracy", 0.7, 0.7 + gain, half)
    rest = measure("macro_f1", 0.65, 0.65 + gain, half)
    return Evidence(
        before.version, after.version, before.seal, {"name": "convnet"}, (0, 1, 2), (top, rest), by_class,
        measure("accuracy", 0.7, 0.69, 0.02), tuple(trials),
    )  # fmt: skip


def changes(before: Dataset, batches: list[list[object]]) -> tuple[Dataset, list[Change]]:
    data, made = before, []
    for number, edits in enumerate(batches, 1):
        new = data.apply(edits)  # type: ignore[arg-type]
        made += [Change(edit, f"step.{number}", data.version, new.version, number) for edit in edits]  # type: ignore[arg-type]
        data = new
    return data, made


def photo_story(**more: object) -> Story:
    world = worlds.photos(120, wrong=6, copies=3, leaks=2, seed=1)
    data, names = world.data, world.data.schema.classes
    mend = [
        Relabel(id, data[id].label, world.truth[id], f"The model and the neighbours say {names[int(world.truth[id])]}.")  # type: ignore[arg-type]
        for id in sorted(world.wrong)
    ]
    drop = [Drop(twin, "An exact copy.") for _, twin in sorted(world.copies)]
    busy = world.wrong | {id for pair in world.copies | world.leaks for id in pair}
    parent = next(sample for sample in data.train if sample.id not in busy)
    child = made_id((parent.id,), "x", 1)
    add = Add(
        Sample(
            child, "c" * 32, "made.png", parent.label, "train", 1.0, (parent.id,), "augment.geometric:shear", "blob"
        ),
        "To fill its class.",
    )
    after, made = changes(data, [[*mend, *drop], [add]])
    pictures = {**world.contents, child: world.contents[parent.id]}
    findings = [
        ("audit.label_noise", Finding("label_noise", (edit.id,), 0.9, "The model doubts it.", {
            "given": edit.old, "suggested": edit.new, "given_probability": 0.03, "suggested_probability": 0.91}))
        for edit in mend
    ]  # fmt: skip
    findings += [("audit.leaks", Finding("leak", pair, 1.0, "In train and in test.")) for pair in sorted(world.leaks)]
    findings += [("audit.balance", Finding("imbalance", (), 0.1, "The classes are not even."))]
    ids = after.ids.tolist()
    story = Story(
        "Shapes", "a folder of folders", data, after, program="0.1.0", created="21 November", findings=findings,
        changes=made, evidence=evidence(data, after), recipe='name = "x"', asides=[Aside("bad.png", "it is empty")],
        thumbs=lambda ids: {id: pictures[id] for id in ids if id in pictures},
        map=(ids, np.random.default_rng(0).normal(size=(len(ids), 2))),
        seconds={"prove": 12.0, "read": 0.2}, commands={"undo": "tilth undo . --all"}, planted=[("wrong labels", 6, 6)],
        learner={"name": "convnet", "epochs": 40},
    )  # fmt: skip
    return replace(story, **more)  # type: ignore[arg-type]
