"""The parts and reads of one RUN, COPY, ADD or WORKDIR, from what holds where it stands.

Takes an instruction and its Scene, gives what goes into the step's key. Follows
BuildKit (frontend/dockerfile/dockerfile2llb: dispatchRun, dispatchRunMounts,
dispatchCopy, dispatchWorkdir; solver/llbsolver/ops/{exec,file}.go: CacheMap).
Where files come from is asked of `Origins`.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from compiler.dockerfile.copies import Copy, copy
from compiler.dockerfile.expansion import BadSubstitution
from compiler.dockerfile.heredocs import chomped, marker
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.mounts import Mount, mounts
from compiler.layers.model import Part, Read
from compiler.layers.scenes import Scene

SCRATCH = "scratch"
_GIT = re.compile(r"(?:git@|git://|ssh://)|https?://[^#?]*\.git/?(?:[#?]|$)")
_OCTAL = re.compile(r"0*([0-7]{1,4})")
_TRUE = ("1", "t", "T", "TRUE", "true", "True")

# The step that a stage or an image ends with; None for scratch. "" is no error, else why it is not known.
Origins = Callable[[str], tuple[int | None, str]]


@dataclass(frozen=True, slots=True)
class Made:
    """What goes into a step's key beside its parent; `link` is a COPY that has none."""

    parts: tuple[Part, ...]
    reads: tuple[Read, ...] = ()
    unsure: str = ""
    link: bool = False


def made_by_run(instruction: Instruction, scene: Scene, origins: Origins) -> Made:
    """A RUN."""
    parts = _command(instruction, scene)
    parts += [Part(f"variable {name}", value) for name, value in scene.values.items()]
    parts.append(Part("folder", scene.folder))
    if scene.user:
        parts.append(Part("user", scene.user))
    for name, default in (("network", "default"), ("security", "sandbox")):
        flag = instruction.flag(name)
        value = (flag.value or default).lower() if flag is not None else default
        if value != default:
            parts.append(Part(name, value))
    found = [_mounted(mount, scene, origins) for mount in mounts(instruction)]
    parts += [Part("mounts", text) for text in sorted(text for text, _, _ in found)]
    parts.append(Part("platform", scene.platform))
    reads = tuple(read for _, read, _ in found if read is not None)
    return Made(tuple(parts), reads, next((why for _, _, why in found if why), ""))


def _command(instruction: Instruction, scene: Scene) -> list[Part]:
    """The arguments: a JSON form's as they are, else the text and the shell that is put before it."""
    if instruction.json:
        return [Part("command", json.dumps([word.text for word in instruction.words], ensure_ascii=False))]
    text = instruction.words[0].text if instruction.words else ""
    shell = Part("shell", json.dumps(scene.shell, ensure_ascii=False))
    if not instruction.heredocs:
        return [shell, Part("command", text)]
    if _is_marker(text):
        first = instruction.heredocs[0]
        body = chomped(first.body.text) if first.marker.chomp else first.body.text
        if body.startswith("#!"):
            # A script of its own: the file is mounted, and run without a shell.
            script = Part("text", f"{first.marker.name}\n{body}")
            return [Part("command", json.dumps([f"/dev/pipes/{first.marker.name}"])), script]
        return [shell, Part("command", body)]
    more = "".join(f"\n{heredoc.body.text}{heredoc.marker.name}" for heredoc in instruction.heredocs)
    return [shell, Part("command", text + more)]


def _is_marker(text: str) -> bool:
    try:
        return marker(text) is not None
    except BadSubstitution:
        return False


def _mounted(mount: Mount, scene: Scene, origins: Origins) -> tuple[str, Read | None, str]:
    """A mount as text, what it reads, and why that is not known."""
    values = {key: None if value is None else scene.expand(value) for key, value in mount.fields}
    kind = (values.get("type") or "bind").lower()
    target = values.get("target") or ""
    at = posixpath.normpath(posixpath.join(scene.folder, target)) if target or kind == "bind" else ""
    said = [kind, *(f"{key}={values[key]}" for key in ("uid", "gid", "mode", "size", "env") if key in values)]
    source = values.get("source") or ""
    if kind in ("secret", "ssh"):
        name = source or values.get("id") or posixpath.basename(target)
        required = "required" in values and values["required"] in (None, *_TRUE)
        return ",".join([*said, f"target={target}", f"id={name}", f"required={required}"]), None, ""
    said += [f"target={at}", f"readonly={mount.read_only}"]
    if kind == "cache":
        name = values.get("id") or posixpath.normpath(target)
        said += [f"id={name}", f"sharing={(values.get('sharing') or 'shared').lower()}"]
    text = ",".join(said)
    origin = values.get("from") or ""
    if kind == "tmpfs" or (kind == "cache" and not origin):
        return text, None, ""
    step, why = origins(origin) if origin else (None, "")
    if origin and step is None:
        return text, None, why
    path = _cleaned(source)
    return text, Read(step, (path,), wildcards=False, keeps_names=False, mount=True), why


