"""The charts under Argo CD, which renders them with `helm template`, and in previews of pull requests."""

from __future__ import annotations

import re
from typing import Any

import helm_python
import pytest

from compiler.plan.model import JobRun, Port, Protocol, Workload
from compiler.targets.helm.charts import chart_artifacts
from compiler.targets.helm.layout import ChartKind
from helm_plans import EVERYTHING, STATEFUL, application, database, job, kinds, one, render, values_of
from toolchain import Helm

KINDS: tuple[ChartKind, ...] = ("workload", "job", "database")
PREVIEW = {"preview": {"prefix": "pr-12-"}}
# Template functions whose result depends on something other than values, release name and cluster version.
UNSTEADY = (
    *(
        "lookup",
        "now",
        "ago",
        "randAlphaNum",
        "randAlpha",
        "randNumeric",
        "randAscii",
        "randInt",
        "randBytes",
    ),
    *("uuidv4", "genPrivateKey", "genCA", "genSelfSignedCert", "genSignedCert", "bcrypt", "htpasswd"),
    *("derivePassword", "encryptAES", "getHostByName", "env", "expandenv", "tpl", "shuffle"),
)


# --- Argo CD ---


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_a_template_depends_on_the_cluster_or_on_chance(kind: ChartKind) -> None:
    """Argo CD renders again and again, without a cluster, and never knows whether it installs or upgrades."""
    for artifact in chart_artifacts(kind):
        if "/templates/" not in artifact.path:
            continue
        for action in re.findall(r"\{\{(?!-? ?/\*).*?\}\}", artifact.content, re.DOTALL):
            code = re.sub(r'"[^"]*"|\.[A-Za-z.]+', "", action)
            assert not set(re.findall(r"[A-Za-z0-9]+", code)) & set(UNSTEADY), action
            assert not re.search(r"\.Release\.(IsInstall|IsUpgrade|Revision)", action), action
            assert "Capabilities" not in action or "Capabilities.KubeVersion.Version" in action, action


@pytest.mark.parametrize("workload", EVERYTHING, ids=lambda workload: workload.service)
def test_rendering_again_gives_the_same(workload: Workload) -> None:
    assert render(workload) == render(workload)


