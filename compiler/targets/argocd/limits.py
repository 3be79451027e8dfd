"""What of a plan Argo CD cannot express, or only in a way worth knowing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from compiler.plan.model import Chart, Delivery, Plan, Strategy, Workload
from compiler.targets.argocd.applications import flag
from compiler.targets.argocd.layout import application_name
from compiler.targets.argocd.steps import steps
from compiler.targets.ci.names import is_environment
from compiler.targets.model import Limitation

# etcd takes objects of 1.5 MiB; an Application has about 600 bytes in its ApplicationSet's status.
MANY_SERVICES = 2500

# The services' files are JSON, but Argo CD reads them as YAML, whose readers refuse or replace these.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
# No pattern, no variable, no scheme.
_PATH = re.compile(r"[A-Za-z0-9._/@+~ -]+")
_APPLICATION = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_NAME_LENGTH = 253
# Argo CD does what these ask for in its own way: it waits for every Application's health.
_MEANINGLESS = frozenset(
    (
        "--atomic",
        "--cleanup-on-fail",
        "--create-namespace",
        "--history-max",
        "--rollback-on-failure",
        "--timeout",
        "--wait",
        "--wait-for-jobs",
    )
)


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    yield from _whole(plan)
    if plan.strategy is Strategy.DAG:
        yield _error(
            "dag",
            None,
            "pipeline.strategy",
            "a rolling sync goes from step to step: it cannot deploy a service when its own build is done",
            "use build-first or staged, Argo Workflows or the local run",
        )
        return
    yield from _environment(plan)
    for workload in plan.workloads:
        yield from _names(plan, workload)
        if workload.chart is not None:
            yield from _own_chart(workload, workload.chart)


def _error(
    code: str, service: str | None, field: str | None, message: str, hint: str | None = None
) -> Limitation:
    return Limitation(f"argocd-{code}", "error", service, field, message, hint)


def _whole(plan: Plan) -> Iterator[Limitation]:
    if not is_environment(plan.environment):
        yield _error(
            "environment-name",
            None,
            "name",
            "the environment's name becomes a folder's name: it must have at most 100 letters, digits, dots, "
            "underscores and hyphens, and start with a letter or a digit",
        )
    if plan.delivery is not Delivery.ARGOCD:
        yield _error(
            "delivery",
            None,
            "delivery",
            f"Argo CD does not deploy this environment: its delivery is {plan.delivery.value}",
            "write `delivery: argocd` and the URL that Argo CD reads as `gitops.repository`",
        )
    elif plan.gitops is None or plan.gitops.repository is None:
        yield _error(
            "repository",
            None,
            "gitops.repository",
            "Argo CD must be told which repository it reads",
            "write the URL of this repository as Argo CD reaches it as `gitops.repository`",
        )
    texts = [("target.namespace", plan.target.namespace)]
    if plan.gitops is not None:
        said = plan.gitops
        texts += [("gitops.branch", said.branch), ("gitops.repository", said.repository or "")]
        texts += [("gitops.server", said.server), ("gitops.project", said.project)]
        texts.append(("gitops.namespace", said.namespace))
    for field, text in texts:
        yield from _text(None, field, text)
        if "{{" in text:
            yield _error("template", None, field, f"Argo CD would evaluate the `{{{{` in {text!r}")


def _environment(plan: Plan) -> Iterator[Limitation]:
    yield Limitation(
        "argocd-progressive-syncs",
        "note",
        None,
        "delivery",
        "stages are kept in order only where Argo CD's progressive syncs are enabled; where they are not, it "
        "syncs all services at once",
        "set `applicationsetcontroller.enable.progressive.syncs`; docs/targets/argocd.md says how",
    )
    rolling = steps(plan)
    counted = Counter(stage for stage, _ in rolling)
    several = [stage for stage, count in counted.items() if count > 1]
    if several:
        yield Limitation(
            "argocd-depends-on",
            "note",
            None,
            "stages",
            f"a rolling sync knows no order inside a step: services of {', '.join(several)} that depend on "
            "others of their stage come in further steps",
        )
    if any(len(services) > plan.limits.deploy_parallelism for _, services in rolling):
        yield Limitation(
            "argocd-failure",
            "note",
            None,
            "pipeline.deploy.parallelism",
            "when a service does not become healthy, Argo CD still syncs the others of its step; only later "
            "steps do not begin",
        )
    if len(plan.workloads) > MANY_SERVICES:
        yield Limitation(
            "argocd-many-services",
            "warning",
            None,
            "services",
            f"{len(plan.workloads)} services: the status of one ApplicationSet may outgrow the 1.5 MiB that "
            "Kubernetes keeps of an object",
            "split the environment, or set `applicationsetcontroller.status.max.resources.count` to 0",
        )
    if plan.previews is not None:
        yield Limitation(
            "argocd-previews",
            "note",
            None,
            "previews",
            "Argo CD makes no preview environments here: a pipeline does, with credentials of its own",
        )


def _names(plan: Plan, workload: Workload) -> Iterator[Limitation]:
    name = application_name(plan.environment, workload.service)
    if not _APPLICATION.fullmatch(name) or len(name) > _NAME_LENGTH:
        yield _error(
            "name",
            workload.service,
            None,
            f"an Application cannot be named {name!r}: lower-case letters, digits, `-` and `.` only",
        )


def _own_chart(workload: Workload, chart: Chart) -> Iterator[Limitation]:
    service = workload.service
    texts = [("repository", chart.repository), ("name", chart.name), ("version", chart.version)]
    if chart.source is not None:
        texts += [("repository", chart.source.repository), ("ref", chart.source.ref)]
    for field, text in texts:
        yield from _text(service, f"chart.{field}", text or "")
    for name, text in chart.set_values:
        yield from _text(service, f"set.{name}", f"{name}{text}")
    for path in chart.value_files:
        yield from _path(service, "valueFiles", path)
    if chart.source is not None:
        yield from _path(service, "chart", chart.source.context or ".")
    for argument in chart.arguments:
        yield from _argument(service, argument)
    if chart.source is None and chart.version is None:
        yield Limitation(
            "argocd-version",
            "warning",
            service,
            "chart",
            "without a version Argo CD takes the newest chart whenever it looks, also between deployments",
            "write a version",
        )
    if chart.source is not None and chart.source.credentials is not None:
        yield Limitation(
            "argocd-credentials",
            "note",
            service,
            "chart",
            f"Argo CD must be given credentials for {chart.source.repository} as a repository of its own",
        )


def _argument(service: str, argument: str) -> Iterator[Limitation]:
    if flag(argument) is not None:
        return
    if argument.partition("=")[0] in _MEANINGLESS:
        yield Limitation(
            "argocd-argument",
            "warning",
            service,
            "arguments",
            f"{argument!r} has no effect: Argo CD does not install with helm, and waits for health itself",
        )
    else:
        yield _error(
            "argument", service, "arguments", f"Argo CD has no counterpart of helm's argument {argument!r}"
        )


def _path(service: str, field: str, path: str) -> Iterator[Limitation]:
    if not _PATH.fullmatch(path):
        message = f"Argo CD does not take {path!r} for a path: letters, digits, spaces and ._/@+~- only"
        yield _error("path", service, field, message)


def _text(service: str | None, field: str, text: str) -> Iterator[Limitation]:
    found = _NOT_YAML.search(text)
    if found is not None or "\0" in text:
        character = found[0] if found is not None else "\0"
        message = f"the text holds the character U+{ord(character):04X}, which Argo CD cannot be given"
        yield _error("character", service, field, message)
