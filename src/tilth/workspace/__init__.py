"""Workspace: the one door, a verb or two in each file. Each part adds methods to the ground and takes none over."""

from tilth.workspace.whole import Improved, Workspace, open

__all__ = ["Improved", "Workspace", "open"]
