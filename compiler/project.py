"""The project file `stagecast.yaml`: which environments there are, and what becomes of each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Diagnostic, Findings, Label, Severity
from compiler.diagnostics.suppress import unknown_code
from compiler.document.load import read_document, read_source
from compiler.document.node import Node, shortened
from compiler.project_file import FILE_NAME, find_project, repository_of
from compiler.source import Span
from compiler.spec.model import PATH, VARIABLES, Variables
from compiler.spec.partial import read_partly
from compiler.spec.schema import document_schema
from compiler.spec.shape import (
    Choice,
    Exactly,
    JsonSchema,
    ListOf,
    MapOf,
    Record,
    Text,
    member,
)
from compiler.spec.variables import Variable, declared

__all__ = ["FILE_NAME", "Job", "find_project", "job_for_spec", "project_jobs", "repository_of"]

KIND = "Project"
_API_VERSION = "stagecast/v1beta1"


class TargetName(StrEnum):
    """The back ends that a project file may name."""

    HELM = "helm"
    GITHUB = "github"
    GITLAB = "gitlab"
    ARGO = "argo"
    ARGOCD = "argocd"
    HELMFILE = "helmfile"
    BAKE = "bake"


TARGET_NAME = Choice(
    TargetName,
    {
        "helm": "Helm charts, and values for every release.",
        "github": "A GitHub Actions workflow that builds, mirrors and deploys.",
        "gitlab": "A GitLab CI pipeline that builds, mirrors and deploys.",
        "argo": "Argo Workflows that build, mirror and deploy inside a cluster.",
        "argocd": "An Argo CD ApplicationSet that deploys stage after stage.",
        "helmfile": "A helmfile that deploys stage after stage.",
        "bake": "A file for docker buildx bake that builds all images.",
    },
)
SEVERITY = Choice(
    Severity,
    {
        "error": "Nothing is compiled, and the exit code is 1.",
        "warning": "It is shown; with `--strict` it counts as an error.",
        "note": "It is shown.",
    },
)
CODE = Text(pattern="^STC[0-9]{3}$")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProjectEnvironment:
    """One environment of the project."""

    at: Node
    spec: str = member(PATH, "The environment's spec, relative to this file.", examples=("environment.yaml",))
    targets: tuple[TargetName, ...] = member(
        ListOf(TARGET_NAME, min_items=1),
        "What `stagecast compile` writes.",
        default=(TargetName.HELM,),
        shown_default=["helm"],
    )
    output: str | None = member(
        PATH,
        "Folder that is written, relative to this file. Default: `deploy/<name>`.",
        default=None,
        examples=("deploy/production", "."),
    )
    severities: dict[str, Severity] | None = member(
        MapOf(SEVERITY), "Another severity for a code, such as `STC501: error`.", default=None
    )
    ignore: tuple[str, ...] = member(
        ListOf(CODE), "Codes that are not reported.", default=(), examples=(["STC402"],)
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProjectFile:
    """A repository's environments, and what becomes of each."""

    at: Node
    api_version: str = member(Exactly(_API_VERSION), "Version of this format.")
    kind: str = member(Exactly(KIND), "What the file describes.")
    environments: dict[str, ProjectEnvironment] = member(
        MapOf(Record(ProjectEnvironment)), "The environments, by name."
    )
    variables: Variables | None = member(VARIABLES, "Variables of all environments.", default=None)
    severities: dict[str, Severity] | None = member(
        MapOf(SEVERITY),
        "Another severity for a code in all environments, such as `STC501: error`.",
        default=None,
    )
    ignore: tuple[str, ...] = member(
        ListOf(CODE), "Codes that are not reported in any environment.", default=(), examples=(["STC402"],)
    )


PROJECT = Record(ProjectFile)


_STAND_INS = {"apiVersion": _API_VERSION, "kind": KIND, "environments": {}}


def project_schema() -> JsonSchema:
    """The schema of the project file."""
    return document_schema(PROJECT, "Stagecast project file, stagecast/v1beta1")


@dataclass(frozen=True, slots=True)
class Job:
    """One environment to work on. `severities` maps a code to its severity, or to None for "not reported".

    `root` is the repository; `output` and `targets` are what `compile` uses
    unless it is told otherwise; `sharing` are the other environments of the
    project with the same output.
    """

    name: str
    spec: Path
    root: Path
    output: Path
    targets: tuple[str, ...]
    severities: Mapping[str, Severity | None]
    variables: Mapping[str, Variable]
    sharing: tuple[Job, ...] = ()


