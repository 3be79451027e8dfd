"""What the ApplicationSet is told of each service: one JSON file, read by its Git files generator.

Takes a plan; gives plain data. Nothing in it is evaluated: Argo CD puts the
texts into the template's fields and writes the sources out with `toJson`.
"""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import relpath
from typing import Any

from compiler.plan.model import Chart, Departed, Image, Plan, Workload
from compiler.targets.argocd.layout import application_name, chart_folder, label_value, repository
from compiler.targets.argocd.parameters import parameter
from compiler.targets.argocd.steps import steps
from compiler.targets.helm.layout import chart_kind, chart_path, pins_path, values_path

Data = dict[str, Any]

# How often a sync that failed is tried again: for what passes, such as a conflict or a slow API server.
SYNC_RETRIES = 2
_VALUES = "values"
_FLAGS = {
    "--skip-crds": "skipCrds",
    "--skip-schema-validation": "skipSchemaValidation",
    "--skip-tests": "skipTests",
}


def applications(plan: Plan) -> Iterator[Data]:
    """Every service that Argo CD deploys, in the order of the steps; after them those to be removed."""
    workloads = {workload.service: workload for workload in plan.workloads}
    images = {image.id: image for image in plan.images}
    number = 0
    for number, (stage, services) in enumerate(steps(plan), start=1):
        for service in services:
            workload = workloads[service]
            if chart_kind(workload) is not None or workload.chart is not None:
                yield _application(plan, workload, images.get(workload.image or ""), stage, number)
    for departed in plan.departed:
        if departed.prune:
            yield _removal(plan, departed, number + 1)


def has_jobs(plan: Plan) -> bool:
    """Whether some release uses the chart for jobs."""
    return any(chart_kind(workload) == "job" for workload in plan.workloads)


def flag(argument: str) -> str | None:
    """The field of an Application's source that says what an argument of helm says; None where none does."""
    return _FLAGS.get(argument.removesuffix("=true"))


def _application(plan: Plan, workload: Workload, image: Image | None, stage: str, step: int) -> Data:
    found: Data = {
        "service": workload.service,
        "name": application_name(plan.environment, workload.service),
        "stage": label_value(stage),
        "step": str(step),
        # A job counts its own tries; another sync would run it again.
        "retries": 0 if chart_kind(workload) == "job" else SYNC_RETRIES,
    }
    chart = workload.chart
    if chart is None:
        return found | _ours(plan, workload, image)
    if chart.source is not None and chart.source.is_local:
        return found | _in_branch(plan, workload, chart, chart.source.context or ".")
    return found | {"sources": _sources(plan, workload, chart)}


def _ours(plan: Plan, workload: Workload, image: Image | None) -> Data:
    """A release of one of our charts: its values, and over them the tag and digest that CI found."""
    kind = chart_kind(workload)
    assert kind is not None, "a service without its own chart has one of ours"
    chart = chart_folder(plan.environment, kind) if kind == "job" else chart_path(kind)
    files = [values_path(plan.environment, workload)]
    helm: Data = {"releaseName": workload.release, "valueFiles": files}
    if image is not None:
        files.append(pins_path(plan.environment, workload))
        # Where the values are complete without it, CI need not have written one.
        helm["ignoreMissingValueFiles"] = bool(image.tag or image.digest)
    return _single(plan, chart, helm)


def _in_branch(plan: Plan, workload: Workload, chart: Chart, path: str) -> Data:
    """A service's own chart that lies in the repository of the spec."""
    helm = {"releaseName": workload.release, "valueFiles": _files(plan, workload, chart)} | _options(chart)
    return _single(plan, path, helm)


def _single(plan: Plan, path: str, helm: Data) -> Data:
    """One source, on the branch that CI writes; its paths say what a new commit must touch to matter."""
    gitops, url = repository(plan)
    files = helm["valueFiles"]
    relative = helm | {"valueFiles": [relpath(file, path) for file in files]}
    return {
        "paths": ";".join(f"/{name}" for name in (path, *files)),
        "source": {"repoURL": url, "targetRevision": gitops.branch, "path": path, "helm": relative},
    }


def _sources(plan: Plan, workload: Workload, chart: Chart) -> list[Data]:
    """A service's own chart from elsewhere, and the branch with its values."""
    gitops, url = repository(plan)
    files = [f"${_VALUES}/{path}" for path in _files(plan, workload, chart)]
    helm: Data = {"releaseName": workload.release, "valueFiles": files} | _options(chart)
    where: Data
    if chart.source is not None:
        where = {
            "repoURL": chart.source.repository,
            "targetRevision": chart.source.ref or "HEAD",
            "path": chart.source.context or ".",
        }
    else:
        where = {
            # Argo CD knows an OCI registry by its settings, not by a scheme.
            "repoURL": (chart.repository or "").removeprefix("oci://").rstrip("/"),
            "targetRevision": chart.version or "*",
            "chart": chart.name or "",
        }
    return [where | {"helm": helm}, {"repoURL": url, "targetRevision": gitops.branch, "ref": _VALUES}]


def _files(plan: Plan, workload: Workload, chart: Chart) -> list[str]:
    """Later files win: a service's own files come before the values of the spec."""
    return [*chart.value_files, values_path(plan.environment, workload)]


def _options(chart: Chart) -> Data:
    options: Data = {field: True for argument in chart.arguments if (field := flag(argument)) is not None}
    if chart.set_values:
        options["parameters"] = [parameter(name, text) for name, text in chart.set_values]
    return options


def _removal(plan: Plan, departed: Departed, step: int) -> Data:
    """A service that is to go: its Application gets a chart without objects, and a sync prunes the rest."""
    chart = chart_folder(plan.environment, "removed")
    return {
        "service": departed.service,
        "name": application_name(plan.environment, departed.service),
        "stage": "removed",
        "step": str(step),
        "retries": SYNC_RETRIES,
    } | _single(plan, chart, {"releaseName": departed.release, "valueFiles": []})
