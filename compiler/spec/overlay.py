"""`extends`: a spec merged over its base, each part still knowing the file that says it."""

from __future__ import annotations

import os
from pathlib import Path

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.load import read_document, read_source
from compiler.document.node import Node, shortened
from compiler.spec.model import PATH
from compiler.spec.shape import Rejected
from compiler.values.suggest import closest

MAX_BASES = 20
WHAT = "an environment"


def read_chain(path: Path, findings: Findings, repository: Path | None) -> list[Node]:
    """The document at `path` and its bases, the innermost base last; empty when `path` cannot be used.

    No base outside of `repository` is read, where there is one: a spec under
    review must not be able to show other files of the machine that checks it.

    Raises:
        OSError: `path` itself cannot be read. A base that cannot is a finding.
    """
    source = read_source(path, findings)
    root = read_document(source, findings, WHAT) if source is not None else None
    chain: list[Node] = []
    seen = [os.path.realpath(path)]
    while root is not None:
        chain.append(root)
        extends = root.get("extends")
        if extends is None or not _is_path(extends):
            break
        path = path.parent / extends.value
        root = _read_base(path, extends, seen, repository, findings)
    return chain


def _is_path(node: Node) -> bool:
    """Whether a value can be followed; the schema says what is wrong with it otherwise."""
    try:
        PATH.read(node)
    except Rejected:
        return False
    return True


def _read_base(
    path: Path, extends: Node, seen: list[str], repository: Path | None, findings: Findings
) -> Node | None:
    """The document that `extends` names; its real path is added to those already `seen`."""
    said = shortened(extends.value)
    real = os.path.realpath(path)
    if real in seen:
        message = f"`{said}` extends itself, directly or through its bases"
        _refuse(findings, "STC306", extends, message, "take one of the `extends` out")
        return None
    if len(seen) > MAX_BASES:
        message = f"more than {MAX_BASES} bases extend each other"
        _refuse(findings, "STC306", extends, message, "merge some of them")
        return None
    if repository is not None and not Path(real).is_relative_to(repository):
        message = f"`extends: {said}` leads out of the repository"
        _refuse(findings, "STC503", extends, message, "copy the base into the repository")
        return None
    seen.append(real)
    try:
        source = read_source(path, findings)
    except OSError as error:
        reason = (error.strerror or "it is not readable").lower()
        suggestion = closest(path.name, _names_beside(path))
        hint = f"did you mean `{suggestion}`?" if suggestion else "the path counts from the file that says it"
        message = f"the base `{said}` cannot be read: {reason}"
        _refuse(findings, "STC305", extends, message, hint)
        return None
    return read_document(source, findings, WHAT) if source is not None else None


def _refuse(findings: Findings, code: str, extends: Node, message: str, hint: str) -> None:
    findings.add(Diagnostic(code, Severity.ERROR, message, extends.span, hint=hint))


def _names_beside(path: Path) -> list[str]:
    try:
        return [name for name in os.listdir(path.parent) if name.endswith((".yaml", ".yml"))]
    except OSError:
        return []


def merge_chain(chain: list[Node]) -> Node:
    """One document of a chain: each over the next, mappings merge, lists replace, null removes."""
    merged = chain[-1]
    for overlay in reversed(chain[:-1]):
        merged = _merge(merged, overlay)
    return merged


def _merge(base: Node, over: Node) -> Node:
    """`over` over `base`. Depth is bounded by the parser's limit on nesting."""
    if not (isinstance(base.children, dict) and isinstance(over.children, dict)):
        return _without_nulls(over)
    children: dict[str, Node] = dict(base.children)
    for key, child in over.children.items():
        if child.value is None:
            children.pop(key, None)
        elif key in children:
            children[key] = _merge(children[key], child)
        else:
            children[key] = _without_nulls(child)
    return over.with_children(children)


def _without_nulls(node: Node) -> Node:
    """A value of an overlay that has no mapping below it: its nulls remove nothing."""
    if not isinstance(node.children, dict) or not _holds_null(node):
        return node
    kept = {key: _without_nulls(child) for key, child in node.children.items() if child.value is not None}
    return node.with_children(kept)


def _holds_null(node: Node) -> bool:
    children = node.children
    if not isinstance(children, dict):
        return False
    return any(child.value is None or _holds_null(child) for child in children.values())
