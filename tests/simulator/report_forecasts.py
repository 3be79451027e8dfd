"""Forecasts for the tests of reports: small and large ones, hostile names, and every rare case."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from compiler.plan.model import Estimate, Strategy
from sim_plans import Service, container, database, job, make_plan
from simulator.forecasting.forecast import Forecast, Makespan
from simulator.forecasting.run import forecast
from simulator.statistics.quantiles import Quantile

HOSTILE = (
    "</script><img src=x onerror=hacked()>",
    '"><svg onload=hacked()>',
    "line\u2028separator\u2029and\x00control\x1b[31m",
    "quotes'\"`and${hacked()}{{hacked()}}",
    "</style><style>*{display:none}</style>",
    "turned\u202egnp.exe",
    "=1+1",
    "a" * 300,
    "<!--",
    "javascript:hacked()",
    "]]>&amp;&lt;",
    "lone\ud800surrogate",
)


@cache
def small(strategy: Strategy = Strategy.BUILD_FIRST) -> Forecast:
    """Six services of all kinds, two slots, so that tasks wait."""
    services = [
        database("db"),
        job("migrate"),
        container("cache"),
        Service("web", after=("api",)),
        Service("api"),
        Service("admin"),
    ]
    estimates = (Estimate("build:web", 180.0), Estimate("deploy:web", 40.0, 60.0))
    plan = make_plan(services, strategy=strategy, builds=2, deploys=2, estimates=estimates)
    return forecast(plan, runs=400)


@cache
def large(count: int = 500) -> Forecast:
    """Many services in twelve stages, builds of very different lengths."""
    drawn = random.Random(3)
    services = [
        (Service if number % 5 else container)(
            f"team-{number % 17:02d}-{number:03d}", f"s-{number * 12 // count:02d}"
        )
        for number in range(count)
    ]
    estimates = tuple(
        Estimate(f"build:{each.name}", drawn.lognormvariate(4.5, 0.8)) for each in services if each.builds
    )
    return forecast(make_plan(services, estimates=estimates), runs=200)


@cache
def hostile() -> Forecast:
    """Every name of services, stages, tasks, terms and failures is an attack."""
    found = small()
    names = {each.name: HOSTILE[place % len(HOSTILE)] for place, each in enumerate(found.services)}
    stages = {
        stage: HOSTILE[-1 - place]
        for place, stage in enumerate(dict.fromkeys(s.stage for s in found.services))
    }

    def service(name: str) -> str:
        return names.get(name, name)

    def stage(name: str | None) -> str | None:
        return None if name is None else stages.get(name, name)

    def task(name: str) -> str:
        kind, _, rest = name.partition(":")
        return f"{kind}:{service(rest)}"

    runs = [
        replace(
            run,
            steps=tuple(
                replace(
                    step,
                    task=task(step.task),
                    services=tuple(map(service, step.services)),
                    stage=stage(step.stage),
                )
                for step in run.steps
            ),
            loads=tuple(replace(load, queue=HOSTILE[0], resource=HOSTILE[1]) for load in run.loads[:1])
            + run.loads[1:],
        )
        for run in (found.median_run, found.p90_run)
        if run is not None
    ]
    return replace(
        found,
        environment=HOSTILE[0],
        engine=HOSTILE[1],
        engine_reason=HOSTILE[2],
        scenario=HOSTILE[3],
        profile=HOSTILE[4],
        services=tuple(
            replace(each, name=service(each.name), stage=stages[each.stage]) for each in found.services
        ),
        tasks=tuple(
            replace(
                each,
                id=task(each.id),
                services=tuple(map(service, each.services)),
                stage=stage(each.stage),
                timed_out=0.01,
            )
            for each in found.tasks
        ),
        terms=tuple(replace(each, term=HOSTILE[place]) for place, each in enumerate(found.terms[:6])),
        spans=tuple(replace(span, stage=stage(span.stage)) for span in found.spans),
        swings=tuple(replace(swing, task=task(swing.task)) for swing in found.swings),
        uses=tuple(replace(use, queue=HOSTILE[0]) for use in found.uses),
        failures=tuple((f"build:{name}", 0.1) for name in HOSTILE[:4]),
        failed=0.4,
        timed_out=0.01,
        interrupted=True,
        median_run=runs[0],
        p90_run=runs[-1],
    )


def nothing_succeeded() -> Forecast:
    """Every run failed: no makespan, no spans, and a failed run to show."""
    nowhere = Quantile(0.0, None, None)
    return replace(
        small(),
        makespan=Makespan(nowhere, nowhere, nowhere, 0.0, None, 0.0, 0.0),
        makespans_s=(),
        spans=(),
        terms=(),
        swings=(),
        p90_run=None,
        failed=1.0,
        failures=(("build:web", 0.75), ("build:api", 0.25)),
    )


def bare() -> Forecast:
    """Without all that a forecast may be without."""
    found = small()
    return replace(found, p90_run=None, swings=(), median_run=replace(found.median_run, loads=()), uses=())


@cache
def empty() -> Forecast:
    """A plan without anything to do."""
    return forecast(make_plan([], check=False), runs=20)
