"""The Argo CD back end: steps, Applications, rights, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_plans import GITOPS, REPOSITORY, SET, for_argocd, of_workloads, read, services
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
)
from compiler.targets import argocd
from compiler.targets.argocd.install import KINDS
from compiler.targets.argocd.steps import steps
from helm_plans import EVERYTHING, MANAGED, render
from helm_plans import plan as helm_plan
from pipeline_plans import RICH, Service, make_plan

CHART = Chart("https://charts.example.com", "redis", "1.2.3", None)
PRIVATE = Source("https://git.example.com/x.git", "main", "chart", credentials=SecretRef("git", "token"))


def plan_of(*wanted: Service, **options: Any) -> Plan:
    """A plan that Argo CD deploys."""
    return for_argocd(make_plan(wanted or [Service("a", "s")], **options))


def with_chart(**fields: Any) -> Plan:
    """A plan of one service with its own chart."""
    return plan_of(Service("redis", "s", chart=replace(CHART, **fields)))


def described(plan: Plan) -> Any:
    """The spec of the ApplicationSet."""
    return read(plan)[SET]["spec"]


def codes(plan: Plan) -> set[tuple[str, str]]:
    """What is said of a plan."""
    return {(limitation.code, limitation.severity) for limitation in argocd.check(plan)}


def test_a_step_for_each_stage() -> None:
    """In their order, seven at a time; every Application bears the label of its step."""
    plan = plan_of(*RICH[:3])
    strategy = described(plan)["strategy"]
    assert strategy["type"] == "RollingSync"
    assert strategy["rollingSync"]["steps"] == [
        {
            "matchExpressions": [{"key": "stagecast.dev/step", "operator": "In", "values": [step]}],
            "maxUpdate": 7,
        }
        for step in ("1", "2")
    ]
    assert {name: (data["stage"], data["step"]) for name, data in services(plan).items()} == {
        "postgres": ("database", "1"),
        "web": ("application", "2"),
        "api": ("application", "2"),
    }


def test_the_cap_is_the_plans() -> None:
    """A whole number: shares are rounded by Argo CD."""
    [step] = described(plan_of(deploy_parallelism=3))["strategy"]["rollingSync"]["steps"]
    assert step["maxUpdate"] == 3


@given(st.data(), st.integers(1, 12))
def test_dependencies_are_in_earlier_steps(data: st.DataObject, count: int) -> None:
    """Wherever a service stands in the queue; every service is in exactly one step, no step is empty."""
    names = [f"s{n}" for n in range(count)]
    wanted = [
        Service(
            name,
            f"stage-{n % 2}",
            depends_on=tuple(
                data.draw(st.lists(st.sampled_from(names[n % 2 : n : 2]), unique=True, max_size=3))
                if n >= 2
                else ()
            ),
        )
        for n, name in enumerate(names)
    ]
    plan = plan_of(*data.draw(st.permutations(wanted)))
    found = steps(plan)
    place = {name: position for position, (_, row) in enumerate(found) for name in row}
    assert sorted(name for _, row in found for name in row) == sorted(names)
    assert all(row for _, row in found)
    order = [stage.name for stage in plan.stages]
    assert [stage for stage, _ in found] == sorted((stage for stage, _ in found), key=order.index)
    for service in wanted:
        assert all(place[other] < place[service.name] for other in service.depends_on)


def test_the_set_is_as_small_for_many_services() -> None:
    """Services are files of their own."""
    few, many = (plan_of(*(Service(f"a{n}", "s") for n in range(count))) for count in (1, 500))
    assert read(few)[SET] == read(many)[SET]
    assert len(services(many)) == 500
    assert described(many)["generators"] == [
        {
            "git": {
                "repoURL": REPOSITORY,
                "revision": "stagecast/shop",
                "files": [{"path": "argocd/shop/services/*.json"}],
            }
        }
    ]


def test_nothing_is_deleted_by_itself() -> None:
    """Neither a service that left the spec nor anything with the ApplicationSet; volumes are pruned last."""
    spec = described(plan_of())
    assert spec["syncPolicy"] == {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True}
    assert "finalizers" not in spec["template"]["metadata"]
    policy = spec["template"]["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": False}
    assert {"CreateNamespace=true", "PruneLast=true"} <= set(policy["syncOptions"])


def test_our_charts() -> None:
    """One source on the branch that CI writes; the pins lie over the values."""
    plan = plan_of(*RICH[:2])
    web = services(plan)["web"]
    assert web["source"] == {
        "repoURL": REPOSITORY,
        "targetRevision": "stagecast/shop",
        "path": "helm/charts/workload",
        "helm": {
            "releaseName": "web",
            "valueFiles": ["../../values/shop/web.yaml", "../../images/shop/web.yaml"],
            "ignoreMissingValueFiles": False,
        },
    }
    assert web["paths"] == "/helm/charts/workload;/helm/values/shop/web.yaml;/helm/images/shop/web.yaml"
    # The tag is in the values already: the pin adds the digest.
    assert services(plan)["postgres"]["source"]["helm"]["ignoreMissingValueFiles"] is True


def test_own_charts() -> None:
    """The chart from where it is, the values from the branch."""
    values = {"repoURL": REPOSITORY, "targetRevision": "stagecast/shop", "ref": "values"}
    chart = with_chart(
        value_files=("files/a.yaml",), set_values=(("a.b", "x,$y"),), arguments=("--skip-crds",)
    )
    assert services(chart)["redis"]["sources"] == [
        {
            "repoURL": "https://charts.example.com",
            "targetRevision": "1.2.3",
            "chart": "redis",
            "helm": {
                "releaseName": "redis",
                "valueFiles": ["$values/files/a.yaml", "$values/helm/values/shop/redis.yaml"],
                "skipCrds": True,
                "parameters": [{"name": "a.b", "value": "x\\,$$y", "forceString": True}],
            },
        },
        values,
    ]
    oci = services(with_chart(repository="oci://registry.example.com/charts/"))["redis"]["sources"][0]
    assert oci["repoURL"] == "registry.example.com/charts"
    git = services(with_chart(repository=None, name=None, version=None, source=PRIVATE))["redis"]
    assert git["sources"][0] == {
        "repoURL": "https://git.example.com/x.git",
        "targetRevision": "main",
        "path": "chart",
        "helm": {"releaseName": "redis", "valueFiles": ["$values/helm/values/shop/redis.yaml"]},
    }
    assert git["sources"][1] == values
    local = services(with_chart(repository=None, name=None, source=Source(".", None, "charts/own")))["redis"]
    assert local["source"]["path"] == "charts/own"
    assert local["source"]["helm"]["valueFiles"] == ["../../helm/values/shop/redis.yaml"]


def test_a_job_is_not_synced_twice() -> None:
    """Another sync would run it again; it counts its own tries."""
    plan = of_workloads(helm_plan(), EVERYTHING)
    retries = {name: data["retries"] for name, data in services(plan).items()}
    assert {name for name, limit in retries.items() if limit == 0} == {"start", "stop", "delete", "cron"}
    assert {limit for limit in retries.values() if limit} == {2}


def test_departed_services_go_last_and_only_when_pruned() -> None:
    """Their Application gets a chart without objects, so that a sync prunes everything else."""
    gone = (Departed("kept", "kept"), Departed("old", "shop-old", prune=True))
    plan = replace(plan_of(), departed=gone)
    assert set(services(plan)) == {"a", "old"}
    old = services(plan)["old"]
    assert (old["name"], old["step"], old["source"]["path"]) == (
        "shop-old",
        "2",
        "argocd/shop/charts/removed",
    )
    assert old["source"]["helm"]["releaseName"] == "shop-old"
    assert len(described(plan)["strategy"]["rollingSync"]["steps"]) == 2
    assert "argocd/shop/charts/removed/Chart.yaml" in read(plan)


def test_rights() -> None:
    """The services' project: one namespace, the kinds of our charts; the root's: one kind of object."""
    found = read(plan_of())
    project = found["argocd/shop/install/project.yaml"]
    assert project["metadata"] == {"name": "shop", "namespace": "argocd"}
    assert project["spec"]["destinations"] == [
        {"server": "https://kubernetes.default.svc", "namespace": "shop"}
    ]
    assert project["spec"]["clusterResourceWhitelist"] == [{"group": "", "kind": "Namespace"}]
    root = found["argocd/shop/install/root-project.yaml"]["spec"]
    assert root["clusterResourceWhitelist"] == []
    assert root["namespaceResourceWhitelist"] == [{"group": "argoproj.io", "kind": "ApplicationSet"}]
    own = read(with_chart())["argocd/shop/install/project.yaml"]["spec"]
    assert own["sourceRepos"] == [REPOSITORY, "https://charts.example.com"]
    assert "namespaceResourceWhitelist" not in own
    default = replace(plan_of(), gitops=replace(GITOPS, project="default"))
    assert "argocd/shop/install/project.yaml" not in read(default)


def test_the_project_allows_every_kind_of_our_charts_and_no_other() -> None:
    """As they are rendered; what only Argo CD's chart for jobs has is a ConfigMap."""
    rendered = [m for workload in (*EVERYTHING, *MANAGED) for m in render(workload)]
    found = {(m["apiVersion"].rpartition("/")[0], m["kind"]) for m in rendered}
    assert found <= set(KINDS)
    assert set(KINDS) - found <= {("gateway.networking.k8s.io", "HTTPRoute")}


