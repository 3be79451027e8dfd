"""docs/build-times.md says what the tables of the code say."""

from __future__ import annotations

from pathlib import Path

from compiler.buildtime.assumed import FILE_CHANGED, MANIFESTS_CHANGED, REBUILDS
from compiler.buildtime.defaults import DEFAULTS, KEPT_SHARE, SPEEDS
from compiler.shell.ecosystems import ECOSYSTEMS
from compiler.shell.systems import SYSTEM_MANAGERS

DOCS = Path(__file__).parents[3] / "docs" / "build-times.md"


def rows(columns: int) -> list[list[str]]:
    found = [line.strip("| \n").split(" | ") for line in DOCS.read_text("utf-8").splitlines()]
    return [row for row in found if len(row) == columns]


def test_the_page_has_every_default() -> None:
    documented = {(row[0], row[1]): row[2:] for row in rows(7) if row[0] != "what"}
    assert documented == {
        key: [
            f"{each.median_s:g} s",
            f"{each.each_s:g} s",
            f"{each.p90_ratio:g}",
            f"{each.megabytes:g} MB"
            + (f" and {each.each_megabytes:g} MB each" if each.each_megabytes else ""),
            each.reason,
        ]
        for key, each in DEFAULTS.items()
    }


def test_the_page_has_every_speed_and_share() -> None:
    speeds = {row[0]: row[1:] for row in rows(4) if row[0] in SPEEDS}
    assert speeds == {
        name: [f"{each.bytes_per_s / 1e6:g} MB", f"{each.p90_ratio:g}", each.reason]
        for name, each in SPEEDS.items()
    }
    assert {row[0]: row[1] for row in rows(2) if row[0] in KEPT_SHARE} == {
        name: f"{share:g}" for name, share in KEPT_SHARE.items()
    }
    changes = [row[1] for row in rows(3) if row[1].isdigit()]
    assert changes == [str(REBUILDS), str(MANIFESTS_CHANGED), str(FILE_CHANGED)]


def test_every_default_is_of_something_known() -> None:
    """A row that nothing can ever ask for would be a figure without a meaning."""
    assert all(each.median_s >= 0 and each.p90_ratio >= 1 and each.reason for each in DEFAULTS.values())
    for what, by in DEFAULTS:
        if what in ("update", "system"):
            assert by == "any" or by in SYSTEM_MANAGERS
        elif what in ("install", "libraries", "packages"):
            assert by == "any" or by in ECOSYSTEMS
    assert {by for what, by in DEFAULTS if what == "install"} == set(ECOSYSTEMS)
