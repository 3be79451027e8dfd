"""The shape of the data file that joins a back end (which writes it) and the scripts (which read it).

Paths are POSIX, relative to the root of the repository that holds the file.
References from one part to another are indices into the document's lists.
"""

from __future__ import annotations

from typing import Literal, TypedDict

VERSION = 2

# Every optional secret `NAME` of `Document.secrets` is announced to the check by HAVE_NAME=true|false,
# so that the check sees that it is set without seeing it.
PRESENCE_PREFIX = "HAVE_"
REGISTRY_USERNAME = "REGISTRY_USERNAME"
REGISTRY_PASSWORD = "REGISTRY_PASSWORD"
KUBE_CONFIG = "KUBE_CONFIG"
PUSH_TOKEN = "STAGECAST_PUSH_TOKEN"


class Source(TypedDict):
    """A Git repository; "." is the job's own checkout. `credentials` names a variable with a token."""

    repository: str
    ref: str | None
    credentials: str | None


class BuildSecret(TypedDict):
    """A secret mount `id`, filled from the environment variable `variable`."""

    id: str
    variable: str


class Build(TypedDict):
    """One image to build. `id` is its task, `repository` is where it is pushed, without tag.

    `attestations` are stored beside the image.
    """

    id: str
    name: str
    source: int
    context: str
    dockerfile: str
    target: str | None
    platforms: list[str]
    arguments: list[tuple[str, str]]
    labels: list[tuple[str, str]]
    secrets: list[BuildSecret]
    repository: str
    cache: Literal["registry", "persistent", "none"]
    attestations: list[Literal["sbom", "provenance"]]
    cpu_milli: int
    memory_bytes: int
    timeout_s: int


class Mirror(TypedDict):
    """An image to copy. `present` is the reference whose existence means that nothing is to be done."""

    origin: str
    destination: str
    present: str


class OwnChart(TypedDict):
    """The chart of a service of type helm: from a `repository`, or the folder `name` of a `source`."""

    name: str
    repository: str | None
    version: str | None
    source: int | None


class Release(TypedDict):
    """One `helm upgrade --install`.

    `chart` is a path of a generated chart, or the service's own. `values` are
    files of this repository. `build` is the build whose image it runs.
    `rollback` is whether a failure is undone. An own chart gets no flags but
    `set` and `arguments`.
    """

    name: str
    chart: str | OwnChart
    values: list[str]
    set: list[str]
    arguments: list[str]
    build: int | None
    rollback: bool


class Task(TypedDict):
    """A mirror or a deployment of a stage; exactly one of `mirror` and `release` is set.

    `needs` are ids of tasks of the same stage. `retries` come after the first
    attempt.
    """

    id: str
    name: str
    needs: list[str]
    timeout_s: int
    retries: int
    mirror: Mirror | None
    release: Release | None


class Stage(TypedDict):
    """What one deploy job does, in queue order, at most `parallelism` tasks at a time."""

    name: str
    parallelism: int
    tasks: list[Task]


class RequiredSecret(TypedDict):
    """A secret that must be set, and what for."""

    name: str
    purpose: str


class Image(TypedDict):
    """An image that releases run, for the lock: its id in the plan and the services that run it.

    `build` makes it; otherwise it is at `repository` under its tag or digest,
    where a mirror has copied it if there is one.
    """

    id: str
    repository: str
    build: int | None
    tag: str | None
    digest: str | None
    services: list[str]


class Removed(TypedDict):
    """A service that left the spec and whose release is to be uninstalled."""

    service: str
    release: str


class Preview(TypedDict):
    """How a pull request gets an environment of its own.

    `secrets` are the names of the Kubernetes Secrets that releases refer to;
    they are copied from the namespace `secrets_from` where that is said.
    """

    secrets: list[str]
    secrets_from: str | None


class GitOps(TypedDict):
    """Where the deployed state is committed: a branch that starts no pipeline.

    `paths` of the checkout, files and folders, are copied to it as they are,
    `optional` ones where they are committed; `pins` is the folder that gets a
    values file with tag and digest for every service with an image.
    """

    branch: str
    paths: list[str]
    optional: list[str]
    pins: str


class Document(TypedDict):
    """All that the scripts must know of an environment.

    `registries` are the hosts that REGISTRY_USERNAME and REGISTRY_PASSWORD
    open. `groups` are the matrix jobs: lists of build indices, in queue order.
    `logins` name variables with further registry credentials.
    """

    version: int
    environment: str
    namespace: str
    context: str | None
    registries: list[str]
    secrets: list[RequiredSecret]
    logins: list[str]
    sources: list[Source]
    builds: list[Build]
    groups: list[list[int]]
    stages: list[Stage]
    images: list[Image]
    removed: list[Removed]
    preview: Preview | None
    gitops: GitOps | None
