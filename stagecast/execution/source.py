"""The working tree as a commit: what a local run builds from, uncommitted changes included.

The files that Git would add (tracked, or new and not ignored) become a tree in
a repository of our own, which borrows the objects of the user's; that tree is
exported. So content tags and contents agree, whatever is edited meanwhile, and
nothing in the user's repository is written: no index, no object, no ref.

The exported folder is a working tree whose `.git` lies beside it, not in it:
what is built sees the files and no repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

GIT_TIMEOUT_S = 900
_SUBMODULE = "160000"
_AUTHOR = "Stagecast <stagecast@localhost>"
_SHOWN = 3


class SourceError(Exception):
    """The working tree cannot be read; the message is for the user."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """An exported working tree.

    `folder` holds the files, `commit` is the commit that the scripts see.
    `base` is the user's HEAD, None without one; `changed` the paths that differ
    from it, None where that is not known.
    """

    folder: Path
    commit: str
    base: str | None
    changed: tuple[str, ...] | None

    def summary(self) -> str:
        """What it is, on a line: `commit 1a2b3c4` or `commit 1a2b3c4 and 2 uncommitted files (a, b)`."""
        if self.base is None:
            return "files without a commit"
        text = f"commit {self.base[:12]}"
        if not self.changed:
            return text
        names = ", ".join(self.changed[:_SHOWN]) + (", ..." if len(self.changed) > _SHOWN else "")
        files = "file" if len(self.changed) == 1 else "files"
        return f"{text} and {len(self.changed)} uncommitted {files} ({names})"


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which git finds its repository by the folder, as in no hook."""
    return {name: value for name, value in environment.items() if name not in _LOCAL_VARIABLES}


# What `git rev-parse --local-env-vars` lists but for settings: in a hook it says where the repository is.
_LOCAL_VARIABLES = frozenset(
    (
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
    )
)


def export(root: Path, scratch: Path) -> WorkingTree:
    """Export the files of `root`, a folder in a repository or in none, to `scratch` / "tree".

    Raises:
        SourceError: git is missing or fails.
    """
    git = _Git(scratch / ".git", root)
    objects = git.users("rev-parse", "--path-format=absolute", "--git-path", "objects")
    _make_repository(git.directory, None if objects is None else Path(objects.rstrip("\n")))
    _fill_index(git, tracked=objects is not None)
    tree = git.ours("write-tree").strip()
    base = None if objects is None else (git.users("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or "")
    base = base.strip() if base else None
    commit, changed = _commit(git, tree, base)
    git.ours("update-ref", "--no-deref", "HEAD", commit)
    folder = scratch / "tree"
    git.check_out(folder)
    _export_submodules(git, root, tree, folder)
    return WorkingTree(folder, commit, base, changed)


def empty(scratch: Path) -> WorkingTree:
    """A tree without files, for a plan that reads none of the repository."""
    git = _Git(scratch / ".git", scratch)
    _make_repository(git.directory, None)
    commit, _ = _commit(git, git.ours("write-tree").strip(), None)
    git.ours("update-ref", "--no-deref", "HEAD", commit)
    return WorkingTree(scratch / "tree", commit, None, None)


def beside(tree: WorkingTree, scratch: Path) -> Path:
    """Another working tree of the same commit, still empty: for files that are put there otherwise."""
    directory = scratch / ".git"
    _make_repository(directory, tree.folder.parent / ".git" / "objects")
    _run([f"--git-dir={directory}", "update-ref", "--no-deref", "HEAD", tree.commit], scratch, None)
    return scratch / "tree"


def _make_repository(directory: Path, borrowed: Path | None) -> None:
    """An empty repository whose working tree is the folder `tree` beside it, with another's objects."""
    (directory.parent / "tree").mkdir(parents=True)
    _run(["init", "--quiet", "--bare", str(directory)], directory.parent, None)
    for name, value in (("bare", "false"), ("worktree", "../tree")):
        _run([f"--git-dir={directory}", "config", f"core.{name}", value], directory.parent, None)
    if borrowed is not None:
        alternates = directory / "objects" / "info" / "alternates"
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_bytes(os.fsencode(borrowed) + b"\n")


@dataclass(frozen=True, slots=True)
class _Git:
    """Git in a repository of our own at `directory`, whose working tree is the user's `root`."""

    directory: Path
    root: Path

    def ours(self, *arguments: str, stdin: bytes | None = None) -> str:
        """What a command in our repository prints. Raises SourceError."""
        where = [f"--git-dir={self.directory}", f"--work-tree={self.root}"]
        return _run([*where, *arguments], self.root, stdin)

    def users(self, *arguments: str) -> str | None:
        """What a command that changes nothing prints in the user's; None when it fails."""
        try:
            return _run(list(arguments), self.root, None)
        except SourceError:
            return None

    def check_out(self, folder: Path) -> None:
        """Write all files of our index to a folder, and to the index that they are there."""
        where = [f"--git-dir={self.directory}", f"--work-tree={folder}"]
        _run([*where, "checkout-index", "--all", "--index", "--quiet", "--force"], folder, None)


def _run(arguments: list[str], cwd: Path, stdin: bytes | None, *, index: Path | None = None) -> str:
    # No compression: what is not borrowed goes away with the run.
    command = ["git", "-c", "core.compression=0", "-c", "core.safecrlf=false", *arguments]
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            env=plain_environment(os.environ)
            | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
            | ({} if index is None else {"GIT_INDEX_FILE": str(index)}),
            input=b"" if stdin is None else stdin,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"git does not run: {error}") from error
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace").strip()
        shown = next((word for word in arguments if not word.startswith("--")), "")
        raise SourceError(f"git {shown} fails: {said}")
    return os.fsdecode(result.stdout)


def _fill_index(git: _Git, *, tracked: bool) -> None:
    """Put all files of the working tree into our index, submodules as the commits that are checked out."""
    if not tracked:
        git.ours("add", "--all", "--", ".")
        return
    paths: list[str] = []
    kept: list[str] = []
    for entry in _entries(git.users("ls-files", "-s", "-t", "-z")):
        status, _, rest = entry.partition(" ")
        information, _, path = rest.partition("\t")
        mode, object_id, _ = information.split(" ")
        if mode == _SUBMODULE:
            kept.append(f"{mode} {_submodule_head(git.root / path) or object_id}\t{path}")
        elif status == "S":
            # Left out of a sparse checkout: it is as it was committed.
            kept.append(f"{mode} {object_id}\t{path}")
        else:
            paths.append(path)
    paths += _entries(git.users("ls-files", "-o", "--exclude-standard", "-z"))
    # A folder among the new ones is a repository of its own, which Git does not add either.
    files = [path for path in dict.fromkeys(paths) if not path.endswith("/")]
    git.ours("update-index", "-z", "--index-info", stdin=_joined(kept))
    git.ours("update-index", "--add", "--remove", "-z", "--stdin", stdin=_joined(files))


def _entries(text: str | None) -> list[str]:
    return [entry for entry in (text or "").split("\0") if entry]


def _joined(parts: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(part) + b"\0" for part in parts)


def _submodule_head(folder: Path) -> str | None:
    if not (folder / ".git").exists():
        return None
    try:
        return _run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], folder, None).strip() or None
    except SourceError:
        return None


