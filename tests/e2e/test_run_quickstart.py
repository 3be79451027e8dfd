"""`stagecast run` on examples/quickstart, for real: Docker Engine, registry, Kubernetes API, Helm 3 and 4.

Every test leaves the environment deployed or says so; each changes the checkout
in a way of its own, so that their order does not matter.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.project import job_for_spec
from control_plane import Cluster
from docker_engine import DockerEngine
from local_site import Ran, Site, make_site
from registry import registry
from simulator.engines import reference as engine
from simulator.history.recorded import RecordedStep
from simulator.network import from_plan
from toolchain import Helm, ToolMissingError

pytestmark = pytest.mark.e2e

SERVICES = ("postgres", "migrate", "cache", "web")
PAUSE_S = 0.05


@pytest.fixture(scope="module")
def site(
    docker_engine: DockerEngine, cluster: Cluster, helms: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site where nothing is deployed yet; the namespace goes away afterwards."""
    if not docker_engine.private:
        pytest.skip("NOT TESTED: the user's own Docker engine may not be allowed to push to a port of ours")
    with ExitStack() as stack:
        try:
            mirror, origin = (stack.enter_context(registry()) for _ in range(2))
        except ToolMissingError as error:
            if os.environ.get("CI"):
                pytest.fail(f"a real component is missing: {error}", pytrace=False)
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO THIS WAS NOT TESTED: {error}")
        folder = tmp_path_factory.mktemp("site")
        stack.callback(cluster.kubectl, "delete", "namespace", "quickstart", "--wait=true")
        yield make_site(folder, docker_engine, mirror, origin, cluster, helms)


@pytest.fixture(scope="module")
def first(site: Site) -> Ran:
    """The first run of all."""
    ran = site.run("--format=json")
    assert ran.code == 0, ran.err + ran.out
    return ran


@pytest.fixture
def deployed(site: Site, first: Ran) -> Iterator[Site]:
    """The site with all deployed; the checkout is as it was committed again afterwards."""
    assert first.code == 0
    yield site
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=site.repository, check=True)


def until(process: subprocess.Popen[str], words: str) -> str:
    """Wait for a line with these words of what a run tells; gives all lines till then."""
    seen = ""
    assert process.stderr is not None
    for line in process.stderr:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"the run ended without a word of {words!r}:\n{seen}")


def steps(trace: tuple[RecordedStep, ...], name: str) -> list[RecordedStep]:
    return [step for step in trace if step.step == name]


def most_at_once(found: list[RecordedStep]) -> int:
    edges = sorted([(step.start_s, 1) for step in found] + [(step.end_s, -1) for step in found])
    return int(max(np.cumsum([change for _, change in edges])))


def test_everything_is_built_mirrored_and_deployed_in_order(site: Site, first: Ran) -> None:
    assert set(first.outcomes.values()) == {"done"}
    assert {name: release["status"] for name, release in site.releases().items()} == dict.fromkeys(
        SERVICES, "deployed"
    )
    for image in ("migrate", "web"):
        assert [tag for tag in site.registry.tags(f"quickstart/{image}") if tag.startswith("content-")]
    trace = site.trace(first)
    by_task = {step.task: step for step in trace if step.step in ("build", "mirror image", "deployment")}
    assert {step.outcome for step in trace} == {"done"}
    built = max(step.end_s for step in steps(trace, "build"))
    order = ["mirror:postgres", *(f"deploy:{name}" for name in ("postgres", "migrate", "cache", "web"))]
    starts = [by_task[task].start_s for task in order]
    assert starts == sorted(starts)
    assert built <= starts[0], "build-first"
    for earlier, later in pairwise(order):
        assert by_task[earlier].end_s <= by_task[later].start_s, "stage after stage"
    assert most_at_once(steps(trace, "build")) <= 2, "pipeline.build.parallelism"
    assert all(step.cache is not None for step in steps(trace, "build")), "layers are counted"


