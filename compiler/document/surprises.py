"""Plain scalars that tools of YAML 1.1 read differently (`no`, `on`, `012`): a warning each."""

from __future__ import annotations

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.node import EXTENSION_PREFIX, Node
from compiler.document.scalars import surprises

# No string that starts with another character surprises anybody.
_FIRST = frozenset("yYnNoO0123456789+-")


def find_surprises(root: Node, findings: Findings) -> None:
    """Report them for every value of a document, once however many aliases there are to it.

    `x-` keys are left out, and values that have a finding already: it says more.
    """
    found: list[Node] = []
    if root.children is not None:
        _collect(root, found)
    if not found:
        return
    judged = {(finding.span.source.path, finding.span.start) for finding in findings}
    for node in found:
        if (node.source.path, node.start) not in judged:
            message = f"tools that follow YAML 1.1 read `{node.text}` as another value"
            hint = f'quote it ("{node.text}") when it is text, write true or false when it is a switch'
            if node.text[-1] in "0123456789":
                hint = f'quote it when it is text ("{node.text}"), write a plain decimal number otherwise'
            findings.add(Diagnostic("STC013", Severity.WARNING, message, node.span, hint=hint))


def _collect(root: Node, found: list[Node]) -> None:
    """The surprising scalars below a collection. It sees every value of a document, so it is kept tight."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        children = todo.pop().children
        if id(children) in seen:
            continue
        seen.add(id(children))
        if isinstance(children, dict):
            nodes = [child for key, child in children.items() if not key.startswith(EXTENSION_PREFIX)]
        else:
            nodes = children or []
        for node in nodes:
            if node.children is not None:
                todo.append(node)
            elif node.plain:
                value = node.value
                if value.__class__ is str:
                    if value[:1] in _FIRST and surprises(value):
                        found.append(node)
                elif value is not None and value.__class__ is not bool and surprises(node.text):
                    found.append(node)
