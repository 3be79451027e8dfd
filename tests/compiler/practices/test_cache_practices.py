"""STC904 to STC906 and STC909: cases with their findings and fixes, and inputs that say nothing."""

from __future__ import annotations

import time

import pytest

from compiler.diagnostics.model import Safety
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices import cache
from compiler.source import SourceFile
from subject_cases import CASES, Case, cases, fixed, places, subject

CACHE = list(cases(CASES / "cache.txt"))
ORDER = list(cases(CASES / "order.txt"))
_PIP = "FROM python:3.12.7\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"


def _expected(case: Case) -> tuple[tuple[int, str], ...]:
    return tuple(one for one in case.expected if one[1] in cache.CODES)


@pytest.mark.parametrize("case", CACHE, ids=[case.name for case in CACHE])
def test_findings_of_a_case(case: Case) -> None:
    assert places(list(cache.check(subject(case)))) == _expected(case)


@pytest.mark.parametrize("case", [c for c in CACHE if c.after], ids=[c.name for c in CACHE if c.after])
def test_fix_of_a_case(case: Case) -> None:
    first = next(iter(cache.check(subject(case))))
    fix = first.fix
    assert fix is not None
    assert (fix.safety.value, fixed(case.text, fix.edits)) == (case.safety, case.after)
    after = Case(case.name, fixed(case.text, fix.edits), (), case.files, case.ignore)
    assert not read_dockerfile(SourceFile("Dockerfile", after.text)).problems
    if fix.safety is not Safety.DISPLAY:
        left = [found.span.first.line for found in cache.check(subject(after)) if found.code == first.code]
        assert first.span.first.line not in left


def test_the_other_cases_say_nothing_of_904_and_905() -> None:
    alone = "two RUNs move together"
    for case in ORDER:
        codes = {found.code for found in cache.check(subject(case))}
        assert codes <= ({"STC905", "STC906", "STC909"} if case.name == alone else {"STC906", "STC909"})
        expected = {code for _, code in case.expected if code == "STC909"}
        assert codes & {"STC909"} == expected


def _ignore_edit(case: Case) -> tuple[str, str, Safety]:
    fix = next(found.fix for found in cache.check(subject(case)) if found.code == "STC904")
    assert fix is not None
    (edit,) = fix.edits
    return edit.span.source.path, fixed(edit.span.source.text, fix.edits), fix.safety


def test_a_new_dockerignore() -> None:
    assert _ignore_edit(CACHE[0]) == (".dockerignore", ".git\nnode_modules\nDockerfile\n", Safety.UNSAFE)


def test_more_lines_of_a_dockerignore() -> None:
    assert _ignore_edit(CACHE[2]) == (".dockerignore", ".git\nnode_modules\n", Safety.SAFE)


def test_a_dockerignore_without_its_last_line_end_and_with_windows_ends() -> None:
    case = Case("", CACHE[0].text, (), CACHE[0].files, "docs\r\n*.md", repository=True)
    assert _ignore_edit(case)[1] == "docs\r\n*.md\r\n.git\r\nnode_modules\r\n"


def test_what_lies_in_the_context_is_not_taken_away_by_itself() -> None:
    case = Case("", "FROM node:22\nCOPY . /app\n", (), {"node_modules/x.js": ""})
    assert _ignore_edit(case) == (".dockerignore", "node_modules\n", Safety.UNSAFE)


def test_a_folder_that_the_repository_holds_is_a_source() -> None:
    case = Case("", "FROM node:22\nCOPY . /app\n", (), {"node_modules/x.js": ""}, ignore=".git\n")
    changes = [["node_modules/x.js"]]
    assert list(cache.check(subject(case, changes=changes))) == []


def test_cache_mounts_are_for_builders_that_stay() -> None:
    case = Case("", _PIP, ())
    assert [found.code for found in cache.check(subject(case))] == ["STC909"]
    assert [found.code for found in cache.check(subject(case, persistent=False))] == ["STC906"]


def test_messages_name_things() -> None:
    found = {d.code: d for case in CACHE for d in cache.check(subject(case))}
    assert found["STC909"].severity.value == "note"
    first = next(iter(cache.check(subject(CACHE[0]))))
    assert first.message == "`COPY . .` takes `.git`, `node_modules` along: there is no .dockerignore"
    lists = next(iter(cache.check(subject(Case("", "FROM debian:12.8\nRUN apt-get -q update\n", ())))))
    assert lists.message == "`apt-get update` leaves the package lists in /var/lib/apt/lists in the image"
    assert lists.span.text == "apt-get -q update"


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "RUN npm ci",
            "FROM a\nRUN",
            "FROM a\nCOPY . .",
            "FROM a\nRUN []",
            'FROM a\nRUN ["npm", "ci"]\n',
        ],
        *[
            "FROM a\nRUN apt-get update \\",
            "FROM a\nRUN apt-get update &&\nRUN apt-get install x &&",
            "FROM $a",
        ],
        *[
            "FROM a\nRUN --mount=type=cache npm ci\n",
            "FROM a\nRUN --mount npm ci\n",
            "FROM a\nONBUILD RUN npm ci",
        ],
        *["FROM a\nRUN <<A <<B\napt-get update\nA\nB\n", "FROM a\nRUN <<-A\n\tapt-get update\n\tA\n"],
    ],
)
def test_broken_files_say_nothing_wrong(text: str) -> None:
    case = Case("", text, (), {"node_modules/x": ""}, repository=True)
    for found in cache.check(subject(case)):
        if found.fix is not None and all(e.span.source.path == "Dockerfile" for e in found.fix.edits):
            before = read_dockerfile(SourceFile("Dockerfile", text)).problems
            after = read_dockerfile(SourceFile("Dockerfile", fixed(text, found.fix.edits))).problems
            assert {problem.message for problem in after} <= {problem.message for problem in before}


@pytest.mark.parametrize(
    "line", ["RUN apt-get update\n", "RUN npm ci\n", "RUN go mod download\n", "RUN apk add -U x\n"]
)
def test_time_is_linear_in_the_file(line: str) -> None:
    asked = subject(Case("", "FROM debian:12.8\n" + line * 4_000, ()))
    started = time.perf_counter()
    list(cache.check(asked))
    assert time.perf_counter() - started < 10
