"""`stagecast run`: the plan carried out on this machine, without a CI service."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from compiler.compile import compared, diagnostics_of, limitations, plan_path, previous_plan
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.driver import Checked, make_plan, settled
from compiler.plan.model import Delivery, Plan, Task
from compiler.values.suggest import closest
from stagecast.execution import summary, tools
from stagecast.execution.folder import AnotherRun, Remembered, RunFolder, run_folder
from stagecast.execution.local import Progress, Wishes, working_tree
from stagecast.execution.local import run as run_plan
from stagecast.execution.narrow import narrowed, with_needed
from stagecast.execution.progress.tally import printable
from stagecast.execution.runner import Outcome
from stagecast.execution.scripts import HOST, TARGETS, Options
from stagecast.execution.source import SourceError, WorkingTree
from stagecast.options import ENVIRONMENT, format_option
from stagecast.session import Usage, check_format, has_errors, show, side_format, the_one, usable

_FORMATS = ("text", "json")
_FAILED, _INTERRUPTED = 1, 130


def run(
    environment: ENVIRONMENT = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="SERVICE",
            help="This service and what it needs; repeatable.",
            show_default=False,
        ),
    ] = None,
    skip_deploy: Annotated[
        bool, typer.Option("--skip-deploy", help="Build and mirror images; deploy nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; ask the registry and the cluster.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build and deploy what is unchanged, too.")] = False,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the trace is written. Default: the user's state folder.",
            show_default=False,
        ),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(tools.BUILDERS), help="What builds. Default: what is there.", show_default=False
        ),
    ] = None,
    insecure_registry: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="A registry without TLS, as host:port; repeatable.", show_default=False
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Uninstall services that left the spec.")] = False,
    allow_replace: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE",
            help="Accept changes that lose this service's data or need steps by hand; repeatable.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
) -> None:
    """Build, mirror and deploy from this machine, with the plan's order and limits."""
    check_format(format_, _FORMATS)
    insecure = _hosts(insecure_registry or [])
    checked = usable(*the_one(environment), format_)
    plan = make_plan(checked)
    folder = run_folder(checked.job.root, plan.environment)
    plan = _with_past(plan, checked, folder, frozenset(allow_replace or ()), prune=prune)
    part = _part(plan, only or [], deploys=not skip_deploy)
    _refuse_what_cannot_be_run(part, checked)
    options = Options(_builder(part, builder), force, insecure)
    whole = part.tasks == plan.tasks and not skip_deploy
    wishes = Wishes(options, trace, _again(environment), whole)
    with _prepared(part, checked.job.root, folder) as (tree, lock, scratch):
        _say(f"{plan.environment}: {tree.summary()}{_last(folder.last())}")
        if dry_run:
            raise typer.Exit(_foresee(part, tree, lock, scratch, wishes, format_))
        report = run_plan(part, tree, folder, lock, scratch, wishes, _progress(part))
    sys.stdout.write(summary.document(report) if format_ == "json" else summary.text(report))
    if not report.result.ok:
        interrupted = report.outcome == "interrupted"
        raise typer.Exit(_INTERRUPTED if interrupted else _FAILED)


def _foresee(
    plan: Plan, tree: WorkingTree, lock: int, scratch: Path, wishes: Wishes, format_: str | None
) -> int:
    """The dry run; the exit code."""
    from stagecast.execution import dry

    found = dry.foresee(plan, tree, lock, scratch, wishes)
    sys.stdout.write(dry.document(found) if format_ == "json" else dry.text(found))
    if found.interrupted:
        return _INTERRUPTED
    return _FAILED if found.problem else 0


def _hosts(given: list[str]) -> tuple[str, ...]:
    for host in given:
        if not HOST.fullmatch(host):
            raise Usage(f"{host!r} is no host or host:port", param_hint="--insecure-registry")
    return tuple(given)


def _with_past(
    plan: Plan, checked: Checked, folder: RunFolder, allowed: frozenset[str], *, prune: bool
) -> Plan:
    """The plan compared with what was deployed last from here, else with the project's output.

    Raises:
        typer.Exit: it would lose data; the findings are shown.
    """
    assert checked.context is not None
    previous = previous_plan(folder.plan) or previous_plan(checked.job.output / plan_path(plan.environment))
    plan, found = compared(plan, previous, checked.context, allowed=allowed, prune=prune)
    _stop_at_errors(found)
    left = [gone.service for gone in plan.departed if not gone.prune]
    if left:
        _say(f"{plan.environment}: {', '.join(left)} left the spec and may still run; --prune removes it")
    return plan