def test_the_simulator_replays_the_trace(site: Site, first: Ran) -> None:
    """The run's own times as durations: the simulated makespan is the real one, but for process starts."""
    plan = make_plan(check_environment(job_for_spec(site.repository / "local.yaml", Findings()), Findings()))
    trace = site.trace(first)
    begin = {step.task: step.end_s for step in trace if step.step.endswith("queueing")}
    for step in trace:
        if step.step.endswith("queueing"):
            begin[step.task] = min(begin[step.task], step.end_s)
    ends = {step.task: step.end_s for step in trace}
    checked = next(step for step in trace if step.task == "check:environment")
    begin["check:environment"] = checked.start_s
    taken_s = [ends[task.id] - begin[task.id] if task.id in ends else 0.0 for task in plan.tasks]
    simulated = engine.simulate(from_plan(plan), np.array(taken_s)[:, None])
    real_s = max(ends.values()) - checked.start_s
    assert simulated.makespan_s[0] <= real_s + 0.1
    assert simulated.makespan_s[0] >= real_s - 0.3 * len(taken_s)


def test_a_second_run_builds_and_deploys_nothing(deployed: Site) -> None:
    before = deployed.releases()
    tags = {image: deployed.registry.tags(f"quickstart/{image}") for image in ("migrate", "web")}
    ran = deployed.run("--format=json")
    assert ran.code == 0, ran.err
    outcomes = ran.outcomes
    assert outcomes.pop("check:environment") == "done"
    assert set(outcomes.values()) == {"skipped"}
    assert deployed.releases() == before
    assert tags == {image: deployed.registry.tags(f"quickstart/{image}") for image in tags}
    assert {s.outcome for s in deployed.trace(ran) if s.step in ("build", "deployment")} == {"skipped"}


def test_an_uncommitted_change_is_built_and_deployed_alone(deployed: Site) -> None:
    before = deployed.releases()
    catalogue = (deployed.repository / "web/catalogue.csv").read_text()
    deployed.write("web/catalogue.csv", f"{catalogue}lantern,Lantern,1900\n")
    foreseen = deployed.run("--dry-run", "--format=json")
    assert foreseen.code == 0, foreseen.err
    actions = {task["id"]: task["action"] for task in json.loads(foreseen.out)["tasks"]}
    assert {task for task, action in actions.items() if action != "nothing"} == {"build:web", "deploy:web"}
    assert deployed.releases() == before, "a dry run changes nothing"
    ran = deployed.run("--format=json")
    assert ran.code == 0, ran.err
    assert "1 uncommitted file (web/catalogue.csv)" in ran.err
    assert {task for task, how in ran.outcomes.items() if how == "done"} == {
        "check:environment",
        "build:web",
        "deploy:web",
    }
    after = deployed.releases()
    changed = {name for name in SERVICES if after[name]["revision"] != before[name]["revision"]}
    assert changed == {"web"}


def test_a_failed_build_ends_the_other_one_and_deploys_nothing(deployed: Site) -> None:
    before = deployed.releases()
    deployed.write(
        "web/Dockerfile", "FROM busybox:1.36.1 AS run\nRUN sleep 2 && echo no such file >&2 && exit 3\n"
    )
    deployed.write("db/Dockerfile", "FROM busybox:1.36.1\nRUN sleep 60\n")
    started_s = time.monotonic()
    ran = deployed.run("--format=json")
    assert time.monotonic() - started_s < 50, "the other build is ended"
    assert ran.code == 1
    outcomes = ran.outcomes
    assert (outcomes["build:web"], outcomes["build:migrate"]) == ("failed", "cancelled")
    assert {outcomes[f"deploy:{name}"] for name in SERVICES} == {"cancelled"}
    assert deployed.releases() == before
    told = deployed.run()
    assert told.code == 1
    assert "failed: build web: web: the build failed" in told.out
    assert "no such file" in told.out, "the end of the log says why"
    assert "to go on: stagecast run local.yaml" in told.out