def _commit(git: _Git, tree: str, base: str | None) -> tuple[str, tuple[str, ...] | None]:
    """The commit of a tree, and what in it differs from `base`; the same tree gives the same commit."""
    changed: tuple[str, ...] | None = None
    if base is not None:
        prefix = (git.users("rev-parse", "--show-prefix") or "").strip("\n")
        before = f"{base}:{prefix}"
        if git.users("rev-parse", "--verify", "--quiet", before) is None:
            before = _run(["hash-object", "-t", "tree", "--stdin"], git.root, b"").strip()
        listed = git.ours("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, tree)
        changed = tuple(_entries(listed))
        if not changed and not prefix:
            return base, changed
    message = f"The working tree of {base or 'no commit'}\n"
    lines = [f"tree {tree}", f"author {_AUTHOR} 0 +0000", f"committer {_AUTHOR} 0 +0000", "", message]
    body = "\n".join(lines).encode()
    return git.ours("hash-object", "-t", "commit", "-w", "--stdin", stdin=body).strip(), changed


def _export_submodules(git: _Git, root: Path, tree: str, folder: Path) -> None:
    """Fill the folders of submodules that are checked out, and those inside them, at their commits."""
    waiting = [(git.directory, root, tree, folder)]
    while waiting:
        directory, there, revision, target = waiting.pop()
        listed = _run([f"--git-dir={directory}", "ls-tree", "-r", "-z", "--full-tree", revision], there, None)
        for entry in _entries(listed):
            information, _, path = entry.partition("\t")
            mode, _, object_id = information.split(" ")
            if mode != _SUBMODULE or _submodule_head(there / path) is None:
                continue
            found = _run(["rev-parse", "--absolute-git-dir"], there / path, None).rstrip("\n")
            _check_out_commit(Path(found), object_id, target / path, git.directory / "submodule-index")
            waiting.append((Path(found), there / path, object_id, target / path))


def _check_out_commit(directory: Path, commit: str, folder: Path, index: Path) -> None:
    """Write the files of a commit of somebody's repository to a folder, by an index of our own."""
    folder.mkdir(parents=True, exist_ok=True)
    index.unlink(missing_ok=True)
    where = [f"--git-dir={directory}", f"--work-tree={folder}"]
    for arguments in (["read-tree", commit], ["checkout-index", "--all", "--quiet", "--force"]):
        _run([*where, *arguments], folder, None, index=index)