def _part(plan: Plan, only: list[str], *, deploys: bool) -> Plan:
    """What of the plan is to be done."""
    names = {workload.service for workload in plan.workloads}
    for name in only:
        if name not in names:
            suggestion = closest(name, names)
            hint = f"did you mean {suggestion}?" if suggestion else "is it skipped?"
            raise Usage(f"the plan has no service {name}; {hint}", param_hint="--only")
    if plan.delivery is not Delivery.HELM and deploys:
        _say(f"{plan.environment}: delivery is {plan.delivery.value}: images are built and mirrored only")
        deploys = False
    if not only and deploys:
        return plan
    return narrowed(plan, with_needed(plan, only) if only else names, deploys=deploys)


def _refuse_what_cannot_be_run(plan: Plan, checked: Checked) -> None:
    assert checked.context is not None
    found = diagnostics_of(limitations(plan, TARGETS), checked.context)
    _stop_at_errors(settled(checked.job, found, checked.sources))


def _stop_at_errors(found: list[Diagnostic] | tuple[Diagnostic, ...]) -> None:
    shown = [finding for finding in found if finding.severity is not Severity.NOTE]
    show(shown, side_format(None), to_stderr=True)
    if has_errors(shown):
        raise typer.Exit(_FAILED)


def _builder(plan: Plan, asked: str | None) -> str | None:
    """The builder; ends the command where a program is missing that the plan needs.

    Raises:
        Usage: there is no such builder.
        typer.Exit: after saying what is missing.
    """
    if asked is not None and asked not in tools.BUILDERS:
        suggestion = closest(asked, tools.BUILDERS)
        hint = f"did you mean {suggestion}?" if suggestion else f"choose one of {', '.join(tools.BUILDERS)}"
        raise Usage(f"no builder {asked}; {hint}", param_hint="--builder")
    found = None
    if plan.builds:
        problem = None if asked is None else tools.builder_problem(asked)
        if problem is not None:
            _say(f"error: {problem}")
            raise typer.Exit(_FAILED)
        found = asked or tools.found_builder()
    missing = list(tools.missing(plan, found))
    for each in missing:
        _say(f"error: {each.program} {each.problem}: it is needed {each.purpose}")
    if missing:
        raise typer.Exit(_FAILED)
    return found


@contextmanager
def _prepared(plan: Plan, root: Path, folder: RunFolder) -> Iterator[tuple[WorkingTree, int, Path]]:
    """The working tree, the lock that started processes inherit, and a private folder for the run."""
    try:
        with folder.held() as (lock, busy):
            if busy:
                _say(f"{plan.environment}: what a run that was killed has started is still at work: waiting")
                folder.wait_for_others(lock)
            with folder.scratch() as scratch:
                yield working_tree(plan, root, scratch), lock, scratch
    except AnotherRun as other:
        process = "" if other.pid is None else f" (process {other.pid})"
        _say(f"error: {plan.environment} is being run already{process}: one run of an environment at a time")
        raise typer.Exit(_FAILED) from None
    except SourceError as problem:
        _say(f"error: {problem}")
        raise typer.Exit(_FAILED) from None
    except KeyboardInterrupt:
        _say("interrupted before anything was done")
        raise typer.Exit(_INTERRUPTED) from None


def _progress(plan: Plan) -> Callable[[tuple[Task, ...], float], Progress]:
    """A screenful on a terminal that can be drawn on, plain lines elsewhere; on standard error."""

    def make(tasks: tuple[Task, ...], begin_s: float) -> Progress:
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from stagecast.execution.progress.live import LiveProgress

            return LiveProgress(plan.environment, tasks, plan.limits, sys.stderr, begin_s)
        from stagecast.execution.progress.plain import PlainProgress

        return PlainProgress(tasks, sys.stderr, begin_s)

    return make


def _last(last: Remembered | None) -> str:
    """What to say of a run that did not come to its end."""
    if last is None or last.outcome == "done":
        return ""
    done = sum(outcome in (Outcome.DONE, Outcome.SKIPPED) for outcome in last.tasks.values())
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last.started_s))
    how = {"running": "never came to its end", "interrupted": "was interrupted"}.get(last.outcome, "failed")
    return f"; the last run ({when}) {how} with {done} of {len(last.tasks) + last.left} steps done: going on"


def _again(environment: str | None) -> str:
    return "stagecast run" + ("" if environment is None else f" {environment}")


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr)
