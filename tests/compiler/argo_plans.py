"""Random plans with everything that orders a pipeline; the compiler's own planner orders their tasks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from compiler.plan.model import Build, Delivery, Plan, Resources, Strategy
from compiler.plan.tasks import order_tasks
from compiler.targets.argo.pods import secret_refs
from pipeline_plans import Service, build, make_plan

GB = 10**9
SIZES = (Resources(4000, 4 * GB), Resources(8000, 4 * GB), Resources(1000, 12 * GB))


@st.composite
def ordered_plans(
    draw: st.DrawFn, *, delivery: Delivery = Delivery.HELM, most: int = 14, sizes: bool = True
) -> Plan:
    """Plans of up to `most` services in up to three stages: built, shared, mirrored, dependent on others."""
    count = draw(st.integers(1, most))
    stages = sorted(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    services = []
    for number, stage in enumerate(stages):
        # Towards lower numbers only, so never in a circle; the queue's order is drawn below.
        allowed = [f"s{other}" for other in range(number)]
        depends = draw(st.lists(st.sampled_from(allowed), max_size=2, unique=True)) if allowed else []
        built = draw(st.booleans())
        services.append(Service(f"s{number}", f"stage {stage}", built=built, depends_on=tuple(depends)))
    services = draw(st.permutations(services))
    services.sort(key=lambda service: service.stage)
    builds: dict[str, Build] = {}
    for service in services:
        if service.built:
            size = draw(st.sampled_from(SIZES)) if sizes else SIZES[0]
            builds[service.name] = build(service.name, resources=size)
    strategy = draw(st.sampled_from(list(Strategy)))
    plan = make_plan(
        services,
        strategy=strategy,
        delivery=delivery,
        slots=draw(st.integers(1, 4)),
        deploy_parallelism=draw(st.integers(1, 4)),
        builds=builds,
    )
    if draw(st.booleans()):
        plan = shared(plan)
    tasks = order_tasks(strategy, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, tasks=tasks)


def shared(plan: Plan) -> Plan:
    """The plan with its first and last build made one, for the services of both."""
    if len(plan.builds) < 2:
        return plan
    first, last = plan.builds[0], plan.builds[-1]
    one = replace(first, services=(*first.services, *last.services))
    return replace(
        plan,
        builds=(one, *plan.builds[1:-1]),
        images=tuple(image for image in plan.images if image.id != last.image),
        workloads=tuple(
            replace(work, image=first.image) if work.image == last.image else work for work in plan.workloads
        ),
    )


def known_secrets(plan: Plan) -> dict[str, set[str]]:
    """The keys of every Secret that a workflow may refer to, by its name."""
    found: dict[str, set[str]] = {f"stagecast-{plan.environment}": {"GIT_TOKEN"}}
    for ref in secret_refs(plan).values():
        found.setdefault(ref.name, set()).add(ref.key)
    return found
