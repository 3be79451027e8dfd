"""Removal of services that left the spec: only of those that `compile --prune` has put on the list."""

from __future__ import annotations

from . import deployed, helm, kubernetes, records
from .report import error, group, quote, say
from .state import Job


def remove(job: Job) -> int:
    """Uninstall what was removed, in reverse; what is not installed is done. Gives the exit code.

    Volumes stay. What is deployed, is no longer in the spec and was not pruned
    is named. Raises PipelineError.
    """
    kubernetes.write_kubeconfig(job)
    installed, known = records.read(job), deployed.read(job)
    # A service may leave and its release's name come back with another: that release is not touched.
    removed = [release for release in _removed(job) if release not in _current(job)]
    code = 0
    for release in reversed(removed):
        if release not in installed:
            say(f"{release} is not installed")
        elif not _uninstall(job, release):
            error(f"{release} cannot be uninstalled; nothing after it is removed")
            code = 1
            break
        deployed.write(job, known, {release: None} if release in known.notes else {})
    for release in left(job, set(known.notes) & set(installed)):
        say(f"{release} left the spec and is still deployed: compile with --prune to remove it")
    return code


def left(job: Job, noted: set[str]) -> list[str]:
    """The releases that were deployed and that the document neither deploys nor removes."""
    return sorted(noted - _current(job) - set(_removed(job)))


def _removed(job: Job) -> list[str]:
    return [gone["release"] for gone in job.document["removed"]]


def _current(job: Job) -> set[str]:
    tasks = (task for stage in job.document["stages"] for task in stage["tasks"])
    return {task["release"]["name"] for task in tasks if task["release"] is not None}


def _uninstall(job: Job, release: str) -> bool:
    outcome = helm.uninstall(job, release)
    with group(f"uninstall {release}: {'done' if outcome.ok else 'FAILED'}"):
        quote(outcome.output)
    if outcome.ok:
        selector = f"--selector=app.kubernetes.io/instance={release}"
        volumes = kubernetes.ask(job, "get", "persistentvolumeclaims", selector, "--output=name")
        for claim in volumes.output.split() if volumes.ok else ():
            if claim.startswith("persistentvolumeclaim/"):
                say(f"{claim} stays: it holds the data of {release}")
    return outcome.ok
