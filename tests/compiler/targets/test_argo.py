"""The Argo back end: what its manifests hold, what it says, and that Argo and Kubernetes take them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import kubernetes_schemas as schemas
from argo_plans import known_secrets, ordered_plans
from argo_semantics import Manifest, calls, load, problems, templates, texts
from compiler.plan.model import (
    BuildCache,
    BuildSecret,
    Delivery,
    Departed,
    GitOps,
    Limits,
    Plan,
    Previews,
    Resources,
    SecretRef,
    Strategy,
    Target,
)
from compiler.plan.tasks import order_tasks
from compiler.targets import helm
from compiler.targets.argo import check, emit, units
from control_plane import Cluster
from crd_schemas import CrdSchemas
from pipeline_plans import GB, Service, make_plan, rich_plan


def planned(plan: Plan) -> Plan:
    """The plan with the tasks that the compiler's own planner makes of it."""
    tasks = order_tasks(plan.strategy, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, tasks=tasks)


def in_cluster(plan: Plan) -> Plan:
    return replace(plan, target=Target("shop", None))


VARIANTS: dict[str, Callable[[], Plan]] = {
    "build-first": lambda: planned(rich_plan()),
    "staged": lambda: planned(rich_plan(strategy=Strategy.STAGED)),
    "dag": lambda: planned(rich_plan(strategy=Strategy.DAG)),
    "in-cluster": lambda: in_cluster(planned(rich_plan())),
    "argocd": lambda: replace(
        planned(rich_plan(delivery=Delivery.ARGOCD)), gitops=GitOps("deployed", "https://example.com/shop")
    ),
    "none": lambda: planned(rich_plan(delivery=Delivery.NONE)),
    "pruned": lambda: replace(in_cluster(planned(rich_plan())), departed=(Departed("old", "old", True),)),
    "no-builds": lambda: planned(make_plan([Service("cache", "only")])),
    "many": lambda: planned(make_plan([Service(f"s{number}", "all", built=True) for number in range(1200)])),
}


def pods(workflow: Manifest) -> Iterator[Manifest]:
    return (template for template in workflow["spec"]["templates"] if "container" in template)


def variables(template: Manifest) -> dict[str, Any]:
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in template["container"]["env"]}


# --- consumers


@pytest.mark.parametrize("variant", VARIANTS)
def test_argos_own_schemas_take_it(variant: str, argo_schemas: CrdSchemas) -> None:
    assert argo_schemas.problems([load(emit(VARIANTS[variant]()))["workflow-template"]]) == []


def test_argos_schemas_find_a_wrong_type_and_an_unknown_field(argo_schemas: CrdSchemas) -> None:
    workflow = load(emit(rich_plan()))["workflow-template"]
    workflow["spec"]["ttlStrategy"]["secondsAfterSuccess"] = "1"
    workflow["spec"]["templates"][1]["container"]["enw"] = []
    found = " ".join(argo_schemas.problems([workflow]))
    assert "secondsAfterSuccess must be integer" in found
    assert "container/enw is no field" in found


