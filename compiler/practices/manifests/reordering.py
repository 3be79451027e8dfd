"""The better order for an install that waits for sources: manifests, the install, what was copied.

Takes the line of a stage, the install, the copies that it waits for and its closure; gives edits, or
why there are none. Moves a copy past nothing that may read it. Reads no file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.diagnostics.model import Edit
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.reader import Dockerfile
from compiler.practices.manifests.installs import Install
from compiler.practices.manifests.placing import Supply
from compiler.practices.parts.stage_lines import Copied, Ran, Spot
from compiler.shell.model import Activity, ActivityKind
from compiler.source import Span

_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/@+~*-]+")
_PLAIN_TARGET = re.compile(r"[A-Za-z0-9._/@+~${}-]+")
_NOTHING = frozenset(
    ("ENV", "ARG", "LABEL", "EXPOSE", "USER", "CMD", "ENTRYPOINT", "STOPSIGNAL", "MAINTAINER", "SHELL")
)
# Programs that change settings of the image or of the user, and read nothing of a project.
_SETTING = frozenset(
    (
        "corepack",
        "echo",
        "true",
        ":",
        "useradd",
        "groupadd",
        "adduser",
        "addgroup",
        "date",
        "uname",
        "which",
        "set",
    )
)
_VERSIONS = frozenset(("--version", "-v", "-V", "version", "env"))


class NoOrder(Exception):
    """No better order is known; the text is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Reordering:
    """What is to be done: the positions in the line of the copies to move and of the RUN they go behind.

    `supplies` are the files and folders (`folders` by path) to copy first.
    `before` is a command that gets a RUN of its own before the install's, ""
    where the install itself is what needs no sources.
    """

    copies: tuple[int, ...]
    run: int
    install: Install
    supplies: tuple[Supply, ...]
    folders: frozenset[str]
    before: str = ""


def edits(dockerfile: Dockerfile, line: Sequence[Spot], plan: Reordering) -> tuple[Edit, ...]:
    """The edits of a better order.

    Raises:
        NoOrder: none is known to be faithful.
    """
    if not plan.copies or not all(line[position].own for position in plan.copies):
        raise NoOrder("the sources are copied in another stage")
    _may_move(line, plan)
    source = dockerfile.source
    end = "\r\n" if "\r\n" in source.text else "\n"
    first = line[plan.copies[0]]
    heads = end.join(_manifest_copies(line, plan))
    moved = end.join(line[position].instruction.span.text for position in plan.copies)
    result = [_replaced(first.instruction.span, heads)]
    result += [_replaced(line[position].instruction.span, "") for position in plan.copies[1:]]
    return (*result, *_after_install(dockerfile, line, plan, moved, end))


def _may_move(line: Sequence[Spot], plan: Reordering) -> None:
    """Whether the copies may go behind the RUN.

    Raises:
        NoOrder: something between them may read what they bring, or they what it makes.
    """
    first = plan.copies[0]
    moving = [copied for p in plan.copies if (copied := line[p].copied) is not None]
    relative = any(not copied.copy.destination.text.startswith("/") for copied in moving)
    variables = any("$" in word.text for m in moving for word in (*m.copy.sources, m.copy.destination))
    for copied in moving:
        if copied.copy.parents or copied.copy.excludes or copied.copy.texts or copied.copy.checksum:
            raise NoOrder("the copy has options or texts that are not moved here")
    for position in range(first, plan.run):
        if position in plan.copies:
            continue
        spot = line[position]
        name = spot.instruction.name
        if name == "WORKDIR" and not relative:
            continue
        if name in ("ENV", "ARG") and variables:
            raise NoOrder(f"{name} may change where the copy goes")
        if spot.copied is not None and not _overlaps(spot.copied, moving):
            continue
        if spot.ran is not None and _neutral_run(spot, moving):
            continue
        if name not in _NOTHING:
            raise NoOrder(f"the {name} of line {spot.instruction.span.first.line} may need the sources")


def _overlaps(copied: Copied, moving: Sequence[Copied]) -> bool:
    return any(_within(copied.target, each.target) or _within(each.target, copied.target) for each in moving)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _neutral_run(spot: Spot, moving: Sequence[Copied]) -> bool:
    ran = spot.ran
    if ran is None or not ran.commands.script.complete or mounts(spot.instruction):
        return False
    return all(_neutral(activity, moving) for activity in ran.activities)


def _neutral(activity: Activity, moving: Sequence[Copied]) -> bool:
    """Whether a command neither reads nor writes what the copies bring."""
    kind, command = activity.kind, activity.command
    words = command.words[1:]
    if kind in (ActivityKind.SYSTEM_UPDATE, ActivityKind.SYSTEM_PACKAGES):
        return not activity.files
    if kind is ActivityKind.DEPENDENCIES:
        return not activity.from_manifest and not activity.files and (bool(activity.names) or "-g" in words)
    if kind is ActivityKind.CLEAN or command.program == "mkdir":
        return _elsewhere(activity, moving)
    if command.program in ("npm", "yarn", "pnpm", "pip", "pip3", "bundle", "git", "composer", "poetry", "go"):
        return (words[:1] == ("config",) and "--local" not in words) or bool(set(words[:1]) & _VERSIONS)
    if not words or (len(words) == 1 and words[0] in _VERSIONS):
        return not command.words or (kind is ActivityKind.OTHER and "/" not in command.words[0])
    return command.program in _SETTING


