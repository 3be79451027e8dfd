"""Running commands: never through a shell, always with a limit, the whole process group ended at the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

KILL_AFTER_S = 15
TIMED_OUT = 124


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code (TIMED_OUT when it was ended) and its output."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: str | None = None,
    capture: bool = True,
    exact: bool = False,
) -> Outcome:
    """Run a command. A missing program is exit code 127.

    Both streams are the output; with `exact` only standard output is, byte for
    byte (what is not UTF-8 as surrogates). With `capture` False both go
    straight to the log.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.DEVNULL if exact else subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(127, f"{argv[0]}: {error.strerror}")
    try:
        output, _ = process.communicate(None if stdin is None else stdin.encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return Outcome(TIMED_OUT, _text(_end(process)) + f"\n{argv[0]}: ended after {timeout_s:.0f} s\n")
    except BaseException:
        _end(process)
        raise
    return Outcome(process.returncode, _text(output, "surrogateescape" if exact else "replace"))


def _end(process: subprocess.Popen[bytes]) -> bytes | None:
    """Ask the process group to stop, then make it; gives what was written meanwhile."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        try:
            output, _ = process.communicate(timeout=KILL_AFTER_S)
            return output
        except subprocess.TimeoutExpired:
            continue
    return None


def _text(output: bytes | None, errors: str = "replace") -> str:
    return (output or b"").decode(errors=errors)
