"""Whatever a file holds, checking it ends in findings or in success."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from case_files import read_cases
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.project import FILE_NAME, job_for_spec, project_jobs

CASES = Path(__file__).parents[1] / "cases"
TEXTS = [
    text
    for name in ("good", "schema", "variables", "resources")
    for case in read_cases(CASES / f"{name}.yaml")[1]
    for text in [case.files()["environment.yaml"]]
]
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "\n",
    "\n  ",
    "- ",
    "'",
    '"',
    "&a ",
    "*a",
    "!x ",
    "|",
    ">",
    "#",
    "\t",
]
PIECES += [
    "<<: *a",
    "null",
    "~",
    "\x00",
    "\ufeff",
    "\u2028",
    "\ud7ff",
    "{{",
    "}}",
    "---\n",
    "? ",
    "%",
    "@",
    "`",
    "x-",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    (folder / ".git").mkdir()
    return folder


def check(folder: Path, data: bytes) -> None:
    spec = folder / "environment.yaml"
    spec.write_bytes(data)
    findings = Findings()
    checked = check_environment(job_for_spec(spec, findings), findings)
    for diagnostic in checked.diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert 0 <= span.start <= span.end <= len(span.source.text)
        assert diagnostic.message.isprintable()
        assert len(diagnostic.message) < 1000
    if not checked.errors:
        assert checked.context is not None
        make_plan(checked)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A spec of the cases with some pieces put in, taken out or put twice."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(PIECES) | st.text(max_size=3) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@settings(max_examples=400)
@given(text=edited())
def test_edited_specs(folder: Path, text: str) -> None:
    check(folder, text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200)
@given(text=st.lists(st.sampled_from(["a", "b", " ", *PIECES]), max_size=40).map("".join))
def test_any_text(folder: Path, text: str) -> None:
    check(folder, text.encode())


@settings(max_examples=150)
@given(data=st.binary(max_size=60))
def test_any_bytes(folder: Path, data: bytes) -> None:
    check(folder, data)


@settings(max_examples=150)
@given(text=edited())
def test_any_project_file(folder: Path, text: str) -> None:
    path = folder / "project" / FILE_NAME
    path.parent.mkdir(exist_ok=True)
    head = text.replace("kind: Environment", "kind: Project").replace("services:", "environments:")
    path.write_text(head.replace("image:", "spec:"), encoding="utf-8", errors="surrogatepass")
    findings = Findings()
    project_jobs(path, findings)
    list(findings)
