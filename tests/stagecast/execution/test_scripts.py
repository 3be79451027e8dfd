"""The compiled scripts on this machine: two folders in one, and what a task's process is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.plan.model import TaskKind
from pipeline_plans import Service, make_plan
from stagecast.execution.scripts import HOST, Options, Scripts, overlay
from stagecast.execution.source import empty


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{folder.name}/{name}")
    folder.mkdir(exist_ok=True)
    return folder


def seen(folder: Path) -> dict[str, str]:
    found = {}
    waiting = [folder]
    for here in waiting:
        for path in sorted(here.iterdir()):
            if path.is_dir():
                waiting.append(path)
            else:
                found[path.relative_to(folder).as_posix()] = path.read_text()
    return found


def test_two_folders_in_one(tmp_path: Path) -> None:
    user = write(
        tmp_path / "user",
        "values.yaml",
        "helm/own.yaml",
        "helm/values/prod/web.yaml",
        "web/a",
        "helm/charts/own/x",
    )
    ours = write(tmp_path / "ours", "helm/values/prod/web.yaml", "helm/charts/workload/Chart.yaml")
    overlay(user, ours, tmp_path / "both")
    assert seen(tmp_path / "both") == {
        "values.yaml": "user/values.yaml",
        "web/a": "user/web/a",
        "helm/own.yaml": "user/helm/own.yaml",
        "helm/charts/own/x": "user/helm/charts/own/x",
        "helm/values/prod/web.yaml": "ours/helm/values/prod/web.yaml",
        "helm/charts/workload/Chart.yaml": "ours/helm/charts/workload/Chart.yaml",
    }


def test_a_chart_is_not_mixed_with_an_old_one(tmp_path: Path) -> None:
    """A template that is no longer generated, but committed, would be installed."""
    user = write(
        tmp_path / "user", "c/workload/Chart.yaml", "c/workload/templates/old.yaml", "c/workload/crds/x"
    )
    ours = write(tmp_path / "ours", "c/workload/Chart.yaml", "c/workload/templates/new.yaml")
    overlay(user, ours, tmp_path / "both")
    assert set(seen(tmp_path / "both")) == {"c/workload/Chart.yaml", "c/workload/templates/new.yaml"}


def test_a_users_file_where_a_folder_of_ours_is(tmp_path: Path) -> None:
    user = write(tmp_path / "user", "helm")
    ours = write(tmp_path / "ours", "helm/charts/x")
    overlay(user, ours, tmp_path / "both")
    assert seen(tmp_path / "both") == {"helm/charts/x": "ours/helm/charts/x"}


def test_what_a_process_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a CI service that this process may run in, nor of a job before it."""
    for name in (
        "GITHUB_ACTIONS",
        "STAGECAST_PREVIEW",
        "STAGECAST_GROUP",
        "GIT_DIR",
        "PYTHONPATH",
        "RUNNER_TEMP",
    ):
        monkeypatch.setenv(name, "outside")
    monkeypatch.setenv("KUBECONFIG", "the-users")
    plan = make_plan([Service("api", "one", built=True), Service("web", "two", built=True)])
    for name in ("source", "scratch"):
        (tmp_path / name).mkdir()
    tree = empty(tmp_path / "source")
    scripts = Scripts(
        plan, tmp_path / "scratch", tree, Options("docker", True, ("localhost:5000", "r.example"))
    )
    build = scripts.command(TaskKind.BUILD, "build:web", tmp_path / "t")
    assert build.cwd == tree.folder, "a build sees the tree and nothing compiled"
    told = {name: text for name, text in build.environment.items() if name.startswith("STAGECAST_")}
    scratch = tmp_path / "scratch"
    assert told == {
        "STAGECAST_BUILDS": "1",
        "STAGECAST_BUILDER": "docker",
        "STAGECAST_DATA": f"{scratch}/compiled/.stagecast/{plan.environment}.run.json",
        "STAGECAST_FORCE": "true",
        "STAGECAST_FOUND": f"{scratch}/found.json",
        "STAGECAST_INSECURE_REGISTRIES": "localhost:5000,r.example",
        "STAGECAST_LOCAL": "true",
        "STAGECAST_SURVEY": f"{scratch}/survey.json",
        "STAGECAST_TRACE": str(tmp_path / "t"),
    }
    assert "outside" not in build.environment.values()
    assert build.environment["KUBECONFIG"] == "the-users"
    deploy = scripts.command(TaskKind.DEPLOY, "deploy:web", tmp_path / "t")
    assert (deploy.environment["STAGECAST_STAGE"], deploy.environment["STAGECAST_TASKS"]) == ("1", "0")
    assert (deploy.cwd / "helm/charts/workload/Chart.yaml").is_file()
    assert deploy.argv[-1] == "deploy"
    assert scripts.command(TaskKind.CHECK, "check:environment", tmp_path / "t").argv[-1] == "survey"
    assert scripts.survey().idle == frozenset()


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "r.example.com:443"])
def test_hosts(host: str) -> None:
    assert HOST.fullmatch(host)


@pytest.mark.parametrize("host", ["", "a/b", "a,b", '"', "a\n", "-x", "http://a", "a:port", "a:123456"])
def test_what_is_no_host(host: str) -> None:
    assert not HOST.fullmatch(host)
