"""The public face is one list."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tilth


def test_the_list_is_sorted_and_is_what_is_visible() -> None:
    assert tilth.__all__ == sorted(tilth.__all__)
    assert dir(tilth) == tilth.__all__


@pytest.mark.parametrize("name", tilth.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    member = getattr(tilth, name)
    assert name == "Edit" or member.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no public name 'nothing'"):
        tilth.nothing  # noqa: B018


@pytest.mark.parametrize("work", ["import tilth", "from tilth.cli.main import run; run(['--help'])"])
def test_neither_torch_nor_pandas_is_loaded(work: str) -> None:
    code = f"import sys; {work}; print([m for m in ('torch', 'pandas', 'sklearn', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_import_is_quick() -> None:
    code = "import time; t = time.perf_counter(); import tilth; print(time.perf_counter() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(runs) < 0.3
