"""From Dockerfiles to steps: what is in a step's key, which stages are needed, what makes no step."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.lower import complete, lower
from compiler.layers.model import BaseImage, BuildGraph, Step, StepKind
from compiler.source import SourceFile
from layer_builds import graph, parts


def of_kind(found: BuildGraph, kind: StepKind) -> list[Step]:
    return [step for step in found.steps if step.kind is kind]


def only_run(text: str, **more: Any) -> Step:
    [step] = of_kind(graph(text, **more), StepKind.RUN)
    return step


def variables(step: Step) -> list[str]:
    return [f"{part.name[9:]}={part.value}" for part in step.parts if part.name.startswith("variable ")]


def test_steps_name_their_stage_their_parent_and_their_instruction() -> None:
    found = graph(
        "FROM a AS b\nRUN one\nLABEL x=1\nCOPY x /y\nFROM c\nWORKDIR /w\nADD z ./\nCOPY --from=b /o /p\n"
    )
    assert [(s.kind.value, s.stage, s.parent) for s in found.steps] == [
        *[("image", 0, None), ("run", 0, 0), ("copy", 0, 1)],
        *[("image", 1, None), ("workdir", 1, 3), ("add", 1, 4), ("copy", 1, 5)],
    ]
    assert [step.index for step in found.steps] == list(range(7))
    assert (found.target, found.final) == (1, 6)
    assert found.steps[6].needs == (2, 5)
    assert (
        found.steps[1]
        .instruction.span.source.text[found.steps[1].instruction.span.start :]
        .startswith("RUN one")
    )


@pytest.mark.parametrize(
    ("said", "command", "shell"),
    [
        ("RUN a  b", "a  b", '["/bin/sh", "-c"]'),
        ("RUN a \\\n   b", "a    b", '["/bin/sh", "-c"]'),
        ('RUN ["a", "b c"]', '["a", "b c"]', None),
        ('SHELL ["/bin/bash", "-e"]\nRUN a', "a", '["/bin/bash", "-e"]'),
        ("RUN <<EOF\none\ntwo\nEOF", "one\ntwo\n", '["/bin/sh", "-c"]'),
        ("RUN <<-EOF\n\tone\nEOF", "one\n", '["/bin/sh", "-c"]'),
        ("RUN cat <<A <<B\none\nA\ntwo\nB", "cat <<A <<B\none\nA\ntwo\nB", '["/bin/sh", "-c"]'),
        ("RUN <<EOF\n#!/bin/python\nprint()\nEOF", '["/dev/pipes/EOF"]', None),
    ],
)
def test_the_arguments_of_a_run(said: str, command: str, shell: str | None) -> None:
    found = parts(only_run(f"FROM a\n{said}\n"))
    assert (found["command"], found.get("shell")) == (command, shell)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("ENV A=1 B=2", ["A=1", "B=2"]),
        ("ENV A=1\nENV B=2\nENV A=1", ["B=2", "A=1"]),
        ("ENV A=1\nENV A=2 B=$A", ["A=2", "B=1"]),
        ("ARG A=1\nENV B=$A", ["A=1", "B=1"]),
        ("ARG A", []),
        ("ARG A\nENV A=c", ["A=c"]),
        ("ENV A=c\nARG A=1", ["A=1"]),
        ("ARG GLOBAL", ["GLOBAL=g"]),
        ("ARG GLOBAL=own", ["GLOBAL=own"]),
        ("ARG GIVEN=1", ["GIVEN=x"]),
        ("ARG TARGETARCH", ["TARGETARCH=amd64"]),
        ("ARG HTTP_PROXY", ["HTTP_PROXY=p"]),
        ("", []),
    ],
)
def test_the_environment_of_a_run(before: str, expected: list[str]) -> None:
    given_values = {"GIVEN": "x", "HTTP_PROXY": "p"}
    assert variables(only_run(f"ARG GLOBAL=g\nFROM a\n{before}\nRUN x\n", arguments=given_values)) == expected


def test_a_stage_sets_the_variables_of_its_parent_anew() -> None:
    text = "FROM a AS b\nENV A=1\nARG A=2\nARG X=3\nENV B=4\nFROM b\nRUN x\n"
    assert variables(only_run(text)) == ["X=3", "A=1", "B=4"]


def test_a_base_image_brings_environment_folder_user_and_triggers() -> None:
    base = BaseImage("sha256:1", None, {"PATH": "/p", "A": "1"}, ("RUN trigger",), "/srv", "me")
    found = graph("FROM img\nCOPY x ./y\nRUN z\n", bases={"docker.io/library/img:latest": base})
    trigger, copied, run = found.steps[1:]
    assert parts(trigger)["command"] == "trigger"
    assert trigger.instruction.span == found.dockerfile.stages[0].head.span
    assert parts(copied)["destination"] == "/srv/y"
    assert variables(run) == ["PATH=/p", "A=1"]
    assert (parts(run)["folder"], parts(run)["user"]) == ("/srv", "me")
    assert parts(found.steps[0])["image"] == "sha256:1"


def test_scratch_is_no_step_and_has_a_path() -> None:
    found = graph("FROM scratch\nCOPY x /\nRUN y\n")
    assert [step.parent for step in found.steps] == [None, 0]
    assert variables(found.steps[1])[0].startswith("PATH=/usr/local/sbin")


@pytest.mark.parametrize(
    ("copied", "destination", "patterns"),
    [
        ("COPY a b", "/w/b", ("a",)),
        ("COPY a ./", "/w/", ("a",)),
        ("COPY a .", "/w/", ("a",)),
        ("COPY a /x/../y", "/y", ("a",)),
        ("COPY ./a//b/ c* /y/", "/y/", ("a/b", "c*")),
        ("COPY . /", "/", (".",)),
        ("COPY / /", "/", (".",)),
        ("COPY $V/x ${V}", "/w/d", ("d/x",)),
        ('COPY ["a b", "/c d"]', "/c d", ("a b",)),
        ("COPY ../a /b", "/b", ("a",)),
    ],
)
def test_sources_and_destination_of_a_copy(copied: str, destination: str, patterns: tuple[str, ...]) -> None:
    [step] = of_kind(graph(f"FROM scratch\nWORKDIR /w\nARG V=d\n{copied}\n"), StepKind.COPY)
    assert parts(step)["destination"] == destination
    assert [read.patterns for read in step.reads] == [patterns]


def test_the_flags_of_a_copy() -> None:
    text = "FROM a\nARG U=me\nCOPY --chmod=0644 --chown=$U:x --exclude=*.md a /b\nCOPY --parents p/./q/r /c\n"
    first, second = of_kind(graph(text), StepKind.COPY)
    assert [part.value for part in first.parts[1:]] == ["--chown=me:x", "--chmod=644", "--exclude=*.md"]
    assert first.reads[0].excludes == ("*.md",)
    assert (second.reads[0].patterns, second.reads[0].whole_paths) == (("p/q/r",), True)
    assert [part.value for part in second.parts[1:]] == ["--parents=q/r"]


def test_a_linked_copy_has_no_parent_but_is_over_one() -> None:
    plain, linked, chmod = of_kind(
        graph("FROM a\nCOPY x /x\nCOPY --link y /y\nCOPY --link --chmod=600 z /z\n"), StepKind.COPY
    )
    assert (plain.over, linked.parent, linked.over, linked.needs) == (None, None, 1, (1,))
    # Silently no link, as it has --chmod.
    assert (chmod.parent, chmod.over) == (2, None)


def test_what_is_written_in_a_copy_is_in_its_key() -> None:
    [step] = of_kind(graph("FROM a\nENV V=1\nCOPY <<EOF <<'RAW' /d/\n$V\nEOF\n$V\nRAW\n"), StepKind.COPY)
    assert [part.value for part in step.parts if part.name == "text"] == ["EOF\n1\n", "RAW\n$V\n"]
    assert step.reads == ()


def test_an_address_is_not_known() -> None:
    web, git = of_kind(
        graph("FROM a\nADD https://example.org/x.tgz /x\nADD https://example.org/r.git#v1 /y\n"), StepKind.ADD
    )
    assert parts(web)["url"] == "https://example.org/x.tgz"
    assert parts(git)["url"] == "https://example.org/r.git#v1"
    assert "not known" in web.unsure


def test_mounts() -> None:
    text = (
        "FROM a AS b\nRUN one\nFROM a\nWORKDIR /w\nRUN --mount=type=bind,source=src,target=t --network=none"
        " --mount=type=cache,target=/c --mount=from=b,source=/o,target=/p,rw --mount=type=secret,id=k"
        " --mount=type=tmpfs,target=/s x\n"
    )
    step = of_kind(graph(text), StepKind.RUN)[-1]
    assert [part.value for part in step.parts if part.name == "mounts"] == [
        "bind,target=/p,readonly=False",
        "bind,target=/w/t,readonly=True",
        "cache,target=/c,readonly=False,id=/c,sharing=shared",
        "secret,target=,id=k,required=False",
        "tmpfs,target=/s,readonly=False",
    ]
    assert [(read.origin, read.patterns, read.mount) for read in step.reads] == [
        (None, ("src",), True),
        (1, ("o",), True),
    ]
    assert parts(step)["network"] == "none"


@pytest.mark.parametrize(
    ("target", "commands"),
    [(None, ["one", "three"]), ("b", ["one", "two"]), ("0", ["one"]), ("A", ["one"])],
)
def test_only_the_stages_that_a_target_needs(target: str | None, commands: list[str]) -> None:
    text = "FROM x AS a\nRUN one\nFROM a AS b\nRUN two\nFROM y\nCOPY --from=a /o /p\nRUN three\n"
    assert [parts(step)["command"] for step in of_kind(graph(text, target), StepKind.RUN)] == commands


def test_an_unknown_target_has_no_steps() -> None:
    assert graph("FROM a\nRUN x\n", "nobody").steps == ()
    assert graph("").final is None


def test_arguments_choose_the_parent() -> None:
    text = "ARG S=a\nFROM x AS a\nRUN one\nFROM x AS b\nRUN two\nFROM $S\nRUN three\n"
    run = [parts(step)["command"] for step in of_kind(graph(text, arguments={"S": "b"}), StepKind.RUN)]
    assert run == ["two", "three"]


def test_triggers_come_right_after_from_and_once() -> None:
    text = "FROM x AS a\nONBUILD RUN t\nRUN one\nFROM a AS b\nRUN two\nFROM b\nRUN three\n"
    assert [parts(step)["command"] for step in of_kind(graph(text), StepKind.RUN)] == [
        "one",
        "t",
        "two",
        "three",
    ]


def test_workdir_makes_a_folder_but_for_the_root() -> None:
    found = of_kind(graph("FROM scratch\nWORKDIR /\nWORKDIR a\nUSER me\nWORKDIR ../b/.\n"), StepKind.WORKDIR)
    assert [parts(step) for step in found] == [{"folder": "/a"}, {"folder": "/b", "user": "me"}]


def test_metadata_makes_no_step() -> None:
    said = (
        "LABEL a=1",
        "EXPOSE 1",
        "CMD x",
        'ENTRYPOINT ["x"]',
        "HEALTHCHECK NONE",
        "VOLUME /v",
        "STOPSIGNAL 9",
    )
    assert len(graph("\n".join(["FROM a", *said, "MAINTAINER m"])).steps) == 1


def test_a_variable_that_the_image_may_set_is_not_sure() -> None:
    first, second = of_kind(graph("FROM a\nCOPY x $HOME_OF_APP/\nENV V=1\nCOPY x $V\n"), StepKind.COPY)
    assert "HOME_OF_APP" in first.unsure
    assert second.unsure == ""
    [known] = of_kind(graph("FROM a\nCOPY x $HOME_OF_APP/\n", bases={"a": BaseImage()}), StepKind.COPY)
    assert known.unsure == ""


def test_images_to_copy_from_are_steps_of_their_own() -> None:
    found = graph("FROM a\nCOPY --from=tool:1 /x /x\nCOPY --from=tool:1 /y /y\n")
    images = of_kind(found, StepKind.IMAGE)
    assert [parts(step)["image"] for step in images] == [
        "docker.io/library/a:latest",
        "docker.io/library/tool:1",
    ]
    assert [step.reads[0].origin for step in of_kind(found, StepKind.COPY)] == [1, 1]


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("a", "docker.io/library/a:latest"),
        ("r.io/a:1", "r.io/a:1"),
        ("x/y", "docker.io/x/y:latest"),
        ("A B", "A B"),
    ],
)
def test_complete_names(image: str, whole: str) -> None:
    assert complete(image) == whole


@pytest.mark.parametrize(
    "text",
    [
        "COPY x y",
        "FROM",
        "FROM $NOBODY\nRUN x",
        "FROM a\nCOPY x",
        "FROM a\nCOPY --from=later /x /y\nFROM b AS later",
        "FROM a AS a\nCOPY --from=a /x /y",
        "FROM a\nRUN --mount=type= x",
        "FROM a\nWORKDIR ${x",
        "FROM a\nENV ${x=1\nCOPY ${x /y\nUSER ${x",
        "FROM a\nONBUILD ONBUILD RUN x\nONBUILD\nFROM 0",
        "FROM a\nSHELL []\nRUN x\nRUN []\nRUN",
        "FROM a\nCOPY --from=99999999999999999999 /x /y",
    ],
)
def test_broken_files_give_what_is_known(text: str) -> None:
    found = graph(text)
    assert all(step.index == number for number, step in enumerate(found.steps))
    assert all(need < step.index for step in found.steps for need in step.needs)


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            (
                *(
                    "FROM a AS b",
                    "FROM b",
                    "FROM scratch",
                    "RUN x",
                    "COPY a b",
                    "COPY --from=b /a /b",
                    "ENV A=$B",
                    "ARG B=1",
                ),
                *(
                    "COPY --from=0 / /",
                    "RUN --mount=from=b,target=/x y",
                    "ONBUILD COPY a b",
                    "WORKDIR $A",
                    "USER $A",
                ),
                *(
                    "COPY --link a b",
                    "COPY <<E /x\nE",
                    "FROM ${B}",
                    'SHELL ["a"]',
                    "ADD http://x/y /z",
                    "COPY *[ /x/",
                ),
            )
        ),
        max_size=14,
    )
)
def test_any_file_gives_steps_after_those_they_need(lines: list[str]) -> None:
    found = graph("\n".join(lines))
    assert all(need < step.index for step in found.steps for need in step.needs)
    assert found.final is None or found.final < len(found.steps)


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\n" + "".join(f"ENV A{n}=1\nRUN x\n" for n in range(1450)),
        "FROM scratch AS a0\n" + "".join(f"FROM a{n} AS a{n + 1}\nENV V{n}=1\nRUN x\n" for n in range(950)),
        "FROM a\nENV A=xxxxxxxxxxxxxxxx\n" + "ENV A=$A$A\nRUN x\n" * 1450,
        "FROM a\nONBUILD RUN x\n" + "ONBUILD RUN y\n" * 1500 + "FROM 0\n" * 1400,
    ],
)
def test_hostile_files_take_no_second(text: str) -> None:
    read = read_dockerfile(SourceFile("Dockerfile", text))
    start = time.process_time()
    lower(read)
    assert time.process_time() - start < 3
