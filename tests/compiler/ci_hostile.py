"""Hostile texts through every field of a plan that the CI back ends read.

Two plans have all the fields: one whose pipeline deploys, and one whose
pipeline leaves that to Argo CD.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from compiler.plan.model import Delivery, Departed, GitOps, Plan, Previews
from compiler.targets import ci
from compiler.targets.model import Limitation
from pipeline_plans import rich_plan

# Every text of a plan that these back ends read; a change goes through all places that refer to each other.
TEXTS: dict[str, tuple[str, ...]] = {
    "service": (
        "Stage.services", "Build.services", "Workload.service", "Workload.depends_on", "Task.services"
    ),
    "stage": ("Stage.name", "Workload.stage", "Task.stage"),
    "task": ("Build.id", "Image.build", "Image.mirror", "Task.id", "Task.needs"),
    "image": ("Build.image", "Image.id", "Workload.image"),
    **{
        path: (path,)
        for path in (
            "Plan.environment", "Plan.spec", "Target.namespace", "Target.context", "Workload.release",
            "Source.repository", "Source.ref", "Source.context", "Source.dockerfile", "Source.target",
            "Source.platforms", "Build.arguments", "Build.labels", "BuildSecret.id", "SecretRef.name",
            "SecretRef.key", "Image.repository", "Image.origin", "Image.tag", "Image.digest",
            "Image.credentials", "Chart.repository", "Chart.name",
            "Chart.version", "Chart.set_values", "Chart.value_files",
            "Chart.arguments", "Previews.secrets_from", "Departed.service", "Departed.release",
            "GitOps.branch", "GitOps.repository",
        )
    },
}  # fmt: skip


def poisoned(value: Any, fields: tuple[str, ...], payload: str, here: str = "") -> Any:
    """The value with `payload` at the end of every text in one of the fields, but "." stays local."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value + payload if here in fields and value != "." else value
    if isinstance(value, tuple):
        return tuple(poisoned(item, fields, payload, here) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: poisoned(
                getattr(value, field.name), fields, payload, f"{type(value).__name__}.{field.name}"
            )
            for field in dataclasses.fields(value)
        }
        return replace(value, **changes)
    return value


def texts(value: Any) -> Iterator[str]:
    """All keys and values of a loaded document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


PAYLOADS = st.one_of(
    st.sampled_from(
        ["${{ github.token }}", "{{ .Values.x }}", "$(id)", "`id`", "'", '"', "\n", "\r\n  run: id", "on",
         "1e3", "0o7", "\x00", "\x1b[0m", "\u2028", "\ufeff", "'}}'[0] }}", "#", ": ", "--x",
         "::error::x", "$VAR", "$$VAR", "${VAR}", "%VAR%", "$[[ inputs.x ]]", "!reference [a, b]", "&a",
         "*a", "<<", "- a", "? a", "|", ">-", "%YAML 1.1", "---", "...", "~", "12:30:45", "0b1", "1_000",
         "\ud800", "x" * 140_000]
    ),
    st.text(max_size=20),
)  # fmt: skip


def base_plan(delivery: Delivery = Delivery.HELM) -> Plan:
    """A plan with everything that the back ends read."""
    plan = rich_plan(delivery=delivery)
    if delivery is Delivery.ARGOCD:
        return replace(plan, gitops=GitOps("stagecast/shop", "https://git.example.com/shop.git"))
    departed = (Departed("old", "old", prune=True), Departed("older", "older"))
    return replace(plan, previews=Previews("shop-previews"), departed=departed)


def arrived(plan: Plan, data: Any) -> bool:
    """Whether the data file, read back, says exactly what the plan says."""
    web, read = plan.builds[0], data["builds"][0]
    assert (data["namespace"], data["context"]) == (plan.target.namespace, plan.target.context)
    assert read["arguments"] == [list(pair) for pair in web.arguments]
    assert read["labels"] == [list(pair) for pair in web.labels]
    assert (read["target"], read["context"]) == (web.source.target, web.source.context)
    assert data["sources"][0]["repository"] == web.source.repository
    assert data["sources"][0]["ref"] == web.source.ref
    assert [gone["release"] for gone in data["removed"]] == [g.release for g in plan.departed if g.prune]
    if plan.previews is not None:
        assert data["preview"]["secrets_from"] == plan.previews.secrets_from
    if plan.gitops is not None:
        assert data["gitops"]["branch"] == plan.gitops.branch
    releases = [t["release"] for stage in data["stages"] for t in stage["tasks"] if t["release"]]
    deployed = plan.workloads if plan.delivery is Delivery.HELM else ()
    assert {release["name"] for release in releases} == {work.release for work in deployed}
    return True


def errors(plan: Plan, own: Iterable[Limitation]) -> list[Limitation]:
    """What a back end and the scripts refuse."""
    return [limitation for limitation in (*ci.check(plan), *own) if limitation.severity == "error"]


def harmless(plan: Plan, group: str) -> Plan:
    """The plan with an ordinary text in place of a hostile one."""
    if group != "Image.digest":
        return poisoned(plan, TEXTS[group], "x")  # type: ignore[no-any-return]
    images = tuple(replace(image, digest=image.digest and "sha256:") for image in plan.images)
    return poisoned(replace(plan, images=images), TEXTS[group], "0" * 64)  # type: ignore[no-any-return]
