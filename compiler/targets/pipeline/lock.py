"""The deployed state in Git: digests of all images, charts and values, committed to a branch for Argo CD.

Needs no cluster. Nothing is written but that branch: the commit is made of Git
objects in a repository of its own, and no file of a working tree is touched.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import git, registry
from .contract import PUSH_TOKEN, GitOps, Image
from .found import tags
from .process import Outcome, run
from .report import group, say
from .state import Job, PipelineError

LOCK_FILE = "images.lock.yaml"
TIMEOUT_S = 300
TRIES = 6
PAUSE_S = 1.0
PERSON = {"NAME": "stagecast", "EMAIL": "stagecast@localhost"}

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_OBJECT_ID = re.compile(r"[0-9a-f]{40,64}")
_FILES = ("100644", "100755")
# What a remote says when another push came first.
_OVERTAKEN = ("fetch first", "non-fast-forward", "cannot lock ref", "stale info", "failed to update ref")


@dataclass(frozen=True)
class Locked:
    """An image as the registry has it; a file pins it for each of its services."""

    image: Image
    tag: str | None
    digest: str


def lock(job: Job) -> int:
    """Ask the registry for every image's digest and commit the state to the branch. Gives the exit code.

    Raises PipelineError: an image is missing, the registry or the remote
    repository does not answer, or what is to be committed is not there.
    """
    gitops = job.document["gitops"]
    if gitops is None:
        raise PipelineError("this environment is not deployed from Git: there is no branch to write to")
    registry.log_in(job)
    with group("digests"):
        locked = digests(job)
    source = git.look_up(job, {"repository": git.LOCAL, "ref": None, "credentials": None})
    files = _files(job, gitops, locked)
    with group(f"branch {gitops['branch']}"):
        _commit(job, gitops, source, files)
    return 0


def digests(job: Job) -> list[Locked]:
    """Every image with its digest. Raises PipelineError that names all that are missing."""
    built = tags()
    found, missing = [], []
    for image in job.document["images"]:
        tag = image["tag"] if image["build"] is None else built.get(image["build"], image["tag"])
        if tag is None and image["digest"] is None:
            raise PipelineError(f"the check found no tag for the image {image['id']!r}: run it again")
        name = f"{image['repository']}@{image['digest']}" if tag is None else f"{image['repository']}:{tag}"
        digest = registry.digest(job, name)
        if digest is None and image["digest"] is not None:
            # The tag may be gone, or never copied; what counts is the digest.
            digest = registry.digest(job, f"{image['repository']}@{image['digest']}")
        if digest is None:
            missing.append(name)
            continue
        # What the spec says by digest is that, whatever the tag has become.
        found.append(Locked(image, tag, image["digest"] or digest))
        say(f"{name}: {found[-1].digest}")
    if missing:
        raise PipelineError(f"the registry has no {', no '.join(missing)}: build and mirror first")
    return found


def lock_text(environment: str, locked: list[Locked]) -> str:
    """The lock's YAML: every scalar is quoted as JSON does, which YAML reads alike."""
    lines = ["apiVersion: stagecast/v1beta1", "kind: ImageLock", f"environment: {json.dumps(environment)}"]
    lines.append("images:" if locked else "images: {}")
    for entry in sorted(locked, key=lambda entry: entry.image["id"]):
        lines.append(f"  {json.dumps(entry.image['id'])}:")
        lines.append(f"    repository: {json.dumps(entry.image['repository'])}")
        lines += [] if entry.tag is None else [f"    tag: {json.dumps(entry.tag)}"]
        lines.append(f"    digest: {json.dumps(entry.digest)}")
    return "\n".join(lines) + "\n"


def pin_text(entry: Locked) -> str:
    """The values file that pins a service's image."""
    tag = [] if entry.tag is None else [f"  tag: {json.dumps(entry.tag)}"]
    return "\n".join(["image:", *tag, f"  digest: {json.dumps(entry.digest)}"]) + "\n"


