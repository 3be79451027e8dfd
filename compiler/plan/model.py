"""The plan: the one form between the spec and everything that acts on it.

Back ends and the simulator know this module and nothing above it, so it holds
all that they need, resolved and without source places. All values are plain,
frozen and ordered; equal inputs give equal plans. Sizes are whole bytes, CPU
is in thousandths of a core, times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from compiler.vocabulary import Attestation as Attestation
from compiler.vocabulary import BuildCache as BuildCache
from compiler.vocabulary import Delivery as Delivery
from compiler.vocabulary import JobRun as JobRun
from compiler.vocabulary import Literal as Literal
from compiler.vocabulary import Protocol as Protocol
from compiler.vocabulary import Resources as Resources
from compiler.vocabulary import SecretRef as SecretRef
from compiler.vocabulary import ServiceType as ServiceType
from compiler.vocabulary import Strategy as Strategy

PLAN_VERSION = "stagecast/plan/v1"


class TaskKind(StrEnum):
    """What a task does. A gate takes no time and no slot: it is a barrier."""

    CHECK = "check"
    BUILD = "build"
    MIRROR = "mirror"
    DEPLOY = "deploy"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the environment lives."""

    namespace: str
    context: str | None


@dataclass(frozen=True, slots=True)
class GitOps:
    """Where the deployed state lies in Git, and which Argo CD reads it.

    `branch` is written by CI and starts no pipeline. `repository` is the URL
    that Argo CD reads; None where the spec does not say it. `namespace` and
    `project` are Argo CD's, `server` is the cluster that it deploys to.
    """

    branch: str
    repository: str | None = None
    namespace: str = "argocd"
    project: str = "default"
    server: str = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True)
class Previews:
    """Every pull request gets an environment of its own.

    `secrets_from` is the namespace whose Secrets it gets copies of: those that
    the plan refers to, no others. None where they come by other means.
    """

    secrets_from: str | None = None


@dataclass(frozen=True, slots=True)
class Departed:
    """A service that was deployed and left the spec; `prune` says that its release is to be removed."""

    service: str
    release: str
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment stage; `services` in queue order, without the skipped ones."""

    name: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildLimits:
    """What builds may use.

    `parallelism` is what the spec asks for, `slots` what the pool can really
    hold of default-sized builds: min(parallelism, pool CPU / build CPU, pool
    memory / build memory), at least 1. `resources` is the default size.
    """

    parallelism: int
    slots: int
    resources: Resources
    timeout_s: int
    pool: Resources
    cache: BuildCache
    attestations: tuple[Attestation, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The two caps of the pipeline: builds at a time and deployments at a time."""

    build: BuildLimits
    deploy_parallelism: int


@dataclass(frozen=True, slots=True)
class Source:
    """Files of a Git repository.

    `repository` is an URL, or "." for the repository that holds the spec (then
    `context` and `dockerfile` are relative to its root and `ref` is None).
    `dockerfile` is relative to the repository's root as well; None where a
    source is not built (a chart, Terraform). `credentials` opens a private
    repository.
    """

    repository: str
    ref: str | None
    context: str
    dockerfile: str | None = None
    target: str | None = None
    platforms: tuple[str, ...] = ()
    credentials: SecretRef | None = None

    @property
    def is_local(self) -> bool:
        """Whether the files lie in the repository that holds the spec."""
        return self.repository == "."


@dataclass(frozen=True, slots=True)
class BuildSecret:
    """A secret that a build mounts (`RUN --mount=type=secret,id=ID`); never an argument."""

    id: str
    secret: SecretRef


