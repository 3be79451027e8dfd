"""The document reader against ruamel.yaml, and its places against the text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from ruamel.yaml import YAML

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.document.parse import parse
from compiler.source import SourceFile
from compiler.spec.overlay import merge_chain
from yaml_documents import documents


def read(text: str, path: str = "a.yaml") -> Node:
    findings = Findings()
    root = parse(SourceFile(path, text), findings)
    assert not list(findings)
    assert root is not None
    return root


def nodes(root: Node) -> Iterator[Node]:
    yield root
    children = root.children or ()
    for child in children.values() if isinstance(children, dict) else children:
        yield from nodes(child)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: 1 is not True, and -0.0 not 0."""
    return repr(left) == repr(right)


@settings(max_examples=250)
@given(documents())
def test_data_is_what_was_written_and_what_ruamel_reads(document: tuple[str, dict[str, Any]]) -> None:
    text, data = document
    value = read(text).value
    assert value == data
    loaded = YAML(typ="safe", pure=True).load(io.StringIO(text))
    assert value == loaded
    assert same(_sorted(value), _sorted(data))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=150)
@given(documents())
def test_every_place_reads_as_what_stands_there(document: tuple[str, dict[str, Any]]) -> None:
    root = read(document[0])
    assert root.weight > len(document[1])
    for node in nodes(root):
        assert 0 <= node.start <= node.end <= len(document[0])
        if node.children is None and node.span.text and "\n" not in node.span.text:
            assert same(read(node.span.text).value, node.value)
            assert node.place == node.span
        if isinstance(node.children, dict):
            for key, child in node.children.items():
                assert read(child.key_span.text).value == key


@settings(max_examples=100)
@given(documents(), documents())
def test_overlay_laws(left: tuple[str, dict[str, Any]], right: tuple[str, dict[str, Any]]) -> None:
    base, over = read(left[0], "base.yaml"), read(right[0], "over.yaml")
    merged = merge_chain([over, base])
    assert merged.value == _merged(base.value, over.value)
    assert same(merge_chain([read("{}"), base]).value, base.value)
    assert merge_chain([over, read("{}")]).value == _merged({}, over.value)
    assert merge_chain([over, over, base]).value == merged.value
    gone = read("".join(f"{key}: null\n" for key in base.value))
    assert merge_chain([gone, base]).value == {}
    for node in nodes(merged):
        # Each part points into the file that says it.
        source = base.source if node.source.path == "base.yaml" else over.source
        assert node.source is source
        if node.children is None and node.span.text and "\n" not in node.span.text:
            assert same(read(node.span.text).value, node.value)


def _merged(base: Any, over: Any) -> Any:
    """What the documentation of `extends` says, on plain data."""
    if not isinstance(over, dict):
        return over
    base = base if isinstance(base, dict) else {}
    result = {key: value for key, value in base.items() if key not in over}
    result |= {key: _merged(base.get(key), value) for key, value in over.items() if value is not None}
    return result


def test_a_list_of_an_overlay_replaces_and_a_null_removes() -> None:
    base = read("a: {b: [1, 2], c: 3, d: {e: 4}}\nf: 5\n", "base.yaml")
    over = read("a: {b: [6], c: null, d: {g: null, h: 7}}\nf: {i: null, j: [null]}\n", "over.yaml")
    merged = merge_chain([over, base])
    assert merged.value == {"a": {"b": [6], "d": {"e": 4, "h": 7}}, "f": {"j": [None]}}
    said_in = {node.value: node.source.path for node in nodes(merged) if node.children is None}
    assert said_in == {6: "over.yaml", 4: "base.yaml", 7: "over.yaml", None: "over.yaml"}
