"""What a real engine prints of a build is read: every step that ran is found with its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.buildtime.durations import step_times
from compiler.buildtime.measured import read_log
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.lower import lower
from compiler.layers.model import StepKind
from compiler.source import SourceFile
from docker_engine import DockerEngine

pytestmark = pytest.mark.e2e

BASE = "busybox:1.36"
DOCKERFILE = f"""\
FROM {BASE} AS tools
ARG WAIT=2
WORKDIR /tools
RUN sleep "$WAIT" && echo tools > made
FROM {BASE}
ARG NAME=one
ENV SHOWN="a  b"
COPY ["sent files/", "/sent/"]
RUN sleep 1; \\
    # a comment
    echo "$SHOWN"   ${{NAME:-two}} DONE 99s
COPY --from=tools /tools/made /made
RUN ["true"]
RUN echo '#99 DONE 99.0s'; printf '\\n#1 [1/1] RUN x\\n#1 DONE 77s\\n'
"""


def test_every_step_that_ran_has_its_time(docker_engine: DockerEngine, tmp_path: Path) -> None:
    docker_engine.stand_in_for_busybox(BASE)
    (tmp_path / "sent files").mkdir()
    (tmp_path / "sent files" / "x").write_bytes(b"x" * 1_000_000)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    done = docker_engine.build(tmp_path, "stagecast-build-logs", "--no-cache")
    assert done.returncode == 0, done.stderr
    measured = read_log(done.stdout + done.stderr)
    assert measured.problems == ()
    graph = lower(read_dockerfile(SourceFile("Dockerfile", DOCKERFILE)))
    times = step_times(graph, None, measured)
    ran = [step for step in graph.steps if step.kind is not StepKind.IMAGE]
    assert [step.instruction.arguments for step in ran if not times[step.index].measured] == []
    by_command = {step.instruction.arguments.split()[0]: times[step.index] for step in ran}
    slept = [times[step.index].median_s for step in ran if step.instruction.arguments.startswith("sleep")]
    assert 2 <= slept[0] < 4
    assert 1 <= slept[1] < 3
    assert by_command['["true"]'].median_s < 2
    # Nothing that a command printed was taken for the engine's word.
    assert max(found for each in measured.steps.values() for found in each) < 60
    assert measured.overheads["export"][0] < 30
    again = docker_engine.build(tmp_path, "stagecast-build-logs")
    kept = read_log(again.stdout + again.stderr)
    assert not any(times.measured for times in step_times(graph, None, kept))
