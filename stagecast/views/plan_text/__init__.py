"""`stagecast plan` for people: what is built, copied and deployed, in which order, and why.

Takes a plan and, where there is a previous one, what differs from it. All that
is said of order is read from the tasks' needs, not from the strategy's name.
The number of lines is bounded whatever the plan's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.plan.diff import PlanChanges
from compiler.plan.model import Delivery, Plan, TaskKind
from stagecast.views.layout import Page, count, named, some
from stagecast.views.plan_text import builds, changes, deployments
from stagecast.views.plan_text.index import Index

__all__ = ["render"]

_MOST_SKIPPED = 20
_DELIVERY = {
    Delivery.HELM: "delivered by helm",
    Delivery.ARGOCD: "delivered by Argo CD",
    Delivery.NONE: "delivered by nobody",
}


def render(plan: Plan, compared: PlanChanges | None, *, width: int, color: bool) -> str:
    """The plan as text, ending with a line end; `width` is brought between 60 and 120 columns."""
    page = Page.of(width, color)
    index = Index.of(plan, compared)
    sections: list[Iterable[str]] = [_headline(plan, page)]
    if compared is not None:
        sections.append(changes.lines(plan, compared, page))
    sections += [builds.lines(index, page), deployments.mirrors(index, page), deployments.stages(index, page)]
    sections.append(_rest(index, page))
    texts = ["\n".join(lines) for lines in sections]
    return "\n\n".join(text for text in texts if text) + "\n"


def _headline(plan: Plan, page: Page) -> Iterator[str]:
    stages = sum(bool(stage.services) for stage in plan.stages)
    size = f"{count(len(plan.workloads), 'service')} in {count(stages, 'stage')}"
    how = f"{plan.strategy.value}, {_DELIVERY[plan.delivery]}"
    yield page.bold(f"{named(plan.environment)}: {size}, {how}")
    context = f"the context {named(plan.target.context)}" if plan.target.context else "the current context"
    where = f"namespace {named(plan.target.namespace)} in {context}"
    yield page.dim(f"{where}, plan {changes.short(plan.digest)}")


def _rest(index: Index, page: Page) -> Iterator[str]:
    """What is left out, and how much is known of durations."""
    skipped = index.plan.skipped
    if skipped:
        yield from page.section("Skip", f"{count(len(skipped), 'service')}: {some(skipped, _MOST_SKIPPED)}")
    known = []
    for kind, noun in ((TaskKind.BUILD, "build"), (TaskKind.DEPLOY, "deployment")):
        tasks = index.of_kind[kind]
        if tasks:
            given = sum(task.id in index.estimates for task in tasks)
            known.append(f"{given:,} of {count(len(tasks), noun)}")
    if known:
        yield from page.section("Estimates", f"for {' and '.join(known)}; a forecast assumes the rest")