def _files(job: Job, gitops: GitOps, locked: list[Locked]) -> dict[str, str]:
    """The texts of the files that are written, by path. Raises PipelineError for a name that is no file's."""
    files = {LOCK_FILE: lock_text(job.document["environment"], locked)}
    for entry in locked:
        for service in entry.image["services"]:
            if not _SERVICE.fullmatch(service):
                raise PipelineError(f"the service {service!r} cannot be the name of a file")
            files[f"{git.normal(gitops['pins'])}/{service}.yaml"] = pin_text(entry)
    return files


# --- the branch


@dataclass(frozen=True)
class _Remote:
    """The branch to write to, and the bare repository in the scratch folder that the commit is made in."""

    job: Job
    url: str
    branch: str
    path: str
    environment: dict[str, str]

    def git(self, *arguments: str, stdin: str | None = None) -> Outcome:
        command = ["git", "-C", self.path, *arguments]
        return run(command, env=self.environment, stdin=stdin, timeout_s=TIMEOUT_S, exact=True)

    def must(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command prints. Raises PipelineError when it fails."""
        outcome = self.git(*arguments, stdin=stdin)
        if not outcome.ok:
            raise PipelineError(f"git {arguments[0]} failed ({outcome.ended}): {outcome.said}")
        return outcome.output.strip()


def _commit(job: Job, gitops: GitOps, source: git.Repository, files: dict[str, str]) -> None:
    """Commit the state on top of the branch; again on top of what another run pushed meanwhile."""
    remote = _opened(job, gitops, source)
    copied = _copied(source, gitops)
    for attempt in range(TRIES):
        tip = _tip(remote)
        tree = _tree(remote, tip, gitops, copied, files)
        if tip is not None and remote.must("rev-parse", f"{tip}^{{tree}}") == tree:
            say(f"nothing has changed: {gitops['branch']} stays at {tip}")
            return
        commit = _commit_tree(remote, source, tree, tip)
        pushed = remote.git("push", "--quiet", "--porcelain", "--", remote.url, f"{commit}:{_ref(remote)}")
        if pushed.ok:
            say(f"{gitops['branch']} is at {commit}")
            return
        said = pushed.output + pushed.errors
        if not (any(sign in said for sign in _OVERTAKEN) or registry.unreachable(said)):
            raise PipelineError(f"pushing to {gitops['branch']} failed ({pushed.ended}): {said.strip()}")
        say(f"another push came first, or the remote was away: again ({attempt + 1})")
        time.sleep(PAUSE_S * 2**attempt)
    raise PipelineError(f"{gitops['branch']} could not be pushed in {TRIES} tries")


def _ref(remote: _Remote) -> str:
    return f"refs/heads/{remote.branch}"


def _opened(job: Job, gitops: GitOps, source: git.Repository) -> _Remote:
    """A bare repository that finds the source's objects, and the address of the source's remote."""
    url = (source.query("remote", "get-url", "--push", "origin") or "").strip()
    if not url:
        raise PipelineError("the checkout has no remote named origin to push to")
    objects = (source.query("rev-parse", "--path-format=absolute", "--git-path", "objects") or "").strip()
    path = str(job.scratch / "gitops")
    if os.environ.get(PUSH_TOKEN):
        url = _without_user(url)
    environment = _environment(job, url) | {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(objects)}
    remote = _Remote(job, url, gitops["branch"], path, environment)
    os.makedirs(path, exist_ok=True)
    remote.must("init", "--quiet", "--bare")
    remote.must("check-ref-format", _ref(remote))
    return remote


def _quoted(path: str) -> str:
    """A path as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, whatever is in it (git(1))."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _without_user(url: str) -> str:
    """An HTTP address without user and password: GitLab's checkout has those of a job, which may not push."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https"):
        return url
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()


def _environment(job: Job, url: str) -> dict[str, str]:
    """Git's environment. The token goes to the remote's host only, and on no command line."""
    environment = {name: value for name, value in job.environment.items() if name != PUSH_TOKEN}
    token, address = os.environ.get(PUSH_TOKEN), urlsplit(url)
    if token and address.scheme in ("http", "https"):
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{address.scheme}://{address.netloc.rpartition('@')[2]}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
    return environment


def _tip(remote: _Remote) -> str | None:
    """The branch's newest commit, fetched; None when there is no such branch."""

    def attempt() -> Outcome:
        return remote.git("ls-remote", "--heads", "--", remote.url, _ref(remote))

    listed = registry.again(attempt, lambda _: True, ends=time.monotonic() + TIMEOUT_S)
    if not listed.ok:
        raise PipelineError(f"the remote repository does not answer ({listed.ended}): {listed.said}")
    lines = (line.partition("\t") for line in listed.output.splitlines())
    tip = {name: identity for identity, _, name in lines}.get(_ref(remote))
    if tip is not None:
        if not _OBJECT_ID.fullmatch(tip):
            raise PipelineError("the remote repository's answer is not understood")
        remote.must("fetch", "--quiet", "--depth=1", "--no-tags", "--", remote.url, _ref(remote))
        tip = remote.must("rev-parse", "--verify", "FETCH_HEAD^{commit}")
    return tip


def _copied(source: git.Repository, gitops: GitOps) -> dict[str, tuple[str, str]]:
    """Mode and object id of every committed file at or below the paths, by path. Raises PipelineError."""
    found: dict[str, tuple[str, str]] = {}
    for name in (*gitops["paths"], *gitops["optional"]):
        path = git.normal(name)
        # Without a path the whole repository is meant: a chart at its root.
        arguments = ("ls-tree", "-r", "-z", "--full-tree", source.commit, *(["--", path] if path else []))
        listed = source.query("--literal-pathspecs", *arguments)
        if not listed and name in gitops["paths"]:
            raise PipelineError(f"there is no {name!r} at commit {source.commit}: commit the output")
        for entry in filter(None, (listed or "").split("\0")):
            kind, _, file = entry.partition("\t")
            mode, _, identity = kind.split(" ")
            if mode not in _FILES:
                raise PipelineError(f"{file} is a link or a submodule: it cannot be deployed from")
            found[file] = (mode, identity)
    return found


def _tree(
    remote: _Remote,
    tip: str | None,
    gitops: GitOps,
    copied: dict[str, tuple[str, str]],
    files: dict[str, str],
) -> str:
    """The tree of the branch with our folders replaced and everything else as it was."""
    remote.must("read-tree", *(["--empty"] if tip is None else [tip]))
    ours = [git.normal(path) for path in (*gitops["paths"], *gitops["optional"], gitops["pins"])]
    entries = dict(copied)
    for path, text in files.items():
        entries[path] = ("100644", remote.must("hash-object", "-w", "--stdin", stdin=text))
    limited = ["--", *ours] if all(ours) else []
    old = remote.git("--literal-pathspecs", "ls-files", "-z", "--cached", *limited)
    gone = [path for path in old.output.split("\0") if path and path not in entries]
    # Mode 0 takes a path out (git-update-index(1), --index-info).
    lines = [f"0 {'0' * 40}\t{path}" for path in gone]
    lines += [f"{mode} {identity}\t{path}" for path, (mode, identity) in sorted(entries.items())]
    remote.must("update-index", "-z", "--add", "--replace", "--index-info", stdin="\0".join(lines) + "\0")
    # Git leaves out what is no path of a tree, such as "../x" and ".git/hooks", and does not fail.
    kept = set(remote.git("ls-files", "-z", "--cached").output.split("\0"))
    if left_out := sorted(entries.keys() - kept):
        raise PipelineError(f"{left_out[0]!r} cannot be the path of a file in Git")
    return remote.must("write-tree")


def _commit_tree(remote: _Remote, source: git.Repository, tree: str, tip: str | None) -> str:
    """A commit of ours. It is dated as the source's, so that the same state gives the same commit."""
    environment = remote.job.document["environment"]
    date = (source.query("show", "--no-patch", "--format=%ct +0000", source.commit) or "").strip()
    people = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in PERSON.items()}
    dated = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    made = _Remote(
        remote.job, remote.url, remote.branch, remote.path, {**remote.environment, **people, **dated}
    )
    message = f"Deploy {environment} at {source.commit[:12]}\n\nSource-Commit: {source.commit}\n"
    parents = [] if tip is None else ["-p", tip]
    return made.must("commit-tree", tree, *parents, "-F", "-", stdin=message)
