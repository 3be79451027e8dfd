"""Scenario files, `--set` and `--strategy`: what they change, what wins, and what is said of mistakes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_runs import CHECKOUT, SPEC
from compiler.diagnostics.model import Findings
from compiler.document import load
from compiler.driver import Checked, make_plan
from compiler.plan.model import Estimate, Plan, Strategy
from simulator.modelling.laws import Law
from simulator.modelling.scenario import Builders, Cluster, Failure, Registry, Scenario
from simulator.network import Policy
from stagecast.profile import modelled
from stagecast.scenario_file import Variant, variant
from stagecast.scenario_sets import read_set
from stagecast.scenario_shape import LAWS
from stagecast.session import Usage, the_one, usable

SCENARIO = """\
name: cold
pipeline: {build: {parallelism: 3, pool: {cpu: 12}}}
services:
  web: {estimates: {build: {median: 2m, p90: 4m}}, image: 350MB}
queue: {build: backfill}
builders: {warm: 1, maximum: 2, start: 45s}
registry: {connection: 10MB, bandwidth: 50MB}
cluster: {nodes: 4, pull: 30MB, warm: 30%, firstInstall: true}
failures: {build: 2%, job: {probability: 0.5%, retries: 1}}
terms:
  clone: 3s
  helm: {median: 4s, p90: 8s}
  push: {fixed: 0s}
  ready: {database: 20s, any: 7s}
  jobStart: {github: 15s}
