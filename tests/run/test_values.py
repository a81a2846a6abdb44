"""Values on record: who asked is answered again, by name, of the present version, and by nobody else's words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilth
from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.errors import RecipeError, SettingError, StepError, WorkspaceError
from tilth.run import values, valuing
from tilth.run.local import LocalRun
from tilth.run.plan import Place
from tilth.run.runner import run_plan
from tilth.run.valuing import Wish
from tilth.sample import Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.steps import Run
from tilth.store.shelf import Store
from tilth.testing.worlds import World, photos

WRONG = 8


@pytest.fixture(scope="module")
def world() -> World:
    return photos(120, wrong=WRONG, valid_share=0.2, seed=2)


@pytest.fixture(scope="module")
def source(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write(tmp_path_factory.mktemp("source") / "shapes")


@pytest.fixture(scope="module")
def ws(source: Path) -> tilth.Workspace:
    """A workspace in which two valuators were asked."""
    ws = tilth.open(source, workspace=source.parent / "ws")
    ws.value(["knn_shapley", "value.data_oob"], settings={"models": 20})
    return ws


# -- asking ---------------------------------------------------------------------------------------------------


def test_one_name_gives_a_signal_and_several_a_list(ws: tilth.Workspace) -> None:
    one = ws.value("knn_shapley")
    assert one.kind == "knn_shapley" and one.values.shape == (len(ws.data.train), len(ws.data.valid))
    assert [signal.kind for signal in ws.value(["data_oob", "knn_shapley"])] == ["data_oob", "knn_shapley"]


def test_a_second_question_is_answered_from_the_memo(ws: tilth.Workspace) -> None:
    files = sorted((ws.store.folder / "signals").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    ws.value("data_oob", settings={"models": 20})
    again = sorted((ws.store.folder / "signals").iterdir())
    assert [file.stat().st_mtime_ns for file in again] == before and again == files


def test_the_memo_of_one_does_not_hang_on_who_was_asked_beside_it(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws")
    ws.value(["knn_shapley", "lava"])
    files = set((ws.store.folder / "signals").iterdir())
    ws.value("lava")
    assert set((ws.store.folder / "signals").iterdir()) == files


def test_a_wrong_name_is_told_with_those_that_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no valuator 'knn_shaply'; did you mean 'knn_shapley'\?\n.*data_oob"):
        valuing.find_valuator("knn_shaply")
    with pytest.raises(RecipeError, match=r"no valuator 'embed\.pixels'"):
        valuing.find_valuator("embed.pixels")


@pytest.mark.parametrize(
    ("names", "wish", "told"),
    [
        (
            ["knn_shapley"],
            Wish(settings={"neighbours": 3}),
            "value.knn_shapley has no setting 'neighbours'; did you mean",
        ),
        (
            ["knn_shapley", "lava"],
            Wish(settings={"models": 3}),
            "neither value.knn_shapley nor value.lava has a setting",
        ),
        (["knn_shapley"], Wish(learner="linear"), "no use for --learner linear"),
        (["data_oob"], Wish(against="valid"), "no use for --against valid"),
        (["knn_shapley"], Wish(settings={"signal": "features"}, embedder="embed.pixels"), "no use for --embedder"),
    ],
)
def test_what_none_of_them_takes_is_not_passed_over(names: list[str], wish: Wish, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        valuing.plans(names, Schema("image", "single-label", ("a", "b")), wish)


def used(places: list[Place]) -> list[tuple[str, dict[str, Any]]]:
    return [(one.use, dict(one.settings)) for one in places]


def test_what_a_valuator_needs_is_run_first() -> None:
    images, texts = (Schema(kind, "single-label", ("a", "b")) for kind in ("image", "text"))  # type: ignore[arg-type]
    assert used(valuing.plans(["knn_shapley"], images, Wish())[0])[0] == ("embed.pixels", {})
    assert used(valuing.plans(["knn_shapley"], texts, Wish())[0])[0] == ("embed.text", {})
    (mine,) = valuing.plans(["knn_shapley"], images, Wish(embedder="mine:histogram"))
    assert used(mine)[0] == ("embed.module", {"factory": "mine:histogram"})
    wish = Wish(learner="linear", settings={"signal": "features", "neighbors": 3})
    (places,) = valuing.plans(["knn_shapley"], images, wish)
    assert used(places) == [("learn.linear", {}), ("value.knn_shapley", {"signal": "features", "neighbors": 3})]


def test_the_learner_of_a_valuator_takes_the_settings_that_are_its_own() -> None:
    images = Schema("image", "single-label", ("a", "b"))
    (places,) = valuing.plans(["hydra"], images, Wish(learner="mine:net", settings={"mode": "exact", "epochs": 3}))
    (one,) = used(places)
    assert one == (
        "value.hydra",
        {"mode": "exact", "learner": "learn.module", "settings": {"factory": "mine:net", "epochs": 3}},
    )
    with pytest.raises(StepError, match=r"works on image; this dataset is made of texts\.\n.*knn_shapley"):
        valuing.plans(["hydra"], Schema("text", "single-label", ("a", "b")), Wish())


def test_without_a_valid_split_the_step_says_what_to_do(tmp_path: Path) -> None:
    ws = tilth.open(photos(40).write(tmp_path / "bare"), workspace=tmp_path / "ws")
    with pytest.raises(StepError, match="--valid"):
        ws.value("knn_shapley")
    assert ws.value("knn_shapley", against="train").meta["against"] == "train"


# -- the record -----------------------------------------------------------------------------------------------


def test_the_table_has_a_row_per_train_sample_and_the_harmful_on_top(ws: tilth.Workspace, world: World) -> None:
    table = ws.values("knn_shapley", "data_oob")
    assert table.column_names == [
        "id", "path", "label", "split", "knn_shapley", "knn_shapley_rank", "data_oob", "data_oob_rank"
    ]  # fmt: skip
    assert set(table.column("split").to_pylist()) == {"train"} and len(table) == len(ws.data.train)
    assert table.column("knn_shapley_rank").to_pylist() == list(range(1, len(table) + 1))
    signal = ws.value("knn_shapley")
    first = table.slice(0, 1).to_pylist()[0]
    assert first["knn_shapley"] == pytest.approx(signal.values.mean(1).min())
    assert first["path"] == ws.data[first["id"]].path and first["label"] in first["path"]
    assert len(world.wrong & set(table.column("id").to_pylist()[:WRONG])) >= WRONG - 2


def test_the_last_word_of_a_valuator_counts_also_from_the_memo(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws")
    for neighbors in (1, 7, 1):
        ws.value("knn_shapley", settings={"neighbors": neighbors})
    (one,) = ws.valued()
    assert one.settings == {"neighbors": 1} and one.signal.meta["neighbors"] == 1


def test_values_of_another_version_are_not_told_and_come_back_with_it(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws")
    ws.value("knn_shapley")
    id = ws.values().column("id")[0].as_py()
    ws.apply([tilth.Drop(id, because="it does harm")])
    assert ws.valued() == []
    with pytest.raises(WorkspaceError, match=r"knn_shapley \(of another version\)(.|\n)*tilth value --by"):
        ws.values()
    ws.undo(id)
    assert ws.values().column("id")[0].as_py() == id


def test_what_nobody_asked_for_is_told(ws: tilth.Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"no values by value.lava(.|\n)*tilth value --by lava"):
        ws.values("lava")


def test_values_are_not_of_the_sealed_split(ws: tilth.Workspace) -> None:
    sealed = set(ws.data.split("test").ids.tolist())
    assert sealed and not any(sealed & {*one.signal.ids.tolist(), *one.judges} for one in ws.valued())


# -- who helps and harms whom ---------------------------------------------------------------------------------


def test_influence_reads_rows_for_train_samples_and_columns_for_judges(ws: tilth.Workspace) -> None:
    signal = ws.value("knn_shapley")
    judges, matrix = signal.meta["judges"], signal.values
    row = int(matrix.mean(1).argmin())
    (said,) = ws.influence(str(signal.ids[row]), "knn_shapley", most=3)
    assert said.rank == 1 and said.among == len(signal) and said.value == pytest.approx(matrix[row].mean())
    assert said.harms[0].id == judges[int(matrix[row].argmin())] and said.harms[0].value == matrix[row].min() < 0
    assert [one.value for one in said.harms] == sorted(matrix[row])[:3] and not said.harmed_by
    column = int(matrix.min(0).argmin())
    (said,) = ws.influence(judges[column], "knn_shapley")
    assert said.value is None and said.harmed_by[0].id == signal.ids[int(matrix[:, column].argmin())]
    assert said.harmed_by[0].path == ws.data[said.harmed_by[0].id].path
    assert all(one.value > 0 for one in said.helped_by) and all(one.value < 0 for one in said.harmed_by)


def test_influence_says_nothing_of_a_sample_that_was_not_asked_about(ws: tilth.Workspace) -> None:
    assert ws.influence(str(ws.data.split("test").ids[0])) == []


def test_why_tells_the_values_on_record(ws: tilth.Workspace) -> None:
    told = ws.why(ws.values("knn_shapley").column("path")[0].as_py()).values
    assert [one.name for one in told] == ["data_oob", "knn_shapley"]
    assert told[1].rank == 1 and told[1].harms and not told[0].harms


# -- a third party's valuator ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mine:
    """Values by nothing but a table: some are missing, two tie, and the kind is not the name."""

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        return Signal(
            "anything", data.ids, np.array([0.5, np.nan, -1.0, 0.5, 0.0, 2.0])[: len(data)], "marks", "higher"
        )


def of_a_third_party(folder: Path) -> tuple[Store, Dataset]:
    samples = [Sample(raw_id("c", f"p{n}"), "c" * 32, f"p{n}", n % 2, "train") for n in range(6)]
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))
    store = Store(folder)
    store.keep_version(data)
    store.ledger.set_fact("base", data.version)
    place = Place("1", "acme.worth", "valuators", Mine(), digest("mine"), {"x": 1})
    run_plan(store, LocalRun(folder, {}), [place], start=data.version, folds=2, budget=0, commit=False)
    return store, data


def test_any_valuator_is_kept_under_its_own_name(tmp_path: Path) -> None:
    store, data = of_a_third_party(tmp_path)
    (one,) = values.on_record(Store(tmp_path))
    assert (one.use, one.name, one.against, one.judges, one.settings) == ("acme.worth", "acme.worth", "", [], {"x": 1})
    assert one.ranks.tolist() == [3, 0, 1, 4, 2, 5] and one.among == 5
    assert (one.worst(2), one.best(2)) == ([2, 4], [5, 3])
    table = values.table_of(data, [one])
    assert table.column("acme.worth").null_count == table.column("acme.worth_rank").null_count == 1
    said = values.influence_of(store, one, str(data.ids[1]))
    assert said is not None and said.value is None and said.rank is None
    classes = values.by_class(data, one)
    assert sum(row.samples for row in classes) == 5
    assert sum(row.samples * row.harmful for row in classes) == pytest.approx(1)
    assert sum(row.samples * row.mean for row in classes) == pytest.approx(2.0)


def test_values_also_come_from_a_recipe(ws: tilth.Workspace, source: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "worth.toml"
    recipe.write_text('name = "worth"\n[[step]]\nuse = "embed.pixels"\n[[step]]\nuse = "value.knn_shapley"\n')
    fresh = tilth.open(source, workspace=tmp_path / "ws")
    fresh.audit(str(recipe))
    assert fresh.values().column("knn_shapley").equals(ws.values("knn_shapley").column("knn_shapley"))
