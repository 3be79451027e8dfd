"""Which files .dockerignore leaves out, as BuildKit of today decides it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.dockerfile.ignore import IgnoreFile, candidates, read_ignore
from compiler.source import SourceFile
from compiler.targets.pipeline.ignore import ignored, rules


def read(text: str) -> IgnoreFile:
    return read_ignore(SourceFile(".dockerignore", text))


PATHS = ["a", "b/a", "b/c/a", "a.md", "b/a.md", "README.md", ".git/config", "x y", "a+b", "b/c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ["a"]),
        ("/a/\n", ["a"]),
        ("b", ["b/a", "b/c/a", "b/a.md", "b/c"]),
        ("**/a", ["a", "b/a", "b/c/a"]),
        ("*/a", ["b/a"]),
        ("*.md", ["a.md", "README.md"]),
        ("**/*.md", ["a.md", "b/a.md", "README.md"]),
        ("**.md", ["a.md", "b/a.md", "README.md"]),
        ("b/**", ["b/a", "b/c/a", "b/a.md", "b/c"]),
        ("**", PATHS),
        ("*.md\n!README.md", ["a.md"]),
        ("!README.md\n*.md", ["a.md", "README.md"]),
        ("b\n!b/c\nb/c/a", ["b/a", "b/a.md", "b/c/a"]),
        ("\ufeffa\r\n# b\n\n  x y \t\n", ["a", "x y"]),
        (" # a\n", []),
        ("a?b", ["a+b"]),
        ("a+b", ["a+b"]),
        ("[ab]", ["a", "b/a", "b/c/a", "b/a.md", "b/c"]),
        ("[^a]", ["b/a", "b/c/a", "b/a.md", "b/c"]),
        ("./b/../a", ["a"]),
        ("*\n!*.md", ["a", "b/a", "b/c/a", "b/a.md", ".git/config", "x y", "a+b", "b/c"]),
    ],
)
def test_rules(text: str, expected: list[str]) -> None:
    found = read(text)
    assert found.problems == ()
    assert found.ignored(PATHS) == set(expected)


@pytest.mark.parametrize("text", ["!", "a[", "[b-a]", "a\\", "! /", "[]a]"])
def test_lines_that_fail_a_build(text: str) -> None:
    found = read(f"a\n{text}\n")
    (problem,) = found.problems
    assert problem.span.text == text
    assert len(found.rules) == 1


def test_the_rule_that_decides_and_its_place() -> None:
    found = read("*.md\n!README.md\n")
    decided = {path: rule and rule.span.first.line for path, rule in found.decisions(PATHS)}
    assert (decided["a.md"], decided["README.md"], decided["a"]) == (1, 2, None)


def test_where_the_rules_stand() -> None:
    assert candidates("app/Dockerfile", "app") == ("app/Dockerfile.dockerignore", "app/.dockerignore")
    assert candidates("./docker/web.Dockerfile", ".") == (
        "docker/web.Dockerfile.dockerignore",
        ".dockerignore",
    )


LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "!", "# ", " "]),
        st.lists(st.sampled_from(["a", "b", "*", "**", "?", "a*", "*.md", "[ab]", "."]), max_size=3),
    ).map(lambda line: line[0] + "/".join(line[1])),
    max_size=5,
).map("\n".join)


@given(LINES)
def test_what_is_certain_to_be_left_out_is(text: str) -> None:
    """The pipeline's own reading leaves out only what every builder does."""
    found = read(text)
    if not found.problems and "!" not in text:
        assert ignored(PATHS, rules(text)) <= found.ignored(PATHS)


@given(st.text("a*?[]^!\\/-# \n\r.", max_size=40))
def test_any_text_is_read(text: str) -> None:
    assert read(text).ignored(PATHS) <= set(PATHS)


@pytest.mark.parametrize("text", ["**/a*" * 2000, "*a" * 5000 + "b", "[a-z]*" * 3000, "**/" * 5000 + "x"])
def test_patterns_take_linear_time(text: str) -> None:
    started = time.process_time()
    read(text).ignored(["a" * 2000, "a/" * 1000 + "b"])
    assert time.process_time() - started < 10
