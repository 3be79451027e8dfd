"""The simulator's speed beside idiomatic SimPy and a SIMD scheduler in C, in one run.

All schedule the same 200 services in 4 stages (a phase of builds on 7 slots, then one of deployments on 7
slots, per stage) from the same matrix of durations, and must agree to the last bit. Times are
CPU seconds on one core, medians of alternating rounds, so that a drift of the machine hits all;
only ratios mean anything on another machine. Then whole processes: a forecast of 10,000
replications beside `python -c "import numpy"`, and one of 10,000 services. `--check` exits with 1
when a bound is missed. Without a C compiler that comparison is left out, loudly.

    python benchmarks/simulate.py [--rounds N] [--check]
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import simpy

from simulator.engines import events, reference, slots
from simulator.engines.trace import Floats
from simulator.network import Activity, Network, Queue

ROOT = Path(__file__).resolve().parent.parent
STAGES, SERVICES, SLOTS = 4, 200, 7
PHASES = [SERVICES // STAGES] * (2 * STAGES)
RUNS = 10_000
# Replications of one measurement of the slow ones.
FEW = {"SimPy": 10, "reference": 10, "events": 100}
HEAD = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: big
registry: {mirror: registry.example.com/big}
stages: [one, two, three, four]
pipeline: {strategy: staged}
services:
"""
SERVICE = """\
  web-{0}:
    type: application
    stage: {1}
    source: {{repository: "https://github.com/acme/shop", ref: main, context: web-{0}}}
    estimates: {{build: 180s, deploy: 40s}}
"""


def network() -> Network:
    """The services as a network: phases with a barrier after each, builds and deployments in turn."""
    activities: list[Activity] = []
    barrier: tuple[int, ...] = ()
    for phase, count in enumerate(PHASES):
        first = len(activities)
        activities += [Activity(f"{phase}.{number}", barrier, phase % 2, (1,)) for number in range(count)]
        activities.append(Activity(f"end of {phase}", (*barrier, *range(first, first + count))))
        barrier = (len(activities) - 1,)
    return Network(
        tuple(activities), (Queue("build", ("slots",), (SLOTS,)), Queue("deploy", ("slots",), (SLOTS,)))
    )


def idiomatic(durations_s: list[list[float]]) -> float:
    """The makespan as a SimPy user writes it: a process per task that requests a slot of a Resource."""
    env = simpy.Environment()

    def task(resource: simpy.Resource, duration_s: float) -> Generator[simpy.Event, None, None]:
        with resource.request() as slot:
            yield slot
            yield env.timeout(duration_s)

    def pipeline() -> Generator[simpy.Event, None, None]:
        resources = [simpy.Resource(env, SLOTS), simpy.Resource(env, SLOTS)]
        for number, phase in enumerate(durations_s):
            yield env.all_of([env.process(task(resources[number % 2], each)) for each in phase])

    env.run(env.process(pipeline()))
    return float(env.now)


def compiled(folder: Path) -> ctypes.CDLL | None:
    """The scheduler in C, or None where there is no compiler or no vectors that it knows."""
    compiler = shutil.which(os.environ.get("CC", "gcc")) or shutil.which("cc")
    if compiler is None:
        print("NO C COMPILER FOUND: THE COMPARISON WITH C IS LEFT OUT", file=sys.stderr)
        return None
    library = folder / "simulate.so"
    source = Path(__file__).with_suffix(".c")
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"THE COMPARISON WITH C IS LEFT OUT: {done.stderr.strip()}", file=sys.stderr)
        return None
    scheduler = ctypes.CDLL(str(library))
    pointer = ctypes.c_void_p
    scheduler.schedule.argtypes = [*[pointer] * 4, ctypes.c_size_t, pointer, ctypes.c_int]
    scheduler.schedule.restype = None
    return scheduler


