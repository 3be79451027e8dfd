"""Calls of kubectl, patient with an API server that restarts, and what a cluster says of a failed release.

Knows the namespace of the job and nothing of Helm's own records.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from .contract import KUBE_CONFIG
from .process import Outcome, run
from .report import say
from .state import Job, PipelineError

QUERY_TIMEOUT_S = 60
API_WAIT_S = 120
ATTEMPTS = 3
LOG_LINES = 100
MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "stagecast"

# What kubectl and Helm print when it is the way to the API server that is broken, not the release.
_UNREACHABLE = (
    "connection refused",
    "connection reset",
    "cluster unreachable",
    "client connection lost",
    "http2: ",
    "tls handshake timeout",
    "i/o timeout",
    "no route to host",
    "no such host",
    "unexpected eof",
    ": eof",
    "was refused - did you specify the right host or port",
    "unable to connect to the server",
    "the server is currently unable to handle the request",
    "apiserver not ready",
    "etcdserver: ",
)
# Answers of an API server that is there, to somebody who may not ask it how it is.
_ANSWERS = ("forbidden", "unauthorized", "notfound", "not found")


def kubectl(job: Job, *arguments: str, stdin: str | None = None, exact: bool = False) -> Outcome:
    """Run kubectl in the job's namespace. With `exact` the output is standard output only."""
    argv = ["kubectl", f"--namespace={job.document['namespace']}", "--request-timeout=30s"]
    if job.document["context"] is not None:
        argv.append(f"--context={job.document['context']}")
    return run([*argv, *arguments], env=job.environment, stdin=stdin, exact=exact, timeout_s=QUERY_TIMEOUT_S)


def ask(job: Job, *arguments: str, stdin: str | None = None) -> Outcome:
    """Run kubectl, again after the API server was away."""
    return patient(job, lambda: kubectl(job, *arguments, stdin=stdin))


def read(job: Job, *arguments: str) -> str:
    """What a kubectl that changes nothing prints, without its warnings. Raises PipelineError."""
    outcome = patient(job, lambda: kubectl(job, *arguments, exact=True))
    if not outcome.ok:
        raise PipelineError(f"kubectl {arguments[0]} {arguments[1]}: {outcome.said}")
    return outcome.output


def read_json(job: Job, *arguments: str) -> Any:
    """What kubectl prints as JSON, None for nothing: takes verb, kind and the rest. Raises PipelineError."""
    verb, kind, *rest = arguments
    text = read(job, verb, kind, "--output=json", *rest)
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"kubectl {arguments[0]} {arguments[1]} prints no JSON: {error}") from error


def patient(job: Job, call: Callable[[], Outcome]) -> Outcome:
    """Make a call that may be made again: anew, when the API server could not be reached and then can."""
    for _ in range(ATTEMPTS):
        outcome = call()
        if outcome.ok or not is_unreachable(outcome.output + outcome.errors):
            return outcome
        say("the cluster's API server was not reached: waiting for it")
        if not answers(job, API_WAIT_S):
            said = f"the cluster's API server does not answer (waited {API_WAIT_S} s): {outcome.said}"
            return Outcome(outcome.code, said)
    return outcome


def is_unreachable(output: str) -> bool:
    """Whether a tool's output tells of a broken way to the API server."""
    lower = output.lower()
    return any(sign in lower for sign in _UNREACHABLE)


def answers(job: Job, limit_s: float) -> bool:
    """Wait until the API server says that it is ready: while it starts, its rules for access are missing."""
    ends = time.monotonic() + limit_s
    while True:
        outcome = kubectl(job, "get", "--raw=/readyz")
        if outcome.ok or any(word in outcome.output.lower() for word in _ANSWERS):
            return True
        if time.monotonic() >= ends:
            return False
        time.sleep(1)


def write_kubeconfig(job: Job) -> None:
    """Put the cluster's credentials, plain or base64, where helm and kubectl look."""
    if job.own_kubeconfig:
        return
    value = job.secret(KUBE_CONFIG)
    with suppress(binascii.Error, ValueError):
        value = base64.b64decode("".join(value.split()), validate=True).decode()
    path = job.scratch / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(value, encoding="utf-8")


