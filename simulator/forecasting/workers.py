"""Blocks on several processes.

Takes a model and a list of blocks to make, gives them back in order, the same
as one process would: a block is a function of (model, engine, seed, first,
count). Workers start afresh ("spawn": no locks or threads are inherited), get
the model once, and one block at a time.

Ctrl-C reaches every process of a terminal. Workers block it from their first
instruction on, so that only the caller decides what becomes of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from simulator.forecasting.blocks import Block, Piece, simulate
from simulator.forecasting.frame import Frame
from simulator.modelling.model import Model

_PATIENCE_S = 2.0
# What importing takes must not come from the folder that the caller happens to be in.
_SAFE_PATH = "PYTHONSAFEPATH"


@contextmanager
def pool(model: Model, engine: str, seed: int, count: int) -> Iterator[Pool]:
    """`count` processes that make blocks of a model; none is left afterwards.

    Raises:
        ChildProcessError: one could not be started.
    """
    workers: list[_Worker] = []
    try:
        with _starting():
            for _ in range(count):
                workers.append(_start(model, engine, seed))
        yield Pool(workers)
    finally:
        for worker in workers:
            worker.stop()


class Pool:
    """Running workers."""

    def __init__(self, workers: list[_Worker]) -> None:
        self._workers = workers

    def blocks(self, pieces: Sequence[Piece]) -> Iterator[Block]:
        """The blocks of the pieces, in their order.

        Raises:
            ChildProcessError: a process ended before it gave its block.
            ValueError: what `simulate` raises.
        """
        waiting = list(enumerate(pieces))[::-1]
        idle = list(self._workers)
        busy: dict[Connection, tuple[int, _Worker]] = {}
        done: dict[int, Block] = {}
        for wanted in range(len(pieces)):
            while wanted not in done:
                while idle and waiting:
                    number, piece = waiting.pop()
                    worker = idle.pop()
                    worker.ask(piece)
                    busy[worker.connection] = (number, worker)
                for ready in wait(list(busy)):
                    assert isinstance(ready, Connection)
                    number, worker = busy.pop(ready)
                    done[number] = worker.answer()
                    idle.append(worker)
            yield done.pop(wanted)


@dataclass(frozen=True, slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection

    def ask(self, piece: Piece) -> None:
        try:
            self.connection.send(piece)
        except OSError as error:
            raise self._died() from error

    def answer(self) -> Block:
        try:
            found = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        if isinstance(found, ValueError):
            raise found
        assert isinstance(found, Block)
        return found

    def stop(self) -> None:
        """End it, whatever it does: nothing that it holds is worth waiting for."""
        self.connection.close()
        self.process.kill()
        self.process.join()

    def _died(self) -> ChildProcessError:
        self.process.join(_PATIENCE_S)
        code = self.process.exitcode
        if code is None:
            how = "stopped answering"
        elif code < 0:
            how = f"was killed by signal {-code} ({_signal_name(-code)}; out of memory?)"
        else:
            how = f"ended with exit code {code}"
        return ChildProcessError(f"a worker process {how}; fewer --workers need less memory")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _start(model: Model, engine: str, seed: int) -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, model, engine, seed), daemon=True)
    try:
        process.start()
    except OSError as error:
        ours.close()
        raise ChildProcessError(f"a worker process does not start: {error.strerror or error}") from error
    finally:
        # Only the worker holds its end then: when it ends, reading ours says so.
        theirs.close()
    return _Worker(process, ours)


@contextmanager
def _starting() -> Iterator[None]:
    """While processes are started: they inherit a blocked SIGINT and no working folder on their path."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    mask = None
    try:
        # It comes with the first process, and would unblock the signal.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _work(connection: Connection, model: Model, engine: str, seed: int) -> None:
    """What a worker does until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    frame = Frame(model)
    while True:
        try:
            piece = connection.recv()
        except (EOFError, OSError):
            return
        try:
            found: Block | ValueError = simulate(frame, engine, seed, piece)
        except ValueError as error:
            found = error
        try:
            connection.send(found)
        except OSError:
            return
