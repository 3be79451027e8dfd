"""The pipeline run by gitlab-ci-local: what starts it, order, caps, artifacts, and what a failure does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

from compiler.plan.model import Delivery, Departed, GitOps, Plan, Previews, Strategy
from compiler.targets.gitlab import emit
from gitlab_runner import GitLab
from pipeline_plans import Service, make_plan
from pipeline_runs import SECRETS, Recorder, at_once, repository, small_plan
from stub_tools import StubTools, commit

PUSH = {"CI_PIPELINE_SOURCE": "push"}
BY_HAND = {"CI_PIPELINE_SOURCE": "web"}
MERGE_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "1",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
}
FORK = {**MERGE_REQUEST, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"}
# As docs/targets/gitlab.md has it, and with global variables that must not reach the child.
INCLUDE = """\
include:
  - local: .gitlab/stagecast/shop.yml
variables:
  STAGECAST_DATA: nonsense
stagecast shop:
  trigger:
    include:
      - local: .gitlab/stagecast/shop.pipeline.yml
      - local: .gitlab/stagecast-runner.yml
"""
RUNNER = "default: {tags: [docker]}\n"


class Runs:
    """A repository that includes a generated pipeline, whose scripts are a stand-in."""

    def __init__(self, runner: GitLab, folder: Path, plan: Plan) -> None:
        self.runner, self.recorder = runner, Recorder(folder / "records")
        own = {
            ".stagecast/run.py": self.recorder.script,
            ".gitlab-ci.yml": INCLUDE,
            ".gitlab/stagecast-runner.yml": RUNNER,
        }
        self.repository = repository(folder / "repository", plan, emit(plan), **own)

    def run(self, *arguments: str, **variables: str) -> CompletedProcess[str]:
        """Run what the variables start."""
        return self.runner.run(self.repository, *arguments, variables={**SECRETS, **variables})

    def started(self, **variables: str) -> list[str]:
        """The jobs of the file to include that these variables start by themselves."""
        result = self.run("--list-csv", **variables)
        assert result.returncode == 0, result.stderr
        rows = [line.split(";") for line in result.stdout.splitlines() if ";" in line]
        header = rows[0]
        when, name = header.index("when"), header.index("name")
        return [row[name].strip('"') for row in rows[1:] if row[when] != "manual"]


def test_it_is_started_by_the_default_branch_and_by_hand_and_by_nothing_else(
    gitlab_ci_local: GitLab, tmp_path: Path
) -> None:
    plan = replace(make_plan([Service("a", "one")]), previews=Previews())
    runs = Runs(gitlab_ci_local, tmp_path, plan)
    assert runs.started(**PUSH) == ["stagecast shop"]
    assert runs.started(**MERGE_REQUEST) == ["stagecast shop preview"]
    # A fork's merge request, another branch than the default one, any other source.
    assert runs.started(**FORK) == []
    assert runs.started(**PUSH, CI_DEFAULT_BRANCH="production") == []
    assert runs.started(CI_PIPELINE_SOURCE="schedule") == []


def test_a_whole_run_keeps_order_and_caps(gitlab_ci_local: GitLab, tmp_path: Path) -> None:
    runs = Runs(gitlab_ci_local, tmp_path, small_plan(slots=3))
    runs.recorder.tell(seconds=0.3)
    result = runs.run("--concurrency=20", **BY_HAND)
    assert result.returncode == 0, result.stdout + result.stderr
    records = runs.recorder.records()
    assert [record.title for record in records if record.command != "build"] == [
        "check",
        "deploy 0",
        "deploy 1",
    ]
    builds = [record for record in records if record.command == "build"]
    assert sorted(record.part for record in builds) == [str(place) for place in range(9)]
    assert 2 <= at_once(builds) <= 3
    assert records[0].end <= min(record.start for record in builds)
    deployments = [record for record in records if record.command == "deploy"]
    assert max(record.end for record in builds) <= min(record.start for record in deployments)
    assert at_once(deployments) == 1
    for record in records[1:]:
        assert record.found == "found by .stagecast/shop.run.json", record.title
    for record in records:
        assert {name: record.seen[name] for name in SECRETS} == SECRETS
        assert record.seen["CI_ENVIRONMENT_NAME"] == "shop"
        assert record.seen["STAGECAST_DATA"] == ".stagecast/shop.run.json"
        assert "STAGECAST_PREVIEW" not in record.seen


def test_a_failing_build_deploys_nothing(gitlab_ci_local: GitLab, tmp_path: Path) -> None:
    runs = Runs(gitlab_ci_local, tmp_path, small_plan(slots=3))
    runs.recorder.tell(failing=["build 1"])
    result = runs.run(**PUSH)
    titles = runs.recorder.titles()
    # What comes after it in its lane never starts. (GitLab also ends the other lanes, this runner does not.)
    assert {"build 4", "build 7"}.isdisjoint(titles)
    assert not [title for title in titles if title.startswith("deploy")]
    assert "FAIL" in result.stdout


def test_a_failing_deployment_starts_no_later_stage(gitlab_ci_local: GitLab, tmp_path: Path) -> None:
    plan = replace(small_plan(), departed=(Departed("old", "old", prune=True),))
    runs = Runs(gitlab_ci_local, tmp_path, plan)
    runs.recorder.tell(failing=["deploy 0"])
    runs.run(**PUSH)
    assert runs.recorder.titles()[-1] == "deploy 0"


def test_staged_deploys_a_stage_before_it_builds_the_next(gitlab_ci_local: GitLab, tmp_path: Path) -> None:
    services = [Service(f"s{number}", f"stage {number // 4}", built=True) for number in range(8)]
    runs = Runs(gitlab_ci_local, tmp_path, make_plan(services, strategy=Strategy.STAGED, slots=2))
    runs.recorder.tell(seconds=0.1)
    assert runs.run("--concurrency=20", **PUSH).returncode == 0
    records = runs.recorder.records()
    commands = [record.command for record in records]
    assert commands == ["check", *["build"] * 4, "deploy", *["build"] * 4, "deploy"]
    assert at_once([record for record in records if record.command == "build"]) == 2
    assert {record.part for record in records[1:5]} == {"0", "1", "2", "3"}


def test_what_comes_last_runs_last(gitlab_ci_local: GitLab, tmp_path: Path) -> None:
    removing = replace(small_plan(), departed=(Departed("old", "old", prune=True),))
    runs = Runs(gitlab_ci_local, tmp_path / "helm", removing)
    runs.run(**PUSH)
    assert runs.recorder.titles()[-2:] == ["deploy 1", "remove"]
    locking = replace(small_plan(delivery=Delivery.ARGOCD), gitops=GitOps("stagecast/shop"))
    runs = Runs(gitlab_ci_local, tmp_path / "argocd", locking)
    runs.run(**PUSH)
    assert runs.recorder.titles()[-2:] == ["deploy 0", "lock"]


def test_a_merge_request_gets_its_own_environment_and_loses_it(
    gitlab_ci_local: GitLab, tmp_path: Path
) -> None:
    plan = replace(
        make_plan([Service("a", "one", built=True)]),
        previews=Previews("secrets"),
        departed=(Departed("old", "old", prune=True),),
    )
    runs = Runs(gitlab_ci_local, tmp_path, plan)
    assert runs.run(**MERGE_REQUEST).returncode == 0
    records = runs.recorder.records()
    assert [record.title for record in records] == ["check", "build 0", "deploy 0"]
    for record in records:
        assert record.seen["STAGECAST_PREVIEW"] == "pr-7"
        assert record.seen["CI_ENVIRONMENT_NAME"] == "shop-preview/pr-7"
    runs.recorder.forget()
    assert runs.run("stagecast shop preview teardown", **MERGE_REQUEST).returncode == 0
    [teardown] = runs.recorder.records()
    assert (teardown.command, teardown.seen["STAGECAST_PREVIEW"]) == ("teardown", "pr-7")
    assert teardown.seen["STAGECAST_DATA"] == ".stagecast/shop.run.json"


def test_a_pipeline_with_as_many_jobs_as_there_may_be_is_read(
    gitlab_ci_local: GitLab, tmp_path: Path
) -> None:
    plan = make_plan([Service(f"s{number}", "all", built=True) for number in range(501)])
    runs = Runs(gitlab_ci_local, tmp_path, plan)
    child = runs.run(
        "--file=.gitlab/stagecast/shop.pipeline.yml", "--list-csv-all", CI_PIPELINE_SOURCE="parent_pipeline"
    )
    assert child.returncode == 0, child.stderr
    rows = [line for line in child.stdout.splitlines() if ";" in line]
    assert len(rows) - 1 == 1 + 251 + 1


def test_with_the_scripts_themselves_a_second_run_builds_nothing(
    gitlab_ci_local: GitLab, tmp_path: Path
) -> None:
    plan = make_plan([Service("a", "one", built=True), Service("b", "one", built=True), Service("c", "two")])
    tools = StubTools(tmp_path / "tools")
    files = {".gitlab-ci.yml": "include: [{local: .gitlab/stagecast/shop.yml}]\n"}
    folder = repository(tmp_path / "repository", plan, emit(plan), **files)

    def builds() -> list[str]:
        tools.forget()
        result = gitlab_ci_local.run(folder, variables={**SECRETS, **PUSH}, environment={"PATH": tools.path})
        assert result.returncode == 0, result.stdout + result.stderr
        assert "hidden-password" not in result.stdout
        return sorted(call.name for call in tools.calls("docker", "buildx", "build"))

    assert builds() == ["a", "b"]
    assert [call.name for call in tools.calls("helm", "upgrade")][-1] == "c"
    assert builds() == []
    commit(folder, {"a/main.py": "print()\n"})
    assert builds() == ["a"]
