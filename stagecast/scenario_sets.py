"""`--set PATH=VALUE`: one setting of a scenario, as a document of its own.

Takes the argument, gives a `Node` tree as a YAML file with that one setting
would give it, whose places lie in the argument. Knows no keys: the scenario's
shape says which there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.node import Node, shortened
from compiler.document.parse import parse
from compiler.source import SourceFile, Span

SET = "--set"
STRATEGY = "--strategy"
# No setting lies deeper; what walks trees may recurse.
_DEEPEST = 20
_KEY = re.compile(r""" "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<plain>[^."'=\s][^.=]*) """, re.VERBOSE)

Key = tuple[str, int, int]


def read_set(argument: str, findings: Findings) -> Node | None:
    """The document of `PATH=VALUE`; None when it is no such thing, which is in `findings`.

    Keys of the path are separated by dots and may be quoted; the value is YAML.
    """
    source = SourceFile(SET, argument)
    keys, end = _path(argument)
    if not keys or argument[end : end + 1] != "=" or len(keys) > _DEEPEST:
        message = f"`{shortened(argument)}` is not PATH=VALUE"
        hint = "write for example pipeline.build.parallelism=14; a key with a dot stands in quotes"
        span = Span(source, min(end, len(argument)), len(argument))
        findings.add(Diagnostic("STC105", Severity.ERROR, message, span, hint=hint))
        return None
    value = _value(source, end + 1, findings)
    return _below(source, keys, value) if value is not None else None


def strategy_document(name: str) -> Node:
    """The document of `--strategy NAME`."""
    source = SourceFile(STRATEGY, name)
    value = Node(name, None, source, 0, len(name), plain=True)
    return _below(source, (("pipeline", 0, len(name)), ("strategy", 0, len(name))), value)


def _path(argument: str) -> tuple[tuple[Key, ...], int]:
    """The keys before the `=`, and where they end: at the `=` if all is well."""
    keys: list[Key] = []
    at = 0
    while match := _KEY.match(argument, at):
        text = next(part for part in match.groups() if part is not None)
        keys.append((text, match.start(), match.end()))
        at = match.end()
        if argument[at : at + 1] != ".":
            return tuple(keys), at
        at += 1
    return (), at


def _value(source: SourceFile, start: int, findings: Findings) -> Node | None:
    """The value behind the `=`, read with blanks in place of the path: so its places are the argument's."""
    found = Findings()
    value = parse(SourceFile(source.path, " " * start + source.text[start:]), found)
    findings.extend(_moved(diagnostic, source) for diagnostic in found)
    if value is None:
        if not found.has_errors:
            message = f"`{shortened(source.text)}` has no value"
            hint = "write null to take away what the spec says"
            span = Span(source, 0, len(source.text))
            findings.add(Diagnostic("STC105", Severity.ERROR, message, span, hint=hint))
        return None
    todo, seen = [value], set[int]()
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            node.source = source
            todo += node.children.values() if isinstance(node.children, dict) else node.children or ()
    return None if found.has_errors else value


def _moved(diagnostic: Diagnostic, source: SourceFile) -> Diagnostic:
    labels = tuple(replace(each, span=each.span._replace(source=source)) for each in diagnostic.labels)
    return replace(diagnostic, span=diagnostic.span._replace(source=source), labels=labels)


def _below(source: SourceFile, keys: Sequence[Key], value: Node) -> Node:
    """The document that has `value` under the keys, the first at its top."""
    node = value
    for text, start, end in reversed(keys):
        node = node.under(start, end)
        node = Node({text: node.value}, {text: node}, source, start, value.end)
    return node
