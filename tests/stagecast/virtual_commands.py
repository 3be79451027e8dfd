"""Commands whose clock a test holds: every activity takes the time that the test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stagecast.execution.runner import Ended, Event, Interrupt, Outcome, Record

HANGS = float("inf")


class VirtualCommands:
    """See `runner.Commands`.

    `durations_s` by index; what is asked to end is cancelled at once, but for
    `deaf` ones, which only a kill ends. Interrupts come at `interrupts_s`,
    after what else happens then.
    """

    def __init__(
        self,
        durations_s: Sequence[float],
        outcomes: Mapping[int, Outcome] | None = None,
        interrupts_s: Sequence[float] = (),
        deaf: frozenset[int] = frozenset(),
    ) -> None:
        self._durations_s = list(durations_s)
        self._outcomes = dict(outcomes or {})
        self._interrupts_s = sorted(interrupts_s)
        self._deaf = deaf
        self._now_s = 0.0
        self._ends: dict[int, float] = {}
        self.started: list[tuple[int, float]] = []
        self.asked: list[tuple[int, float, bool]] = []

    def now_s(self) -> float:
        return self._now_s

    def start(self, index: int) -> bool:
        assert index not in dict(self.started), "an activity starts once"
        self.started.append((index, self._now_s))
        self._ends[index] = self._now_s + self._durations_s[index]
        return True

    def wait(self) -> Sequence[Event]:
        due = min([*self._ends.values(), *self._interrupts_s])
        assert due < HANGS, "the run waits for what never ends"
        self._now_s = due
        ended = [index for index, end_s in self._ends.items() if end_s == due]
        events: list[Event] = [Ended(index, self._outcomes.get(index, Outcome.DONE)) for index in ended]
        for index in ended:
            del self._ends[index]
        while self._interrupts_s and self._interrupts_s[0] == due:
            events.append(Interrupt())
            del self._interrupts_s[0]
        return events

    def end(self, index: int, *, at_once: bool = False) -> None:
        self.asked.append((index, self._now_s, at_once))
        if index in self._ends and (at_once or index not in self._deaf):
            self._ends[index] = self._now_s
            self._outcomes[index] = Outcome.CANCELLED


class Told:
    """A status that keeps what it was told."""

    def __init__(self) -> None:
        self.order: list[tuple[str, int]] = []
        self.why: list[str] = []

    def started(self, index: int, record: Record) -> None:
        assert record.start_s is not None
        self.order.append(("start", index))

    def ended(self, index: int, record: Record) -> None:
        assert record.end_s is not None
        self.order.append(("end", index))

    def stopping(self, why: str) -> None:
        self.why.append(why)

    def tick(self, now_s: float) -> None:
        del now_s
