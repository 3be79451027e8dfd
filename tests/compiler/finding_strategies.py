"""Findings to render: spans found by what they cover, and hypothesis strategies for any others."""

from __future__ import annotations

from hypothesis import strategies as st

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Safety, Severity
from compiler.source import SourceFile, Span


def span(source: SourceFile, covered: str, nth: int = 0) -> Span:
    """The place of the nth occurrence of `covered`."""
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(covered, start + 1)
    return Span(source, start, start + len(covered))


def error(place: Span, message: str = "wrong", *, code: str = "STC101", label: str = "") -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, place, label=label)


# Whatever has its own width or is not to reach a terminal, and the characters of each output format.
PECULIAR = "\t\x00\x1b\x7f\x85\x9b\u0301\u200b\u200d\u202e\u2028\ufe0f\U0001f600\u6f22\uff46\u1160\ud800"
ALPHABET = st.sampled_from("ab: #-'\"[]{}()%,&|>\\\r\n" + PECULIAR)
TEXTS = st.text(ALPHABET, max_size=60)
OFFSETS = st.integers(-5, 70)


@st.composite
def diagnostics(draw: st.DrawFn) -> list[Diagnostic]:
    """Findings in up to two files, with spans that may be upside down or outside of their text."""
    paths = st.sampled_from(["a.yaml", "./b c.yaml", "../x:y,z%.yaml", "/abs/\u00e9.yaml", "\udcff.yaml"])
    sources = st.sampled_from([SourceFile(draw(paths), draw(TEXTS)), SourceFile("base.yaml", draw(TEXTS))])
    spans = st.builds(Span, sources, OFFSETS, OFFSETS)
    edits = st.lists(st.builds(Edit, spans, TEXTS), max_size=3).map(tuple)
    fixes = st.builds(Fix, TEXTS, edits, st.sampled_from(Safety))
    one = st.builds(
        Diagnostic,
        st.sampled_from([*list(RULES)[:5], "STC999"]),
        st.sampled_from(Severity),
        TEXTS,
        spans,
        label=TEXTS,
        labels=st.lists(st.builds(Label, spans, TEXTS), max_size=4).map(tuple),
        notes=st.lists(TEXTS, max_size=2).map(tuple),
        hint=TEXTS,
        fix=st.none() | fixes,
    )
    return draw(st.lists(one, max_size=4))
