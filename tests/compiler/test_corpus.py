"""A slice of the generated corpus and all examples before the real consumers.

tests/e2e/test_corpus_full.py does the same with thousands of environments.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

import corpus
import environments
from compiler.diagnostics.model import Findings
from compiler.document.parse import parse
from compiler.driver import check_environment, make_plan
from compiler.project import job_for_spec
from compiler.source import SourceFile
from compiler.spec.model import ENVIRONMENT
from compiler.spec.schema import environment_schema
from compiler.targets import TARGETS
from corpus import Batch, Manifest, Release
from kubernetes_rules import misfits, refusals
from kubernetes_schemas import VERSIONS, validator
from spec_documents import members
from toolchain import CHECKOUT, Helm

SEEDS = range(40)
EXAMPLES = sorted(path.parent for path in (CHECKOUT / "examples").glob("*/stagecast.yaml"))
# Helm's start is dear: one umbrella holds this many releases of the slice, besides those of the examples.
SAMPLE = 60


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return corpus.generated(SEEDS, tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return corpus.examples(EXAMPLES, tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def manifests(batch: Batch, examples: Batch) -> list[Manifest]:
    """What the Helm 4 SDK renders of every release, each under its own name."""
    found: list[Manifest] = []
    assert list(corpus.each_rendered([*batch.releases, *examples.releases], found)) == []
    assert len(found) > len(batch.releases) + len(examples.releases)
    return found


# --- the corpus


def test_every_field_of_the_spec_is_in_it() -> None:
    """Every property of every record of the schema, in at least one of the environments."""
    schema = environment_schema()
    wanted = {(ENVIRONMENT.model.__name__, name) for name in schema["properties"]}
    for record, definition in schema["definitions"].items():
        wanted |= {(record, name) for name in definition.get("properties", {})}
    # The record of all types of services has no instance of its own.
    wanted.remove(("Service", "type"))
    seen: set[tuple[str, str]] = set()
    for seed in range(600):
        if wanted <= seen:
            break
        for name, text in environments.environment(seed).items():
            root = parse(SourceFile(name, text), Findings())
            assert root is not None
            if "extends" in root.value:
                seen.add((ENVIRONMENT.model.__name__, "extends"))
            else:
                seen |= {(record.model.__name__, str(path[-1])) for path, record, _ in _members(root.value)}
    assert wanted - seen == set()


def _members(document: Any) -> Iterator[Any]:
    known = {key: value for key, value in document.items() if not key.startswith("x-")}
    return members(ENVIRONMENT, known)


def test_it_is_the_same_everywhere() -> None:
    program = "import environments, hashlib; print(hashlib.sha256(repr([environments.environment(n)"
    program += " for n in range(30)]).encode()).hexdigest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(CHECKOUT / "tests/properties"), "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("0", "UTC"), ("1", "Asia/Kathmandu"))
    }
    assert len(digests) == 1


@settings(max_examples=25)
@given(files=environments.ENVIRONMENTS)
def test_any_of_them_is_valid(files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not only those of the slice; a repository is made once for all."""
    root = tmp_path_factory.getbasetemp() / "any"
    if not root.exists():
        environments.repository(root)
    for name, text in files.items():
        (root / name).write_bytes(text.encode())
    findings = Findings()
    checked = check_environment(job_for_spec(root / environments.SPEC, findings), findings)
    assert checked.errors == ()
    assert make_plan(checked).workloads


# --- the compiler


def test_every_target_compiles_or_refuses(batch: Batch, examples: Batch) -> None:
    assert batch.problems == []
    assert examples.problems == []
    for target in TARGETS:
        assert batch.compiled[target] + batch.refused[target] == len(SEEDS), target
        assert batch.compiled[target] >= len(SEEDS) / 4, f"too little of {target} is tested"
        assert examples.compiled[target], target
    assert max(len(files) for files in examples.files.values()) >= len(EXAMPLES)


# --- Helm


def test_helm_lints_every_release(batch: Batch, examples: Batch) -> None:
    """By the Helm 4 SDK, each release by itself."""
    releases = [*batch.releases[::3], *examples.releases[::3]]
    assert list(corpus.linted(releases)) == []


@pytest.fixture(scope="module")
def sample(batch: Batch, examples: Batch) -> list[Release]:
    wanted = [*batch.releases[:SAMPLE], *examples.releases[::4]]
    assert {release.kind for release in wanted} == set(corpus.CHARTS)
    return wanted


