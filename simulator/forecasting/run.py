"""The way in: a plan or a model goes in, a forecast comes out.

Owns how many replications there are, how they are cut into blocks, who makes
them, and when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from compiler.plan.model import Plan
from simulator import engines
from simulator.forecasting.blocks import Block, Piece, joined, simulate
from simulator.forecasting.forecast import Forecast
from simulator.forecasting.frame import Frame
from simulator.forecasting.summary import Request, makespan_of, summarise
from simulator.modelling import pipeline
from simulator.modelling.model import Model

DEFAULT_RUNS = 1000
# With a precision: how many runs at most, unless it is said.
MOST_RUNS = 256_000
# Activities times replications of one block (8 bytes each in about a dozen arrays), by engine: a
# vectorised one wants many at once, the others are to look up often whether to stop.
_BLOCK_DRAWS = {"numpy": 1_000_000}
_SMALL_BLOCK_DRAWS = 50_000
# Replications of a block of a vectorised engine at least, however many activities there are: what
# is done once per activity and block would otherwise grow with the square of the activities.
_FEWEST_AT_ONCE = 250
# Activities times replications of which single tasks are told, and how many of the latter at least.
_DETAILED_DRAWS = 250_000
_FEWEST_DETAILED = 100

Progress = Callable[[int, int], None]


def forecast(
    subject: Plan | Model,
    *,
    runs: int | None = None,
    seed: int = 0,
    workers: int = 1,
    precision: float | None = None,
    engine: str = engines.AUTO,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Forecast:
    """Simulate a plan (in the default scenario) or a model, `runs` times (None: `DEFAULT_RUNS`).

    The same model, runs and seed give the same forecast, on any number of
    `workers` and on any engine; more runs keep the earlier ones. With a
    `precision`, 0.01 say, the number of runs is doubled from `DEFAULT_RUNS` on until
    the 95 % intervals of P50, P90 and P99 end within 1 % of the value, or
    `runs` (None: `MOST_RUNS`) are made; `Forecast.imprecise` tells. This
    sequential rule looks at the intervals a few times, so that their confidence is
    slightly below 95 %.

    `progress` is called with (runs made, runs wanted) after every block. When
    `stop` says so between two blocks, or KeyboardInterrupt is raised in one,
    the forecast is of the blocks that were made.

    Raises:
        ValueError: a number makes no sense, the engine does not exist or does not
            cover the network, or the plan cannot be scheduled (see
            `pipeline.model`). The message is fit for a user.
        ChildProcessError: a worker process ended; the message is fit for a user.
        KeyboardInterrupt: it was interrupted before there was anything to tell.
    """
    _check(runs, workers, precision)
    model = pipeline.model(subject) if isinstance(subject, Plan) else subject
    choice = engines.choose(model.network, engine)
    frame = Frame(model)
    most = runs or (DEFAULT_RUNS if precision is None else MOST_RUNS)
    goals = [most] if precision is None else _doubling(min(DEFAULT_RUNS, most), most)
    made: list[Block] = []
    cut = False
    with ExitStack() as stack:
        make = _maker(frame, choice.name, seed, workers, stack)
        try:
            for goal in goals:
                for block in make(
                    _pieces(frame, choice.name, workers, sum(each.count for each in made), goal)
                ):
                    made.append(block)
                    if progress is not None:
                        progress(block.first + block.count, goal)
                    if stop is not None and stop():
                        raise KeyboardInterrupt
                if precision is not None and _precise(made, precision):
                    break
        except KeyboardInterrupt:
            if not made:
                raise
            cut = precision is not None or sum(block.count for block in made) < most
    return summarise(frame, joined(made), Request(seed, choice, precision, cut))


def _check(runs: int | None, workers: int, precision: float | None) -> None:
    if runs is not None and runs < 1:
        raise ValueError(f"at least one run is needed, not {runs}")
    if workers < 1:
        raise ValueError(f"at least one worker is needed, not {workers}")
    if precision is not None and not 0 < precision < 1:
        raise ValueError(f"a precision is between 0 and 1, not {precision:g}")


def _doubling(first: int, most: int) -> Iterator[int]:
    goal = first
    while goal < most:
        yield goal
        goal *= 2
    yield most


def _precise(made: list[Block], precision: float) -> bool:
    runs = joined([Block(b.first, b.makespan_s, b.failure, b.timed_out, b.begin_s, b.end_s) for b in made])
    return makespan_of(runs.makespan_s[runs.failure < 0]).within(precision)


def _pieces(frame: Frame, engine: str, workers: int, first: int, last: int) -> list[Piece]:
    """Replications `first` to `last` in pieces; those of which single tasks are told come first."""
    activities = max(1, len(frame.model.network.activities))
    share = -(-(last - first) // workers) if workers > 1 else last - first
    fitting = _BLOCK_DRAWS.get(engine, _SMALL_BLOCK_DRAWS) // activities
    size = max(1, min(share, max(fitting, _FEWEST_AT_ONCE if engine in _BLOCK_DRAWS else 1)))
    detailed = max(_FEWEST_DETAILED, _DETAILED_DRAWS // activities)
    pieces = []
    while first < last:
        edge = min(detailed, last) if first < detailed else last
        count = min(size, edge - first)
        pieces.append(Piece(first, count, first < detailed))
        first += count
    return pieces


def _maker(
    frame: Frame, engine: str, seed: int, workers: int, stack: ExitStack
) -> Callable[[Sequence[Piece]], Iterator[Block]]:
    """What makes blocks of pieces: this process, or `workers` others until the stack is closed."""
    if workers > 1:
        from simulator.forecasting.workers import pool

        return stack.enter_context(pool(frame.model, engine, seed, workers)).blocks

    def here(pieces: Sequence[Piece]) -> Iterator[Block]:
        for each in pieces:
            yield simulate(frame, engine, seed, each)

    return here
