"""Better Dockerfiles on a screen of a terminal: a row a finding, and the best of them together.

Takes what `optimise` found, gives lines of at most the width asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.values.elapsed import duration
from simulator.figures import clipped, difference, percent, printable, some
from simulator.report.paired_text import Lines, columns, plain, with_margin, wrapped
from simulator.studies.optimise import Optimisation
from simulator.studies.rebuilds import Applied, Rebuilt, Safety

_MOST_ROWS = 10
_LONGEST_PLACE = 40
_LONGEST_SENTENCE = 300
# What a narrow screen has no room for, the least important first.
_SPARE = ("mean by", "critical", "P90 by")
_BY_HAND: Safety = "display"


def section(found: Optimisation, width: int) -> Lines:
    """The findings, those that save the pipeline most first; empty where there are none."""
    if not found.findings:
        return plain(line for each in found.remarks for line in wrapped(each, width))
    shown = found.dockerfiles[:_MOST_ROWS]
    rows = [["Dockerfile", "fix", "a rebuild", "P50 by", "P90 by", "mean by", "critical"]]
    rows += [_row(each) for each in shown]
    header, *lines = columns(rows, width, _SPARE)
    notes = _notes(found, shown)
    return [(header, True), *plain(lines), *plain(line for each in notes for line in wrapped(each, width))]


def applied_section(applied: Applied, base_p50_s: float, base_p90_s: float, width: int) -> Lines:
    """What the best few do together, one after another."""
    if not applied.steps:
        return [("Applied on paper: nothing, as no better Dockerfile surely saves time.", True)]
    count = len(applied.steps)
    head = f"Applied on paper: the best {count}" if count > 1 else "Applied on paper: the best"
    if count < applied.asked:
        head = f"Applied on paper: {count} of {applied.asked}; no other surely saves time"
    lines = [(head, True)]
    for number, each in enumerate(applied.steps, start=1):
        change = each.compared.change
        gain = f"P50 {with_margin(change.p50)}, P90 {with_margin(change.p90)}" if change is not None else "-"
        name = f"{clipped(each.rebuild.place, _LONGEST_PLACE)} {each.rebuild.code}"
        more = " more" if number > 1 else ""
        lines += plain(wrapped(f"{number}. {name}: {gain}{more}.{_warning(each)}", width, "   "))
    return [*lines, *plain(wrapped(_result(applied, base_p50_s, base_p90_s), width, "   "))]


def advice(found: Optimisation, place: str) -> str:
    """What to do about the Dockerfile of a place: an imperative sentence without full stop."""
    each = next(each for each in found.dockerfiles if each.rebuild.place == place)
    return f"Mend {clipped(place, _LONGEST_PLACE)} ({each.rebuild.code}: {_sentence(each)})"


def _row(each: Rebuilt) -> list[str]:
    rebuild, change = each.rebuild, each.compared.change
    name = f"{clipped(rebuild.place, _LONGEST_PLACE)} {rebuild.code}"
    cells = [name, rebuild.safety, difference(-rebuild.saved_s)]
    if change is None:
        return [*cells, "-", "-", "-", percent(each.critical)]
    if each.idle:
        return [*cells, "nothing", "nothing", "nothing", percent(each.critical)]
    return [*cells, *map(with_margin, (change.p50, change.p90, change.mean)), percent(each.critical)]


def _notes(found: Optimisation, shown: Sequence[Rebuilt]) -> Iterator[str]:
    for each in shown[:1]:
        yield f"{clipped(each.rebuild.place, _LONGEST_PLACE)}: {_sentence(each)}.{_warning(each)}"
    idle = [each for each in found.dockerfiles if each.idle]
    if idle:
        names = [
            f"{clipped(each.rebuild.place, _LONGEST_PLACE)} {each.rebuild.code}"
            f" ({_services(each)} critical in {percent(each.critical)} of the runs)"
            for each in idle
        ]
        yield f"Worth nothing to the pipeline, as it does not wait for these builds: {some(names, 3)}."
    if any(each.rebuild.safety == _BY_HAND for each in shown):
        yield "A fix of the sort display is for your eyes: it is never applied, and forecast as if it were."
    rest = len(found.dockerfiles) - len(shown)
    if rest > 0:
        yield f"+ {rest} more."
    if len(found.dockerfiles) < found.findings:
        yield (
            f"The {len(found.dockerfiles)} of {found.findings:,} findings that take most off their builds."
        )
    yield from found.remarks


def _services(each: Rebuilt) -> str:
    return some([clipped(service, 20) for service in each.rebuild.services], 2)


def _sentence(each: Rebuilt) -> str:
    return clipped(printable(each.rebuild.what), _LONGEST_SENTENCE)


def _warning(each: Rebuilt) -> str:
    return " Its fix is for display only: apply it by hand." if each.rebuild.safety == _BY_HAND else ""


def _result(applied: Applied, base_p50_s: float, base_p90_s: float) -> str:
    figures, change = applied.result.figures, applied.result.change
    if figures.p50 is None or figures.p90 is None or change is None:
        return "With that no run succeeds."
    return (
        f"Then P50 is {duration(figures.p50.value_s)} instead of {duration(base_p50_s)} "
        f"({with_margin(change.p50)}), P90 {duration(figures.p90.value_s)} instead of "
        f"{duration(base_p90_s)} ({with_margin(change.p90)})."
    )
