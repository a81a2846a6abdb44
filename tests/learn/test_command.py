"""An external training command: told, run, and its answers read back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tilth.errors import LearnerError, SettingError
from tilth.learn.command import Command
from tilth.testing import worlds
from tilth.testing.contract import check_declarations

READ = """
import csv, json, sys
from pathlib import Path
train, val, test, out, seed = (Path(word) for word in sys.argv[1:6])
files = sorted(test.rglob("*.png"))
classes = sorted(folder.name for folder in train.iterdir())
def share(file, name): return 0.7 if file.parent.name == name else 0.3 / (len(classes) - 1)
"""
CSV = (
    READ
    + """
with (out / "predictions.csv").open("w", newline="") as sink:
    table = csv.writer(sink)
    table.writerow(["path", *classes])
    for file in reversed(files):
        table.writerow([FORM, *[share(file, name) for name in classes]])
"""
)


def fitted(tmp_path: Path, script: str, world=None, **settings):
    file = tmp_path / "train it.py"
    file.write_text(script)
    world = world or worlds.photos(24, valid_share=0.2)
    run = world.run()
    command = f"{sys.executable} '{file}' {{train}} {{val}} {{test}} {{out}} {{seed}}"
    model = Command(command, **settings).fit(world.data.train, world.data.valid, run, seed=3)
    test = world.data.split("test")
    return model, test, run


def test_declares_what_the_contract_asks():
    check_declarations(Command("x {train} {out}"))


@pytest.mark.parametrize("form", ["file.relative_to(test)", "file", "file.name", "'./' + file.stem"])
def test_reads_probabilities_by_path_or_name(tmp_path, form):
    model, test, run = fitted(tmp_path, CSV.replace("FORM", form))
    said = model.predict(test, run)
    assert (said.argmax(1) == test.labels).all()
    np.testing.assert_allclose(said.max(1), 0.7, atol=1e-6)
    assert model.record["seconds"] > 0 and not list(model.folder.iterdir()), "scratch folders are cleared away"


def test_reads_named_predictions_and_metrics(tmp_path):
    script = (
        READ
        + """
assert int(str(seed)) == 3 and len(list(val.rglob("*.png"))) > 0
lines = ["name,prediction"] + [f"{file.stem},{file.parent.name}" for file in files]
(out / "predictions.csv").write_text("\\n".join(lines))
(out / "metrics.json").write_text('{"accuracy": 0.5}')
"""
    )
    model, test, run = fitted(tmp_path, script)
    np.testing.assert_array_equal(model.predict(test, run), test.targets)
    assert model.metrics == {"accuracy": 0.5}


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_reads_arrays_in_the_order_of_paths(tmp_path, ending):
    script = (
        READ
        + f'''
import numpy as np
rows = np.array([[share(file, name) for name in classes] for file in files])
if "{ending}" == "npy":
    np.save(out / "predictions.npy", rows)
else:
    paths = [str(file) for file in files[::-1]]
    np.savez(out / "predictions.npz", probabilities=rows[::-1, ::-1], paths=paths, classes=classes[::-1])
'''
    )
    model, test, run = fitted(tmp_path, script)
    assert (model.predict(test, run).argmax(1) == test.labels).all()


def test_takes_texts_in_a_table(tmp_path):
    script = """
import csv, sys
from pathlib import Path
train, val, test, out, seed = sys.argv[1:]
rows = list(csv.DictReader(next(Path(test).glob("*.csv")).open()))
with open(out + "/predictions.csv", "w", newline="") as sink:
    table = csv.writer(sink)
    table.writerow(["text", "prediction"] if seed == "3" else ["prediction"])
    table.writerows([[row["text"], row["label"]] for row in rows])
