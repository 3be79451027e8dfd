"""The generated corpus, compiled for every target, and what its consumers say of it, in batches.

Takes seeds of tests/properties/environments.py or the folders of examples;
gives problems as texts. Who asks decides how many: tests/compiler/test_corpus.py
a slice, tests/e2e/test_corpus_full.py all of it, batch by batch in two processes.

Why a batch is sound. Starting helm costs fifty times what a release does, so
the releases of a batch become one umbrella chart: each of them is one of our
charts under an alias of its own, with the release's own values file below that
alias, character for character, only indented. Helm then reads, validates
(values.schema.json) and renders each as it would alone, but for three things:
the release's name is the umbrella's, the chart's name is the alias, and values
gain the key `global`, which the copied schemas allow. A test of the slice holds
the manifests of both ways against each other. Names are covered by the Helm 4
SDK, which renders each release under its own.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import helm_python

import environments
from compiler.compile import artifacts, diagnostics_of, limitations
from compiler.diagnostics.model import Findings, Severity
from compiler.driver import check_environment, make_plan
from compiler.plan.model import Plan
from compiler.project import Job, job_for_spec, project_jobs
from compiler.targets import TARGETS
from compiler.targets.helm.layout import ChartKind, chart_kind, chart_path, values_path
from helm_plans import charts_folder, parse
from toolchain import Helm

Manifest = dict[str, Any]
CHARTS: tuple[ChartKind, ...] = ("workload", "job", "database")
NAMESPACE = "shop"
# What the pipeline sets for an image that is built.
TAG = "content-0123456789abcdef"
# Of what a target writes, what its platform reads: the rest are data, scripts and charts.
READ = {
    "github": (".github/workflows/", ".yml"),
    "gitlab": (".gitlab/", ".yml"),
    "argo": ("argo/", ".yaml"),
    "argocd": ("argocd/", ".yaml"),
    "helmfile": ("helmfile/", ""),
    "bake": ("bake/", ".json"),
}


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a chart of ours: `origin` says where it is from, `text` is its values file."""

    origin: str
    name: str
    kind: ChartKind
    text: str
    tag: str | None

    def values(self) -> dict[str, Any]:
        """The values as Helm reads them, with the tag that the pipeline sets."""
        values: dict[str, Any] = helm_python.values_from_yaml(self.text)
        return values | {"image": values["image"] | {"tag": self.tag}} if self.tag else values


@dataclass(slots=True)
class Batch:
    """Compiled environments. `files` are on the disk, by target; `refused` counts by target."""

    folder: Path
    releases: list[Release] = field(default_factory=list)
    files: dict[str, list[Path]] = field(default_factory=lambda: {target: [] for target in READ})
    compiled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def generated(seeds: Iterable[int], folder: Path) -> Batch:
    """The environments of some seeds, compiled."""
    root = folder / "repository"
    environments.repository(root)
    batch = Batch(folder)
    for seed in seeds:
        for name, text in environments.environment(seed).items():
            (root / name).write_bytes(text.encode())
        findings = Findings()
        _compile(batch, f"seed-{seed}", job_for_spec(root / environments.SPEC, findings), findings)
    return batch


def examples(folders: Iterable[Path], folder: Path) -> Batch:
    """Every environment of some examples, compiled."""
    batch = Batch(folder)
    for example in folders:
        findings = Findings()
        for job in project_jobs(example / "stagecast.yaml", findings):
            _compile(batch, f"{example.name}-{job.name}", job, findings)
    return batch


def _compile(batch: Batch, origin: str, job: Job, findings: Findings) -> None:
    checked = check_environment(job, findings)
    if checked.errors:
        batch.problems.append(f"{origin}: not valid: {checked.errors[0].message}")
        return
    assert checked.context is not None
    plan = make_plan(checked)
    for target in TARGETS:
        try:
            said = diagnostics_of(limitations(plan, [target]), checked.context)
            codes = [found.code for found in said if found.severity is Severity.ERROR]
            if not codes:
                _emit(batch, origin, plan, target)
        except Exception as error:  # whatever it is, it is a finding about this environment
            batch.problems.append(f"{origin}: {target}: {error!r}")
            continue
        (batch.refused if codes else batch.compiled)[target] += 1
        batch.problems += [f"{origin}: {target}: {code}" for code in codes if code != "STC701"]


def _emit(batch: Batch, origin: str, plan: Plan, target: str) -> None:
    files = {artifact.path: artifact.content for artifact in artifacts([(plan, [target])])}
    if target == "helm":
        batch.releases += _releases(origin, plan, files)
        return
    start, end = READ[target]
    for path, content in files.items():
        if path.startswith(start) and path.endswith(end):
            file = batch.folder / "output" / origin / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode())
            batch.files[target].append(file)


def _releases(origin: str, plan: Plan, files: Mapping[str, str]) -> Iterator[Release]:
    images = {image.id: image for image in plan.images}
    for workload in plan.workloads:
        kind = chart_kind(workload)
        if kind is not None:
            image = images.get(workload.image or "")
            tag = TAG if image is not None and not (image.tag or image.digest) else None
            text = files[values_path(plan.environment, workload)]
            yield Release(f"{origin}/{workload.service}", workload.release, kind, text, tag)


# --- Helm


@cache
def chart(kind: ChartKind) -> helm_python.Chart:
    """A chart of ours in the Helm 4 SDK."""
    return helm_python.Chart.load(charts_folder() / chart_path(kind))


