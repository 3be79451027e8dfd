"""Progress as a screenful that is drawn anew: counts, what runs, and what ended last. Imports rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from compiler.plan.model import Limits, Task, TaskKind
from compiler.values.elapsed import duration
from stagecast.execution.progress.tally import PHASES, Tally, outcome_text, printable, title
from stagecast.execution.runner import Outcome, Record

_BAR = 24
_LINES_AROUND = 3
_STYLES = {
    Outcome.DONE: "green",
    Outcome.SKIPPED: "dim",
    Outcome.FAILED: "bold red",
    Outcome.CANCELLED: "yellow",
}
_SIGNS = {Outcome.DONE: "+", Outcome.SKIPPED: "=", Outcome.FAILED: "x", Outcome.CANCELLED: "-"}


class LiveProgress:
    """Draws on a terminal; see `runner.Status`. Never higher than the terminal, whatever the plan's size."""

    def __init__(
        self, name: str, tasks: Sequence[Task], limits: Limits, stream: TextIO, begin_s: float
    ) -> None:
        self._name, self._limits = name, limits
        self._tally = Tally(tasks, begin_s)
        self._console = Console(file=stream, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()
        self.tick(begin_s)

    def started(self, index: int, record: Record) -> None:
        """It is drawn with the next tick."""
        self._tally.started(index, record)

    def ended(self, index: int, record: Record) -> None:
        """It is drawn with the next tick; a failure stays above the screenful."""
        self._tally.finished(index, record)
        if record.outcome is Outcome.FAILED:
            task = self._tally.tasks[index]
            self._live.console.print(
                Text(
                    printable(f"x {title(task)}: {outcome_text(task, record)}"), style=_STYLES[Outcome.FAILED]
                )
            )

    def stopping(self, why: str) -> None:
        """It stands in the first line from now on."""
        self._tally.stopping = why

    def tick(self, now_s: float) -> None:
        """Draw."""
        self._live.update(Group(*self._lines(now_s)), refresh=True)

    def close(self) -> None:
        """Take the screenful away."""
        self._live.stop()

    def _lines(self, now_s: float) -> list[Text]:
        tally = self._tally
        head = Text(f"{self._name}  {duration(now_s - tally.begin_s)}", style="bold", no_wrap=True)
        if tally.stopping is not None:
            head.append(f"  {tally.stopping}: nothing new starts, Ctrl-C ends what runs", style="yellow")
        lines = [head, *(self._phase(kind) for kind in PHASES if tally.phases[kind].total)]
        room = max(2, self._console.size.height - len(lines) - _LINES_AROUND)
        running = list(tally.running)
        shown = running[: max(1, room - 1)]
        lines += [self._running(index, now_s) for index in shown]
        if len(shown) < len(running):
            lines.append(Text(f"  ... and {len(running) - len(shown)} more", style="dim"))
        left = room - len(shown) - 1
        recent = tally.ended[-left:] if left > 0 else []
        return lines + [self._ended(index, record) for index, record in reversed(recent)]

    def _phase(self, kind: TaskKind) -> Text:
        phase = self._tally.phases[kind]
        filled = _BAR * phase.finished // phase.total
        cap = self._limits.build.parallelism if kind is TaskKind.BUILD else self._limits.deploy_parallelism
        bar = "#" * filled + "." * (_BAR - filled)
        running = self._tally.running_of(kind)
        return Text(
            f"  {kind.value:6} [{bar}] {phase.finished}/{phase.total}, {running} running (at most {cap})",
            no_wrap=True,
        )

    def _running(self, index: int, now_s: float) -> Text:
        task, start_s = self._tally.tasks[index], self._tally.running[index]
        return Text(
            printable(f"  > {title(task)}  {duration(now_s - start_s)}"), no_wrap=True, overflow="ellipsis"
        )

    def _ended(self, index: int, record: Record) -> Text:
        task = self._tally.tasks[index]
        text = printable(f"  {_SIGNS[record.outcome]} {title(task)}  {outcome_text(task, record)}")
        return Text(text, style=_STYLES[record.outcome], no_wrap=True, overflow="ellipsis")
