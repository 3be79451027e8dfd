"""Any text arrives exactly as it was written, or the check says why it cannot."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import helm_python
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.emit.yaml import dump
from compiler.plan.model import (
    ConfigFile,
    Literal,
    Port,
    Probe,
    Protocol,
    Replicas,
    SecretRef,
    Variable,
    Volume,
    Workload,
)
from compiler.targets.helm import check
from compiler.targets.helm.container import escape, quantity
from helm_hostile import HOSTILE, kubernetes_expands
from helm_plans import application, container, database, job, one, plan, pod_template, render, values_of

REFUSED = ["\x7f", "a\x80", "\x84", "\x86", "\x9f", "\ufffe", "\uffff"]
UNCARRIED = {"\0", "\ufffe", "\uffff", *(chr(code) for code in range(0x7F, 0xA0) if code != 0x85)}
PIECES = st.sampled_from([*HOSTILE, "a", "$", "(", ")", "{", "}", '"', "'", "\n", " "])
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(PIECES, max_size=4).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
).filter(UNCARRIED.isdisjoint)
words = texts.filter(bool)


@given(texts)
@example("$$(X)")
@example("$é")
def test_escaped_text_expands_to_itself(text: str) -> None:
    assert kubernetes_expands(escape(text), {"X": "1", "id": "2"}) == text


def test_the_oracle_expands() -> None:
    assert kubernetes_expands("$(X)/$$(X)/$(Y)", {"X": "1"}) == "1/$(X)/$(Y)"
    assert kubernetes_expands("$é", {}) != "$é"


def rendered(workload: Workload) -> Any:
    """The manifests that come from the values file as it is written, not from the values in memory."""
    return render(workload, helm_python.values_from_yaml(dump(values_of(workload), header="x")))


@settings(max_examples=80)
@given(st.lists(texts, min_size=1, max_size=6), st.data())
def test_texts_of_a_workload_arrive(found: list[str], data: st.DataObject) -> None:
    word = data.draw(words)
    workload = application(
        entrypoint=tuple(found),
        arguments=tuple(found),
        variables=(
            *(Variable(f"V{i}", (Literal(text),)) for i, text in enumerate(found)),
            Variable("MIXED", (Literal(found[0]), SecretRef(word, word), Literal(found[-1]))),
        ),
        files=tuple(ConfigFile(f"/{i}/{word}", text) for i, text in enumerate(found)),
        labels=((f"l{word}", word),),
        annotations=((word, found[0]),),
        node_selector=((word, found[0]),),
        affinity={"nodeAffinity": {word: [found[0], {found[-1]: None}]}},
        readiness=Probe("exec", command=tuple(found)),
        liveness=Probe("http", 80, word),
        startup=Probe("grpc", 80, service=word),
        ports=(Port("http", 80, 80, Protocol.HTTP, True, (word,), word, word, word),),
        values={"pod": {"x": [found]}, "container": {"x": {word: found}}},
        service_account=word,
    )
    assert not [f for f in check(plan(workload)) if f.severity != "note"]
    manifests = rendered(workload)
    pod, main = pod_template(manifests), container(manifests)
    assert [kubernetes_expands(text, {}) for text in main["command"]] == found
    assert [kubernetes_expands(text, {}) for text in main["args"]] == found
    assert [kubernetes_expands(t, {}) for t in main["readinessProbe"]["exec"]["command"]] == found
    env = {entry["name"]: entry for entry in main["env"]}
    assert [kubernetes_expands(env[f"V{i}"]["value"], {}) for i in range(len(found))] == found
    auxiliary = main["env"][0]
    assert auxiliary["valueFrom"]["secretKeyRef"] == {"name": word, "key": word}
    assert kubernetes_expands(env["MIXED"]["value"], {auxiliary["name"]: "S"}) == f"{found[0]}S{found[-1]}"
    config = one(manifests, "ConfigMap")["data"]
    assert [config[m["subPath"]] for m in main["volumeMounts"]] == found
    assert [m["mountPath"] for m in main["volumeMounts"]] == [f"/{i}/{word}" for i in range(len(found))]
    assert pod["metadata"]["labels"][f"l{word}"] == word
    assert pod["metadata"]["annotations"][word] == found[0]
    assert pod["spec"]["nodeSelector"] == {word: found[0]}
    assert pod["spec"]["affinity"] == {"nodeAffinity": {word: [found[0], {found[-1]: None}]}}
    assert pod["spec"]["x"] == [found]
    assert main["x"] == {word: found}
    assert pod["spec"]["serviceAccountName"] == word
    assert main["livenessProbe"]["httpGet"]["path"] == word
    ingress = one(manifests, "Ingress")["spec"]
    assert ingress["rules"][0]["host"] == ingress["ingressClassName"] == word
    assert ingress["rules"][0]["http"]["paths"][0]["path"] == word
    assert ingress["tls"] == [{"secretName": word, "hosts": [word]}]


@settings(max_examples=25)
@given(words, texts)
def test_texts_of_other_charts_arrive(word: str, text: str) -> None:
    variables = (Variable("A", (Literal(text),)),)
    entry = container(rendered(job(None, variables=variables)))["env"][0]
    assert kubernetes_expands(entry["value"], {}) == text
    main = container(
        rendered(
            database(
                "postgresql",
                word,
                variables=variables,
                database={"name": word, "username": word},
                volumes=(Volume(word, 2**30, "/", word),),
            )
        )
    )
    env = {entry["name"]: kubernetes_expands(entry.get("value", ""), {}) for entry in main["env"]}
    assert (env["A"], env["POSTGRES_DB"], env["POSTGRES_USER"]) == (text, word, word)
    assert kubernetes_expands(main["readinessProbe"]["exec"]["command"][-1], {}) == word
    assert main["volumeMounts"] == [{"name": word, "mountPath": "/var/lib/postgresql/data"}]


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_what_helm_3_cannot_carry_is_refused_at_the_place(text: str) -> None:
    places = {
        "variables.A": application(variables=(Variable("A", (Literal(text),)),)),
        "arguments.0": application(arguments=(text,)),
        "files.0.content": application(files=(ConfigFile("/a", text),)),
        "annotations.a": application(annotations=(("a", text),)),
        "affinity.nodeAffinity": application(affinity={"nodeAffinity": {text: 1}}),
        "values.pod.x.1": application(values={"pod": {"x": ["a", text]}}),
    }
    for field, workload in places.items():
        found = [f for f in check(plan(workload)) if f.severity == "error"]
        assert [f.code for f in found] == ["helm-character"], field
        assert (found[0].field or "").startswith(field)


def test_numbers_are_written_whole() -> None:
    """Go templates print a float64 of a million as 1e+06 where nobody takes care."""
    values: dict[str, Any] = {"pod": {"x": [100_000_000, 0.5, True, None, [], {}]}}
    workload = application(replicas=Replicas(1, 3_000_000), values=values)
    manifests = render(dataclasses.replace(workload, timeout_s=100_000_000))
    assert one(manifests, "Deployment")["spec"]["progressDeadlineSeconds"] == 100_000_000
    assert pod_template(manifests)["spec"]["x"] == [100_000_000, 0.5, True, None, [], {}]
    assert one(manifests, "HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 3_000_000


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (4_000_000_000, "4G"),
        (4 * 2**30, "4Gi"),
        (512_000_000, "512M"),
        (512 * 2**20, "512Mi"),
        (2**40, "1Ti"),
        (1_500_000_000, "1500M"),
        (1_025, "1025"),
        (2**10, "1Ki"),
        (1_000, "1k"),
        (0, "0"),
    ],
)
def test_quantity(size: int, text: str) -> None:
    assert quantity(size) == text


@given(st.integers(0, 10**15))
def test_quantity_loses_nothing(size: int) -> None:
    text = quantity(size)
    units = {
        "k": 10**3,
        "M": 10**6,
        "G": 10**9,
        "T": 10**12,
        "Ki": 2**10,
        "Mi": 2**20,
        "Gi": 2**30,
        "Ti": 2**40,
    }
    digits = text.rstrip("kKMGTi")
    assert int(digits) * units.get(text.removeprefix(digits), 1) == size


def test_large_values_pass() -> None:
    text = json.dumps({"a": "{{" * 30_000})
    manifests = rendered(application(variables=(Variable("A", (Literal(text),)),)))
    assert container(manifests)["env"][0]["value"] == text
