"""What a run says: the findings of all its Dockerfiles with their costs, and which cost most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Findings
from compiler.practices.model import Finding
from stagecast.linting.inputs import Work
from stagecast.linting.judging import Judged, Settings
from stagecast.linting.sharing import judge_all

if TYPE_CHECKING:
    from stagecast.forecasting.dockerfiles import Cost

_RANKED = 10
# Less than this of a forecast is its noise.
_NOTHING_S = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """A finding and how it is told: `diagnostic` has the notes of what it costs."""

    finding: Finding
    diagnostic: Diagnostic
    pipeline: Cost | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that is said. `others` are about files and comments."""

    told: tuple[Told, ...]
    others: tuple[Diagnostic, ...]

    def diagnostics(self, problems: Findings) -> list[Diagnostic]:
        """All of it with some problems, sorted and each once."""
        everything = Findings()
        everything.extend(problems)
        everything.extend(told.diagnostic for told in self.told)
        everything.extend(self.others)
        return list(everything)


def report_of(work: Sequence[Work], settings: Settings) -> Report:
    """Judge every Dockerfile; with an environment, ask what the findings cost its pipeline."""
    told: list[Told] = []
    others: list[Diagnostic] = []
    for one in work:
        # What an environment's findings cost its pipeline is asked of their subjects.
        judged = judge_all(one.cases, settings, processes=None if one.plan is None else 1)
        others += _others(judged)
        told += _told(one, judged)
    return Report(tuple(told), tuple(others))


def _others(judged: Sequence[Judged]) -> Iterator[Diagnostic]:
    """What is wrong with files and comments; an ignore is of no use if it is so in all builds of its file."""
    builds = Counter(each.case.source.path for each in judged)
    unused = Counter(found.sort_key() for each in judged for found in each.others)
    for each in judged:
        for found in each.others:
            if found.code != "STC805" or unused[found.sort_key()] == builds[each.case.source.path]:
                yield found


def ranking(report: Report) -> str:
    """What costs most, the dearest first, as lines for people; "" unless there are several to compare."""
    from compiler.diagnostics.render.cells import visible
    from compiler.values.elapsed import duration

    rows: dict[tuple[str, int, str], tuple[float, str]] = {}
    for told in report.told:
        if told.finding.worth is None:
            continue
        place = told.diagnostic.span
        where = f"{place.source.path}:{place.first.line}"
        saved = told.pipeline.p50_s if told.pipeline is not None else told.finding.worth.saved_s
        key = (where, place.start, told.diagnostic.code)
        if key not in rows or rows[key][0] < saved:
            rows[key] = (saved, duration(max(saved, 0.0)))
    if len(rows) < 2:
        return ""
    ranked = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
    pipeline = any(told.pipeline is not None for told in report.told)
    head = "of the pipeline at P50" if pipeline else "per rebuild"
    shown = [(said, code, visible(where)) for (where, _, code), (_, said) in ranked[:_RANKED]]
    width = max(len(said) for said, _, _ in shown)
    lines = [f"  {said:>{width}}  {code}  {where}" for said, code, where in shown]
    more = [f"  and {len(ranked) - _RANKED} more"] if len(ranked) > _RANKED else []
    return "\n".join(["", f"What costs most {head}:", *lines, *more, ""])


def _told(work: Work, judged: Sequence[Judged]) -> Iterator[Told]:
    from compiler.practices.worth import told

    pairs = [(each, finding) for each in judged for finding in each.findings]
    costs = _pipeline(work, pairs) if pairs else []
    for (each, finding), cost in zip(pairs, costs, strict=True):
        diagnostic = told(finding, each.why_assumed)
        if cost is not None:
            diagnostic = replace(diagnostic, notes=(*diagnostic.notes, _note(cost)))
        yield Told(finding, diagnostic, cost)


def _pipeline(work: Work, pairs: Sequence[tuple[Judged, Finding]]) -> list[Cost | None]:
    """What each finding costs the environment's pipeline; None without one, and for one without a worth."""
    costs: list[Cost | None] = [None] * len(pairs)
    priced = [
        (index, each, finding)
        for index, (each, finding) in enumerate(pairs)
        if finding.worth is not None and each.subject is not None
    ]
    if work.checked is None or work.plan is None or not priced:
        return costs
    from stagecast.forecasting.dockerfiles import Found, pipeline_cost

    asked = [
        Found(each.case.task, each.subject, finding)
        for _, each, finding in priced
        if each.subject is not None
    ]
    for (index, _, _), cost in zip(priced, pipeline_cost(work.checked, work.plan, asked), strict=True):
        costs[index] = cost
    return costs


def _note(cost: Cost) -> str:
    from compiler.values.elapsed import duration
    from simulator.figures import percent

    share = percent(cost.critical)
    if max(cost.p50_s, cost.p90_s) < _NOTHING_S:
        return f"costs the pipeline nothing at P50 and P90 (on its critical path in {share} of the runs)"
    p50, p90 = (duration(max(value, 0.0)) for value in (cost.p50_s, cost.p90_s))
    return f"costs the pipeline {p50} at P50 and {p90} at P90 (on its critical path in {share} of the runs)"