@pytest.fixture(scope="module")
def umbrella(sample: list[Release], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return corpus.umbrella(sample, tmp_path_factory.mktemp("umbrella") / "umbrella")


def test_an_umbrella_renders_what_each_release_does(
    helms: Helm, sample: list[Release], umbrella: tuple[Path, ...]
) -> None:
    """What makes batches sound (see corpus.py), for both majors: only the chart's name differs."""
    found, complaint = corpus.templated(helms, umbrella)
    assert complaint == ""
    for number, release in enumerate(sample):
        name = corpus.alias(number)
        alone = [_without_chart(manifest) for manifest in corpus.rendered(release, "name")]
        batched = [_without_chart(manifest) for manifest in found[name]]
        assert sorted(batched, key=_sorted) == sorted(alone, key=_sorted), release.origin


def _sorted(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _without_chart(manifest: Manifest) -> Manifest:
    result = copy.deepcopy(manifest)
    del result["metadata"]["labels"]["helm.sh/chart"]
    return result


def test_helm_lints_an_umbrella(helms: Helm, umbrella: tuple[Path, ...]) -> None:
    result = helms.run("lint", "--strict", *umbrella)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_umbrella_hides_no_mistake(helms: Helm, sample: list[Release], tmp_path: Path) -> None:
    """A value that the schema forbids, and an image without a tag, in one release of many."""
    wrong = next(release for release in sample if release.tag)
    untagged = Release(wrong.origin, wrong.name, wrong.kind, wrong.text, None)
    unknown = Release(wrong.origin, wrong.name, wrong.kind, f"{wrong.text}\nreplica: 2\n", wrong.tag)
    for release, said in ((untagged, "neither a tag nor a digest"), (unknown, "replica")):
        arguments = corpus.umbrella([sample[0], release, sample[1]], tmp_path / said[:3] / "umbrella")
        _, complaint = corpus.templated(helms, arguments)
        assert said in complaint


# --- Kubernetes


def test_kubernetes_takes_every_manifest(manifests: list[Manifest]) -> None:
    shapes = corpus.shapes(manifests)
    found = [
        f"{version}: {manifest['kind']}{misfit}"
        for version in dict.fromkeys(VERSIONS)
        for manifest in shapes.values()
        for misfit in misfits(manifest, version)
    ]
    assert found == []


def test_an_api_server_would_take_every_text(manifests: list[Manifest]) -> None:
    assert [found for manifest in manifests for found in refusals(manifest)] == []


def test_our_validator_says_what_kubernetes_validate_says(manifests: list[Manifest]) -> None:
    """On manifests as they are, and with one thing changed in each."""
    random = Random(1)
    wrong = 0
    for version in (VERSIONS[0], VERSIONS[-1]):
        for manifest in list(corpus.shapes(manifests).values())[:60]:
            for candidate in (manifest, _damaged(random, manifest)):
                if candidate["apiVersion"] in ("gateway.networking.k8s.io/v1",):
                    continue
                oracle = validator(version, candidate["kind"], candidate["apiVersion"])
                valid = oracle.is_valid(candidate)
                assert valid == (not list(misfits(candidate, version))), candidate
                wrong += not valid
    assert wrong > 30


def _damaged(random: Random, manifest: Manifest) -> Manifest:
    """A copy with another value, one key less or one key more, anywhere below the first level."""
    result = copy.deepcopy(manifest)
    places: list[tuple[Any, Any]] = [("spec" if "spec" in result else "metadata", result)]
    for key, holder in places:
        value = holder[key]
        if isinstance(value, dict | list):
            places += [(step, value) for step in (value if isinstance(value, dict) else range(len(value)))]
    key, holder = random.choice(places)
    match random.choice(("replace", "drop", "add")):
        case "drop" if isinstance(holder, dict) and key != "spec":
            del holder[key]
        case "add" if isinstance(holder[key], dict):
            holder[key]["unheardOf"] = 1
        case _:
            holder[key] = random.choice((1, "text", True, None, 1.5, {}, [], [1]))
    return result


def test_manifests_of_one_shape_are_valid_together(manifests: list[Manifest]) -> None:
    """What makes one of each shape enough: the same verdict for all, also for damaged ones."""
    random = Random(2)
    verdicts: dict[str, bool] = {}
    for manifest in manifests[:200]:
        for candidate in (manifest, _damaged(random, manifest)):
            [key] = corpus.shapes([candidate])
            valid = not list(misfits(candidate, VERSIONS[-1]))
            assert verdicts.setdefault(key, valid) == valid


# --- workflows and pipelines


def test_github_takes_the_workflows(
    batch: Batch, examples: Batch, actionlint: Path, check_jsonschema: Path
) -> None:
    files = [*batch.files["github"], *examples.files["github"]]
    assert len(files) > len(SEEDS) / 4
    schema = (check_jsonschema, "--builtin-schema", "vendor.github-workflows")
    assert corpus.said(schema, files) == ""
    assert corpus.said((actionlint, "-no-color"), files) == ""


def test_gitlab_takes_the_pipelines(batch: Batch, examples: Batch, check_jsonschema: Path) -> None:
    files = [*batch.files["gitlab"], *examples.files["gitlab"]]
    assert len(files) > len(SEEDS) / 4
    schema = (check_jsonschema, "--builtin-schema", "vendor.gitlab-ci")
    assert corpus.said(schema, files) == ""
