"""What the plan asks of a Dockerfile: stages, arguments, users, problems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.source import SourceFile


def read(text: str) -> Dockerfile:
    return read_dockerfile(SourceFile("Dockerfile", text))


def declared(text: str, target: str | None = None) -> list[tuple[str, str | None]]:
    return [(argument.name, argument.default) for argument in read(text).declared_arguments(target)]


def problems(text: str) -> list[str]:
    return [problem.message for problem in read(text).problems]


STAGES = """\
ARG GO_VERSION=1.22
ARG UNUSED=1
ARG FLAVOUR=slim
FROM golang:${GO_VERSION} AS build
ARG COMMIT
ARG FLAVOUR
USER builder
FROM --platform=$BUILDPLATFORM node AS assets
ARG NODE_ENV=production PORT="80 80"
FROM alpine AS tools
ARG TOOLS_ONLY
FROM scratch AS Final
COPY --from=build /a /a
RUN --mount=type=cache,target=/c --mount=type=bind,from=assets,target=/x true
USER 1000:1000
"""


def test_stages() -> None:
    found = read(STAGES)
    assert found.problems == ()
    assert [stage.alias for stage in found.stages] == ["build", "assets", "tools", "final"]
    assert [stage.image for stage in found.stages] == ["golang:${GO_VERSION}", "node", "alpine", "scratch"]
    assert found.stages[1].platform == "$BUILDPLATFORM"
    assert found.stages[3].sources == (0, 1)
    assert found.has_stage("Final")
    assert found.has_stage("FINAL")
    assert not found.has_stage("golang")
    assert found.stages[3].span.text == "FROM scratch AS Final"


def test_only_arguments_that_reach_the_target_count() -> None:
    everything = [
        ("GO_VERSION", "1.22"),
        ("COMMIT", None),
        ("FLAVOUR", "slim"),  # declared again without a default: the first one's holds
        ("NODE_ENV", "production"),
        ("PORT", "80 80"),
    ]
    assert declared(STAGES) == declared(STAGES, "final") == everything
    assert declared(STAGES, "tools") == [("TOOLS_ONLY", None)]
    assert declared(STAGES, "BUILD") == [("GO_VERSION", "1.22"), ("COMMIT", None), ("FLAVOUR", "slim")]
    assert declared(STAGES, "unknown") == []
    assert declared("") == []


def test_arguments_point_at_their_names() -> None:
    text = 'FROM a\nARG A \\\n  # A comment\n  B="x y" \\\n  C\n'
    spans = [argument.span for argument in read(text).declared_arguments(None)]
    assert [span.text for span in spans] == ["A", "B", "C"]
    assert [span.first.line for span in spans] == [2, 4, 5]


def test_an_argument_cut_by_a_continuation_has_the_place_of_its_parts() -> None:
    (argument,) = read("FROM a\nARG LON\\\nG=1\n").declared_arguments(None)
    assert argument.name == "LONG"
    assert argument.span.text == "LON\\\nG"


def test_arguments_of_from_lines_reach_through_other_defaults() -> None:
    text = "ARG TAG=1\nARG IMAGE=redis:$TAG\nARG OTHER=2\nFROM ${IMAGE}\n"
    assert declared(text) == [("TAG", "1"), ("IMAGE", "redis:$TAG")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a AS base\nARG X\nFROM base AS mid\nFROM mid\n", ["X"]),
        ("FROM a AS base\nARG X\nFROM b\nCOPY --from=0 / /\n", ["X"]),
        ("FROM a AS base\nARG X\nFROM b\nCOPY --chown=1 --from=BASE / /\n", ["X"]),
        ('FROM a AS base\nARG X\nFROM b\nCOPY --from="base" / /\n', ["X"]),
        ("FROM a AS base\nARG X\nFROM b\nRUN --mount=from=base,target=/x ls\n", ["X"]),
        ("FROM a AS base\nARG X\nFROM b\nRUN echo --mount=from=base\n", []),
        ("FROM a AS base\nARG X\nFROM b\nADD --from=base / /\n", []),
        ("FROM a AS base\nARG X\nFROM b\nRUN cat <<EOF\nCOPY --from=base / /\nEOF\n", []),
        ("FROM b\nCOPY --from=late / /\nFROM a AS late\nARG X\nFROM c\n", []),
        ("FROM a AS base\nONBUILD ARG X\nFROM base\n", ["X"]),
        ("FROM a\n# ARG NO\nRUN x \\\n# ARG NO\n  ARG NO\narg yes\n", ["yes"]),
        # A build argument chooses the stage: any earlier one may be it.
        ("ARG V=x\nFROM a AS base-x\nARG X\nFROM a AS base-y\nARG Y\nFROM base-${V}\n", ["V", "X", "Y"]),
        ("ARG V\nFROM a AS x\nARG X\nFROM $V\n", ["V", "X"]),
        # It chooses an image: its default or the text around it says so.
        ("ARG V=python:3\nFROM a AS x\nARG X\nFROM $V\n", ["V"]),
        ("ARG V\nFROM a AS x\nARG X\nFROM node:$V\n", ["V"]),
        ("ARG V\nFROM a AS x\nARG X\nFROM ${V:-x}\n", ["V", "X"]),
    ],
)
def test_what_reaches_the_last_stage(text: str, expected: list[str]) -> None:
    assert [name for name, _ in declared(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\n", None),
        ("FROM a\nUSER bob\n", "bob"),
        ("FROM a\nUSER root\nRUN x\nuser 1000:1000  \n", "1000:1000"),
        ('FROM a\nUSER "bob"\n', "bob"),
        ("FROM a\nUSER $WHO\n", None),
        ("FROM a AS base\nUSER bob\nFROM base AS mid\nFROM mid\n", "bob"),
        ("FROM a AS base\nUSER bob\nFROM b\n", None),
        ("FROM a AS base\nUSER bob\nFROM base\nUSER eve\n", "eve"),
        ("FROM a AS base\nONBUILD USER eve\nUSER bob\nFROM base\n", "eve"),
        ("FROM a AS base\nONBUILD USER eve\nUSER bob\n", "bob"),
        ("FROM a\nRUN x \\\nUSER bob\n", None),
        ("", None),
    ],
)
def test_final_user(text: str, expected: str | None) -> None:
    assert read(text).final_user(None) == expected


def test_user_of_a_target() -> None:
    assert read(STAGES).final_user("build") == "builder"
    assert read(STAGES).final_user("final") == "1000:1000"
    assert read(STAGES).final_user("assets") is None
    assert read(STAGES).final_user("unknown") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["the Dockerfile has no instructions"]),
        ("# only a comment\n\n", ["the Dockerfile has no instructions"]),
        ("ARG A\n", ["the Dockerfile has no FROM"]),
        ("RUN x\nFROM a\n", ["RUN stands before the first FROM"]),
        ("FORM a\nRUN x\n", ['"FORM" is not an instruction']),
        ("FROM a\nRUM x\nCOPYY a b\n", ['"RUM" is not an instruction', '"COPYY" is not an instruction']),
        ("FROM a\nRUN cat <<EOF\nx\n", ['the heredoc "EOF" never ends']),
        ("FROM a\nRUN <<A <<B\nx\nA\n", ['the heredoc "B" never ends']),
        ("FROM\n", ["FROM takes an image, or an image AS a name"]),
        ("FROM a b\n", ["FROM takes an image, or an image AS a name"]),
        ("FROM a AS 1x\n", ['"1x" cannot name a stage']),
        ("# escape=x\nFROM a\n", ['"x" cannot be the escape character']),
        ("# escape=`\n# escape=`\nFROM a\n", ["the directive escape stands here a second time"]),
        ("FROM a\nRUN " + "x" * 70_000 + "\n", ["the line is longer than 65535 bytes"]),
        ("FROM a\nRUN <<E\n" + "é" * 40_000 + "\nE\n", ["the line is longer than 65535 bytes"]),
        ("x" * 70_000, ["the line is longer than 65535 bytes"]),
        ("FROM a\n" + "RUN x\n" * 8_000, ["the Dockerfile has more than 3000 instructions"]),
        ("x\n" * 1000, ['"X" is not an instruction'] * 20),
        ("FROM a\nRUN x\n", []),
    ],
    ids=lambda value: str(value)[:40],
)
def test_problems(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_problems_have_places_and_hints() -> None:
    (problem,) = read("FROM a\n  RUM x\n").problems
    assert problem.span.text == "RUM"
    assert problem.hint == "did you mean RUN?"
    (problem,) = read("FROM a\nRUN <<EOF\nx\n").problems
    assert problem.span.text == "RUN <<EOF\nx"


def test_windows_line_ends_and_the_backtick() -> None:
    found = read("# Escape = `\r\nFROM a `\r\n  AS b\r\nRUN dir C:\\\r\nUSER bob\r\n")
    assert found.problems == ()
    assert found.has_stage("b")
    assert [i.arguments for i in found.instructions] == ["a   AS b", "dir C:\\", "bob"]
    assert found.final_user("b") == "bob"


@given(st.text(max_size=60) | st.text("FROMARGUSE \n\\`#<E=$\"'{}-:\t\r", max_size=80))
def test_any_text_is_read(text: str) -> None:
    found = read(text)
    last = 0
    for instruction in found.instructions:
        assert last <= instruction.span.start <= instruction.span.end <= len(text)
        last = instruction.span.end
    found.declared_arguments(None)
    found.final_user(None)
    assert found == read(text)
