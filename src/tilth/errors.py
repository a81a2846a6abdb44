"""The one family of errors.

    TilthError
      SourceError       the data that was handed in cannot be read as asked
      ContentError      one file or text cannot be decoded (its sample is set aside, the run goes on)
      SettingError      a setting has a wrong name, type or range
      RecipeError       a recipe cannot be read or names what does not exist
      StepError         a step was asked for what it cannot do here
      EditRefused       an edit does not fit the dataset that it is applied to
      SealBroken        a step reached for the sealed test split
      LearnerError      a model could not be trained or asked
      WorkspaceError    a workspace cannot be opened, or is of a newer format
      WorkspaceBusy     another process holds the workspace
      ExportError       the result cannot be written where asked

Messages say what was asked, what was found and what to do. The screens print them without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TilthError(Exception):
    """What every error of this package is."""


class SourceError(TilthError):
    """The data that was handed in cannot be read as asked."""


class ContentError(TilthError):
    """One file or text cannot be decoded."""


class SettingError(TilthError):
    """A setting has a wrong name, type or range."""


class RecipeError(TilthError):
    """A recipe cannot be read, or names what does not exist."""


class StepError(TilthError):
    """A step was asked for what it cannot do here."""


class EditRefused(TilthError):
    """An edit does not fit the dataset that it is applied to."""


class SealBroken(TilthError):
    """A step reached for the sealed test split."""


class LearnerError(TilthError):
    """A model could not be trained or asked."""


class WorkspaceError(TilthError):
    """A workspace cannot be opened, or is of a newer format."""


class WorkspaceBusy(WorkspaceError):
    """Another process holds the workspace."""


class ExportError(TilthError):
    """The result cannot be written where asked."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
