"""What is simulated: a network, and what the durations of its activities are made of.

Owns the value between lowering (plan and scenario in) and sampling, engines
and summary. Knows no seed.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan.model import Plan
from simulator.modelling.durations import TaskDuration
from simulator.modelling.scenario import Scenario
from simulator.network import Network


@dataclass(frozen=True, slots=True)
class Model:
    """A plan under a scenario, ready to be drawn and run.

    `laws` has one entry per activity of `network`. `activities` has per task of
    the plan the indices of its activities, in the order in which they follow each other: one
    for most, several where a task waits for a builder or shares a bandwidth. `profile` is
    the target whose ways the network has, None for the plan's own.
    """

    plan: Plan
    scenario: Scenario
    network: Network
    laws: tuple[TaskDuration, ...]
    activities: tuple[tuple[int, ...], ...]
    profile: str | None = None
