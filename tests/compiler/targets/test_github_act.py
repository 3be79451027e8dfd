"""The workflow run by act, with stand-ins for the tools: order, caps and what happens after a failure."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from compiler.plan.model import Plan, Strategy
from compiler.targets.github import emit
from pipeline_plans import Service, make_plan
from pipeline_runs import APPLICATIONS, SECRETS, SERVICES, repository, small_plan
from stub_tools import Call, StubTools, commit, most_at_once
from toolchain import Act


class Runs:
    """A repository with the generated workflow, and act to run it with stand-ins."""

    def __init__(self, act: Act, folder: Path, plan: Plan) -> None:
        self.act, self.tools = act, StubTools(folder / "tools")
        event = json.dumps({"repository": {"default_branch": "main"}})
        self.repository = repository(folder / "repository", plan, emit(plan), **{"event.json": event})

    def run(self, *more: str) -> CompletedProcess[str]:
        """Run the workflow as a push to the default branch does."""
        secrets = [f"--secret={name}={value}" for name, value in SECRETS.items()]
        arguments = ["push", "--concurrent-jobs=9", "--eventpath=event.json", *secrets, *more]
        return self.act.run(self.repository, *arguments, environment={"PATH": self.tools.path})

    def builds(self) -> list[Call]:
        return self.tools.calls("docker", "buildx", "build")

    def deployments(self) -> list[Call]:
        return self.tools.calls("helm", "upgrade")


def make(act: Act, folder: Path, **options: object) -> Runs:
    return Runs(act, folder, small_plan(**options))


def test_a_whole_run_keeps_order_and_caps(act: Act, tmp_path: Path) -> None:
    runs = make(act, tmp_path, slots=3, deploy_parallelism=4)
    runs.tools.tell(build_s=0.6, deploy_s=0.6)
    result = runs.run()
    assert result.returncode == 0, result.stdout + result.stderr
    builds, deployments = runs.builds(), runs.deployments()
    assert sorted(call.name for call in builds) == APPLICATIONS
    assert 2 <= most_at_once(builds) <= 3
    assert 2 <= most_at_once(deployments) <= 4
    assert max(call.end for call in builds) <= min(call.start for call in deployments)
    at = {call.name: call for call in deployments}
    assert len(at) == len(SERVICES)
    assert all(at["postgres"].end <= call.start for name, call in at.items() if name != "postgres")
    assert at["front"].start >= max(at["app-0"].end, at["cache"].end)
    copies = {call.argv[-1].rsplit("/", 1)[1]: call for call in runs.tools.calls("skopeo", "copy")}
    assert copies["cache:1.2"].end <= at["cache"].start
    assert "hidden-password" not in result.stdout


def test_a_second_run_builds_nothing_and_a_changed_file_only_its_image(act: Act, tmp_path: Path) -> None:
    runs = make(act, tmp_path)
    assert runs.run().returncode == 0
    runs.tools.forget()
    assert runs.run().returncode == 0
    assert runs.builds() == []
    assert len(runs.deployments()) == len(SERVICES)
    assert runs.tools.calls("skopeo", "copy") == []
    runs.tools.forget()
    commit(runs.repository, {"app-4/main.py": "print()\n"})
    assert runs.run().returncode == 0
    assert [call.name for call in runs.builds()] == ["app-4"]


def test_a_failing_build_deploys_nothing(act: Act, tmp_path: Path) -> None:
    runs = make(act, tmp_path)
    runs.tools.tell(failing_builds=["app-1"])
    assert runs.run().returncode != 0
    assert runs.deployments() == []


def test_a_failing_deployment_starts_no_more_and_no_later_stage(act: Act, tmp_path: Path) -> None:
    services = [*SERVICES, Service("last", "after")]
    runs = Runs(act, tmp_path, make_plan(services, deploy_parallelism=3))
    runs.tools.tell(failing_releases=["app-1"], deploy_s=1.5)
    result = runs.run()
    assert result.returncode != 0
    started = {call.name: call for call in runs.deployments()}
    assert set(started) == {"postgres", "app-0", "app-1", "app-2"}
    assert started["app-0"].code == started["app-2"].code == 0
    assert "what the cluster says of" in result.stdout


@pytest.mark.parametrize("failing", [[], ["app-0"]])
def test_staged_deploys_a_stage_before_it_builds_the_next(
    act: Act, tmp_path: Path, failing: list[str]
) -> None:
    services = [Service("app-0", "first", built=True), Service("app-1", "second", built=True)]
    runs = Runs(act, tmp_path, make_plan(services, strategy=Strategy.STAGED))
    runs.tools.tell(failing_builds=failing)
    code = runs.run().returncode
    calls = sorted([*runs.builds(), *runs.deployments()], key=lambda call: call.start)
    order = [(call.tool, call.name) for call in calls]
    whole = [("docker", "app-0"), ("helm", "app-0"), ("docker", "app-1"), ("helm", "app-1")]
    assert (code, order) == ((0, whole) if not failing else (code or 1, whole[:1]))


def test_a_missing_secret_is_found_before_anything_is_changed(act: Act, tmp_path: Path) -> None:
    runs = make(act, tmp_path)
    secrets = [f"--secret={name}={value}" for name, value in SECRETS.items() if name != "KUBE_CONFIG"]
    arguments = ["push", "--eventpath=event.json", *secrets]
    result = act.run(runs.repository, *arguments, environment={"PATH": runs.tools.path})
    assert result.returncode != 0
    assert "the secret KUBE_CONFIG is not set" in result.stdout
    assert runs.builds() == runs.deployments() == []


def test_a_push_to_another_branch_does_nothing(act: Act, tmp_path: Path) -> None:
    runs = make(act, tmp_path)
    (runs.repository / "event.json").write_text(json.dumps({"repository": {"default_branch": "master"}}))
    # Only the check: GitHub skips what needs a skipped job, while act draws up its matrix first.
    assert runs.run("--job=check").returncode == 0
    assert runs.tools.calls("skopeo") == []
    (runs.repository / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))
    assert runs.run("--job=check").returncode == 0
    assert runs.tools.calls("skopeo") != []
