"""STC906: caches of package managers that stay in the image.

Takes a Subject with its RUNs, gives diagnostics whose fix removes the cache
in the RUN that makes it: a later RUN cannot take it out of the layer. Only
layers of the final image count; their cost is in bytes pushed and pulled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety, Severity
from compiler.dockerfile.mounts import mounts
from compiler.practices.cache.cache_folders import image
from compiler.practices.model import Subject
from compiler.practices.parts.moving import line_end
from compiler.practices.parts.runs import Run, behind, called
from compiler.shell.model import Activity, ActivityKind
from compiler.source import Span

_SYSTEM = (ActivityKind.SYSTEM_UPDATE, ActivityKind.SYSTEM_PACKAGES)
_OFF = frozenset(("0", "false", "no", "off", ""))


@dataclass(frozen=True, slots=True)
class _Cache:
    """What a tool leaves where, and how it is avoided.

    `leaves` says whether a command leaves it, `gone` matches a text that removes it or keeps it elsewhere.
    `option` goes behind the sub-command that `verb` matches; without it `command` goes to the RUN's end.
    """

    what: str
    size: str
    leaves: Callable[[Activity], bool]
    gone: re.Pattern[str]
    variables: tuple[str, ...] = ()
    option: str = ""
    verb: re.Pattern[str] = re.compile(r"(?!)")
    command: str = ""
    safety: Safety = Safety.SAFE


_BY_VARIABLES = frozenset(("pip", "npm", "composer"))


def _tool(*tools: str) -> Callable[[Activity], bool]:
    return lambda activity: activity.tool in tools and activity.kind in _SYSTEM


def _apk(activity: Activity) -> bool:
    words = activity.command.words
    fetches = activity.kind is ActivityKind.SYSTEM_UPDATE or any(
        word in ("-U", "--update", "--update-cache", "-uU", "-Uu") for word in words
    )
    return activity.tool == "apk" and fetches and "--no-cache" not in words


def _installs(ecosystem: str, *but: str) -> Callable[[Activity], bool]:
    def leaves(activity: Activity) -> bool:
        return (
            activity.kind is ActivityKind.DEPENDENCIES
            and activity.ecosystem == ecosystem
            and activity.tool == ecosystem
            and not any(word.partition("=")[0] in but for word in activity.command.words)
        )

    return leaves


_CACHES: dict[str, _Cache] = {
    "apt": _Cache(
        "the package lists in /var/lib/apt/lists",
        "20 to 50 MB",
        lambda a: a.kind is ActivityKind.SYSTEM_UPDATE and a.tool in ("apt-get", "apt", "aptitude"),
        re.compile(r"/var/lib/(?:apt|\{|\*)|dist-?clean|/apt/lists"),
        command="rm -rf /var/lib/apt/lists/*",
    ),
    "apk": _Cache(
        "the package index in /var/cache/apk",
        "2 MB",
        _apk,
        re.compile(
            r"/var/cache/(?:apk|\*|\{)|apk (?:-\S+ )*cache (?:clean|purge)|rm -\w+ /var/cache(?:/\*)?(?:\s|$)"
            r"|/etc/apk/cache"
        ),
        option=" --no-cache",
        verb=re.compile(r"\badd\b"),
        command="rm -rf /var/cache/apk/*",
    ),
    "dnf": _Cache(
        "the metadata of the repositories in /var/cache",
        "20 to 200 MB",
        _tool("dnf", "yum", "microdnf", "tdnf"),
        re.compile(r"/var/cache/|\b(?:dnf|yum|microdnf|tdnf) (?:-\S+ )*clean\b"),
        command="{tool} clean all",
    ),
    "zypper": _Cache(
        "the metadata of the repositories in /var/cache/zypp",
        "20 to 100 MB",
        _tool("zypper"),
        re.compile(r"/var/cache/|\bzypper (?:-\S+ )*(?:clean|cc)\b"),
        command="zypper clean --all",
    ),
    "pacman": _Cache(
        "the packages in /var/cache/pacman/pkg",
        "as much as was installed",
        lambda a: a.tool == "pacman" and a.kind is ActivityKind.SYSTEM_PACKAGES,
        re.compile(r"/var/cache/|pacman (?:-\S+ )*-Scc?"),
        command="pacman -Scc --noconfirm",
    ),
    "pip": _Cache(
        "pip's cache of downloads",
        "as large as what was downloaded",
        _installs("pip", "--no-cache-dir", "--no-cache", "--cache-dir", "--no-index", "--dry-run"),
        re.compile(r"\.cache|PIP_NO_CACHE_DIR|PIP_CACHE_DIR|cache purge"),
        ("PIP_NO_CACHE_DIR", "PIP_CACHE_DIR"),
        option=" --no-cache-dir",
        verb=re.compile(r"\b(?:install|wheel|download)\b"),
    ),
    "npm": _Cache(
        "npm's cache of downloads",
        "as large as what was downloaded",
        _installs("npm", "--cache", "--dry-run", "--package-lock-only"),
        re.compile(
            r"\.npm\b|npm (?:-\S+ )*cache (?:clean|clear|rm)|_cacache|\.cache|npm_config_cache|/root/\.\*"
        ),
        ("npm_config_cache", "NPM_CONFIG_CACHE"),
        command="npm cache clean --force",
    ),
    "conda": _Cache(
        "conda's downloaded packages",
        "as large as what was downloaded",
        lambda a: a.ecosystem == "conda" and a.kind is ActivityKind.DEPENDENCIES,
        re.compile(r"\b(?:conda|mamba|micromamba)\b[\"']? (?:-\S+ )*clean|/pkgs"),
        command="{tool} clean --all --yes",
        safety=Safety.UNSAFE,
    ),
    "composer": _Cache(
        "Composer's cache of downloads",
        "as large as what was downloaded",
        _installs("composer", "--no-cache"),
        re.compile(r"clear-?cache|\bcc\b|COMPOSER_CACHE|\.composer|\.cache|/tmp/cache"),
        ("COMPOSER_CACHE_DIR", "COMPOSER_HOME"),
        option=" --no-cache",
        verb=re.compile(r"\b(?:install|i|update|u|upgrade|require|create-project)\b"),
        safety=Safety.UNSAFE,
    ),
}


def package_caches(
    subject: Subject, runs: dict[int, Run], mounted: set[tuple[int, str]]
) -> Iterator[Diagnostic]:
    """The findings of a build, in the order of the steps.

    `mounted` are (step, ecosystem) for which a cache mount is proposed, which keeps the cache out of the
    image as well.
    """
    line: list[int] = []
    at = subject.graph.final
    while at is not None:
        line.append(at)
        at = behind(subject.graph.steps[at])
    script = _last_script(runs)
    unfetched = {index for index, run in runs.items() if _goes_by_old_list(run)}
    for index in reversed(line):
        run = runs.get(index)
        if run is None or not run.own or not run.understood:
            continue
        for name, cache in _CACHES.items():
            if name in _BY_VARIABLES and not image(subject, run):
                # What the base image's variables say is not known.
                continue
            if (index, name) not in mounted and (activity := _left(run, cache)) is not None:
                alone = name == "apt" and not any(each.names for each in run.of(ActivityKind.SYSTEM_PACKAGES))
                if alone and unfetched:
                    continue
                use = Safety.SAFE
                if name == "apt":
                    needed = len(unfetched) > (index in unfetched)
                    use = Safety.DISPLAY if needed else Safety.UNSAFE if script > index else use
                yield _finding(run, cache, activity, use)


def _last_script(runs: dict[int, Run]) -> int:
    """The last RUN that starts a script of its own, which may install by the lists; -1 without one."""
    last = -1
    for index, run in runs.items():
        scripts = (word for each in run.activities for word in each.command.words[:2])
        if any(word.endswith(".sh") or word.startswith("./") for word in scripts):
            last = max(last, index)
    return last


def _goes_by_old_list(run: Run) -> bool:
    """Whether a RUN installs with apt by a list that an earlier one fetched."""
    for activity in run.of(*_SYSTEM):
        if activity.tool in ("apt-get", "apt", "aptitude"):
            return activity.kind is ActivityKind.SYSTEM_PACKAGES and not activity.files
    return False


def _left(run: Run, cache: _Cache) -> Activity | None:
    """The first command of a RUN that leaves a cache in the image; None where nothing stays."""
    found = next((activity for activity in run.activities if cache.leaves(activity)), None)
    if found is None or cache.gone.search(run.text):
        return None
    if any(
        mount.type in ("cache", "tmpfs") and _holds(mount.get("target"), cache)
        for mount in mounts(run.instruction)
    ):
        return None
    for name in cache.variables:
        if (run.part(f"variable {name}") or "").lower() not in _OFF:
            return None
    if any("clean" in activity.command.program for activity in run.activities):
        return None
    return found


def _holds(target: str | None, cache: _Cache) -> bool:
    """Whether a mount may hold the cache; one whose folder is no system folder may hold any tool's."""
    if target is None:
        return True
    system = target.startswith(("/var/", "/etc/apk"))
    return bool(cache.gone.search(target + "/")) if cache.command.startswith("rm") or system else not system


