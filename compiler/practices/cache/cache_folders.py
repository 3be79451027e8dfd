"""Where package managers keep their downloads, as the user and with the variables of a RUN.

Takes a Subject, a RUN and its installation, gives folders for a cache mount.
Sources: `compiler.shell.ecosystems` names the documentation of each tool;
the user of `node` images is node with number 1000 (docker-node, best practices).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from compiler.diagnostics.model import Safety
from compiler.practices.model import Subject
from compiler.practices.parts.runs import Run
from compiler.shell.model import Activity

FURTHER_USE = frozenset(("go", "maven", "gradle", "cargo", "dotnet", "uv"))
"""Ecosystems whose later commands work with the downloads: they need the mount as well."""

_ROOT = ("", "root", "0", "0:0", "root:root", "0:root")
_PLACE = re.compile(r"/[\w./-]+")
# Variables that say where: the folder itself, or (with a path after it) one above it.
_SAID: dict[str, tuple[tuple[str, str], ...]] = {
    "npm": (("npm_config_cache", ""), ("NPM_CONFIG_CACHE", "")),
    "yarn": (("YARN_CACHE_FOLDER", ""),),
    "pnpm": (("PNPM_HOME", "store"),),
    "pip": (("PIP_CACHE_DIR", ""), ("XDG_CACHE_HOME", "pip")),
    "poetry": (("POETRY_CACHE_DIR", ""),),
    "uv": (("UV_CACHE_DIR", ""), ("XDG_CACHE_HOME", "uv")),
    "composer": (("COMPOSER_CACHE_DIR", ""), ("COMPOSER_HOME", "cache")),
    "go": (("GOMODCACHE", ""), ("GOPATH", "pkg/mod")),
    "gradle": (("GRADLE_USER_HOME", ""),),
    "cargo": (("CARGO_HOME", "registry"),),
    "dotnet": (("NUGET_PACKAGES", ""),),
}
_BELOW_HOME = {
    "npm": ".npm",
    "yarn": ".cache/yarn",
    "pnpm": ".local/share/pnpm/store",
    "bun": ".bun/install/cache",
    "pip": ".cache/pip",
    "poetry": ".cache/pypoetry",
    "uv": ".cache/uv",
    "composer": ".cache/composer",
    "go": "go/pkg/mod",
    "maven": ".m2/repository",
    "gradle": ".gradle",
    "cargo": ".cargo/registry",
    "dotnet": ".nuget/packages",
}
# What official images set themselves.
_BY_IMAGE = {
    ("go", "golang"): "/go/pkg/mod",
    ("cargo", "rust"): "/usr/local/cargo/registry",
    ("gradle", "gradle"): "/home/gradle/.gradle",
    ("composer", "composer"): "/tmp/cache",
    ("bun", "bun"): "/root/.bun/install/cache",
}
# Installing from a mount gives what installing without it gives, and nothing later reads the downloads.
_PLAIN = frozenset(("npm", "pip"))

# Images of others whose user is root.
_AS_ROOT = (
    "mcr.microsoft.com/dotnet/sdk",
    "ghcr.io/astral-sh/uv",
    "oven/bun",
    "mcr.microsoft.com/devcontainers",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Folders for cache mounts; `owner` are further fields of the mount, `note` what to know of it."""

    targets: tuple[str, ...]
    owner: str = ""
    safety: Safety = Safety.UNSAFE
    note: str = ""


def kept(subject: Subject, run: Run, activity: Activity) -> Kept | None:
    """Where the downloads of an installation are; None for a tool that keeps none for another run."""
    ecosystem = activity.ecosystem
    if ecosystem not in _BELOW_HOME:
        return None
    name = image(subject, run)
    folder = _said(run, ecosystem) or _BY_IMAGE.get((ecosystem, name.rpartition("/")[2]), "")
    user = run.part("user") or ""
    home = _home(run, user)
    if ecosystem == "yarn" and not folder and (lines := subject.text("yarn.lock")) is not None:
        berry = "yarn lockfile v1" not in lines.text[:2000]
        folder = posixpath.join(home, ".yarn/berry/cache") if berry else ""
        settings = subject.text(".yarnrc.yml")
        if settings is not None and "enableGlobalCache: false" in settings.text:
            return None
    if ecosystem == "yarn" and not folder and user in _ROOT:
        folder = "/usr/local/share/.cache/yarn"
    folder = folder or posixpath.join(home, _BELOW_HOME[ecosystem])
    targets: tuple[str, ...] = (folder,)
    if ecosystem == "poetry":
        # Virtual environments are beside them, and have to stay in the image.
        targets = (posixpath.join(folder, "cache"), posixpath.join(folder, "artifacts"))
    return _for_user(targets, user, ecosystem, name)


def _for_user(targets: tuple[str, ...], user: str, ecosystem: str, image: str) -> Kept:
    name, _, group = user.partition(":")
    if user in _ROOT:
        official = "/" not in image and image != ""
        if user or official or image.startswith(_AS_ROOT):
            return Kept(targets, "", Safety.SAFE if official and ecosystem in _PLAIN else Safety.UNSAFE)
        return Kept(targets, "", Safety.DISPLAY, "the user of the base image is taken to be root")
    if name == "node" and image == "node":
        return Kept(targets, ",uid=1000,gid=1000")
    if name.isdecimal():
        owner = f",uid={name}" + (f",gid={group}" if group.isdecimal() else "")
        return Kept(targets, owner, Safety.DISPLAY, f"the home of user {name} is taken to be as named here")
    return Kept(targets, "", Safety.DISPLAY, f"the mount needs `uid=` with the number of the user {name}")


def _said(run: Run, ecosystem: str) -> str:
    """The folder that the variables in force say; "" where they say none."""
    for name, below in _SAID.get(ecosystem, ()):
        value = run.part(f"variable {name}")
        if value and _PLACE.fullmatch(value):
            return posixpath.join(value, below).rstrip("/")
    return ""


def _home(run: Run, user: str) -> str:
    value = run.part("variable HOME")
    if value and _PLACE.fullmatch(value):
        return value
    return "/root" if user in _ROOT else f"/home/{user.partition(':')[0]}"


def image(subject: Subject, run: Run) -> str:
    """The image that a RUN's line starts from, without tag and digest; "" where nobody knows."""
    stage = subject.dockerfile.stages[run.step.stage]
    while stage.parent is not None:
        stage = subject.dockerfile.stages[stage.parent]
    name = stage.image.partition("@")[0]
    last = name.rpartition("/")[2].partition(":")[0]
    name = name[: len(name) - len(name.rpartition("/")[2])] + last
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return "" if "$" in name else name
