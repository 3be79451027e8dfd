"""Repositories with generated pipelines, for the runners that execute them here.

With stand-ins for the tools (`stub_tools`), or one for the scripts: `Recorder`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from compiler.artifacts import Artifact
from compiler.plan.model import Plan
from compiler.targets import ci
from compiler.targets.helm.layout import release_chart, values_path
from pipeline_plans import Service, make_plan
from stub_tools import commit

APPLICATIONS = [f"app-{number}" for number in range(9)]
SERVICES = [
    Service("postgres", "database", stateful=True),
    *(Service(name, "application", built=True) for name in APPLICATIONS),
    Service("cache", "application"),
    Service("front", "application", depends_on=("app-0", "cache")),
]
SECRETS = {
    "REGISTRY_USERNAME": "robot",
    "REGISTRY_PASSWORD": "hidden-password",
    "KUBE_CONFIG": "hidden-config",
}

# In place of the launcher: it writes down what it was told and when it ran, and behaves as told.
_RECORDER = """\
import json, os, pathlib, sys, time, uuid
home = pathlib.Path({home!r})
start, command, told = time.time(), sys.argv[1], json.loads((home / "told.json").read_text())
seen = {{name: value for name, value in os.environ.items() if name.startswith({prefixes!r})}}
found = pathlib.Path(seen.get("STAGECAST_FOUND", "nowhere"))
given = found.read_text() if found.is_file() else None
if command == "check" and "STAGECAST_FOUND" in seen:
    found.write_text("found by " + seen["STAGECAST_DATA"])
elif command == "check":
    with open(os.environ["GITHUB_OUTPUT"], "a") as output:
        groups = json.loads(pathlib.Path(seen["STAGECAST_DATA"]).read_text())["groups"]
        output.write('commits=["c"]\\n')
        for number, group in enumerate(groups, start=1):
            print(f'tags_{{number}}={{{{"{{group[0]}}":"t"}}}}', file=output)
            print(f"matrix_{{number}}={{list(range(len(group)))}}", file=output)
part = seen.get("STAGECAST_BUILDS", seen.get("STAGECAST_BUILD", seen.get("STAGECAST_STAGE", "")))
failing = f"{{command}} {{part}}".strip() in told["failing"]
time.sleep(0 if failing else told["seconds"])
record = {{"command": command, "part": part, "seen": seen, "start": start, "found": given}}
record["end"] = time.time()
staged = home / (uuid.uuid4().hex + ".part")
staged.write_text(json.dumps(record))
staged.rename(staged.with_suffix(".json"))
sys.exit(3 if failing else 0)
"""
_PREFIXES = ("STAGECAST_", "REGISTRY_", "KUBE_", "SECRET_", "HAVE_", "CI_ENVIRONMENT_NAME")


@dataclass(frozen=True)
class Record:
    """One call of the scripts: the command, the build or stage, our variables, what the check left behind."""

    command: str
    part: str
    seen: dict[str, str]
    start: float
    end: float
    found: str | None

    @property
    def title(self) -> str:
        """The command and its part."""
        return f"{self.command} {self.part}".strip()


class Recorder:
    """A stand-in for the scripts of one test, for what only the CI service does: order, caps, variables."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self.home = home
        self.script = _RECORDER.format(home=str(home), prefixes=_PREFIXES)
        self.tell()

    def tell(self, *, seconds: float = 0.0, failing: Sequence[str] = ()) -> None:
        """How long a call takes, and which ones fail ("build 3")."""
        (self.home / "told.json").write_text(json.dumps({"seconds": seconds, "failing": list(failing)}))

    def records(self) -> list[Record]:
        """The calls, by their start."""
        found = [
            Record(**json.loads(path.read_text()))
            for path in self.home.glob("*.json")
            if path.name != "told.json"
        ]
        return sorted(found, key=lambda record: record.start)

    def titles(self) -> list[str]:
        """What was called, in order."""
        return [record.title for record in self.records()]

    def forget(self) -> None:
        """Forget all calls."""
        for path in self.home.glob("*.json"):
            if path.name != "told.json":
                path.unlink()


def repository(folder: Path, plan: Plan, artifacts: Iterable[Artifact], **more: str) -> Path:
    """A Git repository with an output, the scripts, and Dockerfiles and charts that only have to be there.

    `more` are further files, or others in place of those, by path.
    """
    files = {artifact.path: artifact.content for artifact in (*ci.emit(plan), *artifacts)}
    for build in plan.builds:
        files[f"{build.source.context}/Dockerfile"] = "FROM scratch\nCOPY . /\n"
    for workload in plan.workloads:
        files[f"{release_chart(workload)}/Chart.yaml"] = "name: x\n"
        files[values_path(plan.environment, workload)] = "{}\n"
    commit(folder, {**files, **more})
    return folder


class Span(Protocol):
    """Something that ran from `start` to `end`."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...


def at_once(spans: Iterable[Span]) -> int:
    """How many ran at the same time, at most."""
    edges = sorted(edge for span in spans for edge in ((span.start, 1), (span.end, -1)))
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


def small_plan(**options: object) -> Plan:
    """The plan of `SERVICES`."""
    return make_plan(SERVICES, **options)  # type: ignore[arg-type]