def _finding(run: Run, cache: _Cache, activity: Activity, use: Safety) -> Diagnostic:
    command = called(activity)
    edits, safety = _removal(run, cache, activity)
    safety = max(safety, use, key=_rank)
    notes = [f"about {cache.size}" if cache.size[0].isdigit() else f"it is {cache.size}"]
    if use is Safety.DISPLAY:
        notes.append("another RUN installs by these lists: let it fetch its own")
    instead = (
        f"add `{cache.option.strip()}`"
        if cache.option and cache.verb.search(command)
        else "remove it in this RUN"
    )
    fix = Fix(f"Keep {cache.what} out of the image", edits, safety) if edits else None
    return Diagnostic(
        "STC906",
        Severity.WARNING,
        f"`{command}` leaves {cache.what} in the image",
        run.span(activity.command),
        notes=(f"{notes[0]}, which each push and pull carries and no container reads", *notes[1:]),
        hint=f"{instead}: a later RUN cannot take it out of the layer",
        fix=fix,
    )


def _removal(run: Run, cache: _Cache, activity: Activity) -> tuple[tuple[Edit, ...], Safety]:
    """The edits that keep a cache out of the layer, and how safe they are."""
    leaving = [each for each in run.activities if cache.leaves(each)]
    places = []
    if cache.option:
        for each in leaving:
            match = cache.verb.search(run.text, each.command.start, each.command.end)
            place = run.between(match.end(), match.end()) if match else None
            if place is not None:
                places.append(Edit(place, cache.option))
        if len(places) == len(leaving):
            return tuple(dict.fromkeys(places)), cache.safety
    return (
        _appended(run, cache.command.format(tool=activity.tool), cache.safety)
        if cache.command
        else ((), cache.safety)
    )


