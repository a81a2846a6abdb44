"""The command line: one command per verb."""

from tilth.cli.main import main

__all__ = ["main"]
