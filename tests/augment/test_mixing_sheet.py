"""The page of mixing shows mixtures as they are made now."""

import importlib.util
from pathlib import Path


def test_the_sheet_is_current():
    file = Path(__file__).parents[2] / "docs" / "reference" / "mixing.py"
    spec = importlib.util.spec_from_file_location("mixing_sheet", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.stale(), "run: python docs/reference/mixing.py"
