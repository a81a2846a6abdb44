"""What tests share: where real data lies, and plain settings of hypothesis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # strategies.py, beside this file

slow = [HealthCheck.too_slow]
# The same examples in every run, so that a verdict on a change is about the change; `explore` draws new ones.
settings.register_profile("tilth", deadline=None, suppress_health_check=slow, max_examples=60, derandomize=True)
settings.register_profile("explore", deadline=None, suppress_health_check=slow, max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tilth"))


@pytest.fixture(scope="session", autouse=True)
def probes_of_these_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the machine was measured to be is kept apart from what its owner's runs go by."""
    os.environ["TILTH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that names it."""
    folder = Path(os.environ.get("TILTH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set TILTH_DATA)")
    return folder
