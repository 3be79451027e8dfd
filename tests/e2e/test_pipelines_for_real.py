"""Examples by their generated GitHub workflow and GitLab pipeline, with nothing but real tools.

The tests of an example and a CI service run in their order on one environment: deploy, again, change, break.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from control_plane import Cluster
from docker_engine import DockerEngine
from example_site import EXAMPLES, Example, Ran, Site, at_once, make_site
from gitlab_runner import GitLab
from registry import registry
from toolchain import Act, Helm, ToolMissingError

pytestmark = pytest.mark.e2e

Pipeline = Callable[[], Ran]


@pytest.fixture(scope="module", params=["github", "gitlab"])
def service(request: pytest.FixtureRequest) -> str:
    """The CI service."""
    return str(request.param)


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Example:
    """The example and what is done to it."""
    return EXAMPLES[request.param]


@pytest.fixture(scope="module")
def site(
    service: str,
    example: Example,
    docker_engine: DockerEngine,
    cluster: Cluster,
    helm4: Helm,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
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
        name = f"{example.name}-{service}"
        stack.callback(cluster.kubectl, "delete", "namespace", name, "--wait=true")
        folder = tmp_path_factory.mktemp(name)
        yield make_site(folder, example, name, docker_engine, mirror, origin, cluster, helm4)


@pytest.fixture(scope="module")
def pipeline(service: str, site: Site, act: Act, gitlab_ci_local: GitLab) -> Pipeline:
    """What a push to the default branch starts."""
    if service == "github":
        return lambda: site.github(act)
    return lambda: site.gitlab(gitlab_ci_local)


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> Ran:
    """The first run of all."""
    ran = pipeline()
    assert ran.code == 0, ran.log[-6000:]
    return ran


def test_every_image_is_built_once_and_there_by_its_content_tag(site: Site, first: Ran) -> None:
    plan = site.plan()
    assert first.tasks("build") == {build["id"] for build in plan["builds"]}
    assert len(first.of("build")) == len(plan["builds"])
    for image in plan["images"]:
        tags = site.registry.tags(image["repository"].partition("/")[2])
        wanted = [tag for tag in tags if tag.startswith("content-")] if "build" in image else [image["tag"]]
        assert len(wanted) == 1, (image, tags)
        assert wanted[0] in tags
    assert first.tasks("mirror image") == {i["mirror"] for i in plan["images"] if "mirror" in i}


def test_builds_and_deployments_keep_their_caps_and_stages_their_order(site: Site, first: Ran) -> None:
    slots = site.plan()["limits"]["build"]["slots"]
    assert at_once(first.of("build")) <= slots <= 7
    # Two short builds may miss each other; ten at seven at a time cannot.
    assert at_once(first.of("build")) >= 2 or len(first.of("build")) == 2
    deployments = first.of("deployment")
    assert at_once([*deployments, *first.of("mirror image")]) <= 7
    at = {step.task.removeprefix("deploy:"): step for step in deployments}
    stages = [stage["services"] for stage in site.plan()["stages"] if stage["services"]]
    assert len(stages) >= 4
    assert {service for services in stages for service in services} == at.keys()
    assert max(step.end for step in first.of("build")) <= min(step.start for step in deployments)
    for before, after in pairwise(stages):
        assert max(at[name].end for name in before) <= min(at[name].start for name in after)
    needs = {work["service"]: work.get("dependsOn", []) for work in site.plan()["workloads"]}
    for name, others in needs.items():
        assert all(at[other].end <= at[name].start for other in others)


def test_the_marketplace_is_large_enough(site: Site, example: Example) -> None:
    plan = site.plan()
    if example.name == "marketplace":
        assert len(plan["workloads"]) >= 20
        assert len([stage for stage in plan["stages"] if stage["services"]]) == 5
        assert len(plan["builds"]) > plan["limits"]["build"]["slots"]


def test_every_release_is_deployed(site: Site, first: Ran) -> None:
    assert first.code == 0
    releases = site.releases()
    assert releases == {work["release"]: "deployed" for work in site.plan()["workloads"]}
    assert "hidden-password" not in first.log


def test_a_second_run_builds_copies_and_deploys_nothing(pipeline: Pipeline, first: Ran) -> None:
    assert first.code == 0
    again = pipeline()
    assert again.code == 0, again.log[-6000:]
    assert again.tasks("build") == set()
    assert again.tasks("mirror image") == set()
    assert again.tasks("deployment") == set()


def test_a_changed_file_builds_and_deploys_what_reads_it_and_nothing_else(
    site: Site, example: Example, pipeline: Pipeline, first: Ran
) -> None:
    assert first.code == 0
    site.commit(example.changed, "\n")
    ran = pipeline()
    assert ran.code == 0, ran.log[-6000:]
    assert ran.tasks("build") == {f"build:{example.built}"}
    assert ran.tasks("deployment") == {f"deploy:{example.built}"}


def test_a_job_that_fails_stops_the_pipeline_and_keeps_what_was_deployed(
    site: Site, example: Example, pipeline: Pipeline, first: Ran
) -> None:
    assert first.code == 0
    broken = f"  {example.failing}: {{annotations: {{sim/fail: '3', sim/log: 'no table orders'}}}}\n"
    site.commit("ci.yaml", f"{broken}  {example.later}: {{labels: {{revision: later}}}}\n")
    ran = pipeline()
    assert ran.code != 0
    assert ran.tasks("deployment", "failed") == {f"deploy:{example.failing}"}
    assert f"deploy:{example.later}" not in {step.task for step in ran.steps}
    assert example.failing in ran.log
    assert set(site.releases()) == {work["release"] for work in site.plan()["workloads"]}
