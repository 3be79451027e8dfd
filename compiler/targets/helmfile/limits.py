"""What of a plan helmfile cannot express, or only in a way worth knowing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.plan.model import Chart, Delivery, Plan, Source, Strategy, Workload
from compiler.targets.ci.names import is_environment
from compiler.targets.helm.layout import pins_folder
from compiler.targets.helmfile.nested import nested
from compiler.targets.helmfile.releases import awaits_pins, git_chart, stage_parts
from compiler.targets.model import Limitation

# helmfile joins the arguments of a file with spaces and splits them again.
_ARGUMENT = re.compile(r"[A-Za-z0-9._/:@=,+-]+")
# helmfile takes `*?[` for a pattern and `::` for an address.
_PATH = re.compile(r"[A-Za-z0-9._/@+~ -]+")
_GIT = re.compile(r"git::(?:https?|ssh|file)://[^@\s{}?#]+@[A-Za-z0-9._/+~-]+(?:\?ref=[A-Za-z0-9._/+~-]+)?")
_SHOWN = 5


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    yield from _whole(plan)
    for workload in plan.workloads:
        if workload.chart is not None:
            yield from _own_chart(workload, workload.chart)
    yield from _images(plan)


def _error(
    code: str, service: str | None, field: str | None, message: str, hint: str | None = None
) -> Limitation:
    return Limitation(f"helmfile-{code}", "error", service, field, message, hint)


def _note(code: str, field: str | None, message: str, hint: str | None = None) -> Limitation:
    return Limitation(f"helmfile-{code}", "note", None, field, message, hint)


def _whole(plan: Plan) -> Iterator[Limitation]:
    if not is_environment(plan.environment):
        yield _error(
            "environment-name",
            None,
            "name",
            "the environment's name becomes a folder's name: it must have at most 100 letters, digits, dots, "
            "underscores and hyphens, and start with a letter or a digit",
        )
    if plan.strategy is Strategy.DAG:
        yield _error(
            "dag",
            None,
            "pipeline.strategy",
            "helmfile builds nothing, so it cannot deploy a service when its own build is done",
            "use build-first or staged, Argo Workflows or the local run",
        )
        return
    if plan.delivery is Delivery.ARGOCD:
        yield Limitation(
            "helmfile-delivery",
            "warning",
            None,
            "delivery",
            "Argo CD deploys this environment: helmfile beside it would deploy it a second time",
            "write `delivery: none` where only helmfile deploys",
        )
    yield from _evaluated(None, "target.context", plan.target.context)
    yield from _order(plan)
    if plan.previews is not None:
        yield _note("previews", "previews", "helmfile makes no preview environments: a pipeline does")


def _order(plan: Plan) -> Iterator[Limitation]:
    cap = plan.limits.deploy_parallelism
    large = [stage for stage, split in stage_parts(plan) if any(len(part) > cap for part in split)]
    if large:
        what = f"the stages {', '.join(large)} are" if len(large) > 1 else f"the stage {large[0]} is"
        yield _note(
            "waves",
            "pipeline.deploy.parallelism",
            f"helmfile has no limit in its files: {what} installed in waves of at most {cap} releases, and "
            "the slowest of a wave holds up the next",
        )
    for stage, split in stage_parts(plan):
        if len(split) > 1:
            yield _note(
                "split",
                None,
                f"helmfile knows further arguments of helm only for a whole file: the stage {stage} is "
                f"{len(split)} files, one after another",
            )


def _own_chart(workload: Workload, chart: Chart) -> Iterator[Limitation]:
    service = workload.service
    for field, text in (("repository", chart.repository), ("name", chart.name), ("version", chart.version)):
        yield from _evaluated(service, f"chart.{field}", text)
    for path in chart.value_files:
        if not _PATH.fullmatch(path):
            yield _error(
                "values-file",
                service,
                "valueFiles",
                f"helmfile does not take {path!r} for a file: letters, digits, spaces and ._/@+~- only",
            )
    for argument in chart.arguments:
        if not _ARGUMENT.fullmatch(argument):
            yield _error(
                "argument",
                service,
                "arguments",
                f"helmfile does not hand over {argument!r} as it is: letters, digits and ._/:@=,+- only",
                "write `--name=value`, or move the value to `values`",
            )
    try:
        nested(chart.set_values)
    except ValueError as problem:
        yield _error(
            "set", service, "set", f"a values file cannot say it: {problem}", "write it under `values`"
        )
    if chart.source is not None:
        yield from _source(service, chart.source)


def _source(service: str, source: Source) -> Iterator[Limitation]:
    if source.is_local:
        if not _PATH.fullmatch(source.context or "."):
            yield _error(
                "chart-path", service, "chart", f"helmfile does not take {source.context!r} for a folder"
            )
        return
    if not _GIT.fullmatch(git_chart(source)):
        yield _error(
            "repository",
            service,
            "chart",
            f"helmfile does not take {source.repository!r} with its ref and folder for a chart's address",
            "write the https:// address of the repository; letters, digits and ._/+~- in ref and folder",
        )
    if source.credentials is not None:
        yield Limitation(
            "helmfile-credentials",
            "note",
            service,
            "chart",
            "helmfile fetches the chart with git: whoever runs it must be able to clone the repository",
        )


def _evaluated(service: str | None, field: str, text: str | None) -> Iterator[Limitation]:
    """A text that helmfile 0.x would evaluate: first its files are Go templates, then their releases."""
    if text is not None and "{{" in text:
        yield _error("template", service, field, f"helmfile would evaluate the `{{{{` in {text!r}")


def _images(plan: Plan) -> Iterator[Limitation]:
    """What must be there before helmfile runs: it neither builds nor copies images."""
    images = {image.id: image for image in plan.images}
    unpinned = [w.service for w in plan.workloads if awaits_pins(images.get(w.image or ""))]
    if unpinned:
        yield _note(
            "images",
            "services",
            "the tags of built images are not known: helmfile takes them from "
            f"{pins_folder(plan.environment)}/ and stops where a file is missing ({_some(unpinned)})",
            "compile with `--images images.lock.yaml`, or run the step `lock` of a pipeline first",
        )
    copied = [w.service for w in plan.workloads if w.image in images and images[w.image].mirror is not None]
    if copied:
        yield _note(
            "mirror",
            "registry",
            f"helmfile copies no images: a pipeline must have brought those of {_some(copied)} to the mirror",
        )


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
