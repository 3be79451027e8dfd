"""Write docs/validation.md: what the simulator is held to, by which rule, and what came out.

Everything but the measured parts is computed here, from fixed seeds; what was measured with
real clocks is read from tests/e2e/measured, which the end-to-end tests write with
`--update-goldens`. With `--quick` only the sections that take no time are written anew. The
numbers are those of the functions that the tests assert.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "simulator")]

import claims  # noqa: E402
import closed_forms  # noqa: E402
import open_arrivals  # noqa: E402
import random_schedules  # noqa: E402
import variance_reduction  # noqa: E402
from claims import Claim  # noqa: E402

PAGE = ROOT / "docs" / "validation.md"
# Replications of the closed forms: what each engine does in some ten seconds.
RUNS = {"numpy": 50_000, "events": 5_000, "simpy": 1_000}
OPEN_RUNS, OPEN_JOBS = 60, 12_000
PROPERTIES = ("test_engines_agree.py", "test_slots.py")

INTRODUCTION = f"""\
# Validation

What the simulator is held to. Nothing here compares it with itself: the numbers are closed forms,
published optima and real clocks. Tests assert the same claims by the same functions with fewer
replications; a claim that does not hold fails them. Written by `make validation` (`python
docs/validation.py`, some minutes).

Rules. **{claims.MEAN}**: the estimate is at most three standard errors off. **{claims.QUANTILE}** and
**{claims.CLUSTER_MEAN}** (of independent runs of a queue, of which the first fifth is not counted) are
as strict: a right simulator misses each one in 370 times. The seed is {claims.SEED} throughout, chosen
before looking, and the same on every machine."""

FORMULAS = """\
Recomputed from formulas in tests/simulator/queueing.py: the hypoexponential law by uniformisation,
Erlang's C by his recursion, M/D/c by its embedded chain (Crommelin), M/G/1 by Pollaczek and Khinchine."""

_REPLICATIONS = ", ".join(f"{name} {runs:,}" for name, runs in RUNS.items())
MAKESPANS = f"""\
Independent exponential tasks of mean 1, served first in, first out, a barrier after each stage: the
makespan is hypoexponential with the rates min(slots, tasks left). With slots for all, the largest of n.
With fixed durations, waves. Replications: {_REPLICATIONS}.

That busy time is the sum of durations, and that no makespan is below the area bound or the critical
path, is a property test over random networks, through every engine that covers them."""

ARRIVALS = f"""\
The code of `stagecast pool` (simulator/studies/shared_pool.py) with pipelines of one build. Times are in
units of the mean service. {OPEN_RUNS} runs of {OPEN_JOBS:,} jobs each, of which the first fifth warms up."""

OPTIMA = """\
480 projects of 30 activities on four resources (j30; Kolisch and Sprecher), read as networks with one
queue. The data are read from the folder that STAGECAST_PSPLIB names. For an engine, each activity
becomes a chain of taking its resources and of holding them, so that nobody overtakes who stands ahead."""

SAMPLING = """\
Serial: simulator/serial.py. Parallel: the event-driven engine, queue policy longest-first with random
priorities. The published 1.03 % does not say how a random list is drawn, and it matters: walking a
shuffled list again and again, and placing what has its needs, gives it. Drawing evenly among all that
could be placed gave 0.94 to 0.95 % (three seeds), fixed random priorities 1.15 to 1.19 % (two seeds).
The best of every project is recorded in tests/simulator/goldens/psplib_best.json; `make test` computes
five projects anew, `make e2e` all."""

MONOTONICITY = """\
Every activity of every j30 project halved alone (in whole units, rounded up), through the event-driven
engine. This is a property of list scheduling (Graham), not an error: it is reported, never ruled out."""

DRAWS = f"""\
What a what-if gains by the same draws before and after, {variance_reduction.RUNS:,} replications of
examples: the variance of the difference with draws of its own, over that of the paired one."""

AGREE = """\
Every start and finish of every activity, in every engine that covers the network, equals SimPy's to the
last bit. Random examples per property (hypothesis, derandomised), ties and zero durations included:"""

EXECUTOR = """\
Thread pools of Python's standard library run random plans whose tasks sleep
(tests/simulator/real_executor.py); the simulator gets the times that the tasks really took. Not ours:
the measured makespan. Measured once, by `make e2e`, with real clocks: another measurement gives other
digits."""

REPLAY = """\
A Docker engine, a registry, a Kubernetes API server and Helm, all real
(tests/e2e/test_replay_for_real.py): the makespan that each task's own time predicts
(simulator/history/replay.py). What is missing is what passes between tasks. Measured once, by
`make e2e`, with real clocks: another measurement gives other digits."""

LIMITS = """\
## What is not validated

- **The default durations.** They are judgements and published figures, each with its reason in
  [forecast.md](forecast.md). Everything here says: given the durations, the schedule is right.
- **Your cluster.** Overheads of pods, nodes and registries are terms with laws of their own; calibrate
  them from traces of your runs. On recorded workflow runs an ideal list scheduler predicts 0 to 93 % of
  the real makespan.
- **Shared bandwidth** is processor sharing by definition; the engines agree on it, no network was
  measured.
- **The profiles of GitHub, GitLab and Argo** follow their documentation and local runners, not recorded
  runs of the services.
- **That more is faster.** It is not always so (above), and no test asserts it."""


