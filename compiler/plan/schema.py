"""The JSON Schema of the plan's JSON, made from the plan's records.

Types, keys and defaults come from the type hints, the description of every
record from its docstring. Only what a name does not say stands here. draft-07,
like the other schemas; schemas/plan.schema.json holds what this module gives.
"""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Any

from compiler.plan.encode import encoded
from compiler.plan.fields import (
    WRITTEN,
    RecordField,
    alternatives,
    fixed_length,
    item_hint,
    json_key,
    record_fields,
)
from compiler.plan.model import PLAN_VERSION, Plan

JsonSchema = dict[str, Any]

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", None: "null"}

# What the name of a field does not say, by record and attribute.
_MEANING = {
    "Plan.environment": "The environment's name.",
    "Plan.digest": "SHA-256 over all that is to be done (not over what it takes, `departed`, `spec`).",
    "Plan.spec": "The entry file's path from the repository's root.",
    "Plan.stages": "The deployment stages, first to last.",
    "Plan.builds": "The image builds, in queue order.",
    "Plan.images": "All images that workloads run, by id.",
    "Plan.workloads": "The services that are deployed, in queue order.",
    "Plan.tasks": "The steps of the pipeline, in queue order.",
    "Plan.skipped": "The services that are left out, by name.",
    "Plan.estimates": "What the spec says of durations, by task.",
    "Plan.profiles": "What builds without an estimate take by their Dockerfiles; for forecasts.",
    "Target.context": "Context of the kubeconfig; null is the current one.",
    "Plan.gitops": "Where Argo CD finds what to deploy; null when it does not deploy.",
    "Plan.previews": "How pull requests get environments of their own; null when they get none.",
    "Plan.departed": "Services that earlier plans deployed and the spec no longer has.",
    "BuildLimits.attestations": "What is stored about every built image beside it.",
    "Limits.deploy_parallelism": "How many mirrors and deployments run at a time.",
    "BuildLimits.timeout_s": "How long a build may take unless it says otherwise, in seconds.",
    "BuildLimits.pool": "What all running builds together may use.",
    "Source.ref": "Branch, tag or commit; null for the repository that holds the spec.",
    "Source.context": "Folder of the build's context, from the repository's root.",
    "Source.target": "Stage of the Dockerfile to build. Default: the last.",
    "Source.platforms": "Platforms to build for. Default: the builder's.",
    "Build.arguments": "Build arguments as [name, value], by name.",
    "Build.labels": "OCI labels as [name, value], by name.",
    "Image.digest": "Digest of the prebuilt image, `sha256:...`.",
    "Port.path": "Path prefix of the public route.",
    "Port.tls_secret": "Name of the Secret with the certificate.",
    "Port.gateway": "Gateway of the HTTPRoute, as NAME or NAMESPACE/NAME; an Ingress without one.",
    "Volume.mount": "Path in the container.",
    "ConfigFile.mount": "Path of the file in the container.",
    "ConfigFile.mode": "Permission bits, in decimal.",
    "Probe.service": "Service to ask for (gRPC health checking).",
    "Replicas.target_cpu_percent": "CPU use that the autoscaler aims at, in per cent of the request.",
    "Cron.schedule": "Minute, hour, day of month, month, day of week.",
    "Job.max_duration_s": "How long a run may take, in seconds.",
    "Database.name": "Name of the database; null where the engine has none.",
    "Chart.values": "Values of the chart, as the spec has them.",
    "Chart.set_values": "What `--set` gives, as [path, value].",
    "Chart.arguments": "More arguments for helm.",
    "Workload.resources": "What a pod asks for, and is limited to.",
    "Workload.service_account": "Name of the ServiceAccount.",
    "Workload.non_root_user": "Numeric id of the user that the container runs as.",
    "Workload.affinity": "Affinity as Kubernetes has it.",
    "Workload.node_selector": "Node labels as [name, value], by name.",
    "Workload.labels": "Labels as [name, value], by name.",
    "Workload.annotations": "Annotations as [name, value], by name.",
    "Workload.values": "A patch over the generated values.",
    "Workload.depends_on": "Services that are deployed before this one, by name.",
    "Task.needs": "Ids of the tasks that must be done before.",
    "Task.timeout_s": "When the step is given up, in seconds.",
    "Task.retries": "How often a failed step is tried again.",
    "Estimate.task": "Id of the task.",
}
_UNITS = {
    "_s": "In seconds.",
    "_bytes": "In bytes.",
    "_milli": "In thousandths of a core.",
    "_percent": "In per cent.",
}
_EXTRA: dict[str, JsonSchema] = {"Plan.digest": {"pattern": "^sha256:[0-9a-f]{64}$"}}


