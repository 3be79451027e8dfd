"""STC902 and STC903: cases with their findings and fixes, histories, and inputs that say nothing."""

from __future__ import annotations

import time

import pytest

from compiler.diagnostics.model import Safety
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices import order
from compiler.practices.parts.changing import FEWEST_BUILDS
from compiler.practices.parts.changing_names import kind, placeholder
from compiler.source import SourceFile
from subject_cases import CASES, Case, cases, fixed, places, subject

ORDER = list(cases(CASES / "order.txt"))
_LATE = "FROM debian:12.8\nWORKDIR /app\nCOPY src src\nRUN apt-get update && apt-get install -y curl\n"


def _expected(case: Case) -> tuple[tuple[int, str], ...]:
    return tuple(one for one in case.expected if one[1] in order.CODES)


@pytest.mark.parametrize("case", ORDER, ids=[case.name for case in ORDER])
def test_findings_of_a_case(case: Case) -> None:
    assert places(list(order.check(subject(case)))) == _expected(case)


@pytest.mark.parametrize("case", [c for c in ORDER if c.after], ids=[c.name for c in ORDER if c.after])
def test_fix_of_a_case(case: Case) -> None:
    fix = next(iter(order.check(subject(case)))).fix
    assert fix is not None
    assert (fix.safety.value, fixed(case.text, fix.edits)) == (case.safety, case.after)
    after = Case(case.name, fixed(case.text, fix.edits), (), case.files, arguments=case.arguments)
    assert not read_dockerfile(SourceFile("Dockerfile", after.text)).problems
    if fix.safety is not Safety.DISPLAY:
        assert list(order.check(subject(after))) == []


@pytest.mark.parametrize("case", ORDER, ids=[case.name for case in ORDER])
def test_every_fix_keeps_all_lines(case: Case) -> None:
    for found in order.check(subject(case)):
        assert found.fix is not None
        assert sorted(fixed(case.text, found.fix.edits).split("\n")) == sorted(case.text.split("\n"))


def test_a_folder_that_hardly_changes_is_no_finding() -> None:
    case = Case("", _LATE, ())
    quiet = [["src/a"], *([["other"]] * 50)]
    # Only builds that see a change count, and one alone is no history.
    assert [d.code for d in order.check(subject(case, changes=quiet))] == ["STC902"]
    beside = Case("", _LATE + "COPY other /other\n", ())
    assert list(order.check(subject(beside, changes=quiet))) == []


def test_a_share_of_the_history_is_said() -> None:
    text = _LATE.replace("COPY src src", "COPY conf /app/conf")
    found = list(order.check(subject(Case("", text, ()), changes=[["conf/a"]] * FEWEST_BUILDS)))
    assert [label.message for label in found[0].labels] == [
        "10 of the last 10 commits that this build sees change it"
    ]


def test_ignored_paths_are_no_changes() -> None:
    case = Case("", _LATE.replace("COPY src src", "COPY . ."), (), ignore="docs\n")
    changes = [["docs/a"]] * 90 + [["src/a"]] * 10
    found = list(order.check(subject(case, changes=changes)))
    assert found[0].labels[0].message == "10 of the last 10 commits that this build sees change it"


def test_the_message_names_things() -> None:
    found = next(iter(order.check(subject(Case("", _LATE, ())))))
    assert found.message == (
        "these system packages are installed again whenever `COPY src src` changes, which they do not read"
    )
    assert found.span.text == "apt-get update"
    assert found.hint == "install them before line 3"
    assert found.fix is not None
    assert found.fix.title == "Move the RUN before line 3"


def test_a_file_with_windows_line_ends_keeps_them() -> None:
    case = Case("", _LATE.replace("\n", "\r\n"), ())
    fix = next(iter(order.check(subject(case)))).fix
    assert fix is not None
    lines = _LATE.split("\n")
    assert fixed(case.text, fix.edits) == "\r\n".join([lines[0], lines[1], lines[3], lines[2], ""])


def test_a_last_line_without_its_end() -> None:
    case = Case("", _LATE.rstrip("\n"), ())
    fix = next(iter(order.check(subject(case)))).fix
    assert fix is not None
    lines = _LATE.split("\n")
    assert fixed(case.text, fix.edits) == "\n".join([lines[0], lines[1], lines[3], lines[2], ""])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[("COMMIT_SHA", "commit"), ("GIT_COMMIT", "commit"), ("VCS_REF", "commit"), ("gitSha", "commit")],
        *[
            ("BUILD_DATE", "date"),
            ("BUILDTIME", "date"),
            ("BUILD_NUMBER", "number"),
            ("CI_PIPELINE_ID", "number"),
        ],
        *[
            ("VERSION", "version"),
            ("APP_VERSION", "version"),
            ("IMAGE_TAG", "version"),
            ("RELEASE", "version"),
        ],
        *[("NODE_VERSION", ""), ("LIBFOO_COMMIT", ""), ("TOOL_SHA256", ""), ("CACHEBUST", ""), ("UID", "")],
        *[
            ("USER_ID", ""),
            ("APP_ID", ""),
            ("DATE_FORMAT", ""),
            ("GIT_VERSION", ""),
            ("REFERENCE", ""),
            ("", ""),
        ],
    ],
)
def test_names_of_values_of_a_build(name: str, expected: str) -> None:
    assert kind(name) == expected


def test_placeholders() -> None:
    assert all(map(placeholder, (None, "", "dev", "unknown", "0.0.0", "v0.0.0-dev")))
    assert not any(map(placeholder, ("1.2.3", "0.1.0", "20", "3f786850e387550fdab836ed7e6dc881de23001b")))


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "RUN apt-get install x",
            "FROM",
            "FROM a\nCOPY",
            "FROM a\nRUN",
            "FROM a\nARG\nENV\nRUN apt-get install x",
        ],
        *[
            "FROM a\nCOPY . .\nRUN apt-get install -y $(",
            "FROM a\nCOPY . .\nRUN apt-get install -y `x <<EOF\n",
        ],
        *[
            "FROM a\nONBUILD COPY . /app\nFROM a\nONBUILD RUN apt-get install x\n",
            "FROM a\nCOPY --from=a / /\n",
        ],
        *[
            "FROM a\nARG GIT_SHA\nRUN apt-get install -y x\\",
            "FROM a AS b\nFROM b AS a\nFROM a\nCOPY --from=b . .\n",
        ],
    ],
)
def test_broken_files_say_nothing_wrong(text: str) -> None:
    assert isinstance(list(order.check(subject(Case("", text, ())))), list)


@pytest.mark.parametrize(
    "line", ["COPY . /app{n}\nRUN apt-get install -y p{n}\n", "ARG GIT_SHA\nRUN apk add p{n}\n"]
)
def test_time_is_linear_in_the_file(line: str) -> None:
    text = "FROM debian:12.8\n" + "".join(line.replace("{n}", str(n)) for n in range(4_000))
    asked = subject(Case("", text, ()))
    started = time.perf_counter()
    assert list(order.check(asked))
    assert time.perf_counter() - started < 10
