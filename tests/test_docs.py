"""Docs are run: pages name every command, option, step, role, setting and recipe; their code and commands work."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.cli.main import run as tilth
from tilth.run.catalogue import Entry, catalogue
from tilth.run.plan import load_recipe, shipped_recipes
from tilth.steps import ROLES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
IDEAS = sorted((DOCS / "ideas").glob("*.md"))
COOKBOOK = sorted((DOCS / "cookbook").glob("*.md"))
RUN = [ROOT / "README.md", DOCS / "tutorial.md", *(page for page in COOKBOOK if page.stem != "README")]
# By hand: the generated reference names everything anyhow.
WRITTEN = [*RUN, DOCS / "glossary.md", *IDEAS, DOCS / "cookbook" / "README.md"]


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def everything() -> str:
    return "\n".join(text_of(page) for page in WRITTEN)


def named(word: str) -> bool:
    """Whether a page has the word on its own: `--set` is not named by `--settings`."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", everything()) is not None


# -- what pages must name -------------------------------------------------------------------------------------


def commands() -> Mapping[str, Any]:
    import typer

    from tilth.cli.commands import app

    group: Any = typer.main.get_command(app)
    return group.commands


def ours() -> list[Entry]:
    return [one for one in catalogue() if one.package == "tilth"]


def section(step: str) -> str:
    """What the pages of ideas say below the heading of a step, up to the next heading of its level."""
    for page in IDEAS:
        parts = re.split(r"(?m)^## ", text_of(page))
        for part in parts:
            if part.startswith(f"`{step}`"):
                return part
    return ""


@pytest.mark.parametrize("command", commands())
def test_every_command_is_shown_on_a_page(command: str) -> None:
    assert re.search(rf"tilth {command}\b", everything()), f"no page shows `tilth {command}`"


def test_every_option_is_named_on_a_page() -> None:
    options = {opt for one in commands().values() for p in one.params for opt in (*p.opts, *p.secondary_opts)}
    long = sorted(opt for opt in options if opt.startswith("--") and opt != "--help")
    assert long and [opt for opt in long if not named(opt)] == []


def test_every_role_is_named_on_a_page() -> None:
    pages = everything().lower()
    assert [role for role in ROLES if role not in pages] == []


@pytest.mark.parametrize("one", ours(), ids=lambda one: one.name)
def test_every_step_has_a_section_that_names_its_settings_and_its_source(one: Entry) -> None:
    told = section(one.name)
    assert told, f"docs/ideas has no section  ## `{one.name}`"
    assert [name for name in one.settings if f"`{name}`" not in told] == []
    for kind, number in re.findall(r"(arXiv|doi):([\w./-]*\w)", one.source):
        assert number in told, f"the section of {one.name} does not link {kind}:{number}"
    first = re.match(r"[A-Z][\w-]+", one.source)
    assert not first or first.group() in told, f"the section of {one.name} does not name its source, {one.source}"


def test_no_page_names_a_step_that_is_not_there() -> None:
    roles = "formats|embed|learn|audit|cleanse|augment|synthesize|select"
    known = {one.name for one in ours()}
    for page in WRITTEN:
        said = set(re.findall(rf"`((?:{roles})\.[a-z][\w-]*)`", text_of(page)))
        assert said <= known, f"{page.name} names {sorted(said - known)}"


def test_every_shipped_recipe_and_every_example_is_named_on_a_page() -> None:
    examples = [file.name for file in (ROOT / "examples" / "recipes").glob("*.toml")]
    assert examples and [name for name in (*shipped_recipes(), *examples) if f"`{name}`" not in everything()] == []


@pytest.mark.parametrize("file", sorted((ROOT / "examples" / "recipes").glob("*.toml")), ids=lambda file: file.name)
def test_every_example_recipe_makes_a_plan(file: Path) -> None:
    from tilth.dataset import Schema
    from tilth.run.plan import plan_of

    recipe, _ = load_recipe(str(file))
    modality = "text" if "embed.text" in file.read_text() else "image"
    assert plan_of(recipe, Schema(modality, "single-label", ("a", "b")))


def test_every_recipe_on_a_page_can_be_read() -> None:
    from tilth.recipe import parse_recipe

    blocks = [block for page in WRITTEN for block in blocks_of(page) if block.kind == "toml"]
    recipes = [block for block in blocks if "[[step]]" in block.text]
    assert recipes and all(parse_recipe(block.text).steps for block in recipes)


