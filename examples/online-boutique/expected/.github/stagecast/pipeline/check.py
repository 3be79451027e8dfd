"""The pre-check: everything that can be known to be wrong before anything is changed.

Also finds what later jobs need: the commit of every source, the content tag of
every build, and which builds the registry does not have yet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import content, git, registry
from .contract import PRESENCE_PREFIX, Build, OwnChart
from .report import error, group, output, say
from .state import Job, PipelineError

QUERIES_AT_ONCE = 8


def check(job: Job) -> int:
    """Check, report every problem, hand over what was found. Gives the exit code."""
    problems = list(_missing_secrets(job))
    if not problems:
        problems += _registry_problems(job)
    with group("sources"):
        repositories = _repositories(job, problems)
        found = _tags(job, repositories, problems)
        problems += _chart_problems(job, repositories)
    if problems:
        for problem in problems:
            error(problem)
        return 1
    _hand_over(job, [r.commit for r in repositories if r is not None], found)
    return 0


def _missing_secrets(job: Job) -> Iterator[str]:
    for secret in job.document["secrets"]:
        name = secret["name"]
        if os.environ.get(PRESENCE_PREFIX + name) != "true" and name not in job.secrets:
            yield f"the secret {name} is not set ({secret['purpose']})"


def _registry_problems(job: Job) -> list[str]:
    try:
        registry.log_in(job)
    except PipelineError as problem:
        return [str(problem)]
    return []


def _repositories(job: Job, problems: list[str]) -> list[git.Repository | None]:
    """Every source at its newest commit; None, and a problem, where that cannot be had."""
    found: list[git.Repository | None] = []
    for source in job.document["sources"]:
        try:
            found.append(git.look_up(job, source))
        except PipelineError as problem:
            found.append(None)
            problems.append(str(problem))
    return found


def _tags(job: Job, repositories: list[git.Repository | None], problems: list[str]) -> dict[int, str]:
    """The content tag of every build whose source, context and Dockerfile are there."""
    found: dict[int, str] = {}
    for index, build in enumerate(job.document["builds"]):
        repository = repositories[build["source"]]
        if repository is None:
            continue
        try:
            problem = content.dockerfile_problem(repository, build)
            found[index] = content.content_tag(repository, build)
        except PipelineError as missing:
            problem = str(missing)
        if problem:
            problems.append(f"{build['name']}: {problem}")
    return found


def _chart_problems(job: Job, repositories: list[git.Repository | None]) -> Iterator[str]:
    """What is missing of the charts and values files that deployments will ask for."""
    for stage in job.document["stages"]:
        for task in stage["tasks"]:
            release = task["release"]
            if release is None:
                continue
            files = list(release["values"])
            if isinstance(release["chart"], str):
                files.append(f"{release['chart']}/Chart.yaml")
            elif problem := _own_chart_problem(release["chart"], repositories):
                yield f"{task['name']}: {problem}"
            for path in files:
                if not (job.root / path).is_file():
                    yield f"{task['name']}: there is no file {path!r}"


def _own_chart_problem(chart: OwnChart, repositories: list[git.Repository | None]) -> str | None:
    repository = None if chart["source"] is None else repositories[chart["source"]]
    if repository is not None and repository.object_at(f"{chart['name']}/Chart.yaml") is None:
        return f"there is no chart {chart['name']!r} at commit {repository.commit}"
    return None


def _hand_over(job: Job, commits: list[str], found: dict[int, str]) -> None:
    builds = job.document["builds"]
    with group("images"), ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        answers = pool.map(lambda index: _is_present(job, builds[index], found[index]), found)
        present = dict(zip(found, answers, strict=True))
        for index, tag in found.items():
            say(
                f"{builds[index]['name']}: {tag} {'is already there' if present[index] else 'is to be built'}"
            )
    output("commits", json.dumps(commits))
    for number, members in enumerate(job.document["groups"], start=1):
        output(f"tags_{number}", json.dumps({str(index): found[index] for index in members}))
        missing = [position for position, index in enumerate(members) if not present[index]]
        output(f"matrix_{number}", json.dumps(missing))


def _is_present(job: Job, build: Build, tag: str) -> bool:
    return registry.exists(job, f"{build['repository']}:{tag}")