def plan_schema() -> JsonSchema:
    """The schema of `plan_json`: the plan in place, its parts as definitions by name."""
    definitions: dict[str, JsonSchema] = {}
    root = _record(Plan, definitions)
    version = {"const": PLAN_VERSION, "type": "string", "description": "The version of this format."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:plan:v1",
        "title": "Stagecast plan",
        **root,
        "description": f"{root['description']}\n\nA field that has its default value is left out.",
        "properties": {"version": version, **root["properties"]},
        "required": ["version", *root["required"]],
        "definitions": dict(sorted(definitions.items())),
    }


def _record(kind: type, definitions: dict[str, JsonSchema]) -> JsonSchema:
    fields = record_fields(kind)
    return {
        "type": "object",
        "description": _description(kind),
        "properties": {field.key: _field(kind, field, definitions) for field in fields},
        "required": [field.key for field in fields if field.default is WRITTEN],
        "additionalProperties": False,
    }


def _field(kind: type, field: RecordField, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A field's schema. One that is left out when it is null is never null."""
    hints = alternatives(field.hint)
    if field.default is None:
        hints = tuple(hint for hint in hints if hint is not None)
    schema = _one_of([_value(hint, definitions) for hint in hints])
    place = f"{kind.__name__}.{field.name}"
    meaning = _MEANING.get(place) or next(
        (_UNITS[unit] for unit in _UNITS if field.name.endswith(unit)), None
    )
    if any(field.name.endswith(unit) for unit in _UNITS):
        schema["minimum"] = 0
    schema |= _EXTRA.get(place, {})
    if field.default is not WRITTEN and field.default is not None:
        schema["default"] = encoded(field.default, field.hint)
    if meaning is not None:
        schema["description"] = meaning
    if "$ref" in schema and len(schema) > 1:
        # draft-07 ignores whatever stands beside a reference.
        schema["allOf"] = [{"$ref": schema.pop("$ref")}]
    return schema


def _one_of(schemas: list[JsonSchema]) -> JsonSchema:
    """Any of some schemas; plain types side by side."""
    if len(schemas) == 1:
        return schemas[0]
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}


def _value(hint: Any, definitions: dict[str, JsonSchema]) -> JsonSchema:
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    inner = item_hint(hint)
    if inner is not None:
        schema = {
            "type": "array",
            "items": _one_of([_value(each, definitions) for each in alternatives(inner)]),
        }
        length = fixed_length(hint)
        return schema if length is None else {**schema, "minItems": length, "maxItems": length}
    if isinstance(hint, type):
        return _definition(hint, definitions)
    return {"type": "object"}


def _definition(kind: type, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A reference to a record or to a closed set of words, which is defined when it is first met."""
    name = kind.__name__
    if name not in definitions:
        if issubclass(kind, Enum):
            words = [member.value for member in kind]
            definitions[name] = {"type": "string", "enum": words, "description": _description(kind)}
        else:
            definitions[name] = {}
            definitions[name].update(_record(kind, definitions))
    return {"$ref": f"#/definitions/{name}"}


def _description(kind: type) -> str:
    """A type's docstring as the reader of the JSON knows things: its paragraphs, keys as they are written."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    text = re.sub(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", lambda match: f"`{json_key(match[1])}`", text)
    for python, json in (("None", "null"), ("True", "true"), ("False", "false")):
        text = re.sub(rf"\b{python}\b", json, text)
    return text