LONG = make_plan([Service(f"a{n}", "s") for n in range(8)])


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (replace(plan_of(), delivery=Delivery.HELM), ("argocd-delivery", "error")),
        (replace(plan_of(), gitops=None), ("argocd-repository", "error")),
        (replace(plan_of(), gitops=replace(GITOPS, repository=None)), ("argocd-repository", "error")),
        (plan_of(strategy=Strategy.DAG), ("argocd-dag", "error")),
        (replace(plan_of(), environment="a/b"), ("argocd-environment-name", "error")),
        (replace(plan_of(), environment="Shop"), ("argocd-name", "error")),
        (replace(plan_of(), target=Target("{{ x }}", None)), ("argocd-template", "error")),
        (replace(plan_of(), gitops=replace(GITOPS, server="{{ x }}")), ("argocd-template", "error")),
        (replace(plan_of(), previews=Previews()), ("argocd-previews", "note")),
        (plan_of(), ("argocd-progressive-syncs", "note")),
        (plan_of(*RICH), ("argocd-depends-on", "note")),
        (for_argocd(LONG), ("argocd-failure", "note")),
        (with_chart(version=None), ("argocd-version", "warning")),
        (with_chart(version="1\u2028"), ("argocd-character", "error")),
        (with_chart(set_values=(("a", "\x7f"),)), ("argocd-character", "error")),
        (with_chart(set_values=(("a", "\0"),)), ("argocd-character", "error")),
        (with_chart(value_files=("$x",)), ("argocd-path", "error")),
        (with_chart(value_files=("a*",)), ("argocd-path", "error")),
        (with_chart(arguments=("--wait",)), ("argocd-argument", "warning")),
        (with_chart(arguments=("--devel",)), ("argocd-argument", "error")),
        (with_chart(source=PRIVATE), ("argocd-credentials", "note")),
        (with_chart(source=replace(PRIVATE, context="a{b")), ("argocd-path", "error")),
    ],
)
def test_limitations(plan: Plan, expected: tuple[str, str]) -> None:
    """What cannot be expressed is said, not left out."""
    assert expected in codes(plan)


def test_the_field_to_blame() -> None:
    """A missing repository is blamed on the field that is to be written."""
    [found] = [x for x in argocd.check(replace(plan_of(), gitops=None)) if x.severity == "error"]
    assert found.field == "gitops.repository"


def test_many_services() -> None:
    """More than an object's status can hold is said."""
    plan = plan_of()
    many = replace(plan, workloads=plan.workloads * 2501)
    assert ("argocd-many-services", "warning") in codes(many)


def test_same_plan_same_bytes() -> None:
    """And every path once."""
    plan = of_workloads(helm_plan(), EVERYTHING)
    assert argocd.emit(plan) == argocd.emit(plan)
    paths = [artifact.path for artifact in argocd.emit(plan)]
    assert len(paths) == len(set(paths))
    assert json.dumps(services(plan)) == json.dumps(services(plan))
