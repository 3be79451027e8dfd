"""`stagecast compile`: the files that build and deploy the environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler import output as folder_of
from compiler.artifacts import Artifact
from compiler.compile import (
    artifacts,
    compared,
    diagnostics_of,
    limitations,
    plan_path,
    previous_plan,
    without_refusing,
)
from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.load import display_path
from compiler.document.node import shortened
from compiler.driver import check_environment, make_plan, settled, unsilenced
from compiler.lock import Lock, pin, read_lock
from compiler.output import Changes, Status
from compiler.plan.model import Plan
from compiler.project import Job
from compiler.source import SourceFile, Span
from compiler.targets import TARGETS
from compiler.values.suggest import closest
from stagecast.options import ENVIRONMENT, format_option
from stagecast.session import Usage, check_format, has_errors, jobs, show, side_format

_FORMATS = ("text", "json", "github")
_STALE = {Status.NEW: "is missing", Status.CHANGED: "is stale", Status.REMOVED: "is no longer generated"}
# Of files that differ, how many a message names; the diff has them all.
_LISTED = 10


@dataclass(frozen=True, slots=True)
class _Ready:
    """One environment whose plan can be compiled."""

    job: Job
    plan: Plan
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Output:
    """One folder: the files that it should have, for all environments that share it, and how it differs."""

    folder: Path
    environments: tuple[_Ready, ...]
    # What the manifest keeps: the plan's digest, or those of all plans.
    digest: str
    files: tuple[Artifact, ...]
    changes: Changes

    def summary(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "output": display_path(self.folder),
            "environments": [
                {"name": ready.job.name, "digest": ready.plan.digest, "targets": list(ready.targets)}
                for ready in self.environments
            ],
            "files": [{"path": change.path, "status": change.status.value} for change in self.changes.files],
        }


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the command line says of every environment: see the options."""

    targets: tuple[str, ...]
    output: Path | None
    locks: Mapping[str, Lock]
    allowed: frozenset[str]
    prune: bool


def _folder(text: str) -> Path:
    """A folder to write; not the empty text of `-o "$OUT"` with the variable unset."""
    if not text:
        raise Usage("it is empty: name a folder, `.` for this one", param_hint="--output")
    return Path(text)


def run(
    environment: ENVIRONMENT = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=_folder,
            metavar="DIR",
            help="Folder to write. Default: the project file's.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help=f"What to write: {', '.join(TARGETS)}; all is all that can express it. Repeatable.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--images",
            metavar="LOCK",
            help="Pin every image to its digest in this images.lock.yaml; one for each environment.",
            show_default=False,
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Let what left the spec be removed from the cluster, too.")
    ] = False,
    allow_replace: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-replace",
            metavar="SERVICE",
            help="Accept changes that lose this service's data or need steps by hand; repeatable.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 and a diff when the folder is stale.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
) -> None:
    """Write charts, values and workflows; what a person wrote is never touched."""
    check_format(format_, _FORMATS)
    targets = _targets(target)
    findings = Findings()
    found = jobs(environment, findings)
    if has_errors(findings):
        # Without the project file, nobody knows what to write where.
        show(findings, side_format(format_), to_stderr=True)
        raise typer.Exit(1)
    if output is not None and len(found) > 1:
        raise Usage("several environments cannot share one output: name one", param_hint="--output")
    outputs = []
    wishes = _Wishes(targets, output, _locks(images, findings), frozenset(allow_replace or ()), prune)
    for folder, members in _by_folder(found, output).items():
        ready = [_ready(job, folder, wishes, findings) for job in members]
        one = _output(folder, [each for each in ready if each is not None], len(members), findings)
        if one is not None:
            findings.extend(_output_findings(one, stale=check))
            outputs.append(one)
    findings.extend(_unused(wishes.locks, outputs))
    if not (check or diff or has_errors(findings)):
        for one in outputs:
            folder_of.write(one.folder, one.files, one.changes, one.digest)
    show(findings, side_format(format_), to_stderr=True)
    _report(outputs, format_, with_diff=check or diff, written=not has_errors(findings))
    if has_errors(findings):
        raise typer.Exit(1)


def _by_folder(found: tuple[Job, ...], output: Path | None) -> dict[Path, list[Job]]:
    """The environments by the folder that they are written to, those that share it included.

    The manifest of a folder is about all of it: to write one environment alone
    would delete the others.
    """
    if output is not None:
        return {output: list(found)}
    folders: dict[Path, tuple[Path, dict[str, Job]]] = {}
    for job in found:
        # One folder may be written in several ways.
        _, members = folders.setdefault(job.output.resolve(), (job.output, {}))
        members |= {member.name: member for member in (job, *job.sharing) if member.name not in members}
    return {folder: list(members.values()) for folder, members in folders.values()}


def _targets(asked: list[str] | None) -> tuple[str, ...]:
    """The targets asked for, each once, in the order of the registry."""
    for name in asked or ():
        if name != "all" and name not in TARGETS:
            suggestion = closest(name, TARGETS)
            hint = f"did you mean {suggestion}?" if suggestion else f"choose one of {', '.join(TARGETS)}"
            raise Usage(f"no target {name}; {hint}", param_hint="--target")
    return tuple(name for name in TARGETS if asked and ("all" in asked or name in asked))


def _locks(paths: list[Path] | None, findings: Findings) -> dict[str, Lock]:
    """The locks by the environments that they are of."""
    found = (read_lock(path, findings) for path in paths or ())
    return {lock.environment: lock for lock in found if lock is not None}


