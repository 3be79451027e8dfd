"""Which steps hit: persistent and registry caches, content from other stages, reasons, and speed.

What a real builder does is asked in tests/e2e/test_cache_model.py; here is what
follows from it, and what the builder at hand does not know.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.context.model import Tree
from compiler.layers.cache import Cache, PersistentCache, RegistryCache, build
from compiler.layers.model import BaseImage, Outcome, Reason, Step
from compiler.layers.solver import BUILDKIT_0_8, TODAY, Solver
from layer_builds import graph, letters, parts, tree

APP = """\
FROM base AS build
WORKDIR /app
COPY lock ./
RUN install
COPY . .
RUN compile
FROM run
COPY --from=build /app/lock /lock
COPY --from=build /out /out
RUN finish
"""


def reasons(outcomes: tuple[Outcome, ...]) -> dict[int, tuple[Reason | None, tuple[str, ...]]]:
    return {outcome.step: (outcome.reason, outcome.causes) for outcome in outcomes if not outcome.hit}


def the_same(step: Step, paths: tuple[str, ...]) -> str:
    """Every run of a command leaves the same there."""
    return f"{step.instruction.rest.text} {paths}"


def twice(
    before: str, after: str, files: Tree | None = None, then: Tree | None = None
) -> dict[int, tuple[Reason | None, tuple[str, ...]]]:
    """Why the steps of a second build miss."""
    cache = PersistentCache()
    build(graph(before), files or tree(), cache)
    return reasons(build(graph(after), then or files or tree(), cache))


def test_a_persistent_cache_is_a_set_of_keys() -> None:
    cache = PersistentCache()
    one, two = {"lock": "1", "src": "1"}, {"lock": "1", "src": "2"}
    assert letters(cache, APP, one) == "MMMMMM?M?M?"
    assert letters(cache, APP, one) == "HHHHHHHH"
    assert letters(cache, APP, two) == "HHHMMM?M?M?"
    assert letters(cache, APP, one) == "HHHHHHHH"


def test_a_registry_holds_the_last_export_only() -> None:
    cache = RegistryCache("max")
    one, two = {"lock": "1", "src": "1"}, {"lock": "1", "src": "2"}
    letters(cache, APP, one)
    assert letters(cache, APP, one) == "HHHHHHHH"
    assert letters(cache, APP, two) == "HHHMMM?M?M?"
    assert letters(cache, APP, one) == "HHHMMM?M?M?"


def test_mode_min_holds_the_results_of_the_last_stage() -> None:
    cache = RegistryCache("min")
    letters(cache, APP, {"lock": "1", "src": "1"})
    assert letters(cache, APP, {"lock": "1", "src": "1"}) == "HHHHHHHH"
    # The build stage has keys but no results, and somebody needs its files.
    found = build(graph(APP), tree({"lock": "1", "src": "2"}), cache)
    assert reasons(found)[3] == (Reason.PARENT, ("2",))
    assert reasons(found)[1] == (Reason.PARENT, ("0",))
    assert [outcome.hit for outcome in found] == [False] * 6 + [True] + [False] * 3


def test_mode_min_leaves_alone_what_nobody_needs() -> None:
    text = "FROM a AS one\nRUN x\nFROM b AS two\nCOPY --from=one /x /x\nRUN y\n"
    text += "FROM c\nCOPY --from=two /y /y\nCOPY a /a\n"
    cache = RegistryCache("min")
    assert letters(cache, text, {"a": "1"}, writes=the_same) == "MMMMM"
    assert letters(cache, text, {"a": "1"}, writes=the_same) == "HHHHH"
    assert letters(cache, text, {"a": "2"}, writes=the_same) == "HHHHM"
    # Stage two is run for its files, and stage one for those of stage two.
    assert letters(cache, text.replace("/y /y", "/y /z"), {"a": "2"}, writes=the_same) == "MMMMM"


def test_what_an_export_does_not_hold_is_said_so() -> None:
    text = "FROM base AS b\nRUN one\nFROM base\nCOPY --from=b /x /x\nCOPY a /a\n"
    cache = RegistryCache("min")
    build(graph(text), tree({"a": "1"}), cache, writes=the_same)
    changed = text.replace("/x /x", "/x /y")
    found = reasons(build(graph(changed), tree({"a": "1"}), cache, writes=the_same))
    assert found[1] == (Reason.EXPORT, ())
    assert found[3] == (Reason.PART, ("destination",))


def test_files_that_a_copy_brought_are_known() -> None:
    text = "FROM base AS b\nCOPY . /src/\nFROM run\nCOPY --from=b /src/a /a\nRUN x\n"
    cache = PersistentCache()
    letters(cache, text, {"a": "1", "b": "1"})
    assert letters(cache, text, {"a": "1", "b": "2"}) == "MHH"
    assert letters(cache, text, {"a": "2", "b": "2"}) == "MMM"
    assert letters(cache, text, {"a": "1", "b": "3"}) == "MHH"


@pytest.mark.parametrize(
    ("stage", "path", "second"),
    [
        ("COPY d /x/", "x", "MM"),
        ("COPY d /x", "x/other", "MH"),
        ("COPY d/one /x", "x", "MM"),
        ("WORKDIR /w\nCOPY d/one /w", "w/one", "HMM"),
        ("COPY d/one /tmp", "tmp/one", "MM"),
        ("COPY d/one d/other /x/", "x/other", "MH"),
        ("COPY --chmod=600 d/one /x", "x", "MM"),
        ("COPY * /x/", "x", "MM"),
        ("COPY * /x/", "x/other", "MH"),
        ("COPY --parents d/one /x/", "x/d/one", "MM"),
        ("COPY d /x/\nCOPY d/other /x/one", "x/one", "MMH"),
        ("ADD d/one /x", "x", "MM"),
    ],
)
def test_where_a_copy_puts_files(stage: str, path: str, second: str) -> None:
    text = f"FROM scratch AS b\n{stage}\nFROM scratch\nCOPY --from=b /{path} /p\n"
    cache = PersistentCache()
    letters(cache, text, {"d/one": "1", "d/other": "1"})
    assert letters(cache, text, {"d/one": "2", "d/other": "1"}) == second


@pytest.mark.parametrize(
    ("stage", "then"),
    [("COPY a /x", "COPY --chown=1 a /x"), ("WORKDIR /x", "USER 1\nWORKDIR /x")],
)
@pytest.mark.parametrize(("solver", "hits"), [(TODAY, False), (BUILDKIT_0_8, True)])
def test_owners_count_for_those_who_copy_from_a_stage(
    stage: str, then: str, solver: Solver, hits: bool
) -> None:
    text = "FROM base AS b\nCOPY c /c\n{}\nFROM run\nCOPY --from=b /x /x\n"
    cache = PersistentCache(solver=solver)
    build(graph(text.format(stage)), tree({"a": "1", "c": "1"}), cache)
    found = build(graph(text.format(then)), tree({"a": "1", "c": "1"}), cache)
    assert [found[2].hit, found[4].hit] == [False, hits]


def test_what_a_command_leaves_is_asked() -> None:
    text = "FROM base AS b\nCOPY a /a\nRUN make\nFROM run\nCOPY --from=b /out /out\nCOPY --from=b /a /b\n"
    asked: list[tuple[str, tuple[str, ...]]] = []

    def writes(step: Step, paths: tuple[str, ...]) -> str | None:
        asked.append((parts(step)["command"], paths))
        return "always the same" if paths == ("out",) else ""

    cache = PersistentCache()
    assert letters(cache, text, {"a": "1"}, writes=writes) == "MMMM"
    assert letters(cache, text, {"a": "2"}, writes=writes) == "MMHM"
    assert set(asked) == {("make", ("out",)), ("make", ("a",))}


def test_an_archive_that_is_unpacked_is_not_known() -> None:
    text = (
        "FROM base AS b\nADD a.tar.gz /x/\nCOPY c /y/\nFROM run\nCOPY --from=b /x/f /f\nCOPY --from=b /y/c /"
    )
    cache = PersistentCache()
    letters(cache, text, {"a.tar.gz": "1", "c": "1"})
    assert letters(cache, text, {"a.tar.gz": "2", "c": "1"}) == "MMM?M?"
    assert letters(cache, text, {"a.tar.gz": "1", "c": "1"}) == "HHHH"


def test_a_linked_copy_hits_whatever_is_below_it() -> None:
    text = "FROM base\nRUN {}\nCOPY --link a /a\nRUN after\n"
    cache = PersistentCache()
    letters(cache, text.format("one"), {"a": "1"})
    assert letters(cache, text.format("two"), {"a": "1"}) == "MHM"
    assert letters(cache, text.format("one"), {"a": "2"}) == "HMM"
    assert letters(cache, text.format("two"), {"a": "2"}) == "HHM"
    assert letters(cache, text.format("two"), {"a": "2"}) == "HHH"


def test_equal_steps_of_two_stages_run_once() -> None:
    text = "FROM base AS a\nRUN x\nFROM base AS b\nRUN x\nRUN y\nFROM a\nCOPY --from=b /f /f\n"
    assert letters(PersistentCache(), text) == "MHMM?"


def test_an_image_that_only_has_another_configuration() -> None:
    text = "FROM base\nCOPY a /a\nRUN x\n"
    cache = PersistentCache()
    first = graph(text, bases={"base": BaseImage("sha256:1", "layers", {"V": "1"})})
    second = graph(text, bases={"base": BaseImage("sha256:2", "layers", {"V": "2"})})
    assert letters(cache, first, {"a": "1"}) == "MM"
    assert letters(cache, second, {"a": "1"}) == "HM"
    third = graph(text, bases={"base": BaseImage("sha256:3", "others", {"V": "1"})})
    assert letters(cache, third, {"a": "1"}) == "MM"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "HHHHHHHH"),
        (("build",), "HMMMMHHH"),
        (("0",), "HMMMMHHH"),
        (("BUILD", "1"), "HMMMMMMM"),
        (("1",), "HHHHHMMM"),
    ],
)
def test_stages_that_do_not_use_the_cache(names: tuple[str, ...], expected: str) -> None:
    cache = PersistentCache()
    build(graph(APP), tree({"lock": "1"}), cache, writes=the_same)
    assert letters(cache, APP, {"lock": "1"}, writes=the_same, no_cache_filter=names) == expected
    assert letters(cache, APP, {"lock": "1"}, writes=the_same) == "HHHHHHHH"


def test_a_stage_from_one_that_does_not_use_the_cache_runs_again() -> None:
    text = "FROM base AS a\nRUN x\nFROM a\nWORKDIR /w\nRUN y\n"
    cache = PersistentCache()
    letters(cache, text)
    found = build(graph(text), tree(), cache, no_cache_filter=("a",))
    assert reasons(found) == {
        1: (Reason.FORCED, ()),
        2: (Reason.PARENT, ("1",)),
        3: (Reason.PARENT, ("2",)),
    }


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("RUN x", "RUN y", (Reason.PART, ("command",))),
        ("RUN x", "USER u\nRUN x", (Reason.PART, ("user",))),
        ("ENV A=1\nRUN x", "ENV A=2\nRUN x", (Reason.PART, ("variable A",))),
        ("ENV A=1\nENV B=1\nRUN x", "ENV B=1\nENV A=1\nRUN x", (Reason.PART, ("variable B", "variable A"))),
        ("COPY a /x", "COPY a /y", (Reason.PART, ("destination",))),
        ("COPY a /x", "COPY --chown=1 a /x", (Reason.PART, ("flags",))),
        ("COPY a /x", "COPY b /x", (Reason.FILES, ("a", "b"))),
        ("WORKDIR /a", "WORKDIR /b", (Reason.PART, ("folder",))),
        ("COPY a /x", "RUN x", (Reason.NEW, ())),
        ("RUN x", "RUN new\nRUN x", (Reason.NEW, ())),
        ("RUN x", "RUN --mount=type=cache,target=/c x", (Reason.PART, ("mounts",))),
    ],
)
def test_why_a_step_of_another_file_misses(
    before: str, after: str, reason: tuple[Reason, tuple[str, ...]]
) -> None:
    assert twice(f"FROM base\n{before}\n", f"FROM base\n{after}\n", tree({"a": "1", "b": "1"}))[1] == reason


def test_why_a_step_misses_for_files() -> None:
    text = "FROM base\nCOPY . /x\nRUN y\n"
    found = twice(text, text, tree({"a": "1", "b": "1", "c": "1"}), tree({"a": "2", "c": "1", "d": "1"}))
    assert found == {1: (Reason.FILES, ("a", "b", "d")), 2: (Reason.PARENT, ("1",))}


def test_why_a_step_misses_for_an_image_or_another_stage() -> None:
    assert twice("FROM a\nRUN x\n", "FROM b\nRUN x\n") == {
        0: (Reason.PART, ("image",)),
        1: (Reason.PARENT, ("0",)),
    }
    text = "FROM a AS b\nRUN {}\nFROM c\nCOPY --from=b /x /x\n"
    assert twice(text.format("one"), text.format("two")) == {
        1: (Reason.PART, ("command",)),
        3: (Reason.PARENT, ("1",)),
    }


def test_the_digests_of_the_caller_are_taken() -> None:
    cache = PersistentCache()
    text = "FROM base\nCOPY a /a\n"
    assert letters(cache, text, {"a": "1"}, digests=lambda _: "x") == "M"
    assert letters(cache, text, {"a": "2"}, digests=lambda _: "x") == "H"


LINES = (
    *("FROM base AS s", "FROM s", "FROM scratch", "FROM other", "RUN x", "RUN y", "USER u", "ARG B=2"),
    *(
        "COPY a /a",
        "COPY . /all/",
        "COPY d* /w/",
        "COPY --link d /l",
        "WORKDIR /w",
        "ENV A=1",
        "ADD x.tar /t",
    ),
    *("COPY --from=s /a /b", "COPY --from=s /all /c/", "COPY --from=0 / /r/"),
    *("RUN --mount=from=s,source=/a,target=/m z", "RUN --mount=source=d,target=/m z"),
)
KINDS = st.sampled_from(("persistent", "max", "min"))
FILES = st.dictionaries(st.sampled_from(("a", "d/one", "d/two", "x.tar")), st.sampled_from("12"), min_size=2)


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(LINES), max_size=10),
    st.lists(FILES, min_size=1, max_size=4),
    st.sampled_from(("p", "max", "min")),
)
def test_what_was_just_built_hits_and_the_model_repeats_itself(
    lines: list[str], contexts: list[dict[str, str]], kind: str
) -> None:
    made = graph("\n".join(["FROM base AS s", *lines]))

    def caches() -> Cache:
        return PersistentCache() if kind == "persistent" else RegistryCache(kind)

    cache, other = caches(), caches()
    for files in contexts:
        first = build(made, tree(files), cache)
        assert first == build(made, tree(files), other)
        assert all((outcome.reason is None) is outcome.hit for outcome in first)
        again = build(made, tree(files), cache)
        assert all(outcome.hit for outcome in again)
        build(made, tree(files), other)
        # A step whose parent ran is run, for want of a key, unless it is like another one.
        ran = {outcome.step for outcome in first if not outcome.hit}
        known = {outcome.step: outcome for outcome in first}
        for step in made.steps:
            if known[step.index].reason is Reason.PARENT:
                assert {int(cause) for cause in known[step.index].causes} & set(step.needs)
                assert {int(cause) for cause in known[step.index].causes} <= ran | set(step.needs)


@given(st.lists(FILES, min_size=2, max_size=6))
def test_a_persistent_cache_hits_at_least_what_a_registry_hits(contexts: list[dict[str, str]]) -> None:
    made = graph(APP)
    kept, most, least = PersistentCache(), RegistryCache("max"), RegistryCache("min")
    for files in contexts:
        persistent, maximal, minimal = (
            {outcome.step for outcome in build(made, tree(files), cache) if outcome.hit}
            for cache in (kept, most, least)
        )
        assert minimal <= maximal <= persistent


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\n" + "RUN x\n" * 2900,
        "FROM scratch AS a0\nCOPY . /\n"
        + "".join(f"FROM scratch AS a{n + 1}\nCOPY --from=a{n} / /\n" for n in range(2300)),
        "FROM a AS b\n" + "RUN x\n" * 2000 + "FROM c\n" + "COPY --from=b /x /y\n" * 2900,
        "FROM a AS b\n"
        + "COPY a /a\n" * 2000
        + "FROM c\n"
        + "".join(f"COPY --from=b /x{n} /y\n" for n in range(2900)),
        "FROM a\n" + "COPY --link a /a\n" * 4000,
    ],
)
@pytest.mark.parametrize("cache", [PersistentCache, RegistryCache])
def test_long_files_take_few_seconds(text: str, cache: type[PersistentCache] | type[RegistryCache]) -> None:
    made, held = graph(text), cache()
    start = time.process_time()
    for content in "12":
        build(made, tree({"a": content}), held)
    assert time.process_time() - start < 8