def _elsewhere(activity: Activity, moving: Sequence[Copied]) -> bool:
    """Whether a removal or mkdir names absolute folders only, none of those that are copied to."""
    if activity.tool in (
        "apt-get",
        "apt",
        "apk",
        "yum",
        "dnf",
        "microdnf",
        "npm",
        "yarn",
        "pnpm",
        "pip",
        "pip3",
        "go",
    ):
        return True
    places = [word for word in activity.command.words[1:] if not word.startswith("-")]
    return all(
        place.startswith("/") and not any(_within(place, m.target) or m.target == "/" for m in moving)
        for place in places
    )


def _manifest_copies(line: Sequence[Spot], plan: Reordering) -> list[str]:
    """The instructions that copy the closure, as far as the copies that move brought it."""
    groups: dict[tuple[int, str], list[str]] = {}
    for each in plan.supplies:
        if each.position in plan.copies:
            whole = each.path in plan.folders
            place = each.below if whole else posixpath.dirname(each.below)
            groups.setdefault((each.position, "" if place == "." else place), []).append(each.path)
    result = []
    for (position, place), paths in sorted(groups.items()):
        folders = [path for path in paths if path in plan.folders]
        for chosen in ([path for path in paths if path not in plan.folders], *([f] for f in folders)):
            if chosen:
                result.append(_copy_text(line[position].copied, chosen, place))
    return result


def _copy_text(copied: Copied | None, paths: Sequence[str], place: str) -> str:
    assert copied is not None
    target = copied.copy.destination.text
    if not _PLAIN_TARGET.fullmatch(target) or not all(map(_PLAIN_PATH.fullmatch, (*paths, place or "."))):
        raise NoOrder("a path has characters that are not copied here")
    base = target.rstrip("/") + "/" if target != "." else "./"
    flags = "".join(f"{flag.text} " for flag in copied.copy.instruction.flags)
    if any(character in flags for character in "\"' ") and re.search(r"[\"']|\S\s+[^-]", flags.strip()):
        raise NoOrder("a flag of the copy has quotes")
    if copied.copy.instruction.name == "ADD" and re.search(r"--(?!chown|chmod|link)", flags):
        raise NoOrder("ADD has flags that COPY has not")
    return f"COPY {flags}{' '.join(paths)} {base}{place + '/' if place else ''}"


def _after_install(
    dockerfile: Dockerfile, line: Sequence[Spot], plan: Reordering, moved: str, end: str
) -> list[Edit]:
    """The edits behind the install: the copies that move, and the rest of its RUN in a RUN of its own."""
    spot = line[plan.run]
    ran = spot.ran
    assert ran is not None
    if any(mount.type == "bind" for mount in mounts(spot.instruction)):
        raise NoOrder("the RUN mounts files of its own")
    flags = _between(spot.instruction.keyword.end, spot.instruction.rest.span.start, spot)
    if plan.before:
        text = f"RUN{flags or ' '}{plan.before}{end}{moved}{end}"
        at = spot.instruction.span.start
        return [Edit(Span(dockerfile.source, at, at), text)]
    tail = _tail(line, plan, ran)
    if tail is None:
        at = spot.instruction.span.end
        return [Edit(Span(dockerfile.source, at, at), f"{end}{moved}")]
    if not ran.commands.exact or spot.instruction.heredocs:
        raise NoOrder("the RUN also does what needs the sources")
    before, behind = (ran.commands.place(ran.activities[at].command) for at in (tail - 1, tail))
    cut = Span(dockerfile.source, before.end, behind.start)
    return [Edit(cut, f"{end}{moved}{end}RUN{flags}")]


def _between(start: int, end: int, spot: Spot) -> str:
    return spot.instruction.span.source.text[start:end]


def _tail(line: Sequence[Spot], plan: Reordering, ran: Ran) -> int | None:
    """The first command of the RUN that may need the sources, after the install; None without one.

    Raises:
        NoOrder: one before it does, or the RUN cannot be divided.
    """
    moving = [copied for p in plan.copies if (copied := line[p].copied) is not None]
    commands = ran.activities
    if not ran.commands.script.complete:
        raise NoOrder("the RUN is not read wholly")
    moves_folder = False
    for index, activity in enumerate(commands):
        program = activity.command.program
        if index < plan.install.command:
            moves_folder = moves_folder or program in ("cd", "export", "set", "source", ".") or not program
            if program not in ("cd", "set", "export") and program and not _neutral(activity, moving):
                raise NoOrder(f"`{program}` in the same RUN may need the sources")
        elif index > plan.install.command and not _neutral(activity, moving):
            break
    else:
        return None
    depths = {activity.command.depth for activity in commands}
    joined = {activity.command.before for activity in commands[1:]}
    if moves_folder or depths != {0} or joined != {"&&"} or commands[index].command.start <= 0:
        raise NoOrder("the RUN also does what needs the sources, and cannot be divided")
    return index


def _replaced(span: Span, text: str) -> Edit:
    """An instruction replaced; with its line end where nothing takes its place."""
    if text:
        return Edit(span, text)
    after = span.source.text[span.end : span.end + 2]
    length = 2 if after == "\r\n" else 1 if after[:1] == "\n" else 0
    return Edit(Span(span.source, span.start, span.end + length), "")
