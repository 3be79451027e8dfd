"""Programs for tests that come by npm, pinned with checksums by a lock file in a folder beside this module.

Owns the installing, into the cache of `toolchain`; works without a network once
a package is there. Knows nothing of what the programs do.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from toolchain import CHECKOUT, ToolMissingError, lock, tools_dir

FOLDER = CHECKOUT / "tests" / "tools"
HOW_TO_GET = "install Node.js 18 or later with npm, in Debian `nodejs npm`"
INSTALL_TIMEOUT_S = 300
_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def node() -> str:
    """The program that runs what `installed` installs. Raises ToolMissingError."""
    found = shutil.which("node")
    if found is None:
        raise ToolMissingError(f"node is missing: {HOW_TO_GET}")
    return found


def installed(name: str, root: Path | None = None) -> Path:
    """The folder that holds `node_modules` as tests/tools/NAME/package-lock.json pins them, and its scripts.

    Installed on first use; safe in several processes at once. `root` is the
    cache folder (that of `toolchain` by default). Raises ToolMissingError.
    """
    package = FOLDER / name
    files = sorted(path for path in package.iterdir() if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = (root or tools_dir()) / f"{name}-{digest}"
    with lock(folder):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".install-") as temporary:
                staged = Path(temporary) / "tool"
                staged.mkdir()
                for path in files:
                    shutil.copy(path, staged)
                _install(name, staged)
                staged.rename(folder)
    return folder


def _install(name: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ToolMissingError(f"npm is missing: {HOW_TO_GET}")
    try:
        result = subprocess.run(
            [npm, "ci", *_OPTIONS],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissingError(f"npm did not install {name} in time") from None
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["npm failed"])[0]
        raise ToolMissingError(f"npm could not install {name} ({reason})")
