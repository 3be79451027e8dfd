"""What of a plan the Helm back end cannot express, or expresses in a way worth knowing.

Each rule takes a workload and gives limitations; docs/targets/helm.md lists
their codes. What Kubernetes would refuse only at deployment is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from compiler.plan.model import JobRun, Plan, Protocol, Rollout, ServiceType, Workload
from compiler.targets.helm import texts
from compiler.targets.helm.layout import chart_kind
from compiler.targets.helm.network import grpc_method
from compiler.targets.helm.say import say
from compiler.targets.model import Limitation

Rule = Callable[[Workload], Iterable[Limitation]]

# A StatefulSet's revision label is NAME-HASH with up to 10 characters of hash, in at most 63.
_STATEFUL_NAME = 52
# A CronJob's jobs are called NAME-TIMESTAMP (kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/).
_CRON_NAME = 52
_RELEASE_NAME = 53
_SHOWN_SERVICES = 5
_FILE_VOLUME = "stagecast-files"
_NOTHING = {"0", "0%"}
_OWN_LABELS = frozenset(("app.kubernetes.io/name", "app.kubernetes.io/instance"))


def limitations(plan: Plan) -> list[Limitation]:
    """Everything that is to be said, in the plan's order of workloads."""
    found = [
        limitation
        for workload in plan.workloads
        for rule in _rules(workload)
        for limitation in rule(workload)
    ]
    return found + list(_pod_security(plan))


def _rules(workload: Workload) -> tuple[Rule, ...]:
    if workload.type is ServiceType.TERRAFORM:
        return (_terraform,)
    if chart_kind(workload) is None:
        return (_foreign_chart, texts.numbers)
    if workload.database is not None and workload.database.managed:
        return (_managed, _labels, texts.numbers)
    return (
        _names,
        _replicas,
        _rollout,
        _ports,
        _port_numbers,
        _probes,
        _storage,
        _labels,
        texts.texts,
        texts.numbers,
    )


def _terraform(workload: Workload) -> Iterator[Limitation]:
    yield say(
        "terraform",
        "error",
        workload,
        "type",
        "Helm cannot apply a service of type terraform",
        "compile it to a target that runs pipelines, or move the service to an environment of its own",
    )


def _foreign_chart(workload: Workload) -> Iterator[Limitation]:
    for field, present in (("labels", workload.labels), ("annotations", workload.annotations)):
        if present:
            yield say(
                "foreign-chart",
                "warning",
                workload,
                field,
                f"{field} of {workload.service} are not set: its chart is not ours",
                "set them through the chart's values",
            )


def _managed(workload: Workload) -> Iterator[Limitation]:
    if workload.database is not None and not workload.database.host:
        yield say("database-host", "error", workload, "host", "a managed database needs the host that it has")
    for field, present in (
        ("files", workload.files),
        ("affinity", workload.affinity),
        ("nodeSelector", workload.node_selector),
        ("serviceAccount", workload.service_account),
        ("annotations", workload.annotations),
    ):
        if present:
            yield say(
                "managed-database",
                "warning",
                workload,
                field,
                f"{field} has no effect: a managed database has no pods",
            )


def _names(workload: Workload) -> Iterator[Limitation]:
    longest, reason = _RELEASE_NAME, "a Helm release"
    if workload.stateful:
        longest, reason = _STATEFUL_NAME, "a StatefulSet, whose pods carry it in a label"
    elif workload.job is not None and (workload.job.cron is not None or workload.job.run is JobRun.STOP):
        longest, reason = _CRON_NAME, "a CronJob, whose jobs get a suffix"
    if len(workload.release) > longest:
        yield say(
            "name-length",
            "error",
            workload,
            None,
            f"the release name `{workload.release}` has {len(workload.release)} characters, and {reason} "
            f"may have {longest}",
            "shorten the name of the service or of the environment",
        )


def _replicas(workload: Workload) -> Iterator[Limitation]:
    replicas = workload.replicas
    scaled = replicas.maximum > replicas.minimum
    if workload.database is not None and replicas.maximum > 1:
        yield say("replicas", "error", workload, "replicas", "a database in the cluster has exactly one pod")
    elif scaled and workload.volumes:
        yield say(
            "replicas",
            "warning",
            workload,
            "replicas.max",
            f"a service with storage is not scaled: {workload.service} keeps {replicas.minimum} pods",
        )
    elif scaled and replicas.minimum == 0:
        yield say(
            "replicas",
            "warning",
            workload,
            "replicas.min",
            "a HorizontalPodAutoscaler cannot scale to zero: the minimum is 1",
        )


