"""Images that stand in for public ones in real builds: busybox, and package tools that reach no network.

What the tools do is in package_tools/tool.sh. Takes a Docker engine, gives it
images under the names that Dockerfiles use; reads images as the files in them.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import docker_engine as docker
from toolchain import ToolMissingError

TOOLS = (
    *("apt-get", "apt", "apk", "yum", "dnf", "microdnf", "npm", "yarn", "pnpm", "bun", "pip", "pip3"),
    *("poetry", "uv", "go", "mvn", "gradle", "cargo", "bundle", "composer", "dotnet", "mix"),
    *("make", "curl", "git", "node", "python", "python3", "java", "gcc", "ruby", "useradd", "groupadd"),
    *("conda", "corepack"),
)
_SCRIPT = Path(__file__).parent / "package_tools" / "tool.sh"
_FIRST = "stand-in:1"
_USERS = b"".join((b"root:x:0:0:root:/root:/bin/sh\n", b"node:x:1000:1000::/home/node:/bin/sh\n"))
_GROUPS = b"root:x:0:\nnode:x:1000:\n"


@dataclass(frozen=True, slots=True)
class File:
    """What counts of a path of an image: its type and permissions, its owner, its content."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    digest: str


def stand_in(engine: docker.DockerEngine, references: set[str]) -> None:
    """Give a private engine an image under each reference; nothing where it has one.

    Raises ToolMissingError when it cannot.
    """
    if not engine.has_image(_FIRST):
        made = engine.run(
            "import",
            "--change=ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root",
            '--change=CMD ["sh"]',
            "-",
            _FIRST,
            stdin=_root(),
        )
        if made.returncode != 0:
            raise ToolMissingError(f"docker import failed: {made.stderr.strip()}")
    for reference in sorted(references):
        if not engine.has_image(reference):
            tagged = engine.run("tag", _FIRST, reference)
            assert tagged.returncode == 0, tagged.stderr


def files_of(engine: docker.DockerEngine, image: str) -> dict[str, File]:
    """All paths of an image."""
    created = engine.run("create", image, "none")
    assert created.returncode == 0, created.stderr
    container = created.stdout.strip()
    try:
        exported = subprocess.run(
            [docker.CLIENT, "export", container],
            env={"PATH": "/usr/bin:/bin", **engine.environment},
            capture_output=True,
            check=True,
        ).stdout
    finally:
        engine.run("rm", container)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        return {member.name: _file(archive, member) for member in archive}


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> File:
    content = archive.extractfile(member) if member.isfile() else None
    data = content.read() if content is not None else member.linkname.encode()
    return File(member.type, member.mode, (member.uid, member.gid), hashlib.sha256(data).hexdigest())


def _root() -> bytes:
    """A root file system with busybox, the tools and the users that public images have, as a tar archive."""
    script = _SCRIPT.read_bytes()
    files = {"etc/passwd": _USERS, "etc/group": _GROUPS}
    files |= {f"usr/local/bin/{name}": script for name in TOOLS}
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(docker.busybox_root())) as busybox,
        tarfile.open(fileobj=buffer, mode="w") as archive,
    ):
        # The engine takes no path twice.
        for member in busybox:
            if member.name not in files:
                archive.addfile(member, busybox.extractfile(member) if member.isfile() else None)
        for folder in ("var", "var/cache", "var/lib", "var/log", "opt", "srv", "usr"):
            entry = tarfile.TarInfo(folder)
            entry.mode, entry.type = 0o755, tarfile.DIRTYPE
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755 if content is script else 0o644, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
