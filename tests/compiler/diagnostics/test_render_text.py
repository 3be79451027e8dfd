"""The text form: goldens for its layout, and properties that hold for any text and any span."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Safety, Severity
from compiler.diagnostics.render import text
from compiler.diagnostics.render.excerpt import WIDTH
from compiler.source import SourceFile, Span
from finding_strategies import diagnostics, error, span

Golden = Callable[[Path, str], None]

RENDERED = Path(__file__).parent / "rendered"

SHOP = SourceFile(
    "environments/shop.yaml",
    """\
apiVersion: stagecast/v1beta1
name: shop
services:
  web: {type: container, imge: "nginx:1.29.3", ports: [{internal: 8080}, {internal: 8080}]}

  cache:
    type: container
    image: redis
    replicas: 2
""",
)
BASE = SourceFile("base.yaml", "name: base\r\nservices:\r\n  web: {}\r\n  web: {cpu: 2}")
WIDE = SourceFile(
    "wide.yaml",
    '\t日本: "キー" # 漢\n"e\u0301\u0302": \U0001f600 x\n'
    "\uff46\uff49: a\u200bb\nx: \x1b[31m\x07\x9b\u202ey\n",
)


def _everything() -> list[Diagnostic]:
    imge = span(SHOP, "imge")
    return [
        Diagnostic(
            "STC101",
            Severity.ERROR,
            "unknown key `imge` in `web`",
            imge,
            label="there is no such key",
            labels=(
                Label(span(SHOP, "web"), "in this service"),
                Label(span(BASE, "web"), "which stands here too"),
            ),
            notes=("known keys: image, ports, type", "a note\nof two lines"),
            hint="did you mean `image`?",
            fix=Fix("rename it to `image`", (Edit(imge, "image"),), Safety.SAFE),
        )
    ]


def _several_labels() -> list[Diagnostic]:
    ports = Label(span(SHOP, "[{internal: 8080}, {internal: 8080}]"), "among these ports")
    first = Label(span(SHOP, "8080"), "first declared here")
    same = Label(Span(SHOP, span(SHOP, "8080").start, span(SHOP, "8080").start + 1), "and said again")
    return [
        Diagnostic(
            "STC408", Severity.WARNING, "the port twice", span(SHOP, "8080", 1), labels=(first, ports)
        ),
        Diagnostic(
            "STC408", Severity.NOTE, "three times", span(SHOP, "8080"), label="here", labels=(same, ports)
        ),
    ]


def _several_lines() -> list[Diagnostic]:
    start = SHOP.text.index("cache:")
    whole = Span(SHOP, start, len(SHOP.text))
    two = Span(SHOP, start, SHOP.text.index("    image"))
    three = Span(SHOP, start, SHOP.text.index("    replicas"))
    apart = (Label(span(SHOP, "name"), "far above"), Label(span(SHOP, "services"), ""))
    return [
        error(whole, "all of the service", label="this service"),
        error(two, "two lines"),
        error(three, "three lines"),
        Diagnostic("STC101", Severity.ERROR, "places apart", span(SHOP, "redis"), labels=apart),
    ]


def _wide() -> list[Diagnostic]:
    places = [
        "日本",
        "キー",
        "漢",
        "e\u0301\u0302",
        "\U0001f600",
        "x",
        "\uff49",
        "\u200b",
        "b\n",
        "[31m",
        "y",
    ]
    return [error(span(WIDE, covered), ascii(covered), label="this") for covered in places]


def _line_ends() -> list[Diagnostic]:
    carriage = SourceFile("cr.yaml", "a: 1\rb: 2\r\rc: 3")
    return [
        error(span(BASE, "web", 1), "CRLF"),
        error(span(BASE, "\r\n"), "the line end"),
        error(span(BASE, "\n"), "inside of a line end"),
        error(Span(BASE, len(BASE.text), len(BASE.text)), "the end of the file"),
        error(Span(BASE, 10_000, 20_000), "far outside"),
        error(span(carriage, "b"), "CR alone"),
        error(span(carriage, "b: 2\r\rc"), "over an empty line"),
    ]


def _nothing_to_show() -> list[Diagnostic]:
    empty = SourceFile("empty.yaml", "")
    return [
        error(Span(empty, 0, 0), "the file is empty", code="STC003"),
        error(Span(empty, 0, 0), "with a label", label="at its start"),
        error(Span(SourceFile("line.yaml", "\n\n"), 1, 1), "an empty line"),
    ]


def _long_lines() -> list[Diagnostic]:
    line = "".join(f"key{number}: value, " for number in range(700))
    source = SourceFile("long.yaml", f"short: 1\n{line}\nend: 1\n")
    first, middle, last = (span(source, f"key{number}:") for number in (0, 350, 699))
    wide = SourceFile("long-wide.yaml", "漢" * 5_000 + "x" + "字" * 5_000)
    return [
        error(first, "at the start", label="here"),
        Diagnostic(
            "STC101",
            Severity.ERROR,
            "in the middle",
            middle,
            "here",
            (Label(first, "start"), Label(last, "end")),
        ),
        error(last, "at the end", label="here"),
        error(Span(source, middle.start, last.end), "longer than what is shown", label="here"),
        error(span(wide, "x"), "among wide characters", label="here"),
        error(Span(source, 0, len(source.text)), "all of it", label="here"),
    ]


def _fixes() -> list[Diagnostic]:
    image = span(SHOP, "redis")
    line = Span(SHOP, SHOP.line_span(9).start, len(SHOP.text))
    several = (Edit(span(SHOP, "web"), "front"), Edit(span(SHOP, "cache"), "store"))
    overlapping = (Edit(image, "a"), Edit(image, "b"))
    fixes = [
        Fix("pin the version", (Edit(image, '"redis:7.4.2"'),), Safety.UNSAFE),
        Fix("remove the line", (Edit(line, ""),), Safety.SAFE),
        Fix("add a line", (Edit(Span(SHOP, line.start, line.start), "    cpu: 2\n"),), Safety.SAFE),
        Fix("rename both", several, Safety.SAFE),
        Fix("choose a version", (), Safety.DISPLAY),
        Fix("edits that overlap are not shown", overlapping, Safety.SAFE),
        Fix("control characters are visible", (Edit(image, "\x1b[2J\ttwo\nlines"),), Safety.SAFE),
    ]
    return [
        Diagnostic("STC501", Severity.WARNING, f"{number}", image, fix=fix)
        for number, fix in enumerate(fixes)
    ]


def _long_fixes() -> list[Diagnostic]:
    """Edits of a line that is longer than what is shown: at its start, its end, both, and all of it."""
    source = SourceFile("Dockerfile", "FROM debian\nRUN " + "install several " * 12 + "packages\nUSER 1\n")
    start, end = source.text.index("install"), source.text.index("\nUSER")
    begun, ended = Span(source, start, start), Span(source, end, end)
    fixes = [
        Fix("At its start", (Edit(begun, "--mount=type=cache,target=/var "),), Safety.SAFE),
        Fix("At its end", (Edit(ended, " && rm -rf /var/lib/lists"),), Safety.SAFE),
        Fix("At both", (Edit(begun, "--network=none "), Edit(ended, " # at both")), Safety.SAFE),
        Fix("All of it", (Edit(Span(source, start, end), "true"),), Safety.SAFE),
        Fix("Behind a cut: nothing", (Edit(begun, "true\nRUN "), Edit(ended, " # here")), Safety.SAFE),
    ]
    return [Diagnostic("STC501", Severity.NOTE, fix.title, Span(source, 0, 4), fix=fix) for fix in fixes]


def _hostile() -> list[Diagnostic]:
    source = SourceFile("bad\x1b]0;name\x07.yaml", "a: 1")
    place = Span(source, 0, 1)
    message = "\x1b[2Jgone\nerror[STC000]: forged\r\u2028\u202e\ud800"
    notes = (f"note {message}",)
    return [Diagnostic("STC101", Severity.ERROR, message, place, message, (), notes, hint=message)]


CASES: dict[str, Callable[[], list[Diagnostic]]] = {
    "everything": _everything,
    "several-labels": _several_labels,
    "several-lines": _several_lines,
    "wide-characters": _wide,
    "line-ends": _line_ends,
    "nothing-to-show": _nothing_to_show,
    "long-lines": _long_lines,
    "fixes": _fixes,
    "long-fixes": _long_fixes,
    "hostile": _hostile,
}


@pytest.mark.parametrize("name", CASES)
def test_layout(name: str, golden: Golden) -> None:
    golden(RENDERED / f"{name}.txt", text.render(CASES[name]()))


def test_colour_changes_nothing_but_colour(golden: Golden) -> None:
    found = _everything() + _several_labels()
    coloured = text.render(found, color=True)
    golden(RENDERED / "colour.txt", coloured.replace("\x1b", "ESC"))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text.render(found)


def test_no_findings_no_text() -> None:
    assert text.render([]) == ""
    assert text.summary([]) == "no findings"


def test_summary_counts_by_severity_and_file() -> None:
    found = [error(Span(BASE, 0, 1))] * 2 + _several_labels()
    assert text.summary(found) == "2 errors, 1 warning, 1 note in 2 files"
    assert text.render(found[:1]).endswith("\n\n1 error in 1 file\n")
    assert text.summary([error(Span(BASE, 0, 1))] * 10_000) == "10,000 errors in 1 file"


def test_many_labels_on_one_line_are_cut_short() -> None:
    labels = tuple(Label(span(SHOP, "web"), f"label {number}") for number in range(5_000))
    shown = text.render([Diagnostic("STC101", Severity.ERROR, "x", span(SHOP, "name"), labels=labels)])
    assert "and 4,992 more on this line" in shown
    assert len(shown.splitlines()) < 30


SHAPES = {"\t": "    ", "\x1b": "␛", "\x85": "<U+0085>", "\u200b": "<U+200B>", "\u202e": "<U+202E>"}
PIECES = st.sampled_from(["a", "b", " ", ":", "漢", "\uff46", "\U0001f600", "e\u0301", *SHAPES])


def _carets(shown: str) -> tuple[str, str]:
    """The one source row of an output, and what stands above its carets, by rich's idea of widths."""
    rows = shown.splitlines()
    row = next(number for number, line in enumerate(rows) if line.startswith("1 |"))
    source, carets = rows[row].removeprefix("1 |")[1:], rows[row + 1].removeprefix("  | ")
    assert set(carets) <= {" ", "^"}
    start, end = carets.index("^"), len(carets)
    cell = 0
    above = ""
    for char in source.ljust(end):  # trailing blanks are not printed
        if (above and cell <= end) if cell_len(char) == 0 else start <= cell < end:
            above += char
        cell += cell_len(char)
    return source, above