def job_for_spec(spec: Path, findings: Findings) -> Job:
    """The work on a spec that is named by its path: the project file's settings where it lists the spec.

    Raises:
        OSError: the project file cannot be read.
    """
    root = repository_of(spec) or Path(os.path.realpath(spec)).parent
    project = find_project(root)
    for job in project_jobs(project, findings) if project is not None else ():
        if os.path.realpath(job.spec) == os.path.realpath(spec):
            return replace(job, spec=spec)
    return Job(spec.stem, spec, root, root / "deploy" / spec.stem, (), {}, {})


def project_jobs(path: Path, findings: Findings) -> tuple[Job, ...]:
    """The environments that a project file lists; what is wrong with it is in `findings`.

    Raises:
        OSError: the file cannot be read.
    """
    project = _read_project(path, findings)
    if project is None:
        return ()
    _check_codes(project, findings)
    _check_outputs(path, project, findings)
    variables = declared(project.at, project.variables)
    jobs = [
        _job(path, name, environment, project, variables)
        for name, environment in project.environments.items()
    ]
    folders: dict[Path, list[Job]] = {}
    for job in jobs:
        folders.setdefault(job.output.resolve(), []).append(job)
    return tuple(
        replace(job, sharing=tuple(other for other in folders[job.output.resolve()] if other is not job))
        for job in jobs
    )


def project_severities(path: Path) -> dict[str, Severity | None]:
    """The severities that a project file gives to codes in all environments; its mistakes are not told.

    Raises:
        OSError: the file cannot be read.
    """
    project = _read_project(path, Findings())
    return {} if project is None else _severities(project)


def _read_project(path: Path, findings: Findings) -> ProjectFile | None:
    source = read_source(path, findings)
    root = read_document(source, findings, "a project file") if source is not None else None
    if root is None:
        return None
    project: ProjectFile | None = read_partly(PROJECT, root, _STAND_INS, findings).value
    return project


def _severities(project: ProjectFile) -> dict[str, Severity | None]:
    return {**(project.severities or {}), **dict.fromkeys(project.ignore)}


def _job(
    path: Path,
    name: str,
    environment: ProjectEnvironment,
    project: ProjectFile,
    variables: Mapping[str, Variable],
) -> Job:
    severities: dict[str, Severity | None] = {**(project.severities or {}), **(environment.severities or {})}
    severities |= dict.fromkeys((*project.ignore, *environment.ignore))
    return Job(
        name=name,
        spec=path.parent / environment.spec,
        root=path.resolve().parent,
        output=_output(path, name, environment),
        targets=tuple(target.value for target in environment.targets),
        severities=severities,
        variables=variables,
    )


def _output(path: Path, name: str, environment: ProjectEnvironment) -> Path:
    return path.parent / (environment.output or f"deploy/{name}")


def _check_codes(project: ProjectFile, findings: Findings) -> None:
    for node in (project.at, *(environment.at for environment in project.environments.values())):
        severities = node.get("severities")
        ignore = node.get("ignore")
        named = [(code, child.key_span) for code, child in (severities.items() if severities else ())]
        named += [(child.value, child.span) for child in (ignore.elements() if ignore else ())]
        for code, span in named:
            if code not in RULES:
                findings.add(unknown_code(span, code))


def _check_outputs(path: Path, project: ProjectFile, findings: Findings) -> None:
    """Outputs lie in the repository, and none inside another; environments may share one."""
    root = path.resolve().parent
    taken: dict[Path, tuple[str, Span]] = {}
    for name, environment in project.environments.items():
        said = environment.at.get("output")
        span = said.place if said is not None else environment.at.key_span
        output = _output(path, name, environment).resolve()
        if not output.is_relative_to(root):
            message = f"the output of `{shortened(name)}` lies outside the repository"
            hint = "write a path below the project file"
            findings.add(Diagnostic("STC803", Severity.ERROR, message, span, hint=hint))
        taken.setdefault(output, (name, span))
    for output, (name, span) in taken.items():
        around = next((parent for parent in output.parents if parent in taken), None)
        if around is not None:
            owner, place = taken[around]
            message = f"the output of `{shortened(name)}` lies in that of `{shortened(owner)}`"
            label = Label(place, f"the output of `{shortened(owner)}`")
            hint = "give both the same folder, or each its own"
            findings.add(Diagnostic("STC806", Severity.ERROR, message, span, labels=(label,), hint=hint))
