from __future__ import annotations

from pathlib import Path

import pytest

from compiler.context.problems import UnknownRevision
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.project import job_for_spec
from git_repositories import Content, Made, check_out, make_repository
from stagecast.images import LocalBuild, at_revision, local_build, local_builds, working_tree

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
variables: {VERSION: "7"}
services:
  web:
    type: application
    source:
      {repository: ".", context: web, dockerfile: ../docker/web.Dockerfile, target: run, args: {MODE: fast}}
    ports: [{internal: 8080}]
  far:
    type: application
    source: {repository: "https://github.com/acme/far", ref: v1.0.0}
    ports: [{internal: 8080}]
"""
DOCKERFILE = """\
FROM scratch AS run
ARG VERSION
ARG MODE
RUN make $MODE
COPY . /
FROM scratch
COPY no-such /
"""
FILES: dict[str, Content] = {
    "environment.yaml": SPEC,
    "docker/web.Dockerfile": DOCKERFILE,
    "web/index.html": "1",
}


def repository(folder: Path, *more: dict[str, Content]) -> Path:
    return check_out(make_repository(folder, [Made(FILES), *map(Made, more)]))


def builds(root: Path) -> tuple[LocalBuild, ...]:
    checked = check_environment(job_for_spec(root / "environment.yaml", Findings()), Findings())
    assert [error.message for error in checked.errors] == []
    return local_builds(checked, make_plan(checked))


def test_a_build_as_the_spec_has_it(tmp_path: Path) -> None:
    (found,) = builds(repository(tmp_path))
    assert (found.prefix, found.root) == ("web", tmp_path)
    assert found.build.services == ("web",)
    assert found.dockerfile.source.text == DOCKERFILE
    # The target's steps with the spec's arguments and variables.
    assert [step.kind.value for step in found.graph.steps] == ["run", "copy"]
    parts = {part.name: part.value for part in found.graph.steps[0].parts}
    assert (parts["variable VERSION"], parts["variable MODE"]) == ("7", "fast")


@pytest.mark.parametrize(
    ("more", "path", "ignores"),
    [
        ({}, "web/.dockerignore", False),
        ({"web/.dockerignore": "index.html"}, "web/.dockerignore", True),
        ({".dockerignore": "index.html"}, "web/.dockerignore", False),
        (
            {"docker/web.Dockerfile.dockerignore": "", "web/.dockerignore": "*"},
            "docker/web.Dockerfile.dockerignore",
            False,
        ),
        ({"docker/web.Dockerfile.dockerignore": "*"}, "docker/web.Dockerfile.dockerignore", True),
        # Nothing outside the repository is read, and a folder is no file.
        ({"web/.dockerignore": ("120000", "/etc/hostname")}, "web/.dockerignore", False),
        ({"web/.dockerignore": ("120000", "../rules"), "rules": "*"}, "web/.dockerignore", True),
        ({"web/.dockerignore/x": "*"}, "web/.dockerignore", False),
        ({"web/.dockerignore": b"\xff\n*\n"}, "web/.dockerignore", True),
    ],
)
def test_the_dockerignore_that_counts(
    tmp_path: Path, more: dict[str, Content], path: str, ignores: bool
) -> None:
    root = repository(tmp_path, more)
    (found,) = builds(root)
    assert found.ignore_path == path
    ignored = found.ignore is not None and found.ignore.ignored(["index.html"]) == {"index.html"}
    assert ignored is ignores
    # A commit says the same.
    there = local_build(found.build, root, at_revision(root, "HEAD"))
    assert there is not None
    assert (there.ignore_path, there.ignore and len(there.ignore.rules)) == (
        path,
        found.ignore and len(found.ignore.rules),
    )


def test_at_a_revision(tmp_path: Path) -> None:
    root = repository(tmp_path, {"docker/web.Dockerfile": DOCKERFILE.replace("make", "build")})
    (found,) = builds(root)
    before = local_build(found.build, root, at_revision(root, "HEAD~1"))
    assert before is not None
    assert before.dockerfile.source.text == DOCKERFILE
    assert before.dockerfile.source.path == "HEAD~1:docker/web.Dockerfile"
    with pytest.raises(UnknownRevision):
        local_build(found.build, root, at_revision(root, "no-such"))


def test_without_a_dockerfile_there_is_no_build(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (found,) = builds(root)
    (root / "docker/web.Dockerfile").unlink()
    assert local_build(found.build, root, working_tree(root)) is None
