"""STC908: cases by ecosystem with their fixes, counter-examples, histories, hostile inputs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics.model import Safety
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices import manifests
from compiler.practices.model import Subject
from compiler.source import SourceFile
from context_cases import context_cases
from subject_cases import CASES, Case, fixed, places, subject

FOUND = list(context_cases(CASES / "manifests.txt"))
QUIET = list(context_cases(CASES / "no-manifests.txt"))
FIXED = [case for case in FOUND if case.after]
_NPM = "FROM node:22.11.0\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
_FILES = {"package.json": '{"dependencies": {"a": "1"}}', "package-lock.json": "{}", "src/a.js": ""}


def names(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", FOUND, ids=names(FOUND))
def test_findings_of_a_case(case: Case) -> None:
    assert places(list(manifests.check(subject(case)))) == case.expected


@pytest.mark.parametrize("case", QUIET, ids=names(QUIET))
def test_a_counter_example_gives_nothing(case: Case) -> None:
    assert list(manifests.check(subject(case))) == []


@pytest.mark.parametrize("case", FOUND, ids=names(FOUND))
def test_fix_of_a_case(case: Case) -> None:
    fix = next(iter(manifests.check(subject(case)))).fix
    if not case.after:
        assert fix is None
        return
    assert fix is not None
    assert (fix.safety.value, fixed(case.text, fix.edits)) == (case.safety, case.after)


@pytest.mark.parametrize("case", FIXED, ids=names(FIXED))
def test_a_fixed_file_is_right_and_found_no_more(case: Case) -> None:
    after = Case(case.name, case.after or "", (), case.files, case.ignore, case.known)
    assert not read_dockerfile(SourceFile("Dockerfile", after.text)).problems
    assert list(manifests.check(subject(after))) == []


@pytest.mark.parametrize("case", FIXED, ids=names(FIXED))
def test_a_fix_keeps_the_line_ends(case: Case) -> None:
    windows = Case(case.name, case.text.replace("\n", "\r\n"), (), case.files, case.ignore, case.known)
    fix = next(iter(manifests.check(subject(windows)))).fix
    assert fix is not None
    assert fixed(windows.text, fix.edits) == (case.after or "").replace("\n", "\r\n")


def test_every_ecosystem_has_a_case() -> None:
    text = "".join(case.text for case in FOUND)
    tools = ("npm", "yarn", "pnpm", "bun", "pip", "poetry", "uv", "conda", "go", "mvn", "gradle", "cargo")
    for tool in (*tools, "bundle", "composer", "dotnet", "mix"):
        assert f"RUN {tool} " in text or f"&& {tool} " in text


def test_what_is_said() -> None:
    found = next(iter(manifests.check(subject(Case("", _NPM, (), _FILES, "node_modules\n")))))
    assert found.message == "`npm ci` installs everything again whenever a source changes"
    assert found.span.text == "npm ci"
    assert [(label.span.text, label.message) for label in found.labels] == [
        ("COPY . .", "1 file that the install does not need")
    ]
    assert found.hint == "copy what the install reads first, and the rest behind it"
    assert found.notes == ()


def test_two_installs_of_one_kind_in_a_run_are_one_finding_at_a_time() -> None:
    text = "FROM python:3.12.7\nWORKDIR /app\nCOPY . .\nRUN pip install -r a.txt && pip install -r b.txt\n"
    files = {"a.txt": "flask==3.0.3\n", "b.txt": "gunicorn==23.0.0\n", "app.py": ""}
    for _ in range(2):
        found = list(manifests.check(subject(Case("", text, (), files))))
        assert len(found) == 1
        assert found[0].fix is not None
        assert found[0].fix.safety is Safety.SAFE
        text = fixed(text, found[0].fix.edits)
    assert text == (
        "FROM python:3.12.7\nWORKDIR /app\nCOPY a.txt ./\nRUN pip install -r a.txt\n"
        "COPY b.txt ./\nRUN pip install -r b.txt\nCOPY . .\n"
    )


def test_doubts_are_said() -> None:
    found = next(iter(manifests.check(subject(Case("", _NPM, (), _FILES)))))
    assert found.fix is not None
    assert found.fix.safety is Safety.UNSAFE
    assert found.notes == ("`node_modules` is not in .dockerignore, so that the later copy may overwrite it",)


def test_why_there_is_no_fix_is_said() -> None:
    files = {**_FILES, "package.json": '{"dependencies": {"a": "file:lib"}}', "lib/a.js": ""}
    found = next(iter(manifests.check(subject(Case("", _NPM, (), files)))))
    assert found.fix is None
    assert found.notes == (
        "no better order is offered: the dependency `a` is the folder `lib` of the project",
    )


def test_a_folder_that_hardly_changes_is_no_finding() -> None:
    text = _NPM.replace("COPY . .", "COPY package*.json ./\nCOPY src ./src")
    case = Case("", text, (), _FILES)
    assert [d.code for d in manifests.check(subject(case, changes=[["src/a.js"]] * 30))] == ["STC908"]
    quiet = [["src/a.js"], *[["package.json"]] * 30]
    assert list(manifests.check(subject(case, changes=quiet))) == []
    # A short history proves nothing.
    assert [d.code for d in manifests.check(subject(case, changes=quiet[:5]))] == ["STC908"]


def test_a_cache_mount_of_a_builder_that_does_not_stay() -> None:
    text = "FROM golang:1.23.2\nCOPY . .\nRUN --mount=type=cache,target=/go/pkg/mod go build .\n"
    case = Case("", text, (), known=False)
    assert list(manifests.check(subject(case))) == []
    assert [d.code for d in manifests.check(subject(case, persistent=False))] == ["STC908"]


def test_an_ignored_lock_file_is_not_copied() -> None:
    case = Case("", _NPM, (), _FILES, "node_modules\npackage-lock.json\n")
    fix = next(iter(manifests.check(subject(case)))).fix
    assert fix is not None
    assert "COPY package.json ./\n" in fixed(case.text, fix.edits)


BROKEN = (
    ("package.json", "[" * 100_000),
    ("package.json", '{"workspaces": 3, "dependencies": []}'),
    ("package.json", '{"workspaces": ["[", "**/**/**"], "dependencies": {"a": 1}}'),
    ("pnpm-workspace.yaml", "packages: [a, b]"),
)


@pytest.mark.parametrize(("path", "text"), BROKEN)
def test_a_manifest_that_cannot_be_read_gives_no_fix(path: str, text: str) -> None:
    for tool in ("npm ci", "pnpm install", "yarn install"):
        case = Case("", _NPM.replace("npm ci", tool), (), {**_FILES, path: text})
        for found in manifests.check(subject(case)):
            assert path != "package.json" or found.fix is None


@given(
    st.text("RUNCOPYnpmcigofdl &|;()$\"'\\\n.[]{}-=/", max_size=60), st.sampled_from(["RUN", "COPY", "ADD"])
)
def test_never_raises(text: str, name: str) -> None:
    whole = f"FROM node\nCOPY . .\n{name} {text}\nRUN npm ci && go build\n"
    for known in (True, False):
        for found in manifests.check(subject(Case("", whole, (), _FILES, known=known))):
            assert found.span.end <= len(whole)


def test_a_long_file_takes_no_second() -> None:
    text = "FROM node:22\n" + "COPY src /src\nENV A=$A\nRUN npm ci --prefix $X && cd a\n" * 5_000
    built: Subject = subject(Case("", text, (), known=False))
    start = time.perf_counter()
    list(manifests.check(built))
    assert time.perf_counter() - start < 5


def test_stages_in_a_chain_take_bounded_time() -> None:
    text = "FROM node:22 AS s0\nCOPY . .\n"
    text += "".join(f"FROM s{n} AS s{n + 1}\nRUN npm ci\n" for n in range(3_000))
    built: Subject = subject(Case("", text, (), known=False))
    start = time.perf_counter()
    list(manifests.check(built))
    assert time.perf_counter() - start < 5


LONG = (
    ("go mod download", "go.mod", "require x v1\n" + "\n" * 400_000),
    ("bundle install", "Gemfile", "gem 'a'\n" + "\n" * 400_000),
    ("mvn dependency:go-offline", "pom.xml", "<parent>" * 50_000 + "<!--" * 50_000),
    ("dotnet restore", "a.csproj", "<PackageReference " + "<ProjectReference <Import " * 20_000),
    ("npm ci", "package.json", '{"dependencies": {"a": "1"}, "workspaces": [' + '"a/*",' * 50_000 + '"b"]}'),
    ("pip install -r requirements.txt", "requirements.txt", "-r requirements.txt\n" * 50_000),
)


@pytest.mark.parametrize(("command", "path", "text"), LONG, ids=[each[0] for each in LONG])
def test_a_long_manifest_takes_no_second(command: str, path: str, text: str) -> None:
    files = {path: text, **{f"a/{n}/package.json": "{}" for n in range(100)}}
    built = subject(Case("", f"FROM x:1\nWORKDIR /app\nCOPY . .\nRUN {command}\n", (), files))
    start = time.perf_counter()
    list(manifests.check(built))
    assert time.perf_counter() - start < 2
