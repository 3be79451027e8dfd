"""The files of a repository as a commit of them all would have them now.

That is what a pipeline would build of today's files: those that Git follows,
and new ones that it does not ignore. Takes a folder in a repository, gives a
tree that is comparable with one of a commit. Git's filters (line ends, LFS) do
not run on what has changed. `folder` has everything that lies there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from compiler.context.folder import git_modes, read_entry
from compiler.context.git import SUBMODULE, Repository, entries_of, open_repository
from compiler.context.model import Entry, Tree

NAME = "the working tree"
_NOTHING = Entry(0, "")


def read_working_tree(root: Path) -> Tree:
    """The files of a folder as they lie there now, without those that Git ignores.

    A submodule stands for the commit that HEAD has of it. What cannot be read is
    left out. Sizes are known only of files that differ from HEAD's.

    Raises:
        NotARepository: `root` lies in no repository.
        UnknownRevision: the repository has no commit.
        UnreadableRepository: git fails.
    """
    repository = open_repository(root)
    commit = repository.commit("HEAD")
    entries = entries_of(repository.query("ls-tree", "-r", "-z", commit))
    touched = _touched(repository, commit)
    found = {path: read_entry(os.path.join(root, path), repository.algorithm) for path in touched}
    read = git_modes(Tree(NAME, {path: entry for path, entry in found.items() if _is_file(entry)})).entries
    for path in touched:
        if path in read:
            entries[path] = read[path]
        elif entries.get(path, _NOTHING).mode != SUBMODULE:
            entries.pop(path, None)
    return Tree(NAME, entries)


def _is_file(entry: Entry) -> bool:
    return stat.S_ISREG(entry.mode) or stat.S_ISLNK(entry.mode)


def _touched(repository: Repository, commit: str) -> list[str]:
    """What may differ from a commit, sorted: files that changed, were deleted or are new."""
    changed = repository.query("diff-index", "-z", "--name-only", "--no-renames", "--relative", commit)
    new = repository.query("ls-files", "-z", "--others", "--exclude-standard")
    # A repository inside this one is listed as a folder.
    names = {name for name in (changed + new).split(b"\0") if name and not name.endswith(b"/")}
    return sorted(os.fsdecode(name) for name in names)