correlation: 0.5
"""


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return environment(tmp_path)


def environment(folder: Path, text: str = SPEC, name: str = "environment.yaml") -> Checked:
    (folder / name).write_text(text, encoding="utf-8")
    return usable(*the_one(name if not folder.is_absolute() else str(folder / name)))


def file(folder: Path, text: str = SCENARIO, name: str = "cold.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return Path(name)


def refused(capsys: pytest.CaptureFixture[str], checked: Checked, **asked: Any) -> str:
    """What is said of a mistake, which ends the command with 1."""
    capsys.readouterr()
    with pytest.raises(typer.Exit) as caught:
        variant(checked, **asked)
    assert caught.value.exit_code == 1
    said = capsys.readouterr()
    assert not said.out
    return said.err


def test_without_anything_the_plan_is_the_specs(checked: Checked) -> None:
    made = variant(checked)
    assert (made.plan, made.scenario, made.name) == (make_plan(checked), Scenario(), "base")


def test_a_file_is_put_over_the_spec_and_says_what_is_assumed(checked: Checked, tmp_path: Path) -> None:
    made = variant(checked, scenario_file=file(tmp_path))
    assert made.plan.limits.build.parallelism == 3
    assert (made.plan.limits.build.pool.cpu_milli, made.plan.limits.build.slots) == (12_000, 3)
    assert made.plan.estimates == (
        Estimate("build:web", 120.0, 240.0),
        Estimate("deploy:web", 40.0, fixed=True),
    )
    scenario = made.scenario
    assert (made.name, scenario.name) == ("cold", "cold")
    assert (scenario.build_policy, scenario.deploy_policy) == (Policy.BACKFILL, Policy.FIFO)
    start = Law(45.0, Builders().start.sigma, "scenario", "assumed")
    assert scenario.builders == Builders(1, 2, start)
    assert scenario.registry == Registry(10e6, 50e6)
    assert scenario.cluster == Cluster(4, 30e6, 0.3, first_install=True)
    assert scenario.failures == {"build": Failure(0.02), "job": Failure(0.005, 1)}
    assert scenario.image_bytes == {"web": 350_000_000}
    assert scenario.correlation == 0.5


def test_laws_have_the_spread_that_is_said_or_that_of_the_default(checked: Checked, tmp_path: Path) -> None:
    laws = variant(checked, scenario_file=file(tmp_path)).scenario.laws
    spreads = {key: default.law.sigma for key, default in LAWS.items()}
    assert laws["clone", "any"] == Law(3.0, spreads["clone", "any"], "scenario", "assumed")
    assert laws["helm", "any"].median_s == 4.0
    assert laws["helm", "any"].p90_s == pytest.approx(8.0)
    assert laws["helm", "any"].spread_source == "scenario"
    assert laws["push", "any"] == Law(0.0, 0.0, "scenario", "scenario")
    assert laws["ready", "database"].median_s == 20.0
    assert laws["ready", "application"] == Law(7.0, spreads["ready", "application"], "scenario", "assumed")
    assert laws["job start", "github"].median_s == 15.0
    assert ("job start", "argo") not in laws
    assert ("build", "any") not in laws


def test_a_later_set_wins_over_an_earlier_one_and_all_over_the_file(checked: Checked, tmp_path: Path) -> None:
    sets = ("pipeline.build.parallelism=5", "queue=longest-first", "pipeline.build.parallelism=6")
    made = variant(checked, scenario_file=file(tmp_path), sets=sets, strategy="dag")
    assert (made.plan.limits.build.parallelism, made.plan.strategy) == (6, Strategy.DAG)
    assert made.scenario.build_policy is Policy.LONGEST_FIRST
    # What nobody says again is the file's.
    assert made.scenario.builders is not None
    assert made.name == "cold"


def test_the_name_says_what_is_asked_for(checked: Checked, tmp_path: Path) -> None:
    unnamed = file(tmp_path, "queue: fifo\n", "quick.yaml")
    made = variant(checked, scenario_file=unnamed, sets=("queue=backfill",), strategy="staged")
    assert made.name == made.scenario.name == "quick, queue=backfill, strategy staged"


@pytest.mark.parametrize("way", ["set", "file"])
def test_null_takes_away_what_the_spec_says(checked: Checked, tmp_path: Path, way: str) -> None:
    asked: dict[str, Any] = {"sets": ("services.web.estimates.build=null",)}
    if way == "file":
        asked = {"scenario_file": file(tmp_path, "services: {web: {estimates: {build: null}}}\n")}
    assert [each.task for each in variant(checked, **asked).plan.estimates] == ["deploy:web"]
    # The file's builders are gone, and with them what they assume.
    assert variant(checked, scenario_file=file(tmp_path), sets=("builders=null",)).scenario.builders is None


@pytest.mark.parametrize("argument", ['services."a.b".image=1GB', "services.'a.b'.image=1GB"])
def test_a_key_with_dots_is_quoted(argument: str) -> None:
    document = read_set(argument, Findings())
    assert document is not None
    assert document.value == {"services": {"a.b": {"image": "1GB"}}}


# --- mistakes


@pytest.mark.parametrize(
    ("argument", "code", "column", "hint"),
    [
        ("pipeline.build.paralelism=3", "STC101", 16, "did you mean `parallelism`?"),
        ("pipelin.build.parallelism=3", "STC101", 1, "did you mean `pipeline`?"),
        ("queue=backfil", "STC104", 7, "did you mean `backfill`?"),
        ("pipeline.build.parallelism=many", "STC103", 28, ""),
        ("pipeline.build.parallelism=0", "STC106", 28, "write 1 or more"),
        ("services.wbe.estimates.build=60s", "STC205", 10, "did you mean `web`?"),
        ("services.web.estimates.build=60", "STC404", 30, "write 60s"),
        ("services.web.estimates.build={median: 60s, p90: 20s}", "STC106", 49, "swap"),
        ("services.web.image=350", "STC404", 20, ""),
        ("builders={warm: 3, maximum: 2}", "STC106", 17, "make `maximum` at least `warm`"),
        ("registry.connection=9PB", "STC106", 21, "100MB"),
        ("terms.clone=99999d", "STC106", 13, "write at most 11574d"),
        ("terms.ready={databse: 3s}", "STC101", 14, "did you mean `database`?"),
        ("correlation=3", "STC404", 13, "write 3%"),
        ("failures.build=200%", "STC404", 16, ""),
        ("queue=[", "STC001", 8, ""),
        ("terms={clone: 1s, clone: 2s}", "STC009", 19, "keep one"),
        ("queue=!!binary x", "STC010", 7, ""),
        ("queue", "STC105", 6, "write for example"),
        ("=3", "STC105", 1, "write for example"),
        ("a..b=3", "STC105", 3, "write for example"),
        ("queue=", "STC105", 1, "write null"),
        (".".join("a" * 50) + "=1", "STC105", 100, "write for example"),
    ],
)
def test_a_mistake_points_into_the_argument(
    checked: Checked, capsys: pytest.CaptureFixture[str], argument: str, code: str, column: int, hint: str
) -> None:
    said = refused(capsys, checked, sets=(argument,))
    assert f"error[{code}]" in said
    assert f"--> --set:1:{column}\n" in said
    assert f"help: {hint}" in said if hint.startswith("did") else hint in said
    assert said.endswith("1 error in 1 file\n")


def test_a_wrong_strategy_points_into_its_option(
    checked: Checked, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, checked, strategy="stagd")
    assert "--> --strategy:1:1" in said
    assert "did you mean `staged`?" in said


def test_an_override_is_checked_as_if_it_stood_in_the_spec(
    checked: Checked, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, checked, sets=("pipeline.build.pool.cpu=2",))
    assert "error[STC401]: a build asks for 4 CPU, the pool has 2" in said
    assert "--> --set:1:25\n" in said


def test_mistakes_in_a_file_have_its_places(
    checked: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "queue: fifo\nbuilder: {warm: 2}\nservices:\n  wbe: {image: 1GB}\n"
    said = refused(capsys, checked, scenario_file=file(tmp_path, text))
    assert "--> cold.yaml:2:1" in said
    assert "did you mean `builders`?" in said
    assert "--> cold.yaml:4:3" in said
    assert "2 errors in 1 file" in said


@pytest.mark.parametrize(("text", "code"), [("", "STC003"), ("- 1\n", "STC004"), ("a: [", "STC001")])
def test_a_file_that_is_no_scenario_is_refused(
    checked: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
) -> None:
    assert f"error[{code}]" in refused(capsys, checked, scenario_file=file(tmp_path, text))


def test_a_file_that_is_not_there_is_no_finding(checked: Checked) -> None:
    with pytest.raises(OSError, match=r"none\.yaml"):
        variant(checked, scenario_file=Path("none.yaml"))


def test_warnings_are_shown_and_can_be_ignored(
    checked: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "name: off\n"
    variant(checked, scenario_file=file(tmp_path, text))
    assert "warning[STC013]" in capsys.readouterr().err
    variant(checked, scenario_file=file(tmp_path, "name: off # stagecast: ignore[STC013]\n"))
    assert capsys.readouterr().err == ""


def test_a_target_that_cannot_do_it_says_so_at_the_setting(
    checked: Checked, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    made = variant(checked, strategy="dag")
    with pytest.raises(typer.Exit):
        modelled(made, "github")
    said = capsys.readouterr().err
    assert "error[STC701]: github: without barriers" in said
    assert "--> --strategy:1:1" in said
    assert modelled(made, "argo").profile == "argo"
    assert modelled(made, None).profile is None


def test_a_target_that_runs_nothing_is_a_wrong_option(checked: Checked) -> None:
    with pytest.raises(Usage, match="did you mean github"):
        modelled(variant(checked), "githb")
    with pytest.raises(Usage, match="choose one of github, gitlab, argo"):
        modelled(variant(checked), "helm")


# --- the same as in the spec


@st.composite
def tunings(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of the pipeline and estimates, as a spec would have them; null takes away."""
    seconds = st.integers(1, 900).map(lambda count: f"{count}s")
    spread = st.integers(1, 9).map(lambda count: {"median": f"{count}m", "p90": f"{count + 2}m"})
    estimate = st.none() | seconds | spread
    build = st.fixed_dictionaries(
        {},
        optional={
            "parallelism": st.integers(1, 40),
            "cpu": st.none() | st.sampled_from([1, 0.5, "250m"]),
            "memory": st.sampled_from(["1GB", "512Mi"]),
            "timeout": st.sampled_from(["5m", "1h"]),
            "pool": st.none() | st.just({"cpu": 64, "memory": "64GB"}),
        },
    )
    return draw(
        st.fixed_dictionaries(
            {
                "pipeline": st.fixed_dictionaries(
                    {},
                    optional={
                        "strategy": st.sampled_from(["build-first", "staged", "dag"]),
                        "build": build,
                        "deploy": st.integers(1, 9).map(lambda count: {"parallelism": count}),
                    },
                ),
                "services": st.dictionaries(
                    st.sampled_from(["web", "cache", "postgres"]),
                    st.fixed_dictionaries({}, optional={"build": estimate, "deploy": estimate}).map(
                        lambda said: {"estimates": said}
                    ),
                ),
            }
        )
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tunings())
@pytest.mark.usefixtures("checked")
def test_a_variant_is_the_plan_of_a_spec_that_says_the_same(tmp_path: Path, said: dict[str, Any]) -> None:
    # A spread does not go beside the `fixed` of the spec.
    checked = environment(tmp_path, SPEC.replace("{fixed: 40s}", "40s"))
    overlay = {"apiVersion": "stagecast/v1beta1", "kind": "Environment", "extends": "environment.yaml"}
    wanted = make_plan(environment(tmp_path, json.dumps(overlay | said), "overlay.yaml"))
    from_file = variant(checked, scenario_file=file(tmp_path, json.dumps(said)))
    sets = [f"{path}={json.dumps(value)}" for path, value in leaves(said)]
    for made in (from_file, variant(checked, sets=sets)):
        assert without_path(made.plan) == without_path(wanted)


