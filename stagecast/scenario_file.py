"""Scenarios of an environment: a scenario file, `--set PATH=VALUE` and `--strategy`.

    checked = usable(*the_one(name))          # once: reads and checks the spec
    made = variant(checked, scenario_file=Path("cold.yaml"), sets=("queue=backfill",), strategy="dag")
    made.plan, made.scenario, made.name       # a Plan, a Scenario

A variant costs no second reading of the spec: many of one environment are
made from one `Checked`. What is wrong with a scenario is shown as findings are
(exit code 1); places lie in the file or in the argument. Later `--set`s win
over earlier ones, all of them over the file, and the file over the spec; a
null takes away what stands below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler.diagnostics.model import Diagnostic, Findings, Label, Severity
from compiler.document.load import read_document, read_source
from compiler.document.node import Node, shortened
from compiler.document.surprises import find_surprises
from compiler.driver import Checked, check_tuned, make_plan, settled, unsilenced
from compiler.plan.model import Estimate, Plan
from compiler.source import SourceFile
from compiler.spec.checks.resources import check_spread
from compiler.spec.model import Distribution
from compiler.spec.overlay import merge_chain
from compiler.spec.partial import read_partly
from compiler.spec.shape import camel_case
from compiler.values.suggest import closest
from simulator.modelling.durations import estimated_law
from simulator.modelling.laws import LONGEST_S, Law
from simulator.modelling.scenario import (
    FAILURE_KINDS,
    FASTEST_BYTES_S,
    NODE_START,
    Builders,
    Cluster,
    Failure,
    Registry,
    Scenario,
)
from stagecast.scenario_sets import read_set, strategy_document
from stagecast.scenario_shape import (
    LAWS,
    SCENARIO,
    ClusterNodes,
    FailureRate,
    Queues,
    RegistrySpeed,
    ScenarioFile,
    field_name,
    terms,
)
from stagecast.session import usable


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to forecast an environment: its plan under other settings, and what is assumed beside it.

    `checked` is the environment with these settings, for places in the spec.
    """

    name: str
    plan: Plan
    scenario: Scenario
    checked: Checked


def variant(
    checked: Checked,
    *,
    scenario_file: Path | None = None,
    sets: Sequence[str] = (),
    strategy: str | None = None,
    format_: str | None = None,
) -> Variant:
    """The environment under a scenario; without one, as the spec says.

    `format_` is that of the command's output, as for `session.usable`.

    Raises:
        typer.Exit: with 1, after what is wrong is shown.
        OSError: the file cannot be read.
    """
    findings = Findings()
    documents, sources = _documents(scenario_file, sets, strategy, findings)
    said = _read(documents, checked, findings) if documents else None
    scenario = _scenario(said, findings) if said is not None else Scenario()
    found = _settled(checked, findings, sources)
    if said is not None and not findings.has_errors:
        checked = check_tuned(checked, [overlay for each in documents if (overlay := _overlay(each))])
        found = (*found, *checked.standing)
    checked = usable(checked, found, format_)
    name = (said and said.name) or _name(scenario_file, sets, strategy)
    return Variant(name, make_plan(checked), replace(scenario, name=name), checked)


def _name(scenario_file: Path | None, sets: Sequence[str], strategy: str | None) -> str:
    parts = [scenario_file.stem] if scenario_file is not None else []
    parts += [*sets, *([f"strategy {strategy}"] if strategy is not None else [])]
    return ", ".join(parts) or Scenario().name


