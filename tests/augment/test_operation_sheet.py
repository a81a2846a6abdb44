"""The catalogue page shows every operation, as it is now."""

import importlib.util
from pathlib import Path

from tilth.augment.operations import OPERATIONS
from tilth.augment.operations.sets import SETS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_sheet_is_current():
    spec = importlib.util.spec_from_file_location("sheet", DOCS / "reference" / "operations.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.stale(), "run: python docs/reference/operations.py"


def test_the_page_names_every_operation_with_its_strength():
    page = (DOCS / "ideas" / "operations.md").read_text(encoding="utf-8")
    for one in OPERATIONS.values():
        assert f"| `{one.name}` | {one.family} | {one.full} |" in page
    assert all(f"`{name}`" in page for name in SETS)
