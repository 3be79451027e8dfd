"""Runs `stagecast validate` on hostile inputs, each in a forked child, and says how each ended.

A program of its own (`python hostile_worker.py GROUP STEP PART`), so that what
the tests have imported counts neither as time nor as memory. It prints a JSON
array for every input: name, exit code or negative signal, CPU seconds, MB, and
the end of the output when there is something wrong with it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

from hostile import GROUPS
from hostile_text import Inputs, every_scalar

CPU_LIMIT_S = 20
MEMORY_LIMIT_BYTES = 2 * 1024**3
SPEC = "environment.yaml"


def chosen(group: str, step: int, sample: bool) -> Inputs:
    """Every `step`th input of a group, or all the others."""
    for number, (name, data) in enumerate(GROUPS[group]()):
        if (number % step == 0) == sample:
            yield name, data


def validate(output: Path) -> tuple[int, float, float]:
    """Exit code, CPU seconds and MB of a run on the spec of this folder."""
    child = os.fork()
    if child == 0:
        _run(output)
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _run(output: Path) -> None:
    """The child: never returns."""
    code = 70
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
        # As the program itself does it.
        gc.disable()
        from stagecast.cli import run

        code = run(["validate", SPEC])
        sys.stdout.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def main() -> None:
    """Run a group."""
    group, step, part = sys.argv[1:]
    from stagecast.cli import run

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(".git").mkdir()
        output = Path("output")
        # Everything is imported once, before the forks.
        Path(SPEC).write_bytes(every_scalar("a"))
        with open(os.devnull, "w") as nowhere:
            sys.stdout, stdout = nowhere, sys.stdout
            run(["validate", SPEC])
            sys.stdout = stdout
        for name, data in chosen(group, int(step), part == "sample"):
            Path(SPEC).write_bytes(data)
            del data
            code, cpu_s, mb = validate(output)
            said = output.read_bytes()
            wrong = code not in (0, 1, 3) or b"Traceback" in said
            end = said[-2000:].decode(errors="replace") if wrong else ""
            print(json.dumps([name, code, round(cpu_s, 3), round(mb), end]), flush=True)


if __name__ == "__main__":
    main()
