"""The commands: their names, where each is, and how a run ends.

A command's module is imported when the command is used: building all of them
costs more time than most runs take.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from compiler.values.suggest import closest
from stagecast import __version__

# In the order of work, which is also that of the help.
COMMANDS = (
    "validate",
    "lint",
    "graph",
    "plan",
    "compile",
    "run",
    "simulate",
    "whatif",
    "optimize",
    "pool",
    "why",
    "history",
    "explain",
    "schema",
)

FINDINGS, USAGE, UNREADABLE = 1, 2, 3


class _LazyGroup(TyperGroup):
    """A group whose commands are imported one at a time."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the group's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the group's signature
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"stagecast.commands.{cmd_name}")
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        # Said out loud, or the list of commands cuts it at the end of the line.
        app.command(cmd_name, short_help=(module.run.__doc__ or "").partition("\n")[0])(module.run)
        return typer.main.get_command(app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and (suggestion := closest(args[0], COMMANDS)):
            ctx.fail(f"there is no command {args[0]}; did you mean {suggestion}?")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Describe an environment once: validate it, compile it, and forecast how long its pipeline takes.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"stagecast {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", "-V", help="Print the version.", callback=_show_version, is_eager=True
    ),
) -> None:
    pass


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; the exit code comes back, nothing is raised but bugs.

    A file that cannot be read or written is a message and the code 3.
    """
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has seen enough.
        _forget_output()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"stagecast: {where}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        _forget_output()
        return UNREADABLE
    return code


def _forget_output() -> None:
    """Drop what is buffered where it cannot be written: the interpreter would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _invoke(arguments: list[str] | None) -> int:
    try:
        app(arguments)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else FINDINGS
    return 0
