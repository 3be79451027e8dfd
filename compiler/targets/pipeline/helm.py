"""Helm: one release after the plan, what to do when it fails, and its removal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from . import kubernetes, records
from .charts import Chart
from .contract import Release
from .found import tags
from .guard import guarded
from .process import Outcome, run
from .records import Revision
from .state import Job, PipelineError

UNINSTALL_TIMEOUT_S = 600

_IN_PROGRESS = "another operation (install/upgrade/rollback) is in progress"
_REVISION = re.compile(r"^REVISION: ([0-9]{1,9})$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """How a release ended. `revision` is Helm's, where it was deployed and Helm says so."""

    ok: bool
    output: str
    revision: int | None = None


def image_flags(job: Job, release: Release) -> list[str]:
    """What of a release is known at run time only: the tag of a built image, and the preview.

    A release without a build has tag or digest in its values.
    """
    flags = []
    if isinstance(release["chart"], str):
        if release["build"] is not None:
            tag = tags().get(release["build"])
            if tag is None:
                raise PipelineError(
                    f"{release['name']}: the tag of its image is not known: run the check first"
                )
            flags.append(f"--set-string=image.tag={tag}")
        if job.preview is not None:
            flags.append(f"--set-string=preview.prefix={job.preview}-")
    return flags


def command(job: Job, release: Release, chart: Chart, timeout_s: int) -> list[str]:
    """The command line of a release. A service's own chart gets what its author says and no more.

    Never `--atomic`, which Helm 4 calls `--rollback-on-failure`: it removes a pod that crashes before anybody
    can read why. Undoing comes after explaining (`undo`).
    """
    argv = [*_helm(job, "upgrade"), "--install"]
    argv += [f"--values={path}" for path in release["values"]]
    argv += [f"--set-literal={assignment}" for assignment in release["set"]]
    if isinstance(release["chart"], str):
        argv += [*wait_flags(job, timeout_s), *image_flags(job, release)]
    return [*argv, *chart.flags, *release["arguments"], "--", release["name"], chart.place]


def wait_flags(job: Job, timeout_s: int) -> list[str]:
    """Wait as Helm 3 does, until everything is ready or the time is over. Raises PipelineError.

    Helm 4 by default gives up at the first pod in CrashLoopBackOff: one that starts before what it needs,
    and one of the revision that is to be replaced.
    """
    wait = "--wait" if _major(job.environment.get("PATH", "")) < 4 else "--wait=legacy"
    return [wait, f"--timeout={timeout_s}s"]


@cache
def _major(path: str) -> int:
    """The major version of the Helm on a PATH."""
    version = run(["helm", "version", "--template={{.Version}}"], env={"PATH": path}, timeout_s=60)
    major = version.output.strip().lstrip("v").partition(".")[0]
    if not version.ok or not major.isdecimal():
        raise PipelineError(f"helm does not say its version: {version.said}")
    return int(major)


def _helm(job: Job, verb: str) -> list[str]:
    context = job.document["context"]
    where = [] if context is None else [f"--kube-context={context}"]
    return ["helm", verb, f"--namespace={job.document['namespace']}", *where]


def _run(job: Job, argv: list[str], timeout_s: int) -> Outcome:
    # Helm keeps to its own timeout, for each thing that it waits for. This one is for a Helm that hangs.
    limit_s = 2 * timeout_s + 300
    return run(guarded(argv), env=job.environment, cwd=str(job.root), timeout_s=limit_s)


def upgrade(
    job: Job,
    release: Release,
    chart: Chart,
    timeout_s: int,
    *,
    last: Revision | None = None,
    begun: int | None = None,
    failed: Callable[[], bool] = lambda: True,
) -> Result:
    """Install or upgrade a release.

    `last` is its newest revision as the run began, `begun` the one that an
    earlier run had begun, if that is known. When the API server was away
    meanwhile, once more. When it fails, `failed` is called at once; if that
    gives True, the output says what the cluster says of the release, and only
    then is it undone where that is allowed. Raises PipelineError.
    """
    argv = command(job, release, chart, timeout_s)
    ours, settled = begun, last is None or last.status not in records.UNFINISHED

    def attempt() -> Outcome:
        nonlocal last, ours, settled
        if not settled:
            last = records.settle(job, release["name"], ours=ours, timeout_s=timeout_s)
        if last is not None and last.status == records.FAILED and isinstance(release["chart"], str):
            records.go_on_from_failure(job, release["name"])
        ours, settled = (1 if last is None else last.number + 1), False
        return _run(job, argv, timeout_s)

    outcome = kubernetes.patient(job, attempt)
    if not outcome.ok and _IN_PROGRESS in outcome.output:
        # Somebody has begun since this run did.
        outcome = kubernetes.patient(job, attempt)
    if outcome.ok:
        said = _REVISION.search(outcome.output)
        return Result(True, outcome.output, int(said[1]) if said else None)
    if not failed():
        return Result(False, f"{outcome.output}\nended before its end\n")
    explained = f"{outcome.output}\n{kubernetes.explain(job, release['name'])}\n"
    return Result(False, explained + undo(job, release, timeout_s))


def undo(job: Job, release: Release, timeout_s: int) -> str:
    """Go back to what ran before a failure, or to nothing where nothing did; gives what is to be told."""
    name = release["name"]
    if not release["rollback"]:
        return f"--- {name} is left as it is: undoing could lose data, or is not asked for\n"
    try:
        records.settle(job, name, ours=None, timeout_s=0)
        revisions = records.read(job, name).get(name)
    except PipelineError as problem:
        return f"--- {name} is left as it is: {problem}\n"
    if not revisions:
        return f"--- nothing of {name} was installed\n"
    good = records.last_good(revisions)
    if good == revisions[-1].number:
        return f"--- {name} is still at revision {good}: Helm changed nothing\n"
    wait = wait_flags(job, timeout_s)
    if good is None:
        # It never ran: what it does before its deletion has no place here.
        title, argv = "uninstalled", [*_helm(job, "uninstall"), *wait, "--no-hooks", "--", name]
    else:
        title = f"back at revision {good}"
        argv = [*_helm(job, "rollback"), *wait, "--", name, str(good)]
    outcome = kubernetes.patient(job, lambda: _run(job, argv, timeout_s))
    ended = title if outcome.ok else f"could not be undone ({' '.join(argv[1:2])})"
    return f"--- {name}: {ended}\n{outcome.output}"


def uninstall(job: Job, release: str, timeout_s: int = UNINSTALL_TIMEOUT_S) -> Outcome:
    """Uninstall a release, its deletion hooks included; one that is not there is done. Volumes stay."""
    argv = [*_helm(job, "uninstall"), *wait_flags(job, timeout_s), "--", release]
    outcome = kubernetes.patient(job, lambda: _run(job, argv, timeout_s))
    if not outcome.ok and "not found" in outcome.output and not records.read(job, release):
        return Outcome(0, f"{release} is not installed\n")
    return outcome
