"""What of a plan the bake file cannot express, or only in a way worth knowing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from compiler.plan.model import Build, BuildCache, Image, Plan, SecretRef, Source, Strategy
from compiler.targets.bake.document import dockerfile, git_address, secrets
from compiler.targets.bake.waves import build_groups
from compiler.targets.ci.names import is_environment, secret_variable
from compiler.targets.model import Limitation

_SECRET_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_PLATFORM = re.compile(r"[a-z0-9]+(?:/[a-z0-9]+){1,2}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,511}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# What an URL's fragment carries as it is; ':' ends the ref.
_GIT_PART = re.compile(r"[A-Za-z0-9._/@+~-]*")
# BuildKit takes an address for a Git repository by this ending.
_GIT_URL = re.compile(r"https?://[A-Za-z0-9._:@/~+-]+\.git")


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    if not is_environment(plan.environment):
        yield _error(
            "environment-name",
            None,
            "name",
            "the environment's name becomes a file name: it must have at most 100 letters, digits, dots, "
            "underscores and hyphens, and start with a letter or a digit",
        )
    if plan.strategy is Strategy.DAG:
        yield _error(
            "dag",
            None,
            "pipeline.strategy",
            "bake knows no deployments, so it cannot run a plan without barriers between builds and them",
            "use build-first or staged, Argo Workflows or the local run",
        )
    else:
        yield from _caps(plan)
    images = {image.id: image for image in plan.images}
    for build in plan.builds:
        yield from _build(build, images[build.image])
    yield from _secret_names(plan)


def _caps(plan: Plan) -> Iterator[Limitation]:
    if not plan.builds:
        yield Limitation(
            "bake-nothing", "note", None, "services", "no service is built: there are no targets"
        )
        return
    groups = build_groups(plan)
    if len(groups) > 1:
        most = max(len(wave) for _, wave in groups)
        yield Limitation(
            "bake-parallelism",
            "note",
            None,
            "pipeline.build.parallelism",
            f"bake builds everything that it is told to at once: the builds are {len(groups)} groups of at "
            f"most {most}, and there is no default group",
            f"run the groups one after another, from {groups[0][0]} to {groups[-1][0]}",
        )
    size = plan.limits.build.resources
    yield Limitation(
        "bake-build-size",
        "note",
        None,
        "pipeline.build",
        "bake gives no build limits of its own, neither of CPU and memory nor of time: all builds of a group "
        "share what their builder has",
        f"give the builder at most {size.cpu_milli / 1000:g} CPU and {size.memory_bytes} bytes per build; "
        "docs/targets/bake.md has the command",
    )
    persistent = [build.services[0] for build in plan.builds if build.cache is BuildCache.PERSISTENT]
    if persistent:
        yield Limitation(
            "bake-persistent-cache",
            "note",
            persistent[0],
            "pipeline.build.cache",
            "the persistent cache is the builder's own: keep one builder for all runs",
        )


def _error(
    code: str, service: str | None, field: str | None, message: str, hint: str | None = None
) -> Limitation:
    return Limitation(f"bake-{code}", "error", service, field, message, hint)


def _build(build: Build, image: Image) -> Iterator[Limitation]:
    service, source = build.services[0], build.source
    yield from _texts(build)
    if not _REPOSITORY.fullmatch(image.repository) or (image.tag and not _TAG.fullmatch(image.tag)):
        yield _error("image", service, None, f"{image.repository!r} cannot be an image's name with a tag")
    for platform in source.platforms:
        if not _PLATFORM.fullmatch(platform):
            yield _error("platform", service, "source.platforms", f"{platform!r} is no platform")
    for secret in build.secrets:
        if not _SECRET_ID.fullmatch(secret.id):
            yield _error("secret-id", service, "build.secrets", f"{secret.id!r} cannot be the id of a secret")
    if not source.is_local:
        yield from _remote(service, source)


def _remote(service: str, source: Source) -> Iterator[Limitation]:
    if not _GIT_URL.fullmatch(git_address(source.repository)):
        yield _error(
            "repository",
            service,
            "source.repository",
            f"{source.repository!r} is not read as a Git repository",
            "bake knows one by an address that starts with https:// and ends with .git",
        )
    for field, text in (("ref", source.ref), ("context", source.context)):
        if text is not None and not _GIT_PART.fullmatch(text):
            yield _error(
                "git-part",
                service,
                f"source.{field}",
                f"{text!r} cannot stand behind the # of a Git address: letters, digits and ._/@+~- only",
            )
    if dockerfile(source).startswith("../"):
        yield _error(
            "dockerfile",
            service,
            "source.dockerfile",
            "of another repository only the build's folder is fetched, and the Dockerfile is not in it",
            "make the folder with the Dockerfile a part of `context`",
        )


def _texts(build: Build) -> Iterator[Limitation]:
    """Texts that HCL changes: it brings every string into Unicode's form NFC (HCL's spec.md)."""
    source, service = build.source, build.services[0]
    places = [
        ("source.context", source.context),
        ("source.dockerfile", source.dockerfile or ""),
        ("source.target", source.target or ""),
    ]
    places += [(f"source.args.{name}", name + "\n" + value) for name, value in build.arguments]
    places += [("labels", name + "\n" + value) for name, value in build.labels]
    for field, text in places:
        if any("\ud800" <= character <= "\udfff" for character in text):
            yield _error("surrogate", service, field, "half of a surrogate pair is no text")
        elif not unicodedata.is_normalized("NFC", text):
            yield _error(
                "unicode",
                service,
                field,
                "the text holds letters with combining marks, which HCL would replace by single characters",
                "write it in Unicode's normal form NFC",
            )


def _secret_names(plan: Plan) -> Iterator[Limitation]:
    """Different secrets that would be one variable of the environment."""
    found: dict[str, set[SecretRef]] = {}
    for build in plan.builds:
        for _, secret in secrets(build):
            found.setdefault(secret_variable(secret), set()).add(secret)
    for variable, references in sorted(found.items()):
        if len(references) > 1:
            names = " and ".join(sorted(f"{reference.name}/{reference.key}" for reference in references))
            yield _error("secret-name", None, None, f"the secrets {names} would both be {variable}")
