"""The helmfiles of the stages: their releases, and which chart and values each has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.plan.model import Chart, Departed, Image, Plan, Source, Workload
from compiler.targets.helm.layout import chart_kind, chart_path, pins_path, values_path
from compiler.targets.helmfile.layout import STAGES, TO_ROOT, set_path
from compiler.targets.helmfile.order import in_order, needs

State = dict[str, Any]

_NOT_FILE = re.compile(r"[^A-Za-z0-9_-]+")


def files(plan: Plan) -> list[tuple[str, State]]:
    """The helmfiles below helmfile.yaml, by their path from its folder, in the order in which they run."""
    width = len(str(len(plan.stages)))
    images = {image.id: image for image in plan.images}
    found = []
    for position, (stage, split) in enumerate(stage_parts(plan), start=1):
        name = f"{position:0{width}}-{_NOT_FILE.sub('-', stage).strip('-') or 'stage'}"
        for number, part in enumerate(split, start=1):
            suffix = f"-{number}" if len(split) > 1 else ""
            found.append((f"{STAGES}/{name}{suffix}.yaml", _state(plan, part, images)))
    if gone := [departed for departed in plan.departed if departed.prune]:
        found.append((f"{STAGES}/removed.yaml", _removal(plan, gone)))
    return found


def stage_parts(plan: Plan) -> list[tuple[str, list[list[Workload]]]]:
    """Every stage with the releases of its files, in the order in which they run."""
    workloads = {workload.service: workload for workload in plan.workloads if _is_release(workload)}
    return [
        (stage.name, _parts(in_order([workloads[name] for name in stage.services if name in workloads])))
        for stage in plan.stages
    ]


def _parts(workloads: Sequence[Workload]) -> list[list[Workload]]:
    """The releases of a stage by the files that they share: one with arguments of its own has its own file.

    helmfile has a release's further arguments only in the defaults of a file.
    """
    split: list[list[Workload]] = []
    alone = True
    for workload in workloads:
        own = workload.chart is not None and bool(workload.chart.arguments)
        if own or alone:
            split.append([])
        split[-1].append(workload)
        alone = own
    return split


def awaits_pins(image: Image | None) -> bool:
    """Whether the values of a release lack the tag of its image, which then comes from its pins."""
    return image is not None and image.build is not None and not image.tag and not image.digest


def git_chart(source: Source) -> str:
    """A folder of a Git repository as helmfile takes a chart (go-getter's form, `@` before the folder)."""
    ref = "" if source.ref is None else f"?ref={source.ref}"
    return f"git::{source.repository}@{source.context}{ref}"


def _is_release(workload: Workload) -> bool:
    return workload.chart is not None or chart_kind(workload) is not None


def _state(plan: Plan, workloads: Sequence[Workload], images: Mapping[str, Image]) -> State:
    repositories = _repositories(workloads)
    names = {workload.service: workload.release for workload in workloads}
    waits = needs(workloads, plan.limits.deploy_parallelism)
    releases = []
    for workload in workloads:
        release = _release(plan, workload, images.get(workload.image or ""), repositories)
        if waits[workload.service]:
            release["needs"] = [f"{plan.target.namespace}/{names[name]}" for name in waits[workload.service]]
        releases.append(release)
    arguments = [argument for w in workloads if w.chart is not None for argument in w.chart.arguments]
    state: State = {}
    if repositories:
        state["repositories"] = [_repository(name, url) for url, name in repositories.items()]
    return state | {"helmDefaults": _defaults(plan, arguments), "releases": releases}


def _defaults(plan: Plan, arguments: Sequence[str]) -> State:
    defaults: State = {"createNamespace": True, "wait": True}
    if plan.target.context is not None:
        defaults["kubeContext"] = plan.target.context
    if arguments:
        defaults["syncArgs"] = list(arguments)
    return defaults


def _release(plan: Plan, workload: Workload, image: Image | None, repositories: dict[str, str]) -> State:
    release: State = {"name": workload.release, "namespace": plan.target.namespace}
    values = [values_path(plan.environment, workload)]
    kind = chart_kind(workload)
    if kind is not None:
        if awaits_pins(image):
            values.append(pins_path(plan.environment, workload))
        release |= {"chart": _path(chart_path(kind)), "skipDeps": True, "timeout": workload.timeout_s}
        # Undoing a failed installation of what keeps data would delete or change its volumes' owner.
        release |= {} if workload.stateful else {"atomic": True}
    elif workload.chart is not None:
        chart = workload.chart
        values = [*chart.value_files, *values]
        values += [set_path(plan.environment, workload)] if chart.set_values else []
        release |= _own_chart(chart, repositories)
    return release | {"missingFileHandler": "Error", "values": [_path(path) for path in values]}


def _own_chart(chart: Chart, repositories: dict[str, str]) -> State:
    """A service's own chart; nothing is asked of Helm but what its author asks for."""
    flags: State = {"wait": False}
    if chart.source is not None:
        local = chart.source.is_local
        return {"chart": _path(chart.source.context) if local else git_chart(chart.source)} | flags
    where: State = {"chart": f"{repositories[chart.repository or '']}/{chart.name}"}
    return where | ({} if chart.version is None else {"version": chart.version}) | flags


def _repositories(workloads: Sequence[Workload]) -> dict[str, str]:
    """The Helm repositories of some releases by their address, each with a name for this file."""
    charts = [workload.chart for workload in workloads if workload.chart is not None]
    urls = sorted({chart.repository for chart in charts if chart.repository is not None})
    return {url: f"stagecast-{number}" for number, url in enumerate(urls, start=1)}


def _repository(name: str, url: str) -> State:
    if url.startswith("oci://"):
        return {"name": name, "url": url.removeprefix("oci://").rstrip("/"), "oci": True}
    return {"name": name, "url": url}


def _removal(plan: Plan, gone: Sequence[Departed]) -> State:
    """Releases that are to be uninstalled, as few at a time as others are installed."""
    cap = plan.limits.deploy_parallelism
    releases: list[State] = []
    for index, departed in enumerate(gone):
        release: State = {"name": departed.release, "namespace": plan.target.namespace}
        # helmfile asks for a chart, but looks at none that is not installed.
        release |= {"chart": departed.service, "installed": False}
        if index >= cap:
            release["needs"] = [f"{plan.target.namespace}/{gone[index - cap].release}"]
        releases.append(release)
    return {"helmDefaults": _defaults(plan, ()), "releases": releases}


def _path(path: str) -> str:
    return TO_ROOT if path in ("", ".") else f"{TO_ROOT}/{path}"
