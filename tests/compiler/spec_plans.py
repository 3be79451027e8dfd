"""Plans and graphs of small specs, through the whole compiler; for tests of plans and views."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from compiler.diagnostics.model import Findings
from compiler.driver import Checked, check_environment, make_graph, make_plan
from compiler.graph import StageGraph
from compiler.plan.model import Plan, Task
from compiler.project import job_for_spec

T = TypeVar("T")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
registry: {mirror: registry.example.com/shop}
"""


def spec(services: str, top: str = "") -> str:
    """A spec with these services (lines of YAML, not indented) and top-level lines."""
    lines = "".join(f"  {line}\n" for line in services.strip().splitlines())
    return f"{HEAD}{top}\nservices:\n{lines}"


def _compiled(text: str, files: Mapping[str, str] | None, make: Callable[[Checked], T]) -> T:
    """What `make` gives for a spec that the compiler accepts; `files` are beside it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"environment.yaml": text, **(files or {})}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return make(_checked(Path(folder, "environment.yaml")))


def _checked(path: Path) -> Checked:
    result = check_environment(job_for_spec(path, Findings()), Findings())
    assert not result.has_errors, [found.message for found in result.diagnostics]
    return result


def plan_of(text: str, files: Mapping[str, str] | None = None) -> Plan:
    """The plan of a spec."""
    return _compiled(text, files, make_plan)


def graph_of(text: str) -> StageGraph:
    """The stage graph of a spec."""
    return _compiled(text, None, make_graph)


def example(name: str) -> Checked:
    """One of the examples, checked."""
    return _checked(EXAMPLES / name / "environment.yaml")


def example_plan(name: str) -> Plan:
    """The plan of one of the examples."""
    return make_plan(example(name))


def needs(plan: Plan) -> dict[str, set[str]]:
    """What every task waits for."""
    return {task.id: set(task.needs) for task in plan.tasks}


def task(plan: Plan, name: str) -> Task:
    """A task by its id."""
    return next(each for each in plan.tasks if each.id == name)