def _rollout(workload: Workload) -> Iterator[Limitation]:
    rollout, default = workload.rollout, Rollout()
    if workload.stateful:
        asked = (rollout.strategy, rollout.max_surge, rollout.max_unavailable)
        if asked != (default.strategy, default.max_surge, default.max_unavailable):
            yield say(
                "rollout",
                "note",
                workload,
                "rollout",
                "with storage, pods are replaced one by one, the old one first, whatever `rollout` says",
            )
    elif rollout.strategy == "rolling" and {rollout.max_surge, rollout.max_unavailable} <= _NOTHING:
        yield say(
            "rollout",
            "error",
            workload,
            "rollout.maxUnavailable",
            "no pod may be added and none may be missing, so none can be replaced",
            "let `maxSurge` or `maxUnavailable` be more than zero",
        )


def _port_numbers(workload: Workload) -> Iterator[Limitation]:
    """Helm 3 patches a Service's ports by their numbers alone (kubernetes/kubernetes#39188)."""
    seen: dict[int, str] = {}
    for index, port in enumerate(workload.ports):
        other = seen.setdefault(port.external, port.name)
        if other != port.name:
            yield say(
                "port-number",
                "warning",
                workload,
                f"ports.{index}.external",
                f"the ports {other} and {port.name} have the number {port.external}: when either comes, "
                "goes or changes, Helm 3 loses one of them",
                "deploy with Helm 4, or let one have another `external`",
            )


def _ports(workload: Workload) -> Iterator[Limitation]:
    for index, port in enumerate(workload.ports):
        if port.gateway is None or not port.public:
            continue
        if port.tls_secret is not None:
            yield say(
                "gateway-tls",
                "warning",
                workload,
                f"ports.{index}.tls",
                f"the certificate of port {port.name} is not used: a Gateway's listener has its own",
                f"name the Secret in a listener of the Gateway `{port.gateway}`",
            )
        if port.protocol is Protocol.GRPC and grpc_method(port.path) is None:
            yield say(
                "grpc-path",
                "error",
                workload,
                f"ports.{index}.path",
                f"a GRPCRoute cannot match the path `{port.path}`",
                "write `/`, `/package.Service` or `/package.Service/Method`",
            )


def _probes(workload: Workload) -> Iterator[Limitation]:
    for name, probe in (("liveness", workload.liveness), ("startup", workload.startup)):
        if probe is not None and probe.success_threshold != 1:
            yield say(
                "probe-success",
                "error",
                workload,
                f"healthChecks.{name}.successThreshold",
                f"Kubernetes takes only 1 as the success threshold of a {name} probe",
            )


def _storage(workload: Workload) -> Iterator[Limitation]:
    if workload.job is not None and workload.volumes:
        yield say("job-storage", "error", workload, "storage", "a job has no storage of its own")
    if workload.database is not None and not workload.volumes:
        yield say("database-storage", "error", workload, "storage", "a database in the cluster needs storage")
    if any(volume.name == _FILE_VOLUME for volume in workload.volumes):
        yield say(
            "volume-name",
            "error",
            workload,
            "storage",
            f"`{_FILE_VOLUME}` is the chart's own volume for config files",
        )


def _labels(workload: Workload) -> Iterator[Limitation]:
    for name, _ in workload.labels:
        if name in _OWN_LABELS:
            yield say(
                "label",
                "warning",
                workload,
                f"labels.{name}",
                f"the label {name} is not taken over: the selectors of {workload.service} need their own",
            )


def _pod_security(plan: Plan) -> Iterator[Limitation]:
    """One note for the whole environment: it is a property of the namespace."""
    names = [
        workload.service
        for workload in plan.workloads
        if chart_kind(workload) is not None and workload.database is None and not workload.non_root_user
    ]
    if names:
        more = len(names) - _SHOWN_SERVICES
        shown = ", ".join(names[:_SHOWN_SERVICES]) + (f" and {more} more" if more > 0 else "")
        yield Limitation(
            "helm-pod-security",
            "note",
            None,
            "services",
            f"the namespace must allow the Pod Security level `baseline`: no user is known for {shown}",
            "end the Dockerfile with a numeric USER other than 0, or set `security.user`",
        )