@given(st.lists(PIECES, max_size=12), st.lists(PIECES, min_size=1, max_size=8), st.lists(PIECES, max_size=12))
def test_carets_stand_under_the_span(before: list[str], inside: list[str], after: list[str]) -> None:
    source = SourceFile("a.yaml", "".join([*before, *inside, *after]))
    start = len("".join(before))
    shown = text.render([error(Span(source, start, start + len("".join(inside))))])
    expected = "".join(SHAPES.get(piece, piece) for piece in inside)
    assert _carets(shown)[1] == expected


@given(st.integers(0, 3_000), st.integers(1, 60), st.integers(0, 3_000), st.sampled_from("a漢\u00e9"))
def test_carets_stand_under_the_span_of_a_long_line(
    before: int, inside: int, after: int, filler: str
) -> None:
    covered = "".join(chr(ord("A") + number % 26) for number in range(inside))
    source = SourceFile("a.yaml", filler * before + covered + filler * after)
    row, above = _carets(text.render([error(Span(source, before, before + inside))]))
    assert above == covered
    assert cell_len(row) <= WIDTH
    whole = cell_len(source.text) <= WIDTH
    assert (row == source.text) is whole


@given(st.text(st.sampled_from("a\u0301漢"), max_size=20), st.integers(0, 20))
def test_an_empty_span_has_one_caret(line: str, start: int) -> None:
    source = SourceFile("a.yaml", line + "\nb")
    shown = text.render([error(Span(source, min(start, len(line)), min(start, len(line))))])
    assert shown.count("^") == 1


