"""What runs of an environment leave on this machine: logs, traces, what was done, and who runs now.

All of it lies in the user's state folder (XDG Base Directory: XDG_STATE_HOME,
or ~/.local/state), never in the repository. Losing it harms nobody: what is
done is known to the registry and the cluster.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRACES_KEPT = 20
_POLL_S = 0.2
_VERSION = 1
_SCRATCH = "scratch-"


class AnotherRun(Exception):
    """The environment is being run already; `pid` is the process, None where it does not say."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of the last run.

    `outcome` is "running" where it never came to its end. `tasks` are the
    outcomes of the plan's tasks that ended, by id; `left` how many did not.
    """

    outcome: str
    started_s: float
    tasks: Mapping[str, str]
    left: int


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one environment of one repository."""

    path: Path

    @property
    def logs(self) -> Path:
        """One file a task, of the last run."""
        return self.path / "logs"

    @property
    def plan(self) -> Path:
        """The plan of the last run that deployed all of it."""
        return self.path / "plan.json"

    @property
    def _state(self) -> Path:
        return self.path / "state.json"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder for a run that is held; what killed runs left of theirs goes away first."""
        for old in self.path.glob(f"{_SCRATCH}*"):
            shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=self.path, ignore_cleanup_errors=True) as name:
            yield Path(name)

    def trace(self, started_s: float) -> Path:
        """Where the trace of a run goes that starts now; old ones go away."""
        folder = self.path / "traces"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.jsonl"))[: -(TRACES_KEPT - 1)]:
            old.unlink(missing_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(started_s))
        return folder / f"{stamp}.{int(started_s * 1000) % 1000:03d}Z.jsonl"

    def remember(self, digest: str, outcome: str, started_s: float, tasks: Mapping[str, str]) -> None:
        """Keep how far the run is; `tasks` has every task of the plan, "waiting" where it did not end."""
        record = {
            "version": _VERSION,
            "pid": os.getpid(),
            "plan": digest,
            "outcome": outcome,
            "started": started_s,
            "tasks": dict(tasks),
        }
        write(self._state, json.dumps(record, indent=1).encode())

    def last(self) -> Remembered | None:
        """The last run; None when there was none, or nobody can read what it left."""
        found = self._read()
        tasks = found.get("tasks")
        if found.get("version") != _VERSION or not isinstance(tasks, dict):
            return None
        ended = {str(task): str(how) for task, how in tasks.items() if how != "waiting"}
        started_s = found.get("started")
        return Remembered(
            str(found.get("outcome")),
            float(started_s) if isinstance(started_s, int | float) else 0.0,
            ended,
            len(tasks) - len(ended),
        )

    @contextmanager
    def held(self) -> Iterator[tuple[int, bool]]:
        """Be the only run of the environment.

        Gives a file descriptor that every started process is to inherit, and
        whether processes of a run that was killed are still at work: see
        `wait_for_others`.

        Raises:
            AnotherRun: there is one already.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "run.lock").open("a") as run, (self.path / "work.lock").open("a") as work:
            if not _lock(run.fileno()):
                pid = self._read().get("pid")
                raise AnotherRun(pid if isinstance(pid, int) else None)
            yield work.fileno(), not _lock(work.fileno())

    def wait_for_others(self, descriptor: int) -> None:
        """Wait until what a killed run has started is at its end: two may not install one release."""
        while not _lock(descriptor):
            time.sleep(_POLL_S)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._state.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def run_folder(root: Path, environment: str) -> RunFolder:
    """The folder of an environment (a name fit for a file) of the repository at `root`."""
    real = os.path.realpath(root)
    name = os.path.basename(real) or "root"
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
    given = os.environ.get("XDG_STATE_HOME", "")
    # The specification: relative paths are to be ignored.
    state = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    return RunFolder(state / "stagecast" / f"{name}-{digest}" / environment)


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for the user alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with open(unfinished, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
        unfinished.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()


def _lock(descriptor: int) -> bool:
    """Whether the lock of an open file is ours; it is let go when the last copy of the descriptor closes."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
