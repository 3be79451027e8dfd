"""The output folder: what was written there, what would change, and the writing itself.

Owns every file system call of a compilation's output; back ends only return
artifacts. Takes a folder, artifacts and a plan's digest; knows nothing of
plans, targets or terminals. The rule that everything here serves: a file that
a person wrote or changed is never overwritten and never deleted.

The usual course is `read_previous`, `compare`, then `diff` or `write`. All
four let `OSError` through; its file name says where.
"""

from compiler.output.changes import Changes, FileChange, Status, compare
from compiler.output.manifest import MANIFEST, Entry, Previous, Problem, read_previous
from compiler.output.patch import diff
from compiler.output.swap import write

__all__ = [
    "MANIFEST",
    "Changes",
    "Entry",
    "FileChange",
    "Previous",
    "Problem",
    "Status",
    "compare",
    "diff",
    "read_previous",
    "write",
]
