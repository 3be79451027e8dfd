"""The bake back end: targets, groups that keep the cap, and what HashiCorp's and bake's own parser read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.plan.model import (
    Attestation,
    Build,
    BuildCache,
    BuildSecret,
    Plan,
    Resources,
    SecretRef,
    Source,
    Stage,
    Strategy,
)
from compiler.targets import bake
from compiler.targets.bake.waves import build_groups
from pipeline_plans import GB, REMOTE, Service, build, make_plan, rich_plan, with_build

TARGET = re.compile(r"[a-zA-Z0-9_-]+")
EXPRESSIONS = [
    "${{ github.token }}",
    "$${a}",
    "$$${a}",
    "%{if true}",
    "%%{x",
    "${",
    "%{",
    "$%{",
    "%${a}",
    "\\${x}",
]
HOSTILE = [
    *EXPRESSIONS,
    "{{ .Values.x }}",
    "$(id)",
    "`id`",
    "'\"\\",
    "a\nb\r\n\t",
    "on",
    "1e3",
    "0o7",
    "",
    "\0\x01\x7f\u2028\ufeff\ufffe",
    "é😀<&>",
    "${TAG_0}",
    "x" * 100_000,
]


def services(count: int, stage: str = "s") -> list[Service]:
    """Services that are built."""
    return [Service(f"a{n}", stage, built=True) for n in range(count)]


def content(plan: Plan) -> str:
    """The bake file."""
    [artifact] = bake.emit(plan)
    assert artifact.path == "bake/shop.json"
    return artifact.content


def document(plan: Plan) -> dict[str, Any]:
    """The bake file as plain JSON."""
    found: dict[str, Any] = json.loads(content(plan))
    return found


def codes(plan: Plan) -> set[tuple[str, str]]:
    """What is said of a plan."""
    return {(limitation.code, limitation.severity) for limitation in bake.check(plan)}


def with_source(**fields: Any) -> Plan:
    """A plan of one build of another repository."""
    return make_plan(services(1), builds={"a0": build("a0", source=replace(REMOTE, **fields))})


def changed(**fields: Any) -> Plan:
    """A plan of one build of this repository."""
    return make_plan(services(1), builds={"a0": replace(build("a0"), **fields)})


def evaluated(reader: Path, path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """What HashiCorp's parser makes of a file."""
    result = subprocess.run(
        [reader, path],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_local_build() -> None:
    """Paths are relative to the place where bake runs, the Dockerfile's to the context."""
    assert document(make_plan(services(1))) == {
        "//": "generated from shop.yaml, do not edit",
        "variable": {"TAG_0": {"default": ""}},
        "group": {"build-1": {"targets": ["a0"]}, "default": {"targets": ["build-1"]}},
        "target": {
            "a0": {
                "context": "./a0",
                "dockerfile": "./Dockerfile",
                "platforms": ["linux/amd64"],
                "tags": ["registry.example.com/shop/a0:${TAG_0}"],
                "cache-from": ["type=registry,ref=registry.example.com/shop/a0:buildcache"],
                "cache-to": [
                    "type=registry,ref=registry.example.com/shop/a0:buildcache,mode=max,ignore-error=true"
                ],
                "attest": ["type=provenance,disabled=true"],
                "output": ["type=registry"],
            }
        },
    }


def test_a_build_of_another_repository() -> None:
    """A Git reference, and the token by BuildKit's own name for it."""
    target = document(rich_plan())["target"]["web"]
    assert target["context"] == "https://git.example.com/shop.git#main:web"
    assert target["dockerfile"] == "Dockerfile"
    assert target["target"] == "run"
    assert target["args"] == {"LEVEL": "info"}
    assert target["labels"] == {"team": "shop"}
    assert target["secret"] == [
        "id=npm,env=SECRET_NPM_REGISTRY__TOKEN",
        "id=GIT_AUTH_TOKEN.git.example.com,env=SECRET_GIT__TOKEN",
    ]
    github = with_source(repository="https://github.com/acme/shop", ref=None, context=".", dockerfile="D")
    assert document(github)["target"]["a0"]["context"] == "https://github.com/acme/shop.git#"
    assert not {code for code, severity in codes(github) if severity == "error"}


def test_a_dockerfile_beside_the_context() -> None:
    """Of this repository it may lie anywhere."""
    plan = changed(source=Source(".", None, "apps/web", "docker/web.Dockerfile"))
    assert document(plan)["target"]["a0"]["dockerfile"] == "./../../docker/web.Dockerfile"


def test_attestations_and_cache() -> None:
    """As the plan asks for them."""
    plan = make_plan(services(1))
    limits = replace(plan.limits.build, attestations=(Attestation.SBOM, Attestation.PROVENANCE))
    plan = replace(plan, limits=replace(plan.limits, build=limits))
    assert document(plan)["target"]["a0"]["attest"] == ["type=sbom", "type=provenance,mode=max"]
    for cache in (BuildCache.NONE, BuildCache.PERSISTENT):
        target = document(changed(cache=cache))["target"]["a0"]
        assert not {"cache-from", "cache-to"} & set(target)


def test_a_pinned_tag_is_the_variables_default() -> None:
    """Then nothing is to be set."""
    plan = make_plan(services(1))
    plan = replace(plan, images=tuple(replace(image, tag="content-1") for image in plan.images))
    assert document(plan)["variable"] == {"TAG_0": {"default": "content-1"}}


def test_shared_builds_are_one_target() -> None:
    """Named after the first of its services."""
    plan = changed(services=("a0", "worker"))
    assert list(document(plan)["target"]) == ["a0"]


def test_names_of_targets() -> None:
    """They are valid, and no group's."""
    names = ["default", "build-1", "a.b", "é", "a-b"]
    plan = make_plan([Service(name, "s", built=True) for name in names])
    targets = list(document(plan)["target"])
    assert len(targets) == len(set(targets)) == len(names)
    assert all(TARGET.fullmatch(name) for name in targets)
    assert not set(targets) & set(document(plan)["group"])


def test_more_builds_than_slots_have_no_default_group() -> None:
    """Who runs the groups one after another never builds more at once than the plan."""
    plan = make_plan(services(16))
    groups = document(plan)["group"]
    assert [len(groups[f"build-{n}"]["targets"]) for n in (1, 2, 3)] == [7, 7, 2]
    assert "default" not in groups
    assert ("bake-parallelism", "note") in codes(plan)
    assert ("bake-parallelism", "note") not in codes(make_plan(services(7)))


def test_staged_builds_are_grouped_by_stage() -> None:
    """In the order of the stages."""
    plan = make_plan(
        [*services(3, "0.A b"), Service("z", "last", built=True)], strategy=Strategy.STAGED, slots=2
    )
    assert [(name, len(wave)) for name, wave in build_groups(plan)] == [
        ("stage-1-0-A-b-1", 2),
        ("stage-1-0-A-b-2", 1),
        ("stage-2-last", 1),
    ]


SIZES = st.builds(
    Resources, st.integers(1, 28).map(lambda n: n * 1000), st.integers(1, 28).map(lambda n: n * GB)
)


@given(st.lists(SIZES, min_size=1, max_size=20), st.integers(1, 7))
def test_no_group_is_larger_than_the_pool(sizes: Sequence[Resources], slots: int) -> None:
    """Neither by number nor by CPU nor by memory; every build is in exactly one group, in queue order."""
    builds = {f"a{n}": build(f"a{n}", resources=size) for n, size in enumerate(sizes)}
    plan = make_plan(services(len(sizes)), builds=builds, slots=slots)
    waves = [wave for _, wave in build_groups(plan)]
    assert [index for wave in waves for index in wave] == list(range(len(sizes)))
    pool = plan.limits.build.pool
    for wave in waves:
        assert len(wave) <= slots
        assert sum(sizes[index].cpu_milli for index in wave) <= pool.cpu_milli
        assert sum(sizes[index].memory_bytes for index in wave) <= pool.memory_bytes


def hostile_build(texts: Sequence[str]) -> Build:
    """A build with texts in every free field: names and values of arguments and labels, and the stage."""
    arguments = tuple((f"A{n}", text) for n, text in enumerate(texts))
    labels = tuple((f"{n}{text}", text) for n, text in enumerate(texts))
    source = Source(".", None, f"x{texts[0]}", f"x{texts[0]}/D{texts[0]}", target=f"t{texts[0]}")
    return replace(build("a0"), arguments=arguments, labels=labels, source=source)


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
@example(HOSTILE)
@example(["e\u0301"])
def test_hashicorps_parser_gets_back_every_text(
    hcl_reader: Path, tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Nothing is evaluated; what HCL would change is refused."""
    plan = make_plan(services(1), builds={"a0": hostile_build(texts)})
    if ("bake-unicode", "error") in codes(plan):
        assert any(not unicodedata.is_normalized("NFC", f"x{text}\n{text}") for text in texts)
        return
    path = tmp_path_factory.mktemp("bake") / "shop.json"
    path.write_bytes(content(plan).encode())
    found = evaluated(hcl_reader, path, {"TAG_0": "content-1"})["target"]["a0"]
    wanted = plan.builds[0]
    assert found.get("args", {}) == dict(wanted.arguments)
    assert found.get("labels", {}) == dict(wanted.labels)
    assert found["target"] == wanted.source.target
    assert found["context"] == f"./{wanted.source.context}"
    assert found["tags"] == ["registry.example.com/shop/a0:content-1"]


def buildx() -> Path:
    """A real buildx: of Docker's plug-ins, or on PATH."""
    folders = ["/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", os.environ.get("PATH", "")]
    found = shutil.which("docker-buildx", path=os.pathsep.join(folders))
    if found is None:
        pytest.skip(
            "BUILDX IS MISSING, SO BAKE ITSELF HAS NOT READ THE FILE (its parser's library has): install "
            "Docker's plug-in docker-buildx; no package registry of the tests has it"
        )
    return Path(found)


def test_bake_itself_gets_back_every_text(tmp_path: Path) -> None:
    """`--print` needs no engine. It writes its answer as a bake file, so with the same escapes."""
    texts = [text for text in HOSTILE if "\0" not in text]
    plan = rich_plan(slots=7)
    plan = with_build(plan, replace(plan.builds[1], arguments=hostile_build(texts).arguments))
    path = tmp_path / "shop.json"
    path.write_bytes(content(plan).encode())
    result = subprocess.run(
        [buildx(), "bake", f"--file={path}", "--print", "build-1"],
        env={
            **os.environ,
            "DOCKER_CONFIG": str(tmp_path / "config"),
            "DOCKER_HOST": f"unix://{tmp_path}/none",
            "TAG_0": "content-1",
            "TAG_1": "content-2",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    targets = json.loads(result.stdout)["target"]
    printed = {name: _unescaped(value) for name, value in targets["api"]["args"].items()}
    assert printed == dict(plan.builds[1].arguments)
    assert targets["web"]["tags"] == ["registry.example.com/shop/web:content-1"]
    assert targets["web"]["context"] == "https://git.example.com/shop.git#main:web"
    assert {(secret["id"], secret["env"]) for secret in targets["web"]["secret"]} == {
        ("npm", "SECRET_NPM_REGISTRY__TOKEN"),
        ("GIT_AUTH_TOKEN.git.example.com", "SECRET_GIT__TOKEN"),
    }
    assert targets["api"]["dockerfile"] == "./Dockerfile"


def _unescaped(text: str) -> str:
    return text.replace("$${", "${").replace("%%{", "%{")


TOKEN = BuildSecret("npm", SecretRef("a-b", "token"))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (make_plan(services(1), strategy=Strategy.DAG), ("bake-dag", "error")),
        (replace(make_plan([]), environment="../x"), ("bake-environment-name", "error")),
        (make_plan([]), ("bake-nothing", "note")),
        (make_plan(services(1)), ("bake-build-size", "note")),
        (changed(cache=BuildCache.PERSISTENT), ("bake-persistent-cache", "note")),
        (changed(arguments=(("A", "e\u0301"),)), ("bake-unicode", "error")),
        (changed(arguments=(("A", "\ud800"),)), ("bake-surrogate", "error")),
        (changed(source=Source(".", None, ".", "D", platforms=("${x}",))), ("bake-platform", "error")),
        (changed(secrets=(BuildSecret("a,b", TOKEN.secret),)), ("bake-secret-id", "error")),
        (
            changed(secrets=(TOKEN, BuildSecret("x", SecretRef("a.b", "token")))),
            ("bake-secret-name", "error"),
        ),
        (with_source(repository="git@git.example.com:x.git"), ("bake-repository", "error")),
        (with_source(repository="https://git.example.com/x"), ("bake-repository", "error")),
        (with_source(ref="a:b"), ("bake-git-part", "error")),
        (with_source(context="a b", dockerfile="a b/D"), ("bake-git-part", "error")),
        (with_source(dockerfile="Dockerfile"), ("bake-dockerfile", "error")),
    ],
)
def test_limitations(plan: Plan, expected: tuple[str, str]) -> None:
    """What cannot be expressed is said, not left out."""
    assert expected in codes(plan)


def test_an_image_without_a_valid_name() -> None:
    """It would be no tag."""
    plan = make_plan(services(1))
    plan = replace(plan, images=tuple(replace(image, repository="${x}") for image in plan.images))
    assert ("bake-image", "error") in codes(plan)


def test_a_stage_without_builds_has_no_group() -> None:
    """Empty groups are none."""
    plan = make_plan([*services(1), Service("x", "t")], strategy=Strategy.STAGED)
    plan = replace(plan, stages=(*plan.stages, Stage("u", ())))
    assert [name for name, _ in build_groups(plan)] == ["stage-1-s"]
