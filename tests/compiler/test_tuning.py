"""Settings put over an environment that is checked: what may be among them, and what is judged anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.document.parse import parse
from compiler.driver import Checked, check_environment, check_tuned, make_plan
from compiler.project import job_for_spec
from compiler.source import SourceFile

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
registry: {mirror: registry.example.com/shop}
pipeline: {build: {parallelism: 3, pool: {cpu: 12, memory: 12GB}}}
services:
  web:
    type: application
    source: {repository: "https://github.com/acme/shop", ref: v1, context: web}
    security: {user: 1000}
    build: {cpu: 8}
    estimates: {build: 3m}
"""


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    (tmp_path / ".git").mkdir()
    spec = tmp_path / "environment.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    found = check_environment(job_for_spec(spec, Findings()), Findings())
    assert not found.has_errors
    return found


def overlay(said: dict[str, Any], name: str = "over") -> Node:
    node = parse(SourceFile(name, json.dumps(said)), Findings())
    assert node is not None
    return node


def test_the_first_overlay_is_the_outermost(checked: Checked) -> None:
    first = overlay({"pipeline": {"build": {"parallelism": 1}}})
    second = overlay(
        {"pipeline": {"build": {"parallelism": 2, "timeout": "7m"}, "deploy": {"parallelism": 4}}}
    )
    limits = make_plan(check_tuned(checked, [first, second])).limits
    assert (limits.build.parallelism, limits.build.timeout_s, limits.deploy_parallelism) == (1, 420, 4)


def test_nothing_over_it_is_the_same_plan(checked: Checked) -> None:
    assert make_plan(check_tuned(checked, [])) == make_plan(checked)


def test_a_build_that_no_longer_fits_is_an_error_of_the_overlay(checked: Checked) -> None:
    over = overlay({"pipeline": {"build": {"pool": {"cpu": 6}}}})
    tuned = check_tuned(checked, [over])
    [error] = tuned.errors
    assert (error.code, error.message) == ("STC401", "the build of `web` asks for 8 CPU, the pool has 6")
    assert [label.span.source.path for label in error.labels] == ["over"]


def test_what_cannot_be_read_is_explained_and_gives_no_context(checked: Checked) -> None:
    tuned = check_tuned(checked, [overlay({"services": {"web": {"estimates": {"build": "3 minutes"}}}})])
    assert tuned.context is None
    assert [(error.code, error.span.source.path) for error in tuned.errors] == [("STC404", "over")]


def test_findings_of_the_environment_itself_are_not_told_again(checked: Checked) -> None:
    assert all(finding.code != "STC402" for finding in checked.diagnostics)
    tuned = check_tuned(checked, [overlay({"pipeline": {"build": {"parallelism": 9}}})])
    assert [finding.code for finding in tuned.diagnostics] == ["STC402"]
    assert check_tuned(tuned, []).diagnostics == ()


@pytest.mark.parametrize(
    "said",
    [
        {"name": "other"},
        {"services": {"web": {"cpu": 2}}},
        {"services": {"other": {"estimates": {"build": "3m"}}}},
    ],
)
def test_anything_else_is_a_mistake_of_the_caller(checked: Checked, said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="more than settings"):
        check_tuned(checked, [overlay(said)])
