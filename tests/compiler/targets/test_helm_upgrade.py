"""What cannot follow the previous plan is refused before anybody deploys it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.encode import plan_json, plan_text
from compiler.plan.model import Port, Protocol, Replicas, Resources, ServiceType, Target, Volume, Workload
from compiler.targets.helm.upgrade import upgrade_limitations
from helm_plans import EVERYTHING, MANAGED, STATEFUL, application, database, job, plan


def found(before: Workload, after: Workload) -> list[tuple[str, str, str | None]]:
    said = upgrade_limitations(json.loads(plan_text(plan(before))), plan(after))
    assert all(limitation.service == after.service and limitation.hint for limitation in said)
    return [(limitation.code, limitation.severity, limitation.field) for limitation in said]


def store(*volumes: Volume, **fields: Any) -> Workload:
    return dataclasses.replace(STATEFUL, volumes=volumes, **fields)


def engine(name: str = "postgresql", version: str = "16", **fields: Any) -> Workload:
    return database(name, version, **fields)


def dns(*ports: tuple[str, int, Protocol]) -> Workload:
    made = (Port(name, number, 53, protocol, False) for name, number, protocol in ports)
    return application(ports=tuple(made))


DATA = Volume("data", 2**30, "/data")
LOGS = Volume("logs", 2**30, "/logs")
BOTH = (("dns", 53, Protocol.UDP), ("dns-tcp", 53, Protocol.TCP))
REFUSED = [
    (store(DATA), store(DATA, LOGS), "volume", "storage"),
    (store(DATA, LOGS), store(DATA), "volume", "storage"),
    (store(DATA), store(dataclasses.replace(DATA, size_bytes=2**31)), "volume", "storage"),
    (store(DATA), store(dataclasses.replace(DATA, storage_class="fast")), "volume", "storage"),
    (store(DATA), store(DATA, values={"volumes": [{"name": "data", "size": "2Gi"}]}), "volume", "storage"),
    (engine(), engine(values={"storage": {"size": "20Gi"}}), "volume", "storage"),
    (engine(), engine(volumes=(dataclasses.replace(DATA, size_bytes=2**40),)), "volume", "storage"),
    (store(DATA), store(), "data", "storage"),
    (engine(), engine(version="17"), "data", "version"),
    (engine(version="17"), engine(version="16"), "data", "version"),
    (engine(version="9.5"), engine(version="9.6"), "data", "version"),
    (engine(version="16.4"), engine(version="16.1"), "data", "version"),
    (engine(), dataclasses.replace(application(), service="postgresql"), "data", "type"),
    (engine(version="latest"), engine(version="16"), "data", "version"),
    (engine(version="16"), engine(version="16-alpine"), "data", "version"),
    (engine(), engine(non_root_user=26), "data", "version"),
    (engine("mysql", "8.0"), engine("mysql", "8.4"), "data", "version"),
    (engine("mongodb", "4.2"), engine("mongodb", "4.4"), "data", "version"),
    (engine("redis", "7.4"), engine("redis", "8.0"), "data", "version"),
    (engine(), engine(database={"name": "other"}), "data", "database"),
    (engine(), engine(database={"username": "other"}), "data", "username"),
    (engine(), engine(host="db.example.com"), "data", "mode"),
    (engine(host="db.example.com"), engine(), "data", "mode"),
    (engine(), dataclasses.replace(engine("mysql", "16"), service="postgresql"), "data", "engine"),
    (dns(*BOTH), dns(BOTH[0]), "ports", "ports"),
    (dns(BOTH[1]), dns(*BOTH), "ports", "ports"),
    (dns(*BOTH), dns(BOTH[0], ("dns-tcp", 5353, Protocol.TCP)), "ports", "ports"),
]
ALLOWED = [
    (store(DATA), store(dataclasses.replace(DATA, mount="/elsewhere"))),
    (store(DATA), store(DATA, replicas=Replicas(1, 1), resources=Resources(1, 1), labels=(("a", "b"),))),
    (store(DATA, LOGS), store(LOGS, DATA)),
    (application(), application(volumes=(DATA,))),
    (application(), dataclasses.replace(application(), type=ServiceType.CONTAINER)),
    (engine(version="16.1"), engine(version="16.4")),
    (engine(version="16"), engine(version="16.4-bookworm")),
    (engine("mysql", "8.4.1"), engine("mysql", "8.4.3")),
    (engine(), engine(database={"port": 1})),
    (engine(host="a.example.com"), engine(host="10.0.0.7")),
    (dns(*BOTH), dns(*reversed(BOTH))),
    (job(), job(outputs=("URL",))),
]


@pytest.mark.parametrize(("before", "after", "code", "field"), REFUSED)
def test_what_kubernetes_refuses_or_loses_data_is_an_error(
    before: Workload, after: Workload, code: str, field: str
) -> None:
    assert found(before, after) == [(f"helm-upgrade-{code}", "error", field)]


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_what_can_follow_is_not_refused(before: Workload, after: Workload) -> None:
    assert found(before, after) == []


@pytest.mark.parametrize("workload", [*EVERYTHING, *MANAGED], ids=lambda workload: workload.service)
def test_nothing_is_said_of_what_did_not_change_or_is_new(workload: Workload) -> None:
    assert found(workload, workload) == []
    assert upgrade_limitations(plan_json(plan()), plan(workload)) == []


def test_volumes_do_not_move_to_another_namespace() -> None:
    moved = dataclasses.replace(plan(engine(), application()), target=Target("elsewhere", None))
    said = upgrade_limitations(plan_json(plan(engine(), application())), moved)
    assert [(s.code, s.service) for s in said] == [("helm-upgrade-data", "postgresql")]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PATHS = ("target", "workloads", "volumes", "database", "values", "ports", "version", "sizeBytes", "name")


@given(JSON, st.sampled_from(PATHS))
def test_a_previous_plan_may_be_anything(junk: Any, key: str) -> None:
    after = plan(engine(), STATEFUL, application())
    upgrade_limitations(junk, after)
    before = plan_json(after)
    for record in (before, *before["workloads"]):
        if key in record:
            record[key] = junk
    for record in before["workloads"] if isinstance(before["workloads"], list) else ():
        if isinstance(record, dict) and isinstance(record.get("database"), dict):
            record["database"][key] = junk
    upgrade_limitations(before, after)
