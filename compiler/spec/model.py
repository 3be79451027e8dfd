"""The environment spec, `stagecast/v1beta1`, as typed records.

This module is the source of schemas/environment.schema.json: every member
carries its shape, its description and its default. Values are those of the
file; what depends on other parts (default stages, interpolation, default
names) is resolved later. Every record keeps the node it was read from, so that
each mention of a name still knows its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.document.node import Node
from compiler.spec.shape import (
    ByType,
    Choice,
    Constraint,
    Exactly,
    Flag,
    FreeMapping,
    Integer,
    Keyword,
    ListOf,
    MapOf,
    Parsed,
    PlainText,
    Record,
    Tagged,
    Text,
    member,
)
from compiler.values import names, quantities
from compiler.vocabulary import (
    Attestation,
    BuildCache,
    DatabaseMode,
    Delivery,
    JobRun,
    Protocol,
    RegistryScope,
    RolloutStrategy,
    ServiceType,
    Strategy,
    TerraformBackend,
    TerraformEngine,
)

API_VERSION = "stagecast/v1beta1"
KIND = "Environment"
DEFAULT_STAGES = ("database", "job", "container", "application")

MEMORY = Parsed(
    "stagecast-memory",
    quantities.MEMORY_PATTERN,
    quantities.parse_memory,
    ("integer", quantities.MEMORY_MINIMUM, quantities.MEMORY_MAXIMUM),
)
STORAGE = Parsed(
    "stagecast-storage",
    quantities.STORAGE_PATTERN,
    quantities.parse_storage,
    ("integer", quantities.STORAGE_MINIMUM, quantities.STORAGE_MAXIMUM),
)
CPU = Parsed(
    "stagecast-cpu",
    quantities.CPU_PATTERN,
    quantities.parse_cpu,
    ("number", quantities.CPU_MINIMUM, quantities.CPU_MAXIMUM),
)
POOL_CPU = Parsed(
    "stagecast-pool-cpu",
    quantities.POOL_CPU_PATTERN,
    quantities.parse_pool_cpu,
    ("number", quantities.CPU_MINIMUM, quantities.POOL_CPU_MAXIMUM),
)
DURATION = Parsed("stagecast-duration", quantities.DURATION_PATTERN, quantities.parse_duration)
POSITIVE_DURATION = Parsed(
    "stagecast-positive-duration", quantities.POSITIVE_DURATION_PATTERN, quantities.parse_positive_duration
)
PODS = Parsed(
    "stagecast-count-or-percent",
    quantities.COUNT_OR_PERCENT_PATTERN,
    quantities.parse_count_or_percent,
    ("integer", 0, quantities.COUNT_MAXIMUM),
)
NAME = Text(min_length=1, max_length=253)
OBJECT_NAME = Text(
    min_length=1,
    max_length=names.SUBDOMAIN_MAX,
    pattern=names.SUBDOMAIN_PATTERN,
    wanted="lower-case letters, digits, hyphens and dots, as Kubernetes has names",
)
VOLUME_NAME = Text(
    min_length=1,
    max_length=names.DNS_LABEL_MAX,
    pattern=names.DNS_LABEL_PATTERN,
    wanted="lower-case letters, digits and hyphens",
)
# Kubernetes, pkg/apis/core/validation: IsValidPortName.
PORT_NAME = Text(
    min_length=1,
    max_length=15,
    pattern=r"^(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$",
    wanted="lower-case letters, digits and single hyphens, with at least one letter",
)
KEY_NAME = Text(
    min_length=1,
    max_length=253,
    pattern=r"^[A-Za-z0-9._-]+$",
    wanted="letters, digits, hyphens, dots and underscores",
)
# A Secret or ConfigMap holds at most 1 MiB (kubernetes.io/docs/concepts/configuration/secret).
FILE_TEXT = Text(max_length=1_000_000)
WORD = Text(min_length=1)
# git check-ref-format, without the characters that shells and YAML know.
BRANCH = Text(
    min_length=1,
    max_length=200,
    pattern=r"^(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)))[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?$",
    wanted="the name of a Git branch of letters, digits, `.`, `_`, `/` and `-`",
)
GIT_URL = Text(
    min_length=1,
    max_length=2048,
    pattern=r"^(?:https://[^\s@?#]+|ssh://[^\s?#]+|git@[^\s?#]+)$",
    wanted="an https, ssh or git@ address without a password",
)
PATH = Text(
    min_length=1, max_length=4096, pattern=r"^[^\x00]+$", wanted="a path without the character U+0000"
)
TEXT = Text()
PORT_NUMBER = Integer(1, 65535)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Secret:
    """A key of a Kubernetes Secret. Its value never stands in a spec."""

    at: Node
    name: str = member(
        OBJECT_NAME, "Name of the Secret, in the environment's namespace.", examples=("shop-api",)
    )
    key: str = member(KEY_NAME, "Key in the Secret.", examples=("token",))


SECRET = Record(Secret)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InlineFile:
    """A file that the variable points at: the file is mounted, the variable's value is its path."""

    at: Node
    mount: str = member(PATH, "Absolute path of the file in the container.", examples=("/etc/app/app.ini",))
    content: str = member(
        FILE_TEXT, "The file's text. `{{NAME}}` is not replaced in it.", examples=("level = info",)
    )


