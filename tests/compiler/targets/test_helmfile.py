"""The helmfile back end: order and caps as needs, charts and values, and the real helmfile's verdict."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from compiler.plan.model import (
    Chart,
    Delivery,
    Departed,
    Plan,
    Previews,
    SecretRef,
    Source,
    Strategy,
    Target,
    Workload,
)
from compiler.targets import helm, helmfile
from compiler.targets.helmfile.nested import nested
from compiler.targets.helmfile.order import in_order, needs
from helmfile_runs import Helmfile, pin, write, written
from pipeline_plans import RICH, Service, make_plan
from toolchain import Helm

# What YAML, Go templates and shells could take for something else; no NUL, which no YAML holds unescaped.
HOSTILE = [
    "{{ .Values.x }}",
    '{{ env "HOME" }}',
    "{{ fail `x` }}",
    "{{/*",
    "}}{{",
    "${{ github.token }}",
    "$(id)",
    "`id`",
    "'\"\\",
    "a\nb\n\n",
    "  a\r\n\tb",
    "on",
    "1e3",
    "0o7",
    "null",
    "~",
    "",
    "- a: b # c",
    "a,b={c}",
    "\x01\x1f\u2028\ufeff",
    "é😀",
    "x" * 70_000,
]
OWN_CHART = "name: own\napiVersion: v2\nversion: 0.1.0\n"
SHOWS_VALUES = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  values: {{ .Values | toJson | quote }}
"""


def states(plan: Plan) -> dict[str, Any]:
    """The files as another YAML parser reads them, by their path below helmfile/shop."""
    return {
        artifact.path.removeprefix("helmfile/shop/"): YAML(typ="safe").load(artifact.content)
        for artifact in helmfile.emit(plan)
    }


def releases(plan: Plan, path: str) -> dict[str, Any]:
    """The releases of one file by their name."""
    return {release["name"]: release for release in states(plan)[path]["releases"]}


def codes(plan: Plan) -> set[tuple[str, str]]:
    """What is said of a plan."""
    return {(limitation.code, limitation.severity) for limitation in helmfile.check(plan)}


def with_chart(**fields: Any) -> Plan:
    """A plan of one service with its own chart."""
    chart = Chart("https://charts.example.com", "redis", "1.2.3", None)
    return make_plan([Service("redis", "extra", chart=replace(chart, **fields))])


@pytest.fixture
def real(helmfile: Path, helm3: Helm, tmp_path: Path) -> Callable[[Plan], Helmfile]:
    """The real helmfile in a folder with what a plan becomes."""

    def run(plan: Plan) -> Helmfile:
        written(tmp_path, plan)
        return Helmfile(helmfile, helm3.helm.parent, tmp_path, {})

    return run


def test_stages_are_files_in_their_order() -> None:
    """Nested helmfiles run one after another."""
    plan = make_plan(
        [Service("a", "0.FIRST stage/x"), Service("b", "second"), Service("c", "0.FIRST stage/x")]
    )
    assert states(plan)["helmfile.yaml"] == {
        "helmfiles": [{"path": "stages/1-0-FIRST-stage-x.yaml"}, {"path": "stages/2-second.yaml"}]
    }
    assert list(releases(plan, "stages/1-0-FIRST-stage-x.yaml")) == ["a", "c"]


def test_our_charts() -> None:
    """Every release waits; only what keeps no data is undone when it fails."""
    plan = make_plan(RICH[:3])
    state = states(plan)["stages/1-database.yaml"]
    assert state["helmDefaults"] == {"createNamespace": True, "wait": True, "kubeContext": "prod-eu"}
    assert state["releases"] == [
        {
            "name": "postgres",
            "namespace": "shop",
            "chart": "../../../helm/charts/workload",
            "skipDeps": True,
            "timeout": 600,
            "missingFileHandler": "Error",
            "values": ["../../../helm/values/shop/postgres.yaml"],
        }
    ]
    web = releases(plan, "stages/2-application.yaml")["web"]
    assert web["atomic"] is True
    assert web["values"] == ["../../../helm/values/shop/web.yaml", "../../../helm/images/shop/web.yaml"]


