"""What is missing on a machine is said with what it is for, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_plans import Service, container, make_plan
from stagecast.execution.narrow import narrowed
from stagecast.execution.tools import builder_problem, found_builder, missing

PLAN = make_plan([Service("web"), container("cache")])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(machine: Path, name: str, script: str = "exit 0") -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def test_all_is_missing(machine: Path) -> None:
    assert not list(machine.iterdir())
    assert [(each.program, each.purpose) for each in missing(PLAN, None)] == [
        ("git", "to see what a build reads"),
        ("skopeo", "to ask the registry what is there, and to copy images"),
        ("helm", "to install 2 releases"),
        ("kubectl", "to ask the cluster what is deployed"),
        ("docker or buildah", "to make 1 image"),
    ]


def test_only_what_the_plan_needs(machine: Path) -> None:
    assert not list(machine.iterdir())
    mirrors = narrowed(PLAN, {"cache"}, deploys=False)
    assert [each.program for each in missing(mirrors, None)] == ["skopeo"]


def test_the_first_builder_that_works(machine: Path) -> None:
    assert found_builder() is None
    install(machine, "buildah")
    assert found_builder() == "buildah"
    install(machine, "docker", 'test "$1" = version')
    assert found_builder() == "docker"
    install(machine, "docker")
    assert found_builder() == "buildx"


def test_an_engine_that_does_not_answer(machine: Path) -> None:
    assert builder_problem("docker") == "there is no docker on PATH"
    install(machine, "docker", "exit 1")
    assert builder_problem("docker") == "docker does not answer: is its engine running?"
    assert found_builder() is None
