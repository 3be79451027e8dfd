"""The commands of a RUN, and the place of each in the Dockerfile."""

from __future__ import annotations

import pytest

from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.dockerfile.scripts import Commands, commands
from compiler.source import SourceFile


def read(text: str) -> tuple[Dockerfile, Instruction]:
    dockerfile = read_dockerfile(SourceFile("Dockerfile", "FROM a\n" + text))
    return dockerfile, dockerfile.stages[0].instructions[-1].effective


def found(text: str, *shell: str) -> Commands:
    return commands(*read(text), shell or ("/bin/sh", "-c"))


def places(text: str) -> list[tuple[str, str]]:
    all_of_it = found(text)
    return [(" ".join(each.words), all_of_it.place(each).text) for each in all_of_it.script.commands]


def test_a_command_has_its_place_across_continuations_and_comments() -> None:
    text = "RUN --network=none apt-get update \\\n # why\n && apt-get install \\\n   git # x\n"
    assert places(text) == [
        ("apt-get update", "apt-get update"),
        ("apt-get install git", "apt-get install \\\n   git"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "RUN <<EOF\nnpm ci\nnpm run build\nEOF\n",
            [("npm ci", "npm ci"), ("npm run build", "npm run build")],
        ),
        ("RUN cat <<EOF > x && b\nc\nEOF\n", [("cat", "cat <<EOF > x"), ("b", "b")]),
        ('RUN ["npm", "ci"]\n', [("npm ci", '["npm", "ci"]')]),
        ("RUN sudo sh -c 'a; b'\n", [("a", "sudo sh -c 'a; b'"), ("b", "sudo sh -c 'a; b'")]),
        ("ONBUILD RUN npm \\\n ci\n", [("npm ci", "npm \\\n ci")]),
        ("RUN <<-EOF\n\ta \\\n\t b\n\t\tc\n\tEOF\n", [("a b", "a \\\n\t b"), ("c", "c")]),
        ("RUN <<EOF\n#!/usr/bin/env bash\na\nEOF\n", [("a", "a")]),
    ],
)
def test_forms(text: str, expected: list[tuple[str, str]]) -> None:
    assert places(text) == expected


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("RUN a; b\n", ("powershell", "-Command")),
        ("RUN a\n", ("cmd", "/S", "/C")),
        ("RUN a\n", ("C:\\x\\pwsh.exe", "-c")),
        ("RUN <<EOF\n#!/usr/bin/env python3\na\nEOF\n", ("/bin/sh", "-c")),
    ],
)
def test_other_languages_are_not_read(text: str, shell: tuple[str, ...]) -> None:
    script = found(text, *shell).script
    assert script.commands == ()
    assert not script.complete


def test_a_shell_with_options_is_one() -> None:
    assert found("RUN a | b\n", "/bin/bash", "-eo", "pipefail", "-c").script.complete
