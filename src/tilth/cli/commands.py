"""The commands, in the order in which they are listed. Each opens a workspace, asks it one thing and prints the answer."""

from __future__ import annotations

import typer

from tilth.cli import changing, improving, looking, proving, telling, valuing

app = typer.Typer(
    name="tilth",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A better dataset for the model you may not change: wrong labels mended, junk and contradicting copies settled, "
    "gaps filled, every change with its reason, all of it undoable, and proof that the model now does better.",
    epilog="Begin with  `tilth demo`,  then  `tilth improve YOUR_DATA`.",
)

_COMMANDS = {
    "improve": improving.improve,
    "audit": looking.audit,
    "selftest": looking.self_test,
    "value": valuing.value,
    "validation-set": changing.validation_set,
    "embed": looking.embed,
    "components": looking.components,
    "propose": changing.propose,
    "apply": changing.apply,
    "prove": proving.prove,
    "versions": proving.versions,
    "report": proving.report,
    "export": telling.export,
    "log": telling.log,
    "why": telling.why,
    "undo": changing.undo,
    "diff": telling.diff,
    "steps": telling.steps,
    "demo": telling.demo,
}

for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
