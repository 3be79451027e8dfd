"""What a scenario file says, as typed records: the source of schemas/scenario.schema.json.

A scenario is put over a spec for a forecast: `pipeline` and `services` change
what the spec says, the rest is what the simulator assumes of the world. Values
are written as in a spec. `stagecast.scenario_file` makes of it what the
simulator takes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from compiler.document.node import Node
from compiler.spec.model import (
    CPU,
    DISTRIBUTION,
    DURATION,
    ESTIMATES,
    MEMORY,
    PIPELINE,
    POSITIVE_DURATION,
    Distribution,
    Estimates,
    Pool,
)
from compiler.spec.schema import document_schema
from compiler.spec.shape import (
    ByType,
    Choice,
    Flag,
    Integer,
    JsonSchema,
    MapOf,
    Parsed,
    Record,
    Shape,
    Text,
    member,
)
from compiler.values import quantities
from compiler.vocabulary import Strategy
from simulator.modelling import defaults, profiles
from simulator.modelling.defaults import Default
from simulator.network import Policy

SHARE = Parsed(
    "stagecast-share",
    quantities.SHARE_PATTERN,
    quantities.parse_share,
    ("number", quantities.SHARE_MINIMUM, quantities.SHARE_MAXIMUM),
)
DURATION_OR_SPREAD = ByType(DURATION, DISTRIBUTION)
COUNT = Integer(0, 10_000)
AT_LEAST_ONE = Integer(1, 10_000)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TunedBuilds:
    """Other limits of the builds than the spec's."""

    at: Node
    parallelism: int | None = member(
        AT_LEAST_ONE, "Builds at a time. Default: the spec's.", default=None, examples=(14,)
    )
    cpu: int | None = member(CPU, "CPU of one build. Default: the spec's.", default=None, examples=(2,))
    memory: int | None = member(
        MEMORY, "Memory of one build. Default: the spec's.", default=None, examples=("2GB",)
    )
    timeout: float | None = member(
        POSITIVE_DURATION,
        "A build that takes longer fails. Default: the spec's.",
        default=None,
        examples=("30m",),
    )
    pool: Pool | None = member(
        Record(Pool), "What all running builds together may use. Default: the spec's.", default=None
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TunedDeployments:
    """Other limits of the deployments than the spec's."""

    at: Node
    parallelism: int | None = member(
        AT_LEAST_ONE, "Deployments at a time. Default: the spec's.", default=None, examples=(7,)
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TunedPipeline:
    """Another order of the work and other limits than the spec's."""

    at: Node
    strategy: Strategy | None = member(
        PIPELINE.shape("strategy"), "What waits for what. Default: the spec's.", default=None
    )
    build: TunedBuilds | None = member(Record(TunedBuilds), "How images are built.", default=None)
    deploy: TunedDeployments | None = member(
        Record(TunedDeployments), "How services are deployed.", default=None
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ServiceAssumptions:
    """What is assumed of one service."""

    at: Node
    estimates: Estimates | None = member(
        ESTIMATES, "How long it takes, over what the spec says.", default=None
    )
    image: int | None = member(
        MEMORY, "Size of its image. Default: 200MB.", default=None, examples=("350MB",)
    )


POLICY = Choice(
    Policy,
    {
        "fifo": "First in, first out: who does not fit yet blocks all behind.",
        "backfill": "First in, first out, but what fits may overtake what does not.",
        "longest-first": "Whoever is expected to take longest, of all that fit.",
    },
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Queues:
    """Whom a free slot goes to next, for builds and for deployments apart."""

    at: Node
    build: Policy = member(POLICY, "Of the builds that wait.", default=Policy.FIFO)
    deploy: Policy = member(POLICY, "Of the mirrors and deployments that wait.", default=Policy.FIFO)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuilderNodes:
    """Nodes for builds that start on demand, one build each, and stay until the pipeline ends."""

    at: Node
    warm: int = member(COUNT, "How many there are when the pipeline starts.", default=0)
    maximum: int | None = member(
        AT_LEAST_ONE, "The most at any time. Default: the builds at a time.", default=None, examples=(7,)
    )
    start: float | Distribution | None = member(
        DURATION_OR_SPREAD, "How long a node takes to come up.", default=None, shown_default="90s"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RegistrySpeed:
    """How fast images move, in bytes a second."""

    at: Node
    connection: int | None = member(
        MEMORY, "What one connection moves a second.", default=None, shown_default="20MB"
    )
    bandwidth: int | None = member(
        MEMORY,
        "What all connections together move a second. Default: no transfer slows another down.",
        default=None,
        examples=("100MB",),
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClusterNodes:
    """Where pods run, and how images come there."""

    at: Node
    nodes: int | None = member(
        AT_LEAST_ONE,
        "How many nodes; each pulls one image at a time. Default: no pull waits for another.",
        default=None,
        examples=(5,),
    )
    pull: int | None = member(
        MEMORY, "What a node pulls and unpacks a second.", default=None, shown_default="20MB"
    )
    warm: float = member(SHARE, "How often a node has the image already.", default=0.0, shown_default="0%")
    first_install: bool = member(
        Flag(), "Nothing runs yet: no rolling update has to go pod by pod.", default=False
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FailureRate:
    """How often a task fails, and is tried again."""

    at: Node
    probability: float = member(SHARE, "How often an attempt fails.", examples=("2%",))
    retries: int | None = member(
        Integer(0, 100), "How often it is tried again. Default: what the plan says.", default=None
    )


FAILURE = ByType(SHARE, Record(FailureRate))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FailureRates:
    """How often tasks fail, by kind. Default: never."""

    at: Node
    check: float | FailureRate | None = member(FAILURE, "The check before anything starts.", default=None)
    build: float | FailureRate | None = member(FAILURE, "A build.", default=None, examples=("2%",))
    mirror: float | FailureRate | None = member(FAILURE, "The copy of a prebuilt image.", default=None)
    deploy: float | FailureRate | None = member(FAILURE, "A deployment.", default=None)
    job: float | FailureRate | None = member(FAILURE, "A deployment that runs a job.", default=None)


LAWS: dict[tuple[str, str], Default] = {**defaults.DEFAULTS, **profiles.DEFAULTS}
"""The default law of every term and what it is about."""


def terms() -> dict[str, tuple[str, ...]]:
    """Every term that has a law of its own, and what it can be about."""
    found: dict[str, list[str]] = {}
    for term, about in LAWS:
        found.setdefault(term, []).append(about)
    return {term: tuple(abouts) for term, abouts in found.items()}


def field_name(words: str) -> str:
    """Words as the name of a field: `managed_database`, which is `managedDatabase` in a file."""
    return words.replace(" ", "_")


def _record(title: str, doc: str, members: dict[str, tuple[Shape, str]]) -> Record:
    """A record whose keys come from a table."""
    fields = [
        (field_name(words), Any, member(shape, text, default=None))
        for words, (shape, text) in members.items()
    ]
    model = dataclasses.make_dataclass(title, [("at", Node), *fields], frozen=True, kw_only=True)
    model.__doc__ = doc
    return Record(model)


def _term(term: str, abouts: tuple[str, ...]) -> Shape:
    """One law; where the term is about several things, one for all of them, or for each its own."""
    if abouts == ("any",):
        return DURATION_OR_SPREAD
    title = "".join(word.capitalize() for word in (*term.split(), "term"))
    doc = f"How long the term `{term}` takes, by what it is about."
    others = {about: f"Of: {about}.{_default(term, about)}" for about in abouts if about != "any"}
    others = {"any": f"Of all others.{_default(term, 'any')}"} | others
    return ByType(
        DURATION,
        _record(title, doc, {about: (DURATION_OR_SPREAD, text) for about, text in others.items()}),
    )


def _default(term: str, about: str) -> str:
    """What is assumed where nothing is said, for people; nothing where there is no such law."""
    law = LAWS.get((term, about))
    return "" if law is None else f" Default: a median of {law.median_s:g}s, P90 {law.law.p90_s:g}s."


TERMS = _record(
    "Terms",
    "How long the parts of tasks take, over the forecast's defaults.",
    {
        term: (
            _term(term, abouts),
            f"The term `{term}`.{_default(term, 'any') if abouts == ('any',) else ''}",
        )
        for term, abouts in terms().items()
    },
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScenarioFile:
    """What a forecast assumes, over a spec: other limits and estimates, and the world around."""

    at: Node
    name: str | None = member(
        Text(min_length=1, max_length=100),
        "Name of the scenario in reports. Default: the file's name.",
        default=None,
        examples=("cold start",),
    )
    pipeline: TunedPipeline | None = member(
        Record(TunedPipeline), "Another order of the work and other limits than the spec's.", default=None
    )
    services: dict[str, ServiceAssumptions] | None = member(
        MapOf(Record(ServiceAssumptions)), "What is assumed of services of the spec, by name.", default=None
    )
    queue: Policy | Queues = member(
        ByType(POLICY, Record(Queues)),
        "Whom a free slot goes to next.",
        default=Policy.FIFO,
        examples=("backfill", {"build": "longest-first"}),
    )
    builders: BuilderNodes | None = member(
        Record(BuilderNodes),
        "Builder nodes that start on demand. Default: every build slot is ready.",
        default=None,
    )
    registry: RegistrySpeed | None = member(Record(RegistrySpeed), "The mirroring registry.", default=None)
    cluster: ClusterNodes | None = member(Record(ClusterNodes), "Where pods run.", default=None)
    failures: FailureRates | None = member(Record(FailureRates), "How often tasks fail.", default=None)
    terms: Any = member(TERMS, "How long the parts of tasks take.", default=None)
    correlation: float | None = member(
        SHARE, "How much the durations of one run have in common.", default=None, shown_default=0.3
    )


SCENARIO = Record(ScenarioFile)


def scenario_schema() -> JsonSchema:
    """The schema of a scenario file."""
    return document_schema(SCENARIO, "Stagecast scenario, for a forecast")
