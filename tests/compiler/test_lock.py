"""The lock of images: pins a plan wholly, or says at which line it does not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics.model import Diagnostic, Findings
from compiler.lock import lock_schema, pin, read_lock
from compiler.plan.encode import plan_digest
from compiler.plan.model import Plan
from spec_plans import plan_of, spec

DIGEST = "sha256:" + "ab" * 32
PLAN = plan_of(
    spec(
        'cache: {type: container, image: "redis:7.4.2"}\n'
        f'edge: {{type: container, image: "nginx:1.29.3@sha256:{"cd" * 32}"}}\n'
        "web: {type: application, source: {repository: 'https://git.example.com/shop.git', ref: v1}}\n"
    )
)


def lock_text(plan: Plan = PLAN, **changed: Mapping[str, str | None]) -> str:
    """A lock of a plan as CI writes it; `changed` are other values for an image, None leaves it out."""
    images = {
        image.id: {
            "repository": image.repository,
            "tag": image.tag or "content-1234",
            "digest": image.digest or DIGEST,
            **changed.get(image.id, {}),
        }
        for image in plan.images
    }
    lock = {
        "apiVersion": "stagecast/v1beta1",
        "kind": "ImageLock",
        "environment": plan.environment,
        "images": {name: {k: v for k, v in image.items() if v is not None} for name, image in images.items()},
    }
    return json.dumps(lock, indent=1)


def pinned(folder: Path, text: str) -> tuple[Plan, list[Diagnostic]]:
    path = folder / "images.lock.yaml"
    path.write_text(text, encoding="utf-8")
    findings = Findings()
    lock = read_lock(path, findings)
    plan = PLAN if lock is None else pin(PLAN, lock, findings)
    return plan, list(findings)


def test_every_image_gets_its_digest_and_the_plan_another(tmp_path: Path) -> None:
    plan, found = pinned(tmp_path, lock_text())
    assert found == []
    assert {image.id: image.digest for image in plan.images} == {
        image.id: image.digest or DIGEST for image in PLAN.images
    }
    assert next(image.tag for image in plan.images if image.id == "web") == "content-1234"
    assert plan.digest == plan_digest(plan) != PLAN.digest


def test_images_that_are_not_in_the_plan_are_left_alone(tmp_path: Path) -> None:
    lock = json.loads(lock_text())
    lock["images"]["gone"] = {"repository": "registry.example.com/gone", "digest": DIGEST}
    assert pinned(tmp_path, json.dumps(lock))[1] == []


@pytest.mark.parametrize(
    ("image", "changed", "said"),
    [
        ("cache", {"tag": "7.4.1"}, "now has the tag 7.4.2"),
        ("cache", {"repository": "registry.example.com/else"}, "is now at registry.example.com/shop/cache"),
        ("edge", {"digest": DIGEST}, "now has the digest sha256:cdcd"),
    ],
)
def test_a_lock_of_another_state_is_refused_at_its_line(
    tmp_path: Path, image: str, changed: dict[str, str], said: str
) -> None:
    text = lock_text(PLAN, **{image: changed})
    plan, [finding] = pinned(tmp_path, text)
    assert plan is PLAN
    assert finding.code == "STC707"
    assert said in finding.message
    [value] = changed.values()
    assert finding.span.text.strip('"') == value


def test_a_missing_image_and_another_environment_are_refused(tmp_path: Path) -> None:
    lock = json.loads(lock_text())
    del lock["images"]["web"]
    assert "no digest of the image web" in pinned(tmp_path, json.dumps(lock))[1][0].message
    assert (
        "is of the environment other"
        in pinned(tmp_path, lock_text().replace('"shop"', '"other"'))[1][0].message
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "kind: Environment",
        lock_text(PLAN, web={"digest": "sha256:12"}),
        lock_text(PLAN, web={"digest": None}),
        lock_text(PLAN, web={"tag": "a b"}),
    ],
)
def test_what_is_no_lock_gets_a_finding_and_pins_nothing(tmp_path: Path, text: str) -> None:
    plan, found = pinned(tmp_path, text)
    assert plan is PLAN
    assert found
    assert all(finding.span.source.path.endswith("images.lock.yaml") for finding in found)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    plan, found = pinned(tmp_path_factory.mktemp("lock"), text)
    assert found
    assert plan is PLAN


def test_the_schema_accepts_what_ci_writes() -> None:
    import jsonschema

    jsonschema.validate(json.loads(lock_text()), lock_schema())
