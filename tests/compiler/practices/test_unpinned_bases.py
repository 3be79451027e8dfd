"""STC901: which images may be others tomorrow, and which uses of a name are no image at all."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from compiler.dockerfile.reader import read_dockerfile
from compiler.dockerfile.tokens import decoded
from compiler.practices.base import check
from compiler.practices.base.images import moving
from compiler.practices.subjects import subject_of
from compiler.source import SourceFile

DIGEST = "sha256:" + "0123456789abcdef" * 4


def places(text: str, arguments: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """The texts that are marked as images that move."""
    dockerfile = read_dockerfile(SourceFile("Dockerfile", text))
    assert [problem.message for problem in dockerfile.problems] == []
    found = list(check(subject_of(dockerfile, arguments=arguments)))
    assert {diagnostic.code for diagnostic in found} <= {"STC901"}
    assert all(diagnostic.fix is None for diagnostic in found), "a version is never invented"
    return [diagnostic.span.text for diagnostic in found]


@pytest.mark.parametrize(
    "image",
    [
        *("node", "acme/web", "ghcr.io/acme/web", "localhost:5000/web", "registry.example.com:5000/a/b"),
        *("node:latest", "acme/web:latest", "node:lts", "node:lts-alpine", "node:lts-alpine3.20"),
        *("nginx:alpine", "nginx:stable-alpine", "nginx:mainline", "python:slim", "python:bookworm"),
        *("rust:nightly", "debian:stable-slim", "debian:unstable", "ubuntu:rolling", "alpine:edge"),
        *("jenkins/jenkins:lts-jdk17", "tensorflow/tensorflow:latest-gpu", "acme/web:main", "acme/web:dev"),
        *("gcr.io/distroless/static:nonroot", "gcr.io/distroless/base:debug"),
        *("docker.io/library/golang:trixie", "index.docker.io/golang:bookworm"),
        *("${REGISTRY}/web", "${REGISTRY}/web:latest", "$REGISTRY/acme/node:lts-slim"),
    ],
)
def test_what_moves_is_found(image: str) -> None:
    assert moving(image) is not None
    assert places(f"FROM {image}\n") == [image]


@pytest.mark.parametrize(
    "image",
    [
        *("scratch", "node:22", "node:22.11.0-bookworm-slim", "alpine:3.20", "debian:bookworm"),
        *("debian:bookworm-slim", "ubuntu:noble", "buildpack-deps:jammy-curl", "acme/runner:jammy"),
        *(f"node@{DIGEST}", f"node:latest@{DIGEST}", f"acme/web@{DIGEST}"),
        *("rustlang/rust:nightly-2024-10-01", "debian:stable-20241016-slim", "acme/web:main-0a1b2c3"),
        *("acme/web:edge-1.2.3", "acme/web:2024-10-01", "mcr.microsoft.com/windows/servercore:ltsc2022"),
        *("gcr.io/distroless/static-debian12:nonroot", "acme/web:v1", "acme/web:1.x"),
        *("${IMAGE}", "$IMAGE", "node:${TAG}", "${REGISTRY}web", "acme/${NAME}", "node${SUFFIX}"),
        *("node:${V:+x}", "acme/web@${DIGEST}", "${REGISTRY}/debian:bookworm", "REPLACE-ME"),
        # No registry has them: made here.
        *("argocd-base", "argocd-test-tools:latest", "base:dev", "web_prebuilt:${TAG}"),
    ],
)
def test_what_is_fixed_or_unknown_is_not(image: str) -> None:
    assert places(f"FROM {image}\n") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG V\nFROM node:$V\n", []),
        ("ARG V=22.11.0\nFROM node:$V\n", []),
        ("ARG V=latest\nFROM node:$V\n", ["node:$V"]),
        ("ARG A=node\nARG B=${A}\nFROM ${B}\n", ["${B}"]),
        ("FROM node:${V:-latest}\n", ["node:${V:-latest}"]),
        ("FROM ${V:-node}\n", ["${V:-node}"]),
        ("FROM ${V:-node:22.11.0}\n", []),
        ('ARG V="latest"\nFROM "node:$V"\n', ['"node:$V"']),
        ("ARG R=registry.example.com/\nFROM ${R}node\n", ["${R}node"]),
        ("ARG R\nFROM ${R}node\n", []),
        ("ARG R\nARG I=${R}node\nFROM ${I}\n", []),
        ("FROM ${A:-${B:-node}}\n", ["${A:-${B:-node}}"]),
        ("FROM ${A/x/y}node\nFROM ${A:+node}\n", []),
        ("ARG A=nxde\nFROM ${A/x/o}\n", ["${A/x/o}"]),
        ("ARG D=@" + DIGEST + "\nFROM node${D}\n", []),
        # Of a stage no argument counts, and an ARG that comes later neither.
        ("FROM alpine:3.20\nARG V=latest\nFROM node:$V\n", []),
    ],
)
def test_defaults_of_arguments_are_followed(text: str, expected: list[str]) -> None:
    assert places(text) == expected


def test_given_arguments_count_before_defaults() -> None:
    text = "ARG V=latest\nFROM node:$V\n"
    assert places(text, (("V", "22.11.0"),)) == []
    assert places("ARG V=22.11.0\nFROM node:$V\n", (("V", "lts"),)) == ["node:$V"]


def test_the_default_is_pointed_at() -> None:
    dockerfile = read_dockerfile(SourceFile("Dockerfile", "ARG V=latest\nFROM node:$V\n"))
    [found] = check(subject_of(dockerfile))
    assert found.message == "`node:latest` can be another image tomorrow: the tag `latest` moves"
    assert [(label.span.text, label.message) for label in found.labels] == [("V", "the default of `V`")]


@pytest.mark.parametrize(
    "text",
    [
        "FROM node:22 AS build\nFROM build\n",
        "FROM node:22 AS Build\nFROM BUILD AS run\nFROM run\n",
        "FROM node:22 AS build\nFROM alpine:3.20\nCOPY --from=build /a /b\nCOPY --from=0 /a /b\n",
        "FROM alpine:3.20\nRUN --mount=from=later,target=/x true\nFROM node:22 AS later\n",
        "FROM a:1 AS base-dev\nFROM a:1 AS base-prod\nARG M\nFROM base-${M}\n",
        "ARG M=prod\nFROM a:1 AS base-dev\nFROM a:1 AS base-prod\nFROM base-${M}\n",
        "ARG M=none\nFROM a:1 AS base-dev\nFROM base-${M}\n",
        "ARG B=build\nFROM a:1 AS build\nFROM ${B}\n",
        # A name without a slash that is no image of Docker Hub is a build context.
        "FROM alpine:3.20\nCOPY --from=assets /a /b\nRUN --mount=type=bind,from=sources,target=/s true\n",
        "FROM alpine:3.20\nCOPY --from=$IMAGE /a /b\n",
        "FROM alpine:3.20\nRUN --mount=type=cache,target=/c true\n",
    ],
)
def test_stages_and_build_contexts_are_no_images(text: str) -> None:
    assert places(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY --from=composer /usr/bin/composer /bin/", ["--from=composer"]),
        ("COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/", ["--from=ghcr.io/astral-sh/uv:latest"]),
        ("COPY --from=acme/tools /a /b", ["--from=acme/tools"]),
        ("COPY --chown=1 --from=acme/tools:1.2 /a /b", []),
        ("RUN --mount=from=golang,target=/go true", ["--mount=from=golang,target=/go"]),
        ("RUN --mount=type=bind,from=golang:1.23.2,target=/go true", []),
        ("ONBUILD COPY --from=composer /a /b", ["--from=composer"]),
    ],
)
def test_images_that_files_are_taken_from_count(text: str, expected: list[str]) -> None:
    assert places(f"FROM alpine:3.20\n{text}\n") == expected


def test_stages_that_no_target_reaches_count_as_well() -> None:
    assert places("FROM node AS lint\nRUN true\nFROM alpine:3.20\n") == ["node"]


# --- beside hadolint

CASES = {
    "no tag": "FROM debian\n",
    "latest": "FROM debian:latest\n",
    "with a registry": "FROM registry.example.com:5000/debian\n",
    "latest behind a port": "FROM registry.example.com:5000/debian:latest\n",
    "platform": "FROM --platform=linux/amd64 debian\n",
    "an alias": "FROM debian AS build\nFROM build\n",
    "two": "FROM node AS build\nRUN true\nFROM nginx:latest\nCOPY --from=build /a /b\n",
    "lower case": "from debian\n",
    "continued": "FROM \\\n  debian\n",
    "pinned": "FROM debian:12.8\n",
    "a digest": f"FROM debian@{DIGEST}\n",
    "scratch": "FROM scratch\n",
}


def hadolints(program: Path, files: list[Path]) -> set[tuple[str, int]]:
    """File names and lines of DL3006 and DL3007."""
    done = subprocess.run(
        [program, "--no-fail", "--format=json", *files], capture_output=True, check=True, timeout=300
    )
    found = json.loads(done.stdout)
    return {(Path(f["file"]).name, f["line"]) for f in found if f["code"] in ("DL3006", "DL3007")}


def ours(files: list[Path]) -> set[tuple[str, int]]:
    found = set()
    for file in files:
        dockerfile = read_dockerfile(decoded(file.name, file.read_bytes()))
        # What hadolint's parser takes and BuildKit refuses is another matter.
        if not dockerfile.problems:
            found |= {(file.name, d.span.first.line) for d in check(subject_of(dockerfile))}
    return found


def test_hadolint_finds_nothing_more_in_small_cases(hadolint: Path, tmp_path: Path) -> None:
    files = []
    for name, text in CASES.items():
        files.append(tmp_path / name)
        files[-1].write_text(text)
    theirs = {(name, line) for name, line in hadolints(hadolint, files)}
    # It reports where the instruction starts, we the word.
    moved = {("continued", 2): ("continued", 1)}
    assert {moved.get(place, place) for place in ours(files)} == theirs


# Of public Dockerfiles: what hadolint finds and we do not, each with why that is right.
NOT_FINDINGS = {
    "FROM golangci-binary-${GOLANGCI_FROM_SOURCE} AS golangci-binary": "the argument chooses a stage",
    "FROM REPLACE-ME": "a template: no image may be named in capitals",
    "FROM argocd-base": "made by the repository right before: no registry has it",
    "FROM argocd-test-tools:latest as base": "made by the repository right before: no registry has it",
}


def test_hadolint_finds_nothing_more_in_public_files(hadolint: Path) -> None:
    folder = os.environ.get("STAGECAST_DOCKERFILES")
    if not folder:
        pytest.skip("NOT TESTED ON PUBLIC DOCKERFILES: name a folder of them in STAGECAST_DOCKERFILES")
    files = sorted(path for path in Path(folder).rglob("*") if "ockerfile" in path.name and path.is_file())
    missed = hadolints(hadolint, files) - ours(files)
    by_name = {path.name: path for path in files}
    lines = {by_name[name].read_text(errors="replace").splitlines()[line - 1] for name, line in missed}
    unreadable = {line for line in lines if line not in NOT_FINDINGS}
    assert unreadable == set()
