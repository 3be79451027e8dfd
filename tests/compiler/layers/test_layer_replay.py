from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.context.history import read_history
from compiler.context.model import Change, Commit, Entry, History, Tree
from compiler.context.visible import visible
from compiler.dockerfile.ignore import IgnoreFile, read_ignore
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers import content
from compiler.layers.cache import PersistentCache, RegistryCache, build
from compiler.layers.lower import lower
from compiler.layers.model import BuildGraph, Read
from compiler.layers.reads import Contents, places, readers
from compiler.layers.replay import ENOUGH, Cache, line_of, path_changes, replay
from compiler.source import SourceFile
from git_repositories import PERSON, PROGRAM, Made, make_repository

NODE = """\
FROM node:22
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build
"""
Files = dict[str, str]


def graph_of(text: str) -> BuildGraph:
    return lower(read_dockerfile(SourceFile("Dockerfile", text)))


def ignoring(text: str) -> IgnoreFile:
    return read_ignore(SourceFile(".dockerignore", text))


def entry(text: str) -> Entry:
    """`link TARGET`, `module COMMIT`, `run CONTENT`, or a file's content."""
    kind, _, rest = text.partition(" ")
    if kind == "link":
        return Entry(0o120000, rest, target=rest)
    return Entry({"module": 0o160000, "run": 0o100755}.get(kind, 0o100644), text)


def history_of(trees: Sequence[Files], automatic: Iterable[int] = ()) -> History:
    """A history whose start is the first of some trees, and whose commits lead to the others."""
    entries = [{path: entry(text) for path, text in tree.items()} for tree in trees]
    commits = [
        Commit(
            str(number),
            number in set(automatic),
            tuple(
                Change(path, before.get(path), after.get(path))
                for path in sorted(before.keys() | after.keys())
                if before.get(path) != after.get(path)
            ),
        )
        for number, (before, after) in enumerate(pairwise(entries), 1)
    ]
    return History(Tree("start", entries[0] if entries else {}), tuple(commits), False)


def lines_missed(text: str, trees: Sequence[Files], cache: Cache = "persistent") -> list[list[int]]:
    graph = graph_of(text)
    found = replay(graph, history_of(trees), ".", None, cache=cache)
    return [[graph.steps[step].instruction.span.first.line for step in missed] for missed in found.missed]


BASE = {"package.json": "1", "package-lock.json": "1", "src": "1"}


def test_what_each_commit_would_have_built() -> None:
    trees = [BASE, {**BASE, "src": "2"}, {**BASE, "src": "2", "package-lock.json": "2"}]
    assert lines_missed(NODE, trees) == [[5, 6], [3, 4, 5, 6]]


def test_only_a_registry_forgets() -> None:
    trees = [BASE, {**BASE, "src": "2"}, BASE]
    assert lines_missed(NODE, trees) == [[5, 6], []]
    assert lines_missed(NODE, trees, "registry") == [[5, 6], [5, 6]]


def test_a_commit_that_changes_nothing_visible_builds_nothing() -> None:
    trees = [{"web/a": "1", "doc": "1"}, {"web/a": "1", "doc": "2"}, {"web/a": "1", "web/b": "1", "doc": "2"}]
    graph = graph_of("FROM scratch\nCOPY . /\n")
    assert replay(graph, history_of(trees), "web", None).revisions == ("2",)
    assert replay(graph, history_of(trees), "web/", ignoring("b")).revisions == ()
    assert replay(graph, history_of(trees), ".", ignoring("doc")).revisions == ("2",)
    assert replay(graph, history_of(trees), "we", None).revisions == ()


def test_a_file_that_no_step_reads_is_built_and_hits() -> None:
    graph = graph_of("FROM scratch\nCOPY a /\n")
    found = replay(graph, history_of([{"a": "1"}, {"a": "1", "b": "1"}]), ".", None)
    assert found.missed == ((),)
    assert found.miss_rate(0) == 0


