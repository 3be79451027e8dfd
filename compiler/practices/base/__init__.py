"""STC901: images that a build starts or copies from, and that may be others tomorrow.

Takes a Subject, gives diagnostics. Defaults of build arguments are resolved;
what has no value is unknown, and no finding. A version is never proposed:
which one is right, nobody can tell from the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.diagnostics.model import Diagnostic, Label, Severity
from compiler.dockerfile.expansion import BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.reader import Dockerfile
from compiler.practices.base.images import OFFICIAL, moving
from compiler.practices.model import Subject
from compiler.source import Span
from compiler.values.malformed import shown

CODES = ("STC901",)

_LONGEST = 1024
_VARIABLE = re.compile(r"\$(?:\{[^{}]*\}|\w+)")
# A variable and nothing else: no default, and not escaped.
_PLAIN = {
    escape: re.compile(rf"(?<!{re.escape(escape)})\$(?:\{{(\w+)\}}|(\w+))", re.ASCII) for escape in "\\`"
}
_NUMBER = re.compile(r"[0-9]+")
# A variable that is changed, or that something else depends on.
_MODIFIED = re.compile(r"\$\{(\w+)(?::?[+?]|[#%/])", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Use:
    """A place that names an image. `text` is what it says, `values` what its variables may be taken from."""

    text: str
    span: Span
    starts: bool


def check(subject: Subject) -> Iterator[Diagnostic]:
    """STC901 for every FROM, COPY --from and --mount=from= of the file, reached by the target or not."""
    dockerfile = subject.dockerfile
    values = _values(dockerfile, dict(subject.arguments))
    names: set[str] = set()
    every = {stage.alias for stage in dockerfile.stages if stage.alias}
    for stage in dockerfile.stages:
        if stage.parent is None and stage.head.words:
            word = stage.head.words[0]
            yield from _judged(_Use(word.text, word.span, True), dockerfile, values, names)
        for instruction in stage.instructions:
            for use in _copied_from(instruction.effective):
                # A mount and a COPY may name any stage, as BuildKit resolves names before it builds.
                if not _NUMBER.fullmatch(use.text) and use.text.lower() not in every:
                    yield from _judged(use, dockerfile, values, names)
        if stage.alias:
            names.add(stage.alias)


def _copied_from(instruction: Instruction) -> Iterator[_Use]:
    if instruction.name == "COPY":
        for flag in instruction.flags:
            if flag.name == "from" and flag.value and "$" not in flag.value:
                yield _Use(flag.value, flag.span, False)
    elif instruction.name == "RUN" and instruction.flags:
        for mount in mounts(instruction):
            origin = mount.get("from")
            if origin and "$" not in origin:
                yield _Use(origin, mount.span, False)


def _judged(
    use: _Use, dockerfile: Dockerfile, values: Mapping[str, str], names: set[str]
) -> Iterator[Diagnostic]:
    """The finding about one use, if there is one."""
    image = _expanded(use.text, dockerfile.escape, values)
    if not image or image == "scratch" or image.lower() in names or _may_be_stage(use.text, names):
        return
    why = moving(image)
    if why is None or not (_is_published(image) if use.starts else _is_image(image)):
        return
    shown_image = shown(image)[1:-1]
    message = f"`{shown_image}` can be another image tomorrow: {why}"
    label = ""
    labels: tuple[Label, ...] = ()
    if image != use.text and "$" in use.text:
        label = f"this is `{shown_image}`"
        labels = tuple(_defaults(use.text, dockerfile))
    hint = "name a version, or a digest"
    yield Diagnostic("STC901", Severity.WARNING, message, use.span, label, labels, hint=hint)


def _values(dockerfile: Dockerfile, given: Mapping[str, str]) -> dict[str, str]:
    """What the arguments before the first FROM hold; in a value, what has none stays as it is written."""
    values: dict[str, str] = {}
    for argument in dockerfile.globals:
        value = given.get(argument.name)
        if value is None and argument.value is not None:
            value = _expanded(argument.value, dockerfile.escape, values)
        if value is not None:
            values[argument.name] = value
    return values


def _expanded(text: str, escape: str, values: Mapping[str, str]) -> str | None:
    """A text with its variables; those without value and default stay.

    None where it cannot be expanded, or depends in another way on what nobody
    knows. (`Rules.keep_unset` keeps `${x:-d}` as well, which is known.)
    """
    if any(found[1] not in values for found in _MODIFIED.finditer(text)):
        return None
    kept = _PLAIN[escape].sub(lambda found: _kept(found, escape, values), text)
    try:
        return expand(kept, values, Rules(escape), _LONGEST).text
    except BadSubstitution:
        return None


def _kept(found: re.Match[str], escape: str, values: Mapping[str, str]) -> str:
    known = (found[1] or found[2]) in values
    return found[0] if known else f"{escape}{found[0]}"


def _may_be_stage(text: str, names: set[str]) -> bool:
    """Whether a variable in a name may choose one of the stages before it: `base-${MODE}` of `base-dev`."""
    if "$" not in text:
        return False
    pieces = _VARIABLE.split(text.lower())
    return any(name.startswith(pieces[0]) and name.endswith(pieces[-1]) for name in names) and "".join(
        pieces
    ) not in ("", ":")


def _is_published(image: str) -> bool:
    """Whether a registry can have it: a name without a slash that is no image of Docker Hub was made here."""
    name = image.partition("@")[0].partition(":")[0]
    return "/" in image or "$" in name or name in OFFICIAL


def _is_image(image: str) -> bool:
    """Whether a name that is no stage's is an image, and not a build context that is given by name."""
    name = image.partition("@")[0]
    return "/" in name or ":" in name or name in OFFICIAL


def _defaults(text: str, dockerfile: Dockerfile) -> Iterator[Label]:
    """Where the variables that a use names get their defaults."""
    named = set(re.findall(r"\$\{?(\w+)", text))
    for argument in dockerfile.globals:
        if argument.name in named and argument.value is not None:
            yield Label(argument.span, f"the default of `{argument.name}`")
