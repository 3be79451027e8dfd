"""The command line of the scripts: one argument, the kind of job."""

from __future__ import annotations

import signal
import sys

from .build import build
from .check import check
from .deploy import deploy
from .report import error
from .state import PipelineError, opened

COMMANDS = {"check": check, "build": build, "deploy": deploy}


def main(arguments: list[str]) -> int:
    """Run the job that the argument names. Gives the exit code: 0 success, 1 failure, 2 usage."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: run.py {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    # A cancelled job must still remove its builder and its credentials.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with opened() as job:
            return COMMANDS[arguments[0]](job)
    except PipelineError as problem:
        error(str(problem))
    except KeyboardInterrupt:
        error("cancelled")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