def _unused(locks: Mapping[str, Lock], outputs: list[_Output]) -> Iterator[Diagnostic]:
    """Locks of environments that are not compiled; not asked where one could not be."""
    compiled = {ready.plan.environment for one in outputs for ready in one.environments}
    for name, lock in locks.items():
        if outputs and name not in compiled:
            message = f"the lock is of the environment {shortened(name)}, which is not compiled"
            yield Diagnostic("STC707", Severity.ERROR, message, lock.at.at(("environment",)).place)


def _ready(job: Job, folder: Path, wishes: _Wishes, findings: Findings) -> _Ready | None:
    """The plan of an environment; None when its spec, its past or a target stands against it."""
    targets = wishes.targets or job.targets
    if not targets:
        raise Usage("say what to write, such as --target helm", param_hint="--target")
    if wishes.output is None and not job.targets:
        raise Usage("say where to write, such as -o deploy", param_hint="--output")
    checked = check_environment(job, Findings())
    findings.extend(checked.standing)
    if checked.has_errors or checked.context is None:
        return None
    plan = make_plan(checked)
    if lock := wishes.locks.get(plan.environment):
        plan = pin(plan, lock, findings)
    previous = previous_plan(folder / plan_path(plan.environment))
    plan, about_past = compared(plan, previous, checked.context, allowed=wishes.allowed, prune=wishes.prune)
    limits = limitations(plan, targets)
    notes: tuple[Diagnostic, ...] = ()
    if set(targets) == set(TARGETS):
        # All there are means all that there can be.
        limits, notes = without_refusing(limits, checked.context)
        targets = tuple(name for name in targets if name in limits)
    found = (*about_past, *notes, *diagnostics_of(limits, checked.context))
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    findings.extend(unsilenced(errors, settled(job, found, checked.sources)))
    return None if errors else _Ready(job, plan, targets)


def _output(folder: Path, ready: list[_Ready], expected: int, findings: Findings) -> _Output | None:
    """What a folder should be; None when one of its environments cannot be compiled."""
    if len(ready) < expected:
        return None
    names = [each.plan.environment for each in ready]
    if len(set(names)) < len(names):
        message = f"environments named {', '.join(sorted(names))} share an output"
        findings.add(
            _at_file(ready[0].job.spec, "STC806", message, "give each its own `name`, or its own output")
        )
        return None
    files = artifacts((each.plan, each.targets) for each in ready)
    previous = folder_of.read_previous(folder)
    if previous.problem is not None:
        findings.add(_at_file(folder / previous.problem.path, "STC706", previous.problem.message))
        return None
    digest = " ".join(each.plan.digest for each in ready)
    changes = folder_of.compare(folder, files, previous, digest)
    findings.extend(_place_notes(folder, ready))
    return _Output(folder, tuple(ready), digest, files, changes)


def _place_notes(folder: Path, ready: list[_Ready]) -> Iterator[Diagnostic]:
    """GitHub runs workflows only from the root of a repository, and their paths count from there."""
    for each in ready:
        if "github" in each.targets and folder.resolve() != each.job.root.resolve():
            message = "github: the workflow runs only from .github/workflows at the root of the repository"
            source = SourceFile(display_path(each.job.spec), "")
            hint = f"write to the root (`output: .`), not to {display_path(folder)}"
            yield Diagnostic("STC702", Severity.NOTE, message, Span(source, 0, 0), hint=hint)


def _output_findings(one: _Output, *, stale: bool) -> Iterator[Diagnostic]:
    """Files in the way, and with `stale` one finding of all files that are not what they should be."""
    for conflict in one.changes.conflicts:
        message = f"{conflict.path} {conflict.reason}"
        hint = "move it away, or change the spec instead of what is generated from it"
        yield _at_file(one.folder / conflict.path, "STC703", message, hint)
    if stale and (differences := _differences(one.changes)):
        shown, more = differences[:_LISTED], len(differences) - _LISTED
        first = next((c.path for c in one.changes.files if c.status in _STALE), folder_of.MANIFEST)
        message = f"{display_path(one.folder)} does not match the spec"
        hint = "run `stagecast compile`, and commit what it writes"
        notes = (*shown, f"and {more} more") if more > 0 else tuple(shown)
        yield _at_file(one.folder / first, "STC704", message, hint, notes)


def _differences(changes: Changes) -> list[str]:
    """What is not as it should be in a folder, a clause a file."""
    found = [f"{change.path} {_STALE[change.status]}" for change in changes.having(*_STALE)]
    if not found and changes.manifest_stale and not changes.conflicts:
        return ["the manifest is stale"]
    return found


def _at_file(path: Path, code: str, message: str, hint: str = "", notes: tuple[str, ...] = ()) -> Diagnostic:
    """A finding about a whole file of the output."""
    source = SourceFile(display_path(path), "")
    return Diagnostic(code, Severity.ERROR, message, Span(source, 0, 0), notes=notes, hint=hint)


def _report(outputs: list[_Output], format_: str | None, *, with_diff: bool, written: bool) -> None:
    if format_ == "json":
        json.dump([one.summary() for one in outputs], sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    for one in outputs:
        if with_diff:
            sys.stdout.write(folder_of.diff(one.folder, one.changes, one.files))
        elif written:
            print(f"{display_path(one.folder)}: {_count(one.changes)}")


def _count(changes: Changes) -> str:
    """`12 files: 2 new, 1 changed, 9 unchanged`."""
    current = len(changes.files) - len(changes.having(Status.REMOVED))
    counts = [(status, len(changes.having(status))) for status in Status]
    shown = ", ".join(f"{count} {status.value}" for status, count in counts if count)
    return f"{current} files: {shown}" if shown else "no files"