INLINE_FILE = Record(InlineFile)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VariableSource:
    """A variable that is not plain text: a secret, another name for a variable, or a file."""

    at: Node
    secret: Secret | None = member(
        SECRET, "Take the value from a Secret, where the process starts.", default=None
    )
    alias: str | None = member(
        WORD, "Take the value of another variable.", default=None, examples=("POSTGRES_HOST",)
    )
    file: InlineFile | None = member(INLINE_FILE, "Mount a file; the value is its path.", default=None)
    value: str | None = member(
        PlainText(), "Plain text, the long way to write it.", default=None, examples=("info",)
    )


VARIABLE_SOURCE = Record(VariableSource, Constraint(("secret", "alias", "file", "value"), required=True))
VARIABLE = ByType(PlainText(), VARIABLE_SOURCE)
Variables = dict[str, "str | VariableSource"]
VARIABLES = MapOf(VARIABLE)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeployTarget:
    """Where the environment is deployed."""

    at: Node
    namespace: str | None = member(
        NAME, "Kubernetes namespace. Default: the environment's name.", default=None, examples=("shop",)
    )
    context: str | None = member(
        NAME, "Context of the kubeconfig. Default: the current one.", default=None, examples=("prod-eu",)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GitOpsSettings:
    """Where the deployed state lies in Git, for `delivery: argocd`."""

    at: Node
    repository: str | None = member(
        GIT_URL,
        "Address of this repository as Argo CD reads it.",
        default=None,
        examples=("https://git.example.com/shop/shop.git",),
    )
    branch: str | None = member(
        BRANCH,
        "Branch that CI writes charts, values and digests to. Default: `stagecast/<name>`.",
        default=None,
        examples=("stagecast/production",),
    )
    namespace: str = member(OBJECT_NAME, "Namespace that Argo CD runs in.", default="argocd")
    project: str = member(OBJECT_NAME, "Argo CD's project.", default="default")
    server: str = member(
        GIT_URL, "Cluster that Argo CD deploys to.", default="https://kubernetes.default.svc"
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PreviewSettings:
    """An environment for every pull request, removed when it is closed."""

    at: Node
    secrets_from: str | None = member(
        OBJECT_NAME,
        "Namespace whose Secrets every preview gets copies of. Its values are readable by whoever opens "
        "a pull request: never the production's.",
        default=None,
        examples=("shop-preview-secrets",),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Registry:
    """The mirroring registry: built images are pushed to it, prebuilt ones copied, and all pulled from it."""

    at: Node
    mirror: str | None = member(
        WORD,
        "Registry and path that every image of the environment lives under.",
        default=None,
        examples=("registry.example.com/shop",),
    )
    scope: RegistryScope = member(
        Choice(
            RegistryScope,
            {
                "service": "A repository per service.",
                "cluster": "A repository per image, so that environments share copies.",
            },
        ),
        "What has a repository of its own under the mirror.",
        default=RegistryScope.SERVICE,
    )
    pull_secret: str | None = member(
        OBJECT_NAME, "Name of the Secret that pods pull with.", default=None, examples=("registry-pull",)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pool:
    """What all running builds together may use."""

    at: Node
    cpu: int | None = member(
        POOL_CPU, "CPU of the pool. Default: parallelism x cpu.", default=None, examples=(28,)
    )
    memory: int | None = member(
        MEMORY, "Memory of the pool. Default: parallelism x memory.", default=None, examples=("28GB",)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildPipeline:
    """How images are built."""

    at: Node
    parallelism: int = member(Integer(1, 10_000), "Builds at a time.", default=7)
    cpu: int = member(CPU, "CPU of one build, requested and limited.", default=4000, shown_default=4)
    memory: int = member(
        MEMORY, "Memory of one build, requested and limited.", default=4_000_000_000, shown_default="4GB"
    )
    timeout: float = member(
        POSITIVE_DURATION, "A build that takes longer fails.", default=1800.0, shown_default="30m"
    )
    pool: Pool | None = member(Record(Pool), "What all running builds together may use.", default=None)
    attestations: tuple[Attestation, ...] = member(
        ListOf(
            Choice(
                Attestation,
                {
                    "sbom": "What is in the image (SPDX).",
                    "provenance": "How the image was built (SLSA, mode max).",
                },
            )
        ),
        "What is stored about every image beside it.",
        default=(),
        examples=(["sbom", "provenance"],),
    )
    cache: BuildCache = member(
        Choice(
            BuildCache,
            {
                "registry": "The layers of the last build of the image, from the registry.",
                "persistent": "A builder that keeps the layers of all builds.",
                "none": "Every build starts cold.",
            },
        ),
        "Where a build finds the layers of earlier ones.",
        default=BuildCache.REGISTRY,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeployPipeline:
    """How services are deployed."""

    at: Node
    parallelism: int = member(Integer(1, 10_000), "Deployments at a time.", default=7)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pipeline:
    """The order of the work and its limits."""

    at: Node
    strategy: Strategy = member(
        Choice(
            Strategy,
            {
                "build-first": "All builds of the environment, then stage after stage of deployments.",
                "staged": "Per stage all its builds, then all its deployments.",
                "dag": "No barriers: a deployment waits for its own build and for what it depends on.",
            },
        ),
        "What waits for what.",
        default=Strategy.BUILD_FIRST,
    )
    build: BuildPipeline | None = member(Record(BuildPipeline), "How images are built.", default=None)
    deploy: DeployPipeline | None = member(Record(DeployPipeline), "How services are deployed.", default=None)


PIPELINE = Record(Pipeline)

SERVICE_TYPE = Choice(
    ServiceType,
    {
        "application": "Built from Git.",
        "container": "A prebuilt image.",
        "database": "A database, in the cluster or managed elsewhere.",
        "job": "Runs to its end: when the environment starts, stops or is deleted, or on a schedule.",
        "helm": "Brings its own Helm chart.",
        "terraform": "A configuration that Terraform or OpenTofu applies.",
    },
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StageDeclaration:
    """A deployment stage with a name of its own."""

    at: Node
    name: str = member(NAME, "Name of the stage; upper and lower case are the same.", examples=("data",))
    default_for: tuple[ServiceType, ...] = member(
        ListOf(SERVICE_TYPE),
        "Types of services that go into this stage unless they say otherwise.",
        default=(),
        examples=(["database"],),
    )
    description: str = member(TEXT, "What the stage is for.", default="")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GitSource:
    """Files of a Git repository."""

    at: Node
    repository: str = member(
        WORD,
        "URL of the repository, or a path relative to this file for the repository that the spec lies in.",
        examples=("https://github.com/acme/shop", "."),
    )
    ref: str | None = member(
        WORD, "Branch, tag or commit. Default: the default branch.", default=None, examples=("main", "v1.4.2")
    )
    context: str = member(PATH, "Folder that the build sees, from the repository.", default=".")
    dockerfile: str = member(PATH, "Dockerfile, from the context.", default="Dockerfile")
    target: str | None = member(
        WORD, "Stage of the Dockerfile to build. Default: the last.", default=None, examples=("run",)
    )
    args: dict[str, str] | None = member(
        MapOf(PlainText()), "Build arguments. `{{NAME}}` is replaced; a secret is not allowed.", default=None
    )
    platforms: tuple[str, ...] | None = member(
        ListOf(WORD, min_items=1), "Platforms to build for.", default=None, examples=(["linux/amd64"],)
    )
    credentials: Secret | None = member(SECRET, "Token that opens a private repository.", default=None)


GIT_SOURCE = Record(GitSource)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FileSource:
    """Files of a Git repository that are used as they are."""

    at: Node
    repository: str = member(
        WORD,
        "URL of the repository, or a path relative to this file.",
        examples=("https://github.com/acme/infrastructure", "."),
    )
    ref: str | None = member(
        WORD, "Branch, tag or commit. Default: the default branch.", default=None, examples=("main", "v1.4.2")
    )
    path: str = member(PATH, "Folder in the repository.", default=".")
    credentials: Secret | None = member(SECRET, "Token that opens a private repository.", default=None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildSecretMount:
    """A secret that the Dockerfile mounts with `RUN --mount=type=secret,id=ID`."""

    at: Node
    id: str = member(KEY_NAME, "The id that the Dockerfile names.", examples=("npm-token",))
    secret: Secret = member(SECRET, "Where the value is.")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildSettings:
    """What this service's build needs, instead of the pipeline's defaults."""

    at: Node
    cpu: int | None = member(CPU, "CPU of the build.", default=None, examples=(2,))
    memory: int | None = member(MEMORY, "Memory of the build.", default=None, examples=("8GB",))
    timeout: float | None = member(
        POSITIVE_DURATION, "The build fails after this time.", default=None, examples=("45m",)
    )
    secrets: tuple[BuildSecretMount, ...] = member(
        ListOf(Record(BuildSecretMount)),
        "Secrets that the build mounts; they leave no trace in the image.",
        default=(),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Distribution:
    """A duration with a spread, or without any."""

    at: Node
    median: float | None = member(
        POSITIVE_DURATION, "Half of the runs take less.", default=None, examples=("3m",)
    )
    p90: float | None = member(
        POSITIVE_DURATION, "Nine of ten runs take less.", default=None, examples=("5m",)
    )
    fixed: float | None = member(DURATION, "Every run takes exactly this.", default=None, examples=("3m",))


DISTRIBUTION = Record(
    Distribution,
    Constraint(("median", "fixed"), required=True),
    Constraint(("p90", "fixed"), required=False),
)
DURATION_ESTIMATE = ByType(POSITIVE_DURATION, DISTRIBUTION)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimates:
    """How long it takes, for the forecast. Not part of the plan's digest."""

    at: Node
    build: float | Distribution | None = member(
        DURATION_ESTIMATE, "Clone, build and push together.", default=None, examples=("180s",)
    )
    deploy: float | Distribution | None = member(
        DURATION_ESTIMATE, "From Helm's start to ready, pull included.", default=None, examples=("40s",)
    )


ESTIMATES = Record(Estimates)

SCHEME = Keyword({"HTTP": "Plain HTTP.", "HTTPS": "HTTP over TLS; the certificate is not checked."})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HttpProbe:
    """An HTTP GET that answers 200 to 399."""

    at: Node
    port: int = member(PORT_NUMBER, "Port in the container.", examples=(8080,))
    path: str = member(PATH, "Path to get.", default="/")
    scheme: str = member(SCHEME, "What the request speaks.", default="HTTP")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TcpProbe:
    """A TCP connection that opens."""

    at: Node
    port: int = member(PORT_NUMBER, "Port in the container.", examples=(5432,))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GrpcProbe:
    """gRPC's health protocol answers SERVING."""

    at: Node
    port: int = member(PORT_NUMBER, "Port in the container.", examples=(50051,))
    service: str | None = member(WORD, "Name of the gRPC service.", default=None, examples=("shop.Cart",))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExecProbe:
    """A command in the container that exits with 0."""

    at: Node
    command: tuple[str, ...] = member(
        ListOf(TEXT, min_items=1), "The command, a word an item.", examples=(["pg_isready", "-q"],)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProbeDeclaration:
    """A health check, of exactly one of the sorts http, tcp, grpc and exec."""

    at: Node
    http: HttpProbe | None = member(Record(HttpProbe), "An HTTP GET that answers 200 to 399.", default=None)
    tcp: TcpProbe | None = member(Record(TcpProbe), "A TCP connection that opens.", default=None)
    grpc: GrpcProbe | None = member(
        Record(GrpcProbe), "gRPC's health protocol answers SERVING.", default=None
    )
    exec: ExecProbe | None = member(Record(ExecProbe), "A command that exits with 0.", default=None)
    initial_delay: float | None = member(
        DURATION,
        "Time before the first check. Default: none; before a liveness check a startup check has 30s.",
        default=None,
        examples=("30s",),
    )
    period: float = member(POSITIVE_DURATION, "Time between checks.", default=10.0, shown_default="10s")
    timeout: float = member(
        POSITIVE_DURATION, "A check that takes longer fails.", default=5.0, shown_default="5s"
    )
    success_threshold: int = member(Integer(1, 1000), "Checks in a row that make it healthy.", default=1)
    failure_threshold: int = member(Integer(1, 1000), "Failures in a row that make it unhealthy.", default=9)


PROBE = Record(ProbeDeclaration, Constraint(("http", "tcp", "grpc", "exec"), required=True))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HealthChecks:
    """How Kubernetes knows that a pod works. There is no liveness check unless one is given."""

    at: Node
    readiness: ProbeDeclaration | None = member(PROBE, "Traffic comes only while it succeeds.", default=None)
    liveness: ProbeDeclaration | None = member(PROBE, "The container restarts when it fails.", default=None)
    startup: ProbeDeclaration | None = member(PROBE, "The others wait until it succeeds once.", default=None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tls:
    """The certificate of a public port."""

    at: Node
    secret: str = member(OBJECT_NAME, "Name of the Secret of type kubernetes.io/tls.", examples=("shop-tls",))


PROTOCOL = Choice(
    Protocol,
    {
        "HTTP": "HTTP/1.1; may be public.",
        "GRPC": "gRPC, over HTTP/2; may be public.",
        "TCP": "Any other stream.",
        "UDP": "Datagrams.",
    },
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PortDeclaration:
    """A port that the service listens on."""

    at: Node
    internal: int = member(PORT_NUMBER, "Port in the container.", examples=(8080,))
    external: int | None = member(
        PORT_NUMBER, "Port of the Service. Default: the internal one.", default=None, examples=(80,)
    )
    protocol: Protocol = member(PROTOCOL, "What the port speaks.", default=Protocol.HTTP)
    public: bool = member(Flag(), "Whether it can be reached from outside the cluster.", default=False)
    name: str | None = member(PORT_NAME, "Name of the port.", default=None, examples=("admin",))
    hosts: tuple[str, ...] = member(
        ListOf(WORD),
        "Host names of a public HTTP or gRPC port.",
        default=(),
        examples=(["shop.example.com"],),
    )
    path: str = member(PATH, "Path prefix under the hosts.", default="/")
    tls: Tls | None = member(Record(Tls), "Certificate for the hosts.", default=None)
    ingress_class: str | None = member(
        OBJECT_NAME, "Class of the Ingress.", default=None, examples=("nginx",)
    )
    gateway: str | None = member(
        OBJECT_NAME,
        "Name of a Gateway: the port gets a Gateway API route instead of an Ingress.",
        default=None,
        examples=("public",),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VolumeDeclaration:
    """Storage that outlives a pod."""

    at: Node
    name: str | None = member(
        VOLUME_NAME, "Name of the volume. Default: `data`, `data-2`, ...", default=None, examples=("uploads",)
    )
    size: int = member(STORAGE, "Size of the volume.", examples=("10Gi",))
    mount: str = member(PATH, "Absolute path in the container.", examples=("/var/lib/app",))
    storage_class: str | None = member(
        OBJECT_NAME, "Storage class. Default: the cluster's.", default=None, key="class", examples=("fast",)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FileDeclaration:
    """A config file in the container, from text or from a Secret."""

    at: Node
    mount: str = member(PATH, "Absolute path of the file in the container.", examples=("/etc/app/app.ini",))
    content: str | None = member(
        FILE_TEXT, "The file's text, as it is.", default=None, examples=("level = info",)
    )
    secret: Secret | None = member(SECRET, "Take the text from a Secret.", default=None)
    executable: bool = member(Flag(), "Whether the file may be executed.", default=False)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReplicaRange:
    """How many pods: a number, or a range that CPU use moves in."""

    at: Node
    min: int = member(Integer(0, 10_000), "At least this many pods.", default=1)
    max: int | None = member(
        Integer(1, 10_000), "At most this many pods. Default: min.", default=None, examples=(5,)
    )
    target_cpu: int = member(Integer(1, 100), "CPU use in per cent that the autoscaler aims at.", default=60)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RolloutSettings:
    """How pods are replaced."""

    at: Node
    strategy: RolloutStrategy = member(
        Choice(
            RolloutStrategy,
            {
                "rolling": "New pods come before old ones go.",
                "recreate": "All old pods go before new ones come.",
            },
        ),
        "In which order pods are replaced.",
        default=RolloutStrategy.ROLLING,
    )
    max_surge: str = member(PODS, "Pods above the wanted number.", default="25%")
    max_unavailable: str = member(PODS, "Pods below the wanted number.", default="25%")
    grace_period: float = member(
        DURATION, "Time that a pod has to end by itself.", default=60.0, shown_default="60s"
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PathFilterSettings:
    """Which changed files start an automatic deployment."""

    at: Node
    match: tuple[str, ...] = member(
        ListOf(PATH), "Path prefixes that count.", default=(), examples=(["web/"],)
    )
    exclude: tuple[str, ...] = member(
        ListOf(PATH), "Path prefixes that do not count.", default=(), examples=(["web/docs/"],)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Security:
    """What the container may do."""

    at: Node
    user: int | None = member(
        Integer(1, 2_147_483_647),
        "User id that the container runs as. Default: the image's USER when it is a number.",
        default=None,
        examples=(1000,),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Service:
    """What every service has."""

    at: Node
    type: ServiceType = member(SERVICE_TYPE, "What the service is; decides which other fields it has.")
    stage: str | None = member(
        NAME, "Stage that deploys it. Default: the stage for its type.", default=None, examples=("database",)
    )
    skip: bool = member(
        Flag(), "Leave it out of a deployment of the environment; it is still deleted with it.", default=False
    )
    depends_on: tuple[str, ...] = member(
        ListOf(WORD), "Services that are deployed before this one.", default=(), examples=(["postgres"],)
    )
    labels: dict[str, str] | None = member(MapOf(PlainText()), "Labels of its objects.", default=None)
    annotations: dict[str, str] | None = member(MapOf(PlainText()), "Annotations of its pods.", default=None)
    estimates: Estimates | None = member(ESTIMATES, "How long it takes, for the forecast.", default=None)
    path_filter: PathFilterSettings | None = member(
        Record(PathFilterSettings), "Which changed files start an automatic deployment.", default=None
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RunningService(Service):
    """What every service has that runs a container of ours."""

    cpu: int = member(CPU, "CPU of a pod, requested and limited.", default=500, shown_default="500m")
    memory: int = member(
        MEMORY, "Memory of a pod, requested and limited.", default=512_000_000, shown_default="512MB"
    )
    variables: Variables | None = member(
        VARIABLES, "Environment variables of this service; they override the environment's.", default=None
    )
    files: tuple[FileDeclaration, ...] = member(
        ListOf(Record(FileDeclaration, Constraint(("content", "secret"), required=True))),
        "Config files in the container.",
        default=(),
    )
    service_account: str | None = member(
        OBJECT_NAME, "Service account of the pods.", default=None, examples=("web",)
    )
    affinity: dict[str, Any] | None = member(
        FreeMapping(), "Affinity of the pods, as Kubernetes has it.", default=None
    )
    node_selector: dict[str, str] | None = member(
        MapOf(PlainText()), "Labels that a node must have.", default=None
    )
    security: Security | None = member(Record(Security), "What the container may do.", default=None)
    values: dict[str, Any] | None = member(
        FreeMapping(), "A patch that is merged over the values of the chart.", default=None
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Commanded(RunningService):
    """What every service has whose process the spec can choose."""

    entrypoint: tuple[str, ...] = member(
        ListOf(TEXT), "Replaces the image's ENTRYPOINT, a word an item.", default=(), examples=(["/bin/app"],)
    )
    arguments: tuple[str, ...] = member(
        ListOf(TEXT),
        "Replaces the image's CMD, a word an item.",
        default=(),
        examples=(["serve", "--verbose"],),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Serving(Commanded):
    """What a service has that stays up: ports, pods, storage, checks."""

    replicas: int | ReplicaRange | None = member(
        ByType(Integer(0, 10_000), Record(ReplicaRange)), "How many pods.", default=None, shown_default=1
    )
    ports: tuple[PortDeclaration, ...] = member(
        ListOf(Record(PortDeclaration)), "Ports that it listens on.", default=()
    )
    storage: tuple[VolumeDeclaration, ...] = member(
        ListOf(Record(VolumeDeclaration)), "Storage that outlives a pod.", default=()
    )
    health_checks: HealthChecks | None = member(
        Record(HealthChecks), "How Kubernetes knows that a pod works.", default=None
    )
    rollout: RolloutSettings | None = member(Record(RolloutSettings), "How pods are replaced.", default=None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Application(Serving):
    """A service that is built from Git."""

    source: GitSource = member(GIT_SOURCE, "What it is built from.")
    build: BuildSettings | None = member(Record(BuildSettings), "What its build needs.", default=None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Container(Serving):
    """A service that runs a prebuilt image."""

    image: str = member(
        WORD,
        "Image, as one reference; a digest is allowed.",
        examples=("redis:7.4.2", "ghcr.io/acme/web@sha256:..."),
    )
    pull_secret: str | None = member(
        OBJECT_NAME,
        "Name of the Secret that opens a private registry.",
        default=None,
        examples=("registry-pull",),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CronDeclaration:
    """When a cron job runs."""

    at: Node
    schedule: str = member(WORD, "Five fields: minute, hour, day, month, weekday.", examples=("0 3 * * *",))
    timezone: str = member(WORD, "IANA time zone.", default="Etc/UTC", examples=("Europe/Paris",))


JOB_RUN = Choice(
    JobRun,
    {
        "start": "When the environment is deployed.",
        "stop": "When the environment is stopped.",
        "delete": "When the environment is deleted.",
    },
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JobService(Commanded):
    """A service that runs to its end: when the environment starts, stops or is deleted, or on a schedule."""

    run: JobRun | None = member(JOB_RUN, "When a lifecycle job runs.", default=None)
    cron: CronDeclaration | None = member(Record(CronDeclaration), "When a cron job runs.", default=None)
    source: GitSource | None = member(GIT_SOURCE, "What it is built from.", default=None)
    image: str | None = member(
        WORD, "Prebuilt image, as one reference.", default=None, examples=("acme/report:1.4.2",)
    )
    build: BuildSettings | None = member(Record(BuildSettings), "What its build needs.", default=None)
    pull_secret: str | None = member(
        OBJECT_NAME,
        "Name of the Secret that opens a private registry.",
        default=None,
        examples=("registry-pull",),
    )
    max_restarts: int = member(Integer(0, 100), "Tries after the first that failed.", default=0)
    max_duration: float = member(
        POSITIVE_DURATION, "One try may take this long.", default=300.0, shown_default="5m"
    )
    outputs: tuple[str, ...] = member(
        ListOf(WORD),
        "Values that the job gives to later stages, as variables SERVICE_NAME.",
        default=(),
        examples=(["BUCKET"],),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DatabaseService(RunningService):
    """A database, in the cluster or managed elsewhere."""

    engine: str = member(
        Keyword({"postgresql": "PostgreSQL.", "mysql": "MySQL.", "mongodb": "MongoDB.", "redis": "Redis."}),
        "What the database is.",
    )
    version: str = member(WORD, "Version of the engine, in quotes.", examples=("16", "8.0"))
    mode: DatabaseMode = member(
        Choice(
            DatabaseMode,
            {
                "container": "In the cluster, with a volume.",
                "managed": "It exists elsewhere, under `host`.",
            },
        ),
        "Where the database runs.",
        default=DatabaseMode.CONTAINER,
    )
    storage: int = member(
        STORAGE, "Size of its volume.", default=10_000_000_000, shown_default="10GB", examples=("10Gi",)
    )
    storage_class: str | None = member(
        OBJECT_NAME, "Storage class. Default: the cluster's.", default=None, examples=("fast",)
    )
    host: str | None = member(
        WORD, "Host name of a managed database.", default=None, examples=("db.example.com",)
    )
    port: int | None = member(PORT_NUMBER, "Port. Default: the engine's.", default=None, examples=(5432,))
    database: str | None = member(
        NAME, "Name of the database. Default: the service's name.", default=None, examples=("shop",)
    )
    username: str | None = member(
        NAME, "User. Default: the service's name.", default=None, examples=("shop",)
    )
    password: Secret | None = member(
        SECRET,
        "Where the password is. Default: key `password` of the Secret `<service>-credentials`.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ChartSource:
    """A Helm chart: from a Helm repository (name and version) or from Git (source)."""

    at: Node
    repository: str | None = member(
        WORD, "URL of the Helm repository.", default=None, examples=("https://charts.example.com",)
    )
    name: str | None = member(WORD, "Name of the chart.", default=None, examples=("ingress-nginx",))
    version: str | None = member(WORD, "Version of the chart, in quotes.", default=None, examples=("4.12.1",))
    source: FileSource | None = member(Record(FileSource), "Folder of the chart in Git.", default=None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HelmService(Service):
    """A service that brings its own Helm chart."""

    chart: ChartSource = member(
        Record(ChartSource, Constraint(("repository", "source"), required=True)), "Which chart."
    )
    values: dict[str, Any] | None = member(FreeMapping(), "Values of the chart.", default=None)
    value_files: tuple[str, ...] = member(
        ListOf(PATH),
        "Value files, relative to this file.",
        default=(),
        examples=(["values/production.yaml"],),
    )
    set: dict[str, str] | None = member(MapOf(PlainText()), "Single values, as `--set-string`.", default=None)
    arguments: tuple[str, ...] = member(
        ListOf(TEXT), "More arguments of helm upgrade.", default=(), examples=(["--skip-crds"],)
    )
    timeout: float = member(
        POSITIVE_DURATION, "The deployment fails after this time.", default=600.0, shown_default="10m"
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TerraformService(Service):
    """A service that Terraform or OpenTofu applies."""

    source: FileSource = member(Record(FileSource), "Folder of the configuration in Git.")
    engine: TerraformEngine = member(
        Choice(TerraformEngine, {"terraform": "Terraform.", "opentofu": "OpenTofu."}),
        "Which program applies it.",
        default=TerraformEngine.TERRAFORM,
    )
    version: str = member(WORD, "Version of the engine, in quotes.", examples=("1.9.8",))
    backend: TerraformBackend = member(
        Choice(
            TerraformBackend,
            {
                "kubernetes": "In a Secret of the environment's namespace.",
                "user": "As the configuration says.",
            },
        ),
        "Where the state is.",
        default=TerraformBackend.KUBERNETES,
    )
    variables: Variables | None = member(VARIABLES, "Terraform variables.", default=None)
    cpu: int = member(CPU, "CPU of the run.", default=500, shown_default="500m")
    memory: int = member(MEMORY, "Memory of the run.", default=512_000_000, shown_default="512MB")
    timeout: float = member(
        POSITIVE_DURATION, "The run fails after this time.", default=1800.0, shown_default="30m"
    )


_IMAGE_OR_SOURCE = Constraint(("image", "source"), required=True)
SERVICE = Tagged(
    "Service",
    "type",
    "A service; `type` says which fields it has.",
    {
        ServiceType.APPLICATION.value: Record(Application),
        ServiceType.CONTAINER.value: Record(Container),
        ServiceType.DATABASE.value: Record(DatabaseService),
        ServiceType.JOB.value: Record(
            JobService, _IMAGE_OR_SOURCE, Constraint(("run", "cron"), required=True)
        ),
        ServiceType.HELM.value: Record(HelmService),
        ServiceType.TERRAFORM.value: Record(TerraformService),
    },
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Environment:
    """One environment: its services, their stages, and how they are built and deployed."""

    at: Node
    api_version: str = member(Exactly(API_VERSION), "Version of this format.")
    kind: str = member(Exactly(KIND), "What the file describes.")
    name: str = member(NAME, "Name of the environment.", examples=("shop",))
    extends: str | None = member(
        PATH,
        "A spec that this one is merged over: mappings merge, lists replace, null removes.",
        default=None,
        examples=("base.yaml",),
    )
    target: DeployTarget | None = member(Record(DeployTarget), "Where it is deployed.", default=None)
    delivery: Delivery = member(
        Choice(
            Delivery,
            {
                "helm": "CI runs helm.",
                "argocd": "Argo CD, from Git.",
                "none": "Nobody: the charts and values are only written.",
            },
        ),
        "Who deploys; there is one owner.",
        default=Delivery.HELM,
    )
    gitops: GitOpsSettings | None = member(
        Record(GitOpsSettings), "Where Argo CD finds what to deploy.", default=None
    )
    previews: PreviewSettings | None = member(
        Record(PreviewSettings), "Give every pull request an environment of its own.", default=None
    )
    registry: Registry | None = member(Record(Registry), "The mirroring registry.", default=None)
    pipeline: Pipeline | None = member(PIPELINE, "The order of the work and its limits.", default=None)
    stages: tuple[str | StageDeclaration, ...] | None = member(
        ListOf(ByType(NAME, Record(StageDeclaration)), min_items=1),
        "Deployment stages, first to last. A stage named like a type of service is that type's default.",
        default=None,
        shown_default=list(DEFAULT_STAGES),
    )
    variables: Variables | None = member(VARIABLES, "Environment variables of all services.", default=None)
    services: dict[str, Service] = member(MapOf(SERVICE), "The services, by name.")


ENVIRONMENT = Record(Environment)
