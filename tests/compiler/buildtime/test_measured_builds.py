"""Build logs: what docker, buildx, Compose and CI services print, and what nobody should."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_graphs import graph_of
from compiler.buildtime.durations import step_times
from compiler.buildtime.measured import Measured, read_log, told

PLAIN = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 400B done
#1 DONE 0.0s

#4 [internal] load build context
#4 transferring context: 10.5MB 1.2s done
#4 DONE 1.3s

#5 [build 1/4] FROM docker.io/library/node:22
#5 DONE 0.0s

#6 [build 2/4] COPY package.json ./
#6 CACHED

#7 [build 3/4] RUN npm ci
#7 0.345 DONE 99.0s
#7 ...

#8 [stage-1 2/3] RUN apk add   --no-cache git
#8 DONE 2.5s

#7 [build 3/4] RUN npm ci
#7 12.30 added 400 packages
#7 DONE 12.4s

#9 [build 4/4] RUN npm run build
#9 ERROR: process "/bin/sh -c npm run build" did not complete successfully: exit code: 1

#10 exporting to image
#10 exporting layers 2.1s done
#10 DONE 2.2s
"""


def test_a_plain_log() -> None:
    found = read_log(PLAIN)
    assert found.steps == {
        ("build", "RUN npm ci"): (12.4,),
        ("stage-1", "RUN apk add --no-cache git"): (2.5,),
    }
    assert found.overheads == {"context": (1.3,), "export": (2.2,)}
    assert found.problems == ()


@pytest.mark.parametrize(
    "changed",
    [
        PLAIN.replace("\n", "\r\n"),
        "\n".join(f"2024-03-13T07:49:45.4332253Z {line}" for line in PLAIN.split("\n")),
        PLAIN.replace("[build", "[linux/amd64 build").replace("[stage-1", "[linux/arm64 stage-1"),
        PLAIN.replace("[build", "[web build").replace("[stage-1", "[web stage-1"),
        PLAIN.replace("3/4]", " 3/14]"),
    ],
)
def test_other_printers(changed: str) -> None:
    assert read_log(changed).steps == read_log(PLAIN).steps


def test_several_logs_are_several_samples() -> None:
    slower = PLAIN.replace("12.4s", "20.4s")
    found = read_log(PLAIN + slower + PLAIN)
    assert found.steps["build", "RUN npm ci"] == (12.4, 20.4, 12.4)
    assert found.overheads["context"] == (1.3, 1.3, 1.3)


def test_a_raw_log() -> None:
    def vertex(name: str, **more: object) -> dict[str, object]:
        return {"digest": "sha256:" + name, "name": name, **more}

    start, end = "2024-03-13T07:49:45.433225300Z", "2024-03-13T07:49:57.833225300Z"
    lines = [
        {"vertexes": [vertex("[build 2/3] RUN npm ci", started=start)]},
        {"logs": [{"vertex": "x", "data": "e30="}]},
        {"vertexes": [vertex("[build 2/3] RUN npm ci", started=start, completed=end)]},
        {"vertexes": [vertex("[build 3/3] RUN x", started=start, completed=end, cached=True)]},
        {"vertexes": [vertex("[build 3/3] RUN y", started=start, completed=end, error="no")]},
        {"vertexes": [vertex("[internal] load build context", started=start, completed=end)]},
        {"vertexes": [vertex("[build 3/3] RUN z", started="never", completed=5), 7, None]},
        {"vertexes": 5},
    ]
    text = (
        "\n".join(json.dumps(line) for line in lines)
        + '\n{"vertexes": [\n'
        + '{"vertexes":'
        + "[" * 9999
        + "\n"
    )
    found = read_log(text)
    assert set(found.steps) == {("build", "RUN npm ci")}
    assert found.steps["build", "RUN npm ci"] == pytest.approx((12.4,))
    assert set(found.overheads) == {"context"}
    assert found.overheads["context"] == pytest.approx((12.4,))


def test_a_log_without_steps_says_so() -> None:
    for text in ("", "hello\n", "#1 hello\n#1 DONE 3s\n", "{}\n"):
        assert len(read_log(text).problems) == 1
        assert read_log(text).steps == {}


DOCKERFILE = """\
FROM node:22 AS build
ARG MODE=production
COPY package.json ./
RUN npm ci
RUN npm   run "build" \\
  -- --mode $MODE
FROM alpine
RUN apk add --no-cache git
"""


def test_steps_are_found_by_stage_and_text() -> None:
    graph = graph_of(
        DOCKERFILE.replace("FROM alpine", "COPY . .\nRUN npm test\nFROM alpine\nCOPY --from=build /x /")
    )
    log = PLAIN.replace("#9 ERROR", "#9 X").replace(
        "RUN npm run build", "RUN npm run build   -- --mode production"
    )
    log += "#9 DONE 7.5s\n"
    times = step_times(graph, None, read_log(log))
    found = {step.instruction.arguments.split()[0]: times[step.index] for step in graph.steps}
    assert found["apk"].measured
    assert found["apk"].median_s == 2.5
    assert found["apk"].basis == "measured once"
    measured = [each.median_s for each in times if each.measured]
    assert measured == [12.4, 7.5, 2.5]
    # The spread of one sample is that of the table.
    [npm] = [each for each in times if each.median_s == 12.4]
    assert npm.p90_s == pytest.approx(12.4 * 1.5, rel=0.01)


def test_from_five_samples_on_the_spread_is_theirs() -> None:
    graph = graph_of("FROM a\nRUN x\n")
    samples = tuple(float(each) for each in range(1, 20))
    [_, time_] = step_times(graph, None, Measured({("", "RUN x"): samples}))
    assert (time_.median_s, time_.p90_s) == (10, 18)
    assert time_.basis == "measured 19 times"


def test_a_text_with_two_meanings_has_none() -> None:
    graph = graph_of("FROM a\nRUN make $TARGET\n")
    found = Measured({("", "RUN make a"): (1.0,), ("", "RUN make b"): (2.0,)})
    assert not step_times(graph, None, found)[1].measured
    assert step_times(graph, None, Measured({("", "RUN make a"): (1.0,)}))[1].measured


def test_told() -> None:
    assert told("run  a\t'b' \"c\"\n d") == "RUN a b c d"


LINES = st.sampled_from(
    [*PLAIN.split("\n"), "#7 DONE 1e9s", "#7 DONE", "#", "# [x 1/2] RUN y", "#7 [x 1/2] RUN", "{"]
)


@given(st.lists(LINES | st.text(max_size=20), max_size=40))
def test_it_never_raises(lines: list[str]) -> None:
    found = read_log("\n".join(lines))
    assert all(0 <= each < 1e9 for samples in found.steps.values() for each in samples)


@pytest.mark.parametrize(
    "line", ["#1 [a 1/1] RUN x\n#1 DONE 1.0s\n", "#" * 200 + "\n", "#1 [" + " " * 300, '{"vertexes":[]}\n']
)
def test_time_is_linear(line: str) -> None:
    text = line * (3_000_000 // len(line))
    start = time.perf_counter()
    read_log(text)
    assert time.perf_counter() - start < 10
