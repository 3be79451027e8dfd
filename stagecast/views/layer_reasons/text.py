"""Why steps of a build hit or miss, as text: a line for each step, the cause below, what to do at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from compiler.layers.model import Reason, Step, StepKind
from compiler.layers.why import Verdict
from stagecast.layer_reasons import BuildReasons
from stagecast.views.layer_reasons.phrases import cause, line_of, lines_of, step_text
from stagecast.views.layout import GREEN, RED, YELLOW, Page, count, named, placed, some, wrapped

_HIT, _MISS, _AGAIN = "hit", "MISS", "again"
_TONES = {_HIT: GREEN, _MISS: RED, _AGAIN: YELLOW}
_MOST_OTHERS = 3
_LEGEND = "hit: from the cache. MISS: runs, for a reason of its own. again: runs since another step did."
_CACHES = {
    "persistent": "one builder that keeps all that it ever built",
    "registry": "a registry's, which holds what the last build exported and nothing older",
}


def render(found: BuildReasons, *, width: int = 80, color: bool = False) -> str:
    """The text, ending with a line end."""
    page = Page.of(width, color)
    lines = [*_head(found, page)]
    grouped = [(stage, list(verdicts)) for stage, verdicts in groupby(found.verdicts, key=_stage)]
    for stage, verdicts in grouped:
        lines.append("")
        if len(grouped) > 1:
            lines.append(f"  {page.dim(_stage_title(stage, found))}")
        lines += _steps(verdicts, found, page)
    lines += ["", *_closing(found, page)]
    return "\n".join(lines) + "\n"


def _stage(verdict: Verdict) -> int:
    return verdict.step.stage


def _stage_title(stage: int, found: BuildReasons) -> str:
    name = found.stages[stage]
    if name == str(stage):
        name = f"{name}, the last" if stage == len(found.stages) - 1 else name
    return f"stage {named(name)}"


def _head(found: BuildReasons, page: Page) -> Iterator[str]:
    said = f"what a build of {found.after.name} takes from the cache, after one of {found.before.name}"
    yield from page.section(f"{named(found.environment)} {some(found.services, 2)}", said)
    place = f"{placed(found.dockerfile)}, context {placed(found.context)}"
    target = f", target {placed(found.target)}" if found.target else ""
    yield from page.paragraph(f"{place}{target}; the cache is {_CACHES[found.cache]}")
    if any(not verdict.hit for verdict in found.verdicts):
        yield from page.paragraph(_LEGEND)
    if not found.before.has_dockerfile:
        yield from page.paragraph(f"{found.before.name} has no such Dockerfile, so nothing was built of it")


def _steps(verdicts: Sequence[Verdict], found: BuildReasons, page: Page) -> Iterator[str]:
    """A line for each step; the cause below it where it is not that of the line above."""
    steps = [verdict.step for verdict in found.verdicts]
    widest = len(str(max(line_of(step) for step in steps)))
    indent = 2 + len(_AGAIN) + 1 + widest + 4
    last = ""
    for verdict in verdicts:
        mark = _mark(verdict)
        shown = f"{mark}{'' if verdict.sure else '?'}".ljust(len(_AGAIN) + 1)
        text = step_text(verdict.step)
        room = page.width - indent
        text = text if len(text) <= room else f"{text[: room - 3]}..."
        yield f"  {page.paint(shown, _TONES[mark])} {line_of(verdict.step):>{widest}}  {text}"
        why = "" if verdict.hit else cause(verdict, steps, found.before.name)
        if why and why != last:
            yield from page.paragraph(why, indent)
        last = why


def _mark(verdict: Verdict) -> str:
    if verdict.hit:
        return _HIT
    return _AGAIN if verdict.reason is Reason.PARENT else _MISS


def _closing(found: BuildReasons, page: Page) -> Iterator[str]:
    steps = [verdict.step for verdict in found.verdicts]
    began = [each for each in found.verdicts if not each.hit and each.reason is not Reason.PARENT]
    if not steps:
        yield from _said("The build has no steps: nothing is built.", page)
    elif not began:
        yield from _said(f"All {count(len(steps), 'step')} come from the cache: nothing runs.", page)
    elif not found.before.has_dockerfile:
        yield from _said(f"This is a first build: all {count(len(steps), 'step')} run.", page)
    else:
        yield from _first_miss(began[0], found, page)
        for verdict in began[1 : 1 + _MOST_OTHERS]:
            what = f"{lines_of([verdict.step]).capitalize()} runs for a reason of its own"
            yield from _said(f"{what}: {cause(verdict, steps, found.before.name)}.", page)
        if len(began) > 1 + _MOST_OTHERS:
            yield from _said(f"So do {len(began) - 1 - _MOST_OTHERS:,} more.", page)
        yield from _said(_advice(began[0], found), page)
    yield from _doubts(found, page)


def _first_miss(first: Verdict, found: BuildReasons, page: Page) -> Iterator[str]:
    steps = [verdict.step for verdict in found.verdicts]
    what = f"The first miss is line {line_of(first.step)}, {_short(first.step)}"
    because = cause(first, steps, found.before.name)
    after = _after(first, found)
    if not after:
        follows = "nothing runs because of it"
    else:
        runs = f"{count(len(after), 'step')} {'runs' if len(after) == 1 else 'run'} again because of it"
        follows = f"{runs}: {lines_of(after)}"
    yield from _said(f"{what}: {because}; {follows}.", page)


def _after(first: Verdict, found: BuildReasons) -> list[Step]:
    return [
        each.step for each in found.verdicts if first.step.index in each.roots and each.step is not first.step
    ]


def _short(step: Step) -> str:
    text = step_text(step)
    return text if len(text) <= 50 else f"{text[:47]}..."


def _advice(first: Verdict, found: BuildReasons) -> str:
    """What to do about the first miss, as far as it is known; "" where nothing is."""
    if not any(step.kind is StepKind.RUN for step in _after(first, found)):
        return ""
    line = line_of(first.step)
    if first.files:
        prefix = "" if found.context in ("", ".") else f"{found.context}/"
        unneeded = {found.dockerfile, f"{found.dockerfile}.dockerignore", f"{prefix}.dockerignore"}
        if all(prefix + change.path in unneeded for change in first.files):
            return "No step needs these files: a line in .dockerignore for each of them keeps the cache."
        return (
            f"A step that does not need these files stays in the cache if it stands before line {line}: "
            "`stagecast lint` says which."
        )
    if any(part.name.startswith("variable ") for part in first.parts):
        return "Steps that do not need the variable stay in the cache if they stand before it is set."
    return ""


def _doubts(found: BuildReasons, page: Page) -> Iterator[str]:
    doubtful = [verdict for verdict in found.verdicts if not verdict.sure]
    if not doubtful:
        return
    known = next((verdict.step.unsure for verdict in doubtful if verdict.step.unsure), "")
    why = known or "it hangs on what a command writes, which is taken to be new whenever that runs"
    yield from page.paragraph(f"? is not certain: {placed(why)}")


def _said(text: str, page: Page) -> Iterator[str]:
    if text:
        for line in wrapped(text, page.width - 2):
            yield f"  {line}"
