"""The workflows run by act, with a stand-in for the scripts: what starts, in which order, and with what."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

from compiler.plan.model import Delivery, Departed, GitOps, Plan, Previews
from compiler.targets.github import emit
from pipeline_plans import Service, make_plan
from pipeline_runs import SECRETS, Recorder, at_once, repository, small_plan
from toolchain import Act

PREVIEW = "--workflows=.github/workflows/stagecast-shop-preview.yml"


class Runs:
    """A repository with generated workflows, whose scripts are a stand-in."""

    def __init__(self, act: Act, folder: Path, plan: Plan) -> None:
        self.act, self.recorder = act, Recorder(folder / "records")
        own = {".stagecast/run.py": self.recorder.script}
        self.repository = repository(folder / "repository", plan, emit(plan), **own)
        remote = ["remote", "add", "origin", "https://github.com/shop/shop.git"]
        subprocess.run(["git", *remote], cwd=self.repository, check=True)

    def run(self, kind: str, *arguments: str, **event: object) -> CompletedProcess[str]:
        """Run what an event starts."""
        path = self.repository / "event.json"
        path.write_text(json.dumps({"repository": {"default_branch": "main"}, **event}))
        secrets = [f"--secret={name}={value}" for name, value in SECRETS.items()]
        options = ["--concurrent-jobs=9", "--eventpath=event.json", *secrets, *arguments]
        return self.act.run(self.repository, kind, *options)


def pull_request(action: str, source: str = "shop/shop") -> dict[str, object]:
    return {"action": action, "pull_request": {"number": 7, "head": {"repo": {"full_name": source}}}}


def test_a_pull_request_gets_its_own_environment_and_loses_it(act: Act, tmp_path: Path) -> None:
    plan = replace(
        make_plan([Service("a", "one", built=True)]),
        previews=Previews("secrets"),
        departed=(Departed("old", "old", prune=True),),
    )
    runs = Runs(act, tmp_path, plan)
    result = runs.run("pull_request", **pull_request("opened"))
    assert result.returncode == 0, result.stdout + result.stderr
    records = runs.recorder.records()
    assert [record.title for record in records] == ["check", "build 0", "deploy 0"]
    assert {record.seen["STAGECAST_PREVIEW"] for record in records} == {"pr-7"}
    runs.recorder.forget()
    # GitHub skips what needs a skipped job; act draws up its matrix first, so single jobs are asked for.
    assert runs.run("pull_request", "--job=teardown", PREVIEW, **pull_request("closed")).returncode == 0
    [teardown] = runs.recorder.records()
    assert (teardown.command, teardown.seen["STAGECAST_PREVIEW"]) == ("teardown", "pr-7")
    assert teardown.seen["KUBE_CONFIG"] == SECRETS["KUBE_CONFIG"]
    assert "REGISTRY_PASSWORD" not in teardown.seen
    runs.recorder.forget()
    for job, event in (
        ("check", pull_request("closed")),
        ("teardown", pull_request("synchronize")),
        ("check", pull_request("opened", source="stranger/shop")),
        ("teardown", pull_request("closed", source="stranger/shop")),
    ):
        assert runs.run("pull_request", f"--job={job}", PREVIEW, **event).returncode == 0
    assert runs.recorder.records() == []


def test_what_comes_last_runs_last(act: Act, tmp_path: Path) -> None:
    removing = replace(small_plan(slots=3), departed=(Departed("old", "old", prune=True),))
    runs = Runs(act, tmp_path / "helm", removing)
    runs.recorder.tell(seconds=0.2)
    result = runs.run("push")
    assert result.returncode == 0, result.stdout + result.stderr
    records = runs.recorder.records()
    assert [record.title for record in records if record.command != "build"] == [
        "check", "deploy 0", "deploy 1", "remove"
    ]  # fmt: skip
    assert 2 <= at_once([record for record in records if record.command == "build"]) <= 3
    runs.recorder.forget()
    runs.recorder.tell(failing=["deploy 1"])
    assert runs.run("push").returncode != 0
    assert runs.recorder.titles()[-1] == "deploy 1"


def test_the_lock_comes_last_and_has_what_it_needs(act: Act, tmp_path: Path) -> None:
    plan = replace(small_plan(delivery=Delivery.ARGOCD), gitops=GitOps("stagecast/shop"))
    runs = Runs(act, tmp_path, plan)
    result = runs.run("push", "--secret=GITHUB_TOKEN=token-of-the-job")
    assert result.returncode == 0, result.stdout + result.stderr
    records = runs.recorder.records()
    assert [record.title for record in records[-2:]] == ["deploy 0", "lock"]
    lock = records[-1].seen
    assert lock["STAGECAST_PUSH_TOKEN"] == "token-of-the-job"
    assert lock["STAGECAST_TAGS_1"]
    for record in records:
        assert ("STAGECAST_PUSH_TOKEN" in record.seen) == (record.command == "lock")
        assert "KUBE_CONFIG" not in record.seen


def test_by_hand_everything_can_be_done_again(act: Act, tmp_path: Path) -> None:
    runs = Runs(act, tmp_path, make_plan([Service("a", "one", built=True)]))
    for given, seen in (("true", "true"), ("false", "false")):
        result = runs.run("workflow_dispatch", inputs={"force": given})
        assert result.returncode == 0, result.stdout + result.stderr
        assert {record.seen["STAGECAST_FORCE"] for record in runs.recorder.records()} == {seen}
        runs.recorder.forget()
