"""Registries: logging in, asking whether an image is there, copying one. All through skopeo."""

from __future__ import annotations

import json
import time
from typing import Any

from .contract import REGISTRY_PASSWORD, REGISTRY_USERNAME, Mirror
from .process import Outcome, run
from .state import Job, PipelineError

TIMEOUT_S = 120
DOCKER_HUB = "docker.io"
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


def log_in(job: Job) -> None:
    """Log in to the mirror's registry and take over further credentials. Raises PipelineError."""
    before = json.loads(job.auth_file.read_text(encoding="utf-8"))
    for host in job.document["registries"]:
        command = ["skopeo", "login", f"--username={job.secret(REGISTRY_USERNAME)}", "--password-stdin", host]
        password = job.secret(REGISTRY_PASSWORD)
        outcome = run(command, env=job.environment, stdin=password, timeout_s=TIMEOUT_S)
        if not outcome.ok:
            raise PipelineError(f"logging in to {host} failed: {outcome.output.strip()}")
    _complete_auth_file(job, before)


def exists(job: Job, reference: str) -> bool:
    """Whether the registry has an image. What cannot be asked counts as missing: it is then made anew."""
    command = ["skopeo", "inspect", "--raw", f"docker://{reference}"]
    return run(command, env=job.environment, timeout_s=TIMEOUT_S).ok


def mirror(job: Job, image: Mirror, *, retries: int, timeout_s: float, pause_s: float = 2.0) -> Outcome:
    """Copy an image with all its platforms, digests unchanged, unless it is there.

    Tried once and `retries` times more, with pauses that double, in all at most `timeout_s`.
    """
    if exists(job, image["present"]):
        return Outcome(0, f"{image['present']} is already there\n")
    ends = time.monotonic() + timeout_s
    addresses = (f"docker://{image['origin']}", f"docker://{image['destination']}")
    command = ["skopeo", "copy", "--all", "--preserve-digests", *addresses]
    log = ""
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(min(pause_s * 2 ** (attempt - 1), max(0.0, ends - time.monotonic())))
        outcome = run(command, env=job.environment, timeout_s=max(1.0, ends - time.monotonic()))
        log += outcome.output
        if outcome.ok or time.monotonic() >= ends:
            break
    return Outcome(outcome.code, log)


def _complete_auth_file(job: Job, before: dict[str, Any]) -> None:
    """Add further registries' credentials, and Docker Hub under the name that docker knows it by.

    What stood in the file `before` is put back: skopeo keeps nothing but credentials.
    """
    config = before | json.loads(job.auth_file.read_text(encoding="utf-8"))
    auths = config.setdefault("auths", {})
    for variable in job.document["logins"]:
        # A secret that this job was not given belongs to another stage.
        if variable in job.secrets:
            try:
                auths.update(json.loads(job.secrets[variable])["auths"])
            except (ValueError, TypeError, KeyError) as error:
                raise PipelineError(f"the secret {variable} is no Docker configuration with auths") from error
    if DOCKER_HUB in auths:
        auths.setdefault(DOCKER_HUB_KEY, auths[DOCKER_HUB])
    job.auth_file.write_text(json.dumps(config), encoding="utf-8")
