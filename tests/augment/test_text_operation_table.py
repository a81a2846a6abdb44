"""The page of text operations shows what they do now."""

import importlib.util
from pathlib import Path

from tilth.augment.writing import OPERATIONS, SETS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_is_current_and_names_every_operation() -> None:
    spec = importlib.util.spec_from_file_location("text_operations", DOCS / "reference" / "text_operations.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main("--check") == 0, "run: python docs/reference/text_operations.py"
    page = module.PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}` | {one.family} |" in page for name, one in OPERATIONS.items())
    assert all(f"`{name}`" in page for name in SETS)