def test_a_pinned_image_needs_no_pins() -> None:
    """Nothing of the tag is to be found at run time, and nothing is said of it."""
    plan = make_plan(RICH[:3])
    assert ("helmfile-images", "note") in codes(plan)
    pinned = replace(plan, images=tuple(replace(image, tag="content-1") for image in plan.images))
    assert ("helmfile-images", "note") not in codes(pinned)
    assert releases(pinned, "stages/2-application.yaml")["web"]["values"] == [
        "../../../helm/values/shop/web.yaml"
    ]


def test_own_charts() -> None:
    """A service's own chart: its files, its values, its `set`, and no flag that it does not ask for."""
    chart = {"value_files": ("files/redis.yaml",), "set_values": (("a.b", "1"), ("c", "{{ x }}"))}
    plan = with_chart(**chart)
    assert releases(plan, "stages/1-extra.yaml")["redis"] == {
        "name": "redis",
        "namespace": "shop",
        "chart": "stagecast-1/redis",
        "version": "1.2.3",
        "wait": False,
        "missingFileHandler": "Error",
        "values": [
            "../../../files/redis.yaml",
            "../../../helm/values/shop/redis.yaml",
            "../../../helmfile/shop/set/redis.yaml",
        ],
    }
    assert states(plan)["set/redis.yaml"] == {"a": {"b": "1"}, "c": "{{ x }}"}
    oci = with_chart(repository="oci://registry.example.com/charts", version=None)
    assert states(oci)["stages/1-extra.yaml"]["repositories"] == [
        {"name": "stagecast-1", "url": "registry.example.com/charts", "oci": True}
    ]
    assert "version" not in releases(oci, "stages/1-extra.yaml")["redis"]


def test_arguments_have_a_file_of_their_own() -> None:
    """Other releases of the stage do not get them; the files run one after another."""
    chart = Chart("https://charts.example.com", "redis", "1.2.3", None, arguments=("--skip-crds",))
    plan = make_plan(
        [
            Service("a", "s"),
            Service("b", "s", chart=chart, depends_on=("a",)),
            Service("c", "s", depends_on=("b",)),
            Service("d", "s"),
        ]
    )
    found = states(plan)
    assert [file["path"] for file in found["helmfile.yaml"]["helmfiles"]] == [
        "stages/1-s-1.yaml",
        "stages/1-s-2.yaml",
        "stages/1-s-3.yaml",
    ]
    defaults = [found[f"stages/1-s-{n}.yaml"]["helmDefaults"].get("syncArgs") for n in (1, 2, 3)]
    assert defaults == [None, ["--skip-crds"], None]
    assert list(releases(plan, "stages/1-s-1.yaml")) == ["a", "d"]
    assert list(releases(plan, "stages/1-s-3.yaml")) == ["c"]
    assert ("helmfile-split", "note") in codes(plan)


def test_departed_releases_are_uninstalled_last_and_only_when_pruned() -> None:
    """Seven at a time, like everything else."""
    gone = tuple(Departed(f"s{n}", f"old-{n}", prune=n != 0) for n in range(10))
    plan = replace(make_plan([Service("a", "s")]), departed=gone)
    assert states(plan)["helmfile.yaml"]["helmfiles"][-1] == {"path": "stages/removed.yaml"}
    found = releases(plan, "stages/removed.yaml")
    assert list(found) == [f"old-{n}" for n in range(1, 10)]
    assert all(release["installed"] is False for release in found.values())
    assert found["old-8"]["needs"] == ["shop/old-1"]


@given(st.data(), st.integers(1, 20), st.integers(1, 7))
def test_no_group_has_more_than_the_plan_allows(data: st.DataObject, count: int, cap: int) -> None:
    """Groups are levels of the graph of needs; dependencies may point to any place in the queue."""
    names = data.draw(st.permutations([f"s{n}" for n in range(count)]))
    services = [
        Service(
            name,
            "s",
            depends_on=tuple(data.draw(st.lists(st.sampled_from(names[:n]), unique=True, max_size=3)))
            if n
            else (),
        )
        for n, name in enumerate(names)
    ]
    queue = data.draw(st.permutations(make_plan(services).workloads))
    levels = _levels(queue, cap)
    for workload in queue:
        assert all(levels[other] < levels[workload.service] for other in workload.depends_on)
    rows = list(levels.values())
    assert all(rows.count(level) <= cap for level in set(rows))