def page() -> str:
    """The whole text."""
    return "\n\n".join([INTRODUCTION, *(section() for section in SECTIONS), LIMITS]) + "\n"


def formulas() -> str:
    """The published numbers themselves."""
    return _section("The published numbers", FORMULAS, closed_forms.formula_claims())


def makespans() -> str:
    """The closed forms through all engines, side by side."""
    columns: dict[str, list[Claim]] = {name: [] for name in RUNS}
    for engine, runs in RUNS.items():
        for case in closed_forms.CASES:
            columns[engine] += closed_forms.hypoexponential_claims(case, engine, runs)
        columns[engine] += closed_forms.lognormal_claims(engine, runs)
        columns[engine] += closed_forms.deterministic_claims(engine)
    rows = [f"| what | rule | closed form | {' | '.join(RUNS)} | holds |", "|---" * (len(RUNS) + 4) + "|"]
    for group in zip(*columns.values(), strict=True):
        first = group[0]
        found = " | ".join(claim.found for claim in group)
        rows.append(f"| {first.what} | {first.rule} | {first.expected} | {found} | {_verdict(group)} |")
    return "\n".join(["## Makespans with closed forms, through every engine", "", MAKESPANS, "", *rows])


def arrivals() -> str:
    """Open queues through the shared pool."""
    lines = (open_arrivals.line_claims(line, OPEN_RUNS, OPEN_JOBS) for line in open_arrivals.LINES)
    return _section("Many pipelines on one pool: open arrivals", ARRIVALS, chain.from_iterable(lines))


def optima() -> str:
    """PSPLIB with the optimal order."""
    return _section("PSPLIB: optimal schedules", OPTIMA, random_schedules.optimum_claims())


def sampling() -> str:
    """PSPLIB with random schedules."""
    recorded = random_schedules.recorded_best()
    return _section("PSPLIB: random schedules", SAMPLING, random_schedules.sampling_claims(recorded))


def monotonicity() -> str:
    """Graham's anomalies."""
    found = random_schedules.monotonicity_claims()
    return _section("A faster task can make a pipeline slower", MONOTONICITY, found)


def draws() -> str:
    """Common random numbers."""
    found = chain(variance_reduction.stream_claims(), variance_reduction.variance_claims())
    return _section("Common draws", DRAWS, found)


def engines_agree() -> str:
    """The property tests, as their sources say."""
    found = list(chain.from_iterable(map(_properties, PROPERTIES)))
    rows = [f"| {name} | {count} |" for name, count in found]
    rows.append(f"| all | {sum(count for _, count in found):,} |")
    head = ["## Engines agree bit for bit", "", AGREE, "", "| property | random examples |", "|---|---|"]
    return "\n".join([*head, *rows])


def executor() -> str:
    """What a real executor took."""
    return _section("A real executor of 7 + 7 slots", EXECUTOR, claims.measured("executor"))


def replay() -> str:
    """What local runs of the examples took."""
    return _section("`stagecast run` on the examples", REPLAY, claims.measured("replay"))


SECTIONS: tuple[Callable[[], str], ...] = (
    formulas,
    makespans,
    arrivals,
    optima,
    sampling,
    monotonicity,
    draws,
    engines_agree,
    executor,
    replay,
)
# Of these a test compares the page with what is computed: they take no time.
QUICK: tuple[Callable[[], str], ...] = (formulas, sampling, engines_agree, executor, replay)


def _section(title: str, text: str, found: Iterable[Claim]) -> str:
    rows = [f"## {title}", "", text, "", "| what | rule | not ours | ours | holds |", "|---|---|---|---|---|"]
    for each in found:
        rows.append(f"| {each.what} | {each.rule} | {each.expected} | {each.found} | {_verdict([each])} |")
    return "\n".join(rows)


def _verdict(group: Iterable[Claim]) -> str:
    return "yes" if all(claim.holds for claim in group) else "**no**"


def _properties(file: str) -> Iterator[tuple[str, int]]:
    """The tests with `@settings(max_examples=...)` of a test module, and how many examples each has."""
    path = ROOT / "tests" / "simulator" / file
    if not path.is_file():
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for keyword in (k for d in node.decorator_list if isinstance(d, ast.Call) for k in d.keywords):
            if keyword.arg == "max_examples" and isinstance(keyword.value, ast.Constant):
                assert isinstance(keyword.value.value, int)
                yield node.name.removeprefix("test_").replace("_", " "), keyword.value.value


def refreshed(text: str) -> str:
    """The page with the sections that take no time written anew; the others stay as they are."""
    parts = text.removesuffix("\n").split("\n\n## ")
    for section in QUICK:
        new = section().removeprefix("## ")
        title = new.partition("\n")[0]
        parts = [new if part.partition("\n")[0] == title else part for part in parts]
    return "\n\n## ".join(parts) + "\n"


if __name__ == "__main__":
    quick = sys.argv[1:] == ["--quick"]
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")) if quick else page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
