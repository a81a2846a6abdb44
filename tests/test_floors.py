"""The walls of the house, held by import-linter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_no_wall_is_broken_and_no_circle_is_there() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_imports_torchvision() -> None:
    guilty = [file for file in (ROOT / "src").rglob("*.py") if "import torchvision" in file.read_text()]
    assert not guilty
