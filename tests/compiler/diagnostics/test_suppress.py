"""Ignore comments and severities by code: what they silence, what they cannot, which are of no use."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.diagnostics.suppress import Range, adjust, apply
from compiler.document.quoted import quoted_ranges
from compiler.source import SourceFile, Span
from finding_strategies import TEXTS, error, span


def codes(findings: Findings) -> list[str]:
    return [finding.code for finding in findings]


def run(text: str, *, at: str = "redis", code: str = "STC501") -> list[str]:
    """The codes that remain of one finding at `at`; the same with and without known scalars."""
    source = SourceFile("a.yaml", text)
    found = [Diagnostic(code, Severity.WARNING, "wrong", span(source, at))]
    kept = codes(apply(found, [source], quoted_ranges))
    assert codes(apply(found, [source])) == kept
    return kept


@pytest.mark.parametrize(
    "text",
    [
        "image: redis # stagecast: ignore[STC501]",
        "image: redis\t#stagecast:ignore[STC501] because",
        "image: redis # the vendor has no versions # stagecast: ignore[STC501]",
        "image: redis # stagecast: ignore[STC101, STC501] # stagecast: ignore[STC604]",
        "image: 'redis' # stagecast: ignore[ STC501 ]\r\nb: 1",
        "# stagecast: ignore[STC501]\nimage: redis",
        "  # stagecast: ignore[STC501]\r\n  image: redis",
        "# stagecast: ignore[STC501]\r# another comment\rimage: redis",
        "# why\n# stagecast: ignore[STC501]\n# stagecast: ignore[STC101]\nimage: redis",
        "{a: it's, image: redis} # it's: stagecast # stagecast: ignore[STC501]",
        "{a: \"x # y\", image: redis, b: 'it''s'} # stagecast: ignore[STC501]",
    ],
)
def test_a_comment_ignores_a_code(text: str) -> None:
    assert "STC501" not in run(text)


@pytest.mark.parametrize(
    "text",
    [
        "image: redis\n# stagecast: ignore[STC501]",
        "image: redis\nb: 1 # stagecast: ignore[STC501]",
        "b: 1 # stagecast: ignore[STC501]\nimage: redis",
        "# stagecast: ignore[STC501]\n\nimage: redis",
        "image: redis # stagecast: ignore[STC101]",
        "image: redis # Stagecast: ignore[STC501]",
        "image: redis # stagecast ignore[STC501]",
        "{image: redis, a: 'x # stagecast: ignore[STC501]'}",
        '{image: redis, a: "x\\" # stagecast: ignore[STC501]"}',
        "- redis\n- x#stagecast: ignore[STC501]",
    ],
)
def test_what_does_not_ignore(text: str) -> None:
    assert "STC501" in run(text)


def test_text_in_scalars_of_several_lines_is_no_comment() -> None:
    source = SourceFile(
        "a.yaml",
        """\
folded: "first
  # stagecast: ignore[STC501]
  image"
literal: &anchor !!str |  # stagecast: ignore[STC101]
  # stagecast: ignore[STC501]
  image
