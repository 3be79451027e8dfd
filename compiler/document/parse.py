"""YAML text to a `Node` tree in one pass over the C parser's events.

No recursion, so that nesting cannot exhaust a stack; aliases share nodes and
are counted expanded; duplicate keys are reported with both places. Problems
are findings; None comes back only when there is no document to go on with.
"""

from __future__ import annotations

import re
from typing import Any

from compiler.diagnostics.model import Diagnostic, Findings, Label, Severity
from compiler.document.libyaml import load as load_libyaml
from compiler.document.node import MERGE_KEY, Node, shortened
from compiler.document.scalars import MAY_BE_NO_TEXT, is_not_finite, resolve
from compiler.document.syntax import syntax_error
from compiler.source import SourceFile, Span

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 1_000_000
MAX_DEPTH = 100

_CORE_TAG = "tag:yaml.org,2002:"
_MAPPING_TAGS = {None, "!", _CORE_TAG + "map"}
_SEQUENCE_TAGS = {None, "!", _CORE_TAG + "seq"}
_SCALAR_TAGS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "null": type(None),
    "float": (float, int),
}
# What libyaml's reader refuses (YAML 1.2.2, production c-printable, without the byte order mark).
# What is outside of it is named: as the complement of the printable ones it takes 5 ms to compile.
_NOT_PRINTABLE = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def parse(source: SourceFile, findings: Findings) -> Node | None:
    """The document in `source`, or None when it is not one YAML document; findings say why."""
    if bad := _NOT_PRINTABLE.search(source.text):
        span = Span(source, bad.start(), bad.end())
        message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        hint = "remove it; inside double quotes it can be written as an escape"
        findings.add(Diagnostic("STC001", Severity.ERROR, message, span, hint=hint))
        return None
    libyaml, yaml_error = load_libyaml()
    found = Findings()
    try:
        return _Parser(source, found).run(libyaml)
    except _Fatal:
        return None
    except yaml_error as error:
        broken = syntax_error(source, error)
        line = broken.span.first.line
        # What was odd on that line is part of the same slip.
        found, noticed = Findings(), found
        found.extend(other for other in noticed if other.span.first.line != line)
        found.add(broken)
        return None
    finally:
        findings.extend(found)


class _Fatal(Exception):
    """Reading stops here; the finding is recorded."""


