"""Where the Helm back end puts things, and which chart a workload uses.

For the other back ends as well: who deploys a release finds its chart and its
values here. Takes workloads of a plan, gives paths relative to the output
folder; knows nothing of what is in the files.
"""

from __future__ import annotations

from typing import Literal

from compiler.plan.model import ServiceType, Workload

ROOT = "helm"
ChartKind = Literal["workload", "job", "database"]

_KINDS: dict[ServiceType, ChartKind] = {
    ServiceType.APPLICATION: "workload",
    ServiceType.CONTAINER: "workload",
    ServiceType.JOB: "job",
    ServiceType.DATABASE: "database",
}


def chart_kind(workload: Workload) -> ChartKind | None:
    """Which of our charts deploys it; None for a service with its own chart and for Terraform."""
    return _KINDS.get(workload.type)


def chart_path(kind: ChartKind) -> str:
    """The folder of one of our charts."""
    return f"{ROOT}/charts/{kind}"


def release_chart(workload: Workload) -> str:
    """The folder of the chart that deploys a workload.

    Raises:
        ValueError: none of ours does (types helm and terraform).
    """
    kind = chart_kind(workload)
    if kind is None:
        raise ValueError(f"no chart of ours deploys a service of type {workload.type.value}")
    return chart_path(kind)


def values_folder(environment: str) -> str:
    """The folder with the values files of an environment."""
    return f"{ROOT}/values/{environment}"


def values_path(environment: str, workload: Workload) -> str:
    """The values file of a workload's release in an environment. Not for Terraform, which has none."""
    return f"{values_folder(environment)}/{workload.service}.yaml"


def pins_folder(environment: str) -> str:
    """The folder with a file for every service that runs an image: its tag and digest, as values.

    The compiler does not write it: CI does, on the branch that Argo CD reads.
    """
    return f"{ROOT}/images/{environment}"


def pins_path(environment: str, workload: Workload) -> str:
    """The values file with tag and digest of a workload's image."""
    return f"{pins_folder(environment)}/{workload.service}.yaml"
