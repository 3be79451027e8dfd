"""The reader against BuildKit's own parser (the PyPI distribution `dockerfile`)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.dockerfile.reader import read_dockerfile
from compiler.dockerfile.syntax import split_instruction
from compiler.dockerfile.words import split_flags, split_words
from compiler.source import SourceFile

buildkit: Any = pytest.importorskip("dockerfile")

# What BuildKit's parser refuses and the reader does not look at: it leaves these instructions alone.
NOT_READ = ("must have two arguments", "can't find = in", "arrays must be comprised of strings")

CASES = [
    "FROM a\n",
    "from a as b\nrun x\n",
    "\ufefffrom a\n"[1:],
    "FROM a\r\nRUN x \\\r\n  y\r\nUSER b\r\n",
    "# escape=`\nFROM a `\n  AS b\nRUN dir C:\\\nUSER c\n",
    "#escape=`\n\nFROM a\nRUN x `\n y\n",
    "# comment\n# escape=`\nFROM a\nRUN x `\nRUN y\n",
    "\n# escape=`\nFROM a\nRUN x `\nRUN y\n",
    "# syntax=docker/dockerfile:1\n# escape=`\nFROM a `\n AS b\n",
    "# ESCAPE = ` \nFROM a `\n AS b\n",
    "FROM a\nRUN x \\\n# comment\n  # comment\n\n  y\n",
    "FROM a\nRUN x \\   \n  y\n",
    "FROM a\nRUN x \\\\\nUSER y\n",
    "FROM a\nRUN x \\\n",
    "FROM a\nRUN x \\",
    "FROM a\n\\\nRUN x\n",
    "FROM a\nRU\\\nN x\n",
    "FROM a\nRUN <<EOF\nFROM no\nEOF\nUSER b\n",
    "FROM a\nRUN <<-EOF\n\tx\n\tEOF\nUSER b\n",
    "FROM a\nRUN <<EOF\n\tEOF\nEOF\nUSER b\n",
    "FROM a\nRUN <<'E F'\nx\nE F\nUSER b\n",
    'FROM a\nRUN <<"EOF"\nx\nEOF\nUSER b\n',
    "FROM a\nRUN 3<<EOF cat\nx\nEOF\nUSER b\n",
    "FROM a\nRUN cat <<A - <<B\na\nA\nb\nB\nUSER b\n",
    "FROM a\nCOPY <<a <<b /x/\na\na\nb\nb\nUSER b\n",
    "FROM a\nRUN cat <<EOF \\\n  && y\nx\nEOF\nUSER b\n",
    "FROM a\nRUN <<EOF\r\nx\r\nEOF\r\nUSER b\r\n",
    "FROM a\nRUN x <<<EOF\nUSER b\n",
    "FROM a\nRUN echo '<<EOF'\nUSER b\n",
    'FROM a\nRUN echo "x <<EOF"\nUSER b\n',
    "FROM a\nRUN echo $((1<<2))\nUSER b\n",
    "FROM a\nRUN echo it's <<EOF\nUSER b\n",
    'FROM a\nRUN ["cat", "<<EOF"]\nUSER b\n',
    "FROM a\nRUN [ cat <<EOF\nx\nEOF\nUSER b\n",
    "FROM a\nENV X=<<EOF\nUSER b\n",
    "FROM a\nONBUILD RUN <<EOF\nx\nEOF\nUSER b\n",
    "FROM a\nRUN --mount=type=cache,target=/x <<EOF\nx\nEOF\nUSER b\n",
    "FROM a\nRUN cat <<EOF > /x\ny\nEOF\nUSER b\n",
    "FROM a\nRUN cat <<EOF\nx\nEOFF\n EOF\nEOF\nUSER b\n",
    "FROM --platform=linux/amd64 a AS b\n",
    "FROM a\nCOPY --from=b --chown='x y' -- c d\n",
    "FROM a\nARG A B=1 C=\"x y\" D='$x' E=a\\ b\n",
    "FROM a\nARG A=\nARG B=\\\nUSER b\n",
    "FROM a\nRUN\nUSER\n",
    "FROM a\n\tRUN\tx\ty\n",
    "FROM a\nFOO bar\n",
    "FROM a\nRUN x #not a comment\n#comment\nUSER b\n",
    "FROM a\nRUN a\u00a0b\u2028c\u0085d\n",
    "FROM a\nRUN a\x1cb\x0bc\n",
    "FROM a\rRUN x\n",
    "",
    "# nothing\n",
    "FROM a\nRUN <<EOF\nx\n",
    "# escape=x\nFROM a\n",
]

_LINES = [
    *("FROM a", "from b AS c", "RUN x", "RUN x \\", "  y", "  y \\", "# comment", "  # comment \\", "", "  "),
    *("RUN <<EOF", "RUN <<-EOF", "RUN cat <<A <<'B'", "EOF", "\tEOF", "A", "B", "EOF \\", 'RUN "<<EOF"'),
    *("USER b", "ARG A=1 B", 'ARG "A B"=c\\ d', "ARG A='x", "COPY --from=x a b", "\\", "\\\\", "x \\\\", "`"),
    *("# escape=`", "#escape=\\", "# syntax=x", "RUN x `", "y `", "ONBUILD RUN <<EOF", "COPY <<EOF /x"),
    *("RUN $X <<EOF", "RUN ${X} <<EOF", "RUN ${X:-y} <<EOF", "RUN a<<EOF", "RUN 1<<EOF", "RUN <<EOF;"),
    *("RUN '", "FOO"),
]
_ENDS = ["\n", "\n", "\n", "\r\n", ""]
FILES = st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from(_ENDS)).map("".join), max_size=9).map(
    "".join
)
NOISE = st.text("RUN <E\n\\`#'\"$-AG=\t\r", max_size=40).map(lambda text: "FROM a\nRUN " + text)


def compare(text: str) -> None:
    found = read_dockerfile(SourceFile("Dockerfile", text))
    try:
        expected = buildkit.parse_string(text)
    except buildkit.GoParseError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert any(part in reason for part in NOT_READ) or found.problems, reason
        return
    assert not any("never ends" in problem.message for problem in found.problems)
    places = [(i.name, line_of(text, i.span.start), line_of(text, i.span.end)) for i in found.instructions]
    names = [(command.cmd or "").upper() for command in expected]
    assert places == [(n, c.start_line, c.end_line) for n, c in zip(names, expected, strict=True)]
    for instruction, command in zip(found.instructions, expected, strict=True):
        original = command.original or ""
        joined = original.split("\n")[0] if command.heredocs else original
        assert instruction.arguments == split_instruction(joined)[1]
        if instruction.name in ("COPY", "RUN", "FROM"):
            assert tuple(split_flags(instruction.arguments, found.escape)[0]) == command.flags
        if instruction.name == "ARG":
            assert tuple(split_words(instruction.arguments, found.escape)) == command.value


def line_of(text: str, offset: int) -> int:
    """The line by LF alone, as BuildKit counts: SourceFile has CR end a line as well."""
    return text.count("\n", 0, offset) + 1


@pytest.mark.parametrize("text", CASES)
def test_cases(text: str) -> None:
    compare(text)


@settings(max_examples=400)
@given(FILES)
def test_files_of_likely_lines(text: str) -> None:
    compare(text)


@settings(max_examples=300)
@given(NOISE)
@example("FROM a\nRUN <<E\\\n\nE")
def test_noise(text: str) -> None:
    compare(text)
