"""Comments of a Dockerfile that ignore codes: which instruction each speaks of."""

from __future__ import annotations

import time

import pytest

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.suppress import apply
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices.remarks import comments
from compiler.source import SourceFile, Span


def remaining(text: str, at: str = "@") -> list[str]:
    """The codes that are left of one STC901 at a mark in the text."""
    source = SourceFile("Dockerfile", text)
    place = text.index(at)
    found = [Diagnostic("STC901", Severity.WARNING, "moves", Span(source, place, place + 1))]
    dockerfile = read_dockerfile(source)
    return [d.code for d in apply(found, [source], comments=lambda _: comments(dockerfile))]


@pytest.mark.parametrize(
    "text",
    [
        "# stagecast: ignore[STC901]\nFROM @a\n",
        "#stagecast:ignore[ STC901 , ] since the vendor has no versions\nFROM @a\n",
        "# why\n# stagecast: ignore[STC901]\n# more\n\nFROM @a\n",
        "# syntax=docker/dockerfile:1\n# stagecast: ignore[STC901]\nFROM @a\n",
        "\ufeff# stagecast: ignore[STC901]\r\nFROM @a\r\n",
        "FROM a:1\n  # stagecast: ignore[STC901]\n  RUN x \\\n  @ \\\n  y\n",
        "FROM a:1\nRUN x \\\n  # stagecast: ignore[STC901]\n  @ y\n",
        "FROM a:1\nRUN x @ \\\n  # stagecast: ignore[STC901]\n  y\n",
        "FROM a:1\n# stagecast: ignore[STC901]\nRUN <<E\nx\n@\nE\n",
        "# escape=`\n# stagecast: ignore[STC901]\nFROM `\n @a\n",
        "# a # stagecast: ignore[STC902, STC901]\nFROM @a\n",
    ],
)
def test_a_comment_ignores_what_its_instruction_says(text: str) -> None:
    assert "STC901" not in remaining(text)


@pytest.mark.parametrize(
    "text",
    [
        "# stagecast: ignore[STC901]\nFROM a:1\nCOPY --from=@ / /\n",
        "FROM @a\n# stagecast: ignore[STC901]\nRUN x\n",
        "FROM @a\n# stagecast: ignore[STC901]\n",
    ],
)
def test_a_comment_speaks_of_no_other_instruction(text: str) -> None:
    assert sorted(remaining(text)) == ["STC805", "STC901"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a:1\nRUN <<E\n# stagecast: ignore[STC901]\nE\nRUN @\n",
        "FROM a:1\nRUN echo '# stagecast: ignore[STC901]' @\n",
        "FROM a:1\nCOPY <<E /x\n# stagecast: ignore[STC901]\n@\nE\n",
    ],
)
def test_text_is_no_comment(text: str) -> None:
    assert remaining(text) == ["STC901"]


def test_unknown_and_missing_codes_are_told() -> None:
    assert remaining("# stagecast: ignore[STC999]\n# stagecast: ignore\nFROM @a\n") == [
        "STC804",
        "STC804",
        "STC901",
    ]


def test_an_ignore_of_nothing_is_told() -> None:
    assert remaining("# stagecast: ignore[STC901, STC905]\nFROM @a\n") == ["STC805"]


def test_many_comments_take_no_time() -> None:
    text = "FROM a:1\n" + "# stagecast: ignore[STC901]\nRUN x \\\n # stagecast: ignore[STC902]\n y\n" * 2_000
    start = time.process_time()
    found = remaining(text, "a")
    assert time.process_time() - start < 2
    assert len(found) > 1_000
