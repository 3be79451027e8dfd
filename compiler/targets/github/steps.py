"""The parts that all jobs of our workflows are made of: expressions, steps, secrets, the pinned checkout.

Every text in them is ours or went through `ci.names`; all other values of a
plan are in the data file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compiler.targets.ci.names import data_path

# v6.0.2, which many public workflows pin by this commit.
CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"
CHECKOUT_VERSION = "v6.0.2"
RUNNER = "ubuntu-latest"
SCRIPT = "python3 .stagecast/run.py"

Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What the jobs of one workflow have in common.

    `environment` is the plan's, `secrets` the GitHub environment whose secrets
    the jobs get, `variables` what every one of our scripts is told.
    """

    environment: str
    secrets: str
    variables: tuple[tuple[str, str], ...] = ()


def expression(text: str) -> str:
    """What GitHub evaluates."""
    return f"${{{{ {text} }}}}"


def given(names: Iterable[str]) -> dict[str, str]:
    """Secrets, each under its own name."""
    return {name: expression(f"secrets.{name}") for name in dict.fromkeys(names)}


def job(place: Place, name: str, order: Value, timeout_min: int, **rest: Any) -> Value:
    """What all jobs have in common; `rest` is the job's own, and wins."""
    return {
        "name": name,
        **order,
        "runs-on": RUNNER,
        "timeout-minutes": timeout_min,
        "permissions": {"contents": "read"},
        "environment": place.secrets,
        **rest,
    }


def steps(
    place: Place, command: str, environment: dict[str, str], *, submodules: bool = False
) -> list[Value]:
    """Check out, then run one of our scripts; all that it must know is in its environment."""
    options: Value = {"persist-credentials": False}
    if submodules:
        options["submodules"] = "recursive"
    told = {"STAGECAST_DATA": data_path(place.environment), **dict(place.variables)}
    return [
        {"name": "Check out", "uses": CHECKOUT, "with": options},
        {
            "name": command.capitalize(),
            "id": command,
            "env": {**told, **environment},
            "run": f"{SCRIPT} {command}",
        },
    ]