def test_bytes_that_are_no_text_have_digests_as_well() -> None:
    """What is not UTF-8 is kept as lone surrogates, which Python does not encode by itself."""
    text = (
        "FROM x AS a\nUSER \udcff\nWORKDIR /a\udcff\nCOPY <<E /a\udcff/h\n\udcff\nE\nFROM x\n"
        "COPY --from=a /a\udcff/h/u /z/\nCOPY --from=a /a\udcff /q/\nCOPY --from=a --chown=\udcff / /r/\n"
        "COPY . /\n"
    )
    trees = [{"f\udcff": "1"}, {"f\udcff": "2"}]
    for cache in ("persistent", "registry"):
        assert lines_missed(text, trees, cache) == [[11]]


def test_the_first_build_fills_the_cache() -> None:
    graph = graph_of("FROM scratch\nCOPY a /\n")
    # Without files before, the first commit is the first build.
    found = replay(graph, history_of([{}, {"a": "1"}, {"a": "2"}], automatic=[2]), ".", None)
    assert (found.revisions, found.automatic, found.missed) == (("2",), (True,), ((0,),))
    assert replay(graph, history_of([{}, {"a": "1"}]), ".", None).miss_rate(0) == 1.0


def test_modes_links_and_submodules_count() -> None:
    text = "FROM scratch\nCOPY a /\n"
    for one, two in (("x", "run x"), ("link b", "link c"), ("module 1", "module 2")):
        assert lines_missed(text, [{"a": one, "b": "1", "c": "2"}, {"a": two, "b": "1", "c": "2"}]) == [[2]]
    # What lies in a submodule is not known: it changes with it.
    assert lines_missed("FROM scratch\nCOPY lib/x /\n", [{"lib": "module 1"}, {"lib": "module 2"}]) == [[2]]


def test_a_link_is_followed() -> None:
    trees = [{"a": "link b", "b/f": "1"}, {"a": "link b", "b/f": "2"}, {"a": "link b", "b/f": "2", "c": "1"}]
    assert lines_missed("FROM scratch\nCOPY a/f /\n", trees) == [[2], []]


def test_a_file_that_comes_back_in_another_folder_is_another_one_to_a_wildcard() -> None:
    trees = [{"one/x": "1"}, {"two/x": "1"}]
    assert lines_missed("FROM scratch\nCOPY */x /\n", trees) == [[2]]
    assert lines_missed("FROM scratch\nCOPY . /\n", trees) == [[2]]


def test_commits_that_lack_what_the_dockerfile_copies_are_left_out() -> None:
    graph = graph_of("FROM scratch\nCOPY lock /\nCOPY src /\n")
    old = [{"src": str(n)} for n in range(3)]
    new = [{"src": str(n), "lock": "1"} for n in range(3, 7)]
    line = line_of(graph, history_of([*old, *new]), ".", None)
    assert line.replay.revisions == ("4", "5", "6")
    assert (line.unbuildable, line.lacked, line.recent, line.outside) == (2, ("lock",), (), ())


def test_a_new_file_does_not_take_the_history_from_all_others() -> None:
    graph = graph_of("FROM scratch\nCOPY new /\nCOPY src /\n")
    trees: list[Files] = [{"src": str(n)} for n in range(10)]
    trees += [{"src": "10", "new": "1"}, {"src": "11", "new": "1"}]
    line = line_of(graph, history_of(trees), ".", None)
    assert len(line.commits) == 11
    assert (line.unbuildable, line.lacked, line.recent) == (0, (), ("new",))
    # Enough is enough, however few that is of all.
    trees = [{"src": str(n)} for n in range(1000)]
    trees += [{"src": str(n), "new": "1"} for n in range(1000, 1000 + ENOUGH)]
    line = line_of(graph, history_of(trees), ".", None)
    assert (len(line.commits), line.unbuildable, line.recent) == (ENOUGH - 1, 999, ())


