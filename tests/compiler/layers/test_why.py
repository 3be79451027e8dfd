"""Which step began it, and which file, argument or instruction of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.context.model import Entry, Tree
from compiler.context.visible import visible
from compiler.dockerfile.ignore import read_ignore
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.cache import Cache, PersistentCache, RegistryCache
from compiler.layers.lower import lower
from compiler.layers.model import Reason
from compiler.layers.why import Difference, Snapshot, Verdict, why
from compiler.source import SourceFile

DOCKERFILE = """\
ARG NODE=22
FROM node:${NODE} AS build
ARG VERSION=1
WORKDIR /app
COPY package.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM nginx:1.27
ENV MODE=fast
COPY nginx.conf /etc/nginx/
COPY --from=build /app/dist /html
RUN nginx -t
"""
FILES = {"package.json": "1", "nginx.conf": "1", "src/a.ts": "1", "src/b.ts": "1"}


def snapshot(dockerfile: str | None = DOCKERFILE, ignore: str = "", **files: str | None) -> Snapshot:
    """The example with other files; keys have __ for a slash and _ for a point."""
    named = {name.replace("__", "/").replace("_", "."): digest for name, digest in files.items()}
    entries = {
        path: Entry(0o100644, digest) for path, digest in {**FILES, **named}.items() if digest is not None
    }
    tree = Tree("here", entries)
    graph = None if dockerfile is None else lower(read_dockerfile(SourceFile("Dockerfile", dockerfile)))
    return Snapshot(graph, tree, visible(tree, read_ignore(SourceFile(".dockerignore", ignore))))


def line(verdict: Verdict) -> int:
    return verdict.step.instruction.span.first.line


def misses(before: Snapshot, after: Snapshot, cache: Cache | None = None) -> dict[int, Verdict]:
    """The steps that run, by their lines."""
    return {
        line(verdict): verdict
        for verdict in why(before, after, cache or PersistentCache())
        if not verdict.hit
    }


def began(verdicts: dict[int, Verdict]) -> dict[int, list[int]]:
    """The lines that began each miss, as lines."""
    lines = {verdict.step.index: line for line, verdict in verdicts.items()}
    return {at: [lines[root] for root in verdict.roots] for at, verdict in verdicts.items()}


def test_the_file_that_changed_and_what_follows_it() -> None:
    found = misses(snapshot(), snapshot(src__a_ts="2"))
    assert began(found) == {7: [7], 8: [7], 13: [7], 14: [7]}
    assert found[7].reason is Reason.FILES
    assert [(each.path, each.difference) for each in found[7].files] == [("src/a.ts", Difference.CHANGED)]
    assert found[8].reason is Reason.PARENT
    # The command may have made the same files again.
    assert [at for at, verdict in found.items() if not verdict.sure] == [13, 14]


def test_two_beginnings() -> None:
    found = misses(snapshot(), snapshot(package_json="2", nginx_conf="2"))
    assert began(found) == {5: [5], 6: [5], 7: [5], 8: [5], 12: [12], 13: [5, 12], 14: [5, 12]}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"src__c_ts": None}, {"src__c_ts": "1"}, ("src/c.ts", Difference.ADDED)),
        ({"src__c_ts": "1"}, {"src__c_ts": None}, ("src/c.ts", Difference.REMOVED)),
        ({}, {"ignore": "src/b.ts"}, ("src/b.ts", Difference.HIDDEN)),
        ({"ignore": "src/b.ts"}, {}, ("src/b.ts", Difference.SHOWN)),
        ({"ignore": "*.ts", "src__a_ts": "1"}, {"src__a_ts": "1"}, None),
    ],
)
def test_what_happened_to_a_file(
    before: dict[str, str], after: dict[str, str], expected: tuple[str, Difference] | None
) -> None:
    found = misses(snapshot(**before), snapshot(**after))
    assert [(each.path, each.difference) for each in found[7].files] == [expected] if expected else not found


def test_permissions() -> None:
    files = Tree("here", {**snapshot().files.entries, "src/a.ts": Entry(0o100755, "1")})
    found = misses(snapshot(), Snapshot(snapshot().graph, files, files))
    assert [(each.path, each.difference) for each in found[7].files] == [("src/a.ts", Difference.MODE)]


@pytest.mark.parametrize(
    ("old", "new", "at", "name", "origin"),
    [
        ("NODE=22", "NODE=24", 2, "image", 1),
        ("nginx:1.27", "nginx:1.28", 10, "image", 10),
        ("VERSION=1", "VERSION=2", 6, "variable VERSION", 3),
        ("MODE=fast", "MODE=slow", 14, "variable MODE", 11),
        ("/app\n", "/srv\n", 4, "folder", 4),
        ("npm ci", "npm install", 6, "command", 6),
        ("/etc/nginx/", "/etc/", 12, "destination", 12),
        ("ENV MODE", "USER me\nENV MODE", 15, "user", 11),
    ],
)
def test_the_part_that_differs_and_what_sets_it(old: str, new: str, at: int, name: str, origin: int) -> None:
    found = misses(snapshot(), snapshot(DOCKERFILE.replace(old, new)))
    assert found[at].reason is Reason.PART
    assert [(p.name, p.origin.span.first.line if p.origin else None) for p in found[at].parts] == [
        (name, origin)
    ]
    assert found[at].roots == (found[at].step.index,)


def test_a_global_argument_behind_one_without_a_default() -> None:
    text = "ARG V=1\nFROM a\nARG V\nRUN x\n"
    found = misses(snapshot(text), snapshot(text.replace("V=1", "V=2")))
    assert [part.origin.span.first.line for part in found[4].parts if part.origin] == [1]


def test_what_a_stage_inherits() -> None:
    text = "FROM a AS base\nENV V=1\nFROM base\nRUN x\n"
    found = misses(snapshot(text), snapshot(text.replace("V=1", "V=2")))
    assert [(part.name, part.origin.span.first.line) for part in found[4].parts if part.origin] == [
        ("variable V", 2)
    ]


def test_what_is_no_longer_set() -> None:
    text = "FROM a\nENV V=1\nRUN x\n"
    found = misses(snapshot(text), snapshot(text.replace("ENV V=1", "LABEL v=1")))
    (part,) = found[3].parts
    assert (part.name, part.gone, part.origin) == ("variable V", True, None)


def test_values_of_images_and_folders_only() -> None:
    found = misses(snapshot(), snapshot(DOCKERFILE.replace("NODE=22", "NODE=24")))
    (image,) = found[2].parts
    assert (image.was, image.now) == ("docker.io/library/node:22", "docker.io/library/node:24")
    found = misses(snapshot(), snapshot(DOCKERFILE.replace("VERSION=1", "VERSION=secret")))
    assert "secret" not in str([(part.name, part.was, part.now) for part in found[6].parts])


def test_an_instruction_more_and_one_less() -> None:
    found = misses(snapshot(), snapshot(DOCKERFILE.replace("RUN npm ci", "RUN date\nRUN npm ci")))
    assert found[6].reason is Reason.NEW
    assert began(found) == {6: [6], 7: [6], 8: [6], 9: [6], 14: [6], 15: [6]}
    found = misses(snapshot(), snapshot(DOCKERFILE.replace("RUN npm run build\n", "")))
    # Nothing of the stage runs, and yet it holds something else.
    assert (found[12].reason, found[12].files) == (Reason.FILES, ())
    assert began(found) == {12: [12], 13: [12]}


def test_a_first_build() -> None:
    text = "FROM a AS one\nRUN x\nFROM a\nCOPY --from=one /x /y\nRUN z\n"
    found = misses(snapshot(None), snapshot(text))
    # The image is pulled once, so what goes on from the second FROM began with the first.
    assert began(found) == {1: [1], 2: [1], 4: [1], 5: [1]}
    assert why(snapshot(text), snapshot(None), PersistentCache()) == ()


def test_returned_content_is_in_the_caches_that_hold_it() -> None:
    for cache, expected in ((PersistentCache(), set[int]()), (RegistryCache("max"), {7, 8, 13, 14})):
        misses(snapshot(), snapshot(src__a_ts="2"), cache)
        assert set(misses(snapshot(src__a_ts="2"), snapshot(), cache)) == expected


LINES = st.lists(
    st.sampled_from(
        [
            *("RUN x", "RUN y", "COPY . .", "COPY src /s", "WORKDIR /w", "ARG A=1", "ENV B=2", "USER u"),
            *("FROM a", "FROM b AS one", "FROM one", "COPY --from=one /x /y", "RUN --mount=from=one ls"),
            *("COPY --link package.json /p", "ADD nginx.conf /n", 'SHELL ["/bin/bash"]'),
        ]
    ),
    max_size=10,
)


@given(LINES, LINES, st.booleans(), st.sampled_from(["1", "2"]))
def test_every_miss_began_somewhere(old: list[str], new: list[str], persistent: bool, content: str) -> None:
    before = snapshot("\n".join(["FROM a", *old]))
    after = snapshot("\n".join(["FROM a", *new]), src__a_ts=content)
    found = why(before, after, PersistentCache() if persistent else RegistryCache("max"))
    by_index = {verdict.step.index: verdict for verdict in found}
    for verdict in found:
        assert (verdict.reason is None) == verdict.hit == (verdict.roots == ())
        for root in verdict.roots:
            assert not by_index[root].hit
            assert by_index[root].reason is not Reason.PARENT
            assert (root == verdict.step.index) == (verdict.reason is not Reason.PARENT)
    again = why(after, after, PersistentCache() if persistent else RegistryCache("max"))
    assert all(verdict.hit for verdict in again)
