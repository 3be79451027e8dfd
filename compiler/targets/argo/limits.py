"""What of a plan the workflow cannot express, or expresses in a way worth knowing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.emit import json
from compiler.plan.model import (
    BuildCache,
    Delivery,
    Plan,
    ServiceType,
    Strategy,
)
from compiler.targets.argo import names
from compiler.targets.argo.pods import assign, by_service_account, secret_refs
from compiler.targets.argo.units import GRAPH_TASKS, TEMPLATES, batched, caps, phases
from compiler.targets.argo.workflow import workflow_template
from compiler.targets.ci.document import document
from compiler.targets.ci.jobs import groups, rollouts
from compiler.targets.model import Limitation

# Argo refuses what is above 1 MiB after compression (MAX_WORKFLOW_SIZE); the rest is for metadata.
WORKFLOW_BYTES = 1_000_000
# What one build's tag takes: compressed, as base64, in the status of the check and of the workflow.
_TAG_BYTES = 2 * 27
# What the status of one pod takes, compressed.
_NODE_BYTES = 130

# A task of a graph, a template and a secret of it take less: what cannot be too much is not measured.
_MOST_TASK_BYTES = 400
_MOST_TEMPLATE_BYTES = 4000
_MOST_SECRET_BYTES = 400
# The entrypoint, the check and what comes last.
_OTHER_TEMPLATES = 3

# Kubernetes' rules for the name of a Secret and for its keys.
_SECRET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NATIVE = ("linux/amd64", "linux/arm64")


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest."""
    stopped = False
    for problem in _names(plan):
        stopped = True
        yield problem
    # The scripts refuse Terraform by themselves: there is no workflow whose size could be told.
    if not stopped and all(workload.type is not ServiceType.TERRAFORM for workload in plan.workloads):
        yield from _size(plan)
    yield from _parallelism(plan)
    yield from _builds(plan)
    yield from _deployments(plan)


def _names(plan: Plan) -> Iterator[Limitation]:
    if not names.is_name(plan.environment):
        yield Limitation(
            "argo-name",
            "error",
            None,
            "name",
            "the environment's name becomes part of the names of Kubernetes objects: it must have at most 47 "
            "lower case letters, digits and hyphens, and start and end with a letter or a digit",
        )
    if not _LABEL.fullmatch(plan.target.namespace):
        yield Limitation(
            "argo-namespace",
            "error",
            None,
            "target.namespace",
            f"{plan.target.namespace!r} is no name of a namespace, and roles are made for it",
        )
    if not names.is_name(plan.environment):
        return
    for secret in dict.fromkeys(secret_refs(plan).values()):
        if not (_SECRET.fullmatch(secret.name) and _KEY.fullmatch(secret.key)):
            yield Limitation(
                "argo-secret-name",
                "error",
                None,
                None,
                f"no Secret of Kubernetes can have the name {secret.name!r} and the key {secret.key!r}",
            )


def _size(plan: Plan) -> Iterator[Limitation]:
    data = document(plan, groups(plan), rollouts(plan))
    try:
        found = phases(plan, data)
    except ValueError as problem:
        yield Limitation("argo-order", "error", None, None, str(problem))
        return
    pods = sum(len(phase.units) for phase in found)
    stored = _TAG_BYTES * len(plan.builds) + _NODE_BYTES * pods
    kinds = set(assign(plan, data, found).values())
    secrets = len(data["secrets"]) + sum(len(template.secrets) for template in kinds)
    most = _MOST_TASK_BYTES * pods + _MOST_TEMPLATE_BYTES * len(kinds) + _MOST_SECRET_BYTES * secrets
    if stored + most > WORKFLOW_BYTES:
        stored += len(json.canonical(workflow_template(plan, data, found)))
    if stored > WORKFLOW_BYTES:
        yield _too_large(
            f"Argo keeps at most 1 MiB of a workflow, and this one comes to {stored // 1000} kB: "
            f"{len(plan.builds)} builds and {pods} pods are too many"
        )
    templates = len(found) + len(kinds) + _OTHER_TEMPLATES
    if templates > TEMPLATES:
        yield _too_large(
            f"Argo takes at most {TEMPLATES} templates, and this workflow would have {templates}"
        )
    if any("-part-" in phase.name for phase in found):
        yield Limitation(
            "argo-parts",
            "note",
            None,
            None,
            f"a graph has at most {GRAPH_TASKS} tasks: what would be more is split into graphs, and each "
            "begins when the one before has ended",
        )


def _too_large(message: str) -> Limitation:
    hint = "split the environment, or use fewer stages, sizes and distinct sets of secrets"
    return Limitation("argo-too-large", "error", None, None, message, hint)


def _parallelism(plan: Plan) -> Iterator[Limitation]:
    if batched(plan):
        yield Limitation(
            "argo-batches",
            "note",
            None,
            None,
            "a workflow cannot hold a pod for every task of so many: some pods do several, builds one after "
            "another, deployments at most as many at a time as the plan says",
        )
    wanted = min(plan.limits.build.slots, len(plan.builds))
    fits = caps(plan).builds
    if plan.builds and fits < wanted:
        yield Limitation(
            "argo-build-slots",
            "note",
            None,
            "pipeline.build.pool",
            f"a workflow has a fixed number of slots, and the {fits + 1} largest builds together do not fit "
            f"into the pool: at most {fits} of {wanted} builds run at once",
        )
    if plan.strategy is not Strategy.DAG and len(plan.builds) > 1:
        yield Limitation(
            "argo-running-builds",
            "note",
            None,
            None,
            "after a failed build no other starts, but those that run go on to their end: Argo does not stop "
            "them, and what they push is kept for the next run",
        )


def _builds(plan: Plan) -> Iterator[Limitation]:
    for build in plan.builds:
        service = build.services[0] if build.services else None
        if build.cache is BuildCache.PERSISTENT:
            yield Limitation(
                "argo-persistent-cache",
                "warning",
                service,
                "pipeline.build.cache",
                "every build has a fresh pod, so there is no persistent cache: it is the registry cache",
            )
        if len(build.source.platforms) > 1 or any(name not in _NATIVE for name in build.source.platforms):
            yield Limitation(
                "argo-platform",
                "warning",
                service,
                "source.platforms",
                "what is not the node's own platform is emulated by BuildKit, slowly, unless the Dockerfile "
                "cross-compiles",
            )


def _deployments(plan: Plan) -> Iterator[Limitation]:
    if plan.previews is not None:
        yield Limitation(
            "argo-previews",
            "note",
            None,
            "previews",
            "no workflow is started for a pull request: use github or gitlab for previews",
        )
    if plan.delivery is not Delivery.HELM or not by_service_account(plan):
        return
    for workload in plan.workloads:
        if workload.type is ServiceType.HELM:
            yield Limitation(
                "argo-own-chart",
                "note",
                workload.service,
                "chart",
                f"the role {names.deploy_account(plan.environment)} covers what our charts make: add what "
                "this service's own chart makes besides",
            )
