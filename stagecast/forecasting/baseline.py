"""What a forecast is compared with: an earlier one, or the spec of another revision.

Reads a forecast's JSON, or exports a commit into a temporary folder. In the
user's repository nothing is written: no index, no worktree, no ref.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from compiler.diagnostics.model import Findings
from compiler.driver import Checked, check_environment
from compiler.project import FILE_NAME, Job, job_for_spec, project_jobs
from simulator.forecasting.forecast import FORECAST_VERSION
from simulator.forecasting.gate import Baseline
from simulator.statistics.quantiles import Quantile
from stagecast.execution.source import plain_environment
from stagecast.session import Usage

T = TypeVar("T")
OPTION = "--baseline"
_MOST_BYTES = 256 * 1024 * 1024
_GIT_TIMEOUT_S = 300


def read(path: Path) -> Baseline:
    """The forecast in a file that `stagecast simulate --json` wrote.

    Raises:
        Usage: it is no such file.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        found = json.loads(data)
        if not isinstance(found, dict) or found.get("version") != FORECAST_VERSION:
            raise ValueError(f"its version is not {FORECAST_VERSION}")
        return _baseline(path.name, found)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        said = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise Usage(f"{path} is no forecast: {said}", param_hint=OPTION) from error


def _baseline(name: str, found: dict[str, Any]) -> Baseline:
    makespan = found["makespan"]
    if not isinstance(makespan, dict):
        raise ValueError("no run of it succeeded")
    quantiles = [
        Quantile(_number(makespan[key]), *(_end(end) for end in makespan["intervals"][key]))
        for key in ("p50", "p90")
    ]
    seed = found["seed"]
    if not isinstance(seed, int):
        raise TypeError("its seed is no number")
    profile, scenario = found.get("profile"), found.get("scenario", "base")
    return Baseline(
        name=name,
        seed=seed,
        correlation=_number(found["correlation"]),
        p50=quantiles[0],
        p90=quantiles[1],
        makespans_s=tuple(_end(each) for each in found.get("makespans", ())),
        scenario=scenario if isinstance(scenario, str) else "base",
        profile=profile if isinstance(profile, str) else None,
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError("a time in it is no number")
    return float(value)


def _end(value: object) -> float | None:
    return None if value is None else _number(value)


def at_revision(job: Job, revision: str, use: Callable[[Checked], T]) -> T:
    """What `use` makes of the environment as it was in a commit; its files exist meanwhile.

    The environment is the one of the same name in the project file of that commit, else
    the spec at the same path.

    Raises:
        Usage: there is no such revision or no such spec in it, or it has errors.
    """
    here = Path(os.path.realpath(job.spec)).parent
    top = Path(_git(here, "rev-parse", "--show-toplevel", problem="the spec is in no Git repository"))
    commit = _git(
        here,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        problem=f"{revision} is no file and no revision",
    )
    with TemporaryDirectory(prefix="stagecast-") as scratch:
        tree = Path(scratch) / "tree"
        _export(here, commit, Path(scratch) / "index", tree)
        checked = check_environment(_job_there(job, top, tree, revision), Findings())
        if checked.has_errors or checked.context is None:
            first = checked.errors[0].message if checked.errors else "it cannot be read"
            raise Usage(f"at {revision} the spec has errors: {first}", param_hint=OPTION)
        return use(checked)


def _export(here: Path, commit: str, index: Path, tree: Path) -> None:
    """Write the files of a commit to a folder, by an index of our own."""
    tree.mkdir()
    # A folder with this is a repository's root to whoever looks for one.
    (tree / ".git").mkdir()
    settings = {"GIT_INDEX_FILE": str(index), "GIT_LFS_SKIP_SMUDGE": "1"}
    _git(here, "read-tree", commit, more=settings)
    _git(here, "checkout-index", "--all", "--quiet", "--force", f"--prefix={tree}/", more=settings, top=True)


def _job_there(job: Job, top: Path, tree: Path, revision: str) -> Job:
    root = tree / os.path.relpath(os.path.realpath(job.root), top)
    project = root / FILE_NAME
    if project.is_file():
        for each in project_jobs(project, Findings()):
            if each.name == job.name and each.spec.is_file():
                return each
    spec = tree / os.path.relpath(os.path.realpath(job.spec), top)
    if not spec.is_file():
        raise Usage(f"at {revision} there is no {job.spec}", param_hint=OPTION)
    return replace(job_for_spec(spec, Findings()), name=job.name)


def _git(
    here: Path, *arguments: str, problem: str = "", more: dict[str, str] | None = None, top: bool = False
) -> str:
    """What a Git command prints, without its last line end."""
    folder = _git(here, "rev-parse", "--show-toplevel") if top else here
    try:
        done = subprocess.run(
            ["git", "-c", "core.safecrlf=false", *arguments],
            cwd=folder,
            env=plain_environment(os.environ) | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"} | (more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Usage(f"git does not run: {error}", param_hint=OPTION) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise Usage(problem or f"git {arguments[0]} fails: {said}", param_hint=OPTION)
    return os.fsdecode(done.stdout).rstrip("\n")
