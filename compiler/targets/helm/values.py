"""The values of one release: what a chart of ours, or the service's own, is given.

Takes a workload, its plan and its image; gives plain data that fits the chart's
values.schema.json. The workload's `values` are merged over it last: mappings
merge, everything else replaces, null removes.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from compiler.plan.model import Database, Image, Job, Plan, Rollout, ServiceType, Volume, Workload
from compiler.targets.helm import container, network
from compiler.targets.helm.layout import chart_kind

Values = dict[str, Any]

# What each chart sets itself, so a variable of the plan with such a name is left out.
ENGINE_VARIABLES = {
    "postgresql": frozenset(("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "PGDATA")),
    "mysql": frozenset(
        ("MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_HOST", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE")
    ),
    "mongodb": frozenset(
        ("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_DATABASE")
    ),
    "redis": frozenset(("REDIS_PASSWORD", "REDISCLI_AUTH")),
}
OUTPUTS_VARIABLE = "STAGECAST_OUTPUTS_SECRET"

# The user that each official image makes for its server (their Dockerfiles, `useradd`), and its group.
_ENGINE_USER = 999
_ALPINE_USERS = {"postgresql": (70, 70), "redis": (999, 1000)}

_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]")
# Scheduling, pulling and starting take time too; Helm waits 60 s longer than all tries together.
_JOB_MARGIN_S = 50


def service_values(plan: Plan, workload: Workload, image: Image | None) -> Values | None:
    """The whole values file of a workload; None for Terraform."""
    if workload.type is ServiceType.TERRAFORM:
        return None
    if workload.chart is not None:
        return merge(workload.chart.values, workload.values)
    return merge(generated_values(plan, workload, image), workload.values)


def generated_values(plan: Plan, workload: Workload, image: Image | None) -> Values:
    """What the compiler says of a workload with a chart of ours, before its patch; nothing in it is empty."""
    values: Values = {
        "service": workload.service,
        "environment": _label(plan.environment),
        "component": workload.type.value,
        "labels": dict(workload.labels),
    }
    kind = chart_kind(workload)
    if workload.database is not None and workload.database.managed:
        values |= _managed(workload, workload.database)
    elif workload.database is not None:
        values |= _pod(workload, image) | _database(workload, workload.database)
    elif kind == "job" and workload.job is not None:
        values |= _pod(workload, image) | _job(workload, workload.job)
    else:
        values |= _pod(workload, image) | _workload(workload)
    return {key: value for key, value in values.items() if value not in ({}, [], None)}


def merge(base: Values, patch: Values) -> Values:
    """`base` with `patch` over it; neither is changed. As deep as the document that the patch came from."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def _pod(workload: Workload, image: Image | None) -> Values:
    """What every pod has."""
    return {
        "image": container.image(image) if image is not None else None,
        "command": [container.escape(word) for word in workload.entrypoint],
        "args": [container.escape(word) for word in workload.arguments],
        "env": container.environment(workload.variables),
        "files": container.files(workload.files),
        "resources": container.resources(workload.resources),
        "probes": container.probes(workload),
        "serviceAccountName": workload.service_account,
        "securityContext": container.security(
            workload.non_root_user, (port.internal for port in workload.ports)
        ),
        "affinity": workload.affinity,
        "nodeSelector": dict(workload.node_selector),
        "annotations": dict(workload.annotations),
        "terminationGracePeriodSeconds": workload.rollout.grace_period_s,
    }


def _workload(workload: Workload) -> Values:
    values: Values = {
        "ports": network.service_ports(workload.ports),
        "ingresses": network.ingresses(workload.ports),
        "routes": network.routes(workload.ports),
    }
    replicas = workload.replicas
    if workload.volumes:
        values |= {"controller": "StatefulSet", "volumes": [_volume(v, v.mount) for v in workload.volumes]}
    else:
        values |= {
            "controller": "Deployment",
            "strategy": _strategy(workload.rollout),
            "progressDeadlineSeconds": workload.timeout_s,
        }
    if replicas.maximum > replicas.minimum and not workload.volumes:
        values["autoscaling"] = {
            "minReplicas": max(1, replicas.minimum),
            "maxReplicas": replicas.maximum,
            "targetCPUPercent": replicas.target_cpu_percent,
        }
    else:
        values["replicas"] = replicas.minimum
    return values


