"""Charts that Argo CD needs otherwise than Helm does, as artifacts.

The chart for jobs is the helm back end's with some templates replaced by those
beside this module: see there why. Nothing of a plan reaches these files but the
environment's name in their path.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from compiler.artifacts import Artifact
from compiler.emit import yaml
from compiler.targets.argocd.layout import chart_folder
from compiler.targets.generated import marked
from compiler.targets.helm.charts import chart_artifacts
from compiler.targets.helm.layout import chart_path

_REMOVED = {
    "apiVersion": "v2",
    "name": "removed",
    "description": "Nothing: what was there is pruned.",
    "type": "application",
    "version": "0.1.0",
}


def job_chart(environment: str) -> list[Artifact]:
    """The chart for jobs, by path."""
    helm, root = chart_path("job"), chart_folder(environment, "job")
    contents = {a.path.removeprefix(f"{helm}/"): a.content for a in chart_artifacts("job")} | _templates()
    return [Artifact(f"{root}/{name}", contents[name]) for name in sorted(contents)]


def removed_chart(environment: str) -> list[Artifact]:
    """A chart without objects."""
    path = f"{chart_folder(environment, 'removed')}/Chart.yaml"
    return [Artifact(path, marked(path, yaml.dump(_REMOVED)))]


@cache
def _templates() -> dict[str, str]:
    """Our templates of the chart for jobs by their path in it."""
    texts = {
        f"templates/{entry.name}": entry.read_text("utf-8").replace("\r\n", "\n")
        for entry in (files(__package__) / "charts" / "job" / "templates").iterdir()
    }
    return {name: marked(f"/{name}", text) for name, text in texts.items()}
