"""What a check or the lowering may know: the environment, its files, and the repository around it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from compiler.diagnostics.model import Diagnostic, Findings, Label, Severity
from compiler.document.node import Node
from compiler.source import Span
from compiler.spec.load import Loaded
from compiler.spec.model import Environment, GitSource, Service
from compiler.spec.scopes import AllVariables, ServiceVariables, resolve_variables
from compiler.spec.sources import Dockerfiles, Sources
from compiler.spec.stages import ResolvedStage, resolve_stages
from compiler.spec.variables import Variable
from compiler.values.suggest import closest

_MOST_COMPARISONS = 100_000


@dataclass(slots=True)
class Suggestions:
    """Did-you-mean for the names of an environment.

    Each costs a comparison with every name, so there are no more of them after
    many unknown words among many names.
    """

    left: int = _MOST_COMPARISONS

    def closest(self, word: str, names: Iterable[str]) -> str | None:
        """The name that was probably meant; `names` are not looked at when no more suggestions are made."""
        if self.left <= 0:
            return None
        known = list(names)
        self.left -= len(known)
        return closest(word, known)


@dataclass(frozen=True)
class Context:
    """One environment under check.

    `root` is the repository that holds the spec: no file outside it is read
    or named. `project_variables` come from the project file, the outermost scope.
    """

    loaded: Loaded
    environment: Environment
    root: Path
    project_variables: Mapping[str, Variable] = field(default_factory=dict)
    suggestions: Suggestions = field(default_factory=Suggestions)

    @property
    def services(self) -> dict[str, Service]:
        """The services that could be read, in the file's order."""
        return self.environment.services

    @cached_property
    def known_services(self) -> frozenset[str]:
        """All service names as written, so that a broken service is not also an unknown one."""
        return frozenset(self.loaded.known("services"))

    @cached_property
    def stages(self) -> tuple[ResolvedStage, ...]:
        """The stages in order, each with the types that go there by default."""
        return resolve_stages(self.environment)

    @cached_property
    def stage_of(self) -> dict[str, int]:
        """The index of each service's stage; a service whose stage is unknown is left out."""
        by_name: dict[str, int] = {}
        for rank, stage in enumerate(self.stages):
            by_name.setdefault(stage.name.lower(), rank)
        by_type = {kind: rank for rank, stage in enumerate(self.stages) for kind in stage.default_for}
        result: dict[str, int] = {}
        for name, service in self.services.items():
            index = by_name.get(service.stage.lower()) if service.stage else by_type.get(service.type)
            if index is not None:
                result[name] = index
        return result

    @cached_property
    def all_variables(self) -> AllVariables:
        """The variables of the environment and of every service, resolved."""
        return resolve_variables(self.environment, self.services, self.project_variables)

    @property
    def variables(self) -> Mapping[str, ServiceVariables]:
        """Every service's variables, resolved."""
        return self.all_variables.by_service

    def is_whole(self, service: str, *path: str) -> bool:
        """Whether nothing of a service, or of a part of it, was left out because it could not be read."""
        return self.loaded.is_whole("services", service, *path)

    @cached_property
    def sources(self) -> Sources:
        """The sources of the services, resolved against the repository."""
        return Sources(self.root)

    @cached_property
    def dockerfiles(self) -> Dockerfiles:
        """The Dockerfiles of the repository."""
        return Dockerfiles(self.root)


Check = Callable[[Context, Findings], None]


def listed(names: Collection[str], most: int = 10) -> str:
    """Names for a message, the first ones of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


def place(node: Node, *path: str | int) -> Span:
    """Where the value at `path` below `node` stands; the deepest existing one."""
    return node.at(path).place


def error(
    findings: Findings,
    code: str,
    span: Span,
    message: str,
    *,
    hint: str = "",
    label: str = "",
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
) -> None:
    """Report an error."""
    findings.add(
        Diagnostic(code, Severity.ERROR, message, span, label=label, labels=labels, notes=notes, hint=hint)
    )


def warning(
    findings: Findings, code: str, span: Span, message: str, *, hint: str = "", labels: tuple[Label, ...] = ()
) -> None:
    """Report a warning."""
    findings.add(Diagnostic(code, Severity.WARNING, message, span, labels=labels, hint=hint))


def note(
    findings: Findings, code: str, span: Span, message: str, *, hint: str = "", notes: tuple[str, ...] = ()
) -> None:
    """Report a note."""
    findings.add(Diagnostic(code, Severity.NOTE, message, span, notes=notes, hint=hint))


def git_source(service: Service) -> GitSource | None:
    """What a service is built from, None for the types that are not built."""
    source = getattr(service, "source", None)
    return source if isinstance(source, GitSource) else None
