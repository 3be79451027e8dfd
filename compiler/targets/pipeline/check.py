"""The pre-check: everything that can be known to be wrong before anything is changed.

Also finds what later jobs need: the commit of every source, the content tag of
every build, and which builds the registry has already.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import builders, content, found, git, registry
from .contract import (
    KUBE_CONFIG,
    PRESENCE_PREFIX,
    REGISTRY_PASSWORD,
    REGISTRY_USERNAME,
    Build,
    OwnChart,
)
from .report import error, group, output, say
from .state import FORCE, Job, PipelineError, flag

QUERIES_AT_ONCE = 8


def check(job: Job) -> int:
    """Check, report every problem, hand over what was found. Gives the exit code."""
    problems = list(_missing_secrets(job))
    if not problems:
        problems += _registry_problems(job)
    problems += _builder_problems(job)
    with group("sources"):
        repositories = _repositories(job, problems)
        tags = _tags(job, repositories, problems)
        problems += _chart_problems(job, repositories)
    if problems:
        for problem in problems:
            error(problem)
        return 1
    _hand_over(job, [r.commit for r in repositories if r is not None], tags)
    return 0


def _missing_secrets(job: Job) -> Iterator[str]:
    own = {REGISTRY_USERNAME, REGISTRY_PASSWORD} if job.own_registry_login else set()
    own |= {KUBE_CONFIG} if job.own_kubeconfig else set()
    for secret in job.document["secrets"]:
        name = secret["name"]
        if name in own:
            continue
        if os.environ.get(PRESENCE_PREFIX + name) != "true" and name not in job.secrets:
            yield f"the secret {name} is not set ({secret['purpose']})"


def _registry_problems(job: Job) -> list[str]:
    try:
        registry.log_in(job)
    except PipelineError as problem:
        return [str(problem)]
    return []


def _builder_problems(job: Job) -> list[str]:
    """Why the builder that is chosen cannot build what is asked for, or not here.

    A program that is not on this machine may be on the one that builds.
    """
    if not job.document["builds"]:
        return []
    try:
        name, engine = builders.chosen()
    except PipelineError as problem:
        return [str(problem)]
    problems = list(builders.refusals(name, engine, job.document["builds"]))
    if shutil.which(engine.PROGRAM, path=job.environment.get("PATH")):
        problems += engine.problems(job)
    else:
        say(f"there is no {engine.PROGRAM} here: where the builds run there must be one")
    return problems


def _repositories(job: Job, problems: list[str]) -> list[git.Repository | None]:
    """Every source at its newest commit; None, and a problem, where that cannot be had."""
    looked_up: list[git.Repository | None] = []
    for source in job.document["sources"]:
        try:
            looked_up.append(git.look_up(job, source))
        except PipelineError as problem:
            looked_up.append(None)
            problems.append(str(problem))
    return looked_up


def _tags(job: Job, repositories: list[git.Repository | None], problems: list[str]) -> dict[int, str]:
    """The content tag of every build whose source, context and Dockerfile are there."""
    tags: dict[int, str] = {}
    for index, build in enumerate(job.document["builds"]):
        repository = repositories[build["source"]]
        if repository is None:
            continue
        try:
            problem = content.dockerfile_problem(repository, build)
            tags[index] = content.content_tag(repository, build)
        except PipelineError as missing:
            problem = str(missing)
        if problem:
            problems.append(f"{build['name']}: {problem}")
    return tags


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


def _hand_over(job: Job, commits: list[str], tags: dict[int, str]) -> None:
    present = _present(job, tags)
    found.write(commits, tags, present)
    # On GitHub jobs share no files: what they need of this goes through the workflow.
    output("commits", json.dumps(commits))
    for number, members in enumerate(job.document["groups"], start=1):
        output(f"tags_{number}", json.dumps({str(index): tags[index] for index in members}))
        wanted = members if flag(FORCE) else [index for index in members if index not in present]
        output(f"matrix_{number}", json.dumps([members.index(index) for index in wanted]))


def _present(job: Job, tags: dict[int, str]) -> set[int]:
    """The builds whose image the registry has. Raises PipelineError when it cannot be asked."""
    builds = job.document["builds"]
    with group("images"), ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        answers = pool.map(lambda index: _is_present(job, builds[index], tags[index]), tags)
        present = {index for index, there in zip(tags, answers, strict=True) if there}
        for index, tag in tags.items():
            state = "is already there" if index in present else "is to be built"
            say(f"{builds[index]['name']}: {tag} {state}")
    return present


def _is_present(job: Job, build: Build, tag: str) -> bool:
    return registry.exists(job, f"{build['repository']}:{tag}")
