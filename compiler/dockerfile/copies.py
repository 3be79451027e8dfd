"""COPY and ADD: what is copied, where to, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from compiler.dockerfile.expansion import BadSubstitution
from compiler.dockerfile.heredocs import Marker, chomped, marker
from compiler.dockerfile.instructions import Instruction, Word
from compiler.source import Span


@dataclass(frozen=True, slots=True)
class TextSource:
    """A heredoc as a source: a file `name` with this text; `expand` tells that variables in it count."""

    name: str
    text: str
    expand: bool
    span: Span


class Copy(NamedTuple):
    """A COPY or ADD, as written: variables are not expanded yet.

    `origin` is `--from`, None for the context. `link` is false with `--link=false`.
    """

    instruction: Instruction
    sources: tuple[Word, ...]
    texts: tuple[TextSource, ...]
    destination: Word
    origin: str | None
    chown: str | None
    chmod: str | None
    link: bool
    parents: bool
    excludes: tuple[str, ...]
    checksum: str | None


def copy(instruction: Instruction) -> Copy | None:
    """What a COPY or ADD (or an ONBUILD of one) copies; None for others and for one without destination."""
    effective = instruction.effective
    if effective.name not in ("COPY", "ADD") or len(effective.words) < 2:
        return None
    *before, destination = effective.words
    bodies = {heredoc.marker.name: heredoc.body.text for heredoc in effective.heredocs}
    sources: list[Word] = []
    texts: list[TextSource] = []
    for word in before:
        opened = opens(word)
        if opened is None:
            sources.append(word)
        else:
            body = bodies.get(opened.name, "")
            text = chomped(body) if opened.chomp else body
            texts.append(TextSource(opened.name, text, opened.expand, word.span))
    return Copy(
        effective,
        tuple(sources),
        tuple(texts),
        destination,
        _value(effective, "from"),
        _value(effective, "chown"),
        _value(effective, "chmod"),
        _switch(effective, "link"),
        _switch(effective, "parents"),
        tuple(flag.value for flag in effective.flags if flag.name == "exclude" and flag.value is not None),
        _value(effective, "checksum"),
    )


def opens(word: Word) -> Marker | None:
    """The heredoc that a word opens, if it does."""
    if "<<" not in word.text:
        return None
    try:
        return marker(word.text)
    except BadSubstitution:
        return None


def _value(instruction: Instruction, name: str) -> str | None:
    flag = instruction.flag(name)
    # An empty one is the same as none.
    return (flag.value or None) if flag is not None else None


def _switch(instruction: Instruction, name: str) -> bool:
    flag = instruction.flag(name)
    return flag is not None and (flag.value is None or flag.value.lower() == "true")
