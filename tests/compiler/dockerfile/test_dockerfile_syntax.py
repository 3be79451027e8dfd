"""Every byte of a Dockerfile, and what its instructions say."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.dockerfile.copies import copy
from compiler.dockerfile.expansion import Allowance
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.dockerfile.scope import State, global_values, walk
from compiler.dockerfile.tokens import Kind, byte_range, decoded, encoded, render, tokens
from compiler.source import SourceFile


def read(text: str) -> Dockerfile:
    return read_dockerfile(decoded("Dockerfile", text.encode()))


def only(text: str) -> Instruction:
    (instruction,) = read("FROM a\n" + text).instructions[1:]
    return instruction


def kinds(text: str) -> list[tuple[str, str]]:
    found = read(text)
    return [(token.kind.value, text[token.start : token.end]) for token in tokens(found)]


LIKELY = st.lists(
    st.sampled_from(
        [
            *("FROM a", "RUN x \\", "# c", " ", "\n", "\r\n", "RUN <<E", "E", "COPY a b", "\ufeff", "\\"),
            *("# escape=`", "`", '["a", "b"]', "CMD ", "ENV a=b", "--x=y ", "ONBUILD ", "\t", "<<-E", "\r"),
        ]
    ),
    max_size=14,
).map(lambda parts: "".join(parts).encode())


@given(st.binary(max_size=60) | LIKELY)
@example(b"\xef\xbb\xbfFROM a\r\nRUN x \\\r\n\r\n  # c\r\n y")
@example(b"\xff\xfe\x00FROM \xc3(")
@example(b"FROM a\nRUN " + b"x" * 70_000 + b"\nUSER b\n")
@example(b"FROM a\nONBUILD COPY --from=b <<E \\\n /c\nx\nE\n")
def test_every_byte_is_kept(data: bytes) -> None:
    source = decoded("Dockerfile", data)
    found = read_dockerfile(source)
    listed = list(tokens(found))
    at = 0
    for token in listed:
        assert token.start == at < token.end
        at = token.end
        text = source.text[token.start : token.end]
        assert token.kind is not Kind.SPACE or not text.strip()
        assert token.kind is not Kind.LINE_END or (text.endswith("\n") and not text.strip("\r\n"))
        assert token.kind is not Kind.CONTINUATION or text.rstrip(" \t") == found.escape
    assert encoded(render(source, listed)) == data
    keywords = [token for token in listed if token.kind is Kind.KEYWORD]
    assert len(keywords) >= sum(i.keyword.start < i.keyword.end for i in found.instructions)


def test_tokens() -> None:
    text = '# escape=\\\n# c\nFROM a\nRUN --network=none x \\ \n  # d\n\n  y\nCMD ["z"]\nCOPY <<E /f\nt\nE\n'
    assert [(kind, part) for kind, part in kinds(text) if kind not in ("space", "line end")] == [
        ("directive", "# escape=\\"),
        ("comment", "# c"),
        ("keyword", "FROM"),
        ("text", "a"),
        ("keyword", "RUN"),
        ("flag", "--network=none"),
        ("text", "x "),
        ("continuation", "\\ "),
        ("comment", "# d"),
        ("text", "  y"),
        ("keyword", "CMD"),
        ("punctuation", "["),
        ("word", '"z"'),
        ("punctuation", "]"),
        ("keyword", "COPY"),
        ("word", "<<E"),
        ("word", "/f"),
        ("heredoc", "t\n"),
        ("heredoc end", "E"),
    ]


def test_bytes_of_a_place() -> None:
    found = read("FROM a\nLABEL ü=é x=y\n")
    last = found.instructions[1].assignments[1]
    assert last.name.span.text == "x"
    assert byte_range(last.name.span) == (19, 20)
    assert (last.name.span.first.line, last.name.span.first.column) == (2, 11)


def test_flags_and_words_have_places_across_continuations() -> None:
    run = only("COPY --fr\\\nom=b \\\n# c\n a\\\nb /c\n")
    assert [(flag.name, flag.value, flag.span.text) for flag in run.flags] == [("from", "b", "--fr\\\nom=b")]
    assert [(word.text, word.span.text) for word in run.words] == [("ab", "a\\\nb"), ("/c", "/c")]


def test_mounts() -> None:
    run = only(
        "RUN --mount=type=cache,dst=/c,sharing=locked --mount=from=b,src=/x,target=/y,rw "
        "--mount='type=secret,\"id=a,b\"' --mount=bad ls\n"
    )
    cache, bind, secret = mounts(run)
    assert (cache.type, cache.get("target"), cache.read_only) == ("cache", "/c", False)
    assert (bind.type, bind.get("from"), bind.get("source"), bind.read_only) == ("bind", "b", "/x", False)
    assert secret.fields == (("type", "secret"), ("id", "a,b"))
    assert cache.span.text == "--mount=type=cache,dst=/c,sharing=locked"


def test_copies() -> None:
    found = copy(only("COPY --from=b --chown=1:1 --link --exclude=*.md --exclude=x a <<-E /d/\n\ty\nE\n"))
    assert found is not None
    assert ([word.text for word in found.sources], found.destination.text) == (["a"], "/d/")
    assert [(text.name, text.text, text.expand) for text in found.texts] == [("E", "y\n", True)]
    assert (found.origin, found.chown, found.chmod, found.link) == ("b", "1:1", None, True)
    assert found.excludes == ("*.md", "x")
    quoted = copy(only("ADD <<'E' /d\n$x\nE\n"))
    assert quoted is not None
    assert [(text.text, text.expand) for text in quoted.texts] == [("$x\n", False)]
    assert copy(only("COPY a\n")) is None
    assert copy(only("RUN cp a b\n")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COPY --form=b a c", 'COPY has no flag "--form"'),
        ("COPY --from=b --from=c a d", "--from stands here a second time"),
        ("COPY --link=maybe a b", "--link is either true or false"),
        ("COPY --from a b", "--from has no value"),
        ("COPY a", "COPY takes at least one source and a destination"),
        ("COPY a <<E\nE", "the destination of COPY cannot be a heredoc"),
        ("RUN --mount=type=cahce,target=/x ls", "cahce is not a type of mount"),
        ("RUN --mount=tpye=cache ls", "a mount has no field tpye"),
        ("RUN --mount=from=$x,target=/y ls", "takes no variables"),
        ("ENV", "ENV takes at least one name"),
        ("ENV =a", "a name of ENV is empty"),
        ("ENV a", "ENV must have two arguments"),
        ("LABEL a=b c", "LABEL has a word without ="),
        ("ARG =a", "a name of ARG is empty"),
        ("USER", "USER takes exactly one argument"),
        ("EXPOSE", "EXPOSE takes at least one argument"),
        ('VOLUME [""]', "a VOLUME cannot be empty"),
        ("SHELL bash", "SHELL takes a JSON array"),
        ("CMD [1]", "strings only"),
        ("HEALTHCHECK NONE x", "NONE takes nothing more"),
        ("HEALTHCHECK x", "is no kind of HEALTHCHECK"),
        ("HEALTHCHECK CMD", "CMD has no command"),
        ("ONBUILD", "ONBUILD takes an instruction"),
        ("ONBUILD FROM a", "FROM cannot stand after ONBUILD"),
    ],
)
def test_what_buildkit_refuses(text: str, message: str) -> None:
    (problem,) = read(f"FROM a\n{text}\n").problems
    assert message in problem.message
    assert problem.span.first.line == 2


def test_a_frontend_of_its_own_may_know_more_flags() -> None:
    assert read("# syntax=docker/dockerfile:2\nFROM a\nRUN --new=x ls\n").problems == ()


SCOPED = """\
ARG VERSION=1
ARG NAME=n-$VERSION
FROM a AS base
ARG VERSION
ARG NAME OWN=o
ENV X=$VERSION Y=$X
ENV X=2 Y=$X
SHELL ["/bin/bash", "-c"]
WORKDIR /a
WORKDIR b/$OWN
ONBUILD ENV TRIGGERED=1
USER $X
FROM base
RUN x
"""


def last_state(text: str, **given: str) -> State:
    found = read(text)
    *_, state = walk(found, found.stages[-1], given, inherited={"PATH": "/bin"})
    return state


def test_what_holds_at_an_instruction() -> None:
    state = last_state(SCOPED)
    assert list(state.values.items()) == [
        *[("PATH", "/bin"), ("VERSION", "1"), ("NAME", "n-1"), ("OWN", "o")],
        *[("X", "2"), ("Y", "1"), ("TRIGGERED", "1")],
    ]
    assert (state.shell, state.folder, state.user) == (("/bin/bash", "-c"), "/a/b/o", "2")
    assert state.arguments == {"VERSION", "NAME", "OWN"}
    assert state.expand("$X-${NONE:-d}").text == "2-d"
    assert state.expand_text("'$X'").text == "'2'"


def test_given_arguments() -> None:
    state = last_state(SCOPED, VERSION="9", OTHER="x")
    assert (state.values["VERSION"], state.values["NAME"]) == ("9", "n-9")
    assert "OTHER" not in state.values
    assert global_values(read(SCOPED), {}, {"TARGETARCH": "arm64"}) == {
        "TARGETARCH": "arm64",
        "VERSION": "1",
        "NAME": "n-1",
    }


@pytest.mark.parametrize(
    "unit", ["RUN x\n", "# c\n", "ENV a=b\n", "COPY a b\n", "RUN <<E\nE\n", '["', "\\\n"]
)
def test_a_megabyte_of_tokens_takes_linear_time(unit: str) -> None:
    started = time.process_time()
    found = read("FROM a\n" + unit * (1_000_000 // len(unit)))
    assert list(tokens(found))[-1].end == len(found.source.text)
    assert time.process_time() - started < 10


def test_values_and_folders_that_no_command_could_have() -> None:
    values = f"ENV v={'x' * 60_000}\nENV w=$v$v\nENV w=$v$v$v\n"
    folders = f"WORKDIR {'a/' * 2_000}\nWORKDIR {'b/' * 2_000}\n"
    found = read(f"FROM a\n{values}{folders}RUN x\n")
    *_, state = walk(found, found.stages[-1], {})
    # Linux takes 128 KiB of a variable, and 4,096 bytes of a path.
    assert len(state.values["w"]) == 120_000
    assert state.folder == "/" + "/".join(["a"] * 2_000)


def test_walks_share_an_allowance() -> None:
    found = read("FROM a\nENV v=abc\nENV w=$v\nRUN x\n")
    allowance = Allowance(20)
    values = []
    for _ in range(2):
        *_, state = walk(found, found.stages[-1], {}, allowance=allowance)
        values.append(dict(state.values))
    assert values == [{"v": "abc", "w": "abc"}, {"v": "abc"}]


def test_flags_with_bytes_that_are_no_text() -> None:
    text = "COPY --a=\udcff\u00e9 --b=\ud800 c d\n"
    flags = read_dockerfile(SourceFile("Dockerfile", "FROM a\n" + text)).instructions[1].flags
    assert [flag.span.text for flag in flags] == ["--a=\udcff\u00e9", "--b=\ud800"]
