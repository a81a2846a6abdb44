"""Workspaces as commands open them: with a voice at the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def opened(source: Path | None, workspace: Path | None, quiet: bool, **more: Any) -> Any:
    import tilth
    from tilth.run.voice import voice_for

    return tilth.open(source, workspace=workspace, voice=voice_for(quiet=quiet), **more)


def known(workspace: Path | None, quiet: bool = False) -> Any:
    """A workspace that is there, as it was made."""
    return opened(None, workspace, quiet)