# -- the generated pages --------------------------------------------------------------------------------------


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "reference" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says() -> None:
    assert generator().stale() == [], "run: make docs"


def test_a_stale_reference_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generate = generator()
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0
    (tmp_path / "cli.md").write_text("old\n")
    assert generate.main() == 1
    assert "-old" in capsys.readouterr().out


# -- links and paths ------------------------------------------------------------------------------------------


def files_of_the_repository() -> list[Path]:
    """What a commit would hold; without git, everything outside of hidden folders."""
    asked = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    with contextlib.suppress(OSError):
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        if told.returncode == 0 and told.stdout:
            return [file for name in told.stdout.split("\0") if name and (file := ROOT / name).is_file()]
    hidden = lambda file: any(part.startswith(".") or part == "demo" for part in file.relative_to(ROOT).parts)  # noqa: E731
    return [file for file in ROOT.rglob("*") if file.is_file() and not hidden(file)]


PAGES = [file for file in files_of_the_repository() if file.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"(?ms)^```.*?^```", "", text_of(page))
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    broken = []
    for link in links:
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = page.parent / place if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"(?m)^#+ (.+)$", text_of(page))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    own = re.compile(rb"(?<![\w.*])/(?:home|root|Users|mnt|srv|work)/\w|/tmp/(?!abs\b)\w")
    texts = [file for file in files_of_the_repository() if file.suffix not in (".png", ".parquet", ".npz")]
    found = [(str(file.relative_to(ROOT)), hit.group()) for file in texts if (hit := own.search(file.read_bytes()))]
    assert found == []


