"""The section of values: what is on record is shown, with pictures or texts; nothing is claimed where nothing is."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from pages import EVIL, QUOTES, Page, photo_story, read
from tilth.dataset import Dataset, Schema
from tilth.report import charts, worth
from tilth.report.story import Story
from tilth.run.values import Valued
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signal
from tilth.testing import worlds


def valued(data: Dataset, values: Array, *, use: str = "value.mine", judges: Array | None = None) -> Valued:
    meta = {"valuator": use, "against": "valid", **({} if judges is None else {"judges": judges.tolist()})}
    return Valued(use, Signal("mine", data.train.ids, values.astype(np.float32), "nats", "higher", meta))


def section(story: Story) -> Page:
    page = read(story)
    assert "worth" in page.ids and "#worth" in page.loads
    return page


def matrix_story() -> tuple[Story, Valued]:
    """The first train sample takes 1 from each of 5 judges, most from the second; the others give a little."""
    story = photo_story()
    train = story.after.train
    judges = train.ids[-5:]  # any samples will do
    values = np.full((len(train), 5), 0.01)
    values[0] = [-1, -3, -1, -1, -1]
    one = valued(story.after, values, judges=judges)
    return replace(story, values=[one]), one


def test_without_values_there_is_no_section() -> None:
    page = read(photo_story())
    assert "worth" not in page.ids and "#worth" not in page.loads


def test_both_ends_the_classes_and_the_judges_are_told() -> None:
    story, one = matrix_story()
    page = section(story)
    n = len(one.signal)
    assert (
        f"value.mine gave a value to {n} train samples, the mean over 5 judges of the split valid, in nats."
        in page.text
    )
    assert f"1 ({100 / n:.1f} %) lies below zero" in page.text
    assert "−1.4 nats rank 1" in page.text and f"rank {n}" in page.text
    (panel,) = worth.panels(story, {})
    assert panel.harmful[0].tile.id == one.signal.ids[0] and panel.harmful[0].below
    assert panel.harmful[0].whom.startswith("hurts most") and panel.harmful[0].whom.endswith("(−3)")
    assert panel.judges[0].tile.id == one.judges[1] and panel.judges[0].harm == "−3 nats"
    assert [tile.id for tile in panel.judges[0].culprits] == [one.signal.ids[0]]
    assert not {card.tile.id for card in panel.harmful} & {card.tile.id for card in panel.helpful}
    assert all(image.get("alt") for image in page.images)


def test_a_sample_wears_the_label_that_was_valued() -> None:
    story = photo_story()
    relabelled = next(change.edit for change in story.changes if type(change.edit).__name__ == "Relabel")
    values = np.where(story.after.train.ids == relabelled.id, -1.0, 1.0)
    (panel,) = worth.panels(replace(story, values=[valued(story.after, values)]), {})
    assert panel.harmful[0].tile.id == relabelled.id
    assert panel.harmful[0].tile.label == story.after.schema.classes[relabelled.new]  # type: ignore[attr-defined]


def test_values_without_judges_or_without_a_zero_say_so() -> None:
    story = photo_story()
    page = section(replace(story, values=[valued(story.after, np.linspace(0.1, 0.9, len(story.after.train)))]))
    assert "None lies below zero" in page.text and "Judges that were harmed" not in page.text
    assert "Share below zero" not in page.text


def test_several_valuators_have_a_panel_each() -> None:
    story, one = matrix_story()
    two = replace(one, use="acme.other")
    page = section(replace(story, values=[one, two]))
    assert "acme.other gave a value" in page.text and "value.mine gave a value" in page.text


def test_texts_are_shown_and_are_never_markup() -> None:
    schema = Schema("text", "single-label", (EVIL, QUOTES))
    samples = [
        Sample(raw_id(str(at), EVIL + str(at)), str(at) * 32, EVIL + str(at), at % 2, "train", home="text", text=QUOTES)
        for at in range(9)
    ]
    data = Dataset.from_samples(samples, schema)
    one = valued(data, np.arange(-4.0, 5.0), use=EVIL)
    page = section(Story("Talk", "a table", data, data, values=[replace(one, settings={EVIL: QUOTES})]))
    assert page.images == [] and page.scripts == 1 and EVIL in page.text


@pytest.mark.parametrize("values", [np.zeros(30), np.full(30, np.nan), np.array([3.0] * 29 + [np.inf])])
def test_odd_values_have_a_page(values: Array) -> None:
    world = worlds.photos(40, test_share=0.25)
    assert len(world.data.train) == 30
    page = read(Story("Odd", "a folder", world.data, world.data, values=[valued(world.data, values)]))
    assert ("worth" in page.ids) == (not np.isnan(values).all())


# -- the chart ------------------------------------------------------------------------------------------------


def bars_of(chart: charts.Histogram) -> list[tuple[str, float]]:
    found = re.findall(r'class="(below|above)" x="([\d.]+)"', chart.svg)
    return [(side, float(x)) for side, x in found]


def test_bars_part_at_zero() -> None:
    rng = np.random.default_rng(0)
    chart = charts.histogram(rng.normal(0.3, 1, 2000))
    assert chart is not None
    zero = float(re.search(r'class="zero" x1="([\d.]+)"', chart.svg)[1])  # type: ignore[index]
    assert all((side == "below") == (x < zero - 0.01) for side, x in bars_of(chart))
    assert {side for side, _ in bars_of(chart)} == {"below", "above"} and len(bars_of(chart)) <= 60


def test_an_outlier_does_not_flatten_the_rest() -> None:
    values = np.append(np.linspace(-1, 1, 999), 1e6)
    chart = charts.histogram(values)
    assert chart is not None and chart.beyond == 1 and chart.most < 60
