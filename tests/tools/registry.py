"""A real image registry (Debian's docker-registry) on a loopback port, for tests that push and pull.

Owns the server's life: its own configuration and storage, started and ended by
its process id. Gives a Registry that can be asked what it holds and can go down
and come back with what it held. Knows nothing of pytest and of the project.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain import ToolMissingError

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
HOW_TO_GET = "as root, `apt-get install docker-registry`"
# What a client may get: lists of images, Docker's manifests and OCI's.
ACCEPTED = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(slots=True)
class Registry:
    """A registry at `host` (ADDRESS:PORT), plain HTTP, no credentials."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """How image references begin."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises ToolMissingError."""
        program = shutil.which("docker-registry")
        if program is None:
            raise ToolMissingError(f"docker-registry is missing: {HOW_TO_GET}")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", self.folder / "config.yml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-1000:]
                raise ToolMissingError(f"docker-registry does not start on this machine:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server; what it holds stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository (`shop/web`), sorted; none when there is no such repository."""
        try:
            return sorted(json.loads(self._get(f"{repository}/tags/list")[0])["tags"] or [])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise

    def manifest(self, repository: str, reference: str) -> tuple[dict[str, Any], str]:
        """A manifest by tag or digest, and its digest. Raises HTTPError when there is none."""
        body, headers = self._get(f"{repository}/manifests/{reference}")
        found: dict[str, Any] = json.loads(body)
        return found, headers["Docker-Content-Digest"]

    def blob(self, repository: str, digest: str) -> bytes:
        """A layer or a configuration."""
        return self._get(f"{repository}/blobs/{digest}")[0]

    def config(self, repository: str, reference: str) -> dict[str, Any]:
        """The configuration of an image: labels, history, command."""
        manifest, _ = self.manifest(repository, reference)
        found: dict[str, Any] = json.loads(self.blob(repository, manifest["config"]["digest"]))
        return found

    def _get(self, path: str) -> tuple[bytes, dict[str, str]]:
        request = urllib.request.Request(
            f"http://{self.host}/v2/{path}", headers={"Accept": ", ".join(ACCEPTED)}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read(), dict(answer.headers)

    def _answers(self) -> bool:
        try:
            self._get("")
        except (OSError, urllib.error.URLError):
            return False
        return True


@contextmanager
def registry() -> Iterator[Registry]:
    """A running registry that is empty. Raises ToolMissingError when there is none on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="stagecast-registry-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(settings))
    server = Registry(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
