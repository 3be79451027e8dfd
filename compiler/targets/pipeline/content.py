"""The content tag of an image: a hash of what its build reads, and of nothing else.

Two commits that do not differ in it give the same tag, so an unchanged service
is not built again. Where it is not certain that .dockerignore leaves a file
out, the file counts: the tag may change too often, never too seldom.
"""

from __future__ import annotations

import hashlib
import json

from .contract import Build
from .git import Repository, normal
from .ignore import ignored, rules
from .state import PipelineError

FORMAT = 2
IGNORE_FILE = ".dockerignore"
_FILES = ("100644", "100755")
_SUBMODULE = "160000"


def content_tag(repository: Repository, build: Build) -> str:
    """The tag of a build at the repository's commit: "content-" and 32 hexadecimal digits.

    Hashed are mode, object id and path of every file of the context that
    .dockerignore leaves in (submodules by their commit), the Dockerfile's
    object id, target, platforms, arguments and labels. Raises PipelineError
    when the context is not there.
    """
    context = repository.query("ls-tree", "-r", "-z", f"{repository.commit}:{normal(build['context'])}")
    if context is None:
        raise PipelineError(f"there is no folder {build['context']!r} at commit {repository.commit}")
    read = {
        "format": FORMAT,
        "context": sorted(_sent(repository, build, [entry for entry in context.split("\0") if entry])),
        "dockerfile": repository.object_at(build["dockerfile"]),
        "target": build["target"],
        "platforms": build["platforms"],
        "arguments": build["arguments"],
        "labels": build["labels"],
        "attestations": build["attestations"],
    }
    encoded = json.dumps(read, sort_keys=True, separators=(",", ":")).encode()
    return f"content-{hashlib.sha256(encoded).hexdigest()[:32]}"


def ignore_file(repository: Repository, build: Build) -> str | None:
    """The path of the file that says what of the context is not sent; None when there is none.

    A file beside the Dockerfile and of its name, with .dockerignore at the end,
    goes before the one of the context, as in BuildKit.
    """
    context = normal(build["context"])
    own = normal(build["dockerfile"]) + IGNORE_FILE
    for path in (own, f"{context}/{IGNORE_FILE}" if context else IGNORE_FILE):
        if repository.object_at(path) is not None:
            return path
    return None


def dockerfile_problem(repository: Repository, build: Build) -> str | None:
    """What is wrong with a build's Dockerfile: missing, or without a stage. None when nothing is."""
    path = normal(build["dockerfile"])
    text = repository.query("cat-file", "blob", f"{repository.commit}:{path}")
    if text is None:
        return f"there is no Dockerfile {build['dockerfile']!r} at commit {repository.commit}"
    for line in text.splitlines():
        words = line.split()
        if words and words[0].upper() == "FROM":
            return None if len(words) > 1 else f"FROM without an image in {build['dockerfile']!r}"
    return f"{build['dockerfile']!r} has no FROM"


def _sent(repository: Repository, build: Build, entries: list[str]) -> list[str]:
    """The lines of `git ls-tree` whose files the builder is sent."""
    listed = rules(_ignore_text(repository, build))
    if not listed:
        return entries
    exceptions = any(rule.exception for rule in listed)
    modes = {path: kind.split(" ", 1)[0] for kind, _, path in (entry.partition("\t") for entry in entries)}
    out = ignored(modes, listed)
    if exceptions:
        # What is in a submodule is not known here, and an exception may be for it.
        out = {path for path in out if modes[path] != _SUBMODULE}
    return [entry for entry in entries if entry.partition("\t")[2] not in out]


def _ignore_text(repository: Repository, build: Build) -> str:
    path = ignore_file(repository, build)
    if path is None:
        return ""
    listed = repository.query("--literal-pathspecs", "ls-tree", "-z", repository.commit, "--", path) or ""
    if not listed.startswith(_FILES):
        # A link: where it leads, and whether a builder follows it there, is not certain.
        return ""
    return repository.query("cat-file", "blob", f"{repository.commit}:{path}") or ""