def rendered(release: Release, name: str | None = None) -> list[Manifest]:
    """The manifests of a release by the Helm 4 SDK, its values checked against the chart's schema.

    Raises:
        HelmError: Helm refuses the release.
    """
    values = release.values()
    chart(release.kind).validate_schema(values)
    files = chart(release.kind).render(values, name=name or release.name, namespace=NAMESPACE)
    return [manifest for path in sorted(files) for manifest in parse(files[path])]


def each_rendered(releases: Iterable[Release], manifests: list[Manifest]) -> Iterator[str]:
    """Problems of every release by itself; its manifests are added to `manifests`."""
    for release in releases:
        try:
            manifests += rendered(release)
        except helm_python.HelmError as error:
            yield f"{release.origin}: {error}"


def linted(releases: Iterable[Release]) -> Iterator[str]:
    """What `helm lint --strict` of Helm 4 says of every release by itself."""
    for release in releases:
        folder = charts_folder() / chart_path(release.kind)
        report = helm_python.lint(folder, release.values(), strict=True, namespace=NAMESPACE)
        # 1 is information: our charts have no icon.
        said = [message for message in report["messages"] if message["severity"] > 1]
        yield from (f"{release.origin}: {found}" for found in [*report["errors"], *said])


def umbrella(releases: Sequence[Release], folder: Path) -> tuple[Path, ...]:
    """A chart with all releases as aliases, and what `helm template` and `helm lint` need after it."""
    # A chart that nothing takes as an alias would be a subchart of its own.
    for kind in {release.kind for release in releases}:
        for file in sorted((charts_folder() / chart_path(kind)).rglob("*")):
            if file.is_file():
                copy = folder / "charts" / kind / file.relative_to(charts_folder() / chart_path(kind))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
        schema = json.loads((folder / "charts" / kind / "values.schema.json").read_text())
        schema["properties"]["global"] = {}
        (folder / "charts" / kind / "values.schema.json").write_text(json.dumps(schema))
    (folder / "templates").mkdir()
    (folder / "templates" / "none.yaml").write_text("")
    dependencies = [
        {"name": release.kind, "alias": alias(number), "version": "*", "repository": ""}
        for number, release in enumerate(releases)
    ]
    head = {"apiVersion": "v2", "name": "umbrella", "version": "0.1.0", "dependencies": dependencies}
    (folder / "Chart.yaml").write_text(json.dumps(head))
    texts = (f"{alias(number)}:\n{_indented(release.text)}" for number, release in enumerate(releases))
    (folder / "values.yaml").write_bytes("".join(texts).encode())
    tags = {alias(number): {"image": {"tag": r.tag}} for number, r in enumerate(releases) if r.tag}
    (folder.parent / "tags.json").write_text(json.dumps(tags))
    return (folder, Path("--values"), folder.parent / "tags.json", Path("--namespace"), Path(NAMESPACE))


def alias(number: int) -> str:
    """The name of a release in the umbrella."""
    return f"r{number}"


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.split("\n"))


def templated(helm: Helm, arguments: Sequence[Path]) -> tuple[dict[str, list[Manifest]], str]:
    """The manifests of an umbrella by alias, and what Helm complains about."""
    result = helm.run("template", "name", *arguments)
    if result.returncode != 0:
        return {}, result.stderr
    found: dict[str, list[Manifest]] = {}
    _, *texts = f"\n{result.stdout}".split("\n---\n# Source: umbrella/charts/")
    for text in texts:
        source, _, body = text.partition("\n")
        found.setdefault(source.partition("/")[0], []).extend(parse(body))
    return found, ""


# --- Kubernetes

# Mappings with any keys in Kubernetes' schemas, and values of one type.
_MAPS = frozenset(("labels", "annotations", "matchLabels", "nodeSelector", "data", "limits", "requests"))


def shape(value: Any, key: str = "") -> Any:
    """A manifest without what Kubernetes' schemas do not look at.

    They ask for types, keys and, of `apiVersion` and `kind`, the text: two
    manifests of one shape are both valid or both not. test_corpus.py holds the
    schemas to that. Users and the form of an image stay for the linters.
    """
    if isinstance(value, dict):
        inner = {name: shape(item, name) for name, item in value.items()}
        return inner if key not in _MAPS else {"": _distinct(inner.values())}
    if isinstance(value, list):
        return _distinct(shape(item) for item in value)
    if isinstance(value, str):
        return value if key in ("apiVersion", "kind") else _text(value, key)
    if isinstance(value, bool) or value is None:
        return value
    return value if key in ("runAsUser", "runAsGroup") else type(value).__name__


def _text(value: str, key: str) -> str:
    return f"text{'@' in value}{':' in value.rpartition('/')[2]}" if key == "image" else "text"


def _distinct(shapes: Iterable[Any]) -> list[Any]:
    return [json.loads(text) for text in sorted({json.dumps(one, sort_keys=True) for one in shapes})]


def shapes(manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """One manifest of every shape."""
    return {json.dumps(shape(manifest), sort_keys=True): manifest for manifest in manifests}


# --- workflows and pipelines


def said(command: Sequence[str | Path], files: Sequence[Path]) -> str:
    """What a linter says of files in one run; nothing when it is content."""
    if not files:
        return ""
    result = subprocess.run([*command, *files], capture_output=True, text=True, timeout=300, check=False)
    return "" if result.returncode == 0 else (result.stdout + result.stderr)[-4000:]
