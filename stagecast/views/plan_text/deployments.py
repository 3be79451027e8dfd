"""What is copied and deployed as text: stage after stage, and what each service waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.plan.model import Image, Task, TaskKind, Workload
from stagecast.views.layout import Page, Row, count, joined, named, placed, some
from stagecast.views.plan_text.index import Index

_MOST_ROWS = 12
_MOST_STAGES = 12
_MOST_NAMES = 5


def mirrors(index: Index, page: Page) -> Iterator[str]:
    """Which images are copied, from where to where; how many are pulled from where they are."""
    tasks = index.of_kind[TaskKind.MIRROR]
    left = sum(image.build is None and image.mirror is None for image in index.plan.images)
    if not tasks and not left:
        return
    remain = f"{count(left, 'image')} pulled from {'its' if left == 1 else 'their'} origin" if left else ""
    if not tasks:
        yield from page.section("Mirror", f"nothing; {remain}")
        return
    retries = f"up to {count(tasks[0].retries, 'retry', 'retries')} each" if tasks[0].retries else ""
    slots = "in the slots of deployments"
    yield from page.section("Mirror", joined((count(len(tasks), "image"), retries, slots, remain)))
    yield from page.rows(tasks, lambda task: _mirror(index, task), most=_MOST_ROWS, indent=4)


def _mirror(index: Index, task: Task) -> Row:
    image: Image = index.mirrored[task.id]
    shared = f" for {some(task.services, _MOST_NAMES)}" if len(task.services) > 1 else ""
    way = f"{placed(image.origin or '')} -> {placed(image.repository)}{shared}"
    return (index.mark(f"image:{image.id}"), named(task.stage or ""), way)


def stages(index: Index, page: Page) -> Iterator[str]:
    """Stage after stage, what each waits for, and its services in queue order."""
    plan = index.plan
    parallel = f"at most {plan.limits.deploy_parallelism:,} at a time, in queue order"
    size = count(len(plan.workloads), "service")
    yield from page.section("Deploy", f"{size}, {parallel}" if plan.workloads else "nothing")
    of_stage: dict[str, list[Task]] = {}
    for task in index.of_kind[TaskKind.DEPLOY]:
        of_stage.setdefault(task.stage or "", []).append(task)
    for number, stage in enumerate(plan.stages[:_MOST_STAGES], 1):
        tasks = of_stage.get(stage.name, [])
        reason = _reason(index, tasks) if tasks else "no service"
        yield f"  {number}. {page.bold(named(stage.name))}: {page.dim(reason)}"
        yield from page.rows(tasks, lambda task: _deployment(index, task), most=_MOST_ROWS, indent=5)
    if len(plan.stages) > _MOST_STAGES:
        yield from page.paragraph(f"+ {count(len(plan.stages) - _MOST_STAGES, 'more stage')}")


def _reason(index: Index, tasks: Sequence[Task]) -> str:
    """What all deployments of a stage wait for; without a barrier each waits on its own."""
    first = tuple(need for need in tasks[0].needs if _is_barrier(index, need))
    if first and all(need in task.needs for task in tasks for need in first):
        return f"when {index.done(first)}"
    return "no barrier, each as soon as what it waits for is done"


def _is_barrier(index: Index, need: str) -> bool:
    return index.tasks[need].kind in (TaskKind.GATE, TaskKind.CHECK)


def _deployment(index: Index, task: Task) -> Row:
    workload = index.workloads[task.services[0]]
    needs = [index.tasks[need] for need in task.needs]
    direct = [need.services[0] for need in needs if need.kind is TaskKind.DEPLOY]
    waits = (
        "its build" if any(need.kind is TaskKind.BUILD for need in needs) else "",
        "its copy" if any(need.kind is TaskKind.MIRROR for need in needs) else "",
        some(direct, _MOST_NAMES),
    )
    after = joined(waits)
    kept = [name for name in workload.depends_on if name not in direct]
    notes = (
        f"after {after}" if after else "",
        f"needs {some(kept, _MOST_NAMES)} (earlier stage)" if kept else "",
        index.estimate(task.id),
    )
    name = workload.service
    return (index.mark(name), named(name), _what(workload), joined(notes, "; "))


def _what(workload: Workload) -> str:
    """What a service is, with the one thing that tells it from others of its type."""
    kind = workload.type.value
    if workload.job is not None and workload.job.cron is not None:
        return f"cron job {named(workload.job.cron.schedule)} {named(workload.job.cron.timezone)}"
    if workload.job is not None and workload.job.run is not None:
        return f"job at {workload.job.run.value}"
    if workload.database is not None:
        database = workload.database
        return f"{'managed ' if database.managed else ''}{named(database.engine)} {named(database.version)}"
    if workload.chart is not None and workload.chart.name is not None:
        return joined((f"chart {named(workload.chart.name)}", named(workload.chart.version or "")), " ")
    if workload.terraform is not None:
        return f"{named(workload.terraform.engine)} {named(workload.terraform.version)}"
    return kind
