"""Baselines: an earlier forecast in a file, and the spec of another revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli_runs import SPEC, Cli
from stagecast.forecasting.baseline import read
from stagecast.session import Usage

SLOW = SPEC.replace("build: 3m", "build: 9m")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose spec was fast in the tag `before` and is slow now, the change uncommitted."""
    git(tmp_path, "init", "-q", "-b", "main")
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / "environment.yaml").write_text(SPEC)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "tag", "before")
    (folder / "environment.yaml").write_text(SLOW)
    monkeypatch.chdir(folder)
    return folder


def simulated(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("simulate", "environment.yaml", "--runs", "100", "--json", *arguments)
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


@pytest.mark.parametrize("revision", ["before", "HEAD", "main", "before^{commit}", "HEAD~0"])
def test_a_revision_is_simulated_on_the_same_draws(cli: Cli, repository: Path, revision: str) -> None:
    fast = simulated(cli, "--set", "services.web.estimates.build=3m")
    found = simulated(cli, "--baseline", revision)["baseline"]
    assert (found["name"], found["pairs"], found["note"]) == (revision, 100, "")
    assert found["p50"]["before"] == fast["makespan"]["p50"]
    assert found["p50"]["change"] > 60
    assert repository.is_dir()


def test_nothing_of_the_repository_is_touched(cli: Cli, repository: Path) -> None:
    def state() -> tuple[str, ...]:
        root = repository.parent
        files = sorted(
            f"{path.relative_to(root)} {path.stat().st_mtime_ns}"
            for path in root.rglob("*")
            if path.is_file()
        )
        return (*files, git(root, "worktree", "list", "--porcelain"))

    before = state()
    simulated(cli, "--baseline", "before")
    assert state() == before


def test_the_environment_of_the_project_is_found_where_it_was(cli: Cli, repository: Path) -> None:
    """The spec was renamed since, the environment keeps its name."""
    root = repository.parent
    project = (
        "apiVersion: stagecast/v1beta1\nkind: Project\nenvironments:\n  prod: {spec: %s, targets: [helm]}\n"
    )
    (root / "stagecast.yaml").write_text(project % "old.yaml")
    (root / "old.yaml").write_text(SPEC)
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "two")
    (root / "old.yaml").rename(root / "new.yaml")
    (root / "new.yaml").write_text(SLOW)
    (root / "stagecast.yaml").write_text(project % "new.yaml")
    result = cli("simulate", "prod", "--runs", "50", "--json", "--baseline", "HEAD")
    assert result.code == 0, result.err
    assert json.loads(result.out)["baseline"]["p50"]["change"] > 60


def test_a_gate_against_a_revision(cli: Cli, repository: Path) -> None:
    assert repository.is_dir()
    gate = ("--baseline", "before", "--max-regression", "10%", "--allow-assumed")
    failed = cli("simulate", "environment.yaml", *gate)
    assert failed.code == 1
    assert "against before; 10% more is all that is allowed" in failed.err
    assert cli("simulate", "environment.yaml", *gate, "--set", "services.web.estimates.build=3m").code == 0


@pytest.mark.parametrize(
    ("revision", "says"),
    [
        ("nowhere", "nowhere is no file and no revision"),
        ("--help", "--help is no file and no revision"),
        ("HEAD:deploy", "is no file and no revision"),
        ("", "is no file and no revision"),
    ],
)
def test_what_is_no_revision_is_wrong_usage(cli: Cli, repository: Path, revision: str, says: str) -> None:
    assert repository.is_dir()
    result = cli("simulate", "environment.yaml", "--runs", "5", f"--baseline={revision}")
    assert (result.code, result.out) == (2, "")
    assert says in " ".join(result.err.split())


def test_a_revision_without_the_spec_or_with_a_broken_one(cli: Cli, repository: Path) -> None:
    root = repository.parent
    (repository / "environment.yaml").write_text(SPEC.replace("type: database", "type: nothing"))
    git(root, "commit", "-q", "-a", "-m", "broken")
    git(root, "rm", "-q", "--cached", "deploy/environment.yaml")
    git(root, "commit", "-q", "-m", "gone")
    (repository / "environment.yaml").write_text(SPEC)
    for revision, says in (("HEAD", "there is no environment.yaml"), ("HEAD~1", "the spec has errors")):
        result = cli("simulate", "environment.yaml", "--runs", "5", "--baseline", revision)
        assert (result.code, result.out) == (2, "")
        assert f"at {revision} {says}" in " ".join(result.err.split())


def test_outside_of_a_repository_there_are_no_revisions(cli: Cli, spec: Path) -> None:
    """The folder's `.git` is no repository."""
    result = cli("simulate", spec, "--runs", "5", "--baseline", "main")
    assert result.code == 2
    assert "in no Git repository" in " ".join(result.err.split())


# --- files


def forecast_file(cli: Cli, spec: Path, **changed: Any) -> dict[str, Any]:
    result = cli("simulate", spec, "--runs", "20", "--json")
    data: dict[str, Any] = json.loads(result.out)
    return data | changed


def test_a_forecast_is_read_as_it_was_written(cli: Cli, spec: Path, tmp_path: Path) -> None:
    data = forecast_file(cli, spec)
    path = tmp_path / "f.json"
    path.write_text(json.dumps(data))
    found = read(path)
    assert (found.name, found.seed, found.correlation) == ("f.json", 0, 0.3)
    assert list(found.makespans_s) == data["makespans"]
    assert found.p90.value_s == data["makespan"]["p90"]
    assert [found.p90.low_s, found.p90.high_s] == data["makespan"]["intervals"]["p90"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"version": "stagecast/forecast/v0"}, "its version is not"),
        ({"makespan": None}, "no run of it succeeded"),
        ({"makespan": {"p50": 1}}, "it has no intervals"),
        ({"seed": "x"}, "its seed is no number"),
        ({"correlation": True}, "a time in it is no number"),
        ({"makespans": ["1"]}, "a time in it is no number"),
        ({"makespans": [-1]}, "a time in it is no number"),
        ({"makespans": [float("inf")]}, "a time in it is no number"),
        ({"makespans": 5}, "not iterable"),
    ],
)
def test_what_is_no_forecast_is_refused(
    cli: Cli, spec: Path, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps(forecast_file(cli, spec, **changed)))
    with pytest.raises(Usage, match="is no forecast: ") as caught:
        read(path)
    assert says in caught.value.message


@pytest.mark.parametrize("content", [b"", b"[]", b"nothing", b"\xff\xfe", b"[" * 100_000, b'{"version": 1}'])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    with pytest.raises(Usage, match="is no forecast: "):
        read(path)
