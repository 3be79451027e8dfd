"""What findings cost: by the model on both files, ranked, bounded, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.context.model import Change, Commit, Entry, History, Tree
from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety, Severity
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices.given import changing
from compiler.practices.model import Finding, Subject
from compiler.practices.subjects import subject_of
from compiler.practices.worth import Prices, priced, told, worth
from compiler.source import SourceFile, Span

INSTALL = "RUN apt-get update && apt-get install -y curl\n"
COPY = "COPY src /src\n"
TEXT = "FROM debian:12.8\n" + COPY + INSTALL


def subject(text: str = TEXT) -> Subject:
    return subject_of(read_dockerfile(SourceFile("Dockerfile", text)))


def moved(current: Subject, code: str = "STC902") -> Diagnostic:
    """The finding that the install should stand before the copy."""
    source = current.dockerfile.source
    start = source.text.index(COPY)
    place = Span(source, start, start + len(COPY + INSTALL))
    fix = Fix("move it", (Edit(place, INSTALL + COPY),), Safety.SAFE)
    return Diagnostic(code, Severity.WARNING, "late", place, fix=fix)


def broken(current: Subject) -> Diagnostic:
    source = current.dockerfile.source
    fix = Fix("break it", (Edit(Span(source, 0, 4), "FORM"),), Safety.SAFE)
    return Diagnostic("STC902", Severity.WARNING, "late", Span(source, 0, 4), fix=fix)


def with_changes(current: Subject, *paths: str) -> Subject:
    """The subject with a history in which each commit changes one of the paths."""
    versions: dict[str, Entry] = {}
    start = Tree("start", {path: Entry(0o100644, "0") for path in ("src/a", "README")})
    versions.update(start.entries)
    commits = []
    for number, path in enumerate(paths):
        after = Entry(0o100644, f"{number + 1}")
        commits.append(Commit(f"{number:040x}", False, (Change(path, versions[path], after),)))
        versions[path] = after
    return replace(current, history=History(start, tuple(commits), True))


def test_without_a_history_shares_are_assumed() -> None:
    current = subject()
    found = worth(current, moved(current))
    assert found is not None
    assert (found.basis, found.builds) == ("assumed", 0)
    assert found.saved_s > 1


def test_a_history_is_counted() -> None:
    current = with_changes(subject(), *["src/a"] * 20)
    found = worth(current, moved(current))
    assert found is not None
    assert (found.basis, found.builds) == ("history", 20)
    assert found.before_s > found.after_s > 0


def test_what_never_changes_costs_nothing() -> None:
    # The install is behind a folder that no commit changes: moving it saves nothing.
    text = TEXT + "COPY README /\n"
    current = with_changes(subject(text), *["README"] * 20)
    found = worth(current, moved(current))
    assert found is not None
    assert found.saved_s == pytest.approx(0, abs=0.01)
    assert priced(current, [moved(current)]) == []


def test_some_findings_have_no_worth() -> None:
    current = subject()
    for code in ("STC901", "STC905", "STC906"):
        assert worth(current, moved(current, code)) is None
    assert worth(current, replace(moved(current), fix=None)) is None
    assert worth(current, broken(current)) is None


def test_what_is_about_the_image_is_told_whatever_it_costs() -> None:
    current = with_changes(subject(TEXT + "COPY README /\n"), *["README"] * 20)
    [finding] = priced(current, [moved(current, "STC904")])
    assert finding.worth is None
    assert finding.diagnostic.fix is not None


def test_an_argument_that_each_build_gives_anew_makes_its_steps_run() -> None:
    declared = "ARG COMMIT_SHA\n"
    text = "FROM debian:12.8\n" + declared + INSTALL
    for current in (subject(text), with_changes(subject(text + "COPY src /src\n"), *["src/a"] * 20)):
        source = current.dockerfile.source
        start = source.text.index(declared)
        place = Span(source, start, start + len(declared + INSTALL))
        fix = Fix("move it", (Edit(place, INSTALL + declared),), Safety.SAFE)
        found = worth(current, Diagnostic("STC903", Severity.WARNING, "early", place, fix=fix))
        assert found is not None
        assert found.saved_s > 1


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:12.8\nARG COMMIT_SHA=0a1b2c3\nRUN x\n",
        "FROM debian:12.8\nARG NODE_VERSION\nRUN x\n",
        "ARG VERSION=latest\nFROM app:${VERSION}\nARG VERSION\nRUN x\n",
        "FROM debian:12.8 AS other\nARG COMMIT_SHA\nRUN x\nFROM debian:12.8\nRUN y\n",
    ],
)
def test_other_arguments_do_not(text: str) -> None:
    assert changing(subject(text)) == frozenset()


def test_the_dearest_comes_first_and_what_has_no_worth_last() -> None:
    current = subject()
    first, last = moved(current), moved(current, "STC901")
    assert [finding.diagnostic for finding in priced(current, [last, first])] == [first, last]


def test_what_saves_too_little_is_left_out() -> None:
    current = subject()
    saved = worth(current, moved(current))
    assert saved is not None
    assert len(priced(current, [moved(current)], saved.saved_s - 0.1)) == 1
    assert priced(current, [moved(current)], saved.saved_s + 0.1) == []


def test_a_fix_that_breaks_the_file_is_not_offered() -> None:
    current = subject()
    [finding] = priced(current, [broken(current)])
    assert finding.diagnostic.fix is None


def test_pricing_has_an_end() -> None:
    current = subject(TEXT + f"#{'x' * 98}\n" * 2_000)
    prices = Prices(current)
    found = [prices.worth(moved(current)) for _ in range(5)]
    assert found[0] is not None
    assert found[-1] is None


def test_the_note_says_what_and_how_it_is_known() -> None:
    current = subject()
    [finding] = priced(current, [moved(current)])
    [note] = told(finding, "the clone is shallow").notes
    assert note.startswith("costs about ")
    assert "by assumed shares of misses, as the clone is shallow" in note
    current = with_changes(current, *["src/a"] * 20)
    [finding] = priced(current, [moved(current)])
    assert "(in 20 rebuilds of the history: " in told(finding).notes[0]
    plain = Finding(moved(current, "STC901"), None)
    assert told(plain) is plain.diagnostic
