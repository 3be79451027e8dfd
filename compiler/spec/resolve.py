"""Interpolation: the values of one scope's variables, with all references replaced.

Takes declared variables and the built-in names, gives parts, and what is wrong
with the references. Not recursive, so that a chain may be of any length; values
are bounded, so that references to references cannot fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from compiler.document.node import Node
from compiler.source import Span
from compiler.spec.interpolation import Reference, split
from compiler.spec.variables import Parts, Variable, secret_ref
from compiler.vocabulary import Literal, SecretRef

MAX_VALUE = 131_071
"""Characters of one value: Linux gives a process at most 128 KiB (MAX_ARG_STRLEN in linux/binfmts.h)."""

MAX_ALL = 64 * 1024 * 1024
"""Characters of all values of an environment together, those that services share counted once."""

MAX_CHANGES = 100_000
"""Values of outer variables that services change by what they override, of all services together."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a variable.

    `kind` is "unknown" or "alias" (there is no variable `name`), "cycle" (`chain`
    leads back to where it starts), "malformed" (braces), "long" or "large" (the
    value, or all values together), "changes" (too many because of an override).
    """

    kind: str
    span: Span
    name: str = ""
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A place where a variable's value is taken; `kind` as of the problem when there is none."""

    name: str
    span: Span
    kind: str


