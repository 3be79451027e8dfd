"""Registries: logging in, asking for an image, copying one. All through skopeo.

An image that a registry does not have, and a registry that cannot be asked,
are two things: the second is tried again for a while and then is an error.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from .contract import REGISTRY_PASSWORD, REGISTRY_USERNAME, Mirror
from .process import NO_PROGRAM, TIMED_OUT, Outcome, run
from .report import say
from .state import Job, PipelineError

TIMEOUT_S = 60
DOCKER_HUB = "docker.io"
DOCKER_HUB_KEY = "https://index.docker.io/v1/"
INSECURE = "STAGECAST_INSECURE_REGISTRIES"

# Half a minute: a registry that restarts is waited for.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)

# What registries answer when there is no such image (error codes of the OCI distribution specification),
# also to those who may not know whether a repository exists: Docker Hub and Quay deny what is missing.
_MISSING = (
    "manifest unknown",
    "manifest_unknown",
    "name unknown",
    "name_unknown",
    "not known to registry",
    "not found",
    "unauthorized",
    "denied",
)
_UNREACHABLE = (
    "connection refused",
    "connection reset",
    "broken pipe",
    "i/o timeout",
    "tls handshake timeout",
    "context deadline exceeded",
    "no such host",
    "server misbehaving",
    "network is unreachable",
    "no route to host",
    ": eof",
    "unexpected eof",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
    "500 internal server error",
    "too many requests",
    "toomanyrequests",
)
# What no second try changes.
_SETTLED = ("http response to https client", "x509:", "certificate")
# skopeo's exit code for an image that is not there, from 1.10 on.
_NOT_FOUND = 2


def insecure_hosts(job: Job) -> tuple[str, ...]:
    """The registries that are asked without TLS, as STAGECAST_INSECURE_REGISTRIES lists them."""
    return tuple(filter(None, (host.strip() for host in job.environment.get(INSECURE, "").split(","))))


def is_insecure(job: Job, reference: str) -> bool:
    """Whether a host, or an image's name, is of a registry that is asked without TLS."""
    return reference.partition("/")[0] in insecure_hosts(job)


def unreachable(text: str) -> bool:
    """Whether a tool's message says that a server was not there: the same may work later."""
    lowered = text.lower()
    return any(phrase in lowered for phrase in _UNREACHABLE)


def again(
    attempt: Callable[[], Outcome],
    retry: Callable[[Outcome], bool],
    *,
    ends: float,
    pauses_s: Sequence[float] = PAUSES_S,
) -> Outcome:
    """Try, and try again after each pause while `retry` says so and the clock is before `ends`."""
    outcome = attempt()
    for pause_s in pauses_s:
        if outcome.ok or not retry(outcome) or time.monotonic() + pause_s >= ends:
            break
        say(f"again in {pause_s:.0f} s: {outcome.said[-300:]}")
        time.sleep(pause_s)
        outcome = attempt()
    return outcome


def log_in(job: Job) -> None:
    """Log in to the mirror's registry and take over further credentials. Raises PipelineError.

    On a person's machine, without credentials for the job, that person's own
    ones are used.
    """
    if job.own_registry_login:
        return
    before = json.loads(job.auth_file.read_text(encoding="utf-8"))
    for host in job.document["registries"]:
        command = ["skopeo", "login", *_tls(job, host), f"--username={job.secret(REGISTRY_USERNAME)}"]
        outcome = _run(
            job,
            [*command, "--password-stdin", host],
            lambda outcome: unreachable(outcome.said),
            job.secret(REGISTRY_PASSWORD),
        )
        if not outcome.ok:
            raise PipelineError(f"logging in to {host} failed ({outcome.ended}): {outcome.said}")
    _complete_auth_file(job, before)


def exists(job: Job, reference: str) -> bool:
    """Whether the registry has an image. Raises PipelineError when it cannot be asked."""
    return _manifest(job, reference) is not None


def digest(job: Job, reference: str) -> str | None:
    """The digest of an image, of the list where it has several platforms; None when it is not there.

    Raises PipelineError when the registry cannot be asked.
    """
    manifest = _manifest(job, reference)
    return None if manifest is None else f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def mirror(job: Job, image: Mirror, *, retries: int, timeout_s: float, pause_s: float = 2.0) -> Outcome:
    """Copy an image with all its platforms, digests unchanged.

    Tried once and `retries` times more, with pauses that double, in all at most `timeout_s`.
    """
    ends = time.monotonic() + timeout_s
    tls = (*_tls(job, image["origin"], "src-"), *_tls(job, image["destination"], "dest-"))
    addresses = (f"docker://{image['origin']}", f"docker://{image['destination']}")
    command = ["skopeo", "copy", "--all", "--preserve-digests", *tls, *addresses]
    log = ""

    def attempt() -> Outcome:
        nonlocal log
        outcome = run(command, env=job.environment, timeout_s=max(1.0, ends - time.monotonic()))
        log += outcome.output
        return outcome

    pauses = [pause_s * 2**n for n in range(retries)]
    outcome = again(attempt, lambda outcome: outcome.code != TIMED_OUT, ends=ends, pauses_s=pauses)
    return Outcome(outcome.code, log)


def _manifest(job: Job, reference: str) -> bytes | None:
    """An image's manifest, byte for byte; None when there is none. Raises PipelineError."""
    command = ["skopeo", "inspect", "--raw", *_tls(job, reference), f"docker://{reference}"]
    outcome = _run(job, command, _may_pass, exact=True)
    if outcome.ok:
        return outcome.output.encode(errors="surrogateescape")
    if _says_missing(outcome):
        return None
    raise PipelineError(f"whether {reference} exists cannot be asked ({outcome.ended}): {outcome.said}")


def _may_pass(outcome: Outcome) -> bool:
    settled = any(phrase in outcome.said.lower() for phrase in _SETTLED)
    return not settled and not _says_missing(outcome)


def _says_missing(outcome: Outcome) -> bool:
    said = outcome.said.lower()
    missing = outcome.code == _NOT_FOUND or any(phrase in said for phrase in _MISSING)
    # "executable file not found" is about a credential helper.
    return missing and not unreachable(said) and "executable file" not in said


def _run(
    job: Job,
    command: list[str],
    retry: Callable[[Outcome], bool],
    stdin: str | None = None,
    *,
    exact: bool = False,
) -> Outcome:
    def attempt() -> Outcome:
        return run(command, env=job.environment, stdin=stdin, timeout_s=TIMEOUT_S, exact=exact)

    ends = time.monotonic() + TIMEOUT_S + sum(PAUSES_S)
    return again(attempt, lambda outcome: outcome.code != NO_PROGRAM and retry(outcome), ends=ends)


def _tls(job: Job, reference: str, side: str = "") -> tuple[str, ...]:
    return (f"--{side}tls-verify=false",) if is_insecure(job, reference) else ()


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