def _levels(queue: list[Workload], cap: int) -> dict[str, int]:
    ordered = in_order(queue)
    wanted = needs(ordered, cap)
    levels: dict[str, int] = {}
    for workload in ordered:
        levels[workload.service] = 1 + max((levels[name] for name in wanted[workload.service]), default=0)
    return levels


def test_the_real_helmfile_forms_these_groups(real: Callable[[Plan], Helmfile]) -> None:
    """At most three at once without any flag, in queue order, and after what they depend on."""
    services = [Service(f"a{n}", "app", depends_on=("a7",) if n == 0 else ()) for n in range(8)]
    run = real(make_plan(services, deploy_parallelism=3))
    assert run.groups("helmfile/shop/stages/1-app.yaml") == [
        ["a1", "a2", "a3"],
        ["a4", "a5", "a6"],
        ["a7"],
        ["a0"],
    ]


def test_the_real_helmfile_takes_everything(real: Callable[[Plan], Helmfile]) -> None:
    """Build, lint and template; every value comes from the files that the helm back end writes."""
    plan = replace(make_plan(RICH[:3]), departed=(Departed("old", "old", prune=True),))
    run = real(plan)
    pin(run.root, "web", "api")
    built = run.run("build")
    assert built.returncode == 0, built.stderr
    linted = run.run("lint")
    assert linted.returncode == 0, linted.stderr
    result = run.run("template")
    assert result.returncode == 0, result.stderr
    images = [
        container["image"]
        for manifest in YAML(typ="safe").load_all(result.stdout)
        if manifest and manifest["kind"] in ("Deployment", "StatefulSet")
        for container in manifest["spec"]["template"]["spec"]["containers"]
    ]
    # Stage after stage: the database first.
    assert images[0] == "registry.example.com/shop/postgres:1.2"
    # A group is rendered at once, in any order.
    assert sorted(images[1:]) == [f"registry.example.com/shop/{name}:content-1" for name in ("api", "web")]


def test_a_missing_pin_stops_the_real_helmfile(real: Callable[[Plan], Helmfile]) -> None:
    """It never deploys an image without a tag."""
    result = real(make_plan(RICH[:2])).run("template")
    assert result.returncode != 0
    assert "helm/images/shop/web.yaml" in result.stderr


def test_hostile_values_arrive_as_they_are(real: Callable[[Plan], Helmfile]) -> None:
    """Through values and `set` of a local chart, and through a spec whose very name is a template."""
    texts = {f"t{n}": text for n, text in enumerate(HOSTILE)}
    chart = Chart(
        None,
        None,
        None,
        Source(".", None, "charts/own"),
        values={"values": texts},
        set_values=tuple((f"set.{name}", text) for name, text in texts.items()),
    )
    plan = replace(make_plan([Service("own", "s", chart=chart)]), spec="{{ fail `spec` }}.yaml")
    run = real(plan)
    (run.root / "charts/own/templates").mkdir(parents=True)
    (run.root / "charts/own/Chart.yaml").write_text(OWN_CHART)
    (run.root / "charts/own/templates/values.yaml").write_text(SHOWS_VALUES)
    # As helmfile 0.x does it, and as 1.x.
    for mode in ({}, {"HELMFILE_V1MODE": "true"}):
        result = replace(run, environment=mode).run("template")
        assert result.returncode == 0, result.stderr
        [manifest] = [found for found in YAML(typ="safe").load_all(result.stdout) if found]
        assert json.loads(manifest["data"]["values"]) == {"values": texts, "set": texts}


def test_a_chart_from_git(real: Callable[[Plan], Helmfile], tmp_path: Path) -> None:
    """Helmfile fetches the folder at the ref that the spec names."""
    origin = tmp_path / "origin"
    folder = origin / "charts" / "own"
    write(origin, [])
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(OWN_CHART)
    (folder / "templates/values.yaml").write_text(SHOWS_VALUES)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(origin)]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    source = Source(f"file://{origin}", "v1", "charts/own")
    plan = make_plan([Service("own", "s", chart=Chart(None, None, None, source, values={"a": "b"}))])
    assert codes(plan) == set()
    result = real(plan).run("template")
    assert result.returncode == 0, result.stderr
    [manifest] = [found for found in YAML(typ="safe").load_all(result.stdout) if found]
    assert json.loads(manifest["data"]["values"]) == {"a": "b"}


