"""What a job knows: the document, the folders it may use, the secrets in its environment.

Secrets are taken out of the environment at the start, so that a command gets
one only when it is handed over on purpose.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .contract import KUBE_CONFIG, REGISTRY_PASSWORD, REGISTRY_USERNAME, VERSION, Document

TAGS_PREFIX = "STAGECAST_TAGS_"


class PipelineError(Exception):
    """Something that ends the job; the message is for the person who reads the log."""


@dataclass(frozen=True)
class Job:
    """One job's view.

    `root` is the checkout, `scratch` a private folder that goes away with the
    job, `environment` what every command gets (no secrets), `secrets` the rest.
    """

    document: Document
    root: Path
    scratch: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def auth_file(self) -> Path:
        """The registry credentials, in Docker's format, that docker, skopeo and helm read."""
        return self.scratch / "docker" / "config.json"

    def secret(self, name: str) -> str:
        """A secret that must be there. Raises PipelineError."""
        value = self.secrets.get(name, "")
        if not value:
            raise PipelineError(f"the secret {name} is not set")
        return value


@contextmanager
def opened() -> Iterator[Job]:
    """The job that the environment describes. Raises PipelineError when it describes none."""
    path = os.environ.get("STAGECAST_DATA", "")
    try:
        document: Document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"STAGECAST_DATA names no readable file: {error}") from error
    if document.get("version") != VERSION:
        raise PipelineError(f"{path} is of another version than these scripts: compile again")
    names = secret_names(document)
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP"), prefix="stagecast-") as folder:
        scratch = Path(folder)
        yield Job(
            document=document,
            root=Path.cwd(),
            scratch=scratch,
            environment=_environment(scratch, names),
            secrets={name: os.environ[name] for name in names if os.environ.get(name)},
        )


def secret_names(document: Document) -> set[str]:
    """Every variable of the environment that may hold a secret."""
    names = {REGISTRY_USERNAME, REGISTRY_PASSWORD, KUBE_CONFIG, *document["logins"]}
    names.update(required["name"] for required in document["secrets"])
    names.update(source["credentials"] for source in document["sources"] if source["credentials"])
    names.update(secret["variable"] for build in document["builds"] for secret in build["secrets"])
    return names


def _environment(scratch: Path, secrets: set[str]) -> dict[str, str]:
    """The commands' environment: ours without secrets, and every tool's state in the scratch folder."""
    auth = scratch / "docker"
    auth.mkdir(mode=0o700)
    plugins = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    (auth / "config.json").write_text(json.dumps({"auths": {}, "cliPluginsExtraDirs": [str(plugins)]}))
    (auth / "config.json").chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if name not in secrets}
    return {
        **kept,
        "DOCKER_CONFIG": str(auth),
        "REGISTRY_AUTH_FILE": str(auth / "config.json"),
        "HELM_REGISTRY_CONFIG": str(auth / "config.json"),
        "KUBECONFIG": str(scratch / "kubeconfig"),
        "GIT_TERMINAL_PROMPT": "0",
    }


def tags() -> dict[int, str]:
    """The content tags that the check found, by build index."""
    found: dict[int, str] = {}
    for name, value in os.environ.items():
        if name.startswith(TAGS_PREFIX) and value:
            found.update({int(index): tag for index, tag in json.loads(value).items()})
    return found


def commits() -> list[str]:
    """The commits that the check resolved, one per source; every job of a run uses the same."""
    value = os.environ.get("STAGECAST_COMMITS", "")
    found: list[str] = json.loads(value) if value else []
    return found


def number(name: str) -> int:
    """An index that the workflow hands over. Raises PipelineError."""
    try:
        return int(os.environ.get(name, ""))
    except ValueError as error:
        raise PipelineError(f"{name} is not a number") from error
