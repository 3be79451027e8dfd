"""The parser against BuildKit's own (the PyPI distribution `dockerfile`, BuildKit 0.12)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from compiler.dockerfile.frontend import BUILDKIT_0_12
from compiler.dockerfile.instructions import INSTRUCTIONS, Instruction
from compiler.dockerfile.reader import read_dockerfile
from compiler.source import SourceFile

buildkit: Any = pytest.importorskip("dockerfile")

# A folder of public Dockerfiles, not part of this repository; files of any names.
CORPUS = os.environ.get("STAGECAST_DOCKERFILES", "")

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
    *("RUN '", "FOO", "ENV a=b c", "ENV a", "ENV a b c", "ENV a=\"x y\" b='z'", "LABEL a=b \\", "ENV"),
    *("ONBUILD", "ONBUILD ENV a=b", "ONBUILD ONBUILD RUN x", 'CMD ["a", "b"]', 'CMD ["a", 1]', "CMD ['a']"),
    *(['VOLUME ["/a"]', "VOLUME /a /b", 'HEALTHCHECK CMD ["x"]', "HEALTHCHECK --interval=5s CMD x y"]),
    *(['COPY --chown="a b" --from=\'x\'"y" c\\ d /', 'COPY ["a b", "/c"]', "RUN [ x ]", "ENTRYPOINT ["]),
    *("RUN --mount=type=cache,target=/x --network=none ls", "EXPOSE 80  81\t82", "COPY --link -- --x /"),
    *("ADD --a\\ b=c d e", "# check=skip=all", "#syntax =  ", "COPY --ü=à b c", "ENV a=b\\", "\ufeffFROM x"),
]
_ENDS = ["\n", "\n", "\n", "\r\n", "", " \n", "\\\n", "\r\r\n"]
FILES = st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from(_ENDS)).map("".join), max_size=9).map(
    "".join
)
_STARTS = [
    *("RUN ", "COPY ", "ENV ", "ARG ", "LABEL ", "HEALTHCHECK ", "CMD ", "ADD --", "ONBUILD RUN ", "RUN <<"),
    *("RUN [", "# ", "FROM ", "COPY --a="),
]
NOISE = st.tuples(
    st.sampled_from(["FROM a\n", ""]),
    st.sampled_from(_STARTS),
    st.text("RUN <E\n\\`#'\"$-AG=\t\r{}:[],ab1/%?+\u00a0\v\u0085é", max_size=40),
).map("".join)


def compare(text: str) -> None:
    found = read_dockerfile(SourceFile("Dockerfile", text), BUILDKIT_0_12)
    refused = [problem.message for problem in found.problems if problem.parsing]
    expected = parsed(text)
    assert (expected is None) == bool(refused), refused
    if expected is None:
        return
    joined = [lines.joined.text for lines in found.written.instructions]
    assert [described(i, text) for i in joined_with(found.instructions, joined)] == [
        of_buildkit(command, own) for command, own in zip(expected, joined, strict=True)
    ]


def parsed(text: str) -> Any:
    """What BuildKit reads; None when it refuses the file."""
    try:
        return buildkit.parse_string(text)
    except buildkit.GoParseError:
        return None
    except UnicodeDecodeError:
        # It cut a character in two and cannot say what it read.
        assume(False)


def joined_with(instructions: tuple[Instruction, ...], joined: list[str]) -> list[tuple[Instruction, str]]:
    return list(zip(instructions, joined, strict=True))


def described(pair: tuple[Instruction, str], text: str) -> tuple[object, ...]:
    instruction, joined = pair
    heredocs = [(h.marker.name, h.body.text, h.marker.descriptor) for h in instruction.heredocs]
    return (
        instruction.name,
        instruction.trigger.name if instruction.trigger else "",
        line_of(text, instruction.span.start),
        line_of(text, instruction.span.end),
        tuple(flag.text for flag in instruction.flags),
        instruction.effective.json,
        values(instruction.effective),
        joined,
        # It does not tell those of an ONBUILD.
        [] if instruction.name == "ONBUILD" else heredocs,
    )


def values(instruction: Instruction) -> tuple[str, ...]:
    """The values as BuildKit lists them."""
    if instruction.name not in INSTRUCTIONS or (instruction.name == "ONBUILD" and instruction.rest.text):
        return ("",)
    found: list[str] = []
    for assignment in instruction.assignments:
        name, value = assignment.name.text, assignment.value
        if instruction.name == "ARG":
            found.append(name if value is None else f"{name}={value.text}")
        elif value is not None:
            found += [name, value.text]
    return (*found, *(word.text for word in instruction.words))


def of_buildkit(command: Any, joined: str) -> tuple[object, ...]:
    return (
        (command.cmd or "").upper(),
        (command.sub_cmd or "").upper(),
        command.start_line,
        command.end_line,
        command.flags,
        bool(command.json),
        command.value,
        # With heredocs, it adds their text.
        (command.original or "")[: len(joined)] if command.heredocs else command.original or "",
        [(heredoc.name, heredoc.content, heredoc.file_descriptor) for heredoc in command.heredocs],
    )


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


@settings(max_examples=500)
@given(NOISE)
@example("FROM a\nRUN <<E\\\n\nE")
@example('RUN ["a"] b')
@example("RUN << E")
def test_noise(text: str) -> None:
    compare(text)


def test_public_dockerfiles() -> None:
    if not CORPUS:
        pytest.skip("NOT COMPARED with public Dockerfiles: STAGECAST_DOCKERFILES names no folder of them")
    compared = 0
    for file in sorted(Path(CORPUS).iterdir()):
        text = file.read_bytes().decode("utf-8", "replace")
        if file.suffix != ".tsv":
            compare(text)
            compared += 1
    assert compared >= 300
