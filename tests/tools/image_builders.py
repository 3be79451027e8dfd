"""The programs that the pipeline builds images with, each real and each with a state of its own for a test.

Owns what a builder needs on a test machine: a `docker` in front on PATH, local
storage for buildah, a BuildKit daemon for buildctl, a BuildKit image for buildx.
Gives a Builder: the environment in which the pipeline's scripts find it. Knows
nothing of pytest and of the project.

buildkitd, buildctl and buildx are in no package of Debian 12: they are used
where they are on PATH or in the folder that STAGECAST_BUILDKIT_DIR names.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker_engine import CLIENT, DockerEngine, busybox_root, docker_engine
from registry import Registry
from toolchain import ToolMissingError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
BUILDX_IMAGE = "moby/buildkit:buildx-stable-1"
# The private engine has no bridge: what it builds uses the machine's network.
DOCKER = """\
#!/bin/sh
if [ "$1" = build ]; then shift; exec {client} build {network} "$@"; fi
exec {client} "$@"
"""
# A builder's container is privileged. Where we have not all capabilities ourselves, runc cannot give them
# away: this runtime takes out of the container's description what is not to be had.
RUNTIME = """\
#!{python} -I
import json, os, pathlib, sys
given = dict(zip(sys.argv[1:], sys.argv[2:]))
bundle, process = given.get("--bundle"), given.get("--process")
path = pathlib.Path(bundle, "config.json") if bundle else pathlib.Path(process) if process else None
if path is not None and path.is_file():
    status = pathlib.Path("/proc/self/status").read_text().split("CapBnd:")[1].split()[0]
    names = {names}.split()
    have = {{f"CAP_{{name}}" for bit, name in enumerate(names) if int(status, 16) >> bit & 1}}
    config = json.loads(path.read_text())
    held = config.get("process", config).get("capabilities") or {{}}
    for kind, listed in held.items():
        held[kind] = [capability for capability in listed if capability in have]
    path.write_text(json.dumps(config))
os.execv({runc}, ["runc", *sys.argv[1:]])
"""
# By their numbers: capabilities(7), linux/capability.h.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
    "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
    "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
    "PERFMON BPF CHECKPOINT_RESTORE"
)


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder that works: its name for STAGECAST_BUILDER, and what the environment needs besides."""

    name: str
    environment: Mapping[str, str]


def base_image(engine: DockerEngine, registry: Registry, repository: str = "base/busybox") -> str:
    """Put an image with busybox-static into a registry; gives its name. Raises ToolMissingError."""
    reference = f"{registry.host}/{repository}:1"
    if not registry.tags(repository):
        engine.stand_in_for_busybox(reference)
        pushed = engine.run("push", reference)
        if pushed.returncode != 0:
            raise ToolMissingError(f"the engine cannot push to a registry here: {pushed.stderr}")
        engine.run("image", "rm", "--force", reference)
    return reference


@contextmanager
def docker_builder(engine: DockerEngine) -> Iterator[Builder]:
    """`docker build` of an engine."""
    with tempfile.TemporaryDirectory(prefix="stagecast-docker-client-") as folder:
        yield Builder("docker", {**engine.environment, "PATH": _docker_first(Path(folder), engine)})