@dataclass(slots=True)
class Allowance:
    """What the values of an environment may still take, and whether it was said that there is no more.

    `left` are characters, `changes` values of outer variables that are
    different for a service because it overrides what they mention.
    """

    left: int = MAX_ALL
    changes: int = MAX_CHANGES
    said: bool = False

    def take(self, size: int) -> bool:
        """Whether a value of this size still fits; it is counted then."""
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables that one service sees, and the names that services offer."""

    variables: Mapping[str, Variable]
    builtins: Mapping[str, Parts]

    def names(self) -> Iterator[str]:
        """All names that a reference may use."""
        yield from self.variables
        yield from (name for name in self.builtins if name not in self.variables)


Piece = Literal | SecretRef | Mention


@dataclass(slots=True)
class _Work:
    """A value in the making: its pieces, how many of them are done, and what they came to.

    `name` is None for a text that is no variable.
    """

    name: str | None
    node: Node
    pieces: tuple[Piece, ...]
    done: int = 0
    size: int = 0
    parts: list[Literal | SecretRef] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, parts: Parts) -> None:
        for part in parts:
            if isinstance(part, Literal):
                self.size += len(part.text)
                self.texts.append(part.text)
            else:
                self._close_text()
                self.parts.append(part)

    def _close_text(self) -> None:
        """Neighbouring texts become one part, empty ones none."""
        if text := "".join(self.texts):
            self.parts.append(Literal(text))
        self.texts.clear()

    def finish(self) -> Parts:
        self._close_text()
        return tuple(self.parts) or (Literal(""),)


class Resolver:
    """Resolves the variables of one scope.

    `known` are values that mean the same in this scope. `problems` and
    `mentions` are by the variable that they are found in, None for texts that
    are no variable.
    """

    def __init__(
        self, scope: Scope, allowance: Allowance, known: Mapping[str, Parts], anew: Set[str] = frozenset()
    ) -> None:
        """`anew` are the names that are resolved here although `known` has them."""
        self.scope = scope
        self.values: dict[str, Parts] = {}
        self.problems: dict[str | None, list[Problem]] = {}
        self.mentions: dict[str | None, list[Mention]] = {}
        self._allowance = allowance
        self._known = known
        self._anew = anew

    def resolve(self, name: str) -> Parts:
        """The value of a variable of the scope; a part that cannot be resolved is left out."""
        if (value := self._value(name)) is not None:
            return value
        said = self.scope.variables[name].declared
        if isinstance(said, str) and _is_plain(said) and self._allowance.take(len(said)):
            # Most variables; the work below is for those that take from others.
            self.values[name] = value = (Literal(said),)
            return value
        return self._run(self._start(name))

    def text(self, value: str, node: Node) -> Parts:
        """A text with its references replaced; `node` is the scalar that it stands in."""
        return self._run(_Work(None, node, tuple(self._pieces_of_text(None, value, node))))

    def _value(self, name: str) -> Parts | None:
        value = self.values.get(name)
        return self._known.get(name) if value is None and name not in self._anew else value

    def _outer(self, name: str) -> Parts | None:
        """What a name means to the variable of that name: the next scope's, or what a service offers."""
        return self._known.get(name) or self.scope.builtins.get(name)

    def _run(self, wanted: _Work) -> Parts:
        """Work on a value, and before it on those that it waits for."""
        todo: dict[str | None, _Work] = {wanted.name: wanted}
        while True:
            work = next(reversed(todo.values()))
            waits_for = self._advance(work, todo)
            if waits_for is not None:
                todo[waits_for] = self._start(waits_for)
                continue
            value = self._finish(work)
            del todo[work.name]
            if work.name is not None:
                self.values[work.name] = value
            if work is wanted:
                return value

    def _advance(self, work: _Work, open_: Mapping[str | None, _Work]) -> str | None:
        """Put the pieces together; stops at one whose value is not known yet, and names it."""
        while work.done < len(work.pieces) and work.size <= MAX_VALUE:
            piece = work.pieces[work.done]
            if not isinstance(piece, Mention):
                work.add((piece,))
            elif piece.name in self.scope.variables:
                value = self._value(piece.name)
                if piece.name == work.name:
                    value = self._outer(piece.name)
                if value is not None:
                    work.add(value)
                elif piece.name not in open_:
                    return piece.name
                else:
                    waiting = [name for name in open_ if name is not None]
                    chain = (*waiting[waiting.index(piece.name) :], piece.name)
                    # Said where the cycle starts, which is the service's own variable where it has one.
                    start = open_[piece.name]
                    first = start.pieces[start.done]
                    span = first.span if isinstance(first, Mention) else piece.span
                    self._note(start, Problem("cycle", span, piece.name, chain))
            elif piece.name in self.scope.builtins:
                work.add(self.scope.builtins[piece.name])
            else:
                self._note(work, Problem(piece.kind, piece.span, piece.name))
            work.done += 1
        return None

    def _finish(self, work: _Work) -> Parts:
        if work.size > MAX_VALUE:
            self._note(work, Problem("long", work.node.place))
        elif self._allowance.take(work.size):
            return work.finish()
        elif not self._allowance.said:
            self._allowance.said = True
            self._note(work, Problem("large", work.node.place))
        return (Literal(""),)

    def _note(self, work: _Work, problem: Problem) -> None:
        self.problems.setdefault(work.name, []).append(problem)

    def _start(self, name: str) -> _Work:
        variable = self.scope.variables[name]
        said, node = variable.declared, variable.node
        pieces: Iterator[Piece]
        if isinstance(said, str):
            pieces = self._pieces_of_text(name, said, node)
        elif said.secret is not None:
            pieces = iter((secret_ref(said.secret),))
        elif said.alias is not None:
            mention = Mention(said.alias, said.at.at(("alias",)).span, "alias")
            self.mentions.setdefault(name, []).append(mention)
            pieces = iter((mention,))
        elif said.file is not None:
            pieces = iter((Literal(said.file.mount),))
        else:
            pieces = self._pieces_of_text(name, said.value or "", said.at.at(("value",)))
        return _Work(name, node, tuple(pieces))

    def _pieces_of_text(self, name: str | None, value: str, node: Node) -> Iterator[Piece]:
        if len(value) > MAX_VALUE or _is_plain(value):
            yield Literal(value)
            return
        origin = _origin(node, value)
        for part in split(value):
            if isinstance(part, str):
                yield Literal(part)
            elif isinstance(part, Reference):
                span = _inside(node, origin, value, part.offset, part.length)
                mention = Mention(part.name, span, "unknown")
                self.mentions.setdefault(name, []).append(mention)
                yield mention
            else:
                problem = Problem("malformed", _inside(node, origin, value, part.offset, 2))
                self.problems.setdefault(name, []).append(problem)


def _is_plain(value: str) -> bool:
    """Whether a value is its own text, and no larger than one may be."""
    return "{{" not in value and "}}}}" not in value and len(value) <= MAX_VALUE


def _origin(node: Node, value: str) -> int | None:
    """Where a scalar's value starts in its file; None where escapes or folding moved its parts."""
    text = node.span.text
    if text == value:
        return node.start
    if text[:1] in ("'", '"') and text[1:-1] == value:
        return node.start + 1
    return None


def _inside(node: Node, origin: int | None, value: str, offset: int, length: int) -> Span:
    """The place of a part of a scalar; the whole scalar where it cannot be told."""
    if origin is not None:
        return Span(node.source, origin + offset, origin + offset + length)
    span = node.span
    part = value[offset : offset + length]
    if span.text.count(part) != 1:
        return node.head
    start = span.start + span.text.index(part)
    return Span(span.source, start, start + length)
