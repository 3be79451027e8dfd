"""zizmor and checkov: what they find, and what docs/security.md accepts with a reason.

Owns the virtual environment that checkov has for itself: it wants older
releases of packages that the product needs newer (networkx below 2.7). It lies
in `.cache/tools`, or in STAGECAST_TOOLS_DIR, and is made by uv or by venv and
pip. Takes files, gives rules and where each was broken. Knows nothing of pytest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain import CHECKOUT, DOWNLOAD_TIMEOUT_S, ToolMissingError

CHECKOV_VERSION = "3.3.30"
PAGE = CHECKOUT / "docs" / "security.md"
_ROW = re.compile(r"^\| (zizmor|checkov) \| `([^`]+)` \| (.+) \|$")
# What of our outputs checkov knows, by its name for it.
FRAMEWORKS = ("kubernetes", "github_actions", "gitlab_ci", "argo_workflows")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row of the table in docs/security.md."""

    tool: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that a linter found broken, and one place where."""

    tool: str
    rule: str
    place: str


def accepted() -> tuple[Accepted, ...]:
    """What docs/security.md accepts, in its order."""
    rows = (_ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines())
    return tuple(Accepted(row[1], row[2], row[3].strip()) for row in rows if row)


def not_accepted(found: Iterable[Found]) -> list[Found]:
    """What the page has no reason for."""
    listed = {(row.tool, row.rule) for row in accepted()}
    return [one for one in found if (one.tool, one.rule) not in listed]


def zizmor(program: Path, files: Sequence[Path]) -> list[Found]:
    """What zizmor says of workflows, as its strictest persona and without the network.

    Raises:
        ToolMissingError: it did not run to its end.
    """
    options = ("--offline", "--persona=auditor", "--format=json", "--no-exit-codes", "--no-progress")
    result = subprocess.run(
        [program, *options, *files], capture_output=True, text=True, timeout=300, check=False
    )
    if result.returncode != 0:
        raise ToolMissingError(f"zizmor: {result.stderr[-500:]}")
    found: dict[str, Found] = {}
    for finding in json.loads(result.stdout):
        place = finding["locations"][0]["symbolic"]["key"]
        found.setdefault(finding["ident"], Found("zizmor", finding["ident"], json.dumps(place)))
    return list(found.values())


def checkov(program: Path, folder: Path, frameworks: Iterable[str] = FRAMEWORKS) -> list[Found]:
    """What checkov says of all files below a folder, with the policies that it brings along.

    Raises:
        ToolMissingError: it did not run to its end.
    """
    options = ["--directory", str(folder), "--output=json", "--quiet", "--compact"]
    options += ["--skip-download", "--soft-fail", "--framework", *frameworks]
    result = subprocess.run(
        [program, *options],
        env={**os.environ, "LOG_LEVEL": "ERROR", "ANSI_COLORS_DISABLED": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    start = min((at for at in map(result.stdout.find, "[{") if at >= 0), default=-1)
    if result.returncode != 0 or start < 0:
        raise ToolMissingError(f"checkov: {(result.stdout + result.stderr)[-500:]}")
    return list(_broken(json.loads(result.stdout[start:])))


def _broken(reports: object) -> Iterator[Found]:
    found: dict[str, Found] = {}
    for report in reports if isinstance(reports, list) else [reports]:
        results = report.get("results") if isinstance(report, dict) else None
        if not results:
            continue
        if results.get("parsing_errors"):
            raise ToolMissingError(f"checkov cannot read {results['parsing_errors'][:3]}")
        for check in results["failed_checks"]:
            place = f"{check['file_path']} {check['resource']}"
            found.setdefault(check["check_id"], Found("checkov", check["check_id"], place))
    yield from found.values()


def checkov_program() -> Path:
    """Checkov in an environment of its own, made when it is not there.

    Raises:
        ToolMissingError: it cannot be installed; the message says why.
    """
    folder = Path(os.environ.get("STAGECAST_TOOLS_DIR") or CHECKOUT / ".cache" / "tools")
    home = (folder / f"checkov-{CHECKOV_VERSION}").absolute()
    program = home / "bin" / "checkov"
    if (home / "complete").exists():
        return program
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    python = home / "bin" / "python"
    wanted = f"checkov=={CHECKOV_VERSION}"
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(home))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), wanted)
    else:
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted)
    (home / "complete").touch()
    return program


def _run(*command: str) -> None:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolMissingError(f"checkov cannot be installed: {error}") from error
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ToolMissingError(f"checkov cannot be installed: {last}")