@dataclass(frozen=True, slots=True)
class Build:
    """One image build; services with the same source and arguments share it.

    `id` is the task's id, `arguments` are (name, value) sorted by name,
    `image` is the id of the image that it makes.
    """

    id: str
    image: str
    services: tuple[str, ...]
    source: Source
    arguments: tuple[tuple[str, str], ...]
    secrets: tuple[BuildSecret, ...]
    resources: Resources
    timeout_s: int
    cache: BuildCache
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image that workloads run.

    `repository` is where deployments pull it from (without tag). A built image
    has a `build` and gets its tag at run time; a prebuilt one has the `origin`
    it was named by (a full OCI reference) and a tag, a digest or both. A lock of images gives
    every image its tag and digest.
    `mirror` is the id of the task that copies it, None when nothing is copied.
    `credentials` is the name of the Secret that pods pull with,
    `origin_credentials` of the one that the copy is made with.
    """

    id: str
    repository: str
    build: str | None = None
    origin: str | None = None
    tag: str | None = None
    digest: str | None = None
    mirror: str | None = None
    credentials: str | None = None
    origin_credentials: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: its value is its parts one after another.

    A part that is a SecretRef is resolved where the process starts, never here.
    """

    name: str
    parts: tuple[Literal | SecretRef, ...]

    @property
    def literal(self) -> str | None:
        """The whole value when no secret is in it."""
        texts = [part.text for part in self.parts if isinstance(part, Literal)]
        return "".join(texts) if len(texts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a workload; `external` is the Service's port. Hosts only on public HTTP and gRPC ports."""

    name: str
    internal: int
    external: int
    protocol: Protocol
    public: bool
    hosts: tuple[str, ...] = ()
    path: str = "/"
    tls_secret: str | None = None
    ingress_class: str | None = None
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """Storage that outlives a pod."""

    name: str
    size_bytes: int
    mount: str
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file mounted into the container: its text is written out, or a Secret's key."""

    mount: str
    content: str | SecretRef
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Probe:
    """A health check of exactly one sort.

    `kind` is "http" (uses `port`, `path`), "tcp" (`port`), "grpc" (`port`,
    `service`) or "exec" (`command`).
    """

    kind: str
    port: int | None = None
    path: str | None = None
    scheme: str | None = None
    service: str | None = None
    command: tuple[str, ...] = ()
    initial_delay_s: int = 0
    period_s: int = 10
    timeout_s: int = 5
    success_threshold: int = 1
    failure_threshold: int = 9


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many pods; a HorizontalPodAutoscaler when `maximum` > `minimum`."""

    minimum: int = 1
    maximum: int = 1
    target_cpu_percent: int = 60


@dataclass(frozen=True, slots=True)
class Rollout:
    """How pods are replaced: "rolling" (values as Kubernetes writes them) or "recreate"."""

    strategy: str = "rolling"
    max_surge: str = "25%"
    max_unavailable: str = "25%"
    grace_period_s: int = 60


@dataclass(frozen=True, slots=True)
class Cron:
    """When a cron job runs: five fields, an IANA time zone, what a late run does."""

    schedule: str
    timezone: str
    concurrency: str = "Forbid"
    history_succeeded: int = 1
    history_failed: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A lifecycle job (`run`) or a cron job (`cron`): exactly one of the two is set.

    `outputs` are keys that the job writes into the Secret `<release>-outputs`.
    """

    run: JobRun | None
    cron: Cron | None
    max_restarts: int
    max_duration_s: int
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Database:
    """A database: in the cluster (`managed` False), or an external service under `host`.

    `username` is None where the engine has none (redis). The password is the
    key `password` of `credentials`, a Secret that must exist before.
    """

    engine: str
    version: str
    managed: bool
    port: int
    name: str | None
    username: str | None
    password: SecretRef
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of a service of type helm: from a Helm repository or a Git source, never both."""

    repository: str | None
    name: str | None
    version: str | None
    source: Source | None
    values: dict[str, Any] = field(default_factory=dict)
    set_values: tuple[tuple[str, str], ...] = ()
    value_files: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terraform:
    """What a service of type terraform applies."""

    source: Source
    engine: str
    version: str
    backend: str
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class PathFilter:
    """Which changed paths start an automatic deployment: MATCH or EXCLUDE a prefix."""

    match: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """One service as it is deployed. Parts that its type does not have are None or empty.

    `release` is the Helm release's name; `image` the id of an image;
    `timeout_s` how long its deployment may take.
    """

    service: str
    type: ServiceType
    stage: str
    release: str
    timeout_s: int
    resources: Resources
    image: str | None = None
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    replicas: Replicas = Replicas()
    rollout: Rollout = Rollout()
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None
    variables: tuple[Variable, ...] = ()
    job: Job | None = None
    database: Database | None = None
    chart: Chart | None = None
    terraform: Terraform | None = None
    service_account: str | None = None
    non_root_user: int | None = None
    affinity: dict[str, Any] = field(default_factory=dict)
    node_selector: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    path_filter: PathFilter = PathFilter()
    depends_on: tuple[str, ...] = ()

    @property
    def stateful(self) -> bool:
        """Whether a pod of it keeps data of its own: then a failed installation is never rolled back."""
        return bool(self.volumes) or (self.database is not None and not self.database.managed)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of the pipeline.

    It may start when all of `needs` (task ids) are done and, unless it is a
    check or a gate, a slot of its phase is free: builds share the build slots
    and the pool, mirrors and deployments share the deployment slots. A build's
    `resources` are one atomic request to the pool. A shared build or mirror
    has several `services`. `stage` is None where a task belongs to none.
    """

    id: str
    kind: TaskKind
    services: tuple[str, ...]
    stage: str | None
    needs: tuple[str, ...]
    resources: Resources | None = None
    timeout_s: int | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the spec says of a task's duration. `p90_s` is None unless given; `fixed` means no spread.

    `median_s` is the whole build (or deployment) as a person would time it.
    """

    task: str
    median_s: float
    p90_s: float | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One step of a build and how long it takes when it runs: a lognormal by median and P90.

    `needs` are indices of earlier steps; steps that do not need each other run at the same time. `name`
    is for people ("line 7: RUN npm ci", "push"); `measured` tells that the duration is from real builds.
    """

    name: str
    needs: tuple[int, ...]
    median_s: float
    p90_s: float
    measured: bool = False


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """Which steps run (the others come from the cache), and how often that happens among `weight` builds."""

    runs: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class BuildProfile:
    """What a build takes by its Dockerfile and by how its files change.

    The time of a build is the longest path through the steps that run; one
    that does not run takes none. `steps` are in an order in which each comes
    after those that it needs, `outcomes` have a positive weight each. `builds`
    is how many builds of the repository's history they were counted in, 0
    where the shares are assumed.
    """

    task: str
    steps: tuple[BuildStep, ...]
    outcomes: tuple[BuildOutcome, ...]
    builds: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be done for one environment, and in which order.

    `tasks` stand in queue order: (stage, kind of service, name), the order in
    which free slots are given out; `needs` point to tasks anywhere in it.
    `digest` covers everything but itself, `estimates`, `profiles` and `departed`. `spec` is the entry
    file's path from the repository's root, for "generated from"; it is not in
    the digest either. `profiles` are of builds without an estimate, where a forecast asked for them.
    `gitops` is set when Argo CD deploys. `departed` are
    services of earlier plans that may still run.
    """

    environment: str
    digest: str
    spec: str
    strategy: Strategy
    delivery: Delivery
    target: Target
    stages: tuple[Stage, ...]
    limits: Limits
    builds: tuple[Build, ...]
    images: tuple[Image, ...]
    workloads: tuple[Workload, ...]
    tasks: tuple[Task, ...]
    skipped: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    gitops: GitOps | None = None
    previews: Previews | None = None
    departed: tuple[Departed, ...] = ()
    profiles: tuple[BuildProfile, ...] = ()


def task_id(kind: TaskKind, name: str) -> str:
    """The id of a task: its kind, a colon and what it is about."""
    return f"{kind.value}:{name}"