PRIVATE = Source("https://git.example.com/x.git", "main", "chart", credentials=SecretRef("git", "token"))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (make_plan([Service("a", "s")], strategy=Strategy.DAG), ("helmfile-dag", "error")),
        (make_plan([Service("a", "s")], delivery=Delivery.ARGOCD), ("helmfile-delivery", "warning")),
        (replace(make_plan([]), environment="../x"), ("helmfile-environment-name", "error")),
        (replace(make_plan([]), target=Target("shop", "{{ x }}")), ("helmfile-template", "error")),
        (replace(make_plan([]), previews=Previews()), ("helmfile-previews", "note")),
        (make_plan([Service(f"a{n}", "s") for n in range(8)]), ("helmfile-waves", "note")),
        (make_plan([Service("a", "s")]), ("helmfile-mirror", "note")),
        (with_chart(version="{{ x }}"), ("helmfile-template", "error")),
        (with_chart(value_files=("a*.yaml",)), ("helmfile-values-file", "error")),
        (with_chart(value_files=("git::x",)), ("helmfile-values-file", "error")),
        (with_chart(arguments=("--description=a b",)), ("helmfile-argument", "error")),
        (with_chart(set_values=(("a[0]", "x"),)), ("helmfile-set", "error")),
        (with_chart(set_values=(("a", "x"), ("a.b", "x"))), ("helmfile-set", "error")),
        (with_chart(source=PRIVATE), ("helmfile-credentials", "note")),
        (with_chart(source=replace(PRIVATE, ref="{{ x }}")), ("helmfile-repository", "error")),
        (with_chart(source=replace(PRIVATE, repository="git@x:y.git")), ("helmfile-repository", "error")),
        (with_chart(source=Source(".", None, "a::b")), ("helmfile-chart-path", "error")),
    ],
)
def test_limitations(plan: Plan, expected: tuple[str, str]) -> None:
    """What cannot be expressed is said, not left out."""
    assert expected in codes(plan)


def test_nothing_to_say() -> None:
    """A plan of a chart of ours whose image needs no copy."""
    plan = make_plan([Service("a", "s")])
    plan = replace(plan, images=tuple(replace(image, mirror=None) for image in plan.images))
    assert helmfile.check(plan) == []


def test_set_says_what_helm_says(helm3: Helm, helm4: Helm, tmp_path: Path) -> None:
    """The values file and `helm --set-literal`, which pipelines use, render alike over the same values."""
    assignments = (("a.b", "x,y"), ("c", "true"), ("d.e.f", "{1}"), ("d.e.g", "\\"), ("h", ""))
    chart = tmp_path / "own"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(OWN_CHART)
    (chart / "templates/values.yaml").write_text(SHOWS_VALUES)
    base, said = tmp_path / "base.yaml", tmp_path / "set.yaml"
    base.write_text("a: {b: 1, z: 2}\nd: {e: {f: 3, x: 5}}\n")
    said.write_text(json.dumps(nested(assignments)))
    literal = [f"--set-literal={name}={text}" for name, text in assignments]
    for tool in (helm3, helm4):
        results = [
            tool.run("template", "x", chart, f"--values={base}", *flags)
            for flags in (literal, [f"--values={said}"])
        ]
        assert [result.returncode for result in results] == [0, 0], results
        assert results[0].stdout == results[1].stdout


def test_an_output_has_all_files_that_its_releases_name() -> None:
    """But for the pins, which a pipeline writes."""
    plan = make_plan(RICH[:3])
    there = {artifact.path for artifact in (*helm.emit(plan), *helmfile.emit(plan))}
    for stage in ("stages/1-database.yaml", "stages/2-application.yaml"):
        for release in releases(plan, stage).values():
            assert f"{release['chart'].removeprefix('../../../')}/Chart.yaml" in there
            paths = {path.removeprefix("../../../") for path in release["values"]}
            assert {path for path in paths if not path.startswith("helm/images/")} <= there
