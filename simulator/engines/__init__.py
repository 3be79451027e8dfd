"""Engines: a network and a matrix of durations in, a trace out.

Owns which engines there are and which one runs. An engine is a module with the
same names: `NAME`, `covers(network)` (None, or why it cannot run such a network)
and `simulate(network, durations_s, fails)`. The reference, SimPy, covers
everything and says what the model means; every other one gives the same trace
bit for bit wherever it covers the network. Knows no plan, no laws, no seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from simulator.engines.trace import Flags, Floats, Trace
    from simulator.network import Network

# Name -> module, imported when it runs: SimPy costs 40 ms that a forecast with numpy need not spend.
ENGINES: dict[str, str] = {
    "numpy": "simulator.engines.slots",
    "events": "simulator.engines.events",
    "simpy": "simulator.engines.reference",
}
AUTO = "auto"


class Engine(Protocol):
    """What a module must have to be an engine."""

    NAME: str

    def covers(self, network: Network) -> str | None:
        """None, or what the engine cannot run: a clause such as "builds differ in size"."""

    def simulate(self, network: Network, durations_s: Floats, fails: Flags | None = None) -> Trace:
        """Run every replication; see `simulate` below."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine that runs, and why: a clause for a report, to stand after "because" or a colon."""

    name: str
    reason: str


def load(name: str) -> Engine:
    """The engine of that name.

    Raises:
        ValueError: there is none; the message names those that there are.
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}: choose one of {AUTO}, {', '.join(ENGINES)}")
    return cast(Engine, import_module(ENGINES[name]))


def choose(network: Network, wanted: str = AUTO) -> Choice:
    """Which engine runs a network: "auto" is numpy where it covers it, else the event-driven one.

    Raises:
        ValueError: the wanted engine does not exist or does not cover the network.
    """
    if wanted == AUTO:
        missing = load("numpy").covers(network)
        if missing is None:
            return Choice("numpy", "every queue has equal slots")
        return Choice("events", f"{missing}, which the numpy engine does not cover")
    missing = load(wanted).covers(network)
    if missing is not None:
        raise ValueError(f"the engine {wanted} cannot run this: {missing}")
    return Choice(wanted, "it was asked for")


def simulate(
    network: Network, durations_s: Floats, fails: Flags | None = None, *, engine: str = AUTO
) -> Trace:
    """Run every replication of a network on the engine that `choose` gives.

    `durations_s` has the shape (activities, replications), in seconds; `fails`
    has the same and says which attempts of what end in a failure.

    Raises:
        ValueError: see `choose` and `inputs.checked`.
    """
    return load(choose(network, engine).name).simulate(network, durations_s, fails)
