"""The passes in their order, for one environment: read, check, lower.

Owns when to stop: a pass runs when the ones before it left something to work
on, and nothing is lowered while there are errors. Writes and prints nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.diagnostics.suppress import adjust, apply
from compiler.document.node import Node
from compiler.document.quoted import quoted_ranges
from compiler.project import Job, repository_of
from compiler.source import SourceFile
from compiler.spec.checks import check
from compiler.spec.context import Context
from compiler.spec.load import load_environment

if TYPE_CHECKING:
    from compiler.graph import StageGraph
    from compiler.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one environment after all checks.

    `diagnostics` are final: inline ignores and the project's severities are
    applied. `errors` are all that were found, those too that are ignored or
    have another severity: nothing can be planned while there is one. `context`
    is None when the file could not be read as an environment.
    """

    job: Job
    context: Context | None
    diagnostics: tuple[Diagnostic, ...]
    errors: tuple[Diagnostic, ...]
    sources: tuple[SourceFile, ...]

    @property
    def standing(self) -> tuple[Diagnostic, ...]:
        """The findings when something is to be made of the environment: no error is silenced then."""
        return unsilenced(self.errors, self.diagnostics)

    @property
    def has_errors(self) -> bool:
        """Whether nothing can be planned."""
        return bool(self.errors)


def check_environment(job: Job, findings: Findings) -> Checked:
    """Read and check one environment; `findings` may hold what is known of its project file.

    Raises:
        OSError: the spec cannot be read.
    """
    loaded = load_environment(job.spec, findings, repository_of(job.spec))
    context: Context | None = None
    sources: tuple[SourceFile, ...] = ()
    if loaded is not None:
        sources = loaded.sources
        if loaded.environment is not None:
            context = Context(loaded, loaded.environment, job.root, job.variables)
            check(context, findings)
    # Only what was read as a whole shows that an ignore is of no use.
    complete = context is not None and loaded is not None and not loaded.dropped
    errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
    return Checked(job, context, settled(job, findings, sources, complete=complete), errors, sources)


def check_tuned(checked: Checked, overlays: Sequence[Node]) -> Checked:
    """An environment without errors as if `overlays` (see `spec.tuning`) stood over its spec.

    Nothing is read again. The findings are those that `checked` does not have.
    """
    from compiler.spec.tuning import tune

    assert checked.context is not None
    assert not checked.errors
    findings = Findings()
    context = tune(checked.context, overlays, findings)
    known = {diagnostic.sort_key() for diagnostic in checked.diagnostics}
    new = tuple(finding for finding in findings if finding.sort_key() not in known)
    errors = tuple(finding for finding in new if finding.severity is Severity.ERROR)
    return replace(
        checked, context=context, diagnostics=settled(checked.job, new, checked.sources), errors=errors
    )


def settled(
    job: Job, diagnostics: Iterable[Diagnostic], sources: Iterable[SourceFile], *, complete: bool = False
) -> tuple[Diagnostic, ...]:
    """The findings that are left after inline ignores, with the severities of the project file.

    `complete` says that all passes over `sources` have run: an ignore that met
    nothing is then a finding itself.
    """
    return tuple(adjust(apply(diagnostics, sources, quoted_ranges, complete=complete), job.severities))


def unsilenced(errors: Iterable[Diagnostic], settled_ones: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """All errors as they were found, and what is left of the other findings after ignores and severities."""
    first = tuple(errors)
    known = {diagnostic.sort_key() for diagnostic in first}
    return (*first, *(finding for finding in settled_ones if finding.sort_key() not in known))


def spec_path(job: Job) -> str:
    """The spec's path from the repository's root, in POSIX form: the same on every machine."""
    return os.path.relpath(job.spec.resolve(), job.root).replace(os.sep, "/")


def make_plan(checked: Checked) -> Plan:
    """The plan of an environment without errors."""
    from compiler.plan.lower import lower

    assert checked.context is not None
    assert not checked.errors
    return lower(checked.context, spec_path(checked.job))


def make_graph(checked: Checked) -> StageGraph:
    """The stage graph of an environment without errors."""
    from compiler.graph import ServiceNode, build_graph

    context = checked.context
    assert context is not None
    nodes = {
        name: ServiceNode(name, service.type.value, context.stage_of[name], service.skip)
        for name, service in sorted(context.services.items())
    }
    needs = {
        name: sorted({other for other in service.depends_on if other in context.services})
        for name, service in context.services.items()
    }
    return build_graph([stage.name for stage in context.stages], nodes, needs)