# -- what pages run -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text and the line it begins on."""

    kind: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    found = re.finditer(r"(?ms)^```(\w*)\n(.*?)^```$", text_of(page))
    return [Block(one.group(1), one.group(2), text_of(page)[: one.start()].count("\n") + 1) for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_code_and_the_commands_of_a_page_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks run in order, in one folder and one namespace. One that begins with `# file: NAME` is written there; of a
    console block the lines that begin with `$ tilth` are run, and `$ echo $?` says with which code the last one left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # as in an activated .venv
    _send_workers_home()
    for name, make in SOURCES.items():
        if name in text_of(page):
            make(tmp_path / name)
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    ran = 0
    for block in blocks_of(page):
        if name := re.match(r"# file: (\S+)\n", block.text):
            (tmp_path / name.group(1)).write_text(block.text)
        elif block.kind == "python":
            exec(compile(block.text, f"{page.name}:{block.line}", "exec"), namespace)
            ran += 1
        elif block.kind == "console":
            ran += _run_commands(block, page, monkeypatch)
    assert ran, f"{page.name} shows nothing that runs"


def _send_workers_home() -> None:
    """Worker processes outlive a call and stand where the last page stood; a command of its own would start new ones."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def _run_commands(block: Block, page: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    lines = block.text.replace("\\\n", " ").splitlines()
    ran = 0
    for at, line in enumerate(lines):
        words = shlex.split(line.removeprefix("$ "), comments=True) if line.startswith("$ ") else []
        settings = [word for word in words if re.match(r"[A-Z_]+=", word)]
        if words[len(settings) : len(settings) + 1] != ["tilth"]:
            continue
        wanted = int(lines[at + 2]) if lines[at + 1 : at + 2] == ["$ echo $?"] else 0
        for setting in settings:
            monkeypatch.setenv(*setting.split("=", 1))
        code, said = _asked(words[len(settings) + 1 :])
        assert code == wanted, f"{page.name}, line {block.line}: `{line}` left with {code}\n{said}"
        ran += 1
    return ran


def _asked(words: list[str]) -> tuple[int, str]:
    """The exit code of `tilth WORDS` and what it said. `> FILE` at the end is understood."""
    target = Path(words[-1]) if words[-2:-1] == [">"] else None
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = tilth(words[:-2] if target else words)
    if target:
        target.write_text(out.getvalue())
    return code, out.getvalue()[-2000:] + err.getvalue()[-2000:]


# -- the data that pages speak of -----------------------------------------------------------------------------


def _digits(where: Path) -> None:
    from tilth.testing.digits import digits

    where.parent.mkdir(parents=True, exist_ok=True)
    digits(seed=0).write(where)


def _demo(where: Path) -> None:
    """The workspace that `tilth demo` leaves, made in seconds: a linear witness, and no proof."""
    words = ["improve", "demo/digits", "-w", str(where), "--recipe", "quick", "--no-prove", "--quiet"]
    code, said = _asked([*words, "--out", "demo/digits-improved", "--report", "demo/report.html"])
    assert code == 0, said


def _photos(where: Path) -> None:
    from tilth.testing.worlds import photos

    photos(n=160, wrong=8, junk=3, copies=4, near=2, leaks=3, imbalance=0.4).write(where)


def _questions(where: Path) -> None:
    from tilth.testing.worlds import utterances

    world = utterances(n=240, wrong=10, copies=4, leaks=2, imbalance=0.5)
    rows = [(sample.text, world.data.schema.classes[sample.label], sample.split) for sample in world.data]  # type: ignore[index]
    _csv(where, ("text", "label", "split"), rows)


def _scenes(where: Path) -> None:
    """Pictures with one to three shapes side by side, and a table that names the shapes: some rows lack one."""
    from tilth.numerics import picture
    from tilth.testing.worlds import SHAPES, draw

    rng = np.random.default_rng(0)
    folder = where.parent / "scenes"
    folder.mkdir()
    rows = []
    for number in range(160):
        shapes = sorted(rng.choice(4, size=rng.integers(1, 4), replace=False).tolist())
        drawn = [draw(SHAPES[shape], rng) for shape in shapes]
        strip = np.concatenate([*drawn, *[np.full((32, 32, 1), 225, np.uint8)] * (3 - len(drawn))], axis=1)
        (folder / f"{number:03d}.png").write_bytes(picture.encode(strip))
        told = shapes[1:] if number % 20 == 7 and len(shapes) > 1 else shapes
        split = "test" if number % 4 == 0 else "train"
        rows.append((f"scenes/{number:03d}.png", "|".join(SHAPES[shape] for shape in told), split))
    _csv(where, ("path", "labels", "split"), rows)


def _frames(where: Path) -> None:
    """Five frames of each of 40 videos with one to three shapes: a little brighter or darker, and one label in 20 swapped."""
    from tilth.numerics import picture
    from tilth.testing.worlds import SHAPES, draw

    rng = np.random.default_rng(0)
    folder = where.parent / "frames"
    folder.mkdir()
    rows = []
    for video in range(40):
        shapes = sorted(rng.choice(4, size=rng.integers(1, 4), replace=False).tolist())
        drawn = [draw(SHAPES[shape], rng) for shape in shapes]
        strip = np.concatenate([*drawn, *[np.full((32, 32, 1), 225, np.uint8)] * (3 - len(drawn))], axis=1)
        for frame in range(5):
            name = f"{video:02d}-{frame}.png"
            light = np.clip(strip * rng.uniform(0.94, 1.06), 0, 255).astype(np.uint8)
            (folder / name).write_bytes(picture.encode(light))
            told = {(shape + 1) % 4 if rng.random() < 0.05 else shape for shape in shapes}
            split = "train" if video < 32 else "test"
            rows.append((f"frames/{name}", "|".join(SHAPES[shape] for shape in sorted(told)), split))
    _csv(where, ("path", "labels", "split"), rows)


def _animals(where: Path) -> None:
    from tilth.formats.onehot import OneHot
    from tilth.testing.worlds import photos

    world = photos(n=160, wrong=6, copies=4, imbalance=0.4, channels=3, side_px=64, valid_share=0.15, test_share=0.0)
    contents: Callable[[Any], Iterator[bytes]] = lambda data: (world.contents[id] for id in data.ids.tolist())  # noqa: E731
    OneHot().write(world.data, where, contents, {"name": "animals", "class_names": "numbers"})


def _onnx(where: Path) -> None:
    """A file that gives the mean of each channel in four quarters of a picture."""
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("AveragePool", ["pictures"], ["quarters"], kernel_shape=[16, 16], strides=[16, 16])
    flat = helper.make_node("Flatten", ["quarters"], ["vectors"])
    entry = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["b", 3, 32, 32])
    way_out = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["b", 12])
    graph = helper.make_graph([node, flat], "quarters", [entry], [way_out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(where))


def _csv(where: Path, names: tuple[str, ...], rows: list[Any]) -> None:
    with where.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerows([names, *rows])


SOURCES: Mapping[str, Callable[[Path], None]] = {
    "demo/digits": _digits,
    "demo/digits.tilth": _demo,
    "photos": _photos,
    "questions.csv": _questions,
    "scenes.csv": _scenes,
    "frames.csv": _frames,
    "animals": _animals,
    "quarters.onnx": _onnx,
}
"""Name on a page -> who makes it. The pages' own output was seen on the demo's digits, which are made here whole."""