def create(job: Job, kind: str, name: str, labels: Mapping[str, str]) -> Outcome:
    """Create an object of the core API that is not more than its name; one that is there is no failure."""
    metadata = {"name": name, "labels": dict(labels)}
    manifest = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    outcome = ask(job, "create", "--filename=-", stdin=manifest)
    return Outcome(0, outcome.output) if "AlreadyExists" in outcome.output else outcome


def ensure_namespace(job: Job) -> None:
    """Create the namespace if it is known to be missing; who may not look takes it to be there."""
    namespace = job.document["namespace"]
    outcome = ask(job, "get", "namespace", "--", namespace)
    if outcome.ok:
        return
    if is_unreachable(outcome.output):
        raise PipelineError(outcome.said)
    if "NotFound" in outcome.output:
        created = create(job, "Namespace", namespace, {})
        if not created.ok:
            raise PipelineError(f"the namespace {namespace} cannot be created: {created.said}")


def gone(job: Job, kind: str, name: str, limit_s: float) -> Outcome:
    """Wait until an object is gone."""
    ends = time.monotonic() + limit_s
    while True:
        outcome = ask(job, "get", kind, "--ignore-not-found", "--output=name", "--", name)
        if not outcome.ok or not outcome.output.strip():
            return outcome
        if time.monotonic() >= ends:
            return Outcome(1, f"the {kind} {name} is still there after {limit_s:.0f} s")
        time.sleep(1)


def explain(job: Job, release: str) -> str:
    """What the cluster says of a release: its pods, why they are not ready, events, last log lines."""
    selector = f"--selector=app.kubernetes.io/instance={release}"
    logs = ("--all-containers", "--prefix", f"--tail={LOG_LINES}", "--max-log-requests=20")
    parts: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
        ("pods", lambda: kubectl(job, "get", "pods", selector, "--output=wide").output.splitlines()),
        ("why", lambda: _reasons(_items(job, "pods", selector))),
        ("events", lambda: _events(_items(job, "events"), release)),
        ("logs", lambda: kubectl(job, "logs", selector, *logs).output.splitlines()),
    )
    said = []
    for title, told in parts:
        try:
            lines = list(told())
        except (AttributeError, KeyError, TypeError) as problem:
            # An object that is not as it should be must not hide the failure that is explained.
            lines = [repr(problem)]
        said += [f"--- {title} of {release}", *(lines[-LOG_LINES:] or ["(none)"])]
    return "\n".join(said)


def _items(job: Job, *what: str) -> list[dict[str, Any]]:
    """The objects of a list, none where it cannot be had: an explanation is best effort."""
    try:
        found = json.loads(kubectl(job, "get", *what, "--output=json", exact=True).output)["items"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return []
    return [item for item in found if isinstance(item, dict)]


def _reasons(pods: list[dict[str, Any]]) -> Iterator[str]:
    """A line for every condition and container state that keeps a pod from being ready."""
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        for condition in status.get("conditions") or []:
            if condition.get("status") == "False" and condition.get("message"):
                yield f"pod {name}: {condition['type']} is false: {condition['message']}"
        containers = [
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ]
        for container in containers:
            for when, states in (("is", container.get("state")), ("was", container.get("lastState"))):
                for kind, state in (states or {}).items():
                    if kind != "running" and state.get("reason") != "Completed":
                        yield f"pod {name}: container {container['name']} {when} {kind}{_details(state)}"
                    elif kind == "running" and not container.get("ready"):
                        yield f"pod {name}: container {container['name']} runs and is not ready"


def _details(state: dict[str, Any]) -> str:
    parts = (state.get("reason"), state.get("message"))
    code = f", exit code {state['exitCode']}" if "exitCode" in state else ""
    return code + "".join(f": {part}" for part in parts if part)


def _events(events: list[dict[str, Any]], release: str) -> Iterator[str]:
    """The events of a release's objects, whose names begin with the release's, oldest first."""
    told = []
    for event in events:
        of = event.get("involvedObject") or {}
        name = str(of.get("name", ""))
        if name == release or name.startswith(f"{release}-"):
            moment = event.get("lastTimestamp") or event.get("eventTime") or ""
            what = f"{event.get('type', '')} {event.get('reason', '')} {of.get('kind', '')}/{name}"
            told.append(f"{moment} {what}: {event.get('message', '')}")
    yield from sorted(told)
