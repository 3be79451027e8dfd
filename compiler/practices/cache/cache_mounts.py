"""STC909: installations by manifests whose downloads no cache mount keeps.

Takes a Subject with its RUNs, gives diagnostics whose fix adds
`--mount=type=cache`. Where each tool keeps its downloads is in
`cache_folders`. A mount's content is in no image and survives between the
builds of one builder only, so that nothing is said for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety, Severity
from compiler.dockerfile.mounts import mounts
from compiler.practices.cache.cache_folders import FURTHER_USE, Kept, kept
from compiler.practices.model import Subject
from compiler.practices.parts.independent import apart
from compiler.practices.parts.runs import Run, behind, called, named_lines
from compiler.shell.model import Activity, ActivityKind
from compiler.source import Span

_OFFLINE = frozenset(
    (
        *("--offline", "--local", "--no-index", "-mod=vendor", "--no-deps", "-o", "--vendored", "verify"),
        *(
            "--prefer-offline",
            "--frozen-only",
            "--store-dir",
            "--cache",
            "--cache-dir",
            "--cache-folder",
            "tidy",
        ),
        *(
            "--no-restore",
            "vendor",
            "--modules-folder",
            "--download-only",
            "env",
            "generate-lockfile",
            "help",
        ),
    )
)
_NO_CACHE = ("--no-cache-dir", "--no-cache")
_ORDER = {Safety.SAFE: 0, Safety.UNSAFE: 1, Safety.DISPLAY: 2}


def cache_mounts(subject: Subject, runs: dict[int, Run]) -> Iterator[tuple[int, str, Diagnostic]]:
    """The findings of a build with the step and the ecosystem of each, in the order of the steps."""
    if not subject.persistent:
        return
    buildkit = _is_buildkit(subject)
    covered: set[tuple[int, str]] = set()
    for index in sorted(runs):
        run = runs[index]
        if not run.own or any(mount.type == "cache" for mount in mounts(run.instruction)):
            continue
        seen: set[str] = set()
        for activity in run.of(ActivityKind.DEPENDENCIES):
            ecosystem = activity.ecosystem
            if ecosystem in seen or (index, ecosystem) in covered or not _downloads(activity):
                continue
            folder = kept(subject, run, activity)
            if folder is None:
                continue
            seen.add(ecosystem)
            others = _others(subject, runs, run, ecosystem)
            # The fix of the first of a line adds the mount to all that work with it.
            covered |= {(other.step.index, ecosystem) for other in others}
            known = {id(other.instruction) for other in others}
            blind = ecosystem in FURTHER_USE and _unknown_use(subject, runs, run, known)
            safety, notes = _safety(activity, folder, others, buildkit=buildkit, blind=blind)
            yield index, ecosystem, _finding(run, activity, folder, others, safety, notes)


def _downloads(activity: Activity) -> bool:
    """Whether a command fetches what manifests name, and is not told where from or where to."""
    words = {word.partition("=")[0] for word in activity.command.words} | set(activity.command.words)
    if not activity.from_manifest or words & _OFFLINE:
        return False
    # A built package of the project's own brings its dependencies; setup.py fetches without a cache.
    return not any(
        file.endswith((".whl", ".tgz", ".gem", "setup.py")) for file in (*activity.files, *activity.names)
    )


def _finding(
    run: Run,
    activity: Activity,
    folder: Kept,
    others: Sequence[Run],
    safety: Safety,
    notes: tuple[str, ...],
) -> Diagnostic:
    command = activity.command
    name = called(activity)
    span = run.span(command)
    flag = "".join(f"--mount=type=cache,target={target}{folder.owner} " for target in folder.targets)
    edits = [_insertion(each, flag) for each in (run, *others)]
    no_cache = _no_cache(run, activity)
    if no_cache is not None:
        edits.append(Edit(no_cache, ""))
    title = f"Keep {folder.targets[0]} in a cache mount"
    return Diagnostic(
        "STC909",
        Severity.NOTE,
        f"`{name}` downloads every package again each time that it runs",
        span,
        notes=("one changed dependency is enough to run it, and nothing keeps the others", *notes),
        hint=f"keep {folder.targets[0]} between builds with `--mount=type=cache`",
        fix=Fix(title, tuple(sorted(edits, key=lambda edit: edit.span.start)), safety),
    )


def _others(subject: Subject, runs: dict[int, Run], run: Run, ecosystem: str) -> list[Run]:
    """The other RUNs of the line that work with what the installation leaves in its cache."""
    if ecosystem not in FURTHER_USE:
        return []
    found = []
    line = {run.step.index}
    for step in subject.graph.steps[run.step.index + 1 :]:
        if behind(step) in line:
            line.add(step.index)
            other = runs.get(step.index)
            if other is None or not other.own:
                continue
            if any(a.ecosystem == ecosystem for a in other.activities) and not any(
                mount.type == "cache" for mount in mounts(other.instruction)
            ):
                found.append(other)
    return found


def _insertion(run: Run, flag: str) -> Edit:
    instruction = run.instruction
    at = instruction.flags[0].span.start if instruction.flags else instruction.rest.span.start
    return Edit(Span(instruction.keyword.source, at, at), flag)


def _no_cache(run: Run, activity: Activity) -> Span | None:
    """The place of the option that turns the tool's cache off, with the blank before it."""
    text = run.text[activity.command.start : activity.command.end]
    found = re.search(r"[ \t]--no-cache(?:-dir)?(?![\w-])", text)
    if found is None:
        return None
    start = activity.command.start
    return run.between(start + found.start(), start + found.end())


def _safety(
    activity: Activity, folder: Kept, others: Sequence[Run], *, buildkit: bool, blind: bool
) -> tuple[Safety, tuple[str, ...]]:
    """How safe the mount is, and what to know of it; `blind` where a later RUN may need it unseen."""
    notes = [folder.note] if folder.note else []
    safety = folder.safety
    if not buildkit:
        safety = max(safety, Safety.UNSAFE, key=lambda one: _ORDER[one])
        notes.append("cache mounts need BuildKit, which nothing else in this file does")
    if any(word in _NO_CACHE for word in activity.command.words):
        safety = max(safety, Safety.UNSAFE, key=lambda one: _ORDER[one])
        notes.append("the option that keeps the cache out of the image is not needed with a mount")
    if others:
        where = named_lines([other.instruction for other in others])
        works, needs = ("works", "needs") if len(others) == 1 else ("work", "need")
        notes.append(f"{where} {works} with these downloads, and {needs} the mount too")
    if blind:
        safety = Safety.DISPLAY
        notes.append("a later RUN may work with these downloads, and would need the mount too")
    return safety, tuple(notes)


def _unknown_use(subject: Subject, every: dict[int, Run], run: Run, known: set[int]) -> bool:
    """Whether a later RUN of the line, not one of `known`, may read what the installation leaves."""
    line = {run.step.index}
    for step in subject.graph.steps[run.step.index + 1 :]:
        if behind(step) in line:
            line.add(step.index)
            other = every.get(step.index)
            unknown = step.instruction.name == "RUN" and id(step.instruction) not in known
            if unknown and (other is None or not apart(other)):
                return True
    return False


def _is_buildkit(subject: Subject) -> bool:
    """Whether the file builds with BuildKit only, so that a mount asks for nothing new."""
    if any(directive.name == "syntax" for directive in subject.dockerfile.directives):
        return True
    return any(
        instruction.heredocs
        or any(flag.name in ("mount", "link", "chmod", "parents") for flag in instruction.flags)
        for instruction in subject.dockerfile.instructions
    )
