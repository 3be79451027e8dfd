"""Fixes of Dockerfiles, built for real before and after: a cold build gives the same image.

The cases are those of tests/compiler/practices/cases that have a fix which
`--fix` applies. The builder is real; the package tools in its images stand in
for those that would need a network, and read the files that these read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.diagnostics.model import Diagnostic, Safety
from compiler.dockerfile.copies import copy
from compiler.dockerfile.ignore import read_ignore
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.model import StepKind
from compiler.practices import check
from compiler.practices.model import Subject
from compiler.practices.paper import edited, edited_texts
from compiler.practices.subjects import located, read_source, subject_of
from compiler.source import SourceFile
from context_cases import context_cases
from docker_engine import DockerEngine
from stand_in_images import File, files_of, stand_in
from subject_cases import CASES, Case, cases

pytestmark = pytest.mark.e2e

# What two builds of one file never have in common, and what a fix is to take away: package caches.
VOLATILE = (
    *("var/log/", "var/cache/", "var/lib/apt/lists/", "root/.cache/", "root/.npm/", "root/.composer/cache/"),
    "opt/conda/pkgs/",
    *("etc/hosts", "etc/resolv.conf", "etc/hostname", "etc/mtab", "proc/", "sys/", "dev/", ".dockerenv"),
)
LOADERS = {"cache": cases, "order": cases, "manifests": context_cases}
WITH_FIX = [
    (name, case)
    for name, load in LOADERS.items()
    for case in load(CASES / f"{name}.txt")
    if case.safety in ("safe", "unsafe") and case.known
]
# What Docker 20.10 cannot build (heredocs, `# syntax=`, --parents) or no stand-in does.
MOST_THAT_CANNOT_BE_BUILT = 0.2


def write_context(folder: Path, case: Case) -> None:
    """The files of a case, and those that its Dockerfile copies and that it does not name."""
    folder.mkdir(parents=True)
    for name, text in case.files.items():
        write(folder / name, text)
    if case.ignore is not None:
        write(folder / ".dockerignore", case.ignore)
    if case.repository:
        write(folder / ".git" / "HEAD", "ref: refs/heads/main\n")
    # No frontend can be pulled: the builder's own reads the file.
    text = re.sub(r"^# syntax=.*\n", "", case.text)
    write(folder / "Dockerfile", text)
    dockerfile = read_dockerfile(SourceFile("Dockerfile", text))
    for instruction in (found for stage in dockerfile.stages for found in stage.instructions):
        copied = copy(instruction)
        if copied is not None and copied.origin is None:
            for word in copied.sources:
                write_source(folder, word.text.strip("./").replace("*", "x"))


def write_source(folder: Path, name: str) -> None:
    target = folder / name
    if name in ("", ".") or target.exists() or "$" in name or ":" in name:
        return
    if "." in Path(name).name or name[:1].isupper():
        write(target, "{}\n" if name.endswith(".json") else "# nothing\n")
    else:
        write(target / "run", "#!/bin/sh\n")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    if text.startswith("#!"):
        path.chmod(0o755)


def subject_in(folder: Path) -> Subject:
    dockerfile = read_dockerfile(read_source(folder / "Dockerfile"))
    return subject_of(dockerfile, located(folder / "Dockerfile", dockerfile))


def fixable(subject: Subject) -> Iterator[Diagnostic]:
    for found in check(subject):
        if found.fix is not None and found.fix.edits and found.fix.safety is not Safety.DISPLAY:
            yield found


def build(engine: DockerEngine, folder: Path, subject: Subject) -> dict[str, File] | str:
    """What a cold build leaves, but for what is volatile; or why it fails."""
    images = {
        part.value
        for step in subject.graph.steps
        if step.kind is StepKind.IMAGE
        for part in step.parts
        if part.name == "image"
    }
    stand_in(engine, images)
    arguments = [f"--build-arg={name}={value}" for name, value in subject.arguments]
    result = engine.build(folder, "case:1", "--no-cache", *arguments)
    if result.returncode != 0:
        return result.stderr[-2000:]
    files = files_of(engine, "case:1")
    return {path: file for path, file in files.items() if not f"{path}/".startswith(VOLATILE)}


def apply(folder: Path, subject: Subject, found: Diagnostic) -> None:
    assert found.fix is not None
    texts = edited_texts(subject, found.fix.edits)
    assert texts is not None
    assert edited(subject, found.fix.edits) is not None, "it does not parse again"
    for path, text in texts.items():
        name = "Dockerfile" if path == subject.dockerfile.source.path else ".dockerignore"
        write(folder / name, text)


def without_ignored(files: dict[str, File], folder: Path) -> dict[str, File]:
    """What of an image no rule of a .dockerignore leaves out, wherever it was copied."""
    rules = read_ignore(SourceFile(".dockerignore", (folder / ".dockerignore").read_text()))
    names = {part for rule in rules.rules for part in rule.pattern.split("/") if part.strip("*")}
    return {path: f for path, f in files.items() if not names.intersection(path.split("/"))}


def different(before: dict[str, File], after: dict[str, File]) -> list[str]:
    """The paths in which two images differ, but for the files that a fix changes."""
    return [
        path
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path) and Path(path).name not in ("Dockerfile", ".dockerignore")
    ]


def mounted(path: str, subject: Subject) -> bool:
    """Whether a path is the place of a cache mount, in it, or a folder above it: the builder makes those."""
    targets = [
        (mount.get("target") or "").strip("/") + "/"
        for stage in subject.dockerfile.stages
        for instruction in stage.instructions
        for mount in mounts(instruction)
        if mount.type == "cache"
    ]
    return any(f"{path}/".startswith(target) or target.startswith(f"{path}/") for target in targets)


@pytest.fixture(scope="module")
def unbuilt() -> Iterator[list[str]]:
    """The cases that could not be built as they are; too many of them fail the module."""
    names: list[str] = []
    yield names
    assert len(names) <= MOST_THAT_CANNOT_BE_BUILT * len(WITH_FIX), names


@pytest.mark.parametrize(
    ("group", "case"), WITH_FIX, ids=[f"{group}: {case.name}" for group, case in WITH_FIX]
)
def test_a_cold_build_gives_the_same(
    group: str, case: Case, docker_engine: DockerEngine, tmp_path: Path, unbuilt: list[str]
) -> None:
    folder = tmp_path / "before"
    write_context(folder, case)
    subject = subject_in(folder)
    before = build(docker_engine, folder, subject)
    if isinstance(before, str):
        unbuilt.append(f"{group}: {case.name}")
        pytest.skip(f"NOT BUILT FOR REAL, as the builder at hand cannot build it: {before[-400:]}")
    found = list(fixable(subject))
    assert found, "the case has a fix on paper, and none for the files on a disk"
    for index, diagnostic in enumerate(found):
        changed = tmp_path / f"after-{index}"
        write_context(changed, case)
        apply(changed, subject, diagnostic)
        fixed = subject_in(changed)
        after = build(docker_engine, changed, fixed)
        assert not isinstance(after, str), after
        expected, given = before, after
        if diagnostic.code == "STC904":
            expected, given = without_ignored(before, changed), without_ignored(after, changed)
        apart = [path for path in different(expected, given) if not mounted(path, fixed)]
        assert apart == [], f"{diagnostic.code}: {diagnostic.message}"