@pytest.mark.parametrize("workload", [STATEFUL, database("postgresql", "16")], ids=lambda w: w.service)
def test_argo_cd_neither_prunes_nor_deletes_volumes(workload: Workload) -> None:
    """Kubernetes writes the selector's labels onto a claim, so Argo CD may take it for its own.

    argo-cd.readthedocs.io, user-guide/sync-options: "No Prune Resources", "Disable Deletion of Resources".
    """
    for claim in one(render(workload), "StatefulSet")["spec"]["volumeClaimTemplates"]:
        said = claim["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
        assert said == "Prune=false,Delete=false"


def test_hooks_are_those_that_argo_cd_maps() -> None:
    """post-install and post-upgrade become PostSync; pre-delete becomes PreDelete from Argo CD 3.3 on.

    argo-cd.readthedocs.io, user-guide/helm, "Helm Hooks". One hook of Argo CD's own would turn all of
    Helm's off, and without before-hook-creation an existing Job would stay as it is.
    """
    mapped = {"post-install", "post-upgrade", "pre-delete"}
    for workload in EVERYTHING:
        for manifest in render(workload):
            annotations = manifest["metadata"].get("annotations", {})
            assert "argocd.argoproj.io/hook" not in annotations
            hooks = annotations.get("helm.sh/hook")
            if hooks is not None:
                assert set(hooks.split(",")) <= mapped
                assert "before-hook-creation" in annotations["helm.sh/hook-delete-policy"].split(",")
            assert (hooks is not None) == (manifest["kind"] == "Job")


def test_what_a_job_needs_is_no_hook_and_so_there_before_it() -> None:
    needed = render(job(JobRun.START, outputs=("URL",)))
    for kind in ("Secret", "Role", "RoleBinding", "ServiceAccount"):
        assert "annotations" not in one(needed, kind)["metadata"]


def test_an_autoscaler_is_not_fought_over() -> None:
    """A replica count beside an autoscaler would be a difference that Argo CD heals for ever."""
    for workload in EVERYTHING:
        manifests = render(workload)
        if "HorizontalPodAutoscaler" in kinds(manifests):
            assert "replicas" not in one(manifests, "Deployment")["spec"]


# --- previews ---


def ports(*hosts: str, **fields: Any) -> tuple[Port, ...]:
    return (Port("http", 80, 80, Protocol.HTTP, True, hosts, **fields),)


def preview(workload: Workload) -> list[dict[str, Any]]:
    return render(workload, values_of(workload) | PREVIEW)


def test_a_preview_prefixes_the_hosts_of_an_ingress_and_of_its_certificate() -> None:
    spec = one(
        preview(application(ports=ports("a.example.com", "b.example.com", tls_secret="tls"))), "Ingress"
    )["spec"]
    hosts = ["pr-12-a.example.com", "pr-12-b.example.com"]
    assert [rule["host"] for rule in spec["rules"]] == hosts
    assert spec["tls"] == [{"secretName": "tls", "hosts": hosts}]


def test_a_preview_prefixes_the_hosts_of_a_route() -> None:
    route = one(preview(application(ports=ports("a.example.com", gateway="public"))), "HTTPRoute")
    assert route["spec"]["hostnames"] == ["pr-12-a.example.com"]


def test_a_preview_of_a_wildcard_is_one_host_below_it() -> None:
    spec = one(preview(application(ports=ports("*.example.com"))), "Ingress")["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["pr-12.example.com"]


@pytest.mark.parametrize("gateway", [None, "public"])
def test_a_preview_never_takes_every_host(gateway: str | None) -> None:
    """A rule without a host would answer for those of the environment itself."""
    assert kinds(preview(application(ports=ports(gateway=gateway)))) == ["Deployment", "Service"]


@pytest.mark.parametrize("workload", [STATEFUL, database("mysql", "8.4")], ids=lambda w: w.service)
def test_volumes_of_a_preview_go_with_it(workload: Workload) -> None:
    spec = one(preview(workload), "StatefulSet")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Delete"}
    assert all("annotations" not in claim["metadata"] for claim in spec["volumeClaimTemplates"])


@pytest.mark.parametrize("workload", EVERYTHING, ids=lambda workload: workload.service)
def test_every_chart_takes_the_prefix(workload: Workload) -> None:
    """Nothing but hosts and volumes is different; a route without a host is not there."""
    routed = {"HTTPRoute", "GRPCRoute", "Ingress"}
    found, expected = preview(workload), render(workload)
    assert [k for k in kinds(found) if k not in routed] == [k for k in kinds(expected) if k not in routed]


@pytest.mark.parametrize("prefix", ["", "-a", "Pr-", "a.b", "{{", "a" * 41, 'a"'])
def test_a_prefix_that_no_host_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        render(application(), values_of(application()) | {"preview": {"prefix": prefix}})


def test_the_prefix_is_given_as_a_flag(helms: Helm, tmp_path: Any) -> None:
    for artifact in chart_artifacts("workload"):
        path = tmp_path / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(artifact.content)
    from compiler.emit.yaml import dump

    values = tmp_path / "values.yaml"
    values.write_text(dump(values_of(application(ports=ports("a.example.com"))), header="x"))
    flags = ["--set-string", "image.tag=v1", "--set-string", "preview.prefix=pr-12-"]
    chart = str(tmp_path / "helm/charts/workload")
    result = helms.run("template", "shop-web", chart, "--values", str(values), *flags)
    assert result.returncode == 0, result.stderr
    assert 'host: "pr-12-a.example.com"' in result.stdout