def test_a_failed_deployment_fails_the_run_and_says_why(deployed: Site) -> None:
    """This cluster has no autoscaling/v2, so that a second replica cannot be installed."""
    deployed.says(", replicas: {min: 1, max: 2}".replace(", replicas", ", labels: {run: again}, replicas"))
    text = (deployed.repository / "local.yaml").read_text().replace("replicas: {min: 1, max: 1}, ", "")
    deployed.write("local.yaml", text)
    ran = deployed.run("--format=json")
    assert ran.code == 1
    assert {task for task, how in ran.outcomes.items() if how == "failed"} == {"deploy:web"}
    log = next(
        Path(deployed.environment["XDG_STATE_HOME"]).glob("stagecast/*/quickstart/logs/*deploy_web.log")
    )
    assert "HorizontalPodAutoscaler" in log.read_text()
    again = deployed.run()
    assert again.code == 1
    assert "the last run" in again.err
    assert "failed with" in again.err


def test_ctrl_c_while_building_leaves_nothing_and_the_next_run_completes(deployed: Site) -> None:
    marker = f"stagecast-{os.getpid()}-interrupted"
    deployed.write("db/Dockerfile", f"FROM busybox:1.36.1\nRUN echo {marker} && sleep 30\nUSER 65532:65532\n")
    process = deployed.start()
    until(process, "build migrate                 starts")
    time.sleep(1.5)
    started_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 130, err
    assert time.monotonic() - started_s < 25
    assert "quickstart: interrupted" in out
    assert "ended early: build migrate" in out
    assert "to go on: stagecast run local.yaml" in out
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert str(deployed.repository) not in listed, "nothing of it runs any more"
    deployed.write("db/Dockerfile", f"FROM busybox:1.36.1\nRUN echo {marker}\nUSER 65532:65532\n")
    ran = deployed.run("--format=json")
    assert ran.code == 0, ran.err
    assert "was interrupted" in ran.err
    assert ran.outcomes["build:migrate"] == ran.outcomes["deploy:migrate"] == "done"


def test_ctrl_c_while_deploying_lets_the_deployment_finish(deployed: Site) -> None:
    deployed.says(f', annotations: {{sim/ready-s: "4", run: "{time.time()}"}}')
    process = deployed.start()
    until(process, "deploy web                    starts")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # All that was left was that deployment: the run is complete although it was interrupted.
    assert process.returncode == 0, err
    assert "quickstart: done" in out
    assert deployed.releases()["web"]["status"] == "deployed"


def test_a_second_ctrl_c_ends_the_deployment(deployed: Site) -> None:
    deployed.says(f', annotations: {{sim/ready-s: "120", run: "{time.time()}"}}')
    process = deployed.start()
    until(process, "deploy web                    starts")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    # Two signals that come before the first is taken are one.
    until(process, "nothing new starts")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err + out
    assert "ended early: deploy web" in out
    status = deployed.releases()["web"]["status"]
    assert not status.startswith("pending"), "Helm is given the time to say how it ended"
    deployed.says("")
    assert deployed.run().code == 0
    assert deployed.releases()["web"]["status"] == "deployed"


def test_a_run_that_is_killed_is_taken_up_by_the_next(deployed: Site) -> None:
    deployed.write(
        "db/Dockerfile", f"FROM busybox:1.36.1\nRUN echo {time.time()} && sleep 6\nUSER 65532:65532\n"
    )
    process = deployed.start()
    until(process, "build migrate                 starts")
    time.sleep(1)
    process.kill()
    process.communicate(timeout=30)
    ran = deployed.run("--format=json")
    assert ran.code == 0, ran.err
    assert "what a run that was killed has started is still at work: waiting" in ran.err
    assert "never came to its end" in ran.err
    # The killed run's build came to its end meanwhile, so that it is not done again.
    assert ran.outcomes["build:migrate"] == "skipped"
    assert ran.outcomes["deploy:migrate"] == "done"


