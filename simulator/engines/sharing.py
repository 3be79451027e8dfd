"""A link at run time: transfers that share a bandwidth equally, in virtual time.

Egalitarian processor sharing: with n transfers on a link of width w each goes
at the speed min(1, w / n). The virtual time is how much any transfer that is
there all the while has got, so a transfer that joins at virtual time V with
a duration d (its time at full speed) is done at V + d, its mark, whoever joins
or leaves meanwhile (Parekh & Gallager 1993 for the idea). Written once, because engines
are held to the last bit and there is more than one way to round this.
Knows no network, no queue and no event.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush


class SharedLink:
    """Who is on a link and how far they are. All times are seconds on the engine's clock.

    An engine asks for `wait_s` once per instant at which the link changed, after all
    changes, and takes the `finished` then; it takes those of all links before anything
    else of that instant, so that no change comes between a finish that is due and itself.
    """

    __slots__ = ("_marks", "_since_s", "_virtual_s", "_width", "changed")

    def __init__(self, width: float) -> None:
        self._width = width
        self._marks: list[tuple[float, int]] = []
        self._since_s = self._virtual_s = 0.0
        self.changed = False

    def join(self, index: int, duration_s: float, now_s: float) -> None:
        """A transfer begins."""
        self._advance(now_s)
        heappush(self._marks, (self._virtual_s + duration_s, index))

    def leave(self, index: int, now_s: float) -> None:
        """A transfer is broken off."""
        self._advance(now_s)
        self._marks = [each for each in self._marks if each[1] != index]
        heapify(self._marks)
        if not self._marks:
            self._virtual_s = 0.0

    def wait_s(self) -> float | None:
        """How long after the last change the next transfer finishes; None when there is none."""
        self.changed = False
        if not self._marks:
            return None
        return (self._marks[0][0] - self._virtual_s) / self._speed()

    def finished(self, now_s: float) -> list[int]:
        """Take those that are done at `now_s`, which is when `wait_s` said: all with the smallest mark."""
        mark = self._virtual_s = self._marks[0][0]
        self._since_s = now_s
        self.changed = True
        done = []
        while self._marks and self._marks[0][0] == mark:
            done.append(heappop(self._marks)[1])
        if not self._marks:
            self._virtual_s = 0.0
        return done

    def _speed(self) -> float:
        return min(1.0, self._width / len(self._marks))

    def _advance(self, now_s: float) -> None:
        if self._marks:
            virtual_s = self._virtual_s + (now_s - self._since_s) * self._speed()
            # Rounding must not carry it past a mark, or a transfer of no duration would not be the next.
            self._virtual_s = min(virtual_s, self._marks[0][0])
        self._since_s = now_s
        self.changed = True
