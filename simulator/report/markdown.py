"""A forecast as the summary of a pull request: Markdown as GitHub and GitLab read it.

Takes a `Forecast`, gives text: a sentence, a table, and the rest folded away.
Every name comes from a spec that anyone may have written, so all of its
characters but letters, digits, spaces and hyphens are written as numeric
references: they show the same and are never markup, links or mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.values.elapsed import duration
from simulator.figures import difference, interval, optional_duration, percent, printable
from simulator.forecasting.forecast import Forecast, ServiceForecast
from simulator.forecasting.gate import Change, Comparison, Verdict, how
from simulator.report import facts
from simulator.statistics.quantiles import CONFIDENCE

MOST_SERVICES = 15
MOST_PHASES = 30


def render(
    forecast: Forecast, comparison: Comparison | None = None, verdicts: tuple[Verdict, ...] = ()
) -> str:
    """The summary, ending with a line end."""
    lines = [f"### Forecast of {escaped(forecast.environment)}", ""]
    lines += [f"{_mark(verdict)} {escaped(verdict.sentence)}." for verdict in verdicts]
    lines += [""] if verdicts else []
    lines += _makespan(forecast, comparison)
    lines += ["", f"{escaped(_about(forecast))}.", ""]
    if comparison is not None:
        lines += [f"Baseline: {escaped(comparison.baseline)}, {escaped(how(comparison))}.", ""]
    lines += _bullets(forecast)
    lines += _folded("Phases", _phases(forecast))
    lines += _folded("Services", _services(forecast))
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """A text of others as Markdown that shows it and does nothing else."""
    text = printable(text)
    return "".join(
        c if _harmless(c, text[:number], text[number + 1 :]) else f"&#{ord(c)};"
        for number, c in enumerate(text)
    )


def _harmless(c: str, before: str, after: str) -> bool:
    """Whether a character inside a line means nothing to GitHub or GitLab where it stands."""
    match c:
        case ".":  # "www." becomes a link
            return before[-3:].lower() != "www"
        case ":":  # ":name:" becomes a picture, "https:" a link
            return after[:1] in ("", " ")
        case "%":  # "%name" is a milestone in GitLab
            return before[-1:].isdigit() and not after[:1].isalnum()
        case _:
            return c.isalnum() or c in " -,;()+=?"


def _mark(verdict: Verdict) -> str:
    return {"passed": "**Passed:**", "failed": "**Failed:**", "refused": "**No verdict:**"}[verdict.outcome]


def _makespan(forecast: Forecast, comparison: Comparison | None) -> Iterator[str]:
    if not forecast.succeeded:
        yield "**No run succeeds.** There is no time to tell."
        return
    changes = {change.quantile: change for change in comparison.changes} if comparison is not None else {}
    yield f"| | forecast | {percent(CONFIDENCE)} interval |{' change |' * bool(changes)}"
    yield "|---|---:|---|" + "---|" * bool(changes)
    makespan = forecast.makespan
    for name, each in (("P50", makespan.p50), ("P90", makespan.p90), ("P99", makespan.p99)):
        change = f" {_change(changes.get(name))} |" * bool(changes)
        yield f"| {name} | **{duration(each.value_s)}** | {interval(each)} |{change}"


def _change(change: Change | None) -> str:
    if change is None:
        return ""
    ends = (change.low_s, change.high_s)
    between = " to ".join("?" if end is None else difference(end) for end in ends)
    return f"{difference(change.value_s)} ({between})"


def _about(forecast: Forecast) -> str:
    text = f"{forecast.runs:,} runs, seed {forecast.seed}, strategy {forecast.strategy.value}"
    if forecast.scenario != "base":
        text += f", scenario {forecast.scenario}"
    return text if forecast.profile is None else f"{text}, as {forecast.profile} runs it"


def _bullets(forecast: Forecast) -> Iterator[str]:
    for label, text in facts.lines(forecast):
        yield f"- **{label}:** {escaped(text)}"


def _folded(title: str, rows: Iterable[str]) -> Iterator[str]:
    body = list(rows)
    if body:
        yield from ("", "<details>", f"<summary>{title}</summary>", "", *body, "", "</details>")


def _phases(forecast: Forecast) -> Iterator[str]:
    if not forecast.spans:
        return
    yield "| phase | tasks | P50 | P90 | begins at |"
    yield "|---|---:|---:|---:|---:|"
    for span in forecast.spans[:MOST_PHASES]:
        figures = (str(span.tasks), duration(span.p50_s), duration(span.p90_s), duration(span.begin_s))
        yield f"| {escaped(facts.phase_name(span))} | {' | '.join(figures)} |"
    if len(forecast.spans) > MOST_PHASES:
        yield f"| and {len(forecast.spans) - MOST_PHASES} more | | | | |"


def _services(forecast: Forecast) -> Iterator[str]:
    """Those with the largest part of the critical path."""
    if not forecast.services:
        return
    yield "| service | stage | critical | share | queued | build | mirror | deploy | ready at |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    ranked = sorted(forecast.services, key=lambda each: (-each.share, -each.critical))
    for each in ranked[:MOST_SERVICES]:
        yield f"| {escaped(each.name)} | {escaped(each.stage)} | {' | '.join(_figures(each))} |"
    if len(ranked) > MOST_SERVICES:
        yield f"| and {len(ranked) - MOST_SERVICES} more | | | | | | | | |"


def _figures(each: ServiceForecast) -> tuple[str, ...]:
    return (
        percent(each.critical),
        percent(each.share),
        duration(each.wait_s),
        optional_duration(each.build_s),
        optional_duration(each.mirror_s),
        optional_duration(each.deploy_s),
        duration(each.ready_p50_s),
    )
