"""Plain scalars that tools of YAML 1.1 read differently (`no`, `on`, `012`): a warning each."""

from __future__ import annotations

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.node import Node
from compiler.document.scalars import surprises


def find_surprises(root: Node, findings: Findings) -> None:
    """Report them for every value of a document, once however many aliases there are to it.

    `x-` keys are left out, and values that have a finding already: it says more.
    """
    seen: set[int] = set()
    found: list[Node] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if node.children is None:
            if node.plain and surprises(node.text):
                found.append(node)
        elif id(node.children) not in seen:
            seen.add(id(node.children))
            todo += node.elements() or [child for _, child in node.items()]
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
