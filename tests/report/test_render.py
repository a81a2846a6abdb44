"""The report is well formed, self-contained, escaped and honest, for every kind of dataset."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pages import EVIL, QUOTES, Page, changes, evidence, measure, photo_story, read
from tilth.dataset import Dataset, Schema
from tilth.edit import Add, Drop, Move, Relabel, Weigh
from tilth.finding import Finding
from tilth.report.render import render
from tilth.report.story import Story
from tilth.sample import Sample, made_id, raw_id
from tilth.steps import Aside
from tilth.testing import worlds
from tilth.trial import Measure


def test_tells_the_result_the_findings_and_the_changes() -> None:
    page = read(photo_story())
    assert "rose from 70.0 % to 80.0 % (+10.0 points, 95 % interval +5.0 to +15.0)" in page.text
    assert "122 → 120" not in page.text and "125 → 123" in page.text
    assert "Relabelled 6 Dropped 3 Added 1 Set aside 1" in page.text
    assert "Doubtful labels 6 6 6" in page.text  # findings, samples, acted on
    assert "To fill its class." in page.text and "An exact copy." in page.text
    assert "it is empty" in page.text and "tilth undo . --all" in page.text
    assert "2 leaks between the splits were found" in page.text


def test_every_picture_has_words_beside_it() -> None:
    page = read(photo_story())
    assert page.images and all(image.get("alt") for image in page.images)
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page.images)


def test_says_not_shown_where_the_interval_holds_zero() -> None:
    story = photo_story()
    page = read(replace(story, evidence=evidence(story.before, story.after, gain=0.02, half=0.05)))
    assert "whether the changes helped or harmed is not shown" in page.text
    assert "rose" not in page.text and "better" not in page.text.replace("not shown", "")


def test_says_worse_where_it_is_worse() -> None:
    story = photo_story()
    page = read(replace(story, evidence=evidence(story.before, story.after, gain=-0.2)))
    assert "fell from 70.0 % to 50.0 % (−20.0 points" in page.text and "The changes did harm." in page.text


@pytest.mark.parametrize(
    ("gain", "fair", "said"),
    [
        (
            -0.2,
            (0.6, 0.61),
            "from 60.0 % to 61.0 % (−4.0 to +6.0): there, nothing is shown, and that is the fairer figure.",
        ),
        (-0.2, (0.5, 0.7), "that is a gain, and that is the fairer figure."),
        (0.2, (0.7, 0.6), "that is harm, and that is the fairer figure."),
        (0.2, (0.7, 0.71), "there, nothing is shown"),
        (0.0, (0.5, 0.7), "that is a gain"),
    ],
)
def test_where_leaked_test_samples_say_otherwise_it_is_told(gain: float, fair: tuple[float, float], said: str) -> None:
    story = photo_story()
    told = replace(evidence(story.before, story.after, gain=gain), unseen=measure("accuracy", *fair, 0.05), taught=7)
    page = read(replace(story, evidence=told))
    assert "Without 7 leaked test samples it went" in page.text and said in page.text
    assert "The changes did harm." not in page.text and "without the 7 leaked test samples" in page.text
    assert "that is the fairer row" in page.text


def test_harm_that_is_harm_without_leaks_too_is_called_so() -> None:
    story = photo_story()
    told = replace(evidence(story.before, story.after, gain=-0.2), unseen=measure("accuracy", 0.7, 0.5, 0.05), taught=7)
    assert "The changes did harm." in read(replace(story, evidence=told)).text
    page = read(replace(story, evidence=replace(told, unseen=None)))
    assert "The changes did harm." not in page.text and "Without them nothing can be told" in page.text


def test_says_where_random_deletion_explains_the_gain() -> None:
    story = photo_story()
    assert story.evidence is not None
    base = measure("accuracy", 0.7, 0.79, 0.02)
    page = read(replace(story, evidence=replace(story.evidence, baseline=base)))
    assert "choosing these samples is not shown to matter" in page.text
    assert "does not explain the gain" in read(story).text


def test_without_evidence_nothing_is_claimed() -> None:
    page = read(photo_story(evidence=None))
    assert "not proved" in page.text and "not that it helped" in page.text
    assert "95 % interval" not in page.text


def test_an_untouched_dataset_says_so() -> None:
    data = worlds.photos(20).data
    page = read(Story("Plain", "a folder", data, data))
    for said in (
        "Nothing: no step",
        "Nothing: the data after",
        "No map was made",
        "Nothing: every file",
        "No trial was run",
    ):
        assert said in page.text


def test_the_same_version_on_both_sides_has_its_matrices() -> None:
    data = worlds.photos(40).data
    page = read(Story("Plain", "a folder", data, data, evidence=evidence(data, data, gain=0.0)))
    assert "Confusion matrices" in page.text and "is not shown" in page.text


def test_an_empty_dataset_has_a_report() -> None:
    data = Dataset.from_samples([], Schema("image", "single-label", ()))
    assert "There are no samples." in read(Story("Void", "an empty folder", data, data)).text


def test_text_of_the_data_is_never_markup() -> None:
    schema = Schema("text", "single-label", (EVIL, QUOTES, "plain"))
    samples = [
        Sample(raw_id(str(at), EVIL + str(at)), str(at) * 32, EVIL + str(at), at % 3, "test" if at > 5 else "train",
               home="text", text=QUOTES)
        for at in range(9)
    ]  # fmt: skip
    data = Dataset.from_samples(samples, schema)
    first = data.train.ids[0]
    edit = Relabel(first, data[first].label, 2 if data[first].label != 2 else 0, QUOTES)
    after, made = changes(data, [[edit]])
    finding = Finding(EVIL, (first,), 0.5, QUOTES, {"given": 0, "suggested": 1})
    page = read(
        Story(
            EVIL, QUOTES, data, after, program=EVIL, created=EVIL, learner={EVIL: QUOTES}, recipe=QUOTES,
            asides=[Aside(EVIL, QUOTES)], findings=[(EVIL, finding)], changes=made, evidence=evidence(data, after),
            map=(data.ids.tolist(), np.arange(18.0).reshape(9, 2)), seconds={EVIL: 1.0}, commands={EVIL: QUOTES},
            planted=[(EVIL, 1, 1)], notes=[EVIL],
        )
    )  # fmt: skip
    assert page.scripts == 2  # our own and the points of the map
    assert page.images == []
    assert EVIL in page.text and "onerror=alert(2)>" in page.text  # told, as words


def test_only_the_script_of_the_report_may_run() -> None:
    import base64
    import hashlib

    text = render(photo_story())
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text and "default-src 'none'" in text
    assert not re.search(r"url\((?!data:)", text) and "@import" not in text


def test_texts_are_shown_as_texts() -> None:
    world = worlds.utterances(60, wrong=4, seed=2)
    data = world.data
    edits = [Relabel(id, data[id].label, world.truth[id], "The neighbours agree.") for id in sorted(world.wrong)]
    after, made = changes(data, [edits])
    findings = [("audit.label_noise", Finding("label_noise", (edit.id,), 0.8, "Doubted.")) for edit in edits]
    page = read(
        Story("Talk", "a table", data, after, findings=findings, changes=made, evidence=evidence(data, after),
              map=(data.ids.tolist(), np.random.default_rng(0).normal(size=(len(data), 2))))
    )  # fmt: skip
    assert page.images == []
    for id in world.wrong:
        assert world.contents[id].decode() in page.text


def test_labels_of_several_classes_are_shown_whole() -> None:
    data = worlds.multi_label(80, contradictions=2).data
    sample = next(sample for sample in data.train if len(sample.label) == 2)  # type: ignore[arg-type]
    names = data.schema.classes
    edit = Relabel(sample.id, sample.label, frozenset({0, 1, 3}), "All three are there.")
    after, made = changes(data, [[edit]])
    finding = Finding(
        "label_noise", (sample.id,), 0.7, "One is missing.", {"given": sorted(sample.label), "suggested": [0, 1, 3]}
    )  # type: ignore[arg-type]
    page = read(
        Story("Topics", "a table", data, after, findings=[("x", finding)], changes=made, evidence=evidence(data, after))
    )
    assert f"{names[0]} + {names[1]} + {names[3]}" in page.text
    assert "Hits and misses by class" in page.text and "Confusion matrices" not in page.text
    assert "A sample with several labels counts in each." in page.text


def test_soft_labels_moves_and_weights_are_told() -> None:
    data = worlds.photos(40).data
    one, two, three = data.train.ids[:3].tolist()
    edits = [
        Relabel(one, data[one].label, ((0, 0.7), (2, 0.3)), "People did not agree."),
        Move(two, "valid", "A valid split is needed."),
        Weigh(three, 0.25, "It is doubtful."),
    ]
    after, made = changes(data, [edits])
    page = read(Story("Soft", "a folder", data, after, changes=made, evidence=evidence(data, after, curves=False)))
    assert "circle 0.7, triangle 0.3" in page.text and "to valid" in page.text and "weight 0.25" in page.text
    assert "Moved 1" in page.text and "Weighted 1" in page.text
    assert "The learner kept no record by epoch." in page.text


def test_metrics_without_probabilities_have_a_table_and_no_matrix() -> None:
    story = photo_story()
    assert story.evidence is not None
    bare = tuple(replace(trial, probabilities=None) for trial in story.evidence.trials)
    loss = Measure("log_loss", 1.4, 1.1, -0.3, -0.5, -0.1)
    page = read(
        replace(story, evidence=replace(story.evidence, trials=bare, measures=(*story.evidence.measures, loss)))
    )
    assert "so there is no matrix" in page.text and "log loss 1.4 1.1 −0.3" in page.text


def test_many_classes_with_long_names_are_folded() -> None:
    names = tuple(f"genus-{'x' * 90}-{at:03d}" for at in range(150))
    samples = [
        Sample(
            raw_id(f"{at:032d}", str(at)),
            f"{at:032d}",
            str(at),
            at % 150,
            "test" if at % 5 == 0 else "train",
            home="text",
            text=f"t{at}",
        )
        for at in range(1500)
    ]
    data = Dataset.from_samples(samples, Schema("text", "single-label", names))
    text = render(
        Story(
            "Many", "a table", data, data, evidence=evidence(data, data), map=(data.ids.tolist(), np.zeros((1500, 2)))
        )
    )
    page = Page(text)
    assert "110 classes between" in page.text and "130 others" in page.text
    assert "The 110 classes that moved least are left out" in page.text
    assert len(text) < 1_500_000


def test_a_heavy_or_broken_thumbnail_does_not_weigh_on_the_page() -> None:
    story = photo_story()
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(noise).save(sink, "PNG")
    page = read(replace(story, thumbs=lambda ids: {id: sink.getvalue() for id in ids}))
    assert all(len(str(image["src"])) < 16_000 for image in page.images)
    page = read(replace(story, thumbs=lambda ids: {id: b"no picture" * 999 for id in ids}))
    assert page.images == [] and "no picture" in page.text


def test_names_given_by_the_caller_are_used() -> None:
    assert "sample number one" in read(photo_story(names=lambda id: "sample number one")).text


def test_a_sample_that_came_and_went_is_still_told() -> None:
    data = worlds.photos(40).data
    parent = next(iter(data.train))
    child = Sample(
        made_id((parent.id,), "x", 1),
        "c" * 32,
        "gone.png",
        parent.label,
        "train",
        1.0,
        (parent.id,),
        "augment.x:y",
        "blob",
    )
    after, made = changes(data, [[Add(child, "To fill its class.")], [Drop(child.id, "It was no help.")]])
    paths = {sample.id: sample.path for sample in data}
    page = read(Story("Brief", "a folder", data, after, changes=made, names=paths.__getitem__))
    assert after.version == data.version and "gone.png" in page.text and "It was no help." in page.text
    assert "Kept as they were 40 Relabelled 0 Dropped 0 Added 0" in page.text


def test_points_of_the_map_are_json_with_a_cell_each() -> None:
    story = photo_story()
    found = re.search(r'<script type="application/json" class="points">(.*?)</script>', render(story), re.DOTALL)
    assert found is not None and story.map is not None
    points = json.loads(found[1])
    assert [point[2] for point in points] == list(story.map[0])
    assert sorted(point[7] for point in points) == list(range(len(points)))
    assert {point[6] for point in points} == {"unchanged", "relabelled", "added"}


def test_the_same_story_gives_the_same_bytes() -> None:
    assert render(photo_story()) == render(photo_story())


def test_two_hundred_thousand_rows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    data = _large(200_000)
    ids = data.ids
    train = ids[data.splits == "train"]
    picked = rng.choice(train, 10_000, replace=False).tolist()
    findings = [("audit.label_noise", Finding("label_noise", (id,), float(rng.random()), "Doubted.")) for id in picked]
    after, made = changes(data, [[Drop(id, "Doubted twice.") for id in picked]])
    dots = ids[:: len(ids) // 5000][:5000].tolist()
    story = Story(
        "Large", "a table", data, after, findings=findings, changes=made, map=(dots, rng.normal(size=(len(dots), 2)))
    )
    assert data.version and after.version and data.seal and after.seal  # the workspace knows them long before
    start = time.perf_counter()
    text = render(story)
    took = time.perf_counter() - start
    assert took < 15, f"{took:.1f} s"  # 1.5 s on an idle core; tests share theirs
    assert len(text) < 3_000_000
    assert "10,000 of 200,000" not in text and "the first 2,000 of 10,000" in text


def _large(n: int) -> Dataset:
    import pyarrow as pa

    ids = [f"{at:016x}" for at in range(n)]
    classes = pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32), pa.array(np.arange(n) % 6, pa.int32()))
    table = pa.table({
        "id": ids, "content": ids, "path": [f"row-{at}" for at in range(n)], "classes": classes,
        "shares": pa.nulls(n, pa.list_(pa.float64())), "split": np.where(np.arange(n) % 10 == 0, "test", "train"),
        "weight": np.ones(n), "parents": pa.array([[]] * n, pa.list_(pa.string())), "maker": [""] * n,
        "home": ["text"] * n, "text": [f"text number {at}" for at in range(n)],
    })  # fmt: skip
    return Dataset(table, Schema("text", "single-label", tuple("abcdef")))


@pytest.mark.parametrize("kind", ["exact_duplicate", "contradiction"])
def test_a_large_group_is_shown_in_part(kind: str) -> None:
    data = worlds.photos(60).data
    page = read(
        Story(
            "Group",
            "a folder",
            data,
            data,
            findings=[("x", Finding(kind, tuple(data.train.ids[:20]), 0.5, "All the same."))],
        )
    )
    assert "and 14 more" in page.text


def test_what_stands_for_a_class_is_a_picture_on_the_map_with_its_name() -> None:
    story = photo_story()
    assert story.map is not None
    shown = [id for id in story.map[0] if id in story.before][:3]
    page = read(replace(story, medoids=shown))
    stands = [image for image in page.images if "stands for" in str(image.get("alt"))]
    assert 1 <= len(stands) <= 3 and all(str(one["src"]).startswith("data:image/") for one in stands)


def test_a_dot_tells_all_kinds_that_were_found_of_it_and_the_worst_reason() -> None:
    story = photo_story()
    assert story.map is not None
    id = story.map[0][0]
    found = [("a", Finding("near_duplicate", (id,), 0.1, "A copy.")), ("b", Finding("outlier", (id,), 0.9, "Alone."))]
    text = render(replace(story, findings=found))
    points = json.loads(re.search(r'class="points">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert points[0][5] == "Outliers" and points[0][9] == "Outliers, Near duplicates: Alone."


def test_an_axis_with_room_is_stretched_a_little_and_no_more() -> None:
    from tilth.report.atlas import HEIGHT, RIM, placed

    square = placed(np.array([[0.0, 0.0], [1.0, 1.0]]))
    (width, height) = np.ptp(square, axis=0)
    assert height == HEIGHT - 2 * RIM and abs(width - 1.4 * height) <= 1


def test_a_gap_shows_both_sides_by_value() -> None:
    story = photo_story()
    facts = {
        "attribute": "stroke",
        "against": "valid",
        "edges": [0.0, 0.1, 0.2],
        "train_shares": [0.1, 0.9],
        "target_shares": [0.7, 0.3],
    }
    gap = Finding("coverage_gap", (str(story.before.ids[0]),), 0.6, "train lacks thin strokes", facts)
    text = render(replace(story, findings=(*story.findings, ("audit.coverage_gaps", gap))))
    assert "Coverage gaps" in text and "train lacks thin strokes" in text
    assert (
        text.count('class="histogram pair"') == 1 and text.count('class="target"') == text.count('class="train"') == 2
    )