@pytest.mark.parametrize("version", [schemas.VERSIONS[0], schemas.VERSIONS[-1]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_accounts_roles_and_the_config_map(variant: str, version: str) -> None:
    manifests = load(emit(VARIANTS[variant]()))
    assert (manifests["rbac"]["apiVersion"], manifests["rbac"]["kind"]) == ("v1", "List")
    schemas.validate([*manifests["rbac"]["items"], manifests["scripts"]], version)


@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_the_pods(variant: str) -> None:
    workflow = load(emit(VARIANTS[variant]()))["workflow-template"]
    for template in pods(workflow):
        # What Argo makes of a template, without its own containers.
        spec = {
            "containers": [template["container"], *template.get("sidecars", [])],
            "volumes": [*workflow["spec"]["volumes"], *template.get("volumes", [])],
            "securityContext": workflow["spec"]["securityContext"],
            "automountServiceAccountToken": template.get("automountServiceAccountToken", False),
            **json.loads(template.get("podSpecPatch", "{}")),
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
        # 1.29 has no AppArmor fields yet: there the rest counts.
        schemas.validate([pod], schemas.VERSIONS[-1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_that_is_referred_to_is_there_and_both_caps_are(variant: str) -> None:
    plan = VARIANTS[variant]()
    assert problems(load(emit(plan)), known_secrets(plan)) == []


@settings(max_examples=25)
@given(ordered_plans())
def test_the_same_for_random_plans(plan: Plan) -> None:
    assert [limitation for limitation in check(plan) if limitation.severity == "error"] == []
    assert problems(load(emit(plan)), known_secrets(plan)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w["spec"]["templates"][2].pop("failFast"), "others start"),
        (lambda w: w["spec"]["templates"][2].pop("parallelism"), "nothing limits"),
        (lambda w: w["spec"]["templates"][2]["dag"]["tasks"].pop(0), "the targets are not"),
        (lambda w: w["spec"]["templates"].pop(1), "there is no template check"),
        (lambda w: w["spec"]["executor"].update(serviceAccountName="x"), "no ServiceAccount x"),
        (lambda w: w["spec"]["arguments"]["parameters"].pop(0), "nothing gives"),
    ],
)
def test_the_semantic_check_finds_what_is_wrong(change: Callable[[Manifest], object], said: str) -> None:
    plan = planned(rich_plan())
    manifests = load(emit(plan))
    change(manifests["workflow-template"])
    assert said in " ".join(problems(manifests, known_secrets(plan)))


def allowed(cluster: Cluster, account: str, verb: str, kind: str, namespace: str) -> bool:
    """What the API server says when asked whether an account of the environment `rights` may do that."""
    resource, _, group = kind.partition(".")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:stagecast-rights:stagecast-rights-{account}",
            "resourceAttributes": {
                "namespace": namespace, "verb": verb, "group": group, "resource": resource
            },
        },
    }  # fmt: skip
    result = cluster.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review))
    assert result.returncode == 0, result.stderr
    return bool(json.loads(result.stdout)["status"]["allowed"])


@pytest.mark.e2e
def test_a_real_api_server_grants_just_that(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "rights-app")
    plan = replace(planned(rich_plan()), environment="rights", target=Target("rights-app", None))
    for artifact in emit(plan):
        if not artifact.path.endswith("workflow-template.yaml"):
            result = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=artifact.content)
            assert result.returncode == 0, result.stderr
    rights = {
        ("deploy", "create", "deployments.apps", "rights-app"): True,
        ("deploy", "delete", "secrets", "rights-app"): True,
        ("deploy", "create", "deployments.apps", "default"): False,
        ("deploy", "get", "secrets", "stagecast-rights"): False,
        ("deploy", "create", "pods", "rights-app"): False,
        ("executor", "create", "workflowtaskresults.argoproj.io", "stagecast-rights"): True,
        ("executor", "get", "secrets", "stagecast-rights"): False,
        ("run", "get", "pods", "stagecast-rights"): False,
        ("run", "create", "workflowtaskresults.argoproj.io", "stagecast-rights"): False,
    }
    assert {right: allowed(cluster, *right) for right in rights} == rights
    for namespace in ("rights-app", "stagecast-rights"):
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_the_role_covers_all_kinds_of_our_charts() -> None:
    folder = Path(helm.__file__).parent / "charts"
    texts = [path.read_text() for path in folder.rglob("*") if path.suffix in (".yaml", ".tpl")]
    kinds = {kind for text in texts for kind in re.findall(r"^kind: ([A-Za-z]+)$", text, re.MULTILINE)}
    assert {"Service", "StatefulSet", "Ingress"} <= kinds
    items = load(emit(in_cluster(planned(rich_plan()))))["rbac"]["items"]
    [role] = [i for i in items if i["kind"] == "Role" and i["metadata"]["name"].endswith("-deploy")]
    written = {r for rule in role["rules"] if "create" in rule["verbs"] for r in rule["resources"]}
    for kind in kinds | {"Deployment", "StatefulSet", "HTTPRoute"}:
        plural = kind.lower() + ("es" if kind.endswith("s") else "s")
        assert plural in written, kind


# --- what is in it


def test_a_builder_has_exactly_the_builds_size_and_no_secret() -> None:
    plan = planned(rich_plan())
    size = Resources(2500, 6 * GB + 1)
    plan = replace(plan, builds=(replace(plan.builds[0], resources=size), *plan.builds[1:]))
    workflow = load(emit(plan))["workflow-template"]
    builders = [template["sidecars"][0] for template in pods(workflow) if "sidecars" in template]
    amounts = [builder["resources"] for builder in builders]
    assert {json.dumps(amount, sort_keys=True) for amount in amounts} >= {
        json.dumps({k: {"cpu": "2500m", "memory": "6000000001"} for k in ("limits", "requests")})
    }
    assert all(amount["requests"] == amount["limits"] for amount in amounts)
    for builder in builders:
        assert "env" not in builder
        assert not [mount for mount in builder["volumeMounts"] if mount["name"] in ("work", "stagecast")]


