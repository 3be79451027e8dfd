"""Texts and numbers of a plan that Helm, Kubernetes or Linux cannot carry.

Everything else arrives as it was written: charts quote every string, and
tests/compiler/targets/test_helm_texts.py holds them to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from compiler.plan.model import ConfigFile, Literal, Variable, Workload
from compiler.targets.helm.say import say
from compiler.targets.helm.values import ENGINE_VARIABLES
from compiler.targets.model import Limitation

# Helm 3 writes values as YAML once more to check them against their schema, without escaping what
# YAML forbids (YAML 1.2.2, 5.1): the deployment would fail.
_FORBIDDEN = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
# Linux takes no longer string in an environment (MAX_ARG_STRLEN, execve(2)), NAME= and the end included.
_ENVIRONMENT_STRING = 131_072
# A ConfigMap's data may have at most 1 MiB (kubernetes.io/docs/concepts/configuration/configmap/).
_CONFIG_MAP = 1_048_576


def texts(workload: Workload) -> Iterator[Limitation]:
    """Everything about the texts of a workload with a chart of ours."""
    yield from _variables(workload)
    yield from _files(workload)
    for field, tree in _process_fields(workload):
        for path, leaf in _leaves(field, tree):
            if isinstance(leaf, str) and "\0" in leaf:
                message = f"`{path}` holds the character U+0000, which no process can be given"
                yield say("character", "error", workload, path, message)
    for field, tree in (*_process_fields(workload), *_other_fields(workload)):
        for path, leaf in _leaves(field, tree):
            found = _FORBIDDEN.search(leaf) if isinstance(leaf, str) else None
            if found is not None:
                message = f"`{path}` holds the character U+{ord(found[0]):04X}, which Helm 3 cannot carry"
                yield say("character", "error", workload, path, message, "put it into the image or a Secret")


def numbers(workload: Workload) -> Iterator[Limitation]:
    """Numbers that no values file can hold."""
    values = workload.values if workload.chart is None else workload.chart.values | workload.values
    for field, tree in (("affinity", workload.affinity), ("values", values)):
        for path, leaf in _leaves(field, tree):
            if isinstance(leaf, float) and not math.isfinite(leaf):
                message = f"`{path}` is {leaf}, which a values file cannot hold"
                yield say("number", "error", workload, path, message)


def _process_fields(workload: Workload) -> Iterator[tuple[str, Any]]:
    """Spec fields whose text the kernel hands to a process."""
    yield "variables", {variable.name: _literals(variable) for variable in workload.variables}
    yield "entrypoint", workload.entrypoint
    yield "arguments", workload.arguments
    for name, probe in (
        ("readiness", workload.readiness),
        ("liveness", workload.liveness),
        ("startup", workload.startup),
    ):
        if probe is not None:
            yield f"healthChecks.{name}.exec.command", probe.command


def _other_fields(workload: Workload) -> Iterator[tuple[str, Any]]:
    """Spec fields with other free text."""
    yield "files", [{"mount": f.mount, "content": _text(f)} for f in workload.files]
    yield "storage", [{"mount": volume.mount} for volume in workload.volumes]
    yield "ports", [{"path": port.path, "hosts": port.hosts} for port in workload.ports]
    yield "labels", dict(workload.labels)
    yield "annotations", dict(workload.annotations)
    yield "nodeSelector", dict(workload.node_selector)
    yield "affinity", workload.affinity
    yield "values", workload.values
    if workload.readiness is not None:
        yield "healthChecks.readiness.http.path", workload.readiness.path
    if workload.database is not None:
        yield "database", workload.database.name
        yield "username", workload.database.username


def _literals(variable: Variable) -> str:
    return "".join(part.text for part in variable.parts if isinstance(part, Literal))


def _text(file: ConfigFile) -> str:
    return file.content if isinstance(file.content, str) else ""


def _variables(workload: Workload) -> Iterator[Limitation]:
    engine = workload.database.engine if workload.database is not None else ""
    reserved = ENGINE_VARIABLES.get(engine, frozenset())
    for variable in workload.variables:
        name, text, field = variable.name, _literals(variable), f"variables.{variable.name}"
        if name in reserved:
            message = f"the variable {name} of {workload.service} is left out: the chart sets it for {engine}"
            yield say("database-variable", "warning", workload, field, message)
        # No character has more than 4 bytes: most values need no encoding to be found short enough.
        if 4 * len(text) >= _ENVIRONMENT_STRING and _size(text) + _size(name) + 2 > _ENVIRONMENT_STRING:
            message = f"the variable {name} has {_size(text)} bytes; Linux takes no more than "
            message += f"{_ENVIRONMENT_STRING} for a variable with its name"
            yield say("variable-size", "error", workload, field, message, "put the text into a config file")


def _files(workload: Workload) -> Iterator[Limitation]:
    total = sum(_size(_text(file)) for file in workload.files)
    if total > _CONFIG_MAP:
        message = (
            f"the config files of {workload.service} have {total} bytes; a ConfigMap may have {_CONFIG_MAP}"
        )
        yield say(
            "file-size", "error", workload, "files", message, "put large files into the image or a volume"
        )


def _leaves(field: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """Keys and scalars of a tree, each with its path; no recursion, the tree may be deep."""
    pending = [(field, tree)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            below = [(f"{path}.{key}", item) for key, item in value.items()]
            yield from zip((where for where, _ in below), value, strict=True)
            pending += reversed(below)
        elif isinstance(value, (list, tuple)):
            pending += reversed([(f"{path}.{index}", item) for index, item in enumerate(value)])
        else:
            yield path, value


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
