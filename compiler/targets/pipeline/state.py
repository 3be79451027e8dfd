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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from .contract import KUBE_CONFIG, PUSH_TOKEN, REGISTRY_PASSWORD, REGISTRY_USERNAME, VERSION, Document
from .naming import preview_namespace, preview_suffix

DATA = "STAGECAST_DATA"
LOCAL = "STAGECAST_LOCAL"
PREVIEW = "STAGECAST_PREVIEW"
FORCE = "STAGECAST_FORCE"


class PipelineError(Exception):
    """Something that ends the job; the message is for the person who reads the log."""


@dataclass(frozen=True)
class Job:
    """One job's view.

    `root` is the checkout, `scratch` a private folder that goes away with the
    job, `environment` what every command gets (no secrets), `secrets` the rest.
    `local` is a run on a person's machine: what is not handed over as a secret
    is the user's own. Of a `preview` (its name, such as "pr-12") the document's
    namespace is already the preview's.
    """

    document: Document
    root: Path
    scratch: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    local: bool = False
    preview: str | None = None

    @property
    def auth_file(self) -> Path:
        """The registry credentials, in Docker's format, that docker, skopeo and helm read."""
        return self.scratch / "docker" / "config.json"

    @property
    def own_registry_login(self) -> bool:
        """Whether commands use the user's own registry credentials; there is nothing to log in to then."""
        return self.local and REGISTRY_USERNAME not in self.secrets

    @property
    def own_kubeconfig(self) -> bool:
        """Whether commands use the user's own cluster credentials."""
        return self.local and KUBE_CONFIG not in self.secrets

    def secret(self, name: str) -> str:
        """A secret that must be there. Raises PipelineError."""
        value = self.secrets.get(name, "")
        if not value:
            raise PipelineError(f"the secret {name} is not set")
        return value


@contextmanager
def opened() -> Iterator[Job]:
    """The job that the environment describes. Raises PipelineError when it describes none."""
    path = os.environ.get(DATA, "")
    try:
        found: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PipelineError(f"{DATA} names no readable file: {error}") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise PipelineError(f"{path} is of another version than these scripts: compile again")
    document = cast(Document, found)
    preview = _preview(document)
    if preview is not None:
        document["namespace"] = preview_namespace(document["namespace"], preview)
    names = secret_names(document)
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP"), prefix="stagecast-") as folder:
        scratch = Path(folder)
        secrets = {name: os.environ[name] for name in names if os.environ.get(name)}
        job = Job(document, Path.cwd(), scratch, {}, secrets, flag(LOCAL), preview)
        yield replace(job, environment=_environment(job, names))


def _preview(document: Document) -> str | None:
    """The preview's name, None for the environment itself.

    A name that is set and empty is refused: an expression of a CI service that
    came to nothing must not turn a preview into the environment itself.
    """
    given = os.environ.get(PREVIEW)
    if given is None:
        return None
    suffix = preview_suffix(given)
    if suffix is None:
        raise PipelineError(f"{PREVIEW} must be letters, digits and hyphens between them, and is {given!r}")
    if document["preview"] is None:
        raise PipelineError(f"{PREVIEW} is set, but the environment has no previews: the spec must say so")
    return suffix


def secret_names(document: Document) -> set[str]:
    """Every variable of the environment that may hold a secret."""
    names = {REGISTRY_USERNAME, REGISTRY_PASSWORD, KUBE_CONFIG, PUSH_TOKEN, *document["logins"]}
    names.update(required["name"] for required in document["secrets"])
    names.update(source["credentials"] for source in document["sources"] if source["credentials"])
    names.update(secret["variable"] for build in document["builds"] for secret in build["secrets"])
    return names


def _environment(job: Job, secrets: set[str]) -> dict[str, str]:
    """The commands' environment: ours without secrets, and every tool's state in the scratch folder."""
    auth = job.scratch / "docker"
    auth.mkdir(mode=0o700)
    plugins = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    (auth / "config.json").write_text(json.dumps({"auths": {}, "cliPluginsExtraDirs": [str(plugins)]}))
    (auth / "config.json").chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if name not in secrets}
    environment["GIT_TERMINAL_PROMPT"] = "0"
    if not job.own_kubeconfig:
        environment["KUBECONFIG"] = str(job.scratch / "kubeconfig")
    if not job.own_registry_login:
        environment |= {
            "DOCKER_CONFIG": str(auth),
            "REGISTRY_AUTH_FILE": str(auth / "config.json"),
            "HELM_REGISTRY_CONFIG": str(auth / "config.json"),
        }
    return environment


def number(name: str) -> int:
    """An index that the workflow hands over. Raises PipelineError."""
    try:
        return int(os.environ.get(name, ""))
    except ValueError as error:
        raise PipelineError(f"{name} is not a number") from error


def numbers(name: str, count: int) -> list[int]:
    """The places in a list of `count` that the workflow names, such as "0,4"; all when it names none.

    Raises PipelineError.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return list(range(count))
    try:
        places = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise PipelineError(f"{name} is not a list of numbers") from error
    if any(not 0 <= place < count for place in places):
        raise PipelineError(f"{name} names a place outside of 0 to {count - 1}")
    return sorted(set(places))


def flag(name: str) -> bool:
    """Whether the workflow switches something on."""
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes")
