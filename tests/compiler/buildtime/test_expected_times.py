"""The expected time of a rebuild, its profile for the simulator, and rebuilds without a history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_graphs import graph_of, tree
from compiler.buildtime.assumed import REBUILDS, assumed_replay
from compiler.buildtime.defaults import DEFAULTS, SPEEDS
from compiler.buildtime.durations import StepTime, step_times
from compiler.buildtime.expected import expected_s, image_layers, layer_s
from compiler.buildtime.measured import Measured
from compiler.buildtime.profile import build_profile
from compiler.layers.model import BuildGraph, Replay

START_S = DEFAULTS["overhead", "start"].median_s
FINISH_S = DEFAULTS["overhead", "finish"].median_s
GOOD = """\
FROM node
RUN apk add git
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build
"""
BAD = "FROM node\nCOPY . .\nRUN apk add git\nRUN npm ci\nRUN npm run build\n"
DIAMOND = "FROM a AS x\nRUN one\nFROM a AS y\nRUN two\nFROM a\nCOPY --from=x /1 /\nCOPY --from=y /2 /\n"


def replay_of(graph: BuildGraph, *missed: tuple[int, ...]) -> Replay:
    return Replay(graph, tuple(str(n) for n in range(len(missed))), (False,) * len(missed), missed)


def fixed(*seconds: float) -> tuple[StepTime, ...]:
    return tuple(StepTime(each, each, "") for each in seconds)


def test_the_longest_path_and_the_mean_over_builds() -> None:
    graph = graph_of(DIAMOND)
    kinds = [f"{step.instruction.arguments}" for step in graph.steps]
    seconds = [{"one": 30.0, "two": 50.0}.get(each, 0.0) for each in kinds]
    one, two = kinds.index("one"), kinds.index("two")
    times = fixed(*seconds)
    always = START_S + FINISH_S
    assert expected_s(graph, times, replay_of(graph, (one, two))) == pytest.approx(always + 50)
    assert expected_s(graph, times, replay_of(graph, (one,))) == pytest.approx(always + 30)
    assert expected_s(graph, times, replay_of(graph, (one, two), (one,), (), ())) == pytest.approx(
        always + 20
    )
    assert expected_s(graph, times, replay_of(graph)) == 0


def test_new_layers_of_the_image_are_pushed_and_the_context_is_sent() -> None:
    graph = graph_of("FROM a AS x\nRUN one\nFROM a\nCOPY --from=x /1 /\nCOPY . .\n")
    layers = image_layers(graph)
    assert [graph.steps[each].instruction.name for each in sorted(layers)] == ["COPY", "COPY"]
    times = [StepTime(0, 0, "", layer_bytes=85_000_000, context_bytes=140_000_000)] * len(graph.steps)
    every = tuple(range(len(graph.steps)))
    push = 2 * (1 + 85e6 / SPEEDS["push"].bytes_per_s)
    found = expected_s(graph, times, replay_of(graph, every))
    assert found == pytest.approx(START_S + FINISH_S + 1 + push)
    assert layer_s(times[0]) == pytest.approx(push / 2)


def test_a_spread_counts_in_the_mean() -> None:
    graph = graph_of("FROM a\nRUN one\n")
    times = (*fixed(0), StepTime(10, 20, ""))
    assert expected_s(graph, times, replay_of(graph, (1,))) > START_S + FINISH_S + 11


def test_assumed_rebuilds_change_what_people_change() -> None:
    context = tree({"package.json": 1, "package-lock.json": 1, "src/a.ts": 1, "Dockerfile": 1})
    for known in (context, None):
        good, bad = graph_of(GOOD), graph_of(BAD)
        rates = [assumed_replay(good, known).miss_rate(step) for step in range(len(good.steps))]
        assert rates == [0.0, 0.0, 0.29, 0.29, 1.0, 1.0]
        assert set(assumed_replay(bad, known).missed) == {(1, 2, 3, 4)}
    saved = [
        expected_s(each, step_times(each, context), assumed_replay(each, context)) for each in (bad, good)
    ]
    npm = DEFAULTS["install", "npm"].median_s
    assert saved[0] - saved[1] > 0.7 * npm


@pytest.mark.parametrize(
    ("copy", "rate"),
    [
        ("COPY nginx.conf /etc/", 0.05),
        ("COPY main.go .", 1.0),
        ("COPY go.* ./", 0.29),
        ("COPY go.mod nginx.conf ./", pytest.approx(0.32, abs=0.02)),
        ("COPY src/ src/", 1.0),
        ("COPY requirements/ requirements/", 0.29),
        ("COPY --from=other /x /x", 0.0),
        ("RUN --mount=type=bind,source=go.sum,target=go.sum true", 0.29),
        ("RUN true", 0.0),
    ],
)
def test_how_often_a_step_is_assumed_to_run(copy: str, rate: object) -> None:
    graph = graph_of(f"FROM a\n{copy}\n")
    files = ["nginx.conf", "main.go", "go.mod", "go.sum", "src/x.go", "requirements/a.txt"]
    found = assumed_replay(graph, tree(dict.fromkeys(files, 1)))
    assert found.miss_rate(len(graph.steps) - 1) == rate
    assert len(found.revisions) == REBUILDS
    assert found.missed == assumed_replay(graph, tree(dict.fromkeys(files, 1))).missed


def test_what_is_made_of_manifests_changes_with_them() -> None:
    graph = graph_of(
        "FROM rust AS plan\nCOPY . .\nRUN cargo chef prepare\n"
        "FROM rust\nCOPY --from=plan /recipe.json .\nRUN cargo chef cook\nCOPY . .\nRUN cargo build\n"
    )
    found = assumed_replay(graph, None)
    rates = {step.instruction.arguments: found.miss_rate(step.index) for step in graph.steps}
    assert rates["cargo chef prepare"] == rates["cargo build"] == 1.0
    assert rates["--from=plan /recipe.json ."] == rates["cargo chef cook"] == 0.29
    graph = graph_of("FROM a AS b\nCOPY . .\nRUN make\nFROM a\nCOPY --from=b /bin/x /x\n")
    assert assumed_replay(graph, None).miss_rate(len(graph.steps) - 1) == 1.0


def test_a_profile_has_the_steps_that_can_run_and_those_of_the_build() -> None:
    graph = graph_of(GOOD)
    context = tree({"package.json": 1, "package-lock.json": 1, "src/a.ts": 14_000_000})
    times = step_times(graph, context)
    profile = build_profile(
        "build:web", graph, times, replay_of(graph, (4, 5), (4, 5), (2, 3, 4, 5)), context
    )
    assert [step.name for step in profile.steps] == [
        "start, and the context is sent",
        "line 3: COPY package.json package-lock.json ./",
        "line 4: RUN npm ci",
        "line 5: COPY . .",
        "line 6: RUN npm run build",
        "push of line 4: RUN npm ci",
        "push of line 5: COPY . .",
        "push of line 6: RUN npm run build",
        "finish: export and push",
    ]
    assert [step.needs for step in profile.steps] == [
        *((), (0,), (0, 1), (0, 2), (0, 3)),
        *(tuple(range(5)), (5,), (6,), (7,)),
    ]
    assert [(each.runs, each.weight) for each in profile.outcomes] == [
        ((0, 1, 2, 3, 4, 5, 6, 7, 8), 1.0),
        ((0, 3, 4, 6, 7, 8), 2.0),
    ]
    assert profile.builds == 3
    assert profile.steps[0].median_s == pytest.approx(START_S + 0.1, abs=1e-6)


def test_a_profile_takes_as_long_as_expected() -> None:
    """The simulator's model of a profile and the expected time are the same sum, where nothing is drawn."""
    graph = graph_of(GOOD)
    context = tree({"package.json": 1, "src/a.ts": 5_000_000})
    times = [replace(each, p90_s=each.median_s) for each in step_times(graph, context)]
    replay = replay_of(graph, (4, 5), (2, 3, 4, 5), (1, 2, 3, 4, 5), ())
    profile = build_profile("x", graph, times, replay, context)
    total = 0.0
    for outcome in profile.outcomes:
        ends: list[float] = []
        for number, step in enumerate(profile.steps):
            begin = max((ends[need] for need in step.needs), default=0.0)
            ends.append(begin + (step.median_s if number in outcome.runs else 0.0))
        total += outcome.weight * max(ends)
    assert total / 4 == pytest.approx(expected_s(graph, times, replay), abs=0.2)


