"""The stage graph: the fewest stages, and what each barrier orders that nothing asked for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compiler.graph import Barrier, ServiceNode, StageGraph, build_graph


def graph(stages: dict[str, str], skipped: str = "", **needs: str) -> StageGraph:
    """`stages` maps a stage to its services, one letter each; so does `needs` with what each depends on."""
    nodes = {
        name: ServiceNode(name, "application", index, name in skipped)
        for index, names in enumerate(stages.values())
        for name in names
    }
    return build_graph(list(stages), nodes, {name: tuple(others) for name, others in needs.items()})


def test_services_without_dependencies_need_one_stage() -> None:
    found = graph({"one": "a", "two": "bc"})
    assert found.minimal_stages() == (("a", "b", "c"),)
    assert found.barriers() == (Barrier(0, 1, 0, ("b", "c")),)


def test_a_chain_asks_for_all_of_its_barriers() -> None:
    found = graph({"one": "a", "two": "b", "three": "c"}, b="a", c="b")
    assert found.minimal_stages() == (("a",), ("b",), ("c",))
    assert found.barriers() == (Barrier(0, 1, 1, ()), Barrier(1, 2, 1, ()))


def test_a_barrier_is_asked_for_by_what_needs_the_stage_just_before() -> None:
    """`c` needs `a`; that it waits for `b` as well is the second barrier's doing alone."""
    found = graph({"one": "a", "two": "b", "three": "c"}, b="a", c="a")
    assert found.minimal_stages() == (("a",), ("b", "c"))
    assert found.barriers() == (Barrier(0, 1, 1, ()), Barrier(1, 2, 0, ("c",)))


def test_asking_through_others_is_asking() -> None:
    found = graph({"one": "a", "two": "bcd"}, b="a", c="b", d="")
    assert found.barriers() == (Barrier(0, 1, 2, ("d",)),)


def test_stages_without_services_have_no_barriers() -> None:
    found = graph({"none": "", "one": "a", "empty": "", "two": "b", "end": ""}, b="a")
    assert found.barriers() == (Barrier(1, 3, 1, ()),)
    assert graph({"none": ""}).barriers() == ()
    assert graph({"none": ""}).minimal_stages() == ()


def test_nothing_waits_for_a_skipped_service() -> None:
    found = graph({"one": "as", "two": "b", "three": "t"}, skipped="st", b="s")
    assert found.minimal_stages() == (("a", "b"),)
    assert found.barriers() == (Barrier(0, 1, 0, ("b",)),)
    assert found.dependencies("b") == ("s",)
    assert [[node.name for node in nodes] for nodes in found.members()] == [["a", "s"], ["b"], ["t"]]


@st.composite
def graphs(draw: st.DrawFn) -> StageGraph:
    """Graphs without cycles and without dependencies on later stages, as the checks leave them."""
    count = draw(st.integers(0, 12))
    stages = sorted(draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    nodes = {
        f"s{index}": ServiceNode(f"s{index}", "job", stage, draw(st.booleans()) and draw(st.booleans()))
        for index, stage in enumerate(stages)
    }
    earlier = st.integers(0, max(count - 1, 0))
    needs = {
        f"s{index}": sorted({f"s{other}" for other in draw(st.lists(earlier, max_size=3)) if other < index})
        for index in range(count)
    }
    return build_graph([f"stage {index}" for index in range(5)], nodes, needs)


def ancestors(graph: StageGraph, name: str) -> set[str]:
    """All that a service depends on, as long as it is deployed: by trying, without networkx."""
    found: set[str] = set()
    todo = [name]
    while todo:
        fresh = {
            other for other in graph.dependencies(todo.pop()) if not graph.services[other].skipped
        } - found
        found |= fresh
        todo += fresh
    return found


@given(graphs())
def test_minimal_stages_keep_the_order_and_none_could_be_left_out(graph: StageGraph) -> None:
    layers = graph.minimal_stages()
    level = {name: index for index, layer in enumerate(layers) for name in layer}
    assert set(level) == {node.name for node in graph.services.values() if not node.skipped}
    for name, index in level.items():
        needs = [level[other] for other in graph.dependencies(name) if other in level]
        assert index == max(needs, default=-1) + 1


@given(graphs())
def test_barriers_by_trying_everything(graph: StageGraph) -> None:
    deployed = [node for node in graph.services.values() if not node.skipped]
    used = sorted({node.stage for node in deployed})
    expected = []
    for after, before in pairwise(used):
        here = [node.name for node in deployed if node.stage == before]
        asks = {
            name
            for name in here
            if any(graph.services[each].stage == after for each in ancestors(graph, name))
        }
        expected.append(Barrier(after, before, len(asks), tuple(sorted(set(here) - asks))))
    assert graph.barriers() == tuple(expected)
