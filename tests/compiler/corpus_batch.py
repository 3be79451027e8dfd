"""One batch of the corpus before all its consumers: what one process of the full run does.

Takes seeds and the places of tools, gives a `Verdict` that can be sent between
processes. Also says which of many files are enough for a slow linter.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpus
from corpus import Batch, Manifest
from kubernetes_rules import misfits, refusals
from kubernetes_schemas import VERSIONS
from security_linters import Found, zizmor
from toolchain import Helm

# Of so many releases one is linted by itself; all of them are read, validated and rendered.
LINTED = 10
# Releases of one umbrella: enough that helm's start does not count, few enough that it ends in time.
UMBRELLA = 100


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that a batch is held against."""

    helm3: Helm
    helm4: Helm
    actionlint: Path
    check_jsonschema: Path
    zizmor: Path


@dataclass(slots=True)
class Verdict:
    """What came of a batch; seconds and counts by consumer. `kept` has a manifest of every shape."""

    compiled: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    kept: dict[str, Manifest] = field(default_factory=dict)
    workflows: dict[str, str] = field(default_factory=dict)

    def add(self, other: Verdict) -> None:
        """Take another batch's verdict in."""
        for mine, theirs in (
            (self.compiled, other.compiled),
            (self.refused, other.refused),
            (self.counts, other.counts),
        ):
            mine.update(theirs)
        for consumer, seconds in other.seconds.items():
            self._took(consumer, seconds)
        self.problems += other.problems
        self.found += other.found
        self.kept |= other.kept
        self.workflows |= other.workflows

    @contextmanager
    def timed(self, consumer: str) -> Iterator[None]:
        """Note how long something took."""
        start = time.monotonic()
        yield
        self._took(consumer, time.monotonic() - start)

    def _took(self, consumer: str, seconds: float) -> None:
        self.seconds[consumer] = self.seconds.get(consumer, 0.0) + seconds


def judged(seeds: Sequence[int], folder: Path, tools: Tools, thorough: bool) -> Verdict:
    """A batch of environments before every consumer; `thorough` asks twice for what is asked once."""
    verdict = Verdict()
    with verdict.timed("stagecast"):
        batch = corpus.generated(seeds, folder)
    verdict.compiled, verdict.refused = batch.compiled, batch.refused
    verdict.problems += batch.problems
    verdict.counts["environments"] = len(seeds)
    verdict.counts["services"] = len(batch.releases)
    _helm(batch, verdict, tools, thorough)
    _platforms(batch, verdict, tools)
    shutil.rmtree(folder)
    return verdict


def _helm(batch: Batch, verdict: Verdict, tools: Tools, thorough: bool) -> None:
    manifests: list[Manifest] = []
    with verdict.timed("helm 4 SDK, each"):
        verdict.problems += corpus.each_rendered(batch.releases, manifests)
    helms = (tools.helm3, tools.helm4) if thorough else (tools.helm3,)
    counts = dict.fromkeys(helms, 0)
    for start in range(0, len(batch.releases), UMBRELLA):
        folder = batch.folder / f"umbrella-{start}" / "umbrella"
        arguments = corpus.umbrella(batch.releases[start : start + UMBRELLA], folder)
        for helm in helms:
            with verdict.timed(f"helm {helm.major} template"):
                found, complaint = corpus.templated(helm, arguments)
            verdict.problems += [complaint] if complaint else []
            counts[helm] += sum(map(len, found.values()))
            if thorough:
                with verdict.timed(f"helm {helm.major} lint"):
                    result = helm.run("lint", "--strict", *arguments)
                verdict.problems += [result.stdout + result.stderr] if result.returncode else []
    if set(counts.values()) != {len(manifests)}:
        verdict.problems.append(f"other manifests than the SDK's {len(manifests)}: {list(counts.values())}")
    with verdict.timed("helm 4 SDK, lint"):
        verdict.problems += corpus.linted(batch.releases[::LINTED])
    with verdict.timed("kubernetes"):
        verdict.kept = corpus.shapes(manifests)
        for version in dict.fromkeys(VERSIONS):
            for manifest in verdict.kept.values():
                verdict.problems += [
                    f"{version}: {manifest['kind']}{bad}" for bad in misfits(manifest, version)
                ]
        verdict.problems += [found for manifest in manifests for found in refusals(manifest)]
    verdict.counts["manifests"] = len(manifests)


def _platforms(batch: Batch, verdict: Verdict, tools: Tools) -> None:
    github, gitlab = batch.files["github"], batch.files["gitlab"]
    schema = (tools.check_jsonschema, "--builtin-schema")
    for consumer, command, files in (
        ("schema of GitHub", (*schema, "vendor.github-workflows"), github),
        ("schema of GitLab", (*schema, "vendor.gitlab-ci"), gitlab),
        ("actionlint", (tools.actionlint, "-no-color"), github),
    ):
        with verdict.timed(consumer):
            said = corpus.said(command, files)
        verdict.problems += [said] if said else []
    with verdict.timed("zizmor"):
        verdict.found += zizmor(tools.zizmor, github)
    verdict.counts["workflows"] = len(github)
    verdict.counts["pipelines"] = len(gitlab)
    for target in ("github", "gitlab", "argo"):
        # One of a target is like the next: one of every batch is enough for the slow ones.
        verdict.workflows |= {
            str(file.relative_to(batch.folder / "output")): file.read_text(encoding="utf-8")
            for file in batch.files[target][:1]
        }


def telling(manifests: Mapping[str, Manifest], more: int = 150) -> list[Manifest]:
    """A few manifests that show every key anywhere, there and missing, and every switch both ways.

    Greedy, in the order of the shapes. What a linter asks of a manifest is
    whether a key is there and what it says; where it asks for two keys at once,
    the `more` manifests help that are taken evenly from the rest.
    """
    facts = {shape: set(_facts(json.loads(shape))) for shape in sorted(manifests)}
    keys: dict[str, set[str]] = {}
    for known in facts.values():
        for path, key, _ in known:
            keys.setdefault(path, set()).add(key)
    for known in facts.values():
        for path in {path for path, _, _ in known}:
            there = {key for other, key, _ in known if other == path}
            known |= {(path, key, "missing") for key in keys[path] - there}
    chosen: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    for shape, known in facts.items():
        if not known <= seen:
            seen |= known
            chosen.append(shape)
    rest = [shape for shape in facts if shape not in chosen]
    return [manifests[shape] for shape in (*chosen, *rest[:: max(1, len(rest) // more)])]


def _facts(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Where which key has which scalar; items of a list share a place."""
    for key, item in value.items() if isinstance(value, dict) else [("", one) for one in value]:
        if isinstance(item, dict | list):
            yield path, key, "there"
            yield from _facts(item, f"{path}.{key}")
        else:
            yield path, key, str(item)


def written(manifests: Iterable[Manifest], folder: Path, namespace: str) -> None:
    """Manifests as files, in the namespace that Helm puts them into."""
    folder.mkdir(parents=True)
    for number, manifest in enumerate(manifests):
        placed = manifest | {"metadata": {"namespace": namespace} | manifest["metadata"]}
        (folder / f"{number:04}.json").write_text(json.dumps(placed), encoding="utf-8")
