"""Plans that Argo CD deploys, and what it makes of the back end's files."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from compiler.artifacts import Artifact
from compiler.plan.model import Delivery, GitOps, Plan, Stage, Workload
from compiler.targets import argocd, helm

Data = dict[str, Any]

REPOSITORY = "https://git.example.com/shop.git"
GITOPS = GitOps("stagecast/shop", REPOSITORY, project="shop")
SET = "argocd/shop/set/applicationset.yaml"


def for_argocd(plan: Plan) -> Plan:
    """The plan as Argo CD deploys it."""
    return replace(plan, delivery=Delivery.ARGOCD, gitops=GITOPS)


def of_workloads(plan: Plan, workloads: Iterable[Workload]) -> Plan:
    """A plan of these workloads, all in one stage."""
    found = tuple(replace(workload, stage="all") for workload in workloads)
    stages = (Stage("all", tuple(workload.service for workload in found)),)
    return for_argocd(replace(plan, workloads=found, stages=stages))


def read(plan: Plan) -> dict[str, Any]:
    """The files by path, as another parser than ours reads them."""
    found: dict[str, Any] = {}
    for artifact in argocd.emit(plan):
        if artifact.path.endswith(".json"):
            found[artifact.path] = json.loads(artifact.content)
        elif "/templates/" not in artifact.path and artifact.path.endswith(".yaml"):
            found[artifact.path] = YAML(typ="safe").load(artifact.content)
    return found


def services(plan: Plan) -> dict[str, Data]:
    """The services' files by service."""
    return {data["service"]: data for path, data in read(plan).items() if "/services/" in path}


def written(root: Path, plan: Plan) -> None:
    """Put the branch that Argo CD reads on the disk, but for the pins."""
    artifacts: list[Artifact] = [*helm.emit(plan), *argocd.emit(plan)]
    for artifact in artifacts:
        path = root / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content.encode())


def application(reader: Path, root: Path, service: str) -> Data:
    """The Application that the ApplicationSet in `root` makes of a service's file."""
    described = YAML(typ="safe").load((root / SET).read_text())["spec"]
    result = subprocess.run(
        [reader, root / "argocd" / "shop" / "services" / f"{service}.json"],
        input=json.dumps({name: described[name] for name in ("template", "templatePatch")}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    rendered = json.loads(result.stdout)
    made = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **rendered["template"]}
    return _merged(made, rendered["patch"])


def _merged(base: Data, patch: Data) -> Data:
    """A strategic merge of an Application: mappings merge, everything else replaces."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
