"""A person's own function or program, handed texts: found, asked, and held to its word.

`module:function`   called with a list of texts, gives a list of as many answers
a command           reads a text a line and writes a text a line; it runs without a shell
"""

from __future__ import annotations

import importlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from tilth.digest import digest, digest_bytes
from tilth.errors import SettingError, StepError, did_you_mean

Asked: TypeAlias = Callable[[Sequence[str]], list[Any]]

_LAST_LINES = 5


def asked(name: str, *, setting: str, most_s: float = 600.0, arrays: bool = False) -> Asked:
    """What answers a list of texts under this name: a `module:function`, or else a command.

    setting  where the name stands, as `augment.back_translation.there`: for the messages
    most_s   seconds after which a command is ended
    arrays   whether a row of numbers is asked for each text: then it must be a function, and any array will do

    Raises SettingError for a name under which nothing is found.
    """
    if not name.strip():
        raise SettingError(
            f'{setting} is empty; name a function "package.module:function" or a command that reads lines'
        )
    if _is_function(name):
        function = _function(name, setting)
        return lambda texts: _as_many(_called(function, texts, setting), texts, setting)
    if arrays:
        raise SettingError(f'{setting} = {name!r} is no folder, nor a function written "package.module:function"')
    words = shlex.split(name)
    if shutil.which(words[0]) is None:
        raise SettingError(
            f"{setting} = {name!r}: there is no program {words[0]!r} (and no colon, which would make it a function: "
            '"package.module:function")'
        )
    return lambda texts: _as_many(_lines(words, texts, setting, most_s), texts, setting)


def _is_function(name: str) -> bool:
    module, _, what = name.partition(":")
    return what.isidentifier() and all(part.isidentifier() for part in module.split("."))


@cache  # a model is loaded once, not once a batch
def _function(name: str, setting: str) -> Callable[[list[str]], Any]:
    package, _, what = name.partition(":")
    told = f"{setting} = {name!r}"
    try:
        module = importlib.import_module(package)
    except Exception as fault:  # the module is the user's: importing it may raise anything
        raise SettingError(
            f"{told}: {package} cannot be imported ({type(fault).__name__}: {fault}).\n"
            "  Install it, or put its folder on PYTHONPATH."
        ) from fault
    function = getattr(module, what, None)
    if not callable(function):
        raise SettingError(f"{told}: {package} has no callable {what!r}{did_you_mean(what, vars(module))}")
    return function


def _called(function: Callable[[list[str]], Any], texts: Sequence[str], setting: str) -> Any:
    try:
        return function(list(texts))
    except Exception as fault:  # the function is the user's: it may raise anything
        raise StepError(f"{setting}: handed {len(texts)} texts, it raised {type(fault).__name__}: {fault}") from fault


def _lines(words: list[str], texts: Sequence[str], setting: str, most_s: float) -> list[str]:
    given = "".join(" ".join(text.split()) + "\n" for text in texts)
    try:
        done = subprocess.run(
            words, input=given, capture_output=True, text=True, encoding="utf-8", timeout=most_s, check=False
        )
    except subprocess.TimeoutExpired as fault:
        raise StepError(f"{setting}: {shlex.join(words)} did not end within {most_s:g} s") from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise StepError(f"{setting}: {shlex.join(words)} cannot be run or read ({fault})") from fault
    if done.returncode:
        said = "\n  ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        raise StepError(f"{setting}: {shlex.join(words)} ended with code {done.returncode}\n  {said}")
    return done.stdout.split("\n")[:-1] if done.stdout.endswith("\n") else done.stdout.split("\n")


def _as_many(found: Any, texts: Sequence[str], setting: str) -> list[Any]:
    answers = list(found) if isinstance(found, (list, tuple)) or hasattr(found, "__array__") else None
    if answers is None or len(answers) != len(texts):
        what = type(found).__name__ if answers is None else f"{len(answers)} answers"
        raise StepError(f"{setting}: it was handed {len(texts)} texts and gave {what}; a list of as many is needed")
    return answers


def weights_of(*names: str) -> str:
    """Digest of the files that commands name, or nothing: answers of a script that has changed are not remembered."""
    files = [Path(word) for name in names if not _is_function(name) for word in _words(name) if Path(word).is_file()]
    return digest([digest_bytes(file.read_bytes()) for file in files]) if files else ""


def _words(name: str) -> list[str]:
    try:
        return shlex.split(name)
    except ValueError:  # an open quote: told when it is asked
        return []