def in_c(scheduler: ctypes.CDLL, durations_s: Floats) -> tuple[Floats, Floats, Floats]:
    """Start, finish and makespan of the tasks without the barriers, as the engines give them."""
    start_s, finish_s = np.empty_like(durations_s), np.empty_like(durations_s)
    makespan_s = np.empty(durations_s.shape[1])
    phases = np.array(PHASES, dtype=np.int32)
    arrays = [each.ctypes.data for each in (durations_s, start_s, finish_s, makespan_s)]
    scheduler.schedule(*arrays, durations_s.shape[1], phases.ctypes.data, len(PHASES))
    return start_s, finish_s, makespan_s


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def medians(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU seconds of each, called in turn; a warm-up round first."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            took = cpu_s(work)
            if turn:
                times[name].append(took)
    return {name: statistics.median(each) for name, each in times.items()}


class Verdicts:
    """Prints what was measured beside its bound, and remembers whether one was missed."""

    def __init__(self) -> None:
        self.missed = False

    def at_least(self, name: str, found: float, bound: float) -> None:
        """A ratio that must be large enough."""
        self._say(name, f"{found:.3g}", f"at least {bound:.3g}", found >= bound)

    def at_most(self, name: str, found: float, bound: float, unit: str = "") -> None:
        """A cost that must be small enough."""
        self._say(name, f"{found:.3g}{unit}", f"at most {bound:.3g}{unit}", found <= bound)

    def _say(self, name: str, found: str, bound: str, kept: bool) -> None:
        self.missed |= not kept
        print(f"{name:<58}{found:>10}   {bound}{'' if kept else '   MISSED'}", flush=True)


def scheduling(verdicts: Verdicts, rounds: int, folder: Path) -> None:
    """Replications a second, and that all give the same."""
    net = network()
    tasks = [index for index, each in enumerate(net.activities) if each.queue is not None]
    generator = np.random.default_rng(0)
    durations_s = np.zeros((len(net.activities), RUNS))
    durations_s[tasks] = generator.lognormal(4.0, 0.5, (len(tasks), RUNS))
    drawn_s = np.ascontiguousarray(durations_s[tasks])
    bounds = np.cumsum([0, *PHASES]).tolist()

    def phases(run: int) -> list[list[float]]:
        column = drawn_s[:, run].tolist()
        return [column[begin:end] for begin, end in pairwise(bounds)]

    columns = [phases(run) for run in range(FEW["SimPy"])]
    works: dict[str, Callable[[], object]] = {
        "SimPy": lambda: [idiomatic(each) for each in columns],
        "reference": lambda: reference.simulate(net, durations_s[:, : FEW["reference"]]),
        "events": lambda: events.simulate(net, durations_s[:, : FEW["events"]]),
        "numpy": lambda: slots.simulate(net, durations_s),
        "numpy, makespans": lambda: slots.makespans(net, durations_s),
    }
    trace = slots.simulate(net, durations_s)
    wanted = reference.simulate(net, durations_s[:, :3])
    assert np.array_equal(trace.start_s[:, :3], wanted.start_s)
    assert [idiomatic(each) for each in columns] == trace.makespan_s[: len(columns)].tolist()
    scheduler = compiled(folder)
    if scheduler is not None:
        found = in_c(scheduler, drawn_s)
        assert np.array_equal(found[0], trace.start_s[tasks])
        assert np.array_equal(found[1], trace.finish_s[tasks])
        works["C"] = lambda: in_c(scheduler, drawn_s)
    took = medians(works, rounds)
    rate = {name: FEW.get(name, RUNS) / seconds for name, seconds in took.items()}
    for name, each in rate.items():
        print(f"{name:<24}{each:>12,.0f} replications a second{each / rate['SimPy']:>10.1f} x SimPy")
    verdicts.at_least("numpy / SimPy", rate["numpy"] / rate["SimPy"], 300)
    if scheduler is not None:
        verdicts.at_least("numpy / C", rate["numpy"] / rate["C"], 1 / 3)


def rankings(verdicts: Verdicts, rounds: int) -> None:
    """Every build halved, and every number of build slots, exactly, on the same 1,000 runs."""
    net = network()
    builds = [index for index, each in enumerate(net.activities) if each.queue == 0]
    tasks = [index for index, each in enumerate(net.activities) if each.queue is not None]
    durations_s = np.zeros((len(net.activities), 1000))
    durations_s[tasks] = np.random.default_rng(1).lognormal(4.0, 0.5, (len(tasks), 1000))

    def sweep() -> None:
        for number in range(1, 15):
            queue = replace(net.queues[0], capacity=(number,))
            slots.makespans(replace(net, queues=(queue, net.queues[1])), durations_s)

    took = medians({"ranking": lambda: slots.rescaled(net, durations_s, builds, 0.5), "sweep": sweep}, rounds)
    assert len(builds) == SERVICES
    print(f"ranking {took['ranking']:.2f} s, sweep {took['sweep']:.2f} s of CPU")
    verdicts.at_most(
        "all 200 builds ranked and a sweep 1..14, CPU", took["ranking"] + took["sweep"], 1.5, " s"
    )


def used(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak memory in MB of a process."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024


def stagecast(command: str, file: Path, *options: str) -> list[str]:
    """A command line."""
    return [sys.executable, "-m", "stagecast", command, str(file), *options]


def cold(verdicts: Verdicts, rounds: int, folder: Path) -> None:
    """From a spec to the quantiles of 10,000 replications, beside the import of numpy."""
    file = written(folder, SERVICES)
    commands = {
        "import numpy": [sys.executable, "-c", "import numpy"],
        "plan": stagecast("plan", file),
        "simulate": stagecast("simulate", file, "--runs", str(RUNS)),
    }
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            cost = used(command)
            if turn:
                found[name].append(cost)
    for name, costs in found.items():
        cpu, wall, memory = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"{name:<24}{cpu:.2f} s of CPU, {wall:.2f} s, {memory:.0f} MB")
    pairs = list(zip(found["simulate"], found["import numpy"], strict=True))
    for position, kind in enumerate(("CPU", "wall clock")):
        more = statistics.median(ours[position] - theirs[position] for ours, theirs in pairs)
        verdicts.at_most(f"simulate {RUNS:,} runs - import numpy, {kind}", more, 0.5, " s")


def large(verdicts: Verdicts, folder: Path) -> None:
    """1,000 replications of ever more services: memory, and how the cost grows."""
    costs = {}
    for services in (2_500, 5_000, 10_000):
        costs[services] = used(stagecast("simulate", written(folder, services), "--runs", "1000"))
        cpu, _, memory = costs[services]
        print(f"{services:>6,} services, 1,000 runs  {cpu:.1f} s of CPU, {memory:.0f} MB", flush=True)
    verdicts.at_most("10,000 services, peak memory", costs[10_000][2], 1000, " MB")
    verdicts.at_most("4 times the services, times the CPU", costs[10_000][0] / costs[2_500][0], 5)


def written(folder: Path, services: int) -> Path:
    """A spec of `services` services in the four stages."""
    names = ("one", "two", "three", "four")
    lines = [SERVICE.format(number, names[number * STAGES // services]) for number in range(services)]
    file = folder / f"{services}.yaml"
    file.write_text(HEAD + "".join(lines), encoding="utf-8")
    return file


def main() -> int:
    """Measure, print, and with `--check` judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    verdicts = Verdicts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Processes first: a new one counts as its own the memory that this one has when it is made.
        cold(verdicts, arguments.rounds, folder)
        large(verdicts, folder)
        scheduling(verdicts, arguments.rounds, folder)
        rankings(verdicts, arguments.rounds)
    return int(arguments.check and verdicts.missed)


if __name__ == "__main__":
    sys.exit(main())
