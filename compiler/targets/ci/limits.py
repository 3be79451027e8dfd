"""What the scripts cannot be given of a plan, because git, docker, skopeo or helm would misread it.

The scripts are the same on every CI service and on a person's machine, and so
are these rules: back ends that use the scripts add what is only theirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from compiler.plan.model import (
    Build,
    Delivery,
    Image,
    Plan,
    SecretRef,
    ServiceType,
    Source,
    Workload,
)
from compiler.targets.ci.names import DOCKER_CONFIG_KEY, is_environment, secret_variable
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
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
# The branches whose pushes start the pipeline, as far as their names are known here.
_TRIGGERS = frozenset({"main", "master"})
# Helm reads the value of --values as a line of CSV.
_SPLIT_BY_HELM = frozenset(',"\r\n')


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that stands against running a plan by the scripts, in the order of the plan."""
    yield from _whole(plan)
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
    return Limitation(f"pipeline-{code}", "error", service, field, message, hint)


def _whole(plan: Plan) -> Iterator[Limitation]:
    if not is_environment(plan.environment):
        yield _error(
            "environment-name",
            None,
            "name",
            "the environment's name becomes a file name and part of other names: it must have at most 100 "
            "letters, digits, dots, underscores and hyphens, and start with a letter or a digit",
        )
    for field, value in (
        ("target.namespace", plan.target.namespace),
        ("target.context", plan.target.context),
    ):
        if value is not None:
            yield from _argument(None, field, value)
    if plan.previews is not None and plan.delivery is not Delivery.HELM:
        yield Limitation(
            "pipeline-previews",
            "warning",
            None,
            "previews",
            "pull requests get no environments: the pipeline deploys nothing with this delivery",
            "use delivery helm, or a generator of Argo CD for pull requests",
        )
    if plan.previews is not None and plan.previews.secrets_from is not None:
        yield from _argument(None, "previews.secretsFrom", plan.previews.secrets_from)
    if plan.gitops is not None:
        yield from _branch(plan.gitops.branch)
    for gone in plan.departed:
        yield from _argument(None, None, gone.release)


def _branch(branch: str) -> Iterator[Limitation]:
    if branch in _TRIGGERS:
        yield _error(
            "gitops-branch",
            None,
            "gitops.branch",
            f"the pipeline writes to the branch {branch}, which would start it again",
            "name a branch of its own, such as stagecast/production",
        )
    elif not _BRANCH.fullmatch(branch) or ".." in branch or branch.endswith((".lock", ".", "/")):
        yield _error("gitops-branch", None, "gitops.branch", f"{branch!r} is no branch for the pipeline")


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
    for platform in build.source.platforms:
        if not _PLATFORM.fullmatch(platform):
            yield _error("platform", service, "source.platforms", f"{platform!r} is no platform")


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
            "the pipeline does not run Terraform",
            "skip the service here and apply it on its own",
        )
    if workload.path_filter.match or workload.path_filter.exclude:
        yield Limitation(
            "pipeline-path-filter",
            "note",
            service,
            None,
            "path filters do not start or stop the pipeline: what a build reads decides whether it is built",
        )
    if plan.delivery is Delivery.HELM and workload.type is not ServiceType.TERRAFORM:
        yield from _release(plan.environment, workload)
    elif plan.gitops is not None and workload.chart is not None:
        # What Argo CD reads is copied to its branch.
        for path in workload.chart.value_files:
            yield from _argument(service, "valueFiles", path)
        if workload.chart.source is not None:
            yield from _argument(service, "chart", workload.chart.source.context)


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
    """Different secrets that would be one secret of the CI service."""
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
