"""Variables and secrets: references that lead nowhere, and secrets where they must not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Findings, Label
from compiler.document.node import Node, shortened
from compiler.source import Span
from compiler.spec.context import Context, error, git_source, warning
from compiler.spec.interpolation import Reference, split
from compiler.spec.model import GitSource, JobService
from compiler.spec.resolve import MAX_ALL, MAX_CHANGES, MAX_VALUE, Problem, Scope
from compiler.spec.scopes import ServiceVariables
from compiler.spec.sources import SourceProblem
from compiler.spec.variables import Parts
from compiler.values.names import variable_prefix
from compiler.vocabulary import SecretRef, Strategy

if TYPE_CHECKING:
    from compiler.dockerfile.reader import Argument

_SECRET_KEY = re.compile(
    r"(?i)(?:^|_)(?:password|passwd|pwd|pass|passphrase|secret|token|api_?key|private_?key|access_?key|"
    r"secret_?key|secret_?key_?base|encryption_?key|credentials?)(?:_?\d*)$"
)


def check_variables(context: Context, findings: Findings) -> None:
    """Unknown names, cycles, braces that open nothing, values that no process can be given."""
    everything = context.all_variables
    for problem in everything.outer_problems():
        _report(context, problem, everything.outer.scope, findings)
    for variables in everything.by_service.values():
        for problem in variables.problems:
            _report(context, problem, variables.scope, findings)


def _report(context: Context, problem: Problem, scope: Scope, findings: Findings) -> None:
    if problem.kind == "malformed":
        hint = "write `{{NAME}}`, or `{{{{` for the braces themselves"
        error(findings, "STC607", problem.span, "`{{` opens no reference", hint=hint)
    elif problem.kind == "cycle":
        message = f"variables refer to each other: {_chain(problem.chain)}"
        if len(problem.chain) == 2:
            message = f"the variable `{problem.name}` refers to itself"
        error(findings, "STC602", problem.span, message, hint="take one of the references out")
    elif problem.kind == "long":
        message = f"the value is longer than the {MAX_VALUE:,} characters that a process can be given"
        error(findings, "STC106", problem.span, message, hint="put it into a file: `files` of the service")
    elif problem.kind == "large":
        message = f"the values of all variables together are longer than {MAX_ALL:,} characters"
        error(findings, "STC106", problem.span, message, hint="repeat less of them in each other")
    elif problem.kind == "changes":
        message = f"overrides change more than {MAX_CHANGES:,} values of the environment's variables"
        hint = "mention what is overridden in fewer variables, or override it in fewer services"
        error(findings, "STC106", problem.span, message, hint=hint)
    elif not _was_left_out(context, problem.name):
        suggestion = context.suggestions.closest(problem.name, scope.names())
        hint = f"did you mean `{suggestion}`?" if suggestion else "declare it"
        code = "STC603" if problem.kind == "alias" else "STC601"
        error(findings, code, problem.span, f"there is no variable `{shortened(problem.name)}`", hint=hint)


def _chain(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= 12 else (*names[:10], "...", names[-1])
    return " -> ".join(shown)


def _was_left_out(context: Context, name: str) -> bool:
    """Whether a variable is declared or offered by what could not be read, which has a finding already."""
    loaded = context.loaded
    if name in loaded.dropped_variables or ("variables",) in loaded.dropped:
        return True
    return any(name[:end] in loaded.dropped_prefixes for end, letter in enumerate(name) if letter == "_")


def check_literal_secrets(context: Context, findings: Findings) -> None:
    """Plain text under a name that says secret."""
    environment = context.environment
    sections = [environment.at.get("variables")]
    for service in context.services.values():
        sections.append(service.at.get("variables"))
        source = git_source(service)
        sections.append(source.at.get("args") if source is not None else None)
    for section in sections:
        for name, node in section.items() if section is not None else ():
            value = node if node.children is None else node.get("value")
            if value is None or not _SECRET_KEY.search(name) or not _is_literal(value):
                continue
            message = f"`{name}` looks like a secret, and its value stands in the file"
            hint = f"keep it in a Secret: `{name}: {{secret: {{name: ..., key: ...}}}}`"
            warning(
                findings,
                "STC604",
                value.span if value.start < value.end else node.key_span,
                message,
                hint=hint,
            )


def _is_literal(node: Node) -> bool:
    value = node.value
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
        return False
    return not any(isinstance(part, Reference) for part in split(str(value)))


def check_outputs(context: Context, findings: Findings) -> None:
    """Outputs of jobs that have not run yet when they are needed."""
    owners = {
        f"{variable_prefix(name)}_{output}": name
        for name, service in context.services.items()
        if isinstance(service, JobService)
        for output in service.outputs
    }
    if not owners:
        return
    everything = context.all_variables
    later: dict[str, set[str]] = {}
    for name, variables in everything.by_service.items():
        for mention in (*variables.mentions, *everything.outer_mentions(variables)):
            job = owners.get(mention.name)
            if job is None or job == name:
                continue
            if job not in later:
                later[job] = _run_after(context, job)
            if name not in later[job]:
                label = Label(context.services[job].at.key_span, "the job")
                message = f"`{name}` needs `{mention.name}`, but `{job}` may not have run by then"
                hint = f"put `{job}` into an earlier stage, or into the dependsOn of `{name}`"
                error(findings, "STC609", mention.span, message, labels=(label,), hint=hint)


def _run_after(context: Context, job: str) -> set[str]:
    """The services that are deployed after a job: those of later stages, and those that wait for it."""
    services, stage_of = context.services, context.stage_of
    pipeline = context.environment.pipeline
    has_barriers = pipeline is None or pipeline.strategy is not Strategy.DAG
    after: set[str] = set()
    if has_barriers and job in stage_of:
        after = {name for name, stage in stage_of.items() if stage > stage_of[job]}
    waiting: dict[str, list[str]] = {}
    for name, service in services.items():
        for other in service.depends_on:
            waiting.setdefault(other, []).append(name)
    todo = [job, *after]
    while todo:
        for name in waiting.get(todo.pop(), ()):
            if name not in after:
                after.add(name)
                todo.append(name)
    return after


def check_build_arguments(context: Context, findings: Findings) -> None:
    """Secrets as build arguments, and arguments that differ per environment."""
    for name, service in context.services.items():
        source = git_source(service)
        if source is None:
            continue
        variables = context.variables[name]
        for given, parts in variables.arguments.items():
            if _is_secret(parts):
                _secret_argument(findings, given, source.at.at(("args", given)).span)
        for argument in _declared_arguments(context, source):
            if argument.name in variables.arguments or argument.name not in variables.values:
                continue
            if _is_secret(variables.values[argument.name]):
                label = Label(variables.declared[argument.name].node.key_span, "the secret")
                _secret_argument(findings, argument.name, argument.span, (label,))
            else:
                _check_per_environment(context, variables, argument, findings)


def _is_secret(parts: Parts) -> bool:
    return any(isinstance(part, SecretRef) for part in parts)


def _secret_argument(findings: Findings, name: str, span: Span, labels: tuple[Label, ...] = ()) -> None:
    message = f"`{name}` holds a secret: as a build argument it would stay in the image's history"
    hint = "mount it: `build.secrets` in the spec, `RUN --mount=type=secret,id=...` in the Dockerfile"
    error(findings, "STC605", span, message, labels=labels, hint=hint)


def _declared_arguments(context: Context, source: GitSource) -> Iterator[Argument]:
    """The arguments that a Dockerfile of this repository declares; those of others are not known here."""
    try:
        resolved = context.sources.resolve(source)
        found = context.dockerfiles.get(resolved.dockerfile or "") if resolved.is_local else None
    except SourceProblem:
        return
    if found is not None:
        yield from found.declared_arguments(source.target)


def _check_per_environment(
    context: Context, variables: ServiceVariables, argument: Argument, findings: Findings
) -> None:
    """A variable that an overlay sets and a Dockerfile declares: every environment builds its own image."""
    sources = context.loaded.sources
    node = variables.declared[argument.name].node
    if len(sources) < 2 or node.source is sources[-1]:
        return
    label = Label(argument.span, "declared here")
    message = f"`{argument.name}` differs per environment and is a build argument, so no image can be shared"
    hint = "read it when the process starts, not when the image is built"
    warning(findings, "STC606", node.key_span, message, labels=(label,), hint=hint)
