"""From a plan to the bake file's data: variables, groups and targets.

In HCL's JSON syntax every string is a template: `${` and `%{` start an
expression (HCL's json/spec.md). So every text of the plan goes through
`literal`; the only expressions are the variables with the tags.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from posixpath import relpath
from typing import Any

from compiler.plan.model import Attestation, Build, BuildCache, BuildLimits, Image, Plan, SecretRef, Source
from compiler.targets.bake.waves import DEFAULT, build_groups, tag_variable, target_names
from compiler.targets.ci.names import secret_variable

# As the pipelines do: one cache for each image, beside it.
CACHE_TAG = "buildcache"
_GIT_TOKEN = "GIT_AUTH_TOKEN"
"""BuildKit opens a private repository with the secret of this id, or of this id and `.HOST`."""


_ATTESTATIONS = {
    Attestation.SBOM: "type=sbom",
    Attestation.PROVENANCE: "type=provenance,mode=max",
}
_GIT_HOSTS = frozenset(("bitbucket.org", "codeberg.org", "github.com", "gitlab.com"))


def document(plan: Plan) -> dict[str, Any]:
    """The whole bake file. A plan that one group can build has a group `default`, others have none."""
    groups = build_groups(plan)
    targets = target_names(plan, (name for name, _ in groups))
    images = {image.id: image for image in plan.images}
    listed = {name: {"targets": [targets[index] for index in wave]} for name, wave in groups}
    if len(groups) == 1:
        listed[DEFAULT] = {"targets": [groups[0][0]]}
    return {
        "//": f"generated from {plan.spec}, do not edit",
        "variable": {
            tag_variable(index): {"default": literal(images[build.image].tag or "")}
            for index, build in enumerate(plan.builds)
        },
        "group": listed,
        "target": {
            name: _target(plan.limits.build, build, images[build.image], tag_variable(index))
            for index, (name, build) in enumerate(zip(targets, plan.builds, strict=True))
        },
    }


def literal(text: str) -> str:
    """A text as a template that yields exactly it."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _target(limits: BuildLimits, build: Build, image: Image, tag: str) -> dict[str, Any]:
    source = build.source
    cache = f"type=registry,ref={image.repository}:{CACHE_TAG}"
    by_registry = build.cache is BuildCache.REGISTRY
    fields: dict[str, Any] = {
        "context": literal(context(source)),
        "dockerfile": literal(dockerfile(source)),
        "target": None if source.target is None else literal(source.target),
        "platforms": [literal(platform) for platform in source.platforms],
        "args": {literal(name): literal(value) for name, value in build.arguments},
        "labels": {literal(name): literal(value) for name, value in build.labels},
        "tags": [f"{literal(image.repository)}:${{{tag}}}"],
        "secret": _secrets(build),
        "cache-from": [literal(cache)] if by_registry else [],
        "cache-to": [literal(f"{cache},mode=max,ignore-error=true")] if by_registry else [],
        # Without a word buildx adds a provenance of its own, and the image is an index of two.
        "attest": [_ATTESTATIONS[kind] for kind in limits.attestations] or ["type=provenance,disabled=true"],
        "output": ["type=registry"],
    }
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def context(source: Source) -> str:
    """A folder below the place where bake runs, or a Git reference URL#REF:FOLDER."""
    if source.is_local:
        # Without "./" a folder's name could be read as an address.
        return "." if source.context in ("", ".") else f"./{source.context}"
    folder = "" if source.context in ("", ".") else f":{source.context}"
    return f"{git_address(source.repository)}#{source.ref or ''}{folder}"


def git_address(repository: str) -> str:
    """A repository's address as BuildKit knows one: with .git at its end, which these hosts take as well."""
    known = host(repository) in _GIT_HOSTS and not repository.endswith(".git")
    return f"{repository.rstrip('/')}.git" if known else repository


def dockerfile(source: Source) -> str:
    """The Dockerfile's path from the context, as bake wants it."""
    assert source.dockerfile is not None, "what is built has a Dockerfile"
    path = PurePosixPath(relpath(source.dockerfile, source.context or "."))
    return f"./{path}" if source.is_local else str(path)


def secrets(build: Build) -> list[tuple[str, SecretRef]]:
    """What a build is given in secret: the ids of its mounts, and what opens its repository."""
    found = [(mount.id, mount.secret) for mount in build.secrets]
    credentials = build.source.credentials
    if credentials is not None and not build.source.is_local:
        found.append((f"{_GIT_TOKEN}.{host(build.source.repository)}", credentials))
    return found


def host(repository: str) -> str:
    """The host in an URL, without user and port."""
    authority = repository.partition("://")[2].partition("/")[0]
    return authority.rpartition("@")[2].partition(":")[0]


def _secrets(build: Build) -> list[str]:
    return [literal(f"id={name},env={secret_variable(secret)}") for name, secret in secrets(build)]
