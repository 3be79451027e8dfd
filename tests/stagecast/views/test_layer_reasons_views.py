"""How the reasons of a build are said: phrases, 80 columns, nothing that steers a terminal."""

from __future__ import annotations

import json as reader
from collections.abc import Iterable, Mapping

import jsonschema
import pytest

from compiler.context.model import Entry, Tree
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.cache import PersistentCache
from compiler.layers.lower import lower
from compiler.layers.why import Difference, FileChange, Snapshot, why
from compiler.source import SourceFile
from stagecast.layer_reasons import BuildReasons, End
from stagecast.views.layer_reasons import json, text
from stagecast.views.layer_reasons.phrases import files, listed
from stagecast.views.layer_reasons.schema import why_schema


def reasons(old: str | None, new: str, before: Mapping[str, str], after: Mapping[str, str]) -> BuildReasons:
    def snapshot(dockerfile: str | None, digests: Mapping[str, str]) -> Snapshot:
        tree = Tree("here", {path: Entry(0o100644, digest) for path, digest in digests.items()})
        graph = None if dockerfile is None else lower(read_dockerfile(SourceFile("Dockerfile", dockerfile)))
        return Snapshot(graph, tree, tree)

    stages = read_dockerfile(SourceFile("Dockerfile", new)).stages
    return BuildReasons(
        "shop",
        ("web",),
        "Dockerfile",
        ".",
        None,
        "persistent",
        End("HEAD (1a2b3c4d5e6f)", "1a2b3c4d5e6f" + "0" * 28, old is not None),
        End("the working tree", None, True),
        tuple(stage.alias or str(number) for number, stage in enumerate(stages)),
        why(snapshot(old, before), snapshot(new, after), PersistentCache()),
    )


def rendered(old: str | None, new: str, before: Iterable[str] = (), after: Iterable[str] = ()) -> str:
    return text.render(reasons(old, new, dict.fromkeys(before, "1"), dict.fromkeys(after, "2")))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a", "a"),
        ("ab", "a and b"),
        ("abc", "a, b and c"),
        ("abcd", "a, b, c and d"),
        ("abcde", "a, b, c and 2 more"),
    ],
)
def test_lists(names: str, expected: str) -> None:
    assert listed(list(names), 3) == expected


def test_files_by_what_happened_to_them() -> None:
    changes = [
        FileChange("a", Difference.CHANGED),
        FileChange("b", Difference.ADDED),
        FileChange("c", Difference.CHANGED),
        FileChange("d", Difference.REMOVED),
    ]
    assert files(changes) == "a and c changed; b is new; d is gone"
    assert files([FileChange(str(n), Difference.ADDED) for n in range(16)]) == (
        "0, 1, 2 and 3 are new; and 12 more"
    )


def test_all_hits() -> None:
    shown = rendered("FROM a\nRUN x\n", "FROM a\nRUN x\n")
    assert shown.endswith("All 2 steps come from the cache: nothing runs.\n")
    assert "MISS" not in shown


def test_a_first_build_and_one_without_steps() -> None:
    shown = rendered(None, "FROM a\nRUN x\n")
    assert "HEAD (1a2b3c4d5e6f) has no such Dockerfile" in shown
    assert shown.endswith("This is a first build: all 2 steps run.\n")
    assert rendered("FROM scratch\n", "FROM scratch\n").endswith("nothing is built.\n")


def test_files_that_no_step_needs() -> None:
    same = "FROM a\nCOPY . .\nRUN x\n"
    assert "a line in .dockerignore" in rendered(same, same, ["Dockerfile", "x"], ["Dockerfile"])[:0] + (
        text.render(reasons(same, same, {"Dockerfile": "1", "x": "1"}, {"Dockerfile": "2", "x": "1"}))
    )
    assert "a line in .dockerignore" not in rendered(same, same, ["x"], ["x"])


def test_what_is_hostile_is_shown_as_text() -> None:
    same = "FROM a\nCOPY . .\nRUN echo \x1b[31m" + "y" * 500 + "\n"
    shown = rendered(same, same, ["ev\x1bil\nname"], ["ev\x1bil\nname"])
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_colours_are_for_terminals() -> None:
    found = reasons("FROM a\nRUN x\n", "FROM a\nRUN y\n", {}, {})
    assert "\x1b[31mMISS" in text.render(found, color=True)
    assert "\x1b" not in text.render(found)


def test_json_is_as_its_schema_says() -> None:
    schema = why_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    for found in (
        reasons("FROM a\nCOPY . .\nRUN x\n", "FROM b\nCOPY . .\nRUN x\n", {"a": "1"}, {"a": "2"}),
        reasons("FROM a\nCOPY . .\nRUN x\n", "FROM a\nCOPY . .\nRUN x\n", {"a": "1"}, {"\udcff": "2"}),
        reasons("FROM a\nARG x=1\nRUN x\n", "FROM a\nARG x=2\nRUN x\n", {}, {}),
        reasons(None, "FROM a\nRUN x\n", {}, {}),
    ):
        data = reader.loads(json.render(found))
        jsonschema.Draft7Validator(schema).validate(data)
        assert data["hits"] + data["misses"] == len(data["steps"])


def test_an_image_that_is_copied_from_and_comments_in_continuations() -> None:
    old = "FROM a\nCOPY --from=tool:1@sha256:" + "1" * 64 + " /t /t\nRUN x \\\n  # why\n  y\n"
    shown = rendered(old, old.replace("1" * 64, "2" * 64))
    assert "MISS   2  the image tool:1@sha256:222222222222...\n" in shown
    assert "is tool:1@sha256:222222222222..., not tool:1@sha256:111111111111..." in shown
    assert "again? 3  RUN x y\n" in shown
