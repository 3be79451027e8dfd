"""What every command does: find its environments, show findings, and choose the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.diagnostics.render import RENDERERS
from compiler.project_file import FILE_NAME, find_project
from compiler.values.suggest import closest

if TYPE_CHECKING:
    # What reads specs is imported where one is read: `lint` of a Dockerfile needs none of it.
    from compiler.driver import Checked
    from compiler.project import Job

FORMATS = tuple(RENDERERS)


class Usage(typer.BadParameter):
    """The command line itself is wrong: exit code 2."""

    def format_message(self) -> str:
        """The message alone, without "Invalid value": it says what is wrong itself."""
        return f"{self.param_hint}: {self.message}" if self.param_hint else self.message


def jobs(name: str | None, findings: Findings) -> tuple[Job, ...]:
    """The environments that a command works on.

    `name` is a spec's path or the name of an environment of the project file;
    None means all of the project file's. What is wrong with the project file
    is in `findings`.

    Raises:
        Usage: there is no such environment, or no project file to look in.
        OSError: the project file cannot be read.
    """
    from compiler.project import job_for_spec, project_jobs

    if name is not None and (os.path.exists(name) or name.endswith((".yaml", ".yml")) or "/" in name):
        return (job_for_spec(Path(name), findings),)
    project = find_project(Path.cwd())
    if project is None:
        if name is not None:
            return (job_for_spec(Path(name), findings),)
        raise Usage(f"there is no {FILE_NAME} here or above: name a spec, such as environment.yaml")
    project = Path(os.path.relpath(project))
    found = project_jobs(project, findings)
    if name is None:
        return found
    chosen = tuple(job for job in found if job.name == name)
    if not chosen and not findings.has_errors:
        names = [job.name for job in found]
        suggestion = closest(name, names)
        hint = f"did you mean {suggestion}?" if suggestion else f"{project} lists {', '.join(names)}"
        raise Usage(f"there is no environment {name}; {hint}")
    return chosen


def check_all(name: str | None) -> tuple[list[Checked], list[Diagnostic]]:
    """Every environment that `name` means, checked, and all findings, sorted and each once."""
    from compiler.driver import check_environment

    about_project = Findings()
    found = jobs(name, about_project)
    everything = Findings()
    everything.extend(about_project)
    checked = []
    for job in found:
        result = check_environment(job, Findings())
        checked.append(result)
        everything.extend(result.diagnostics)
    return checked, list(everything)


def the_one(name: str | None) -> tuple[Checked | None, list[Diagnostic]]:
    """The one environment that a command is about; None when the project file cannot be used.

    Raises:
        Usage: the project file lists several and none is named.
    """
    from compiler.driver import check_environment

    about_project = Findings()
    found = jobs(name, about_project)
    if len(found) > 1:
        raise Usage(f"which environment? name one of {', '.join(job.name for job in found)}")
    if not found:
        return None, list(about_project)
    checked = check_environment(found[0], Findings())
    everything = Findings()
    everything.extend(about_project)
    everything.extend(checked.standing)
    return checked, list(everything)


def usable(checked: Checked | None, diagnostics: Iterable[Diagnostic], format_: str | None = None) -> Checked:
    """The environment, when nothing stands against working with it; errors and warnings go to stderr.

    Notes are what `validate` is for: beside another output they would be said again with every command.

    Raises:
        typer.Exit: with 1, after the errors are shown.
    """
    shown = [diagnostic for diagnostic in diagnostics if diagnostic.severity is not Severity.NOTE]
    show(shown, side_format(format_), to_stderr=True)
    if checked is None or checked.context is None or has_errors(shown):
        raise typer.Exit(1)
    return checked


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether an error is among them."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def default_format() -> str:
    """`github` inside GitHub Actions, where annotations are what people see; `text` elsewhere."""
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


def side_format(format_: str | None) -> str:
    """The format of findings beside another output."""
    return format_ if format_ in FORMATS and format_ != "json" else default_format()


def check_format(format_: str | None, allowed: Iterable[str]) -> None:
    """Refuse a `--format` that the command does not have.

    Raises:
        Usage: with the formats that there are.
    """
    choices = tuple(allowed)
    if format_ is not None and format_ not in choices:
        suggestion = closest(format_, choices)
        hint = f"did you mean {suggestion}?" if suggestion else f"choose one of {', '.join(choices)}"
        raise Usage(f"no format {format_}; {hint}", param_hint="--format")


def show(diagnostics: Iterable[Diagnostic], format_: str, *, to_stderr: bool = False) -> None:
    """Print findings in a format; nothing for no findings where people read."""
    stream = sys.stderr if to_stderr else sys.stdout
    if format_ == "text":
        shown = list(diagnostics)
        if not shown:
            return
        from compiler.diagnostics.render.text import render

        text = render(shown, color=wants_color(stream.isatty()))
    else:
        text = RENDERERS[format_](diagnostics)
    stream.write(text)


def wants_color(is_terminal: bool) -> bool:
    """A non-empty NO_COLOR or FORCE_COLOR decides, else the terminal (no-color.org, force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal


def width(default: int = 100) -> int:
    """Columns of the terminal, at most `default`."""
    import shutil

    return min(default, shutil.get_terminal_size((default, 24)).columns)
