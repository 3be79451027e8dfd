"""From a plan's jobs to the workflow: triggers, order, caps, permissions, and the secrets that each job gets.

The workflow is a plain value for the YAML writer. Every text in it is ours, or
went through `names`; all other values of the plan are in the data file.
"""

from __future__ import annotations

import json
from typing import Any

from compiler.plan.model import Plan
from compiler.targets.github.jobs import Group, Rollout
from compiler.targets.pipeline import contract

# v6.0.2, which many public workflows pin by this commit.
CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"
CHECKOUT_VERSION = "v6.0.2"
RUNNER = "ubuntu-latest"
SCRIPT = "python3 .github/stagecast/run.py"

# The longest that a job on a runner of GitHub's may take:
# https://docs.github.com/en/actions/reference/limits.
LONGEST_JOB_MIN = 360
CHECK_MIN = 60
# Around a build's own timeout: starting the job, checking out, starting and removing the builder.
BUILD_MARGIN_MIN = 15

Value = dict[str, Any]


def workflow(plan: Plan, document: contract.Document, groups: list[Group], stages: list[Rollout]) -> Value:
    """The workflow that runs these jobs with this data file.

    `plan.environment` must be a safe name (`names.is_environment`).
    """
    return {
        "name": f"stagecast {plan.environment}",
        "on": {"push": {"branches": ["main", "master"]}, "workflow_dispatch": {}},
        "permissions": {},
        "concurrency": {"group": f"stagecast-{plan.environment}", "cancel-in-progress": False},
        "jobs": {"check": _check_job(plan, document), **_chain(plan, document, groups, stages)},
    }


def _chain(plan: Plan, document: contract.Document, groups: list[Group], stages: list[Rollout]) -> Value:
    """Builds and deployments one after another, as the strategy orders them."""
    jobs: Value = {}
    before: list[str] = []
    for part in _ordered(groups, stages):
        if isinstance(part, Group):
            number = groups.index(part)
            key = f"build_{number + 1}"
            jobs[key] = _build_job(plan, document, part, number, _after(before, f"matrix_{number + 1}"))
            before.append(key)
        else:
            number = stages.index(part)
            key = "mirror" if part.stage is None else f"deploy_{number + 1}"
            jobs[key] = _deploy_job(plan, document, number, _after(before))
            before = [key]
    return jobs


def _ordered(groups: list[Group], stages: list[Rollout]) -> list[Group | Rollout]:
    """Builds of no stage first, then stage after stage its builds and its deployments."""
    keyed: list[tuple[tuple[int, int], Group | Rollout]] = []
    last = 1 + max((group.stage or 0 for group in groups), default=0)
    keyed += [((-1 if group.stage is None else group.stage, 0), group) for group in groups]
    keyed += [((last if stage.stage is None else stage.stage, 1), stage) for stage in stages]
    return [part for _, part in sorted(keyed, key=lambda item: item[0])]


def _after(before: list[str], matrix: str | None = None) -> Value:
    """`needs` and `if` of a job that runs after these jobs.

    A build job is skipped when the registry has all its images, so skipped
    counts as success there; GitHub's own rule would then skip what follows.
    """
    conditions = ["!cancelled()", "needs.check.result == 'success'"]
    for job in before:
        done = f"needs.{job}.result == 'success'"
        skipped = f"needs.{job}.result == 'skipped'"
        conditions.append(f"({done} || {skipped})" if job.startswith("build_") else done)
    if matrix is not None:
        conditions.append(f"needs.check.outputs.{matrix} != '[]'")
    return {"needs": ["check", *before], "if": _expression(" && ".join(conditions))}


def _expression(text: str) -> str:
    return f"${{{{ {text} }}}}"


def _job(plan: Plan, name: str, order: Value, timeout_min: int, **rest: Any) -> Value:
    """What all jobs have in common."""
    return {
        "name": name,
        **order,
        "runs-on": RUNNER,
        "timeout-minutes": timeout_min,
        "permissions": {"contents": "read"},
        "environment": plan.environment,
        **rest,
    }


def _steps(plan: Plan, command: str, environment: dict[str, str], *, submodules: bool = False) -> list[Value]:
    """Check out, then run one of our scripts; all that it must know is in its environment."""
    options: Value = {"persist-credentials": False}
    if submodules:
        options["submodules"] = "recursive"
    data = {"STAGECAST_DATA": f".github/stagecast/{plan.environment}.json"}
    return [
        {"name": "Check out", "uses": CHECKOUT, "with": options},
        {
            "name": command.capitalize(),
            "id": command,
            "env": {**data, **environment},
            "run": f"{SCRIPT} {command}",
        },
    ]