"""
    model, test, run = fitted(tmp_path, script, worlds.utterances(24))
    np.testing.assert_array_equal(model.predict(test, run), test.targets)
    script = script.replace('["text", "prediction"] if seed == "3" else ', "").replace('row["text"], ', "")
    model, test, run = fitted(tmp_path, script, worlds.utterances(24))
    np.testing.assert_array_equal(model.predict(test, run), test.targets)


def test_metrics_alone_are_metrics(tmp_path):
    script = READ + '(out / "metrics.json").write_text(json.dumps({"accuracy": len(files) / 100}))'
    model, test, run = fitted(tmp_path, script)
    assert model.predict(test, run) is None
    assert model.metrics == {"accuracy": len(test) / 100}


def test_a_command_without_test_runs_at_once(tmp_path):
    file = tmp_path / "train.py"
    file.write_text("import sys; open(sys.argv[2] + '/metrics.json', 'w').write('{\"f1\": 1}')")
    world = worlds.photos(12)
    model = Command(f"{sys.executable} {file} {{train}} {{out}}").fit(world.data.train, None, world.run(), seed=0)
    assert model.metrics == {"f1": 1.0} and model.predict(world.data, world.run()) is None


def test_a_failing_command_is_quoted(tmp_path):
    script = "import sys\nfor n in range(30): print('line', n, file=sys.stderr)\nsys.exit(7)"
    model, test, run = fitted(tmp_path, script)
    with pytest.raises(LearnerError, match="exit code 7") as caught:
        model.predict(test, run)
    quoted = str(caught.value).splitlines()
    assert quoted[1:] == [f"  | line {n}" for n in range(10, 30)]


def test_a_command_that_takes_too_long_is_ended(tmp_path):
    model, test, run = fitted(tmp_path, "import time; time.sleep(60)", most_s=0.5)
    with pytest.raises(LearnerError, match="longer than"):
        model.predict(test, run)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "neither predictions nor metrics"),
        ("(out / 'metrics.json').write_text('[1]')", "names with numbers"),
        ("(out / 'metrics.json').write_text('{')", "no JSON"),
        ("(out / 'predictions.csv').write_text('')", "found no line"),
        ("(out / 'predictions.csv').write_text('path,share\\n1,2')", "a column for each class"),
        ("(out / 'predictions.csv').write_text('path,prediction\\nmoon.png,circle')", "moon.png"),
        ("(out / 'predictions.csv').write_text('prediction\\ncircle')", "has 1 rows"),
        ("(out / 'predictions.csv').write_text('prediction\\n' + 'moon\\n' * len(files))", "'moon'"),
        ("(out / 'predictions.npy').write_text('no numbers')", "numpy cannot read"),
        ("import numpy as np; np.save(out / 'predictions.npy', np.zeros((len(files), 3)))", "are needed"),
        ("import numpy as np; np.save(out / 'predictions.npy', np.ones((len(files), 4)))", "add up to 1"),
        ("import numpy as np; np.save(out / 'predictions.npy', -np.ones((len(files), 4)))", "from 0 to 1"),
        ("import numpy as np; np.savez(out / 'predictions.npz', logits=np.zeros(3))", "logits"),
        (
            "import numpy as np\n"
            "np.savez(out / 'predictions.npz', probabilities=np.full((len(files), 4), .25), classes=list('abcd'))",
            "has the classes a, b, c, d",
        ),
    ],
)
def test_answers_that_are_none_are_named(tmp_path, written, words):
    model, test, run = fitted(tmp_path, READ + written)
    with pytest.raises(LearnerError, match=words):
        model.predict(test, run)


@pytest.mark.parametrize(
    "command",
    ["", "train.py {train}", "train.py {out}", "x {trian} {out}", "x {train} {out} {", "x '{train} {out}",
     "x {train} {out} {}", "x {train!r} {out}", "x {train} {out} {seed:03d}"],
)  # fmt: skip
def test_commands_that_cannot_work_are_refused(command):
    world = worlds.photos(12)
    with pytest.raises(SettingError):
        Command(command).fit(world.data.train, None, world.run(), seed=0)


def test_a_command_that_is_not_there_is_named(tmp_path):
    world = worlds.photos(12)
    model = Command("no-such-program {train} {test} {out}").fit(world.data.train, None, world.run(), seed=0)
    with pytest.raises(LearnerError, match="no-such-program"):
        model.predict(world.data.split("test"), world.run())


def test_another_script_is_another_model(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print(1)")
    step = Command(command=f"python {script} --out {{out}}")
    first = step.weights
    script.write_text("print(2)")
    assert first and step.weights != first
    assert Command(command="train --out {out}").weights == Command(command='an open " quote').weights == ""
