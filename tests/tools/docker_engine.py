"""A Docker engine with BuildKit for tests that build images for real.

Owns the engine's life: as root a daemon of our own, on a private socket and
without a network of its own, started and stopped by its process id; otherwise
the engine that the user already has. Gives a DockerEngine. Knows nothing of
pytest and of the project.

A machine may reach no image registry. So a daemon of our own can be given a
stand-in for the public `busybox` image, made of Debian's busybox-static under
the tag that a Dockerfile names: the same applets from another build. Whoever
has the real image pulls it as usual.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain import ToolMissingError

# Debian's client. Another one may come first on PATH and want buildx, which Debian 12 does not have.
CLIENT = Path("/usr/bin/docker")
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
HOW_TO_GET = "as root, `apt-get install docker.io busybox-static`; otherwise a Docker engine you may use"


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """A running engine. `private` is one of our own: it has no bridge and pulls nothing."""

    environment: Mapping[str, str]
    private: bool

    def run(
        self, *arguments: str | Path, stdin: bytes | None = None, timeout_s: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker client; the caller looks at the exit code. Output is text."""
        result = subprocess.run(
            [CLIENT, *arguments],
            env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain", **self.environment},
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return subprocess.CompletedProcess(
            result.args,
            result.returncode,
            result.stdout.decode(errors="replace"),
            result.stderr.decode(errors="replace"),
        )

    def build(
        self, context: Path, tag: str, *arguments: str, dockerfile: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Build a context with BuildKit; `arguments` are further ones of `docker build`."""
        network = ["--network=host"] if self.private else []
        file = ["--file", str(dockerfile)] if dockerfile else []
        return self.run("build", *network, *file, "--tag", tag, *arguments, context)

    def has_image(self, reference: str) -> bool:
        """Whether an image is there."""
        return self.run("image", "inspect", reference).returncode == 0

    def stand_in_for_busybox(self, reference: str) -> None:
        """Give a private engine an image `reference` that holds busybox-static; nothing if it has one.

        Raises ToolMissingError when busybox is missing or not static.
        """
        if self.has_image(reference):
            return
        result = self.run(
            "import",
            "--change=ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            '--change=CMD ["sh"]',
            "-",
            reference,
            stdin=busybox_root(),
        )
        if result.returncode != 0:
            raise ToolMissingError(f"docker import failed: {result.stderr.strip()}")


@contextmanager
def docker_engine(*options: str) -> Iterator[DockerEngine]:
    """An engine, private as root, else the user's. Raises ToolMissingError when there is neither.

    `options` are further ones of a private engine's daemon.
    """
    daemon = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/local/sbin")
    if not CLIENT.exists():
        raise ToolMissingError(f"there is no {CLIENT}: {HOW_TO_GET}")
    if daemon is not None and os.geteuid() == 0:
        with _private_engine(daemon, options) as engine:
            yield engine
        return
    engine = DockerEngine({}, private=False)
    if engine.run("version").returncode != 0:
        raise ToolMissingError(f"no Docker engine answers: {HOW_TO_GET}")
    yield engine


@contextmanager
def _private_engine(daemon: str, options: Sequence[str]) -> Iterator[DockerEngine]:
    # A socket's path has at most 108 bytes, so the folder does not lie below pytest's.
    folder = Path(tempfile.mkdtemp(prefix="stagecast-docker-"))
    host = f"unix://{folder}/d.sock"
    command = [
        daemon,
        f"--host={host}",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/d.pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--storage-driver=overlay2",
        "--insecure-registry=127.0.0.1:5000",
        *options,
    ]
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            engine = DockerEngine({"DOCKER_HOST": host, "DOCKER_CONFIG": f"{folder}/config"}, private=True)
            _wait_until_ready(engine, process, folder / "log")
            yield engine
        finally:
            _stop(process, folder)
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(engine: DockerEngine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while engine.run("version").returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise ToolMissingError(f"dockerd does not start on this machine:\n{tail}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End the daemon; its containerd, which it ends itself, goes too when it had to be killed."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pid_file = folder / "exec" / "containerd" / "containerd.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
        process.kill()
        process.wait()


def _unmount_below(folder: Path) -> None:
    """Unmount what the daemon left mounted (a network namespace, at least)."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def busybox_root() -> bytes:
    """A root file system with busybox and a link for each of its applets, as a tar archive."""
    found = shutil.which("busybox")
    if found is None:
        raise ToolMissingError(f"there is no busybox to stand in for the public image: {HOW_TO_GET}")
    program = Path(found).read_bytes()
    if _needs_loader(program):
        raise ToolMissingError(f"{found} is not static: {HOW_TO_GET}")
    listed = subprocess.run([found, "--list"], check=True, capture_output=True, text=True).stdout.split()
    accounts = {"etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "etc/group": b"root:x:0:\n"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, mode in {"tmp": 0o1777, "root": 0o700, "home": 0o755, "bin": 0o755, "etc": 0o755}.items():
            archive.addfile(_entry(name, mode, tarfile.DIRTYPE))
        for name, content in {"bin/busybox": program, **accounts}.items():
            entry = _entry(name, 0o755 if name.startswith("bin/") else 0o644, tarfile.REGTYPE)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for applet in listed:
            if applet != "busybox":
                entry = _entry(f"bin/{applet}", 0o777, tarfile.SYMTYPE)
                entry.linkname = "busybox"
                archive.addfile(entry)
    return buffer.getvalue()


def _needs_loader(program: bytes) -> bool:
    """Whether a 64-bit ELF program is dynamic: one of its program headers is a PT_INTERP (elf(5))."""
    (table,) = struct.unpack_from("<Q", program, 0x20)
    size, count = struct.unpack_from("<HH", program, 0x36)
    kinds = [struct.unpack_from("<I", program, table + size * index)[0] for index in range(count)]
    return 3 in kinds


def _entry(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.type = kind
    return entry
