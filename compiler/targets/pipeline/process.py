"""Running commands: never through a shell, always with a limit, the whole process group ended at the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

KILL_AFTER_S = 15
TIMED_OUT = 124
NO_PROGRAM = 127
# What `follow` keeps of a log, to say why a command failed.
KEPT_LINES = 50
LINE_BYTES = 64 * 1024

_running: set[subprocess.Popen[bytes]] = set()
# How often `end_running` was called.
_endings = 0


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code (TIMED_OUT when it was ended, negative by a signal) and its output.

    `errors` is standard error where it was kept apart.
    """

    code: int
    output: str
    errors: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0

    @property
    def said(self) -> str:
        """What the command says of a failure."""
        return (self.errors or self.output).strip()

    @property
    def ended(self) -> str:
        """How the command ended, in words."""
        if self.code == TIMED_OUT:
            return "timed out"
        if self.code < 0:
            with suppress(ValueError):
                return f"killed by {signal.Signals(-self.code).name}"
        return f"exit code {self.code}"


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
    byte (what is not UTF-8 as surrogates), and standard error is apart. With
    `capture` False both go straight to the log.
    """
    endings = _endings
    try:
        process = subprocess.Popen(
            list(argv),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.PIPE if exact else subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(NO_PROGRAM, f"{argv[0]}: {error.strerror}")
    _running.add(process)
    if _endings != endings:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    try:
        given = None if stdin is None else stdin.encode(errors="surrogateescape")
        output, errors = process.communicate(given, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return Outcome(TIMED_OUT, _text(_end(process)) + f"\n{argv[0]}: ended after {timeout_s:.0f} s\n")
    except BaseException:
        _end(process)
        raise
    finally:
        _running.discard(process)
    return Outcome(
        process.returncode, _text(output, "surrogateescape" if exact else "replace"), _text(errors)
    )


def follow(
    argv: Sequence[str],
    each: Callable[[str], None],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> Outcome:
    """Run a command and hand over every line that it prints, on either stream, when it comes.

    `each` is called in another thread, never twice at once. The outcome's
    output are the last lines only.
    """
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        process = subprocess.Popen(
            list(argv),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(NO_PROGRAM, f"{argv[0]}: {error.strerror}")
    reader = Thread(target=_read, args=(process, kept, each), daemon=True)
    reader.start()
    code: int | None = None
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        code = TIMED_OUT
    finally:
        if process.returncode is None:
            _signal(process)
        # A grandchild may hold the pipe open: what it prints then is not waited for.
        reader.join(KILL_AFTER_S)
    return Outcome(code, "\n".join(tuple(kept)))


def end_running() -> None:
    """Ask every command that `run` has started or is starting to stop; who waits for one gets its outcome."""
    global _endings
    _endings += 1
    for process in tuple(_running):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _read(process: subprocess.Popen[bytes], kept: deque[str], each: Callable[[str], None]) -> None:
    assert process.stdout is not None, "it was asked for"
    with process.stdout as stream, suppress(ValueError):
        while raw := stream.readline(LINE_BYTES):
            line = raw.decode(errors="replace").rstrip("\r\n")
            kept.append(line)
            # Whatever becomes of the log, the pipe must not fill: the command would hang.
            with suppress(OSError):
                each(line)


def _signal(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group to stop, then make it; its output is read by another thread."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_AFTER_S)
            return


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