@given(diagnostics())
def test_anything_can_be_rendered_and_nothing_steers_the_terminal(found: list[Diagnostic]) -> None:
    shown = text.render(found)
    shown.encode("utf-8")
    assert all(char == "\n" or char.isprintable() or char in "\u00a0\u3000" for char in shown)
    heads = [line for line in shown.split("\n") if re.match(r"(error|warning|note)\[", line)]
    assert len(heads) == len(found)
    assert text.render(list(reversed(found))) == shown or _has_ties(found)
    coloured = text.render(found, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown


def _has_ties(found: list[Diagnostic]) -> bool:
    return len({diagnostic.sort_key() for diagnostic in found}) < len(found)


def test_cost_does_not_depend_on_the_length_of_the_line() -> None:
    source = SourceFile("a.yaml", "漢 key: 'value', " * 200_000)
    found = [
        Diagnostic(
            "STC101",
            Severity.ERROR,
            f"finding {number}",
            Span(source, number * 1_000, number * 1_000 + 5),
            labels=(Label(Span(source, 0, len(source.text)), "all"),),
            fix=Fix("x", (Edit(Span(source, number * 1_000, number * 1_000 + 5), "y"),), Safety.SAFE),
        )
        for number in range(2_000)
    ]
    started = time.process_time()
    text.render(found)
    # A slice of the whole line for each would take 20 s; this takes 0.3 s.
    assert time.process_time() - started < 3