def test_assumed_rebuilds_are_no_builds_of_a_history() -> None:
    graph = graph_of(GOOD)
    profile = build_profile("x", graph, step_times(graph, None), assumed_replay(graph, None), None)
    assert profile.builds == 0
    assert sum(each.weight for each in profile.outcomes) == REBUILDS


def test_measured_overheads_are_used() -> None:
    graph = graph_of(GOOD)
    measured = Measured(overheads={"context": (3.0, 4.0, 5.0), "export": (9.0,)})
    profile = build_profile(
        "x", graph, step_times(graph, None, measured), assumed_replay(graph, None), None, measured
    )
    assert profile.steps[0].median_s == START_S + 4
    assert profile.steps[-1].median_s == 9
    assert profile.steps[-1].measured
    assert not any(step.name.startswith("push") for step in profile.steps)


INSTRUCTIONS = st.sampled_from(
    [
        "RUN npm ci",
        "RUN true",
        "RUN make",
        "RUN $(",
        "RUN <<E",
        'RUN ["a"]',
        "COPY . .",
        "COPY a.txt b/",
        "COPY --from=b /x /y",
        "COPY --from=0 /x /y",
        "COPY --link a /b",
        "ADD https://x/y /z",
        "WORKDIR /x",
        "ARG A",
        "ENV B=$A",
        "USER x",
        'SHELL ["cmd"]',
        "ONBUILD RUN make",
        "FROM a AS b",
        "FROM b",
        "FROM scratch",
    ]
)


@given(st.lists(INSTRUCTIONS, max_size=12), st.booleans())
def test_any_dockerfile_has_times_and_a_profile_that_makes_sense(lines: list[str], known: bool) -> None:
    graph = graph_of("FROM a\n" + "\n".join(lines) + "\n")
    context = tree({"a.txt": 3, "src/main.go": 9}) if known else None
    times = step_times(graph, context)
    replay = assumed_replay(graph, context)
    assert len(times) == len(graph.steps)
    assert 0 <= expected_s(graph, times, replay) < 1e6
    profile = build_profile("x", graph, times, replay, context)
    for number, step in enumerate(profile.steps):
        assert all(need < number for need in step.needs)
        assert 0 < step.median_s <= step.p90_s
    for outcome in profile.outcomes:
        assert outcome.weight > 0
        assert all(0 <= each < len(profile.steps) for each in outcome.runs)
