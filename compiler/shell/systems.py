"""The package managers of Linux distributions: their sub-commands and their caches.

A table. Sources: the manual pages apt-get(8), apk(8), yum(8), dnf(8), zypper(8), pacman(8); for the caches
also docs.docker.com/build/cache/optimize (apt) and the distributions' image guides.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemManager:
    """One package manager.

    `updates` fetch the package lists, `installs` install or upgrade packages, `cleans` remove
    packages or caches. `caches` are folders for a cache mount.
    """

    updates: tuple[str, ...]
    installs: tuple[str, ...]
    cleans: tuple[str, ...]
    caches: tuple[str, ...]


_APT = SystemManager(
    updates=("update",),
    installs=("install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "reinstall"),
    cleans=(
        "clean",
        "autoclean",
        "auto-clean",
        "dist-clean",
        "distclean",
        "remove",
        "purge",
        "autoremove",
        "autopurge",
    ),
    caches=("/var/cache/apt", "/var/lib/apt"),
)
_DNF = SystemManager(
    updates=("makecache", "check-update"),
    installs=(
        *(
            "install",
            "localinstall",
            "groupinstall",
            "reinstall",
            "update",
            "upgrade",
            "distro-sync",
            "builddep",
        ),
        *("group", "swap", "downgrade", "upgrade-minimal"),
    ),
    cleans=("clean", "remove", "erase", "autoremove"),
    caches=("/var/cache/dnf",),
)

SYSTEM_MANAGERS: dict[str, SystemManager] = {
    "apt-get": _APT,
    "apt": _APT,
    "aptitude": _APT,
    "apk": SystemManager(
        updates=("update",),
        installs=("add", "upgrade", "fix"),
        cleans=("del", "cache"),
        caches=("/var/cache/apk", "/etc/apk/cache"),
    ),
    "dnf": _DNF,
    "microdnf": _DNF,
    "tdnf": SystemManager(_DNF.updates, _DNF.installs, _DNF.cleans, ("/var/cache/tdnf",)),
    "yum": SystemManager(_DNF.updates, _DNF.installs, _DNF.cleans, ("/var/cache/yum",)),
    "zypper": SystemManager(
        updates=("refresh", "ref"),
        installs=("install", "in", "update", "up", "dist-upgrade", "dup", "patch", "source-install", "si"),
        cleans=("clean", "cc", "remove", "rm"),
        caches=("/var/cache/zypp",),
    ),
    # Its operations are options: `-S` installs, `-Sy` fetches the lists first, `-R` removes, `-Sc` cleans.
    "pacman": SystemManager((), (), (), ("/var/cache/pacman/pkg",)),
}
"""The package managers of distributions by program."""
