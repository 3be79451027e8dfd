"""`stagecast simulate` as a process: Ctrl-C, what it loads, and workers beside hostile folders."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from cli_runs import CHECKOUT, Process

HOSTILE = "raise SystemExit('the working folder was imported')\n"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command in a session of its own, so that a signal can go to all its processes at once."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    return subprocess.Popen(
        [sys.executable, "-m", "stagecast", "simulate", "environment.yaml", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    # A shell starts what runs in its background deaf to Ctrl-C, these tests perhaps.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt_all(process: subprocess.Popen[str]) -> None:
    """As a terminal does: to every process of the group."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_gives_what_there_is(spec: Path, folder: Path, workers: str) -> None:
    assert spec.name == "environment.yaml"
    for patience_s in (3, 6, 12, 24):
        process = start(folder, "--runs", "1000000", "--engine", "simpy", "--json", "--workers", workers)
        time.sleep(patience_s)
        assert process.poll() is None, process.communicate()
        interrupt_all(process)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        if "before there was anything" not in err:
            break
    data = json.loads(out)
    assert data["interrupted"] is True
    assert 0 < data["runs"] < 1_000_000
    assert err == f"stagecast: interrupted after {data['runs']:,} runs\n"


@pytest.mark.parametrize("after_s", [0.15, 0.4, 0.8])
def test_ctrl_c_early_is_an_end_without_a_traceback(spec: Path, folder: Path, after_s: float) -> None:
    """Before there is anything, or at the very beginning: whatever it hits, it ends."""
    assert spec.exists()
    process = start(folder, "--runs", "1000000", "--engine", "simpy", "--workers", "2")
    time.sleep(after_s)
    interrupt_all(process)
    out, err = process.communicate(timeout=30)
    # While Python itself starts, its own handler answers.
    assert process.returncode in (130, 1, -signal.SIGINT)
    if process.returncode == 130:
        assert "Traceback" not in err
        assert ("P50" in out) == ("interrupted after" in err)


def test_workers_import_nothing_from_the_working_folder(process: Process, spec: Path, folder: Path) -> None:
    one = process("simulate", spec, "--runs", "60", "--json", cwd=folder)
    for name in ("multiprocessing", "numpy", "simulator", "signal"):
        (folder / f"{name}.py").write_text(HOSTILE)
    two = process("simulate", spec, "--runs", "60", "--json", "--workers", "2", cwd=folder)
    assert two == one
    assert one.code == 0


def test_it_loads_no_more_than_it_needs(spec: Path, folder: Path) -> None:
    """Each of these costs 15 to 180 ms, which is more than the simulation itself."""
    code = (
        "import sys; from stagecast.cli import run; "
        f"code = run(['simulate', '{spec}', '--runs', '50']); "
        "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    heavy = {"simpy", "rich", "jsonschema", "networkx", "multiprocessing", "statistics", "csv"}
    assert not sorted(loaded & heavy)
    assert "numpy" in loaded
    assert not {
        name
        for name in loaded
        if name.startswith(("simulator.forecasting.gate", "simulator.forecasting.workers"))
    }


def test_a_piped_report_has_no_bar_and_no_colour(process: Process, spec: Path, folder: Path) -> None:
    result = process("simulate", spec, "--runs", "200", cwd=folder)
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out


def test_on_a_terminal_there_is_a_bar_and_its_ctrl_c_works(spec: Path, folder: Path) -> None:
    """A real terminal: stdout and stderr are one, and its driver makes the signal of a key."""
    primary, secondary = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "stagecast", "simulate", str(spec), "--runs", "1000000", "--engine", "simpy"],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(secondary)
    seen = b""
    asked = False
    while chunk := _read(primary):
        seen += chunk
        if not asked and b"simulating" in seen:
            os.write(primary, b"\x03")
            asked = True
    os.close(primary)
    assert process.wait(timeout=30) == 130, seen
    last = seen.decode().rpartition("\x1b[2K")[2]
    assert "P50" in last
    assert "simulating" not in last
    assert "interrupted after" in last
    assert len(last.splitlines()) <= 26


def _take_terminal() -> None:
    """Make stdin the controlling terminal of the new session, so that its keys send signals."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when all who write to it have ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