after: image # stagecast: ignore[STC604]
""",
    )
    found = [error(span(source, "image", number), code="STC501") for number in range(2)]
    found.append(error(span(source, "literal"), code="STC101"))
    found.append(error(span(source, "image", 2), code="STC604"))
    assert codes(apply(found, [source], quoted_ranges)) == ["STC501", "STC501"]


def test_an_ignore_works_only_in_its_own_file() -> None:
    one = SourceFile("a.yaml", "image: redis # stagecast: ignore[STC501]")
    two = SourceFile("b.yaml", "image: redis")
    found = [error(span(source, "redis"), code="STC501") for source in (one, two)]
    kept = list(apply(found, [one, two]))
    assert [finding.span.source.path for finding in kept] == ["b.yaml"]


def test_a_useless_ignore_is_noted_at_its_code() -> None:
    source = SourceFile("a.yaml", "image: redis # stagecast: ignore[STC501, STC604]")
    found = [error(span(source, "redis"), code="STC501")]
    (unused,) = apply(found, [source])
    assert (unused.code, unused.severity) == ("STC805", Severity.NOTE)
    assert unused.span.text == "STC604"
    assert list(apply(found, [source], complete=False)) == []
    target = SourceFile("a.yaml", "pipeline: {strategy: dag} # stagecast: ignore[STC701]")
    assert list(apply([], [target])) == []


@pytest.mark.parametrize(
    ("written", "marked", "hint"),
    [
        ("STC999", "STC999", "explain"),
        ("stc501", "stc501", "`STC501`"),
        ("mutable-image-tag", "mutable-image-tag", "`STC501`"),
        ("STC501 x\x1by", "x\x1by", "explain"),
    ],
)
def test_an_unknown_code_is_an_error(written: str, marked: str, hint: str) -> None:
    source = SourceFile("a.yaml", f"a: 1 # stagecast: ignore[{written}]")
    kept = [finding for finding in apply([], [source]) if finding.code == "STC804"]
    assert [finding.span.text for finding in kept] == [marked]
    assert kept[0].severity is Severity.ERROR
    assert hint in kept[0].hint
    assert kept[0].message.isprintable()


def test_an_ignore_names_what_it_ignores() -> None:
    source = SourceFile("a.yaml", "image: redis # stagecast: ignore\nb: 1 # stagecast: ignores everything")
    kept = list(apply([error(span(source, "redis"), code="STC501")], [source]))
    assert [finding.code for finding in kept] == ["STC501", "STC804"]
    assert kept[1].span.text == "# stagecast: ignore"


def test_errors_of_reading_are_never_ignored() -> None:
    source = SourceFile("a.yaml", "a: 1 # stagecast: ignore[STC009, STC013]\n")
    found = [error(span(source, "a"), code=code) for code in ("STC009", "STC013")]
    kept = list(apply(found, [source]))
    assert [finding.code for finding in kept] == ["STC009", "STC805"]
    assert "cannot be ignored" in kept[1].notes[0]
    assert codes(adjust(found, {"STC009": None, "STC013": None})) == ["STC009"]


def test_severities_by_code() -> None:
    source = SourceFile("a.yaml", "abc")
    found = [error(Span(source, number, number + 1), code=f"STC10{number + 1}") for number in range(3)]
    kept = list(adjust(found, {"STC101": Severity.NOTE, "STC102": None}))
    assert [(finding.code, finding.severity) for finding in kept] == [
        ("STC101", Severity.NOTE),
        ("STC103", Severity.ERROR),
    ]
    assert kept[1] is found[2]


@given(
    st.lists(
        TEXTS | st.sampled_from(["# stagecast: ignore[STC101]", "# stagecast: ignore[x", "\n"]), max_size=8
    ),
    st.lists(st.tuples(st.integers(-5, 99), st.integers(-5, 99)), max_size=4),
)
def test_any_text_and_any_ranges(parts: list[str], ranges: list[Range]) -> None:
    source = SourceFile("a.yaml", "".join(parts))
    found = [error(Span(source, 0, 1)), error(Span(source, 99, 1), code="STC009")]
    for known in (None, lambda _: ranges):
        kept = codes(apply(found, [source], known))
        assert "STC009" in kept
        assert set(kept) <= {"STC009", "STC101", "STC804", "STC805"}


@pytest.mark.parametrize(
    "unit",
    [
        "# stagecast: ignore[STC101]\n",
        "a '# stagecast: ignore[STC101] ",
        "# stagecast: ignore[",
        "a: &a &a &a ! ! !\n",
        " \t # stagecast: ",
    ],
)
def test_cost_is_linear(unit: str) -> None:
    source = SourceFile("a.yaml", unit * 50_000)
    started = time.process_time()
    for known in (None, lambda _: [(0, len(source.text) // 2)]):
        apply([], [source], known, complete=False)
    # Quadratic work on a million characters would take minutes; this takes 0.3 s.
    assert time.process_time() - started < 5
