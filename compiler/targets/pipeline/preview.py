"""Previews: an environment of its own for a pull request, in a namespace of its own, and its removal."""

from __future__ import annotations

import json
from typing import Any

from . import helm, kubernetes, records
from .contract import Stage
from .naming import label_value
from .report import error, group, quote, say
from .state import PREVIEW, Job, PipelineError

LABEL = "stagecast.dev/preview"
DELETE_TIMEOUT_S = 600


def prepare(job: Job) -> None:
    """See that the preview's namespace is there and ours, and copy the Secrets. Raises PipelineError."""
    namespace = job.document["namespace"]
    labels = {LABEL: label_value(job.document["environment"]), kubernetes.MANAGED_BY: kubernetes.OURS}
    found = _namespace(job)
    if found is None:
        created = kubernetes.create(job, "Namespace", namespace, labels)
        if not created.ok:
            raise PipelineError(f"the namespace {namespace} cannot be created: {created.said}")
        found = _namespace(job) or {}
    if not _is_ours(job, found):
        raise PipelineError(f"the namespace {namespace} is there without our label {LABEL}: it is no preview")
    if (found.get("status") or {}).get("phase") == "Terminating":
        raise PipelineError(f"the namespace {namespace} is being deleted: run again when it is gone")
    _copy_secrets(job)


def _namespace(job: Job) -> dict[str, Any] | None:
    found: dict[str, Any] | None = kubernetes.read_json(
        job, "get", "namespace", "--ignore-not-found", "--", job.document["namespace"]
    )
    return found


def _is_ours(job: Job, namespace: dict[str, Any]) -> bool:
    labels = (namespace.get("metadata") or {}).get("labels") or {}
    return bool(labels.get(LABEL) == label_value(job.document["environment"]))


def _copy_secrets(job: Job) -> None:
    """Copy type and data of the Secrets that releases refer to. Nothing of them is printed."""
    wanted = job.document["preview"]
    if wanted is None or wanted["secrets_from"] is None or not wanted["secrets"]:
        return
    names = sorted(set(wanted["secrets"]))
    source = f"--namespace={wanted['secrets_from']}"
    found = kubernetes.read_json(job, "get", "secrets", source, "--ignore-not-found", "--", *names)
    items = found.get("items", [found]) if found else []
    missing = set(names) - {item["metadata"]["name"] for item in items}
    if missing:
        where = wanted["secrets_from"]
        raise PipelineError(f"the namespace {where} has no Secret {', '.join(sorted(missing))} to copy")
    copies = {"apiVersion": "v1", "kind": "List", "items": [_copy(item) for item in items]}
    # The server's side: no annotation with the values in it, and no limit of its size.
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=stagecast", "--filename=-")
    outcome = kubernetes.ask(job, *apply, stdin=json.dumps(copies))
    if not outcome.ok:
        raise PipelineError(f"Secrets cannot be copied: {_without_values(outcome.said, items)}")
    say(f"{len(items)} Secrets are copied from {wanted['secrets_from']}")


def _copy(secret: dict[str, Any]) -> dict[str, Any]:
    labels = {kubernetes.MANAGED_BY: kubernetes.OURS}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret["metadata"]["name"], "labels": labels},
        "type": secret.get("type", "Opaque"),
        "data": secret.get("data") or {},
    }


def _without_values(text: str, secrets: list[dict[str, Any]]) -> str:
    """A message without any of the values, should a server or a webhook quote one."""
    values = [value for secret in secrets for value in (secret.get("data") or {}).values() if value]
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def teardown(job: Job) -> int:
    """Uninstall a preview's releases, last stage first, and delete its namespace. Gives the exit code.

    What a release does before its deletion is done. A release that cannot be
    uninstalled keeps the namespace, so that running it again goes on there.
    Nothing happens to a namespace without our label. Raises PipelineError.
    """
    if job.preview is None:
        raise PipelineError(f"{PREVIEW} is not set: only a preview is torn down")
    kubernetes.write_kubeconfig(job)
    namespace = job.document["namespace"]
    found = _namespace(job)
    if found is None:
        say(f"there is no namespace {namespace}")
        return 0
    if not _is_ours(job, found):
        raise PipelineError(
            f"the namespace {namespace} is not labelled as a preview of ours: it is left alone"
        )
    for release in removal_order(job.document["stages"], set(records.read(job))):
        outcome = helm.uninstall(job, release)
        with group(f"uninstall {release}: {'done' if outcome.ok else 'FAILED'}"):
            quote(outcome.output)
        if not outcome.ok:
            error(f"{release} cannot be uninstalled: the namespace {namespace} stays, run the teardown again")
            return 1
    return _delete(job, namespace)


def removal_order(stages: list[Stage], installed: set[str]) -> list[str]:
    """Releases in the reverse order of deployment; first of all those that the document does not have."""
    listed = [task["release"]["name"] for stage in stages for task in stage["tasks"] if task["release"]]
    return [*sorted(installed - set(listed)), *(name for name in reversed(listed) if name in installed)]


def _delete(job: Job, namespace: str) -> int:
    wait = ("--ignore-not-found", "--wait=false")
    outcome = kubernetes.ask(job, "delete", "namespace", *wait, "--", namespace)
    if outcome.ok:
        outcome = kubernetes.gone(job, "namespace", namespace, DELETE_TIMEOUT_S)
    say(f"the namespace {namespace} is {'deleted' if outcome.ok else 'not deleted'}")
    if not outcome.ok:
        error(outcome.said)
    return 0 if outcome.ok else 1
