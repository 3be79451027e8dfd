"""Which files .dockerignore leaves out, as BuildKit of today decides it."""

from __future__ import annotations

import re
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


def regular(pattern: str) -> str:
    """A pattern without classes and escapes as the regular expression that patternmatcher makes of it."""
    pieces = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.sub(r"\*\*/|\*\*|[*?]", lambda match: pieces[match[0]], pattern.replace(".", r"\."))


PARTS = st.sampled_from(["a", "b", ".a", "*", "**", "?", "a*", "*.a", "*a*b", "a**"])


@given(
    st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join),
)
def test_patterns_match_as_their_regular_expressions(pattern: str, path: str) -> None:
    # A file below what matches is left out as well.
    parents = [path, *(path[: match.start()] for match in re.finditer("/", path))]
    # `a**` alone is taken for a beginning, without an expression.
    if "**" not in pattern.replace("**/", "").removesuffix("/**") or pattern == "**":
        expected = any(re.fullmatch(regular(pattern), each) for each in parents)
        assert (path in read(pattern).ignored([path])) == expected


def test_limits_are_problems() -> None:
    def said(text: str) -> list[str]:
        return [problem.message for problem in read(text).problems]

    assert said("a\n" * 2_000) == []
    assert said("a\n" * 2_001) == ["the file has more than 2000 rules"]
    assert said("a" * 4_097) == ["the pattern is longer than 4096 characters"]
    assert said("#\n" * 140_000) == ["the file has more than 262144 characters"]


@pytest.mark.parametrize("text", ["**/a*" * 800, "*a" * 2000 + "b", "[a-z]*" * 680, "**/" * 1300 + "x"])
def test_patterns_take_linear_time(text: str) -> None:
    started = time.process_time()
    read(text).ignored(["a" * 2000, "a/" * 1000 + "b"])
    assert time.process_time() - started < 10
