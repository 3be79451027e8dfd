"""The content tag of an image: a hash of what its build reads, and of nothing else.

Two commits that do not differ in it give the same tag, so an unchanged service
is not built again. All files of the context count, also those that
.dockerignore leaves out: the tag may change too often, never too seldom.
"""

from __future__ import annotations

import hashlib
import json

from .contract import Build
from .git import Repository, normal
from .state import PipelineError

FORMAT = 1


def content_tag(repository: Repository, build: Build) -> str:
    """The tag of a build at the repository's commit: "content-" and 32 hexadecimal digits.

    Hashed are mode, object id and path of every file of the context
    (submodules by their commit), the Dockerfile's object id, target, platforms,
    arguments and labels. Raises PipelineError when the context is not there.
    """
    context = repository.query("ls-tree", "-r", "-z", f"{repository.commit}:{normal(build['context'])}")
    if context is None:
        raise PipelineError(f"there is no folder {build['context']!r} at commit {repository.commit}")
    read = {
        "format": FORMAT,
        "context": sorted(context.split("\0")),
        "dockerfile": repository.object_at(build["dockerfile"]),
        "target": build["target"],
        "platforms": build["platforms"],
        "arguments": build["arguments"],
        "labels": build["labels"],
    }
    encoded = json.dumps(read, sort_keys=True, separators=(",", ":")).encode()
    return f"content-{hashlib.sha256(encoded).hexdigest()[:32]}"


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