def _check_job(plan: Plan, document: contract.Document) -> Value:
    outputs = ["commits"]
    for number in range(1, len(document["groups"]) + 1):
        outputs += [f"tags_{number}", f"matrix_{number}"]
    given = [*_registry_secrets(document), *_tokens(document, range(len(document["sources"])))]
    announced = [secret["name"] for secret in document["secrets"] if secret["name"] not in given]
    environment = {
        **_secrets(given),
        **{contract.PRESENCE_PREFIX + name: _expression(f"secrets.{name} != ''") for name in announced},
    }
    # Pushes are filtered twice: which branch is the default one is not known here.
    default = "github.ref_name == github.event.repository.default_branch"
    return _job(
        plan,
        "check",
        {"if": _expression(f"github.event_name != 'push' || {default}")},
        CHECK_MIN,
        outputs={name: _expression(f"steps.check.outputs.{name}") for name in outputs},
        steps=_steps(plan, "check", environment),
    )


def _build_job(plan: Plan, document: contract.Document, group: Group, number: int, order: Value) -> Value:
    builds = [document["builds"][index] for index in group.builds]
    names = json.dumps([build["name"] for build in builds], separators=(",", ":"))
    shown = _expression(f"fromJSON('{names}')[matrix.build]")
    sources = sorted({build["source"] for build in builds})
    variables = {secret["variable"] for build in builds for secret in build["secrets"]}
    environment = {
        **_commits(),
        **_tags(number),
        "STAGECAST_GROUP": str(number),
        "STAGECAST_BUILD": _expression("matrix.build"),
        **_secrets([*_registry_secrets(document), *_tokens(document, sources), *sorted(variables)]),
    }
    longest_s = max(build["timeout_s"] for build in builds)
    local = any(document["sources"][index]["repository"] == "." for index in sources)
    matrix = _expression(f"fromJSON(needs.check.outputs.matrix_{number + 1})")
    return _job(
        plan,
        f"build {shown}",
        order,
        min(LONGEST_JOB_MIN, -(-longest_s // 60) + BUILD_MARGIN_MIN),
        strategy={"fail-fast": True, "max-parallel": group.slots, "matrix": {"build": matrix}},
        steps=_steps(plan, "build", environment, submodules=local),
    )


def _deploy_job(plan: Plan, document: contract.Document, number: int, order: Value) -> Value:
    stage = document["stages"][number]
    releases = [task["release"] for task in stage["tasks"] if task["release"] is not None]
    used = {release["build"] for release in releases if release["build"] is not None}
    tags: dict[str, str] = {}
    for group, members in enumerate(document["groups"]):
        if not used.isdisjoint(members):
            tags.update(_tags(group))
    charts = {release["chart"]["source"] for release in releases if not isinstance(release["chart"], str)}
    sources = sorted(source for source in charts if source is not None)
    environment = {
        **(_commits() if sources else {}),
        **tags,
        "STAGECAST_STAGE": str(number),
        **_secrets([*_registry_secrets(document), *document["logins"], *_tokens(document, sources)]),
        **(_secrets([contract.KUBE_CONFIG]) if releases else {}),
    }
    name = f"deploy {number + 1}: {stage['name']}" if releases else stage["name"]
    # Its deployments end by their own timeouts: the job is never cut off before the platform does it.
    return _job(
        plan,
        name,
        order,
        LONGEST_JOB_MIN,
        steps=_steps(plan, "deploy", environment),
    )


def _commits() -> dict[str, str]:
    """The commits that the check found, for a job that clones."""
    return {"STAGECAST_COMMITS": _expression("needs.check.outputs.commits")}


def _tags(group: int) -> dict[str, str]:
    """The tags that the check found for a group of builds."""
    return {f"STAGECAST_TAGS_{group + 1}": _expression(f"needs.check.outputs.tags_{group + 1}")}


def _registry_secrets(document: contract.Document) -> list[str]:
    return [contract.REGISTRY_USERNAME, contract.REGISTRY_PASSWORD] if document["registries"] else []


def _tokens(document: contract.Document, sources: range | list[int]) -> list[str]:
    """The variables with the tokens of these sources."""
    found = {document["sources"][index]["credentials"] for index in sources}
    return sorted(token for token in found if token)


def _secrets(names: list[str]) -> dict[str, str]:
    return {name: _expression(f"secrets.{name}") for name in dict.fromkeys(names)}
