"""The way in: every fault becomes a sentence and an exit code.

0 done, 1 found something under --strict, 2 misuse or a fault that is told, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tilth.errors import TilthError

_STOPPED = 130
_GO_ON = "Nothing that was finished is lost: the same command goes on from there."


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    import typer

    from tilth.cli.commands import app

    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # package.module:factory may lie beside the data, as with python -m
    try:
        code = app(args=list(args) if args is not None else None, prog_name="tilth", standalone_mode=False)
        sys.stdout.flush()  # here, and not while the interpreter ends, where a reader that went away would be a traceback
        return _left(code if isinstance(code, int) else 0)
    except KeyboardInterrupt:
        return _left(_STOPPED)
    except typer.Abort:
        return _left(_STOPPED)
    except typer.Exit as leaving:
        return _left(leaving.exit_code)
    except _misuse() as fault:
        fault.show()
        return fault.exit_code
    except TilthError as fault:
        return _told(f"{type(fault).__name__}: {fault}", 2)
    except sqlite3.Error as fault:
        return _told(f"WorkspaceError: the ledger of the workspace cannot be used ({fault}). {_GO_ON}", 2)
    except BrokenPipeError:
        return _unread()
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer leaves with 1 where the reader goes away
            return _unread()
        raise
    except OSError as fault:
        return _told(_os_words(fault), 2)
    except Exception:  # a bug of ours or of a plugin: keep the details, show a sentence
        return _told(_kept_crash(), 2)


def _misuse() -> Any:
    """What click raises for options that it refuses. Newer releases of typer hold a copy of click of their own, so it is
    asked of typer and not of click."""
    import typer

    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _unread() -> int:
    """The reader of stdout went away, say `| head`: nothing is wrong, and what is left over has nowhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return 0


def _left(code: int) -> int:
    """The exit code; typer turns Ctrl-C into a bare 130, which is told here."""
    return _told(f"Stopped. {_GO_ON}", code) if code == _STOPPED else code


def _told(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _os_words(fault: OSError) -> str:
    what = f"{fault.filename}: " if fault.filename else ""
    advice = {
        errno.ENOSPC: " Make room and run the same command again.",
        errno.EROFS: " Choose a folder that can be written: --workspace, --out.",
        errno.EACCES: " Choose a folder that can be written: --workspace, --out.",
    }.get(fault.errno or 0, "")
    return f"{what}{fault.strerror or fault}.{advice} {_GO_ON}"


def _kept_crash() -> str:
    details = traceback.format_exc()
    last = details.strip().splitlines()[-1]
    file = Path(f"tilth-crash-{time.strftime('%Y%m%d-%H%M%S')}.txt")
    try:
        file.write_text(details)
        where = f"The details are in {file}; please send them with a report."
    except OSError:
        where = details
    return f"This is a fault of tilth or of a plugin, not of yours: {last}\n{where} {_GO_ON}"
