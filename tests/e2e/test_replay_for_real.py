"""`stagecast run` on the examples, for real, and what the simulator makes of the run's own task times.

Docker Engine, registry, Kubernetes API and Helm are real; the public images are stood in for, as in
`example_site`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import claims
from claims import Claim
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.project import job_for_spec
from control_plane import Cluster
from docker_engine import DockerEngine
from example_site import EXAMPLES, Site, make_site
from registry import registry
from simulator.history.recorded import RecordedStep, read
from simulator.history.replay import replay
from toolchain import Helm, ToolMissingError

pytestmark = pytest.mark.e2e

MARGIN = 0.03


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_makespan_follows_from_the_task_times(
    name: str,
    docker_engine: DockerEngine,
    cluster: Cluster,
    helm4: Helm,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Within 3 %: from an empty registry and an empty cluster."""
    if not docker_engine.private:
        pytest.skip("NOT TESTED: the user's own Docker engine may not be allowed to push to a port of ours")
    with ExitStack() as stack:
        try:
            mirror, origin = (stack.enter_context(registry()) for _ in range(2))
        except ToolMissingError as error:
            if os.environ.get("CI"):
                pytest.fail(f"a real component is missing: {error}", pytrace=False)
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO THIS WAS NOT TESTED: {error}")
        environment = f"{name}-replay"
        stack.callback(cluster.kubectl, "delete", "namespace", environment, "--wait=true")
        site = make_site(tmp_path, EXAMPLES[name], environment, docker_engine, mirror, origin, cluster, helm4)
        made = cluster.kubectl("create", "namespace", environment)
        assert made.returncode == 0, made.stderr
        steps = run(site, tmp_path / "run.jsonl")
    checked = check_environment(job_for_spec(site.repository / "ci.yaml", Findings()), Findings())
    plan = make_plan(checked)
    found = replay(plan, steps)
    claim = Claim(
        f"{name}: {len(plan.workloads)} services, {len(plan.builds)} builds",
        "within 3 %",
        f"{found.measured_s:.2f} s",
        f"{found.predicted_s:.2f} s ({found.error:+.2%})",
        abs(found.error) <= MARGIN,
    )
    if request.config.getoption("--update-goldens"):
        claims.record("replay", name, claim)
    assert {step.outcome for step in steps} == {"done"}
    assert claim.holds, claim


def run(site: Site, trace: Path) -> tuple[RecordedStep, ...]:
    """Deploy everything from this machine; gives the trace."""
    kept = {key: value for key, value in site.environment.items() if key != "STAGECAST_TRACE"}
    first = {key: kept[key] for key in ("PATH", "HOME", "PYTHONPATH")}
    state = {"XDG_STATE_HOME": str(trace.parent / "state")}
    arguments = (f"--insecure-registry={site.registry.host}", f"--trace={trace}", "--format=json")
    result = subprocess.run(
        [sys.executable, "-m", "stagecast", "run", "ci.yaml", *arguments],
        cwd=site.repository,
        env={**kept, **site.cluster.environment, **first, **state},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:] + result.stdout[-4000:]
    return read(trace.read_text(encoding="utf-8").splitlines())
