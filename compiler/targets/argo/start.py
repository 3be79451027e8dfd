"""What a pod runs: `start.py check|build|deploy|lock|remove`.

Fetches the repository at the revision, hands over what the check found, and
starts `.stagecast/run.py` of that checkout. All that it must know is in its
environment. Python's standard library only; the same for every environment.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

COMMANDS = ("check", "build", "deploy", "lock", "remove")
RUNNER = (".stagecast", "run.py")
GIT_TIMEOUT_S = 900
BUILDER_TIMEOUT_S = 120
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,254}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class StartError(Exception):
    """The pod cannot do its work; the message is for the person who reads the log."""


def main(arguments: list[str]) -> int:
    """Run one job. Gives the exit code: 0 success, 1 failure, 2 usage."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: start.py {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    work = Path(os.environ.get("STAGECAST_WORK", "/stagecast"))
    try:
        return run(arguments[0], work)
    except (StartError, OSError, ValueError, subprocess.SubprocessError, zlib.error) as problem:
        print(f"error: {problem}", flush=True)
        return 1


def run(command: str, work: Path) -> int:
    """Fetch, then do the job: the check as a child, everything else in place of this process."""
    for name in ("home", "tmp", "out"):
        (work / name).mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    token = environment.pop("GIT_TOKEN", "")
    repository = environment.pop("STAGECAST_REPOSITORY", "")
    revision = environment.pop("STAGECAST_REVISION", "")
    source = work / "source"
    commit = check_out(repository, revision, token, source, submodules=command == "build")
    print(f"commit {commit}", flush=True)
    environment["STAGECAST_FOUND"] = str(work / "found.json")
    os.chdir(source)
    argv = [sys.executable, str(Path(*RUNNER)), command]
    if command == "check":
        code = subprocess.call(argv, env=environment)
        if code == 0:
            hand_over(work, commit)
        return code
    take_over(work)
    if command == "build":
        wait_for_builder(environment.get("STAGECAST_BUILDKIT", ""))
    if environment.get("STAGECAST_IN_CLUSTER") == "true":
        environment["KUBE_CONFIG"] = in_cluster()
    return become(argv, environment)


def become(argv: list[str], environment: dict[str, str]) -> NoReturn:
    """Replace this process, so that signals reach the job itself."""
    sys.stdout.flush()
    os.execve(argv[0], argv, environment)


def check_out(repository: str, revision: str, token: str, folder: Path, *, submodules: bool) -> str:
    """A shallow checkout of a branch, a tag or a commit; gives the commit. Raises StartError."""
    if not repository or repository.startswith("-"):
        raise StartError("the parameter repository is no address of a Git repository")
    if not _REVISION.fullmatch(revision):
        raise StartError(f"the parameter revision is no branch, tag or commit: {revision!r}")
    environment = git_environment(repository, token)
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, environment, "init", "--quiet")
    git(folder, environment, "config", "remote.origin.url", repository)
    fetch = ("fetch", "--quiet", "--no-tags", "--depth=1", "--", "origin", revision)
    if _COMMIT.fullmatch(revision) and git(folder, environment, *fetch, check=False) is None:
        # A server may refuse to be asked for a commit: then everything, which holds it.
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        git(folder, environment, "fetch", "--quiet", "--", "origin", *everything)
        wanted = revision
    else:
        git(folder, environment, *fetch)
        wanted = "FETCH_HEAD"
    git(folder, environment, "checkout", "--quiet", "--detach", f"{wanted}^{{commit}}")
    if submodules:
        git(folder, environment, "submodule", "update", "--init", "--recursive", "--depth=1", "--quiet")
    return (git(folder, environment, "rev-parse", "--verify", "HEAD") or "").strip()


def git_environment(repository: str, token: str) -> dict[str, str]:
    """The environment of git: a token goes only to the host of the repository, and on no command line."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "HTTPS_PROXY", "NO_PROXY")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:http:https:ssh"}
    url = urlsplit(repository)
    if token and url.scheme in ("http", "https"):
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{url.scheme}://{url.netloc.rpartition('@')[2]}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
    return environment


def git(folder: Path, environment: dict[str, str], *arguments: str, check: bool = True) -> str | None:
    """What a git command prints; None when it fails and need not succeed. Raises StartError."""
    result = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GIT_TIMEOUT_S,
        check=False,
    )
    if result.returncode == 0:
        return result.stdout.decode(errors="replace")
    if check:
        raise StartError(f"git {arguments[0]} failed: {result.stderr.decode(errors='replace').strip()}")
    return None


def hand_over(work: Path, commit: str) -> None:
    """Write what Argo hands to the other pods: the commit, the units to build, what was found in slices."""
    found = json.loads((work / "found.json").read_text(encoding="utf-8"))
    layout = json.loads(Path(os.environ["STAGECAST_LAYOUT"]).read_text(encoding="utf-8"))
    (work / "out" / "commit").write_text(commit, encoding="utf-8")
    forced = os.environ.get("STAGECAST_FORCE", "").strip().lower() in ("1", "true", "yes")
    present = set() if forced else set(found["present"])
    todo = [number for number, builds in enumerate(layout["units"]) if not present.issuperset(builds)]
    (work / "out" / "todo").write_text("".join(f",{number}" for number in todo) + ",", encoding="utf-8")
    size = layout["slice"]
    for number in range(layout["slices"]):
        here = range(number * size, (number + 1) * size)
        part = {
            "tags": {index: tag for index, tag in found["tags"].items() if int(index) in here},
            "commits": {index: sha for index, sha in enumerate(found["commits"]) if index in here},
        }
        (work / "out" / f"found-{number}").write_text(packed(part), encoding="ascii")


def packed(value: Any) -> str:
    """A value as text without any sign that Argo or YAML would read: base64 of compressed JSON."""
    return base64.b64encode(zlib.compress(json.dumps(value, sort_keys=True).encode(), 9)).decode()


def unpacked(text: str) -> Any:
    """The value of a text that `packed` made."""
    return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))


def take_over(work: Path) -> None:
    """Put together what this pod was handed of the check's findings."""
    data = json.loads(Path(os.environ["STAGECAST_DATA"]).read_text(encoding="utf-8"))
    commits = [""] * len(data["sources"])
    tags: dict[str, str] = {}
    for path in sorted((work / "found").glob("found-*")):
        part = unpacked(path.read_text(encoding="ascii"))
        tags.update(part["tags"])
        for index, commit in part["commits"].items():
            commits[int(index)] = commit
    found = {"commits": commits, "tags": tags, "present": []}
    (work / "found.json").write_text(json.dumps(found), encoding="utf-8")


def wait_for_builder(address: str) -> None:
    """Wait until the builder beside this container takes connections. Raises StartError."""
    path = address.removeprefix("unix://")
    ends = time.monotonic() + BUILDER_TIMEOUT_S
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(path)
                return
            except OSError as problem:
                if time.monotonic() >= ends:
                    raise StartError(f"the builder does not start: {problem}") from problem
        time.sleep(0.2)


def in_cluster(folder: str = ACCOUNT) -> str:
    """A kubeconfig for the pod's own service account; its token is read anew whenever it is used."""
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST", ""),
        os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    if not host:
        raise StartError("the pod does not know its cluster: KUBERNETES_SERVICE_HOST is not set")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "own", "cluster": {"server": server, "certificate-authority": f"{folder}/ca.crt"}}
        ],
        "users": [{"name": "own", "user": {"tokenFile": f"{folder}/token"}}],
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
        "current-context": "own",
    }
    return json.dumps(config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