def test_what_is_not_in_git_changes_with_every_commit() -> None:
    trees = [{"src": "1"}, {"src": "2"}, {"src": "3"}]
    for pattern in ("target/app.jar", "target/*.jar"):
        text = f"FROM scratch AS made\nCOPY {pattern} /app/\nFROM scratch\nCOPY --from=made /app /\n"
        line = line_of(graph_of(text), history_of(trees), ".", None)
        assert line.outside == (pattern,)
        assert line.replay.missed[0] == (0, 1)
        assert len(line.commits) == 2
    # Where nothing can stand for it, the layer that copies it misses all the same.
    line = line_of(graph_of("FROM scratch\nCOPY [a-c]x /\n"), history_of(trees), ".", None)
    assert (line.outside, line.replay.missed) == (("[a-c]x",), ((0,), (0,)))
    # A wildcard beside what is there may be there for nobody.
    line = line_of(graph_of("FROM scratch\nCOPY src opt* /\n"), history_of(trees), ".", None)
    assert line.outside == ()


def test_how_often_paths_change() -> None:
    trees = [{"web/a": "1"}, {"web/a": "2"}, {"web/a": "3", "web/b": "1", "x": "1"}, {"web/a": "3"}]
    found = path_changes(history_of(trees, automatic=[2]), "web")
    assert [(path, each.people, each.automatic, each.all) for path, each in found.items()] == [
        ("a", 1, 1, 2),
        ("b", 1, 1, 2),
    ]


def test_which_steps_read_a_path() -> None:
    found = readers(graph_of(NODE), ["package.json", "src", "secret"], ignoring("secret"))
    assert found == {"package.json": (2, 4), "src": (4,)}


# The replay against whole builds

LINES = (
    "COPY a /x/",
    "COPY . /x/",
    "COPY --link a d /x/",
    "COPY d/*.t *.t /x/",
    "COPY --exclude=*.t d /x/",
    "COPY d/e /x/",
    "RUN one",
    "RUN --mount=type=bind,target=/src two",
    "RUN --mount=type=bind,source=d,target=/src --mount=type=bind,source=a,target=/a three",
    "WORKDIR /w",
    "ADD d /w",
    "COPY --from=0 /x /y",
    "COPY --from=0 /x/a /y",
    "FROM base",
    "FROM scratch",
)
PATHS = ("a", "d/e", "d/f.t", "b.t", "z/y", "Dockerfile")
TREES = st.fixed_dictionaries(
    {"a": st.sampled_from("12"), "d/e": st.sampled_from(("1", "2", "run 1"))},
    optional={path: st.sampled_from(("1", "2", "link a", "run 2")) for path in PATHS[2:]},
)
RULES = st.lists(st.sampled_from(("z", "*.t", "!b.t", "d/f.t", "Dockerfile", "**/y")), max_size=3)


def tree_after(history: History, count: int) -> Tree:
    entries = dict(history.start.entries)
    for commit in history.commits[:count]:
        for change in commit.changes:
            entries.pop(change.path, None)
            if change.after is not None:
                entries[change.path] = change.after
    return Tree(str(count), entries)


def covered(read: Read, tree: Tree) -> set[tuple[Read, str]]:
    """The patterns of a read that cover something."""
    single = [(pattern, read._replace(patterns=(pattern,))) for pattern in read.patterns]
    return {(read, pattern) for pattern, each in single if any(content.covered(each, tree.entries))}


def built_wholly(
    graph: BuildGraph, history: History, ignore: IgnoreFile, cache: Cache
) -> list[tuple[str, tuple[int, ...]]]:
    """What `replay` says, by building every commit with its whole tree."""
    reads = {read for step in graph.steps for read in step.reads if read.origin is None}
    trees = [visible(tree_after(history, n), ignore) for n in range(len(history.commits) + 1)]
    there = [set().union(*(covered(read, tree) for read in reads)) for tree in trees]
    changed = [True, *(dict(a.entries) != dict(b.entries) for a, b in pairwise(trees))]
    builds = [n for n in range(1, len(trees)) if changed[n]]
    needed = {
        each for each in there[-1] if sum(each in there[n] for n in builds) >= min(ENOUGH, len(builds) / 2)
    }
    store = PersistentCache() if cache == "persistent" else RegistryCache()
    found = []
    for number, tree in enumerate(trees):
        if changed[number] and tree.entries and needed <= there[number]:
            outcomes = build(graph, tree, store)
            missed = tuple(each.step for each in outcomes if not each.hit)
            found.append((str(number), missed))
    return found[1:]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), max_size=8),
    st.lists(TREES, min_size=2, max_size=7),
    RULES,
    st.sampled_from(("persistent", "registry")),
)
def test_a_replay_says_what_whole_builds_say(
    lines: list[str], trees: list[Files], rules: list[str], cache: Cache
) -> None:
    graph = graph_of("\n".join(["FROM scratch", *lines]))
    history, ignore = history_of(trees), ignoring("\n".join(rules))
    line = line_of(graph, history, ".", ignore, cache=cache)
    if line.outside:
        return
    found = list(zip(line.replay.revisions, line.replay.missed, strict=True))
    assert found == built_wholly(graph, history, ignore, cache)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LINES), st.lists(TREES, min_size=2, max_size=6), RULES)