def made_by_copy(instruction: Instruction, scene: Scene, origins: Origins) -> Made | None:
    """A COPY or ADD; None for one that copies nothing."""
    said = copy(instruction)
    if said is None:
        return None
    destination = scene.expand(said.destination.text)
    unsure = "" if destination is not None else "its destination cannot be expanded"
    parts = [Part("destination", _destination(destination or "", scene.folder))]
    link = said.link and said.chmod is None
    flags = [] if not link else ["--link"]
    sources = []
    for word in said.sources:
        source = scene.expand(word.text)
        if source is None:
            unsure = "a source cannot be expanded"
        elif instruction.name == "ADD" and (_GIT.match(source) or source.startswith(("http://", "https://"))):
            parts.append(Part("url", source))
            unsure = unsure or "what the address gives is not known here"
        else:
            sources.append(source)
    for text in said.texts:
        body = scene.expand(text.text, raw=True) if text.expand else text.text
        parts.append(Part("text", f"{text.name}\n{body if body is not None else text.text}"))
    origin, why = origins(said.origin) if said.origin else (None, "")
    reads: tuple[Read, ...] = ()
    flags += _flags(said, instruction, scene)
    if sources and not (said.origin and origin is None):
        read, more = _read(said, origin, sources, scene)
        reads = (read,)
        flags += more
    parts += [Part("flags", flag) for flag in flags]
    return Made(tuple(parts), reads, unsure or why, link)


def _read(said: Copy, origin: int | None, sources: list[str], scene: Scene) -> tuple[Read, list[str]]:
    """What a COPY reads, and the flags that `--parents` makes of it."""
    excludes = tuple(found for each in said.excludes if (found := scene.expand(each)))
    if not said.parents:
        return Read(origin, tuple(map(_cleaned, sources)), excludes), []
    paths, flags = [], []
    for source in sources:
        pivot, slash, below = source.partition("/./")
        root, inner = (pivot, below) if slash else ("", source)
        paths.append(_cleaned(f"{root}/{inner}"))
        flags.append(f"--parents={_cleaned(inner)}")
    return Read(origin, tuple(paths), excludes, whole_paths=True), flags


def _flags(said: Copy, instruction: Instruction, scene: Scene) -> list[str]:
    """The flags that are in the key, in a fixed order and spelling."""
    found = []
    if said.chown and (owner := scene.expand(said.chown)):
        found.append(f"--chown={owner}")
    if said.chmod and (mode := scene.expand(said.chmod)):
        octal = _OCTAL.fullmatch(mode)
        found.append(f"--chmod={octal[1].lstrip('0') or '0' if octal else mode}")
    found += [f"--exclude={scene.expand(each)}" for each in said.excludes]
    for name in ("keep-git-dir", "checksum", "unpack"):
        flag = instruction.flag(name)
        if flag is not None:
            found.append(f"--{name}={scene.expand(flag.value or 'true')}")
    return found


def made_by_workdir(instruction: Instruction, scene: Scene) -> Made | None:
    """A WORKDIR, which the scene takes in; None for the root, of which no folder is made."""
    folder = scene.go_to(instruction)
    if folder == "/":
        return None
    owner = (Part("user", scene.user),) if scene.user else ()
    return Made((Part("folder", folder), *owner))


def _cleaned(source: str) -> str:
    """A source as path.Join("/", source) has it, without the slash; "." for the root."""
    return posixpath.normpath("/" + source).lstrip("/") or "."


def _destination(said: str, folder: str) -> str:
    """Where files go: absolute, with a slash at the end where it was said to be a folder."""
    path = "/" + posixpath.normpath(posixpath.join(folder, said)).lstrip("/")
    is_folder = said in ("", ".") or said.endswith("/")
    return path + "/" if is_folder and path != "/" else path