def _settled(checked: Checked, findings: Findings, sources: Sequence[SourceFile]) -> tuple[Diagnostic, ...]:
    """The findings about the scenario itself, with the ignores of its file and the project's severities."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    return unsilenced(errors, settled(checked.job, findings, sources, complete=not errors))


def _documents(
    scenario_file: Path | None, sets: Sequence[str], strategy: str | None, findings: Findings
) -> tuple[list[Node], list[SourceFile]]:
    """All that is said, what wins first; and the file, where there is one."""
    found = [strategy_document(strategy)] if strategy is not None else []
    found += [node for each in reversed(sets) if (node := read_set(each, findings)) is not None]
    source = read_source(scenario_file, findings) if scenario_file is not None else None
    root = read_document(source, findings, "a scenario") if source is not None else None
    if root is not None:
        find_surprises(root, findings)
        found.append(root)
    return found, [source] if source is not None else []


def _read(documents: list[Node], checked: Checked, findings: Findings) -> ScenarioFile | None:
    """The documents over each other, typed."""
    nothing = Node({}, {}, documents[-1].source, 0, 0)
    root = merge_chain([*documents, nothing])
    said: ScenarioFile | None = read_partly(SCENARIO, root, {}, findings).value
    assert checked.context is not None
    known = checked.context.services
    services = root.get("services")
    for name, node in services.items() if services is not None else ():
        if name not in known:
            suggestion = closest(name, known)
            hint = f"did you mean `{suggestion}`?" if suggestion else f"{checked.sources[0].path} lists them"
            message = f"there is no service `{shortened(name)}`"
            findings.add(Diagnostic("STC205", Severity.ERROR, message, node.key_span, hint=hint))
    return said


def _overlay(document: Node) -> Node | None:
    """What a document changes of the spec; None for nothing."""
    children = {}
    if (pipeline := document.get("pipeline")) is not None:
        children["pipeline"] = pipeline
    services = document.get("services")
    changed = {
        name: node.with_children({"estimates": estimates})
        for name, node in (services.items() if services is not None else ())
        if (estimates := node.get("estimates")) is not None
    }
    if services is not None and changed:
        children["services"] = services.with_children(changed)
    return document.with_children(children) if children else None


def _scenario(said: ScenarioFile, findings: Findings) -> Scenario:
    """What the simulator assumes; where something cannot be, that is in `findings`."""
    default = Scenario()
    queue = said.queue
    return Scenario(
        build_policy=queue.build if isinstance(queue, Queues) else queue,
        deploy_policy=queue.deploy if isinstance(queue, Queues) else queue,
        builders=_builders(said, findings),
        registry=_registry(said, findings),
        cluster=_cluster(said, findings),
        failures=dict(_failures(said)),
        laws=dict(_laws(said, findings)),
        image_bytes={
            name: service.image
            for name, service in (said.services or {}).items()
            if service.image is not None
        },
        correlation=default.correlation if said.correlation is None else said.correlation,
    )


def _builders(said: ScenarioFile, findings: Findings) -> Builders | None:
    nodes = said.builders
    if nodes is None:
        return None
    if nodes.maximum is not None and nodes.warm > nodes.maximum:
        span = nodes.at.at(("warm",)).place
        label = Label(nodes.at.at(("maximum",)).place, "the maximum")
        message = f"{nodes.warm} nodes at the start are more than {nodes.maximum} at any time"
        hint = "make `maximum` at least `warm`"
        findings.add(Diagnostic("STC106", Severity.ERROR, message, span, labels=(label,), hint=hint))
    start = _law(nodes.start, nodes.at.at(("start",)), NODE_START, findings)
    return Builders(nodes.warm, nodes.maximum, start or NODE_START)


def _registry(said: ScenarioFile, findings: Findings) -> Registry:
    speed, default = said.registry, Registry()
    if speed is None:
        return default
    return Registry(
        _speed(speed, "connection", findings) or default.connection_bytes_s,
        _speed(speed, "bandwidth", findings),
    )


def _cluster(said: ScenarioFile, findings: Findings) -> Cluster:
    cluster, default = said.cluster, Cluster()
    if cluster is None:
        return default
    pull = _speed(cluster, "pull", findings) or default.pull_bytes_s
    return Cluster(cluster.nodes, pull, cluster.warm, cluster.first_install)


def _speed(record: RegistrySpeed | ClusterNodes, name: str, findings: Findings) -> int | None:
    """Bytes a second, where something is said and can be."""
    bytes_s: int | None = getattr(record, name)
    if bytes_s is not None and bytes_s > FASTEST_BYTES_S:
        message = "nothing moves a petabyte a second or more"
        span = _place(record, name).place
        findings.add(Diagnostic("STC106", Severity.ERROR, message, span, hint="write for example 100MB"))
        return None
    return bytes_s


def _failures(said: ScenarioFile) -> Iterator[tuple[str, Failure]]:
    for kind in FAILURE_KINDS:
        rate: float | FailureRate | None = getattr(said.failures, kind, None)
        if isinstance(rate, FailureRate):
            yield kind, Failure(rate.probability, rate.retries)
        elif rate is not None:
            yield kind, Failure(rate)


def _laws(said: ScenarioFile, findings: Findings) -> Iterator[tuple[tuple[str, str], Law]]:
    """The laws that are said, by term and what it is about; what is said of all is said of each."""
    for term, abouts in terms().items():
        value = getattr(said.terms, field_name(term), None)
        if value is None:
            continue
        node = _place(said.terms, term)
        for about in abouts:
            if isinstance(value, float | Distribution):
                law = _law(value, node, LAWS[term, about].law, findings)
            else:
                key = about if getattr(value, field_name(about)) is not None else "any"
                said_of_it = getattr(value, field_name(key))
                law = _law(said_of_it, _place(value, key), LAWS[term, about].law, findings)
            if law is not None:
                yield (term, about), law


def _place(record: Any, words: str) -> Node:
    """Where a member of a record stands."""
    node: Node = record.at.at((camel_case(field_name(words)),))
    return node


def _law(said: float | Distribution | None, at: Node, default: Law, findings: Findings) -> Law | None:
    """The law that somebody gives; a plain duration has the spread of the default that it replaces."""
    if said is None:
        return None
    if isinstance(said, Distribution):
        check_spread(said, findings)
        estimate = Estimate("", said.fixed or said.median or 0.0, said.p90, said.fixed is not None)
    else:
        estimate = Estimate("", said)
    longest = max(estimate.median_s, estimate.p90_s or 0.0)
    if longest > LONGEST_S:
        message = "no part of a pipeline takes longer than thirty years"
        hint = f"write at most {LONGEST_S / 86400:.0f}d"
        findings.add(Diagnostic("STC106", Severity.ERROR, message, at.place, hint=hint))
        return None
    if estimate.p90_s is not None and estimate.p90_s < estimate.median_s:
        return None
    law = estimated_law(estimate, default.sigma)
    if law.spread_source == "estimate":
        law = replace(law, spread_source="scenario")
    return replace(law, source="scenario")
