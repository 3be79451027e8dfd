"""`stagecast history`: which layers of the images would have come from the cache, commit after commit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from stagecast.layer_questions import CACHE, build_of, check_cache, chosen_cache, repository_place
from stagecast.options import AS_JSON, ENVIRONMENT, format_option
from stagecast.session import Usage, check_format, show, side_format, the_one, usable, wants_color, width

if TYPE_CHECKING:
    from compiler.context.model import History
    from compiler.driver import Checked
    from compiler.plan.model import Build, Plan

_FORMATS = ("text", "json")


def run(
    environment: ENVIRONMENT = None,
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]...", help="Only these services.", show_default=False),
    ] = None,
    commits: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many commits, counted from the newest.")
    ] = 1000,
    cache: CACHE = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Replay Git's history: how often each layer of an image would have come from the build cache."""
    check_format(format_, _FORMATS)
    check_cache(cache)
    format_ = "json" if as_json else format_
    checked = usable(*the_one(environment), format_)
    from compiler.driver import make_plan

    plan = make_plan(checked)
    asked = _asked(plan, services or ())
    read = _history(checked, asked, commits, format_)
    from stagecast.images import local_builds
    from stagecast.layer_history import history_of

    ids = {build.id for build in asked}
    builds = [each for each in local_builds(checked, plan) if each.build.id in ids]
    found = history_of(plan.environment, [(each, chosen_cache(each.build, cache)) for each in builds], read)
    if format_ == "json":
        from stagecast.views.layer_history import json

        sys.stdout.write(json.render(found))
        return
    from stagecast.views.layer_history import text

    color = wants_color(sys.stdout.isatty())
    sys.stdout.write(text.render(found, width=width(), color=color))


def _asked(plan: Plan, services: Sequence[str]) -> tuple[Build, ...]:
    """The builds of some services, of all without any. Raises Usage."""
    if not services and not plan.builds:
        raise Usage("the environment builds no image")
    asked = {build_of(plan, service).id for service in services}
    return tuple(build for build in plan.builds if not services or build.id in asked)


def _history(checked: Checked, asked: Iterable[Build], commits: int, format_: str | None) -> History:
    """The history of the spec's repository, after what is to be said of builds of other ones.

    Raises:
        typer.Exit: with 1, after a finding, where there is none to look at.
    """
    from compiler.context.history import read_history
    from compiler.context.problems import ContextProblem

    findings = Findings()
    read = None
    local = [build for build in asked if build.source.is_local]
    for build in asked:
        if not build.source.is_local:
            findings.add(_elsewhere(checked, build))
    if local:
        try:
            read = read_history(checked.job.root, commits=commits)
        except ContextProblem as problem:
            findings.add(_missing(checked, local[0], problem))
    _tell(checked, findings, format_)
    if read is None:
        raise typer.Exit(1)
    return read


def _missing(checked: Checked, build: Build, problem: Exception) -> Diagnostic:
    from compiler.context.problems import ContextProblem

    assert isinstance(problem, ContextProblem)
    message = f"the history cannot be replayed: {problem.message}"
    note = "a part of the history would give rates that are wrong, so none are shown"
    return Diagnostic(
        "STC510", Severity.ERROR, message, repository_place(checked, build), notes=(note,), hint=problem.hint
    )


def _elsewhere(checked: Checked, build: Build) -> Diagnostic:
    message = f"the history of `{build.services[0]}` is in another repository"
    hint = 'replay it in a clone of that repository, with a spec that has `repository: "."`'
    return Diagnostic("STC512", Severity.WARNING, message, repository_place(checked, build), hint=hint)


def _tell(checked: Checked, findings: Findings, format_: str | None) -> None:
    from compiler.driver import settled, unsilenced

    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    shown = unsilenced(errors, settled(checked.job, findings, checked.sources))
    show(shown, side_format(format_), to_stderr=True)
