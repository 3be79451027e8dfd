"""Builds with buildah: no daemon, the limits of a build on each of its steps, the cache in local storage."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .builders import CPU_PERIOD_US, Command, Order, ask, cpu_quota_us, size
from .contract import Build
from .ignore import patterns
from .layers import BuildahLayers as layers
from .registry import insecure_hosts
from .state import Job

PROGRAM = "buildah"
ATTESTS = False
SEVERAL_PLATFORMS = True
# Below the image's own repository; buildah gives every layer a tag of its own there.
CACHE_REPOSITORY = "cache"
SETTINGS = ("~/.config/containers/registries.conf", "/etc/containers/registries.conf")

__all__ = ["ATTESTS", "PROGRAM", "SEVERAL_PLATFORMS", "builder", "commands", "layers", "limits", "problems"]


def problems(job: Job) -> Iterable[str]:
    """Why it cannot build on this machine."""
    if not (version := ask(job, "buildah", "--version")).ok:
        yield f"buildah does not run: {version.said}"


def limits(task: Build) -> str:
    """Whether the size is held."""
    if os.environ.get("BUILDAH_ISOLATION") == "chroot":
        return f"the build is not held to {size(task)}: with BUILDAH_ISOLATION=chroot no step has a cgroup"
    return f"each step of the build has at most {size(task)}"


@contextmanager
def builder(job: Job, task: Build) -> Iterator[str]:
    """Nothing runs; gives "cache" if this buildah can keep its cache in a registry, else "".

    The options came with 1.28.
    """
    help_text = ask(job, "buildah", "build", "--help").output if task["cache"] == "registry" else ""
    yield "cache" if "--cache-to" in help_text else ""


def commands(order: Order, builder: str) -> list[Command]:
    """Build into local storage, then push.

    Docker's format keeps HEALTHCHECK and SHELL, as BuildKit does; the label
    with buildah's own version would make equal images differ.
    """
    task = order.task
    environment = {**order.job.environment, **_settings(order)}
    several = len(task["platforms"]) > 1
    argv = ["buildah", "build", "--format=docker", "--layers", "--identity-label=false"]
    argv += [f"--memory={task['memory_bytes']}", f"--memory-swap={task['memory_bytes']}"]
    argv += [f"--cpu-period={CPU_PERIOD_US}", f"--cpu-quota={cpu_quota_us(task)}"]
    argv += [f"--file={order.dockerfile}", f"--ignorefile={_ignore_file(order)}"]
    argv.append(f"--{'manifest' if several else 'tag'}={order.image}")
    argv += [f"--platform={','.join(task['platforms'])}"] if task["platforms"] else []
    argv += [f"--target={task['target']}"] if task["target"] is not None else []
    argv += [f"--build-arg={name}={value}" for name, value in task["arguments"]]
    argv += [f"--label={name}={value}" for name, value in order.labels]
    argv += [f"--secret=id={identity},src={path}" for identity, path in _secrets(order)]
    if builder == "cache":
        cache = f"{task['repository']}/{CACHE_REPOSITORY}"
        argv += [f"--cache-from={cache}", f"--cache-to={cache}"]
    argv += ["--no-cache"] if task["cache"] == "none" else []
    push = ["buildah", *(["manifest", "push", "--all"] if several else ["push"])]
    push += [order.image, f"docker://{order.image}"]
    return [Command([*argv, "--", order.context], environment), Command(push, environment)]


def _secrets(order: Order) -> Iterator[tuple[str, str]]:
    """The id of each secret and the private file that holds it."""
    for number, secret in enumerate(order.task["secrets"]):
        path = order.folder / f"secret-{number}"
        path.touch(mode=0o600)
        path.write_text(order.job.secret(secret["variable"]), encoding="utf-8")
        yield secret["id"], str(path)


def _ignore_file(order: Order) -> str:
    """What the tag goes by, as a file of its own: buildah knows others, and reads them another way."""
    text = ""
    if order.ignore_file is not None:
        path = Path(order.repository.path, order.ignore_file)
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    # A "#" that was not a comment, behind a space, would become one.
    lines = [f"./{pattern}" if pattern.startswith("#") else pattern for pattern in patterns(text)]
    own = order.folder / "ignore"
    own.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    return str(own)


def _settings(order: Order) -> dict[str, str]:
    """A registries.conf that allows plain HTTP where that was said, after what the machine's own says."""
    hosts = insecure_hosts(order.job)
    if not hosts:
        return {}
    given = order.job.environment.get("CONTAINERS_REGISTRIES_CONF")
    own = next((p for p in (given, *SETTINGS) if p and Path(p).expanduser().is_file()), None)
    text = Path(own).expanduser().read_text(encoding="utf-8") if own else ""
    for host in hosts:
        text += f"\n[[registry]]\nlocation = {json.dumps(host)}\ninsecure = true\n"
    path = order.folder / "registries.conf"
    path.write_text(text, encoding="utf-8")
    return {"CONTAINERS_REGISTRIES_CONF": str(path)}
