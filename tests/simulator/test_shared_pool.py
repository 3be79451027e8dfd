"""Many pipelines on one pool: the network of the crowd, the traffic, and the search for a size."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from compiler.plan.model import Plan, Resources, Strategy
from sim_plans import Service, container, make_plan
from simulator import engines
from simulator.drawing.streams import Floats, uniforms
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Registry, Scenario
from simulator.network import Network, from_plan
from simulator.report import pool_json, pool_text
from simulator.report.pool_schema import pool_schema
from simulator.studies import pool_search, shared_pool
from simulator.studies.pool_search import PoolForecast, Question
from simulator.studies.shared_pool import DAY_S, OFFICE, Traffic, Waits

GB = 1_000_000_000


def shop(strategy: Strategy = Strategy.BUILD_FIRST, builds: int = 4) -> Plan:
    services = [container("cache"), *(Service(f"web{n}") for n in range(builds))]
    return make_plan(services, strategy=strategy)


def drawn(network: Network, pipelines: int, seed: int = 1) -> Floats:
    rows = [uniforms(seed, ("took", each.id), pipelines) for each in network.activities]
    return np.array(rows) * 100


def run(
    network: Network, start_s: Floats, durations_s: Floats, cap: int | None, engine: str = "auto"
) -> Waits:
    crowd = shared_pool.crowd(network, len(start_s), cap=cap)
    return shared_pool.simulate(crowd, start_s, durations_s, engine=engine)


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("cap", [None, 2])
def test_every_engine_gives_the_same_waits(strategy: Strategy, cap: int | None) -> None:
    network = from_plan(shop(strategy))
    start_s, durations_s = np.sort(uniforms(1, ("starts",), 25)) * 1500, drawn(network, 25)
    reference = run(network, start_s, durations_s, cap, "simpy")
    assert reference.wait_s.max() > 0
    for engine in ("auto", "events"):
        found = run(network, start_s, durations_s, cap, engine)
        np.testing.assert_array_equal(found.wait_s, reference.wait_s)
        np.testing.assert_array_equal(found.held_s, reference.held_s)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_pipeline_alone_waits_as_in_its_own_forecast(strategy: Strategy) -> None:
    """What was left out of the copies does not matter to builds."""
    network = from_plan(shop(strategy, builds=12))
    durations_s = drawn(network, 1)
    trace = engines.simulate(network, durations_s, engine="simpy")
    builds = [index for index, each in enumerate(network.activities) if each.queue == 0]
    ready_s = [trace.finish_s[list(network.activities[index].needs)].max() for index in builds]
    found = run(network, np.zeros(1), durations_s, None)
    np.testing.assert_array_equal(found.wait_s[:, 0], trace.start_s[builds, 0] - np.array(ready_s))
    assert found.wait_s.max() > 0


def test_only_what_can_delay_a_build_is_copied() -> None:
    copied = shared_pool.crowd(from_plan(shop()), 3).network
    assert {each.id.partition(":")[0] for each in copied.activities} == {"start", "check", "build"}
    staged = shared_pool.crowd(from_plan(shop(Strategy.STAGED)), 3).network
    assert {each.id.partition(":")[0] for each in staged.activities} >= {"mirror", "deploy", "gate"}


def test_a_pipeline_keeps_its_own_cap_and_waiting_for_it_does_not_count() -> None:
    network = from_plan(shop(builds=6))
    found = run(network, np.zeros(1), np.full((len(network.activities), 1), 10.0), 2)
    assert (found.wait_s == 0).all(), "seven builders are enough for two builds at a time"
    crowd = shared_pool.crowd(network, 1, cap=2)
    trace = engines.simulate(
        crowd.network, crowd.durations_s(np.zeros(1), np.full((len(network.activities), 1), 10.0))
    )
    starts = sorted(trace.start_s[first, 0] for first, _ in crowd.builds)
    assert starts == [10.0, 10.0, 20.0, 20.0, 30.0, 30.0]


def test_deployment_slots_are_each_pipelines_own() -> None:
    network = from_plan(shop(Strategy.STAGED))
    crowd = shared_pool.crowd(network, 5)
    names = [queue.name for queue in crowd.network.queues]
    assert names == ["deploy"] * 5 + ["build"]


def test_builds_that_need_not_be_made_take_no_place() -> None:
    network = from_plan(shop(builds=7))
    builds = [index for index, each in enumerate(network.activities) if each.queue == 0]
    absent = np.zeros((len(network.activities), 2), dtype=np.bool_)
    absent[builds, 0] = True
    durations_s = np.where(absent, 0.0, 10.0)
    crowd = shared_pool.crowd(network, 2, absent=absent)
    found = shared_pool.simulate(crowd, np.zeros(2), durations_s)
    assert (found.wait_s == 0).all(), "all seven builders are the second pipeline's"
    assert found.held_s[:, 0].sum() == 0


def test_a_pool_of_another_size_is_the_crowd_made_for_it() -> None:
    start_s = np.sort(uniforms(1, ("starts",), 20)) * 300
    for slots in (2, 3, 9):
        pool = Resources(slots * 4000, slots * 4 * GB)
        other = from_plan(make_plan([Service(f"web{n}") for n in range(4)], builds=slots, pool=pool))
        crowd = shared_pool.crowd(from_plan(make_plan([Service(f"web{n}") for n in range(4)])), 20)
        durations_s = drawn(other, 20)
        found = shared_pool.simulate(
            crowd.with_pool((slots, pool.cpu_milli, pool.memory_bytes)), start_s, durations_s
        )
        np.testing.assert_array_equal(found.wait_s, run(other, start_s, durations_s, None).wait_s)
    with pytest.raises(ValueError, match="more than the pool has"):
        crowd.with_pool((7, 3999, 28 * GB))


def test_nothing_to_build_waits_for_nothing() -> None:
    with pytest.raises(ValueError, match="nothing is built"):
        shared_pool.crowd(from_plan(make_plan([container("cache")])), 2)


def test_starts_follow_the_profile() -> None:
    """Counts of 200 days: the mean of a Poisson count of n is n, its standard error sqrt(n)."""
    found = np.concatenate([shared_pool.starts(Traffic(120, OFFICE), 20, 1, run) for run in range(10)])
    assert abs(len(found) - 200 * 120) < 3 * np.sqrt(200 * 120)
    hours = np.bincount((found % DAY_S / 3600).astype(int), minlength=24)
    expected = np.array(OFFICE) / sum(OFFICE) * 200 * 120
    # 24 comparisons at once: 4 standard errors.
    assert (np.abs(hours - expected) < 4 * np.sqrt(expected)).all()
    single = shared_pool.starts(Traffic(120, OFFICE), 20, 1, 0)
    assert (np.diff(single) > 0).all()
    assert shared_pool.starts(Traffic(5, (0.0,) * 23 + (1.0,)), 3, 1, 0).min() >= 23 * 3600


@pytest.mark.parametrize(
    ("per_day", "weights"),
    [(0, OFFICE), (-1, OFFICE), (float("inf"), OFFICE), (5, (0.0,) * 24), (5, (1.0,)), (5, (-1.0,) * 24)],
)
def test_impossible_traffic(per_day: float, weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"needed|weights"):
        Traffic(per_day, weights)


@pytest.fixture(scope="module")
def searched() -> PoolForecast:
    return pool_search.forecast(model(shop()), Question(Traffic(60, OFFICE), 30.0, days=10))


def test_the_search_finds_what_the_whole_range_shows(searched: PoolForecast) -> None:
    everything = pool_search.forecast(
        model(shop()), Question(Traffic(60, OFFICE), 30.0, days=10), range(1, 13)
    )
    assert searched.best is not None
    assert everything.best == searched.best
    assert (everything.fewest, everything.safe) == (searched.fewest, searched.safe)
    assert searched.best.p95.value_s <= 30
    smaller = next(row for row in everything.rows if row.slots == searched.best.slots - 1)
    assert smaller.p95.value_s > 30
    assert set(searched.rows) <= set(everything.rows)
    assert searched.fewest is not None
    assert searched.safe is not None
    assert searched.fewest <= searched.best.slots <= searched.safe
    # What is used is what is asked for, wherever it waited.
    for row in everything.rows:
        assert row.used * row.slots == pytest.approx(everything.offered, rel=1e-9)


def test_builds_of_several_sizes_need_less_than_the_largest_in_every_slot() -> None:
    services = [Service("big", size=Resources(8000, 8 * GB)), *(Service(f"web{n}") for n in range(3))]
    plan = make_plan(services)
    found = pool_search.forecast(model(plan), Question(Traffic(60, OFFICE), 60.0, days=10))
    assert found.best is not None
    assert found.best.cpu_milli < 8000 * found.best.slots
    assert found.best.p95.value_s <= 60


def test_what_a_scenario_adds_to_builds_is_the_pools_as_well() -> None:
    """Pushes share one bandwidth, of all pipelines; nodes that have started are there for all."""
    narrow = Scenario(registry=Registry(bandwidth_bytes_s=21_000_000))
    cold = Scenario(builders=Builders(warm=1, maximum=7))
    question = Question(Traffic(40, OFFICE), 60.0, days=10)
    usual, pushed, started = (
        pool_search.forecast(model(shop(), scenario), question, range(7, 8))
        for scenario in (Scenario(), narrow, cold)
    )
    assert usual.assumed == pushed.assumed == started.assumed == usual.builds == 4
    assert pushed.rows[0].used > usual.rows[0].used, "a build holds its builder while it pushes"
    assert started.rows[0].used >= usual.rows[0].used
    assert started.rows[0].used < usual.rows[0].used * 1.1, "a node starts once"


def test_a_range_in_which_nothing_keeps_the_bound() -> None:
    found = pool_search.forecast(model(shop()), Question(Traffic(150, OFFICE), 1.0, days=10), range(1, 3))
    assert found.best is None
    text = pool_text.render(found)
    assert "none of these pools" in text
    assert pool_json.as_data(found)["best"] is None


def test_the_report_fits_a_screen(searched: PoolForecast) -> None:
    lines = pool_text.render(searched).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 110
    assert searched.best is not None
    assert f"{searched.best.slots} builders" in lines[0]
    data = pool_json.as_data(searched)
    assert data["best"]["builders"] == searched.best.slots
    assert [size["builders"] for size in data["sizes"]] == sorted(row.slots for row in searched.rows)


def test_the_json_is_what_its_schema_says(searched: PoolForecast) -> None:
    schema = pool_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(json.loads(pool_json.render(searched)))


def test_too_much_to_simulate_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        pool_search.forecast(model(shop()), Question(Traffic(1e6), days=10_000))


def test_progress_counts_the_runs_that_were_made() -> None:
    told: list[int] = []
    question = Question(Traffic(60, OFFICE), 30.0, days=10)
    pool_search.forecast(model(shop()), question, range(6, 8), progress=told.append)
    assert told == list(range(1, len(told) + 1))
    assert len(told) == 2 * pool_search.RUNS
