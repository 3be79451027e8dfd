"""Parsers of other projects that come as Go libraries only: HashiCorp's HCL, and Go's templates with sprig.

Owns two small programs beside this module (go/), which read what we emit with
the libraries that bake and Argo CD use, in Debian's packages of them, and their
build into the cache of `toolchain`. Gives the paths of the programs. Knows
nothing of pytest and of the project.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from toolchain import ToolMissingError, lock, tools_dir

SOURCES = Path(__file__).resolve().parent / "go"
LIBRARIES = Path("/usr/share/gocode")
PACKAGES = {
    "src/github.com/hashicorp/hcl/v2": "golang-github-hashicorp-hcl-v2-dev",
    "src/github.com/Masterminds/sprig": "golang-github-masterminds-sprig-dev",
    "src/sigs.k8s.io/yaml": "golang-k8s-sigs-yaml-dev",
}
TIMEOUT_S = 600


def hcl_reader() -> Path:
    """The program that prints what a file in HCL's JSON syntax means.

    Raises:
        ToolMissingError: it cannot be built here; the message says why.
    """
    return _program("hcl-reader")


def appset_reader() -> Path:
    """The program that renders an ApplicationSet's template for a file.

    Raises:
        ToolMissingError: it cannot be built here; the message says why.
    """
    return _program("appset-reader")


def _program(name: str) -> Path:
    """The built program; it is built anew when its source is another. Safe in several processes at once."""
    source = SOURCES / name
    digest = hashlib.sha256((source / "main.go").read_bytes()).hexdigest()[:16]
    program = tools_dir() / f"{name}-{digest}"
    if not program.is_file():
        with lock(program):
            if not program.is_file():
                _require_packages()
                _build(source, program)
    return program


def _require_packages() -> None:
    """Go and the libraries; where this is Debian and we are root they are installed."""
    missing = [package for path, package in PACKAGES.items() if not (LIBRARIES / path).exists()]
    missing += [] if shutil.which("go") else ["golang-go"]
    if not missing:
        return
    how = f"as root on Debian, `apt-get install {' '.join(missing)}`"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolMissingError(f"Go libraries are missing: {how}")
    for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *missing]):
        result = _run(["apt-get", *command], {"DEBIAN_FRONTEND": "noninteractive"})
        if result.returncode != 0:
            raise ToolMissingError(f"Go libraries cannot be installed ({how}): {result.stderr[-1000:]}")


def _build(source: Path, program: Path) -> None:
    """Build without modules, from what the system has; the program appears complete or not at all."""
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".go-") as folder:
        built = Path(folder) / "program"
        environment = {
            "CGO_ENABLED": "0",
            "GO111MODULE": "off",
            "GOCACHE": f"{folder}/cache",
            "GOFLAGS": "",
            "GOPATH": str(LIBRARIES),
        }
        result = _run(["go", "build", "-o", str(built), str(source / "main.go")], environment)
        if result.returncode != 0:
            raise ToolMissingError(f"{source.name} does not build here: {result.stderr[-1000:]}")
        built.replace(program)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


if __name__ == "__main__":
    print(hcl_reader())
    print(appset_reader())