@contextmanager
def buildah_builder(isolation: str = "chroot") -> Iterator[Builder]:
    """Buildah with storage of its own. Raises ToolMissingError."""
    if shutil.which("buildah") is None:
        raise ToolMissingError("buildah is missing: `apt-get install --no-install-recommends buildah`")
    folder = Path(tempfile.mkdtemp(prefix="stagecast-buildah-"))
    storage = {"driver": "overlay", "graphroot": str(folder / "data"), "runroot": str(folder / "run")}
    settings = "".join(f"{key} = {json.dumps(value)}\n" for key, value in storage.items())
    (folder / "storage.conf").write_text(f"[storage]\n{settings}")
    environment = {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"), "BUILDAH_ISOLATION": isolation}
    if runc := shutil.which("runc", path=_path_of()):
        # buildah takes crun where it is, which wants one version of cgroups, not both.
        environment["BUILDAH_RUNTIME"] = runc
    try:
        yield Builder("buildah", environment)
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def buildctl_builder() -> Iterator[Builder]:
    """A BuildKit daemon with storage of its own. Raises ToolMissingError."""
    programs = _path_of("buildkitd", "buildctl")
    folder = Path(tempfile.mkdtemp(prefix="stagecast-buildkitd-"))
    address = f"unix://{folder}/b.sock"
    command = ["buildkitd", f"--addr={address}", f"--root={folder / 'data'}", "--oci-worker-net=host"]
    command += ["--containerd-worker=false", "--oci-worker-binary=runc"]
    environment = {**os.environ, "PATH": programs}
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            _wait_for_workers(process, address, environment, folder / "log")
            yield Builder("buildctl", {"PATH": programs, "STAGECAST_BUILDKIT": address})
        finally:
            _stop(process)
    finally:
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def buildx_builder() -> Iterator[Builder]:
    """Buildx and an engine that has a stand-in for BuildKit's image. Raises ToolMissingError."""
    _path_of("docker-buildx", "buildkitd", "buildctl", "runc")
    with tempfile.TemporaryDirectory(prefix="stagecast-runtime-") as name:
        runtime = Path(name) / "runc"
        runtime.write_text(
            RUNTIME.format(
                python=sys.executable,
                names=repr(CAPABILITIES),
                runc=repr(shutil.which("runc", path=_path_of())),
            )
        )
        runtime.chmod(0o755)
        options = (f"--add-runtime=here={runtime}", "--default-runtime=here")
        with docker_engine(*options) as engine, _buildx_of(engine) as builder:
            yield builder


@contextmanager
def _buildx_of(engine: DockerEngine) -> Iterator[Builder]:
    programs = _path_of("docker-buildx", "buildkitd", "buildctl", "runc")
    found = {name: shutil.which(name, path=programs) for name in ("buildkitd", "buildctl", "runc")}
    archive = _image_of({f"usr/bin/{name}": Path(path) for name, path in found.items() if path})
    imported = engine.run(
        "import",
        '--change=ENTRYPOINT ["/usr/bin/buildkitd"]',
        "--change=ENV PATH=/usr/bin:/bin",
        "-",
        BUILDX_IMAGE,
        stdin=archive,
    )
    if imported.returncode != 0:
        raise ToolMissingError(f"docker import failed: {imported.stderr}")
    with tempfile.TemporaryDirectory(prefix="stagecast-buildx-") as name:
        folder = Path(name)
        (folder / "config" / "cli-plugins").mkdir(parents=True)
        plugin = shutil.which("docker-buildx", path=programs)
        (folder / "config" / "cli-plugins" / "docker-buildx").symlink_to(str(plugin))
        path = _docker_first(folder, engine)
        yield Builder("buildx", {**engine.environment, "PATH": path, "DOCKER_CONFIG": str(folder / "config")})


def _docker_first(folder: Path, engine: DockerEngine) -> str:
    """PATH with Debian's client first; another one may stand there and want buildx."""
    script = folder / "bin" / "docker"
    script.parent.mkdir()
    script.write_text(DOCKER.format(client=CLIENT, network="--network=host" if engine.private else ""))
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"


def _path_of(*programs: str) -> str:
    """A PATH that has all the programs."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    if folder := os.environ.get("STAGECAST_BUILDKIT_DIR"):
        path = f"{folder}{os.pathsep}{path}"
    for program in programs:
        if shutil.which(program, path=path) is None:
            raise ToolMissingError(
                f"{program} is missing (no package of Debian 12 has it): put it on PATH, "
                "or say its folder in STAGECAST_BUILDKIT_DIR"
            )
    return path


def _image_of(files: Mapping[str, Path]) -> bytes:
    """A root file system of busybox, these programs and their libraries, as a tar archive."""
    libraries = {}
    for path in files.values():
        listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        libraries.update({word[1:]: Path(word) for word in listed.split() if word.startswith("/")})
    buffer = io.BytesIO(busybox_root())
    with tarfile.open(fileobj=buffer, mode="a", dereference=True) as archive:
        for name, path in {**files, **libraries}.items():
            archive.add(path, arcname=name)
    return buffer.getvalue()


def _wait_for_workers(
    process: subprocess.Popen[bytes], address: str, environment: Mapping[str, str], log: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    command: Sequence[str] = ["buildctl", f"--addr={address}", "debug", "workers"]
    while subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise ToolMissingError(
                f"buildkitd does not start here:\n{log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