def test_one_run_of_an_environment_at_a_time(deployed: Site) -> None:
    deployed.write(
        "db/Dockerfile", f"FROM busybox:1.36.1\nRUN echo {time.time()} && sleep 5\nUSER 65532:65532\n"
    )
    process = deployed.start()
    until(process, "build migrate                 starts")
    other = deployed.run()
    assert other.code == 1
    assert f"quickstart is being run already (process {process.pid})" in other.err
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err + out


def crowd(site: Site, count: int, *arguments: str) -> Ran:
    """Run an environment of its own in the same namespace: applications with two slots each, as a `dag`."""
    services = "".join(
        f"  web{n}:\n    type: application\n    source: {{repository: '.', context: web, target: run, "
        f"args: {{SITE_TITLE: Shop {n}}}}}\n    cpu: 100m\n    memory: 64Mi\n"
        for n in range(count)
    )
    head = "name: crowd\ntarget: {namespace: quickstart}\npipeline: {strategy: dag, "
    head += "build: {parallelism: 2, cpu: 1, memory: 512MB}, deploy: {parallelism: 2}}\n"
    registry = f"registry: {{mirror: '{site.registry.host}/crowd'}}\n"
    site.write(
        "crowd.yaml",
        f"apiVersion: stagecast/v1beta1\nkind: Environment\n{head}{registry}services:\n{services}",
    )
    try:
        return site.run(*arguments, spec="crowd.yaml")
    finally:
        (site.repository / "crowd.yaml").unlink()


def test_dag_never_more_than_the_caps_and_what_left_the_spec_is_pruned(deployed: Site) -> None:
    """Without barriers a release follows its own build."""
    ran = crowd(deployed, 5, "--format=json")
    assert ran.code == 0, ran.err
    trace = deployed.trace(ran)
    builds, deployments = steps(trace, "build"), steps(trace, "deployment")
    assert len(builds) == len(deployments) == 5
    assert most_at_once(builds) == 2
    assert most_at_once(deployments) <= 2
    ended = {step.task.partition(":")[2]: step.end_s for step in builds}
    assert all(ended[step.task.partition(":")[2]] <= step.start_s for step in deployments)
    assert min(step.start_s for step in deployments) < max(step.end_s for step in builds), "no barrier"
    left = crowd(deployed, 3)
    assert left.code == 0
    assert "crowd: web3, web4 left the spec and may still run; --prune removes it" in left.err
    assert {"web3", "web4"} <= deployed.releases().keys()
    pruned = crowd(deployed, 3, "--prune", "--format=json")
    assert pruned.code == 0, pruned.err
    assert pruned.outcomes["remove"] == "done"
    assert {f"web{n}" for n in range(5)} & deployed.releases().keys() == {"web0", "web1", "web2"}
    assert "left the spec" not in crowd(deployed, 3).err


def test_without_an_engine(deployed: Site) -> None:
    """Buildah builds the same plan; its images bear the same tags, so that nothing is deployed anew."""
    if shutil.which("buildah") is None:
        pytest.skip("NOT TESTED: buildah is missing: as root, `apt-get install buildah`")
    kept = {name: text for name, text in deployed.environment.items() if not name.startswith("DOCKER_")}
    storage = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
    site = replace(deployed, environment={**kept, **storage})
    assert deployed.run().code == 0, "what is committed is what is deployed"
    before = {image: site.registry.tags(f"quickstart/{image}") for image in ("migrate", "web")}
    ran = site.run("--builder=buildah", "--skip-deploy", "--force", "--format=json")
    assert ran.code == 0, ran.err + ran.out
    assert ran.outcomes["build:web"] == ran.outcomes["build:migrate"] == "done"
    after = {image: site.registry.tags(f"quickstart/{image}") for image in ("migrate", "web")}
    assert {image: set(tags) - {"buildcache"} for image, tags in after.items()} == {
        image: set(tags) - {"buildcache"} for image, tags in before.items()
    }
    again = site.run("--format=json").outcomes
    assert {how for task, how in again.items() if task != "check:environment"} == {"skipped"}
