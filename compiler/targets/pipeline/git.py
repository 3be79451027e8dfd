"""Sources: the checkout of the job itself, or shallow clones of other repositories."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .contract import Source
from .process import run
from .state import Job, PipelineError

FETCH_TIMEOUT_S = 900
QUERY_TIMEOUT_S = 120
LOCAL = "."


@dataclass(frozen=True)
class Repository:
    """A Git repository on this machine and the commit that counts."""

    path: str
    commit: str
    environment: dict[str, str]

    def query(self, *arguments: str) -> str | None:
        """What a git command that changes nothing prints; None when it fails."""
        command = ["git", "-C", self.path, *arguments]
        outcome = run(command, env=self.environment, timeout_s=QUERY_TIMEOUT_S, exact=True)
        return outcome.output if outcome.ok else None

    def object_at(self, path: str) -> str | None:
        """The id of the file or folder at a path ("." is the root); None when there is none."""
        found = self.query("rev-parse", "--verify", "--quiet", f"{self.commit}:{normal(path)}")
        return found.strip() if found else None


def normal(path: str) -> str:
    """A path as git's `commit:path` takes it: no `.` parts, no slash at either end, "" for the root."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def look_up(job: Job, source: Source) -> Repository:
    """The repository at its ref's newest commit, with trees but hardly any file. Raises PipelineError."""
    if source["repository"] == LOCAL:
        return _local(job)
    return _fetched(job, source, source["ref"] or "HEAD", ("--filter=blob:none",))


def check_out(job: Job, source: Source, commit: str) -> Repository:
    """The repository with all files of a commit, submodules included. Raises PipelineError.

    The job's own checkout is used as it is when it holds that commit and
    nothing else: what Git does not know would be built, and not be in the tag.
    """
    if source["repository"] == LOCAL:
        repository = _local(job)
        if repository.commit == commit and _is_clean(repository):
            return repository
        path = tempfile.mkdtemp(dir=job.scratch, prefix="source-")
        _export(replace(repository, commit=commit), path)
        return Repository(path, commit, repository.environment)
    repository = _fetched(job, source, commit, ())
    _git(repository, "checkout", "--quiet", "--detach", repository.commit)
    submodules = ("submodule", "update", "--init", "--recursive", "--depth=1", "--quiet")
    _git(repository, *submodules)
    return repository


def _local(job: Job) -> Repository:
    repository = Repository(str(job.root), "HEAD", dict(job.environment))
    commit = repository.query("rev-parse", "--verify", "HEAD^{commit}")
    if commit is None:
        raise PipelineError("the job's own checkout is not a Git repository")
    return Repository(repository.path, commit.strip(), repository.environment)


def _is_clean(repository: Repository) -> bool:
    """Whether the checkout has no file that is not committed, ignored ones included."""
    return repository.query("status", "--porcelain", "--ignored", "--untracked-files=normal") == ""


def _export(repository: Repository, path: str) -> None:
    """Write a commit's files below a folder that exists; its index and branches stay as they are."""
    index = {**repository.environment, "GIT_INDEX_FILE": f"{path}.index"}
    exported = replace(repository, environment=index)
    _git(exported, "read-tree", repository.commit)
    _git(exported, "checkout-index", "--all", "--quiet", f"--prefix={path}/")
    for entry in (repository.query("ls-tree", "-r", "-z", repository.commit) or "").split("\0"):
        kind, _, name = entry.partition("\t")
        if kind.startswith("160000 "):
            submodule = os.path.join(repository.path, name)
            if not os.path.exists(os.path.join(submodule, ".git")):
                raise PipelineError(f"the submodule {name!r} is not checked out")
            os.makedirs(os.path.join(path, name), exist_ok=True)
            inside = replace(repository, path=submodule, commit=kind.split(" ")[2])
            _export(inside, os.path.join(path, name))


def _fetched(job: Job, source: Source, revision: str, options: tuple[str, ...]) -> Repository:
    path = tempfile.mkdtemp(dir=job.scratch, prefix="source-")
    repository = Repository(path, "FETCH_HEAD", environment_of(job, source))
    _git(repository, "init", "--quiet")
    _git(repository, "config", "remote.origin.url", source["repository"])
    _git(repository, "fetch", "--quiet", "--depth=1", "--no-tags", *options, "--", "origin", revision)
    commit = repository.query("rev-parse", "--verify", "FETCH_HEAD^{commit}")
    if commit is None:
        raise PipelineError(f"{source['repository']}: {revision} is not a commit")
    return Repository(path, commit.strip(), repository.environment)


def _git(repository: Repository, *arguments: str) -> None:
    command = ["git", "-C", repository.path, *arguments]
    outcome = run(command, env=repository.environment, timeout_s=FETCH_TIMEOUT_S)
    if not outcome.ok:
        raise PipelineError(f"git {arguments[0]} failed ({outcome.ended}): {outcome.said}")


def environment_of(job: Job, source: Source) -> dict[str, str]:
    """The environment of git: a token goes only to the host of the source, and on no command line."""
    environment = dict(job.environment)
    if source["credentials"]:
        token = job.secret(source["credentials"])
        url = urlsplit(source["repository"])
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment.update(
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0=f"http.{url.scheme}://{url.netloc.rpartition('@')[2]}/.extraheader",
            GIT_CONFIG_VALUE_0=f"Authorization: Basic {basic}",
        )
    return environment
