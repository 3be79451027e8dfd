"""From a plan's jobs to the workflows: what starts them, one run at a time, and the order of the jobs.

A workflow is a plain value for the YAML writer.
"""

from __future__ import annotations

from compiler.targets.ci import uses
from compiler.targets.github.jobs import Jobs, chain, check_job, lock_job, remove_job
from compiler.targets.github.steps import Place, Value, expression, given, job, steps
from compiler.targets.pipeline import contract

TEARDOWN_MIN = 60

# Pushes are filtered twice: which branch is the default one is not known here.
_DEFAULT_BRANCH = "github.event_name != 'push' || github.ref_name == github.event.repository.default_branch"
# A pull request from a fork runs without secrets anyway; so it is not even started.
_OWN = "github.event.pull_request.head.repo.full_name == github.repository"
_FORCE = {
    "description": "Build and deploy also what is unchanged",
    "type": "boolean",
    "default": False,
}
_NUMBER = {
    "description": "Number of the pull request whose preview is to be removed",
    "type": "number",
    "required": True,
}


def workflow(jobs: Jobs) -> Value:
    """The workflow of the environment itself.

    `plan.environment` must be a safe name (`names.is_environment`).
    """
    name = jobs.plan.environment
    place = Place(name, name, (("STAGECAST_FORCE", expression("inputs.force")),))
    parts, last = chain(jobs, place)
    if uses.locks(jobs.plan):
        parts["lock"] = lock_job(jobs, place, last)
    if uses.removes(jobs.plan):
        parts["remove"] = remove_job(place, last)
    return {
        "name": f"stagecast {name}",
        "on": {
            "push": {"branches": ["main", "master"]},
            "workflow_dispatch": {"inputs": {"force": _FORCE}},
        },
        "permissions": {},
        "concurrency": {"group": f"stagecast-{name}", "cancel-in-progress": False},
        "jobs": {"check": check_job(jobs, place, _DEFAULT_BRANCH), **parts},
    }


def preview_workflow(jobs: Jobs) -> Value:
    """The workflow of pull requests: an environment for each, removed when it is closed.

    Its secrets are those of a GitHub environment of its own. A run is never
    cancelled midway: a teardown waits for the deployment before it.
    """
    name = jobs.plan.environment
    number = "github.event.pull_request.number || inputs.pull_request"
    place = Place(name, f"{name}-preview", (("STAGECAST_PREVIEW", f"pr-{expression(number)}"),))
    parts, _ = chain(jobs, place)
    deploys = f"github.event_name == 'pull_request' && github.event.action != 'closed' && {_OWN}"
    closes = f"github.event_name == 'workflow_dispatch' || (github.event.action == 'closed' && {_OWN})"
    teardown = job(
        place,
        "teardown",
        {"if": expression(closes)},
        TEARDOWN_MIN,
        steps=steps(place, "teardown", given([contract.KUBE_CONFIG])),
    )
    return {
        "name": f"stagecast {name} preview",
        "on": {
            "pull_request": {"types": ["opened", "synchronize", "reopened", "closed"]},
            "workflow_dispatch": {"inputs": {"pull_request": _NUMBER}},
        },
        "permissions": {},
        "concurrency": {
            "group": f"stagecast-{name}-preview-{expression(number)}",
            "cancel-in-progress": False,
        },
        "jobs": {"check": check_job(jobs, place, deploys), **parts, "teardown": teardown},
    }
