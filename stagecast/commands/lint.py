"""`stagecast lint`: what Dockerfiles could do better for the build cache, what that costs, and fixing it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.diagnostics.model import Findings, Severity
from compiler.practices import LEAST_SAVING_S
from stagecast.linting.inputs import STDIN, Work, work_of
from stagecast.linting.judging import Settings
from stagecast.options import STRICT, format_option
from stagecast.session import FORMATS, Usage, check_format, default_format, has_errors, show

if TYPE_CHECKING:
    from stagecast.linting.mending import Mended

TARGETS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV | PATH...]",
        help="An environment; or Dockerfiles, folders, and - for standard input. "
        "Default: what stagecast.yaml lists, else this folder.",
        show_default=False,
    ),
]


def run(
    targets: TARGETS = None,
    format_: Annotated[str | None, format_option(*FORMATS)] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply safe fixes.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix or --diff: unsafe fixes as well.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what --fix would change.")
    ] = False,
    min_saving: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.0, help="Leave out what saves less per rebuild."),
    ] = LEAST_SAVING_S,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Whether Git is asked how often files change.")
    ] = True,
    strict: STRICT = False,
) -> None:
    """Find what in Dockerfiles makes builds slow, say what it costs, and fix it."""
    check_format(format_, FORMATS)
    if not math.isfinite(min_saving):
        raise Usage("it is a number of seconds", param_hint="--min-saving")
    _check(targets or [], fix=fix, diff=diff, unsafe=unsafe_fixes)
    problems = Findings()
    work = work_of(targets or [], problems)
    several = sum(len(one.cases) for one in work) > 1
    settings = Settings(min_saving, history, {} if several else None)
    if fix or diff:
        from stagecast.linting.mending import mend_all

        mended = mend_all(work, settings, unsafe=unsafe_fixes)
        if diff:
            _show_diff(mended, problems)
            return
        _write(mended)
        work = mended.after(work)
    _report(work, settings, problems, format_ or default_format(), strict=strict)


def _check(targets: Sequence[str], *, fix: bool, diff: bool, unsafe: bool) -> None:
    """Refuse options that do not go together.

    Raises:
        Usage: with what to write instead.
    """
    if fix and diff:
        raise Usage("--fix writes and --diff does not: choose one", param_hint="--diff")
    if unsafe and not (fix or diff):
        raise Usage("it goes with --fix or --diff", param_hint="--unsafe-fixes")
    if fix and STDIN in targets:
        raise Usage("standard input cannot be written; use --diff", param_hint="--fix")


def _report(
    work: Sequence[Work], settings: Settings, problems: Findings, format_: str, *, strict: bool
) -> None:
    """Show what is found.

    Raises:
        typer.Exit: with 1, when there are errors, or warnings that count.
    """
    from stagecast.linting.report import ranking, report_of

    report = report_of(work, settings)
    shown = report.diagnostics(problems)
    if shown or format_ not in ("text", "github"):
        show(shown, format_)
        if format_ == "text":
            sys.stdout.write(ranking(report))
    elif format_ == "text":
        count = len({case.source.path for one in work for case in one.cases})
        print(f"{_count(count, 'Dockerfile')}, nothing to report")
    if format_ == "text" and (others := sum(one.elsewhere for one in work)):
        print(f"{_count(others, 'build')} from other repositories left out: lint them there")
    warned = any(diagnostic.severity is Severity.WARNING for diagnostic in shown)
    if has_errors(shown) or (strict and warned):
        raise typer.Exit(1)


def _show_diff(mended: Mended, problems: Findings) -> None:
    """The changes as one diff; files that cannot be read are told beside it.

    Raises:
        typer.Exit: with 1, when there is anything to change, or an error.
    """
    from compiler.diagnostics.render.cells import visible
    from compiler.dockerfile.tokens import encoded
    from compiler.output.patch import text_diff

    show(problems, "text", to_stderr=True)
    text = "".join(
        text_diff(path, change.before, change.after) for path, change in sorted(mended.changes.items())
    )
    if sys.stdout.isatty():
        lines = text.replace("\r\n", "\n").split("\n")
        sys.stdout.write("\n".join(map(visible, lines)))
    else:
        # The file's own bytes, whatever they are, so that `git apply` takes it.
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(text))
    if text or problems.has_errors:
        raise typer.Exit(1)


def _write(mended: Mended) -> None:
    from stagecast.linting.writing import write

    for _, change in sorted(mended.changes.items()):
        write(change)
    if mended.fixed:
        files = _count(len(mended.changes), "file")
        print(f"fixed {_count(mended.fixed, 'finding')} in {files}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