def test_digests_are_equal_where_those_of_whole_trees_are(
    line: str, trees: list[Files], rules: list[str]
) -> None:
    graph, history, ignore = graph_of(f"FROM scratch\n{line}"), history_of(trees), ignoring("\n".join(rules))
    groups = {tuple(read for read in step.reads if read.origin is None) for step in graph.steps} - {()}
    for reads in groups:
        contents = Contents(graph, places(history, "."), ignore)
        pairs: set[tuple[str, str]] = set()
        states = [
            history.start.entries,
            *({c.path: c.after for c in each.changes} for each in history.commits),
        ]
        for number, changes in enumerate(states):
            for path, after in changes.items():
                contents.put(path, after)
            whole = content.digest(reads, visible(tree_after(history, number), ignore))
            pairs.add((contents.digest(reads), whole))
        if not contents.outside:
            assert len({mine for mine, _ in pairs}) == len(pairs) == len({whole for _, whole in pairs})


def large_history(root: Path, files: int, commits: int) -> History:
    paths = [f"src/part{n % 40}/module{n}.ts" for n in range(files - 2)]
    made = [Made(dict.fromkeys([*paths, "package.json", "package-lock.json"], "0"))]
    for number in range(1, commits + 1):
        # Spread over the files, and the same every time.
        touched: dict[str, str] = {
            paths[(number * 7919 + 613 * n) % len(paths)]: str(number) for n in range(8)
        }
        if number % 5 == 0:
            touched["package-lock.json"] = str(number)
        made.append(Made(dict(touched), author=PROGRAM if number % 5 == 0 else PERSON))
    return read_history(make_repository(root, made), revision="main", commits=commits)


@pytest.mark.parametrize("cache", ["persistent", "registry"])
def test_a_thousand_commits_of_two_thousand_files(tmp_path: Path, cache: Cache) -> None:
    # Time of the processor, since tests share the machine; git's own is a tenth of a second.
    start = time.process_time()
    history = large_history(tmp_path, 2_000, 1_000)
    graph = graph_of(NODE + "FROM nginx\nCOPY --from=0 /app/dist /html\n")
    found = replay(graph, history, ".", None, cache=cache)
    assert len(found.revisions) == 1_000
    assert len(history.start.entries) == 2_000
    rates = {step.instruction.span.first.line: found.miss_rate(step.index) for step in graph.steps}
    assert (rates[3], rates[4], rates[5], rates[6], rates[8]) == (0.2, 0.2, 1.0, 1.0, 1.0)
    assert sum(found.automatic) == 200
    # 10 s are promised for reading and replaying.
    assert time.process_time() - start < 6


def test_time_does_not_grow_with_commits_times_files() -> None:
    trees: list[Files] = [{f"d{n % 50}/f{n}": "0" for n in range(20_000)}]
    history = history_of(trees)
    commits = [
        Commit(str(n), False, (Change(f"d{n % 50}/f{n}", entry("0"), entry("1")),)) for n in range(1_000)
    ]
    start = time.process_time()
    found = replay(graph_of("FROM x\nCOPY . /\nRUN y\n"), replace(history, commits=tuple(commits)), ".", None)
    assert len(found.missed) == 1_000
    assert time.process_time() - start < 8
