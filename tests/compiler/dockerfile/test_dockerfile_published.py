"""BuildKit's own published cases: files with the tree they parse to, words with what they expand to.

They are not part of this repository: STAGECAST_BUILDKIT names a checkout of
github.com/moby/buildkit (Apache-2.0), of any version from 2025 on.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from compiler.dockerfile.expansion import BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import INSTRUCTIONS, Instruction
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.dockerfile.tokens import decoded, encoded, render, tokens

_CHECKOUT = os.environ.get("STAGECAST_BUILDKIT", "")
FRONTEND = Path(_CHECKOUT, "frontend", "dockerfile")

pytestmark = pytest.mark.skipif(
    not _CHECKOUT, reason="NOT RUN: BuildKit's published cases; STAGECAST_BUILDKIT names no checkout of it"
)

GO_STRING = r'"((?:[^"\\]|\\.)*)"'


def read(file: Path) -> Dockerfile:
    data = file.read_bytes()
    found = read_dockerfile(decoded(str(file), data))
    assert encoded(render(found.source, tokens(found))) == data
    return found


def test_trees() -> None:
    folders = sorted((FRONTEND / "parser" / "testfiles").iterdir())
    assert len(folders) > 30
    for folder in folders:
        found = read(folder / "Dockerfile")
        assert not [problem for problem in found.problems if problem.parsing], folder.name
        expected = (folder / "result").read_text(encoding="utf-8")
        assert dump(found) == expected.replace("\r\n", "\n").strip(), folder.name


def dump(dockerfile: Dockerfile) -> str:
    return "\n".join(f"({node(instruction)})" for instruction in dockerfile.instructions)


def node(instruction: Instruction) -> str:
    flags = [f"[{' '.join(map(quoted, (flag.text for flag in instruction.flags)))}]"]
    head = [instruction.name.lower(), *(flags if instruction.flags else [])]
    if instruction.trigger is not None:
        return " ".join([*head, f"({node(instruction.trigger)})"])
    if instruction.name not in INSTRUCTIONS:
        return " ".join([*head, '""'])
    values = [word.text for word in instruction.words]
    for assignment in instruction.assignments:
        name, value = assignment.name.text, assignment.value
        if instruction.name == "ARG":
            values.append(name if value is None else f"{name}={value.text}")
        else:
            values += [name, value.text if value else "", assignment.separator]
    return " ".join([*head, *map(quoted, values)])


def quoted(text: str) -> str:
    """As Go's strconv.Quote writes it."""
    return re.sub(r"\\u00(?=[01])", r"\\x", json.dumps(text, ensure_ascii=False))


def test_files_that_are_refused() -> None:
    folders = sorted((FRONTEND / "parser" / "testfiles-negative").iterdir())
    assert folders
    for folder in folders:
        assert [p for p in read(folder / "Dockerfile").problems if p.parsing], folder.name


def test_lines() -> None:
    found = read(FRONTEND / "parser" / "testfile-line" / "Dockerfile")
    text = (FRONTEND / "parser" / "parser_test.go").read_text(encoding="utf-8")
    body = text[text.index("func TestParseIncludesLineNumbers") :]
    expected = re.findall(r"\{(\d+), (\d+)\}", body[: body.index("\n}\n")])
    assert [
        (instruction.span.first.line, instruction.span.last.line) for instruction in found.instructions
    ] == [(int(first), int(last)) for first, last in expected]


def test_words() -> None:
    values: dict[str, str] = {}
    checked = 0
    for line in (FRONTEND / "shell" / "wordsTest").read_text(encoding="utf-8").split("\n"):
        if line.startswith("ENV "):
            name, _, value = line.removeprefix("ENV ").lstrip(" ").partition("=")
            values[name] = value
        elif line and not line.startswith("#"):
            text, _, expected = line.partition("|")
            assert words(text.strip(), values) == expected.lstrip(" ").split(","), line
            checked += 1
    assert checked > 20


def words(text: str, values: dict[str, str]) -> list[str]:
    try:
        return list(expand(text, values).words)
    except BadSubstitution:
        return ["error"]


def test_variables() -> None:
    values = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}
    checked = 0
    for line in (FRONTEND / "shell" / "envVarTest").read_text(encoding="utf-8").split("\n"):
        if line.strip() and not line.startswith("#"):
            system, text, expected = (part.strip() for part in line.strip().split("|"))
            if system != "W":
                assert expanded(text, values) == expected, line
                checked += 1
    assert checked > 100


def expanded(text: str, values: dict[str, str]) -> str:
    try:
        return expand(text, values).text
    except BadSubstitution:
        return "error"


def test_words_of_the_lexer() -> None:
    """The table of TestProcessWithMatches, read out of the Go source."""
    source = (FRONTEND / "shell" / "lex_test.go").read_text(encoding="utf-8")
    case = rf"input:\s+{GO_STRING},\s*envs:\s+map\[string\]string\{{(.*?)\}},\n\s*(?:expected:\s+{GO_STRING},"
    cases = re.findall(rf"{case}|(expectedErr): +true,)(.*?)\n\t\t\}}", source, re.DOTALL)
    assert len(cases) > 40
    for text, environment, expected, refused, names in cases:
        values = dict(re.findall(rf"{GO_STRING}:\s*{GO_STRING}", environment))
        values = {unescaped(name): unescaped(value) for name, value in values.items()}
        if refused:
            with pytest.raises(BadSubstitution):
                expand(unescaped(text), values, Rules())
            continue
        found = expand(unescaped(text), values)
        assert found.text == unescaped(expected), text
        assert (found.used, found.unset) == (listed("matches", names), listed("unmatched", names)), text


def unescaped(text: str) -> str:
    value: str = json.loads(f'"{text}"')
    return value


def listed(what: str, text: str) -> frozenset[str]:
    match = re.search(rf"\b{what}:\s+map\[string\]struct\{{\}}\{{(.*)\}},", text)
    return frozenset(re.findall(r'"(\w+)"', match[1])) if match else frozenset()
