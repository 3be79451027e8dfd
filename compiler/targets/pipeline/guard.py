"""Runs a command that ends when the process that started it does: `guard.py STARTER_PID PROGRAM ARGUMENT...`.

A Helm whose pipeline was killed would go on changing the cluster, beside the
Helm of the next run. Linux sends it the signal that Helm takes for a request to
stop; on other systems the command just runs. Replaces itself by the command:
nothing remains of Python.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
STARTER_GONE = 143


def guard(starter: int, command: list[str]) -> int:
    """Become the command. Gives an exit code only where that is not possible."""
    if sys.platform == "linux":
        # A Python without ctypes, or a C library without prctl, runs the command unguarded.
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != starter:
            return STARTER_GONE
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
    return 127


def guarded(command: list[str]) -> list[str]:
    """The command line that runs a command under guard, for who starts it from this process."""
    return [sys.executable, "-I", os.path.abspath(__file__), str(os.getpid()), *command]


if __name__ == "__main__":
    sys.exit(guard(int(sys.argv[1]), sys.argv[2:]))
