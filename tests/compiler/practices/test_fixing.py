"""Applying fixes: what is changed, what stays byte for byte, which of two that touch wins, when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety, Severity
from compiler.dockerfile.ignore import read_ignore
from compiler.dockerfile.reader import read_dockerfile
from compiler.dockerfile.tokens import decoded, encoded
from compiler.practices.fixing import APPLIED, APPLIED_UNSAFE, MOST_ROUNDS, apart, fix
from compiler.practices.model import Finding, Subject
from compiler.practices.paper import edited, edited_text
from compiler.practices.subjects import subject_of
from compiler.source import SourceFile, Span

TEXT = "FROM alpine:3.20\nRUN one\nRUN two\nRUN three\n"


def subject(text: str = TEXT) -> Subject:
    return subject_of(read_dockerfile(SourceFile("Dockerfile", text)))


def edit(source: SourceFile, old: str, new: str) -> Edit:
    start = source.text.index(old)
    return Edit(Span(source, start, start + len(old)), new)


def finding(*edits: Edit, safety: Safety = Safety.SAFE, code: str = "STC902") -> Finding:
    mended = Fix("mend it", edits, safety)
    return Finding(Diagnostic(code, Severity.WARNING, "slow", edits[0].span, fix=mended), None)


def rules(*wanted: tuple[str, str, Safety]) -> Callable[[Subject], list[Finding]]:
    """What finds each text that is still there, and offers another in its place."""

    def find(current: Subject) -> list[Finding]:
        source = current.dockerfile.source
        return [finding(edit(source, o, n), safety=s) for o, n, s in wanted if o in source.text]

    return find


def test_safe_fixes_are_applied_and_no_others() -> None:
    find = rules(("one", "1", Safety.SAFE), ("two", "2", Safety.UNSAFE), ("three", "3", Safety.DISPLAY))
    result = fix(subject(), find)
    assert result.changed == {"Dockerfile": TEXT.replace("one", "1")}
    assert len(result.applied) == 1
    result = fix(subject(), find, APPLIED_UNSAFE)
    assert result.changed == {"Dockerfile": TEXT.replace("one", "1").replace("two", "2")}
    assert Safety.DISPLAY not in APPLIED | APPLIED_UNSAFE


def test_nothing_to_fix_changes_nothing() -> None:
    result = fix(subject(), lambda _: [])
    assert (result.changed, result.applied) == ({}, ())


def test_of_two_that_touch_the_first_wins_and_the_other_comes_in_the_next_round() -> None:
    source = subject().dockerfile.source
    first, second = finding(edit(source, "RUN one\n", "")), finding(edit(source, "RUN two\n", ""))
    assert apart([first, second], APPLIED) == [first.diagnostic]
    find = rules(("RUN one\n", "", Safety.SAFE), ("RUN two\n", "", Safety.SAFE))
    result = fix(subject(), find)
    assert result.changed == {"Dockerfile": "FROM alpine:3.20\nRUN three\n"}
    assert len(result.applied) == 2


def test_a_fix_that_breaks_the_file_is_not_applied_and_others_are() -> None:
    result = fix(subject(), rules(("RUN one", "RNU one", Safety.SAFE), ("three", "3", Safety.SAFE)))
    assert result.changed == {"Dockerfile": TEXT.replace("three", "3")}


def test_fixes_that_undo_each_other_end() -> None:
    result = fix(subject(), rules(("one", "two words", Safety.SAFE), ("two words", "one", Safety.SAFE)))
    assert len(result.applied) <= MOST_ROUNDS
    assert encoded(TEXT)


def test_a_fix_that_asks_for_more_of_itself_ends() -> None:
    result = fix(subject(), rules(("one", "one one", Safety.SAFE)))
    assert len(result.applied) == MOST_ROUNDS


def test_a_new_ignore_file_and_a_longer_one() -> None:
    plain = subject("FROM alpine:3.20\nCOPY . .\n")
    place = Span(SourceFile(".dockerignore", ""), 0, 0)
    after = edited(plain, [Edit(place, ".git\n")])
    assert after is not None
    assert after.ignore is not None
    assert [rule.pattern for rule in after.ignore.rules] == [".git"]
    assert after.dockerfile is plain.dockerfile
    old = read_ignore(SourceFile(".dockerignore", "dist\n"))
    longer = edited(
        replace(plain, ignore=old), [Edit(Span(old.source, len("dist\n"), len("dist\n")), ".git\n")]
    )
    assert longer is not None
    assert longer.ignore is not None
    assert [rule.pattern for rule in longer.ignore.rules] == ["dist", ".git"]


def subject_with(plain: Subject, ignore: object) -> Subject:
    from dataclasses import replace

    return replace(plain, ignore=ignore)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "text"), [("Dockerfile", "another text"), ("other", ""), (".dockerignore", "it is not there")]
)
def test_edits_of_another_text_are_not_made(path: str, text: str) -> None:
    assert edited(subject(), [Edit(Span(SourceFile(path, text), 0, 0), "x")]) is None


def test_edits_that_overlap_or_lie_outside_are_not_made() -> None:
    source = SourceFile("Dockerfile", TEXT)
    assert edited_text(TEXT, [Edit(Span(source, 0, 9), ""), Edit(Span(source, 5, 12), "")]) is None
    assert edited_text(TEXT, [Edit(Span(source, 0, len(TEXT) + 1), "")]) is None
    assert edited_text(TEXT, [Edit(Span(source, 9, 5), "")]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfFROM alpine:3.20\r\nRUN one\r\n# caf\xe9\r\nRUN two",
        b"FROM alpine:3.20\n\n\tRUN one \\\r\n  && x\n#\xff\xfe\nRUN two\n\n\n",
        b"# escape=`\r\nFROM alpine:3.20\r\nRUN one `\r\n x\r\nRUN two \r\n",
    ],
)
def test_every_other_byte_stays(data: bytes) -> None:
    source = decoded("Dockerfile", data)
    current = subject_of(read_dockerfile(source))
    after = fix(current, rules(("two", "2", Safety.SAFE))).changed["Dockerfile"]
    assert encoded(after) == data.replace(b"two", b"2")


@given(
    st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 8), st.text(alphabet="ab\n", max_size=4)),
        max_size=6,
    )
)
def test_edits_are_made_as_if_from_the_end(wanted: list[tuple[int, int, str]]) -> None:
    source = SourceFile("Dockerfile", TEXT)
    edits = [Edit(Span(source, start, min(start + size, len(TEXT))), new) for start, size, new in wanted]
    result = edited_text(TEXT, edits)
    ordered = sorted(edits, key=lambda each: (each.span.start, each.span.end))
    apart_ = all(one.span.end <= other.span.start for one, other in pairwise(ordered))
    assert (result is not None) is apart_
    if result is not None:
        expected = TEXT
        for each in reversed(ordered):
            expected = expected[: each.span.start] + each.replacement + expected[each.span.end :]
        assert result == expected
