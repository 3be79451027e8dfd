"""What the charts render is valid, strictly, for every version of Kubernetes from 1.29 on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import (
    ConfigFile,
    JobRun,
    Literal,
    Port,
    Probe,
    Protocol,
    Replicas,
    Rollout,
    SecretRef,
    Variable,
    Volume,
    Workload,
)
from helm_plans import (
    EVERYTHING,
    FULL,
    MANAGED,
    application,
    database,
    job,
    render,
)
from kubernetes_schemas import VERSIONS, utils, validate


def test_the_versions_reach_as_far_as_the_schemas() -> None:
    assert VERSIONS[0].startswith("1.29.")
    assert VERSIONS[-1] == utils.all_versions()[-1]
    assert len(VERSIONS) >= 8


def test_the_validation_is_the_one_of_kubernetes_validate() -> None:
    """The same verdict, good and bad, so that keeping schemas does not weaken it."""
    deployment = next(manifest for manifest in render(FULL) if manifest["kind"] == "Deployment")
    utils.validate(deployment, VERSIONS[-1], strict=True)
    deployment["spec"]["template"]["spec"]["unknown"] = 1
    with pytest.raises(utils.ValidationError):
        utils.validate(deployment, VERSIONS[-1], strict=True)
    with pytest.raises(AssertionError):
        validate([deployment], VERSIONS[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_chart_is_valid(version: str) -> None:
    for workload in (*EVERYTHING, *MANAGED):
        validate(render(workload), version)


names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
ports = st.builds(
    Port,
    names,
    st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from(Protocol),
    st.booleans(),
    st.lists(names, max_size=2).map(tuple),
    st.sampled_from(["/", "/a", "/a/b"]),
    st.none() | names,
    st.none() | names,
    st.none() | names,
)
probes = st.none() | st.one_of(
    st.builds(Probe, st.just("http"), st.integers(1, 65535), st.none() | st.just("/a")),
    st.builds(Probe, st.just("tcp"), st.integers(1, 65535)),
    st.builds(Probe, st.just("grpc"), st.integers(1, 65535), service=st.none() | names),
    st.builds(Probe, st.just("exec"), command=st.just(("a",))),
)
secrets = st.builds(SecretRef, names, names)
parts = st.lists(st.one_of(secrets, st.builds(Literal, st.text("a$(", max_size=4))), max_size=3).map(tuple)
common = {
    "entrypoint": st.lists(names, max_size=2).map(tuple),
    "arguments": st.lists(names, max_size=2).map(tuple),
    "variables": st.lists(st.builds(Variable, names, parts), max_size=3, unique_by=lambda v: v.name).map(
        tuple
    ),
    "files": st.lists(
        st.builds(
            ConfigFile, names.map("/".__add__), st.one_of(names, secrets), st.sampled_from([0o644, 0o755])
        ),
        max_size=2,
    ).map(tuple),
    "service_account": st.none() | names,
    "non_root_user": st.none() | st.integers(1, 65535),
    "node_selector": st.dictionaries(names, names, max_size=2).map(lambda d: tuple(d.items())),
    "labels": st.dictionaries(names, names, max_size=2).map(lambda d: tuple(d.items())),
    "annotations": st.dictionaries(names, names, max_size=2).map(lambda d: tuple(d.items())),
    "readiness": probes,
    "liveness": probes,
    "startup": probes,
}
volumes = st.lists(
    st.builds(Volume, names, st.integers(1, 10**13), names.map("/".__add__), st.none() | names),
    max_size=2,
    unique_by=lambda v: v.name,
).map(tuple)
replicas = st.tuples(st.integers(0, 3), st.integers(1, 5)).map(lambda pair: Replicas(pair[0], max(pair)))
workloads: st.SearchStrategy[Workload] = st.one_of(
    st.builds(
        application,
        ports=st.lists(ports, max_size=4, unique_by=lambda p: p.name).map(tuple),
        volumes=volumes,
        replicas=replicas,
        rollout=st.builds(Rollout, st.sampled_from(["rolling", "recreate"]), st.sampled_from(["1", "50%"])),
        **common,
    ),
    st.builds(
        job,
        st.none() | st.sampled_from(JobRun),
        outputs=st.lists(names, max_size=2).map(tuple),
        **common,
    ),
    st.builds(database, st.sampled_from(["postgresql", "mysql", "mongodb", "redis"]), names, **common),
)


@settings(max_examples=60)
@given(workloads, st.sampled_from([VERSIONS[0], VERSIONS[-1]]))
def test_any_workload_is_valid(workload: Workload, version: str) -> None:
    validate(render(workload), version)
