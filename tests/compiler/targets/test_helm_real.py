"""The real consumers: `helm lint` and `helm template` of Helm 3 and Helm 4 on what the compiler writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compiler.plan.model import ConfigFile, Literal, Variable, Workload
from compiler.targets.helm import check, emit
from compiler.targets.helm.layout import release_chart, values_path
from helm_hostile import HOSTILE, kubernetes_expands
from helm_plans import (
    EVERYTHING,
    FULL,
    MANAGED,
    application,
    kinds,
    one,
    parse,
    plan,
    render,
    write,
)
from toolchain import Helm

ALL = (*EVERYTHING, *MANAGED)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of an environment with everything."""
    root = tmp_path_factory.mktemp("output")
    write(root, emit(plan(*EVERYTHING)))
    managed = tmp_path_factory.mktemp("managed")
    write(managed, emit(plan(*MANAGED)))
    for workload in MANAGED:
        path = managed / values_path("shop", workload)
        path.rename(root / f"helm/values/shop/managed-{workload.service}.yaml")
    return root


def arguments(root: Path, workload: Workload) -> list[str]:
    managed = workload.database is not None and workload.database.managed
    values = f"helm/values/shop/managed-{workload.service}.yaml" if managed else values_path("shop", workload)
    tag = [] if managed else ["--set-string", "image.tag=v1"]
    return [str(root / release_chart(workload)), "--values", str(root / values), *tag, "--namespace", "shop"]


def test_lint_finds_nothing(helms: Helm, output: Path) -> None:
    def lint(workload: Workload) -> str:
        result = helms.run("lint", "--strict", *arguments(output, workload))
        return "" if result.returncode == 0 else result.stdout + result.stderr

    with ThreadPoolExecutor(2) as pool:
        assert [found for found in pool.map(lint, ALL) if found] == []


def test_template_gives_what_the_sdk_gives(helms: Helm, output: Path) -> None:
    def template(workload: Workload) -> None:
        result = helms.run("template", workload.release, *arguments(output, workload))
        assert result.returncode == 0, result.stderr
        manifests = parse(result.stdout)
        expected = render(workload)
        assert kinds(manifests) == kinds(expected)
        if workload is FULL:
            key = "Deployment"
            assert one(manifests, key) == one(expected, key)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(template, ALL))


def test_hostile_texts_arrive(helms: Helm, tmp_path: Path) -> None:
    variables = tuple(Variable(f"V{i}", (Literal(text),)) for i, text in enumerate(HOSTILE))
    files = tuple(ConfigFile(f"/{i}", text) for i, text in enumerate(HOSTILE))
    hostile = application(
        variables=variables,
        files=files,
        arguments=tuple(HOSTILE),
        annotations=tuple((f"a{i}", text) for i, text in enumerate(HOSTILE)),
    )
    assert not [found for found in check(plan(hostile)) if found.severity == "error"]
    write(tmp_path, emit(plan(hostile)))
    result = helms.run("template", hostile.release, *arguments(tmp_path, hostile))
    assert result.returncode == 0, result.stderr
    manifests = parse(result.stdout)
    template = one(manifests, "Deployment")["spec"]["template"]
    main = template["spec"]["containers"][0]
    assert [kubernetes_expands(entry["value"], {}) for entry in main["env"]] == HOSTILE
    assert [kubernetes_expands(text, {}) for text in main["args"]] == HOSTILE
    data = one(manifests, "ConfigMap")["data"]
    assert [data[mount["subPath"]] for mount in main["volumeMounts"]] == HOSTILE
    assert [template["metadata"]["annotations"][f"a{i}"] for i in range(len(HOSTILE))] == HOSTILE


def test_a_release_cannot_go_out_without_tag_or_with_unknown_values(helms: Helm, output: Path) -> None:
    bare = application("bare")
    chart, values = str(output / release_chart(bare)), str(output / values_path("shop", bare))
    untagged = helms.run("template", "x", chart, "--values", values)
    assert untagged.returncode != 0
    assert "neither a tag nor a digest" in untagged.stderr
    unknown = helms.run("template", "x", *arguments(output, bare), "--set", "replica=2")
    assert unknown.returncode != 0
    assert "replica" in unknown.stderr
