"""examples/marketplace by its generated GitHub workflow and GitLab pipeline, with nothing but real tools.

The tests of a service run in their order on one environment: deploy, again, change, break.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from control_plane import Cluster
from docker_engine import DockerEngine
from gitlab_runner import GitLab
from market_site import Market, Ran, at_once, make_market
from registry import registry
from toolchain import Act, Helm, ToolMissingError

pytestmark = pytest.mark.e2e

Pipeline = Callable[[], Ran]


@pytest.fixture(scope="module", params=["github", "gitlab"])
def service(request: pytest.FixtureRequest) -> str:
    """The CI service."""
    return str(request.param)


@pytest.fixture(scope="module")
def market(
    service: str,
    docker_engine: DockerEngine,
    cluster: Cluster,
    helm4: Helm,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Market]:
    """A repository where nothing is built and deployed yet."""
    if not docker_engine.private:
        pytest.skip("NOT TESTED: the user's own Docker engine may not be allowed to push to a port of ours")
    with ExitStack() as stack:
        try:
            mirror, origin = (stack.enter_context(registry()) for _ in range(2))
        except ToolMissingError as error:
            if os.environ.get("CI"):
                pytest.fail(f"a real component is missing: {error}", pytrace=False)
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO THIS WAS NOT TESTED: {error}")
        name = f"market-{service}"
        stack.callback(cluster.kubectl, "delete", "namespace", name, "--wait=true")
        folder = tmp_path_factory.mktemp(service)
        yield make_market(folder, name, docker_engine, mirror, origin, cluster, helm4)


@pytest.fixture(scope="module")
def pipeline(service: str, market: Market, act: Act, gitlab_ci_local: GitLab) -> Pipeline:
    """What a push to the default branch starts."""
    if service == "github":
        return lambda: market.github(act)
    return lambda: market.gitlab(gitlab_ci_local)


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> Ran:
    """The first run of all."""
    ran = pipeline()
    assert ran.code == 0, ran.log[-6000:]
    return ran


def test_every_image_is_built_once_and_there_by_its_content_tag(market: Market, first: Ran) -> None:
    plan = market.plan()
    assert first.tasks("build") == {build["id"] for build in plan["builds"]}
    assert len(first.of("build")) == len(plan["builds"])
    for image in plan["images"]:
        tags = market.registry.tags(image["repository"].partition("/")[2])
        wanted = [tag for tag in tags if tag.startswith("content-")] if "build" in image else [image["tag"]]
        assert len(wanted) == 1, (image, tags)
        assert wanted[0] in tags
    assert first.tasks("mirror image") == {i["mirror"] for i in plan["images"] if "mirror" in i}


def test_builds_and_deployments_keep_their_caps_and_stages_their_order(market: Market, first: Ran) -> None:
    assert 2 <= at_once(first.of("build")) <= 7
    deployments = first.of("deployment")
    assert 2 <= at_once([*deployments, *first.of("mirror image")]) <= 7
    at = {step.task.removeprefix("deploy:"): step for step in deployments}
    stages = [stage["services"] for stage in market.plan()["stages"] if stage["services"]]
    assert len(stages) == 5
    assert {service for services in stages for service in services} == at.keys()
    assert max(step.end for step in first.of("build")) <= min(step.start for step in deployments)
    for before, after in pairwise(stages):
        assert max(at[name].end for name in before) <= min(at[name].start for name in after)
    needs = {work["service"]: work.get("dependsOn", []) for work in market.plan()["workloads"]}
    for name, others in needs.items():
        assert all(at[other].end <= at[name].start for other in others)


def test_every_release_is_deployed(market: Market, first: Ran) -> None:
    assert first.code == 0
    releases = market.releases()
    assert releases == {work["release"]: "deployed" for work in market.plan()["workloads"]}
    assert len(releases) >= 20
    assert "hidden-password" not in first.log


def test_a_second_run_builds_copies_and_deploys_nothing(pipeline: Pipeline, first: Ran) -> None:
    assert first.code == 0
    again = pipeline()
    assert again.code == 0, again.log[-6000:]
    assert again.tasks("build") == set()
    assert again.tasks("mirror image") == set()
    assert again.tasks("deployment") == set()


def test_a_changed_file_builds_and_deploys_what_reads_it_and_nothing_else(
    market: Market, pipeline: Pipeline, first: Ran
) -> None:
    assert first.code == 0
    market.commit("payments/serve.sh", "\n")
    ran = pipeline()
    assert ran.code == 0, ran.log[-6000:]
    assert ran.tasks("build") == {"build:payments"}
    assert ran.tasks("deployment") == {"deploy:payments"}


def test_a_job_that_fails_stops_the_pipeline_and_keeps_what_was_deployed(
    market: Market, pipeline: Pipeline, first: Ran
) -> None:
    assert first.code == 0
    broken = "  migrate-orders: {annotations: {sim/fail: '3', sim/log: 'no table orders'}}\n"
    changed = "  media: {labels: {revision: later}}\n"
    market.commit("ci.yaml", broken + changed)
    ran = pipeline()
    assert ran.code != 0
    assert ran.tasks("deployment", "failed") == {"deploy:migrate-orders"}
    assert "deploy:media" not in {step.task for step in ran.steps}
    assert "migrate-orders" in ran.log
    assert set(market.releases()) == {work["release"] for work in market.plan()["workloads"]}
