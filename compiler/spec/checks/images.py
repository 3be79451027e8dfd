"""Images and what they are built from: references, registries, paths and Dockerfiles."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Findings, Label
from compiler.document.node import Node, shortened
from compiler.spec.context import Context, error, git_source, listed, place, warning
from compiler.spec.databases import database_image
from compiler.spec.model import (
    Container,
    DatabaseService,
    FileSource,
    GitSource,
    HelmService,
    JobService,
    Service,
    TerraformService,
)
from compiler.spec.sources import SourceProblem, resolve_file, said_at
from compiler.values.images import is_mutable, parse_image
from compiler.values.malformed import Malformed

if TYPE_CHECKING:
    from compiler.dockerfile.reader import Dockerfile

_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?")


def check_images(context: Context, findings: Findings) -> None:
    """Image references that do not parse, and those that mean another image tomorrow."""
    for service in context.services.values():
        if isinstance(service, Container | JobService) and service.image is not None:
            _check_reference(service.image, service.at.at(("image",)), findings)
        elif isinstance(service, DatabaseService):
            _check_version(service, findings)


def _check_version(service: DatabaseService, findings: Findings) -> None:
    span = service.at.at(("version",)).place
    shown = shortened(service.version)
    try:
        reference = parse_image(database_image(service.engine, service.version))
    except Malformed:
        hint = f'write a version of {service.engine}, such as "16"'
        error(findings, "STC502", span, f"`{shown}` is not a version", hint=hint)
        return
    if is_mutable(reference):
        message = f"the version `{shown}` can be another one tomorrow"
        warning(findings, "STC501", span, message, hint="name a version")


def _check_reference(text: str, node: Node, findings: Findings) -> None:
    try:
        reference = parse_image(text)
    except Malformed as problem:
        error(findings, "STC502", node.span, problem.message, hint=problem.hint)
        return
    if is_mutable(reference):
        what = f"the tag `{reference.tag}` moves" if reference.tag else "without a tag it means `latest`"
        message = f"`{shortened(text)}` can be another image tomorrow: {what}"
        warning(findings, "STC501", node.span, message, hint="name a version, or a digest")


def check_registry(context: Context, findings: Findings) -> None:
    """Built images need a registry to go to, under a path that a registry takes."""
    registry = context.environment.registry
    if registry is not None and registry.mirror is not None:
        node = registry.at.at(("mirror",))
        if "://" in registry.mirror:
            hint = "write it without the scheme, such as registry.example.com/shop"
            error(findings, "STC502", node.span, "the mirror is written like an URL", hint=hint)
            return
        try:
            reference = parse_image(f"{registry.mirror}/image")
        except Malformed as problem:
            error(findings, "STC502", node.span, f"the mirror is not a registry path: {problem.message}")
            return
        if "/" not in registry.mirror and reference.registry in (None, "docker.io"):
            hint = "write it with its host, such as registry.example.com/shop"
            message = f"the mirror `{shortened(registry.mirror)}` has no host"
            error(findings, "STC502", node.span, message, hint=hint)
        return
    if not context.loaded.is_whole("registry"):
        return
    for name, service in context.services.items():
        if git_source(service) is not None:
            message = f"the image that is built for `{name}` has nowhere to go"
            hint = "add `registry: {mirror: registry.example.com/path}` to the environment"
            error(findings, "STC508", service.at.at(("source",)).key_span, message, hint=hint)
            return


def check_sources(context: Context, findings: Findings) -> None:
    """Repositories, contexts and Dockerfiles: inside the repository, there, and readable."""
    for service in context.services.values():
        for source in _sources(service):
            try:
                _check_source(context, source, findings)
            except SourceProblem as problem:
                span = said_at(source, problem.field).place
                error(findings, problem.code, span, problem.message, hint=problem.hint)


def _sources(service: Service) -> list[GitSource | FileSource]:
    built = git_source(service)
    if built is not None:
        return [built]
    if isinstance(service, HelmService) and service.chart.source is not None:
        return [service.chart.source]
    return [service.source] if isinstance(service, TerraformService) else []


def _check_source(context: Context, source: GitSource | FileSource, findings: Findings) -> None:
    resolved = context.sources.resolve(source)
    if resolved.is_local and source.ref is not None:
        message = "`ref` means nothing here: the files are those of the commit that is checked out"
        hint = "remove it, or write the URL of the repository"
        error(findings, "STC107", said_at(source, "ref").key_span, message, hint=hint)
    if isinstance(source, GitSource):
        for index, platform in enumerate(source.platforms or ()):
            if not _PLATFORM.fullmatch(platform):
                span = place(source.at, "platforms", index)
                hint = "write os/architecture, such as linux/amd64"
                error(findings, "STC105", span, f"`{shortened(platform)}` is not a platform", hint=hint)
    if not resolved.is_local:
        return
    field = "context" if isinstance(source, GitSource) else "path"
    folder = context.root / resolved.context
    if not os.path.isdir(folder):
        suggestion = context.suggestions.closest(folder.name, _names_in(folder.parent, folders=True))
        hint = f"did you mean `{suggestion}`?" if suggestion else "the path counts from the file that says it"
        message = f"there is no folder `{shortened(resolved.context)}` in the repository"
        error(findings, "STC505", said_at(source, field, "repository").place, message, hint=hint)
    elif isinstance(source, GitSource) and resolved.dockerfile is not None:
        _check_dockerfile(context, source, resolved.dockerfile, findings)


def _names_in(folder: Path, *, folders: bool) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir() is folders]
    except OSError:
        return []


def _check_dockerfile(context: Context, source: GitSource, path: str, findings: Findings) -> None:
    dockerfile = context.dockerfiles.get(path)
    if dockerfile is None:
        message = f"there is no Dockerfile `{shortened(path)}`"
        file = context.root / path
        suggestion = context.suggestions.closest(file.name, _names_in(file.parent, folders=False))
        hint = f"did you mean `{suggestion}`?" if suggestion else "`dockerfile` counts from the context"
        error(findings, "STC504", said_at(source, "dockerfile", "context").place, message, hint=hint)
        return
    for problem in dockerfile.problems:
        label = Label(said_at(source, "dockerfile", "context").place, "built from here")
        error(findings, "STC507", problem.span, problem.message, labels=(label,), hint=problem.hint)
    if source.target is not None and not dockerfile.problems and not dockerfile.has_stage(source.target):
        _unknown_target(context, source, path, dockerfile, findings)


def _unknown_target(
    context: Context, source: GitSource, path: str, dockerfile: Dockerfile, findings: Findings
) -> None:
    aliases = [stage.alias for stage in dockerfile.stages if stage.alias]
    suggestion = context.suggestions.closest(source.target or "", aliases)
    hint = f"did you mean `{suggestion}`?" if suggestion else f"its stages are {listed(aliases) or 'unnamed'}"
    message = f"`{shortened(path)}` has no stage `{shortened(source.target or '')}`"
    error(findings, "STC506", source.at.at(("target",)).span, message, hint=hint)


def check_charts(context: Context, findings: Findings) -> None:
    """A chart from a Helm repository needs a name; one from Git has none. Value files are there."""
    for name, service in context.services.items():
        if not isinstance(service, HelmService):
            continue
        for node in service.at.at(("valueFiles",)).elements():
            _check_value_file(context, node, findings)
        chart = service.chart
        if chart.repository is not None and chart.name is None:
            span = place(chart.at, "repository")
            message = f"the chart of `{name}` has no name"
            error(findings, "STC102", span, message, hint="add `name`: which chart of the repository")


def _check_value_file(context: Context, node: Node, findings: Findings) -> None:
    try:
        path = resolve_file(context.root, node, node.value, "valueFiles")
    except SourceProblem as problem:
        error(findings, problem.code, node.place, problem.message, hint=problem.hint)
        return
    if not (context.root / path).is_file():
        message = f"there is no file `{shortened(path)}` in the repository"
        error(findings, "STC505", node.place, message, hint="the path counts from the file that says it")
