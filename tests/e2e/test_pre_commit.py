"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself on a scratch repository.

The hooks' repository is a commit of this checkout's files as they are now, so
that pre-commit builds and installs Stagecast as it does for its users.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

PROJECT = """\
apiVersion: stagecast/v1beta1
kind: Project
environments:
  demo: {spec: environment.yaml, targets: [helm], output: deploy}
"""
BASE = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: base
registry: {mirror: registry.example.com/demo}
"""
ENVIRONMENT = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: demo
extends: base.yaml
target: {namespace: demo}
services:
  cache: {type: container, image: "redis:7.4.2"}
  web:
    type: application
    source: {repository: ".", context: web}
    ports: [{internal: 8080, protocol: HTTP}]
"""
DOCKERFILE = """\
FROM busybox:1.36.1
CMD ["httpd", "-f", "-p", "8080"]
"""

VALIDATE = "stagecast-validate"
COMPILE_CHECK = "stagecast-compile-check"
LINT = "stagecast-lint"

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository of a test, and the environment in which commands run there."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout
        return result

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))

    def commit(self) -> str:
        """Commit everything; returns the commit's id."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--no-verify", "--message=state")
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def hook(self, name: str) -> subprocess.CompletedProcess[str]:
        """Stage everything and run one hook on it, as `git commit` does."""
        self.run("git", "add", "--all")
        return self.run(sys.executable, "-m", "pre_commit", "run", name, check=False)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of Git and pre-commit: nothing of the user's, one cache for this module."""
    names = ("AUTHOR", "COMMITTER")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        **{f"GIT_{name}_NAME": "Test" for name in names},
        **{f"GIT_{name}_EMAIL": "test@example.com" for name in names},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PRE_COMMIT_COLOR": "never",
    }


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, str]:
    """The repository of the hooks and its revision: this checkout's files, those not yet committed too."""
    repository = Repository(tmp_path_factory.mktemp("hooks"), environment)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).is_file():
            target = repository.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / name, target)
    repository.run("git", "init", "--quiet")
    return repository.folder, repository.commit()


@pytest.fixture
def scratch(tmp_path: Path, environment: dict[str, str], hooks: tuple[Path, str]) -> Repository:
    """A user's repository: a valid project, compiled and committed."""
    folder, revision = hooks
    repository = Repository(tmp_path, environment)
    repository.run("git", "init", "--quiet")
    repository.write("stagecast.yaml", PROJECT)
    repository.write("base.yaml", BASE)
    repository.write("environment.yaml", ENVIRONMENT)
    repository.write("web/Dockerfile", DOCKERFILE)
    repository.write(
        ".pre-commit-config.yaml",
        f"repos:\n- repo: {folder}\n  rev: {revision}\n"
        f"  hooks: [{{id: {VALIDATE}}}, {{id: {COMPILE_CHECK}}}, {{id: {LINT}}}]\n",
    )
    repository.run(sys.executable, "-m", "stagecast", "compile")
    repository.commit()
    return repository


def test_both_hooks_pass_and_change_nothing(scratch: Repository) -> None:
    for name in (VALIDATE, COMPILE_CHECK):
        result = scratch.hook(name)
        assert result.returncode == 0, result.stdout
        assert "Passed" in result.stdout, "it ran although nothing is staged"
    assert scratch.run("git", "status", "--porcelain").stdout == ""


def test_validate_stops_a_broken_base_and_says_where(scratch: Repository) -> None:
    scratch.replace("base.yaml", "registry: {", "regitsry: {")
    result = scratch.hook(VALIDATE)
    assert result.returncode == 1, result.stdout
    assert "base.yaml:4:1" in result.stdout


def test_validate_runs_when_a_dockerfile_is_deleted(scratch: Repository) -> None:
    (scratch.folder / "web" / "Dockerfile").unlink()
    result = scratch.hook(VALIDATE)
    assert result.returncode == 1, result.stdout
    assert "Dockerfile" in result.stdout


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("environment.yaml", "redis:7.4.2", "redis:7.4.3", id="environment"),
        pytest.param("base.yaml", "example.com/demo", "example.com/other", id="base"),
    ],
)
def test_compile_check_stops_a_stale_output(scratch: Repository, path: str, old: str, new: str) -> None:
    scratch.replace(path, old, new)
    assert scratch.hook(VALIDATE).returncode == 0
    result = scratch.hook(COMPILE_CHECK)
    assert result.returncode == 1, result.stdout
    assert new.split("/")[-1] in result.stdout, "the difference is shown"
    scratch.run(sys.executable, "-m", "stagecast", "compile")
    assert scratch.hook(COMPILE_CHECK).returncode == 0


def test_compile_check_stops_a_deleted_output(scratch: Repository) -> None:
    generated = sorted(path for path in (scratch.folder / "deploy").rglob("*.yaml") if path.is_file())
    assert generated
    generated[0].unlink()
    result = scratch.hook(COMPILE_CHECK)
    assert result.returncode == 1, result.stdout
    assert generated[0].name in result.stdout


def test_lint_takes_the_dockerfiles_that_change(scratch: Repository) -> None:
    result = scratch.hook(LINT)
    assert result.returncode == 0, result.stdout
    assert "no files to check" in result.stdout
    scratch.write("web/Dockerfile", DOCKERFILE + "ENV A=1\n")
    scratch.write("tools/Dockerfile.dockerignore", "FROM busybox\n")
    scratch.write("charts/Dockerfile.j2", "FROM {{ image }}\n")
    result = scratch.hook(LINT)
    assert result.returncode == 0, result.stdout
    assert "Passed" in result.stdout


@pytest.mark.parametrize(
    "path", ["web/Dockerfile", "Dockerfile.dev", "tools/web.Dockerfile", "a/Containerfile"]
)
def test_lint_stops_a_base_that_moves_and_says_where(scratch: Repository, path: str) -> None:
    scratch.write(path, DOCKERFILE.replace("busybox:1.36.1", "busybox"))
    result = scratch.hook(LINT)
    assert result.returncode == 1, result.stdout
    assert "STC901" in result.stdout
    assert f"{path}:1:6" in result.stdout


def test_lint_mends_when_it_is_told_to(scratch: Repository) -> None:
    scratch.replace(".pre-commit-config.yaml", f"{{id: {LINT}}}", f"{{id: {LINT}, args: [--strict, --fix]}}")
    scratch.write("web/Dockerfile", "FROM debian:12.8\nRUN apt-get update\nRUN apt-get install -y curl\n")
    result = scratch.hook(LINT)
    assert result.returncode == 1, result.stdout
    assert "files were modified by this hook" in result.stdout
    assert (scratch.folder / "web" / "Dockerfile").read_text().count("RUN") == 1
    assert "Dockerfile" in scratch.run("git", "diff", "--name-only").stdout
