"""Instances of PSPLIB, the field's standard set of resource-constrained projects, as networks.

The set j30 has 480 projects of 30 activities and 4 resources (Kolisch and Sprecher, European
Journal of Operational Research 96 (1996) 205-216), whose optima are published. Nothing of it is copied here:
it is read from the folder that STAGECAST_PSPLIB names, or from `../shared/data/psplib` beside the checkout.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

from simulator.network import Activity, Network, Queue

CHECKOUT = Path(__file__).resolve().parents[2]
RESOURCES = ("R 1", "R 2", "R 3", "R 4")


class PsplibMissingError(Exception):
    """The data set is not there; the message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Project:
    """One instance; activity i of the network is job i + 1 of the file.

    `durations` are whole numbers. `optimum` is the published makespan,
    `starts` those of a schedule that has it.
    """

    name: str
    network: Network
    durations: tuple[int, ...]
    optimum: int
    starts: tuple[int, ...]


def folder() -> Path:
    """Where the data set is.

    Raises:
        PsplibMissingError: it is not there.
    """
    named = os.environ.get("STAGECAST_PSPLIB")
    found = Path(named) if named else CHECKOUT.parent / "shared" / "data" / "psplib"
    if not (found / "optimal-starts.json").is_file():
        raise PsplibMissingError(
            "PSPLIB's j30 with its optima is neither in the folder that STAGECAST_PSPLIB names "
            "nor in ../shared/data/psplib beside the checkout"
        )
    return found


def projects() -> tuple[Project, ...]:
    """All 480, in the order of their parameters and numbers.

    Raises:
        PsplibMissingError: see `folder`.
    """
    where = folder()
    starts = json.loads((where / "optimal-starts.json").read_text(encoding="utf-8"))
    with (where / "j30" / "optimum.csv").open(encoding="utf-8", newline="") as file:
        optima = {row["problem"]: int(row["optimum"]) for row in csv.DictReader(file)}

    def number(name: str) -> tuple[int, int]:
        first, _, second = name.removeprefix("j30").removesuffix(".sm").partition("_")
        return int(first), int(second)

    found = []
    for name in sorted(optima, key=number):
        network, durations = read((where / "j30" / name).read_text(encoding="utf-8"))
        found.append(Project(name, network, durations, optima[name], tuple(starts[name]["starts"])))
    return tuple(found)


def read(text: str) -> tuple[Network, tuple[int, ...]]:
    """The network and the durations of a single-mode file (.sm); jobs that ask for nothing have no queue."""
    sections = _sections(text)
    successors = [[int(word) for word in line.split()] for line in sections["PRECEDENCE RELATIONS"][1:]]
    needs: dict[int, list[int]] = {job: [] for job, *_ in successors}
    for job, _modes, count, *after in successors:
        assert len(after) == count
        for other in after:
            needs[other].append(job - 1)
    requests = [[int(word) for word in line.split()] for line in sections["REQUESTS/DURATIONS"][2:]]
    capacity = tuple(int(word) for word in sections["RESOURCEAVAILABILITIES"][1].split())
    activities = tuple(
        Activity(
            f"job {job}", tuple(needs[job]), 0 if any(demand) else None, tuple(demand) if any(demand) else ()
        )
        for job, _mode, _duration, *demand in requests
    )
    network = Network(activities, (Queue("resources", RESOURCES, capacity),))
    return network, tuple(duration for _job, _mode, duration, *_ in requests)


def _sections(text: str) -> dict[str, list[str]]:
    """The lines below each heading that ends with a colon; rows of stars stand between sections."""
    found: dict[str, list[str]] = {}
    section: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            section = []
        elif line.endswith(":"):
            found[line.removesuffix(":")] = section
        else:
            section.append(line)
    return found
