"""Helm and kubectl: one release after the plan, and what a person needs to see when it fails."""

from __future__ import annotations

from . import git
from .contract import OwnChart, Release, Task
from .process import Outcome, run
from .state import Job, PipelineError, commits, tags

QUERY_TIMEOUT_S = 60
LOG_LINES = 100


def upgrade(job: Job, task: Task) -> Outcome:
    """Install or upgrade a release; when that fails, its events and logs follow in the output."""
    release = task["release"]
    assert release is not None
    # Helm keeps to its own timeout; undoing and hooks may take it again. This one is for a Helm that hangs.
    limit_s = 2 * task["timeout_s"] + 300
    outcome = run(
        command(job, release, task["timeout_s"]), env=job.environment, cwd=str(job.root), timeout_s=limit_s
    )
    if outcome.ok:
        return outcome
    return Outcome(outcome.code, f"{outcome.output}\n{_explain(job, release)}")


def command(job: Job, release: Release, timeout_s: int) -> list[str]:
    """The command line of a release. A service's own chart gets what its author says and no more."""
    argv = ["helm", "upgrade", "--install", f"--namespace={job.document['namespace']}"]
    if job.document["context"] is not None:
        argv.append(f"--kube-context={job.document['context']}")
    argv += [f"--values={path}" for path in release["values"]]
    argv += [f"--set-literal={assignment}" for assignment in release["set"]]
    if isinstance(release["chart"], str):
        argv += ["--wait", f"--timeout={timeout_s}s"]
        argv += [_rollback_flag(job)] if release["rollback"] else []
        argv += _image(release)
        chart = f"./{release['chart']}"
    else:
        chart, where = _own_chart(job, release["chart"])
        argv += where
    return [*argv, *release["arguments"], "--", release["name"], chart]


def _image(release: Release) -> list[str]:
    if release["build"] is None:
        return []
    return [f"--set-string=image.tag={tags()[release['build']]}"]


def _rollback_flag(job: Job) -> str:
    """Undo a failed installation: Helm 4 has another word for it."""
    version = run(
        ["helm", "version", "--template={{.Version}}"], env=job.environment, timeout_s=QUERY_TIMEOUT_S
    )
    major = version.output.strip().lstrip("v").partition(".")[0]
    if not version.ok or not major.isdecimal():
        raise PipelineError(f"helm does not say its version: {version.output.strip()}")
    return "--atomic" if int(major) < 4 else "--rollback-on-failure"


def _own_chart(job: Job, chart: OwnChart) -> tuple[str, list[str]]:
    """Where Helm finds a service's own chart, and the flags for it."""
    if chart["source"] is not None:
        source = job.document["sources"][chart["source"]]
        repository = git.check_out(job, source, commits()[chart["source"]])
        return f"{repository.path}/{git.normal(chart['name'])}", []
    flags = [] if chart["version"] is None else [f"--version={chart['version']}"]
    url = chart["repository"] or ""
    if url.startswith("oci://"):
        return f"{url.rstrip('/')}/{chart['name']}", flags
    return chart["name"], [*flags, f"--repo={url}"]


def _kubectl(job: Job, *arguments: str) -> Outcome:
    argv = ["kubectl", f"--namespace={job.document['namespace']}", "--request-timeout=30s"]
    if job.document["context"] is not None:
        argv.append(f"--context={job.document['context']}")
    return run([*argv, *arguments], env=job.environment, timeout_s=QUERY_TIMEOUT_S)


def ensure_namespace(job: Job) -> None:
    """Create the namespace if it is known to be missing; who may not look takes it to be there."""
    namespace = job.document["namespace"]
    if "NotFound" in _kubectl(job, "get", "namespace", namespace).output:
        created = _kubectl(job, "create", "namespace", namespace)
        if not created.ok and "AlreadyExists" not in created.output:
            raise PipelineError(f"the namespace {namespace} cannot be created: {created.output.strip()}")


def _explain(job: Job, release: Release) -> str:
    """What the cluster says of a release: its pods, the newest events, the pods' last log lines."""
    pods = f"--selector=app.kubernetes.io/instance={release['name']}"
    parts = (
        ("pods", ("get", "pods", pods, "--output=wide")),
        ("events", ("get", "events", "--sort-by=.lastTimestamp")),
        (
            "logs",
            ("logs", pods, "--all-containers", "--prefix", f"--tail={LOG_LINES}", "--max-log-requests=20"),
        ),
    )
    said = []
    for title, arguments in parts:
        lines = _kubectl(job, *arguments).output.strip().splitlines()
        said += [f"--- {title} of {release['name']}", *lines[-LOG_LINES:]]
    return "\n".join(said)
