"""What is worth changing, on a screen of a terminal: the advice first, then what every change would bring.

Takes an `Optimisation`, gives lines of at most the width asked for. The number
of lines is bounded whatever the plan's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TextIO

from compiler.plan.model import Strategy, TaskKind
from compiler.values.elapsed import duration
from simulator.figures import clipped, difference, optional_duration, percent, some
from simulator.modelling.variants import Barrier
from simulator.report import paired_text, rebuilds_text
from simulator.report.paired_text import columns, minutes, plain, with_margin, wrapped
from simulator.report.whatif_text import about, left_out
from simulator.studies.halving import Halving, Ranking
from simulator.studies.optimise import Advice, BarrierCost, Optimisation
from simulator.studies.whatif import WORTH, Compared, Sweep

_MOST_HALVINGS = 8
_MOST_BARRIERS = 5
_LONGEST_NAME = 34
# Of P50: a slowdown of less is in the JSON only.
_WORTH_SAYING = 0.001
# What a narrow screen has no room for, the least important first.
_SPARE = ("mean by", "pool", "P90 by", "slower")
_LEVELS = "▁▂▃▄▅▆▇█"


def render_for(optimisation: Optimisation, stream: TextIO) -> str:
    """The report as fits a stream."""
    return paired_text.render_for(partial(report, optimisation), stream)


def render(optimisation: Optimisation, *, width: int = paired_text.WIDEST) -> str:
    """The report as plain text."""
    return paired_text.render(partial(report, optimisation), width=width)


def report(found: Optimisation, width: int) -> paired_text.Lines:
    """The lines of the report."""
    base = found.base
    title = f"{clipped(found.environment, 40)}: what is worth changing"
    if base.p50 is None or base.p90 is None:
        return [(title, True), ("No run succeeds, so nothing can be compared.", False)]
    lines = [(f"{title}  P50 {duration(base.p50.value_s)} · P90 {duration(base.p90.value_s)}", True)]
    lines += plain(wrapped(about(found.runs, found.seed, found.profile, found.scenario), width, ""))
    tried = [*found.policies, *found.strategies, *(each.compared for each in found.barriers)]
    lines += plain(line for each in left_out(tried) for line in wrapped(each, width))
    lines += [("", False), *_advice(found, width)]
    if found.ranking.halvings:
        lines += [("", False), *_halvings(found.ranking, base.p50.value_s, width)]
    if better := rebuilds_text.section(found, width):
        lines += [("", False), *better]
    lines += [("", False), *_others(found, width)]
    if found.pool is not None:
        lines += [("", False), *_pool(found.pool, found, width)]
    if found.applied is not None:
        p50_s, p90_s = base.p50.value_s, base.p90.value_s
        lines += [("", False), *rebuilds_text.applied_section(found.applied, p50_s, p90_s, width)]
    return lines


def _advice(found: Optimisation, width: int) -> Iterator[tuple[str, bool]]:
    advice = found.advice
    if not advice:
        yield "Nothing that was tried surely saves time.", False
    for number, each in enumerate(advice, start=1):
        gain = f"P50 {with_margin(each.change.p50)}, P90 {with_margin(each.change.p90)}"
        lines = wrapped(f"{number}. {_what(each, found)}: {gain}.", width, "   ")
        yield lines[0], number == 1
        yield from plain(lines[1:])
    for sentence in (_cheaper(found), _caution(advice)):
        if sentence is not None:
            yield from plain(wrapped(sentence, width, "   "))


def _what(advice: Advice, found: Optimisation) -> str:
    match advice.sort:
        case "halve":
            halving = next(each for each in found.ranking.halvings if each.task == advice.subject)
            return f"Halve the {_name(halving)} (takes {duration(halving.own_p50_s)} off it)"
        case "dockerfile":
            return rebuilds_text.advice(found, advice.subject)
        case "order":
            return f"Serve the queues {advice.subject}"
        case "strategy":
            return f"Use the strategy {advice.subject}"
        case "barrier":
            cost = next(each for each in found.barriers if each.barrier.task == advice.subject)
            return f"Do without the barrier {_where(cost.barrier)}"
        case "builders":
            return f"Have {_builders(advice.subject)} instead of {found.base.slots}"


def _caution(advice: Sequence[Advice]) -> str | None:
    """What the figures do not say."""
    dag = any((each.sort, each.subject) == ("strategy", Strategy.DAG.value) for each in advice)
    if not dag and all(each.sort != "barrier" for each in advice):
        return None
    where = " The strategy dag is for stagecast run and Argo Workflows." if dag else ""
    return (
        "Without a barrier only dependsOn keeps an order; which dependsOn would have to be added for that "
        f"to be safe is not known here.{where}"
    )


def _cheaper(found: Optimisation) -> str | None:
    """A smaller pool that takes about as long."""
    sweep = found.pool
    if sweep is None or sweep.knee is None:
        return None
    point = sweep.points[sweep.values.index(sweep.knee)]
    if int(sweep.knee) >= found.base.slots or point.change is None:
        return None
    return (
        f"Cheaper: {_builders(sweep.knee)} instead of {found.base.slots}, for "
        f"{minutes(point.figures.pool_cpu_s)} pool CPU-minutes a run instead of "
        f"{minutes(found.base.pool_cpu_s)} (P50 {with_margin(point.change.p50)})."
    )


def _builders(count: str) -> str:
    return f"{count} builder{'s' * (count != '1')}"


def _halvings(ranking: Ranking, p50_s: float, width: int) -> list[tuple[str, bool]]:
    rows = [["Halved", "off the task", "P50 by", "P90 by", "mean by", "slower"]]
    shown = ranking.halvings[:_MOST_HALVINGS]
    for each in shown:
        change = each.change
        differences = [with_margin(one) for one in (change.p50, change.p90, change.mean)]
        rows.append(
            [
                clipped(_name(each), _LONGEST_NAME),
                difference(-each.own_p50_s),
                *differences,
                percent(change.slower),
            ]
        )
    header, *lines = columns(rows, width, _SPARE)
    sentences = list(_halving_notes(ranking, len(shown), p50_s))
    return [
        (header, True),
        *plain(lines),
        *plain(line for each in sentences for line in wrapped(each, width)),
    ]


def _name(halving: Halving) -> str:
    others = len(halving.services) - 1
    shared = f" (of {len(halving.services)} services)" if others > 0 else ""
    return f"{_verb(halving.kind)} {halving.task.partition(':')[2]}{shared}"


def _verb(kind: TaskKind) -> str:
    return "build" if kind is TaskKind.BUILD else "deployment"


def _halving_notes(ranking: Ranking, shown: int, p50_s: float) -> Iterator[str]:
    builds = [each for each in ranking.halvings if each.kind is TaskKind.BUILD]
    if len(builds) > 1:
        slowest = max(builds, key=lambda each: (each.own_p50_s, each.task))
        place = ranking.halvings.index(slowest) + 1
        yield (
            f"The slowest build, {clipped(slowest.task.partition(':')[2], _LONGEST_NAME)}, ranks {place} of "
            f"{len(ranking.halvings)}: halving it takes {duration(slowest.own_p50_s)} off the build and "
            f"{duration(max(0.0, -slowest.change.p50.value_s))} off the pipeline's P50."
        )
    harmful = [
        each
        for each in ranking.halvings
        if each.change.mean.sign > 0 and each.change.mean.value_s > p50_s * _WORTH_SAYING
    ]
    if harmful:
        names = some([f"{_name(each)} by {with_margin(each.change.mean)}" for each in harmful[::-1]], 3)
        yield f"Halving makes the pipeline slower on average (Graham's anomaly): {names}."
    worst = max(ranking.halvings, key=lambda each: (each.change.slower, each.task))
    if worst.change.slower >= 0.01 and worst not in harmful:
        yield (
            f"A faster task can make a run slower (Graham's anomaly): halving {_name(worst)} does in "
            f"{percent(worst.change.slower)} of the runs."
        )
    idle = sum(each.change.faster == each.change.slower == 0 for each in ranking.halvings[shown:])
    rest = len(ranking.halvings) - shown
    if rest > 0:
        nothing = f", of which {idle} {'change' if idle > 1 else 'changes'} nothing" if idle else ""
        yield f"+ {rest} more{nothing}."
    if len(ranking.halvings) < ranking.tasks:
        yield (
            f"The {len(ranking.halvings)} of {ranking.tasks:,} tasks that are most often critical, "
            f"{ranking.runs:,} runs each."
        )


def _others(found: Optimisation, width: int) -> list[tuple[str, bool]]:
    costly = sorted(found.barriers, key=_cost)
    options = [
        *((f"order {each.figures.name}", each) for each in found.policies),
        *((f"strategy {each.figures.name}", each) for each in found.strategies),
        *((f"no barrier {_where(each.barrier)}", each.compared) for each in costly[:_MOST_BARRIERS]),
    ]
    rows = [["Instead", "P50 by", "P90 by", "mean by", "slower", "pool"]]
    rows += [_option(name, each) for name, each in options]
    header, *lines = columns(rows, width, _SPARE)
    result = [(header, True), *plain(lines)]
    if len(costly) > _MOST_BARRIERS:
        result += plain([f"+ {len(costly) - _MOST_BARRIERS} barriers that cost less."])
    slower = [(name, each) for name, each in options if each.anomaly]
    for name, each in slower:
        if each.change is not None:
            text = f"{name} is slower although it only frees tasks (Graham's anomaly)."
            result += plain(wrapped(text, width))
    return result


def _option(name: str, each: Compared) -> list[str]:
    pool = minutes(each.figures.pool_cpu_s)
    if each.change is None:
        return [clipped(name, _LONGEST_NAME), "-", "-", "-", "-", pool]
    change = each.change
    differences = [with_margin(one) for one in (change.p50, change.p90, change.mean)]
    return [clipped(name, _LONGEST_NAME), *differences, percent(change.slower), pool]


def _cost(cost: BarrierCost) -> tuple[float, str]:
    change = cost.compared.change
    return (change.p50.value_s if change is not None else 0.0, cost.barrier.task)


def _where(barrier: Barrier) -> str:
    if barrier.builds:
        return f"after the builds of {barrier.stage}" if barrier.stage is not None else "after all builds"
    return f"after {barrier.stage or barrier.task.partition(':')[2]}"


def _pool(sweep: Sweep, found: Optimisation, width: int) -> list[tuple[str, bool]]:
    times = [each.figures.p50.value_s if each.figures.p50 is not None else None for each in sweep.points]
    first, last = sweep.points[0].figures, sweep.points[-1].figures
    head = (
        f"Builders {first.name} {_spark(times)} {last.name}  P50 {_p50(sweep.points[0])} to "
        f"{_p50(sweep.points[-1])}, pool {minutes(first.pool_cpu_s)} to {minutes(last.pool_cpu_s)}"
    )
    sentences = []
    p50_s = found.base.p50.value_s if found.base.p50 is not None else 0.0
    if len(sweep.points) == 1:
        sentences.append("There is one build: more builders would stand idle.")
    elif sweep.knee is None:
        sentences.append(f"No knee up to {last.name}: the last ones still save time.")
    else:
        point = sweep.points[sweep.values.index(sweep.knee)]
        sentences.append(
            f"Knee {sweep.knee} (P50 {_p50(point)}, pool {minutes(point.figures.pool_cpu_s)}): no larger "
            f"pool saves {percent(WORTH)} of P50. There are {found.base.slots} now."
        )
    sentences += [
        f"{each.value} builders are slower than {each.after}: by {with_margin(each.change.mean)} on average, "
        f"in {percent(each.change.slower)} of the runs (Graham's anomaly)."
        for each in sweep.slower[:2]
        if each.change.mean.value_s > p50_s * _WORTH_SAYING
    ]
    return [(clipped(head, width), True), *plain(line for each in sentences for line in wrapped(each, width))]


def _p50(point: Compared) -> str:
    p50 = point.figures.p50
    return optional_duration(p50.value_s if p50 is not None else None)


def _spark(values: Sequence[float | None]) -> str:
    """A bar a value, from nothing to the longest time."""
    longest = max((value for value in values if value is not None), default=0.0) or 1.0
    most = len(_LEVELS) - 1
    return "".join(" " if value is None else _LEVELS[round(value / longest * most)] for value in values)