def test_only_pods_that_deploy_reach_the_cluster() -> None:
    for variant in ("build-first", "in-cluster", "dag", "pruned"):
        workflow = load(emit(VARIANTS[variant]()))["workflow-template"]
        assert workflow["spec"]["automountServiceAccountToken"] is False
        for template in pods(workflow):
            deploys = template["container"]["args"][0] in ("deploy", "remove") and "deploy" in (
                template["name"] if template["name"] != "remove" else "deploy"
            )
            own = template.get("serviceAccountName") is not None
            assert own == template.get("automountServiceAccountToken", False)
            given = variables(template)
            if template["name"] != "check":
                assert (own or "KUBE_CONFIG" in given) == deploys, template["name"]
            elif variant in ("in-cluster", "pruned"):
                assert given["HAVE_KUBE_CONFIG"] == "true"
                assert "KUBE_CONFIG" not in given


def test_a_pod_sees_the_secrets_of_its_own_builds_only() -> None:
    npm = BuildSecret("npm", SecretRef("npm-registry", "token"))
    plan = planned(make_plan([Service(name, "all", built=True) for name in ("a", "b")]))
    plan = replace(plan, builds=(replace(plan.builds[0], secrets=(npm,)), plan.builds[1]))
    workflow = load(emit(plan))["workflow-template"]
    by_name = templates(workflow)
    uses = {task["name"]: variables(by_name[task["template"]]) for task in by_name["builds"]["dag"]["tasks"]}
    assert uses["build-0-a"]["SECRET_NPM_REGISTRY__TOKEN"]["secretKeyRef"] == {
        "name": "npm-registry",
        "key": "token",
        "optional": True,
    }
    assert "SECRET_NPM_REGISTRY__TOKEN" not in uses["build-1-b"]
    for template in pods(workflow):
        names = [variable["name"] for variable in template["container"]["env"]]
        secret = [v["name"] for v in template["container"]["env"] if "valueFrom" in v]
        assert names[-len(secret) :] == secret, "a parameter could name what stands before it"