class _Parser:
    """The state of one pass: the anchors seen so far, and the merges of the open mappings."""

    def __init__(self, source: SourceFile, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        # None while the anchored collection is open: an alias to it is recursive.
        self.anchors: dict[str, Node | None] = {}
        # (mapping, what its `<<` says): those of the innermost open mapping last.
        self.merges: list[tuple[Node, Node]] = []

    def run(self, libyaml: Any) -> Node | None:
        """All events to one tree.

        One long function of local names: its statements run a million times for
        the largest document that is read, and cost as much as the C parser does.
        """
        ScalarEvent, AliasEvent = libyaml.ScalarEvent, libyaml.AliasEvent
        MappingStart, SequenceStart = libyaml.MappingStartEvent, libyaml.SequenceStartEvent
        MappingEnd, SequenceEnd = libyaml.MappingEndEvent, libyaml.SequenceEndEvent
        DocumentStart, StreamEnd = libyaml.DocumentStartEvent, libyaml.StreamEndEvent
        source = self.source
        next_event = libyaml.CParser(source.text).get_event
        may_be_no_text = MAY_BE_NO_TEXT
        root: Node | None = None
        # Of the innermost open collection: its data and nodes (both lists, or both dicts), and for a
        # mapping the key that waits for its value: a node where it is more than plain or quoted text.
        # The stack has each open collection, with its anchor and these four of the one around it.
        values: Any = None
        children: Any = None
        key: tuple[str, int, int] | Node | None = None
        wants_key = False
        stack: list[tuple[Node, str | None, int, Any, Any, tuple[str, int, int] | Node | None]] = []
        name: str | None
        count = documents = 0
        while True:
            event = next_event()
            kind = event.__class__
            if kind is ScalarEvent:
                count += 1
                value = text = event.value
                plain = event.implicit[0] and event.tag is None
                faulty = False
                if (plain and text[:1] in may_be_no_text) or event.tag is not None:
                    value, faulty = self._value(event, plain)
                if wants_key and value.__class__ is str and text != MERGE_KEY and event.anchor is None:
                    key = (value, event.start_mark.index, event.end_mark.index)
                    wants_key = False
                    continue
                node = Node(value, None, source, event.start_mark.index, event.end_mark.index, 1, plain)
                if faulty:
                    node.faulty = True
                if event.anchor is not None:
                    self.anchors[event.anchor] = node
            elif kind is MappingStart or kind is SequenceStart:
                wants_key = kind is MappingStart
                node = self._opened(event, wants_key, len(stack))
                stack.append((node, event.anchor, count, values, children, key))
                values, children, key = node.value, node.children, None
                continue
            elif kind is MappingEnd or kind is SequenceEnd:
                node, anchor, before, values, children, key = stack.pop()
                wants_key = key is None and values.__class__ is dict
                node.end = event.end_mark.index
                count += 1
                if self.merges and self.merges[-1][0] is node:
                    count += self._merge_into(node)
                node.weight = count - before
                if anchor is not None:
                    self.anchors[anchor] = node
            elif kind is AliasEvent:
                node = self._alias(event)
                count += node.weight
            elif kind is DocumentStart:
                documents += 1
                if documents > 1:
                    raise self._second_document(event.start_mark.index)
                continue
            elif kind is StreamEnd:
                return root
            else:
                continue
            if count > MAX_NODES:
                raise self._too_many(node)
            if wants_key:
                key, wants_key = node, False
            elif key is None:
                if values is None:
                    root = node
                else:
                    values.append(node.value)
                    children.append(node)
            else:
                if key.__class__ is tuple:
                    name, node.key_start, node.key_end = key
                else:
                    name = self._odd_key(key, node, stack[-1][0])
                if name is not None:
                    if name in children:
                        self._duplicate(name, children[name], node)
                    values[name] = node.value
                    children[name] = node
                key, wants_key = None, True

    def _opened(self, event: Any, is_mapping: bool, depth: int) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if depth >= MAX_DEPTH:
            raise self._fatal("STC008", start, start + 1, f"nested more than {MAX_DEPTH} levels deep")
        node = Node({}, {}, self.source, start, end) if is_mapping else Node([], [], self.source, start, end)
        if event.tag not in (_MAPPING_TAGS if is_mapping else _SEQUENCE_TAGS):
            node.faulty = True
            self._bad_tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        return node

    def _value(self, event: Any, plain: bool) -> tuple[Any, bool]:
        """What a scalar is that may be more than text, because of its first character or of a tag.

        And whether something is wrong with it, which is then reported.
        """
        text = event.value
        if plain:
            value = resolve(text)
            faulty = value.__class__ is str and is_not_finite(text)
            if faulty:
                message = f"`{shortened(text)}` is not a finite number"
                self._report("STC105", event, message, hint="quote it when it is meant as text")
            return value, faulty
        if event.tag == "!":
            return text, False
        tag = event.tag.removeprefix(_CORE_TAG)
        if tag == event.tag or tag not in _SCALAR_TAGS:
            self._bad_tag(event)
            return text, True
        value = text if tag == "str" else resolve(text)
        fits = isinstance(value, _SCALAR_TAGS[tag]) and (tag == "bool" or not isinstance(value, bool))
        if not fits:
            self._report("STC105", event, f"`{shortened(text)}` is not a `!!{tag}`")
        return value, not fits

    def _alias(self, event: Any) -> Node:
        name = event.anchor
        start, end = event.start_mark.index, event.end_mark.index
        if name not in self.anchors:
            message = f"no anchor `&{shortened(name)}` stands before this alias"
            raise self._fatal("STC001", start, end, message)
        target = self.anchors[name]
        if target is None:
            raise self._fatal("STC012", start, end, f"the alias `*{shortened(name)}` contains itself")
        return target.under(start, end)

    def _odd_key(self, key: Any, child: Node, mapping: Node) -> str | None:
        """The name that a key other than simple text stands for, after what there is to say of it.

        None where `child` is not to be an entry: a collection as key, and what `<<` brings.
        """
        # The place of a key that is an alias is the alias, not its anchor.
        place = Span(self.source, key.key_start, key.key_end) if key.key_start >= 0 else key.span
        child.key_start, child.key_end = place.start, place.end
        if key.value == MERGE_KEY and key.plain:
            if self.merges and self.merges[-1][0] is mapping:
                self._duplicate(MERGE_KEY, self.merges[-1][1], child)
            self.merges.append((mapping, child))
            return None
        if key.value.__class__ is str:
            return str(key.value)
        if key.children is None:
            hint = f'quote it: "{shortened(key.text)}"' if key.text else "write a name before the colon"
            child.faulty = True
        else:
            braces = self.source.text.startswith("{{", key.start - 1)
            hint = 'quote a value that starts with `{{`: "{{NAME}}"' if braces else "write a name as key"
            mapping.faulty = True
            place = place if key.key_start >= 0 else key.head
        self.findings.add(Diagnostic("STC011", Severity.ERROR, "a key has to be text", place, hint=hint))
        return key.text if key.children is None else None

    def _merge_into(self, node: Node) -> int:
        """Add to a mapping what its `<<` brings; how many values that were, aliases expanded.

        Keys that the mapping has itself win, and earlier mappings of a list win.
        """
        value: dict[str, Any] = node.value
        children: dict[str, Node] = node.children  # type: ignore[assignment]
        added = 0
        _, merge = self.merges.pop()
        sources = [merge] if isinstance(merge.children, dict) else merge.elements()
        if not sources or any(not isinstance(source.children, dict) for source in sources):
            hint = "point it at an anchor of a mapping: `<<: *defaults`"
            message = "`<<` takes a mapping or a list of mappings"
            labels = (Label(merge.head, "not a mapping"),) if merge.start < merge.end else ()
            found = Diagnostic("STC014", Severity.ERROR, message, merge.key_span, labels=labels, hint=hint)
            self.findings.add(found)
            node.faulty = True
            return 0
        for source in sources:
            for name, child in source.children.items():  # type: ignore[union-attr]
                if name not in children:
                    value[name] = child.value
                    children[name] = child
                    added += 1 + child.weight
        return added

    def _duplicate(self, name: str, first: Node, second: Node) -> None:
        labels = (Label(first.key_span, "first defined here"),)
        message = f"the key `{shortened(name)}` stands here a second time"
        hint = "keep one of the two" if name != MERGE_KEY else "write one list: `<<: [*first, *second]`"
        found = Diagnostic("STC009", Severity.ERROR, message, second.key_span, labels=labels, hint=hint)
        self.findings.add(found)

    def _bad_tag(self, event: Any) -> None:
        tag = event.tag.replace(_CORE_TAG, "!!")
        start = event.start_mark.index
        end = min(start + max(1, len(tag)), len(self.source.text))
        message = f"the tag `{shortened(tag)}` is not supported"
        hint = "remove the tag: a spec is plain mappings, lists, strings, numbers and booleans"
        self.findings.add(
            Diagnostic("STC010", Severity.ERROR, message, Span(self.source, start, end), hint=hint)
        )

    def _report(self, code: str, event: Any, message: str, hint: str = "") -> None:
        place = Span(self.source, event.start_mark.index, event.end_mark.index)
        self.findings.add(Diagnostic(code, Severity.ERROR, message, place, hint=hint))

    def _too_many(self, node: Node) -> _Fatal:
        message = f"more than {MAX_NODES:,} values, aliases counted where they are used"
        hint = "split the environment, or repeat less through aliases"
        return self._fatal("STC007", node.start, node.start + 1, message, hint)

    def _second_document(self, start: int) -> _Fatal:
        end = min(start + 3, len(self.source.text))
        message = "a second document starts here; a file holds one"
        return self._fatal("STC005", start, end, message, "put it into a file of its own")

    def _fatal(self, code: str, start: int, end: int, message: str, hint: str = "") -> _Fatal:
        place = Span(self.source, start, end)
        self.findings.add(Diagnostic(code, Severity.ERROR, message, place, hint=hint))
        return _Fatal()