def leaves(said: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Every setting as `--set` says it: estimates and pools whole, all else alone."""
    found = []
    for key, value in said.items():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict) and "median" not in value and key != "pool":
            found += leaves(value, here)
        else:
            found.append((here, value))
    return found


def without_path(plan: Plan) -> Plan:
    return replace(plan, spec="")


def test_variants_read_no_file(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise AssertionError("a file is read")

    monkeypatch.setattr(load, "read_bytes", refuse)
    made = [variant(checked, sets=(f"pipeline.build.parallelism={count}",)) for count in range(1, 4)]
    assert [each.plan.limits.build.parallelism for each in made] == [1, 2, 3]


# --- anything else


KEYS = st.sampled_from(["queue", "services.web", "terms", "pipeline.build", "builders"])


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40) | st.builds("{}={}".format, KEYS, st.text()))
def test_no_argument_is_more_than_refused(checked: Checked, argument: str) -> None:
    # Anything but a refusal fails the test by itself.
    with suppress(typer.Exit):
        assert isinstance(variant(checked, sets=(argument,)), Variant)


# --- the schema


def validator() -> jsonschema.Draft7Validator:
    schema = json.loads((CHECKOUT / "schemas" / "scenario.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema)


def test_the_schema_takes_what_the_reader_takes() -> None:
    for text in (SCENARIO, (CHECKOUT / "examples/marketplace/cold-start.yaml").read_text(encoding="utf-8")):
        assert list(validator().iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    "text",
    ["queue: lifo", "correlation: 3", "cluster: {warm: 130%}", "terms: {ready: {web: 1s}}", "queu: fifo"],
)
def test_the_schema_refuses_what_the_reader_refuses(
    checked: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert list(validator().iter_errors(yaml.safe_load(text)))
    refused(capsys, checked, scenario_file=file(tmp_path, text))


def test_the_example_is_a_scenario_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT / "examples" / "marketplace")
    made = variant(usable(*the_one("environment.yaml")), scenario_file=Path("cold-start.yaml"))
    assert (made.name, made.plan.limits.build.parallelism) == ("cold start", 4)
    for target in (None, "github", "gitlab", "argo"):
        assert modelled(made, target).scenario == made.scenario