def _strategy(rollout: Rollout) -> Values:
    if rollout.strategy == "recreate":
        return {"type": "Recreate"}
    surge, unavailable = (_count(text) for text in (rollout.max_surge, rollout.max_unavailable))
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def _count(text: str) -> int | str:
    """A number of pods is a number in Kubernetes, a share is text."""
    return int(text) if text.isdecimal() else text


def _volume(volume: Volume, mount: str | None) -> Values:
    optional = {"mountPath": mount, "storageClassName": volume.storage_class}
    return {
        "name": volume.name,
        "size": container.quantity(volume.size_bytes),
        **{key: value for key, value in optional.items() if value},
    }


def _job(workload: Workload, job: Job) -> Values:
    values: Values = {
        "run": job.run.value if job.run is not None else "cron",
        "maxRestarts": job.max_restarts,
        "maxDurationSeconds": job.max_duration_s,
        "deadlineSeconds": job.max_duration_s * (job.max_restarts + 1) + _JOB_MARGIN_S,
        "outputs": list(job.outputs),
    }
    if job.cron is not None:
        values["cron"] = {
            "schedule": job.cron.schedule,
            "timeZone": job.cron.timezone,
            "concurrencyPolicy": job.cron.concurrency,
            "successfulJobsHistoryLimit": job.cron.history_succeeded,
            "failedJobsHistoryLimit": job.cron.history_failed,
        }
    if job.outputs and all(variable.name != OUTPUTS_VARIABLE for variable in workload.variables):
        told = {"name": OUTPUTS_VARIABLE, "value": f"{workload.release}-outputs"}
        values["env"] = [*container.environment(workload.variables), told]
    return values


def _database(workload: Workload, database: Database) -> Values:
    """An engine in the cluster; the chart knows the engine, this only what the plan says of it."""
    reserved = ENGINE_VARIABLES.get(database.engine, frozenset())
    user, group = _engine_user(workload, database)
    values = _engine(workload, database) | {
        "database": database.name,
        "username": database.username,
        "password": {"name": database.password.name, "key": database.password.key},
        "env": container.environment(v for v in workload.variables if v.name not in reserved),
        "securityContext": container.security(user, group=group),
    }
    if workload.volumes:
        values["storage"] = _volume(workload.volumes[0], None)
    return values


def _engine_user(workload: Workload, database: Database) -> tuple[int, int | None]:
    if workload.non_root_user is not None:
        return workload.non_root_user, None
    if "alpine" in database.version:
        return _ALPINE_USERS.get(database.engine, (_ENGINE_USER, _ENGINE_USER))
    return _ENGINE_USER, _ENGINE_USER


def _managed(workload: Workload, database: Database) -> Values:
    """A database elsewhere: an alias for a host name, an endpoint for a bare address."""
    host = database.host or ""
    try:
        address = ip_address(host)
    except ValueError:
        external = {"host": host}
    else:
        external = {"address": host, "family": f"IPv{address.version}"}
    return _engine(workload, database) | {"external": external}


def _engine(workload: Workload, database: Database) -> Values:
    port: Values = {
        "name": workload.ports[0].name if workload.ports else database.engine,
        "number": database.port,
    }
    if any(p.public for p in workload.ports):
        port["expose"] = True
    return {"engine": database.engine, "version": database.version, "port": port}


def _label(text: str) -> str:
    """Text as a label's value, which has at most 63 letters, digits, `-`, `_` and `.`."""
    return _NOT_LABEL.sub("-", text)[:63].strip("-_.") or "x"
