"""The command line of the scripts: one argument, the kind of job."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import import_module

from .report import error
from .state import Job, PipelineError, opened

# Every command is a function of its own name; here is where it is.
COMMANDS = {
    "check": "check",
    "survey": "survey",
    "build": "build",
    "deploy": "deploy",
    "lock": "lock",
    "remove": "remove",
    "teardown": "preview",
}


def main(arguments: list[str]) -> int:
    """Run the job that the argument names. Gives the exit code: 0 success, 1 failure, 2 usage."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: run.py {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    # A cancelled job must still remove its builder and its credentials.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with opened() as job:
            return _command(arguments[0])(job)
    except PipelineError as problem:
        error(str(problem))
    except KeyboardInterrupt:
        error("cancelled")
    return 1


def _command(name: str) -> Callable[[Job], int]:
    command: Callable[[Job], int] = getattr(import_module(f".{COMMANDS[name]}", __package__), name)
    return command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
