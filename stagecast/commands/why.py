"""`stagecast why`: which steps of an image's build come from the cache, which run, and what made them run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.diagnostics.model import Diagnostic, Severity
from stagecast.layer_questions import CACHE, build_of, check_cache, chosen_cache, repository_place
from stagecast.options import AS_JSON, ENVIRONMENT, format_option
from stagecast.session import Usage, check_format, show, side_format, the_one, usable, wants_color, width

if TYPE_CHECKING:
    from compiler.context.git import Repository
    from compiler.context.problems import ContextProblem
    from compiler.driver import Checked
    from compiler.plan.model import Build, Plan
    from stagecast.layer_reasons import BuildReasons

_FORMATS = ("text", "json")


def run(
    environment: ENVIRONMENT = None,
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE]",
            help="Whose image. Default: the only one that is built.",
            show_default=False,
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="REV",
            help="The commit that was built before. Default: HEAD, or the parent of --to.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="REV", help="The commit that is built. Default: the working tree.", show_default=False
        ),
    ] = None,
    cache: CACHE = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Say which steps of an image's build come from the cache, which run, and what made them run."""
    check_format(format_, _FORMATS)
    check_cache(cache)
    format_ = "json" if as_json else format_
    checked = usable(*the_one(environment), format_)
    from compiler.driver import make_plan

    plan = make_plan(checked)
    found = _reasons(checked, plan, _asked(plan, service), from_, to, cache)
    if format_ == "json":
        from stagecast.views.layer_reasons import json

        sys.stdout.write(json.render(found))
        return
    from stagecast.views.layer_reasons import text

    sys.stdout.write(text.render(found, width=width(), color=wants_color(sys.stdout.isatty())))


def _asked(plan: Plan, service: str | None) -> Build:
    """The build of a service whose files are here; without one, the only build. Raises Usage."""
    if service is None:
        if len(plan.builds) != 1:
            names = ", ".join(sorted(name for build in plan.builds for name in build.services)[:10])
            raise Usage(f"which service? name one of {names}" if names else "the environment builds no image")
        service = plan.builds[0].services[0]
    build = build_of(plan, service)
    if not build.source.is_local:
        raise Usage(
            f"the files of {service} are in another repository; "
            'ask in a clone of that one, with a spec that has `repository: "."`'
        )
    return build


def _reasons(
    checked: Checked, plan: Plan, build: Build, from_: str | None, to: str | None, cache: str | None
) -> BuildReasons:
    """What is asked for.

    Raises:
        Usage: there is no such revision, or no Dockerfile at the end.
        typer.Exit: with 1, after a finding, where Git cannot be read.
    """
    from compiler.context.git import open_repository
    from compiler.context.problems import ContextProblem, UnknownRevision
    from stagecast.layer_reasons import reasons_of

    root = checked.job.root
    try:
        repository = open_repository(root)
        try:
            before = from_ or _before(repository, to)
            found = reasons_of(plan.environment, build, root, (before, to), chosen_cache(build, cache))
        except UnknownRevision as problem:
            if not repository.shallow:
                raise Usage("; ".join(filter(None, (problem.message, problem.hint)))) from problem
            raise
    except ContextProblem as problem:
        show([_unreadable(checked, build, problem)], side_format(None), to_stderr=True)
        raise typer.Exit(1) from problem
    if not found.after.has_dockerfile:
        raise Usage(f"there is no {found.dockerfile} in {found.after.name}", param_hint="--to")
    return found


def _before(repository: Repository, to: str | None) -> str:
    """What was built before a revision, where nothing else is said. Raises Usage, and UnknownRevision."""
    from compiler.context.problems import UnknownRevision

    if to is None:
        return "HEAD"
    repository.commit(to)
    try:
        repository.commit(f"{to}~1")
    except UnknownRevision as problem:
        if repository.shallow:
            raise
        raise Usage(f"{to} has no parent: say what was built before", param_hint="--from") from problem
    return f"{to}~1"


def _unreadable(checked: Checked, build: Build, problem: ContextProblem) -> Diagnostic:
    from compiler.context.problems import UnknownRevision

    hint = problem.hint
    if isinstance(problem, UnknownRevision):
        hint = "the clone is shallow: `git fetch --unshallow` fetches the rest (in CI: fetch-depth: 0)"
    message = f"two builds cannot be compared: {problem.message}"
    return Diagnostic("STC511", Severity.ERROR, message, repository_place(checked, build), hint=hint)
