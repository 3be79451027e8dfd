"""What a RUN may take from its project: nothing (it is independent), or something that is not known.

Takes Runs, gives answers that are sure in one direction only: what is called
independent reads no file of the project by anything that its commands say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from compiler.practices.parts.runs import Run
from compiler.shell.model import Activity, ActivityKind

# Only package managers and what they need said around them.
_SYSTEM = frozenset((ActivityKind.SYSTEM_UPDATE, ActivityKind.SYSTEM_PACKAGES))
_BARE = frozenset(("set", "true", ":", "export", "exit", "[", "test", "shopt", "debconf-set-selections"))
# Programs that do not look into the folder they start in, as long as no word names something there.
_APART = frozenset(
    (
        *("echo", "printf", "mkdir", "ln", "cd", "useradd", "adduser", "addgroup", "groupadd", "usermod"),
        *("groupmod", "deluser", "delgroup", "locale-gen", "localedef", "update-locale", "dpkg-reconfigure"),
        *("update-alternatives", "apt-key", "gpg", "gpgconf", "add-apt-repository", "apt-mark", "apt-config"),
        *("tee", "cat", "sed", "grep", "awk", "cut", "head", "tail", "sort", "ldconfig", "chmod", "chown"),
        *("cp", "mv", "tar", "unzip", "dpkg", "rpm", "yum-config-manager", "touch", "date", "uname", "arch"),
        *("docker-php-ext-install", "docker-php-ext-enable", "docker-php-ext-configure", "pecl", "a2enmod"),
        *("install", "corepack", "update-rc.d", "lsb_release", "which", "command", "sleep", "case", "if"),
        *("sha256sum", "sha512sum", "md5sum", "apt-cache", "dpkg-query", "node", "find", "chsh", "id", "."),
        *("getent", "hash", "read", "tr", "wc", "xargs", "ca-certificates-java", "update-ca-certificates"),
        *(
            "dpkg-architecture",
            "dpkg-divert",
            "subscription-manager",
            "crb",
            "gunzip",
            "xz",
            "break",
            "unset",
        ),
    )
)
_TOKEN = re.compile(r"[^\s'\"`;|&<>(){}=,:\[\]!?*]+")
_RELATIVE_FILE = re.compile(r"\.{0,2}/?[\w.-]+(?:/[\w.*-]+)*")
_URL = re.compile(r"[a-z+]+://\S*|git@\S*")
_PACKAGE_PLACES = ("/var/lib/apt", "/var/cache", "/tmp", "/var/tmp", "/var/lib/dpkg", "/root/.cache", "/dev")


def pure(run: Run) -> bool:
    """Whether a RUN does nothing but install system packages and remove their caches.

    Such a RUN gives the same files wherever it stands in a build, as far as
    no configuration or variable that it reads changes.
    """
    return run.understood and all(_pure(activity) for activity in run.activities)


def _pure(activity: Activity) -> bool:
    if activity.command.redirections and any(
        not target.startswith(("/dev/", "1", "2", "&")) for _, target in activity.command.redirections
    ):
        return False
    if activity.kind in _SYSTEM:
        return not activity.files
    words = activity.command.words
    if activity.kind is ActivityKind.CLEAN:
        removes = words[0] in ("rm", "rmdir")
        paths = [word for word in words[1:] if not word.startswith("-")]
        return not removes or all(path.startswith(_PACKAGE_PLACES) for path in paths)
    return not words or words[0] in _BARE or (words[0] == "echo" and not activity.command.redirections)


def apart(run: Run, *, dependencies: bool = False) -> bool:
    """Whether no command of a RUN is one that reads the project by itself; `files_named` says the rest.

    With `dependencies`, installs by manifests count as apart.
    """
    return run.understood and all(_apart(activity, dependencies) for activity in run.activities)


def _apart(activity: Activity, dependencies: bool) -> bool:
    kind = activity.kind
    if kind in _SYSTEM:
        return not activity.files
    if kind is ActivityKind.DEPENDENCIES:
        return dependencies or not activity.from_manifest
    if kind in (ActivityKind.CLEAN, ActivityKind.DOWNLOAD):
        # git looks for a repository around it.
        return activity.tool != "git" or "clone" in activity.command.words
    program = activity.command.program
    if kind is ActivityKind.COMPILE:
        return program.startswith("docker-php-ext-") or program == "pecl"
    return not program or program in _BARE or program in _APART


def files_named(run: Run, folder: str) -> Iterator[str]:
    """The absolute paths that a RUN's words may name, also from `folder` on; packages are left out."""
    for activity in run.activities:
        if activity.kind in _SYSTEM and not activity.files:
            # Its words are options and packages; a file comes by redirection or substitution.
            words: Iterable[str] = [w for w in activity.command.words if "/" in w or "$(" in w or "`" in w]
        elif activity.kind is ActivityKind.DEPENDENCIES or activity.command.program in ("echo", "printf"):
            words = [word for word in activity.command.words if word.startswith(("/", "./", "../"))]
        else:
            words = activity.command.words[1:]
        targets = [text for operator, text in activity.command.redirections if not operator.startswith("<<")]
        for word in (*words, *targets):
            yield from _paths(word, folder)


def _paths(word: str, folder: str) -> Iterator[str]:
    for token in _TOKEN.findall(_URL.sub(" ", word)):
        if token.startswith("/"):
            yield token.rstrip("/") or "/"
        elif not token.startswith(
            ("-", "$", "+", "@", "~", "%", "^", "#", "\\")
        ) and _RELATIVE_FILE.fullmatch(token):
            yield f"{folder.rstrip('/')}/{token.removeprefix('./').rstrip('/')}"
