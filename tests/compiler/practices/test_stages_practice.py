"""STC907: cases with their findings, counter-examples, names of images, hostile inputs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.lower import lower
from compiler.practices import stages
from compiler.practices.model import Subject
from compiler.source import SourceFile
from context_cases import context_cases
from subject_cases import CASES, Case, fixed, places, subject

FOUND = list(context_cases(CASES / "stages.txt"))
QUIET = list(context_cases(CASES / "no-stages.txt"))
_GO = "FROM golang:1.23.2\nCOPY . .\nRUN go build -o /app .\nCMD ['/app']\n".replace("'", '"')


def at(path: str, text: str = _GO, target: str | None = None) -> Subject:
    dockerfile = read_dockerfile(SourceFile(path, text))
    return Subject(dockerfile, lower(dockerfile, target), target)


@pytest.mark.parametrize("case", FOUND, ids=[case.name for case in FOUND])
def test_findings_and_sketch_of_a_case(case: Case) -> None:
    found = list(stages.check(subject(case)))
    assert places(found) == case.expected
    fix = found[0].fix
    if not case.after:
        assert fix is None
        return
    assert fix is not None
    assert (fix.safety.value, fixed(case.text, fix.edits)) == (case.safety, case.after)
    after = Case(case.name, case.after, (), case.files)
    assert not read_dockerfile(SourceFile("Dockerfile", after.text)).problems
    assert list(stages.check(subject(after))) == []


@pytest.mark.parametrize("case", QUIET, ids=[case.name for case in QUIET])
def test_a_counter_example_gives_nothing(case: Case) -> None:
    assert list(stages.check(subject(case))) == []


@pytest.mark.parametrize(
    "path",
    ["Dockerfile.dev", "ci/Dockerfile", ".devcontainer/Dockerfile", "builder.dockerfile", "test/Dockerfile"],
)
def test_names_of_images_that_are_not_run(path: str) -> None:
    assert list(stages.check(at(path))) == []


@pytest.mark.parametrize("path", ["Dockerfile", "api/Dockerfile", "docker/api.dockerfile", "Dockerfile.prod"])
def test_names_of_other_images(path: str) -> None:
    assert [found.code for found in stages.check(at(path))] == ["STC907"]


def test_the_target_counts() -> None:
    text = _GO.replace("golang:1.23.2", "golang:1.23.2 AS build") + 'FROM alpine:3.20 AS run\nCMD ["/app"]\n'
    assert list(stages.check(at("Dockerfile", text))) == []
    # As a target, a stage of this name is there to build.
    assert list(stages.check(at("Dockerfile", text, "build"))) == []
    text = text.replace("AS build", "AS server")
    assert [found.code for found in stages.check(at("Dockerfile", text, "server"))] == ["STC907"]


def test_what_is_said() -> None:
    found = next(iter(stages.check(at("Dockerfile"))))
    assert found.message == "the image that runs holds the Go toolchain, which only the build needs"
    assert found.span.text == "go build -o /app ."
    assert [(label.span.text, label.message) for label in found.labels] == [
        ("FROM golang:1.23.2", "this brings the Go toolchain"),
        ('CMD ["/app"]', "this runs without it"),
    ]


def test_a_script_of_package_json_that_serves() -> None:
    text = 'FROM node:22.11.0\nCOPY . .\nRUN npm ci && npm run build\nCMD ["npm", "start"]\n'
    for script, codes in (("serve -s build", ["STC907"]), ("node index.js", [])):
        package = '{"scripts": {"start": "' + script + '"}}'
        case = Case("", text, (), {"package.json": package})
        assert [found.code for found in stages.check(subject(case))] == codes


@given(st.text("FROMRUNCD golang:gcc&|;()$\"'\\\n[]{}-=/,", max_size=80))
def test_never_raises(text: str) -> None:
    for found in stages.check(at("Dockerfile", f"{_GO}{text}\nRUN make\nCMD ./a\n")):
        assert found.span.end <= len(found.span.source.text)


def test_a_long_name_takes_no_second() -> None:
    start = time.perf_counter()
    list(stages.check(at("Dockerfile", _GO.replace("golang", "jdk/" * 10_000))))
    list(stages.check(at("Dockerfile" + "-a" * 100_000)))
    assert time.perf_counter() - start < 2
