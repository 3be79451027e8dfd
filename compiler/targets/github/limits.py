"""What of a plan the workflow cannot express, or expresses in a way worth knowing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from compiler.plan.model import (
    Build,
    BuildCache,
    Delivery,
    Image,
    Plan,
    SecretRef,
    ServiceType,
    Source,
    Strategy,
    Workload,
)
from compiler.targets.github.jobs import MATRIX_JOBS, groups
from compiler.targets.github.names import DOCKER_CONFIG_KEY, is_environment, secret_variable
from compiler.targets.github.workflow import BUILD_MARGIN_MIN, LONGEST_JOB_MIN
from compiler.targets.helm.layout import values_path
from compiler.targets.model import Limitation

# Linux: one argument or variable of a process has at most 128 KiB (MAX_ARG_STRLEN); the rest is for its name.
ARGUMENT_BYTES = 128 * 1024 - 1024

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,511}")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,1023}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORM = re.compile(r"[a-z0-9]+(?:/[a-z0-9]+){1,2}")
_SECRET_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NATIVE = "linux/amd64"
# Helm reads the value of --values as a line of CSV.
_SPLIT_BY_HELM = frozenset(',"\r\n')


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    yield from _whole(plan)
    if plan.strategy is not Strategy.DAG:
        yield from _parallelism(plan)
    for task in plan.tasks:
        yield from _argument(None, None, task.id)
    for build in plan.builds:
        yield from _build(build)
    for image in plan.images:
        yield from _image(image)
    for workload in plan.workloads:
        yield from _workload(plan, workload)
    yield from _secret_names(plan)


def _error(
    code: str, service: str | None, field: str | None, message: str, hint: str | None = None
) -> Limitation:
    return Limitation(f"github-{code}", "error", service, field, message, hint)


def _whole(plan: Plan) -> Iterator[Limitation]:
    if plan.strategy is Strategy.DAG:
        yield _error(
            "dag",
            None,
            "pipeline.strategy",
            "without barriers between stages GitHub Actions cannot hold both caps: no strategy dag",
            "use build-first or staged, or the local run",
        )
    if not is_environment(plan.environment):
        yield _error(
            "environment-name",
            None,
            "name",
            "the environment's name becomes a file name and a concurrency group: it must have at most 100 "
            "letters, digits, dots, underscores and hyphens, and start with a letter or a digit",
        )
    for field, value in (
        ("target.namespace", plan.target.namespace),
        ("target.context", plan.target.context),
    ):
        if value is not None:
            yield from _argument(None, field, value)
    if plan.delivery is Delivery.ARGOCD:
        yield Limitation(
            "github-argocd",
            "warning",
            None,
            "delivery",
            "the workflow builds and mirrors for Argo CD, but does not write the images' tags to Git",
            "take the tags from the log of the job check",
        )


def _parallelism(plan: Plan) -> Iterator[Limitation]:
    split = groups(plan)
    if len(split) > len({group.stage for group in split}):
        yield Limitation(
            "github-matrix-split",
            "note",
            None,
            None,
            f"a matrix has at most {MATRIX_JOBS} jobs: the builds are split into several, one after another",
        )
    for group in split:
        wanted = min(plan.limits.build.slots, len(group.builds))
        if group.slots < wanted:
            yield Limitation(
                "github-build-slots",
                "note",
                None,
                "pipeline.build.pool",
                f"a matrix has a fixed number of slots, and the {group.slots + 1} largest builds together do "
                f"not fit into the pool: at most {group.slots} of {wanted} builds run at once",
            )


def _build(build: Build) -> Iterator[Limitation]:
    service = build.services[0]
    yield from _source(service, build.source)
    for name, value in build.arguments:
        if not _ARGUMENT.fullmatch(name):
            yield _error("argument-name", service, "source.args", f"{name!r} is no name of a build argument")
        yield from _argument(service, f"source.args.{name}", value)
    for name, value in build.labels:
        if not name or "=" in name:
            yield _error("label-name", service, None, f"an image's label cannot be named {name!r}")
        yield from _argument(service, None, name + value)
    for secret in build.secrets:
        if not _SECRET_ID.fullmatch(secret.id):
            message = (
                f"the id {secret.id!r} of a build secret may have letters, digits, '.', '_' and '-' only"
            )
            yield _error("secret-id", service, "source.secrets", message)
    if build.cache is BuildCache.PERSISTENT:
        yield Limitation(
            "github-persistent-cache",
            "warning",
            service,
            "pipeline.build.cache",
            "every job has a fresh runner, so there is no persistent cache: it is the registry cache",
        )
    if build.timeout_s // 60 + BUILD_MARGIN_MIN > LONGEST_JOB_MIN:
        yield Limitation(
            "github-job-timeout",
            "warning",
            service,
            "pipeline.build.timeout",
            f"GitHub ends a job after {LONGEST_JOB_MIN} minutes, so also this build",
        )
    yield from _platforms(service, build.source)


def _platforms(service: str, source: Source) -> Iterator[Limitation]:
    for platform in source.platforms:
        if not _PLATFORM.fullmatch(platform):
            yield _error("platform", service, "source.platforms", f"{platform!r} is no platform")
        elif platform != _NATIVE:
            yield Limitation(
                "github-platform",
                "warning",
                service,
                "source.platforms",
                f"the runner is {_NATIVE} without emulation: a build for {platform} works only if its "
                "Dockerfile cross-compiles",
            )


def _source(service: str, source: Source) -> Iterator[Limitation]:
    texts = (("repository", source.repository), ("ref", source.ref), ("context", source.context))
    for field, text in (*texts, ("dockerfile", source.dockerfile), ("target", source.target)):
        if text is not None:
            yield from _argument(service, f"source.{field}", text)
    if not source.is_local and not source.repository.startswith(("https://", "http://")):
        yield _error(
            "repository-url",
            service,
            "source.repository",
            "a runner clones over HTTPS only: it has no key and knows no host",
            "write the https:// address of the repository, and a token as credentials if it is private",
        )
    if source.ref is not None and (
        source.ref.startswith(("-", "+", "^")) or ":" in source.ref or not source.ref
    ):
        yield _error("ref", service, "source.ref", f"{source.ref!r} is no branch, tag or commit")


def _image(image: Image) -> Iterator[Limitation]:
    checks = (
        (image.repository, _REPOSITORY, "repository"),
        (image.origin, _ORIGIN, "origin"),
        (image.tag, _TAG, "tag"),
        (image.digest, _DIGEST, "digest"),
    )
    for text, grammar, part in checks:
        if text is not None and not grammar.fullmatch(text):
            yield _error("image", None, None, f"{text!r} is no {part} of an image ({image.id})")


def _workload(plan: Plan, workload: Workload) -> Iterator[Limitation]:
    service = workload.service
    if workload.type is ServiceType.TERRAFORM:
        yield _error(
            "terraform",
            service,
            "type",
            "the workflow does not run Terraform",
            "skip the service here and apply it on its own",
        )
    if workload.path_filter.match or workload.path_filter.exclude:
        yield Limitation(
            "github-path-filter",
            "note",
            service,
            None,
            "path filters do not start or stop the workflow: what a build reads decides whether it is built",
        )
    if plan.delivery is Delivery.HELM and workload.type is not ServiceType.TERRAFORM:
        yield from _release(plan.environment, workload)


def _release(environment: str, workload: Workload) -> Iterator[Limitation]:
    service, chart = workload.service, workload.chart
    yield from _argument(service, None, workload.release)
    for path in (values_path(environment, workload), *(() if chart is None else chart.value_files)):
        if not _SPLIT_BY_HELM.isdisjoint(path):
            message = f"Helm does not take {path!r} for one path, because of a comma, a quote or a line end"
            yield _error("values-file", service, "valueFiles", message)
        yield from _argument(service, "valueFiles", path)
    if chart is None:
        return
    if chart.source is not None:
        yield from _source(service, chart.source)
    texts = [text for text in (chart.repository, chart.name, chart.version) if text is not None]
    assignments = [f"{name}={value}" for name, value in chart.set_values]
    for text in (*texts, *assignments, *chart.arguments):
        yield from _argument(service, "chart", text)


def _argument(service: str | None, field: str | None, text: str) -> Iterator[Limitation]:
    """Whether a text can be handed to a program unchanged."""
    if "\0" in text:
        yield _error("nul", service, field, "no program can be given a text with a NUL character")
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield _error("surrogate", service, field, "half of a surrogate pair is no text")
    elif len(text.encode()) > ARGUMENT_BYTES:
        yield _error(
            "too-long", service, field, f"Linux hands over at most {ARGUMENT_BYTES} bytes in one argument"
        )


def _secret_names(plan: Plan) -> Iterator[Limitation]:
    """Different secrets that would be one secret of GitHub."""
    found: dict[str, set[SecretRef]] = defaultdict(set)
    for secret in _secrets(plan):
        found[secret_variable(secret)].add(secret)
    for variable, secrets in sorted(found.items()):
        if len(secrets) > 1:
            names = " and ".join(sorted(f"{secret.name}/{secret.key}" for secret in secrets))
            yield _error("secret-name", None, None, f"the secrets {names} would both be {variable}")


def _secrets(plan: Plan) -> Iterator[SecretRef]:
    sources = [build.source for build in plan.builds]
    sources += [work.chart.source for work in plan.workloads if work.chart and work.chart.source]
    yield from (source.credentials for source in sources if source.credentials is not None)
    yield from (secret.secret for build in plan.builds for secret in build.secrets)
    logins = (image.origin_credentials for image in plan.images if image.mirror)
    yield from (SecretRef(login, DOCKER_CONFIG_KEY) for login in logins if login)
