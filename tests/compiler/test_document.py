"""Reading files: which are read at all, what they must not be, and what is too much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.load import MAX_INDICATORS, read_bytes, read_document, read_source
from compiler.document.node import Node
from compiler.document.parse import MAX_BYTES, MAX_DEPTH, MAX_NODES
from compiler.driver import check_environment
from compiler.project import job_for_spec
from compiler.source import SourceFile, Span

HEAD = "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\n"


def read(path: Path) -> tuple[Node | None, list[Diagnostic]]:
    findings = Findings()
    source = read_source(path, findings)
    root = read_document(source, findings, "an environment") if source is not None else None
    return root, list(findings)


def document(text: str) -> tuple[Node | None, list[Diagnostic]]:
    findings = Findings()
    return read_document(SourceFile("a.yaml", text), findings, "an environment"), list(findings)


def checked(spec: Path) -> list[Diagnostic]:
    return list(check_environment(job_for_spec(spec, Findings()), Findings()).diagnostics)


def test_other_encodings_are_refused_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("name: shop\nvariables: {CITY: Zürich}\n".encode("latin-1"))
    root, (found,) = read(path)
    assert root is None
    assert (found.code, found.message) == ("STC002", "the byte 0xFC at line 2, column 20 is not UTF-8")
    assert found.span.first.line == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.yaml").write_bytes("name: shop\n".encode(encoding))
    root, found = read(tmp_path / "a.yaml")
    assert root is None
    assert [finding.code for finding in found] in (["STC002"], ["STC001"])


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: shop\n")
    root, found = read(tmp_path / "a.yaml")
    assert not found
    assert root is not None
    assert root.value == {"name": "shop"}
    assert root.children["name"].key_span.first.column == 1  # type: ignore[call-overload,index]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    root, found = document(f"a: 1{end}b:{end}  - c{end}  - !x d{end}")
    assert root is not None
    assert root.value == {"a": 1, "b": ["c", "d"]}
    assert [(finding.span.first.line, finding.span.first.column) for finding in found] == [(4, 5)]


def test_separators_that_are_no_line_ends() -> None:
    _, (found,) = document("a: 'b\u2028\u0085c'\nd: !x e\n")
    assert (found.span.first.line, found.span.text) == (2, "!x")


def test_the_largest_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: b #".ljust(MAX_BYTES, b"x"))
    root, found = read(path)
    assert root is not None
    assert not found
    path.write_bytes(b"a: b #".ljust(MAX_BYTES + 1, b"x"))
    root, (refused,) = read(path)
    assert root is None
    assert (refused.code, refused.message) == ("STC006", "the file is larger than 16 MiB")
    assert refused.span.source.text == ""


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "b," * (MAX_INDICATORS // 2) + "]",
        "a:\n" + "- b\n" * (MAX_INDICATORS // 3),
        "\n" * (MAX_INDICATORS + 1),
        "\r" * (MAX_INDICATORS + 1),
        "a: " + "{? " * (MAX_INDICATORS // 4),
        '{"a":1}' + "[" * (MAX_INDICATORS // 2),
    ],
)
def test_too_much_structure_is_refused_before_it_is_parsed(text: str) -> None:
    root, (refused,) = document(text)
    assert root is None
    assert refused.code == "STC006"
    assert refused.message.startswith("the file has too many lines and values")
    assert refused.span.source.text == ""


def test_nesting() -> None:
    deepest = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    root, found = document(f"a: {deepest}")
    assert root is not None
    assert not found
    _, (refused,) = document(f"a: [{deepest}]")
    assert refused.code == "STC008"


def test_aliases_are_counted_where_they_are_used() -> None:
    tens = "x: &x0 [a,a,a,a,a,a,a,a,a,a]\n"
    for i in range(1, 5):
        tens += f"x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 10)}]\n"
    # 111,111 values below each of these.
    root, found = document(tens + "y: [" + "*x4," * 7 + "]\n")
    assert root is not None
    assert not found
    assert 0.9 * MAX_NODES < root.weight < MAX_NODES
    _, (refused,) = document(tens + "y: [" + "*x4," * 8 + "]\n")
    assert refused.code == "STC007"


def test_merged_keys_are_counted_too() -> None:
    wide = "x: &x {" + ", ".join(f"k{i}: v" for i in range(1000)) + "}\n"
    _, (refused,) = document(wide + "y: [" + "{<<: *x}," * 500 + "]\n")
    assert refused.code == "STC007"


def test_a_thousand_findings_of_a_code_are_enough() -> None:
    findings = Findings()
    source = SourceFile("a.yaml", "a" * 2000)
    for start in range(1500):
        findings.add(Diagnostic("STC101", Severity.ERROR, "wrong", Span(source, start, start + 1)))
    findings.add(Diagnostic("STC102", Severity.ERROR, "missing", Span(source, 0, 1)))
    codes = [finding.code for finding in findings]
    assert {code: codes.count(code) for code in codes} == {"STC101": 1000, "STC102": 1, "STC016": 1}
    (more,) = [finding for finding in findings if finding.code == "STC016"]
    assert (more.severity, more.span.start) == (Severity.NOTE, 1000)


def test_a_thousand_wrong_values_are_enough(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    path = tmp_path / "environment.yaml"
    services = "".join(f"  s{i}: {{type: container, image: {i}}}\n" for i in range(1500))
    path.write_text(f"{HEAD}services:\n{services}")
    codes = [finding.code for finding in checked(path)]
    assert {code: codes.count(code) for code in codes} == {"STC103": 1000, "STC016": 1}


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_bytes(path, 10)
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path, 10)
    with pytest.raises(OSError, match="not a path"):
        read_bytes("a\0b", 10)


@pytest.mark.parametrize("base", ["pipe", "link-to-device", "link-out", "a/" * 1500 + "b.yaml"])
def test_bases_that_are_not_read(tmp_path: Path, base: str) -> None:
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    os.mkfifo(repository / "pipe")
    (repository / "link-to-device").symlink_to("/dev/zero")
    (repository / "link-out").symlink_to("../secret")
    (tmp_path / "secret").write_text("password")
    path = repository / "environment.yaml"
    path.write_text(f"{HEAD}extends: {base}\n")
    (found,) = checked(path)
    assert found.code == ("STC503" if base.startswith("link") else "STC305")
    assert found.span.text == base


def test_dockerfiles_that_are_not_read(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"FROM \xff\n")
    (tmp_path / "large").write_bytes(b"#" * (1024 * 1024 + 1))
    path = tmp_path / "environment.yaml"
    services = "".join(
        f"  {name}: {{type: application, source: {{repository: ., dockerfile: {name}}}}}\n"
        for name in ("pipe", "binary", "large")
    )
    path.write_text(f"{HEAD}registry: {{mirror: registry.example.com/shop}}\nservices:\n{services}")
    assert [(finding.code, finding.message) for finding in checked(path)] == [
        ("STC507", "`pipe` cannot be read: not a regular file"),
        ("STC507", "`binary` is not UTF-8"),
        ("STC507", "`large` is larger than 1 MiB"),
    ]
