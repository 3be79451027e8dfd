"""Every field of a plan lands in the manifests, and what domain knowledge forbids does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import helm_python
import pytest

from compiler.plan.model import (
    ConfigFile,
    Image,
    JobRun,
    Literal,
    Port,
    Probe,
    Protocol,
    Replicas,
    Resources,
    Rollout,
    SecretRef,
    ServiceType,
    Variable,
    Workload,
)
from compiler.targets.helm import emit
from compiler.targets.helm.layout import release_chart, values_path
from compiler.targets.helm.values import ENGINE_VARIABLES, merge, service_values
from helm_plans import (
    BUILT,
    EVERYTHING,
    FULL,
    MANAGED,
    STATEFUL,
    application,
    container,
    database,
    foreign,
    job,
    kinds,
    one,
    plan,
    pod_template,
    render,
    values_of,
)

SELECTOR = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "shop-web"}


def replace(workload: Workload, **fields: Any) -> Workload:
    return dataclasses.replace(workload, **fields)


# --- artifacts ---


def test_emits_the_charts_it_needs_and_a_values_file_per_service() -> None:
    paths = [artifact.path for artifact in emit(plan(application(), foreign()))]
    assert "helm/values/shop/web.yaml" in paths
    assert "helm/values/shop/proxy.yaml" in paths
    assert {path.split("/")[2] for path in paths if path.startswith("helm/charts/")} == {"workload"}
    assert len(paths) == len(set(paths))


def test_the_layout_names_what_is_emitted() -> None:
    paths = {artifact.path for artifact in emit(plan(*EVERYTHING))}
    for workload in EVERYTHING:
        assert f"{release_chart(workload)}/Chart.yaml" in paths
        assert values_path("shop", workload) in paths
    with pytest.raises(ValueError, match="helm"):
        release_chart(foreign())


def test_same_plan_same_bytes() -> None:
    assert emit(plan(*EVERYTHING, *MANAGED)) == emit(plan(*EVERYTHING, *MANAGED))


def test_values_say_where_they_come_from_and_read_as_they_were_written() -> None:
    for artifact in emit(plan(*EVERYTHING, foreign())):
        if artifact.path.startswith("helm/values/"):
            assert artifact.content.startswith("# generated from environments/shop.yaml, do not edit\n")
            service = artifact.path.removeprefix("helm/values/shop/").removesuffix(".yaml")
            workload = next(w for w in (*EVERYTHING, foreign()) if w.service == service)
            assert helm_python.values_from_yaml(artifact.content) == values_of(workload)


def test_a_foreign_chart_gets_its_values() -> None:
    patched = replace(foreign(), values={"replicaCount": 3})
    assert values_of(patched) == {"replicaCount": 3, "on": {"y": "no"}}


# --- applications and containers ---


def test_a_deployment_with_every_field() -> None:
    manifests = render(FULL)
    assert " ".join(kinds(manifests)) == (
        "ConfigMap Deployment GRPCRoute HTTPRoute HorizontalPodAutoscaler Ingress Ingress "
        "PodDisruptionBudget Service Service Service"
    )
    spec = one(manifests, "Deployment")["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "0%"},
    }
    assert spec["progressDeadlineSeconds"] == 600
    assert spec["selector"]["matchLabels"] == SELECTOR
    pod = spec["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 45
    assert pod["imagePullSecrets"] == [{"name": "pull-web"}]
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["affinity"] == FULL.affinity
    assert pod["priorityClassName"] == "high"
    assert [c["name"] for c in pod["containers"]] == ["web", "proxy"]
    main = pod["containers"][0]
    assert main["image"] == "registry.example.com/shop/web:v1"
    assert main["workingDir"] == "/srv"
    assert main["resources"]["requests"] == main["resources"]["limits"] == {"cpu": "500m", "memory": "512M"}
    assert main["command"] == ["/bin/web", "$$(id)"]
    assert main["args"] == ["--listen", "{{ .Values.port }}"]
    assert main["env"][-1]["name"] == "POD"


def test_probes() -> None:
    timing = {"periodSeconds": 10, "timeoutSeconds": 5, "successThreshold": 1, "failureThreshold": 9}
    main = container(render(FULL))
    get = {"path": "/healthz", "port": 8080, "scheme": "HTTPS"}
    assert main["readinessProbe"] == {"httpGet": get, "initialDelaySeconds": 3, **timing}
    assert main["livenessProbe"] == {"exec": {"command": ["sh", "-c", "test $$PPID"]}, **timing}
    grpc = {"grpc": {"port": 9090, "service": "shop.Web"}}
    assert main["startupProbe"] == grpc | timing | {"failureThreshold": 60}
    tcp = container(render(application(readiness=Probe("tcp", 80))))
    assert tcp["readinessProbe"]["tcpSocket"] == {"port": 80}
    assert "livenessProbe" not in tcp
    assert "startupProbe" not in tcp


def test_labels_and_annotations() -> None:
    manifests = render(FULL)
    for manifest in manifests:
        labels = manifest["metadata"]["labels"]
        assert labels | SELECTOR == labels
        assert labels["app.kubernetes.io/part-of"] == "shop"
        assert labels["app.kubernetes.io/component"] == "application"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["team"] == "checkout"
        assert labels["app.kubernetes.io/version"] == "mine"
    pod = pod_template(manifests)["metadata"]
    assert pod["annotations"]["example.com/note"] == "on"
    # A new version of the chart alone must not restart pods.
    assert pod["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert "helm.sh/chart" not in pod["labels"]


def test_a_label_cannot_take_over_the_selector() -> None:
    labelled = render(application(labels=(("app.kubernetes.io/name", "other"),)))
    assert (
        pod_template(labelled)["metadata"]["labels"] | SELECTOR
        == pod_template(labelled)["metadata"]["labels"]
    )


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.2.3", "v1.2.3"), ("x" * 63, "x" * 63), ("x" * 64, None), ("_a", None), ("a-", None)],
)
def test_the_version_label_is_the_tag_where_a_label_can_hold_it(tag: str, version: str | None) -> None:
    labels = one(render(application(), tag=tag), "Deployment")["metadata"]["labels"]
    assert labels.get("app.kubernetes.io/version") == version


def test_an_environment_name_becomes_a_label_value() -> None:
    values = values_of(application(), environment=" my shop/1 ")
    assert values["environment"] == "my-shop-1"


def test_image_by_digest_else_by_tag_and_never_without() -> None:
    digest = "sha256:" + "0" * 64
    values = values_of(application())
    only_digest = values | {"image": values["image"] | {"digest": digest}}
    assert container(render(application(), only_digest, tag=None))["image"] == f"{BUILT.repository}@{digest}"
    both = render(application(), only_digest)
    assert container(both)["image"] == f"{BUILT.repository}@{digest}"
    assert one(both, "Deployment")["metadata"]["labels"]["app.kubernetes.io/version"] == "v1"
    with pytest.raises(helm_python.HelmError, match="neither a tag nor a digest"):
        render(application(), tag=None)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ({"tag": "latest"}, "Always"),
        ({"tag": "v1"}, "IfNotPresent"),
        ({"tag": "latest", "digest": "sha256:" + "0" * 64}, "IfNotPresent"),
    ],
)
def test_only_a_tag_that_moves_is_pulled_every_time(image: dict[str, str], policy: str) -> None:
    values = values_of(application())
    manifests = render(application(), values | {"image": values["image"] | image}, tag=None)
    assert container(manifests)["imagePullPolicy"] == policy


def test_a_lock_pins_an_image_to_its_digest() -> None:
    digest = "sha256:" + "7" * 64
    pinned = service_values(plan(), application(), replace_image(tag="c0ffee", digest=digest))
    assert pinned is not None
    manifests = render(application(), pinned, tag=None)
    assert container(manifests)["image"] == f"{BUILT.repository}@{digest}"
    labels = one(manifests, "Deployment")["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "c0ffee"


def replace_image(**fields: Any) -> Image:
    return dataclasses.replace(BUILT, **fields)


def test_a_mix_of_text_and_secrets_refers_to_variables_before_it() -> None:
    env = container(render(FULL))["env"]
    assert env[0] == {
        "name": "STAGECAST_CREDENTIALS_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "password"}},
    }
    assert env[1] == {
        "name": "URL",
        "value": "postgres://shop:$(STAGECAST_CREDENTIALS_PASSWORD)@db/$$x",
    }
    assert env[2]["valueFrom"]["secretKeyRef"] == {"name": "shop-api", "key": "token"}
    assert env[3] == {"name": "PLAIN", "value": "$$(id)"}
    assert env[4] == {"name": "EMPTY", "value": ""}


def test_auxiliary_names_collide_with_nothing() -> None:
    secrets = [SecretRef("a-b", "c"), SecretRef("a", "b-c"), SecretRef("a.b", "c")]
    variables = [Variable(f"V{i}", (Literal("x"), secret)) for i, secret in enumerate(secrets)]
    variables.append(Variable("STAGECAST_A_B_C", (Literal("mine"),)))
    env = container(render(application(variables=tuple(variables))))["env"]
    names = [entry["name"] for entry in env]
    assert len(names) == len(set(names)) == 7
    defined = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in env if "valueFrom" in e}
    for i, secret in enumerate(secrets):
        value = next(e["value"] for e in env if e["name"] == f"V{i}")
        assert defined[value.removeprefix("x$(").removesuffix(")")] == {
            "name": secret.name,
            "key": secret.key,
        }


def test_config_files() -> None:
    manifests = render(FULL)
    data = one(manifests, "ConfigMap")["data"]
    assert data == {"0-app.ini": "[web]\nlisten = on\n", "2-run.sh": "#!/bin/sh\n"}
    pod = pod_template(manifests)["spec"]
    mounts = {m["mountPath"]: m["subPath"] for m in container(manifests)["volumeMounts"] if "subPath" in m}
    assert mounts == {
        "/etc/web/app.ini": "0-app.ini",
        "/etc/other/app.ini": "1-app.ini",
        "/opt/run.sh": "2-run.sh",
    }
    texts, secret = pod["volumes"][0]["projected"]["sources"]
    assert [(item["path"], item["mode"]) for item in texts["configMap"]["items"]] == [
        ("0-app.ini", 0o644),
        ("2-run.sh", 0o755),
    ]
    assert secret["secret"] == {
        "name": "shop-files",
        "items": [{"key": "app", "path": "1-app.ini", "mode": 0o400}],
    }


def test_pods_roll_when_a_config_file_changes_and_only_then() -> None:
    def template(content: str, **fields: Any) -> Any:
        return pod_template(render(application(files=(ConfigFile("/etc/a", content),), **fields)))

    assert template("a") == template("a")
    assert template("a") != template("b")


def test_service_ports_always_name_their_protocol() -> None:
    manifests = render(FULL)
    ports = one(manifests, "Service", "shop-web")["spec"]["ports"]
    assert {(p["name"], p["port"], p["targetPort"], p["protocol"]) for p in ports} == {
        ("http", 80, 8080, "TCP"),
        ("grpc", 9090, 9090, "TCP"),
        ("route", 81, 8081, "TCP"),
        ("calls", 82, 9091, "TCP"),
        ("dns", 53, 53, "UDP"),
        ("dns-tcp", 53, 53, "TCP"),
        ("admin", 9000, 9000, "TCP"),
    }
    assert {p["name"]: p["protocol"] for p in container(manifests)["ports"]}["dns"] == "UDP"
    assert all("protocol" in port for port in container(manifests)["ports"])
    # Helm 3 merges by the number: two entries of one number would lose each other at an upgrade.
    numbers = [port["containerPort"] for port in container(manifests)["ports"]]
    assert numbers == [8080, 9090, 8081, 9091, 53, 9000]


def test_public_tcp_and_udp_ports_get_a_load_balancer_each() -> None:
    manifests = render(FULL)
    for name, port in (("shop-web-tcp", "dns-tcp"), ("shop-web-udp", "dns")):
        service = one(manifests, "Service", name)
        assert service["spec"]["type"] == "LoadBalancer"
        assert [p["name"] for p in service["spec"]["ports"]] == [port]
        assert service["spec"]["selector"] == SELECTOR


def test_ingress() -> None:
    manifests = render(FULL)
    ingress = one(manifests, "Ingress", "shop-web-http")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"secretName": "tls", "hosts": ["a.example.com", "b.example.com"]}]
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["a.example.com", "b.example.com"]
    for rule in ingress["spec"]["rules"]:
        assert rule["http"]["paths"] == [
            {
                "path": "/",
                "pathType": "Prefix",
                "backend": {"service": {"name": "shop-web", "port": {"name": "http"}}},
            }
        ]
    grpc = one(manifests, "Ingress", "shop-web-grpc")["metadata"]["annotations"]
    assert grpc == {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC", "example.com/ingress": "1"}


def test_a_public_port_without_hosts_takes_every_host() -> None:
    port = Port("http", 80, 80, Protocol.HTTP, True)
    rules = one(render(application(ports=(port,))), "Ingress")["spec"]["rules"]
    assert [set(rule) for rule in rules] == [{"http"}]


def test_gateway_routes() -> None:
    manifests = render(FULL)
    http = one(manifests, "HTTPRoute")["spec"]
    assert http == {
        "parentRefs": [{"name": "public", "namespace": "infra"}],
        "hostnames": ["r.example.com"],
        "rules": [
            {
                "backendRefs": [{"name": "shop-web", "port": 81}],
                "matches": [{"path": {"type": "PathPrefix", "value": "/api"}}],
            }
        ],
    }
    grpc = one(manifests, "GRPCRoute")["spec"]
    assert grpc["parentRefs"] == [{"name": "public"}]
    assert grpc["rules"][0]["matches"] == [
        {"method": {"type": "Exact", "service": "shop.Cart", "method": "Add"}}
    ]


def test_a_private_port_is_not_routed() -> None:
    ports = tuple(
        Port(f"p{i}", 80 + i, 80 + i, protocol, False, gateway=gateway)
        for i, (protocol, gateway) in enumerate((p, g) for p in Protocol for g in (None, "public"))
    )
    manifests = render(application(ports=ports))
    assert kinds(manifests) == ["Deployment", "Service"]


def test_an_autoscaler_takes_the_place_of_replicas() -> None:
    manifests = render(FULL)
    scaler = one(manifests, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert "replicas" not in one(manifests, "Deployment")["spec"]


@pytest.mark.parametrize(
    ("replicas", "budget"),
    [
        (Replicas(0, 0), False),
        (Replicas(1, 1), False),
        (Replicas(1, 9), False),
        (Replicas(2, 2), True),
        (Replicas(2, 3), True),
    ],
)
def test_a_disruption_budget_only_above_one_replica(replicas: Replicas, budget: bool) -> None:
    manifests = render(application(replicas=replicas))
    assert ("PodDisruptionBudget" in kinds(manifests)) is budget
    if replicas.maximum == replicas.minimum:
        assert one(manifests, "Deployment")["spec"]["replicas"] == replicas.minimum


def test_recreate() -> None:
    spec = one(render(application(rollout=Rollout("recreate"))), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}


def test_storage_makes_a_stateful_set_that_keeps_its_volumes() -> None:
    manifests = render(STATEFUL)
    assert kinds(manifests) == ["PodDisruptionBudget", "Service", "Service", "StatefulSet"]
    spec = one(manifests, "StatefulSet")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec["replicas"] == 3
    assert one(manifests, "Service", spec["serviceName"])["spec"]["clusterIP"] == "None"
    data, logs = spec["volumeClaimTemplates"]
    assert data["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "10Gi"}},
    }
    assert logs["spec"]["resources"] == {"requests": {"storage": "2G"}}
    assert "storageClassName" not in logs["spec"]
    mounts = container(manifests)["volumeMounts"]
    assert mounts == [{"name": "data", "mountPath": "/data"}, {"name": "logs", "mountPath": "/logs"}]


def test_nothing_that_kubernetes_never_lets_change_depends_on_what_may_change() -> None:
    """Image, labels, chart and variables change with every deployment: claims and selectors may not."""

    def fixed(workload: Workload, tag: str) -> Any:
        values = values_of(workload)
        values["image"] = values["image"] | {"tag": tag}
        spec = one(render(workload, values), "StatefulSet")["spec"]
        names = ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates")
        return {name: spec[name] for name in names}

    changed = replace(
        STATEFUL,
        labels=(("a", "b"),),
        annotations=(("c", "d"),),
        variables=(Variable("A", (Literal("b"),)),),
        replicas=Replicas(1, 1),
        resources=Resources(1000, 10**9),
    )
    assert fixed(STATEFUL, "1") == fixed(changed, "2")


def test_a_service_with_storage_is_never_autoscaled() -> None:
    manifests = render(replace(STATEFUL, replicas=Replicas(2, 9)))
    assert "HorizontalPodAutoscaler" not in kinds(manifests)
    assert one(manifests, "StatefulSet")["spec"]["replicas"] == 2


# --- security ---


def test_a_known_user_is_restricted() -> None:
    """As kubernetes.io/docs/concepts/security/pod-security-standards names it."""
    for workload in (FULL, replace(STATEFUL, non_root_user=5), job(non_root_user=7), database("mysql", "8")):
        pod = pod_template(render(workload))["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == (workload.non_root_user or 999)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("user", [None, 0])
def test_an_unknown_user_keeps_what_changing_the_user_needs(user: int | None) -> None:
    pod = pod_template(render(application(non_root_user=user)))["spec"]
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["NET_RAW"]},
    }


def test_a_restricted_process_may_listen_on_low_ports() -> None:
    low = Port("http", 80, 80, Protocol.HTTP, False)
    pod = pod_template(render(application(ports=(low,), non_root_user=1000)))["spec"]
    assert pod["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    ]
    high = pod_template(render(application(ports=(replace_port(low, 8080),), non_root_user=1000)))["spec"]
    assert "sysctls" not in high["securityContext"]


def replace_port(port: Port, internal: int) -> Port:
    return dataclasses.replace(port, internal=internal)


@pytest.mark.parametrize("workload", EVERYTHING, ids=lambda workload: workload.service)
def test_every_pod_is_safe_by_default(workload: Workload) -> None:
    pod = pod_template(render(workload))["spec"]
    assert pod["enableServiceLinks"] is False
    named = workload.service_account is not None or bool(workload.job and workload.job.outputs)
    assert pod["automountServiceAccountToken"] is named
    assert ("serviceAccountName" in pod) is named
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


# --- jobs ---


def test_a_start_job_is_a_hook_that_replaces_the_run_before() -> None:
    manifests = render(job(JobRun.START))
    found = one(manifests, "Job")
    assert found["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade",
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }
    assert found["spec"]["backoffLimit"] == 1
    assert found["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 300
    assert found["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    # Helm waits 60 + 300 x 2 seconds: Kubernetes is to give the reason before.
    assert 600 < found["spec"]["activeDeadlineSeconds"] < 660


def test_a_delete_job_runs_before_the_deletion() -> None:
    annotations = one(render(job(JobRun.DELETE)), "Job")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-delete"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_a_stop_job_never_starts_by_itself() -> None:
    spec = one(render(job(JobRun.STOP)), "CronJob")["spec"]
    assert spec["suspend"] is True
    assert spec["schedule"] == "0 0 31 2 *"


def test_a_cron_job() -> None:
    spec = one(render(job(None)), "CronJob")["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 3 * * 1", "Europe/Paris")
    assert spec["suspend"] is False
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)


def test_a_job_has_what_every_container_has() -> None:
    full = job(
        None,
        entrypoint=FULL.entrypoint,
        arguments=FULL.arguments,
        variables=FULL.variables,
        files=FULL.files,
        affinity=FULL.affinity,
        node_selector=FULL.node_selector,
    )
    main, expected = container(render(full)), container(render(FULL))
    for key in ("command", "args", "resources"):
        assert main[key] == expected[key]
    assert main["env"] == [entry for entry in expected["env"] if entry["name"] != "POD"]
    assert [m["mountPath"] for m in main["volumeMounts"]] == [file.mount for file in FULL.files]


def test_outputs_are_a_secret_that_only_this_job_may_write() -> None:
    manifests = render(job(JobRun.START, outputs=("URL",)))
    assert kinds(manifests) == ["Job", "Role", "RoleBinding", "Secret", "ServiceAccount"]
    name = "shop-start-outputs"
    assert "data" not in one(manifests, "Secret", name)
    assert one(manifests, "Role")["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": [name],
            "verbs": ["get", "patch", "update"],
        }
    ]
    account = pod_template(manifests)["spec"]["serviceAccountName"]
    assert one(manifests, "ServiceAccount")["metadata"]["name"] == account
    assert one(manifests, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "shop"}
    ]
    assert {"name": "STAGECAST_OUTPUTS_SECRET", "value": name} in container(manifests)["env"]


def test_outputs_with_an_account_of_its_own() -> None:
    manifests = render(job(JobRun.START, outputs=("URL",), service_account="mine"))
    assert "ServiceAccount" not in kinds(manifests)
    assert one(manifests, "RoleBinding")["subjects"][0]["name"] == "mine"


# --- databases ---


@pytest.mark.parametrize(
    ("engine", "port", "folder", "password"),
    [
        ("postgresql", 5432, "/var/lib/postgresql/data", "POSTGRES_PASSWORD"),
        ("mysql", 3306, "/var/lib/mysql", "MYSQL_ROOT_PASSWORD"),
        ("mongodb", 27017, "/data/db", "MONGO_INITDB_ROOT_PASSWORD"),
        ("redis", 6379, "/data", "REDIS_PASSWORD"),
    ],
)
def test_a_database_in_the_cluster(engine: str, port: int, folder: str, password: str) -> None:
    workload = database(engine, "8", database={"port": 1234})
    manifests = render(workload)
    assert kinds(manifests) == ["Service", "Service", "StatefulSet"]
    service = one(manifests, "Service", f"shop-{engine}")["spec"]
    assert [(p["port"], p["targetPort"], p["protocol"]) for p in service["ports"]] == [(1234, port, "TCP")]
    assert one(manifests, "Service", f"shop-{engine}-headless")["spec"]["clusterIP"] == "None"
    spec = one(manifests, "StatefulSet")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    main = container(manifests)
    assert main["volumeMounts"] == [{"name": "data", "mountPath": folder}]
    assert main["readinessProbe"]["exec"]["command"]
    assert "livenessProbe" not in main
    env = {entry["name"]: entry for entry in main["env"]}
    assert set(env) <= ENGINE_VARIABLES[engine]
    reference = {"secretKeyRef": {"name": "credentials", "key": "password"}}
    assert env[password]["valueFrom"] == reference
    assert all("value" in entry or entry["valueFrom"] == reference for entry in main["env"])
    assert "Secret" not in kinds(manifests)


def test_data_lies_beside_what_a_file_system_has_at_its_root() -> None:
    """`lost+found` in the data folder stops PostgreSQL's and MySQL's first start."""
    postgres = container(render(database("postgresql", "16")))
    assert {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"} in postgres["env"]
    assert "--datadir=/var/lib/mysql/data" in container(render(database("mysql", "8")))["args"]


def test_mysql_as_root_and_as_a_user() -> None:
    root = container(render(database("mysql", "8", database={"username": "root"})))["env"]
    assert [e["name"] for e in root] == ["MYSQL_ROOT_PASSWORD", "MYSQL_DATABASE"]
    user = {e["name"]: e.get("value") for e in container(render(database("mysql", "8")))["env"]}
    assert (user["MYSQL_USER"], user["MYSQL_ROOT_HOST"]) == ("shop", "localhost")


@pytest.mark.parametrize(("version", "shell"), [("4.4", "mongo"), ("5.0", "mongosh"), ("latest", "mongosh")])
def test_mongodb_is_asked_by_the_shell_that_it_has(version: str, shell: str) -> None:
    probe = container(render(database("mongodb", version)))["readinessProbe"]
    assert probe["exec"]["command"][0] == shell


def test_redis_takes_its_password_from_the_environment() -> None:
    args = container(render(database("redis", "7")))["args"]
    assert args[-2:] == ["--requirepass", "$(REDIS_PASSWORD)"]


def test_a_database_takes_arguments_files_variables_and_its_own_probe() -> None:
    workload = database(
        "postgresql",
        "16",
        arguments=("-c", "max_connections=200"),
        files=(ConfigFile("/docker-entrypoint-initdb.d/a.sql", "SELECT 1;"),),
        variables=(
            Variable("PGDATA", (Literal("/elsewhere"),)),
            Variable("TZ", (Literal("UTC"),)),
        ),
        readiness=Probe("tcp", 5432),
        liveness=Probe("tcp", 5432),
    )
    main = container(render(workload))
    assert main["args"] == ["-c", "max_connections=200"]
    names = [entry["name"] for entry in main["env"]]
    assert names.count("PGDATA") == 1
    assert "TZ" in names
    assert main["readinessProbe"]["tcpSocket"] == main["livenessProbe"]["tcpSocket"] == {"port": 5432}
    assert main["volumeMounts"][1]["subPath"] == "0-a.sql"


def test_the_user_of_the_official_image() -> None:
    def context(workload: Workload) -> Any:
        return pod_template(render(workload))["spec"]["securityContext"]

    assert context(database("postgresql", "16-alpine"))["runAsUser"] == 70
    assert context(database("redis", "7-alpine"))["runAsGroup"] == 1000
    assert context(database("postgresql", "16", non_root_user=26))["fsGroup"] == 26


def test_a_public_database_gets_a_load_balancer() -> None:
    port = Port("db", 5432, 5432, Protocol.TCP, True)
    manifests = render(database("postgresql", "16", ports=(port,)))
    assert one(manifests, "Service", "shop-postgresql-tcp")["spec"]["type"] == "LoadBalancer"


def test_a_managed_database_is_an_alias_or_an_endpoint() -> None:
    alias, v4, v6 = (render(workload) for workload in MANAGED)
    assert kinds(alias) == ["Service"]
    spec = one(alias, "Service")["spec"]
    assert (spec["type"], spec["externalName"]) == ("ExternalName", "db.example.com")
    for manifests, family, address in ((v4, "IPv4", "10.0.0.7"), (v6, "IPv6", "fd00::7")):
        service, endpoints = one(manifests, "Service"), one(manifests, "EndpointSlice")
        assert "selector" not in service["spec"]
        assert endpoints["addressType"] == family
        assert endpoints["endpoints"] == [{"addresses": [address]}]
        # The family of a slice cannot change, so each has its own.
        assert endpoints["metadata"]["name"].endswith(f"-{family.lower()}")
        owner = endpoints["metadata"]["labels"]["kubernetes.io/service-name"]
        assert owner == service["metadata"]["name"]
        assert endpoints["ports"][0]["name"] == service["spec"]["ports"][0]["name"]


# --- the values patch ---


def test_merge() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    patch = {"a": {"c": [3], "e": {"f": None, "g": 1}}, "d": None, "h": False}
    assert merge(base, patch) == {"a": {"b": 1, "c": [3], "e": {"g": 1}}, "h": False}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_a_patch_reaches_the_manifests() -> None:
    patch = {"replicas": 4, "securityContext": {"container": {"readOnlyRootFilesystem": True}}}
    manifests = render(application(values=patch))
    assert one(manifests, "Deployment")["spec"]["replicas"] == 4
    assert container(manifests)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["NET_RAW"]},
        "readOnlyRootFilesystem": True,
    }


@pytest.mark.parametrize(
    "patch",
    [
        {"replica": 2},
        {"replicas": "2"},
        {"image": {"name": "x"}},
        {"pod": {"containers": []}},
        {"container": {"image": "x"}},
        {"env": [{"name": "A"}]},
        {"probes": {"readiness": {"periodSeconds": 1}}},
        {"labels": {"a": 1}},
        {"ports": [{"name": "a", "port": 0, "targetPort": 1, "protocol": "TCP"}]},
        {"controller": "DaemonSet"},
        {"volumes": [{"name": "a", "size": "1Gi"}]},
    ],
    ids=str,
)
def test_helm_refuses_a_patch_that_does_not_fit(patch: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        render(application(values=patch))


def test_terraform_has_no_values() -> None:
    workload = Workload("infra", ServiceType.TERRAFORM, "container", "shop-infra", 600, Resources(500, 10**9))
    assert emit(plan(workload)) == []
