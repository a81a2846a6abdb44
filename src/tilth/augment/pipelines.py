"""Models of the library transformers, from a folder on this machine. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tilth.errors import SettingError


def is_folder(name: str) -> bool:
    """Whether a setting names a folder with a model."""
    return bool(name.strip()) and (Path(name) / "config.json").is_file()


@cache  # a model is loaded once, not once a batch
def pipeline_of(folder: str, task: str, *, setting: str) -> Any:
    """The pipeline of a local model. Raises SettingError where transformers is not installed or the model cannot be read."""
    try:
        import transformers  # pyright: ignore[reportMissingImports]
    except ImportError as fault:
        raise SettingError(
            f'{setting} = {folder!r} is a model of transformers, which is not installed:  pip install "tilth[transformers]"\n'
            '  Or name a function of yours: "package.module:function".'
        ) from fault
    try:
        where = str(Path(folder).resolve())
        return transformers.pipeline(task, model=where, tokenizer=where, device=-1)
    except Exception as fault:  # whatever the library says of a folder that it cannot use
        raise SettingError(
            f"{setting}: {folder} cannot be loaded for {task} ({type(fault).__name__}: {fault})"
        ) from fault


def said(answer: Any, setting: str) -> str | None:
    """The text of one answer: a text, what a pipeline of transformers gives, or None where there is none."""
    while isinstance(answer, list) and answer:
        answer = answer[0]
    if isinstance(answer, Mapping):
        for key in ("translation_text", "generated_text", "summary_text"):
            if isinstance(answer.get(key), str):
                return answer[key]
    if answer is None or isinstance(answer, str):
        return answer
    raise SettingError(f"{setting} gave {type(answer).__name__} for a text; a text is needed")