def _appended(run: Run, command: str, safety: Safety) -> tuple[tuple[Edit, ...], Safety]:
    """The RUN with one command more at its end."""
    instruction = run.instruction
    source = instruction.keyword.source
    text = run.text.rstrip()
    if not (run.own and run.commands.exact and text):
        return (), safety
    if run.commands.read.heredoc:
        ending = line_end(source)
        at = instruction.heredocs[0].body.end
        # Without `set -e` the last command alone says how the RUN ends.
        return (Edit(Span(source, at, at), command + ending),), max(safety, Safety.UNSAFE, key=_rank)
    last = run.text.rsplit("\n", 1)[-1]
    if instruction.heredocs or text.endswith((";", "&", "|", "\\")) or "#" in last:
        return (), safety
    words = instruction.words[0].span
    at = words.end
    written = words.text
    if run.activities[-1].command.before == "&" or any(c.before == "&" for c in run.script.commands):
        safety = Safety.UNSAFE
    if "\n" not in written:
        return (Edit(Span(source, at, at), f" && {command}"),), safety
    line = written[written.rfind("\n") + 1 :]
    indent = line[: len(line) - len(line.lstrip())] or "    "
    escape = _escape(run)
    return (Edit(Span(source, at, at), f" {escape}{line_end(source)}{indent}&& {command}"),), safety


def _escape(run: Run) -> str:
    """The character that continues the RUN's lines, as it does already."""
    written = run.instruction.span.text
    return "`" if "`\n" in written.replace("\r", "") and "\\\n" not in written.replace("\r", "") else "\\"


def _rank(safety: Safety) -> int:
    return (Safety.SAFE, Safety.UNSAFE, Safety.DISPLAY).index(safety)