def test_pods_are_as_unprivileged_as_they_can_be() -> None:
    workflow = load(emit(planned(rich_plan())))["workflow-template"]
    assert workflow["spec"]["securityContext"]["runAsNonRoot"] is True
    for template in pods(workflow):
        context = template["container"]["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert "privileged: true" not in "".join(a.content for a in emit(rich_plan()))


def test_one_deployment_of_an_environment_at_a_time_with_the_caps_of_the_plan() -> None:
    plan = planned(rich_plan(slots=3, deploy_parallelism=5))
    workflow = load(emit(plan))["workflow-template"]
    assert workflow["spec"]["synchronization"] == {"mutexes": [{"name": "stagecast-shop"}]}
    caps = {t["name"]: t["parallelism"] for t in workflow["spec"]["templates"] if "dag" in t}
    assert caps.pop("builds") == min(3, len(plan.builds))
    assert set(caps.values()) == {5}
    assert [step["name"] for step in calls(templates(workflow)["main"])][:2] == ["check", "builds"]
    dag = load(emit(planned(rich_plan(strategy=Strategy.DAG, slots=3, deploy_parallelism=5))))
    assert (dag["scripts"]["data"]["builds"], dag["scripts"]["data"]["deployments"]) == (
        str(min(3, len(plan.builds))),
        "5",
    )


def test_who_delivers_decides_what_comes_last() -> None:
    last = {
        variant: calls(templates(load(emit(VARIANTS[variant]()))["workflow-template"])["main"])[-1]["name"]
        for variant in ("build-first", "argocd", "none", "pruned")
    }
    assert last["argocd"] == "lock"
    assert last["pruned"] == "remove"
    assert last["none"].startswith("stage-1-mirror")
    argocd = load(emit(VARIANTS["argocd"]()))["workflow-template"]
    assert "STAGECAST_PUSH_TOKEN" in variables(templates(argocd)["lock"])
    assert not [text for text in texts(argocd) if "KUBE_CONFIG" in text and "HAVE" not in text]


def test_a_build_for_one_platform_runs_where_it_is_native() -> None:
    plan = planned(make_plan([Service("a", "all", built=True)]))
    source = replace(plan.builds[0].source, platforms=("linux/arm64",))
    plan = replace(plan, builds=(replace(plan.builds[0], source=source),))
    [template] = [t for t in pods(load(emit(plan))["workflow-template"]) if "sidecars" in t]
    assert template["nodeSelector"] == {"kubernetes.io/arch": "arm64"}


def test_what_is_too_much_for_single_pods_shares_them() -> None:
    plan = VARIANTS["many"]()
    workflow = load(emit(plan))
    by_name = templates(workflow["workflow-template"])
    graphs = {name: len(t["dag"]["tasks"]) for name, t in by_name.items() if "dag" in t}
    assert sum(tasks for name, tasks in graphs.items() if name.startswith("builds")) <= units.BUILD_PODS
    assert max(graphs.values()) <= units.GRAPH_TASKS
    [stage] = [t for name, t in by_name.items() if name.startswith("stage-")]
    assert stage["parallelism"] == 1
    assert len(stage["dag"]["tasks"]) == 3
    assert {"argo-batches", "argo-parts"} <= {limitation.code for limitation in check(plan)}
    assert len(json.dumps(workflow["workflow-template"])) < 500_000


# --- what it says


def said(plan: Plan) -> dict[str, str]:
    return {limitation.code: limitation.severity for limitation in check(plan)}


def test_what_it_says_of_ordinary_plans() -> None:
    assert said(planned(rich_plan())) == {"argo-running-builds": "note"}
    assert said(in_cluster(planned(rich_plan()))) == {"argo-running-builds": "note", "argo-own-chart": "note"}
    assert said(planned(rich_plan(strategy=Strategy.DAG))) == {}
    assert said(planned(make_plan([Service("cache", "only")]))) == {}


def changed(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, builds=(replace(plan.builds[0], **changes), *plan.builds[1:]))


def small_pool(plan: Plan) -> Plan:
    limits = replace(plan.limits.build, pool=Resources(4000, 4 * GB))
    return replace(plan, limits=Limits(limits, plan.limits.deploy_parallelism))


def circular(plan: Plan) -> Plan:
    [first, second] = [task for task in plan.tasks if task.kind.value == "deploy"][:2]
    tasks = {
        first.id: replace(first, needs=(second.id,)),
        second.id: replace(second, needs=(first.id,)),
    }
    return replace(plan, tasks=tuple(tasks.get(task.id, task) for task in plan.tasks))


PAIR = [Service("a", "all", built=True), Service("b", "all", built=True)]


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        (lambda p: replace(p, environment="Shop"), "argo-name", "error"),
        (lambda p: replace(p, environment="s" * 48), "argo-name", "error"),
        (lambda p: replace(p, target=Target("a_b", None)), "argo-namespace", "error"),
        (
            lambda p: changed(p, secrets=(BuildSecret("x", SecretRef("A B", "k")),)),
            "argo-secret-name",
            "error",
        ),
        (
            lambda p: changed(p, secrets=(BuildSecret("x", SecretRef("a", "{{x}}")),)),
            "argo-secret-name",
            "error",
        ),
        (circular, "argo-order", "error"),
        (lambda p: changed(p, cache=BuildCache.PERSISTENT), "argo-persistent-cache", "warning"),
        (
            lambda p: changed(p, source=replace(p.builds[0].source, platforms=("linux/s390x",))),
            "argo-platform",
            "warning",
        ),
        (small_pool, "argo-build-slots", "note"),
        (lambda p: replace(p, previews=Previews()), "argo-previews", "note"),
    ],
)
def test_each_limitation_is_said(change: Callable[[Plan], Plan], code: str, severity: str) -> None:
    plan = planned(make_plan(PAIR))
    assert code not in said(plan)
    assert said(change(plan))[code] == severity


def test_more_than_argo_can_keep_is_refused() -> None:
    plan = planned(make_plan([Service(f"s{number}", "all", built=True) for number in range(1500)]))
    sizes = [Resources(1000 + number, GB) for number in range(1500)]
    builds = tuple(replace(build, resources=size) for build, size in zip(plan.builds, sizes, strict=True))
    assert said(replace(plan, builds=builds))["argo-too-large"] == "error"
    assert "argo-too-large" not in said(plan)


def test_a_name_that_no_object_can_have_is_never_written() -> None:
    with pytest.raises(ValueError, match="name of a Kubernetes object"):
        emit(replace(rich_plan(), environment="../x"))


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert emit(rich_plan()) == emit(rich_plan())
