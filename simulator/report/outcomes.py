"""How a task that was not done is marked in a drawing: a word and a shape, so that no colour has to tell.

Takes an `Outcome`, gives words and paths. Shared by the HTML report and the SVG chart.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.engines.trace import Outcome

NEVER = "never started"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands at the end of a bar: its class, the word beside it, what it means, and its outline.

    `path` is drawn in pixels from the end of the bar and the top of a row of 20 pixels.
    """

    kind: str
    word: str
    meaning: str
    path: str


MARKS = {
    Outcome.FAILED: Mark("failed", "failed", "failed", "M2 5l9 9m0 -9l-9 9"),
    Outcome.CANCELLED: Mark("ended", "ended", "ended with it", "M0 1v17m-5 -17h5m-5 17h5"),
}
