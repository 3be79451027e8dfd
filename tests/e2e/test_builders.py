"""Every builder that the pipeline knows builds and pushes for real, and survives what happens to builders.

Docker Engine and buildah are always there; buildx and a BuildKit daemon are in
no package of Debian 12, so that they are tested only where somebody put them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import image_builders
import registry as registries
from docker_engine import DockerEngine, docker_engine
from image_builders import Builder, base_image
from pipeline_projects import Project, a_build, make_project
from registry import Registry
from toolchain import ToolMissingError

pytestmark = pytest.mark.e2e

SECRET = "a-token-that-must-not-stay-4f9c"
SECRET_SHA256 = hashlib.sha256(SECRET.encode()).hexdigest()
HOSTILE = "$(id) `id` ${{ x }} \"'\\ é , = # end"


@pytest.fixture(scope="module")
def mirror() -> Iterator[Registry]:
    with ExitStack() as stack:
        yield stack.enter_context(registries.registry())


@pytest.fixture(scope="module", params=["docker", "buildah", "buildctl", "buildx"])
def builder(request: pytest.FixtureRequest) -> Iterator[Builder]:
    """Each builder in turn; those that no package has are skipped where they are not."""
    with ExitStack() as stack:
        engine: DockerEngine = request.getfixturevalue("docker_engine")
        openers: dict[str, Callable[[], Any]] = {
            "docker": lambda: image_builders.docker_builder(engine),
            "buildah": image_builders.buildah_builder,
            "buildctl": image_builders.buildctl_builder,
            "buildx": image_builders.buildx_builder,
        }
        try:
            opened: Builder = stack.enter_context(openers[request.param]())
        except ToolMissingError as error:
            if request.param in ("docker", "buildah") and os.environ.get("CI"):
                pytest.fail(f"a real component is missing: {error}", pytrace=False)
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO {request.param.upper()} WAS NOT TESTED: {error}")
        yield opened


@pytest.fixture(scope="module")
def base(docker_engine: DockerEngine, mirror: Registry) -> str:
    return base_image(docker_engine, mirror)


@pytest.fixture
def make(tmp_path: Path, builder: Builder, mirror: Registry) -> Callable[..., Project]:
    """Makes projects whose images have names of their own."""

    def made(builds: dict[str, dict[str, Any]], files: dict[str, str], **secrets: str) -> Project:
        listed = []
        for name, changed in builds.items():
            unique = {"repository": f"{mirror.host}/{builder.name}-{tmp_path.name.lower()[:40]}/{name}"}
            listed.append(a_build(mirror, name, **unique, **changed))
        return make_project(tmp_path / "project", builder, mirror, listed, files, secrets=secrets)

    return made


def every_byte(registry: Registry, image: str) -> Iterator[bytes]:
    """The manifest, the configuration and all layers of an image, unpacked."""
    repository, _, tag = image.rpartition(":")
    manifest, _ = registry.manifest(repository, tag)
    entries = [manifest]
    for entry in manifest.get("manifests", []):
        entries.append(registry.manifest(repository, entry["digest"])[0])
    for found in entries:
        yield json.dumps(found).encode()
        for layer in [*found.get("layers", []), *([found["config"]] if "config" in found else [])]:
            blob = registry.blob(repository, layer["digest"])
            yield gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob


def test_builds_pushes_and_builds_again_only_what_changed(
    make: Callable[..., Project], mirror: Registry, base: str
) -> None:
    dockerfile = f"""FROM {base} AS build
ARG GREETING
RUN --mount=type=secret,id=npm \\
    test "$(sha256sum < /run/secrets/npm)" = "{SECRET_SHA256}  -" && echo used > /used
COPY . /src
RUN cat /src/text > /text

FROM build AS run
ARG GREETING
RUN echo "$GREETING" > /greeting
CMD ["cat", "/greeting"]

FROM build AS unwanted
RUN exit 9
"""
    web = {
        "target": "run",
        "arguments": [("GREETING", HOSTILE)],
        "labels": [("team", HOSTILE)],
        "secrets": [{"id": "npm", "variable": "SECRET_NPM"}],
    }
    files = {
        "web/Dockerfile": dockerfile,
        "web/text": "one\n",
        "web/notes.md": "not sent\n",
        "web/.dockerignore": "*.md\n",
        "api/Dockerfile": f"FROM {base}\nRUN echo api > /api\n",
    }
    project = make({"web": web, "api": {}}, files, SECRET_NPM=SECRET)
    found = project.check()
    assert found["present"] == []
    ran = project.run("build", STAGECAST_BUILDS="0,1")
    assert ran.code == 0, ran.log
    images = {name: digest for name, digest in project.images().items() if not name.endswith(":buildcache")}
    assert sorted(name.rpartition(":")[2] for name in images) == sorted(found["tags"].values())
    [image] = [name for name in images if "/web:" in name]
    config = mirror.config(*image.rsplit(":", 1))["config"]
    assert config["Labels"]["team"] == HOSTILE
    assert config["Labels"]["org.opencontainers.image.revision"] == found["commits"][0]
    assert config["Cmd"] == ["cat", "/greeting"]
    everything = b"".join(every_byte(mirror, image))
    assert HOSTILE.encode() in everything
    assert b"used" in everything
    assert SECRET.encode() not in everything
    assert SECRET not in ran.log
    assert b"not sent" not in everything
    assert [line["outcome"] for line in project.trace()] == ["done", "done"]
    assert all(line["cache"]["hit"] + line["cache"]["miss"] >= 1 for line in project.trace())

    assert project.check()["present"] == [0, 1]
    again = project.run("build", STAGECAST_BUILDS="0,1")
    assert again.code == 0
    assert again.log.count("is already there") == 2
    assert {n: d for n, d in project.images().items() if not n.endswith(":buildcache")} == images
    assert [line["outcome"] for line in project.trace()[2:]] == ["skipped", "skipped"]

    project.commit({"web/notes.md": "another one that is not sent\n"})
    assert project.check()["tags"] == found["tags"]

    project.commit({"web/text": "two\n"})
    changed = project.check()
    assert changed["present"] == [1]
    assert changed["tags"]["1"] == found["tags"]["1"]
    assert changed["tags"]["0"] != found["tags"]["0"]
    ran = project.run("build", STAGECAST_BUILDS="0,1")
    assert ran.code == 0, ran.log
    assert len([name for name in project.images() if "content-" in name]) == 3
    rebuilt = project.trace()[4]
    # The step with the secret comes before the file, and is in the cache; what comes after the file is not.
    assert rebuilt["cache"]["hit"] >= 1, ran.log
    assert rebuilt["cache"]["miss"] >= 2


def test_a_file_that_is_not_committed_is_not_built(
    make: Callable[..., Project], mirror: Registry, base: str
) -> None:
    dockerfile = f"FROM {base}\nCOPY . /src\nRUN ls /src > /listed\n"
    project = make(
        {"web": {"cache": "none"}}, {"web/Dockerfile": dockerfile, "web/kept": "1\n", ".gitignore": "*.log\n"}
    )
    (project.root / "web" / "stray").write_text("stray-file-content")
    (project.root / "web" / "ignored.log").write_text("stray-file-content")
    project.check()
    ran = project.run("build", STAGECAST_BUILDS="0")
    assert ran.code == 0, ran.log
    [image] = project.images()
    assert b"stray" not in b"".join(every_byte(mirror, image))
    assert (project.root / "web" / "stray").exists()


def test_a_step_that_fails_is_named_and_nothing_is_pushed(make: Callable[..., Project], base: str) -> None:
    project = make(
        {"web": {}, "api": {}},
        {
            "web/Dockerfile": f"FROM {base}\nRUN echo so; exit 3\n",
            "api/Dockerfile": f"FROM {base}\nRUN true\n",
        },
    )
    project.check()
    ran = project.run("build", STAGECAST_BUILDS="0,1")
    assert ran.code == 1
    assert "error: web: the build failed" in ran.log
    assert project.images() == {}, "nothing is built after a failure"
    assert [line["outcome"] for line in project.trace()] == ["failed"]


def test_a_build_that_takes_too_long_is_ended(make: Callable[..., Project], base: str) -> None:
    project = make({"web": {"timeout_s": 8}}, {"web/Dockerfile": f"FROM {base}\nRUN sleep 63\n"})
    project.check()
    started = time.monotonic()
    ran = project.run("build", STAGECAST_BUILDS="0")
    assert ran.code == 1
    assert time.monotonic() - started < 45
    assert "the build was ended after 8 s, its timeout" in ran.log
    assert [line["outcome"] for line in project.trace()] == ["failed"]
    assert not [argv for argv in running_commands() if argv == ["sleep", "63"]]


def running_commands() -> Iterator[list[str]]:
    """The arguments of all processes of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue


def test_a_registry_that_is_down_for_ten_seconds_is_waited_for(
    make: Callable[..., Project], mirror: Registry, base: str
) -> None:
    project = make({"web": {}}, {"web/Dockerfile": f"FROM {base}\nRUN sleep 2.75 && echo x > /x\n"})
    found = project.check()
    process = project.start("build", STAGECAST_BUILDS="0")
    await_process("sleep", "2.75")
    mirror.stop()
    stopped = time.monotonic()
    back = threading.Timer(10, mirror.start)
    back.start()
    log = process.communicate(timeout=200)[0].decode()
    back.join()
    assert process.returncode == 0, log
    assert time.monotonic() - stopped >= 10
    assert [name.rpartition(":")[2] for name in project.images() if "content-" in name] == [
        found["tags"]["0"]
    ]


def test_a_registry_that_stays_away_is_an_error_and_not_an_empty_registry(
    tmp_path: Path, base: str, mirror: Registry
) -> None:
    away = Builder("docker", {})
    with registries.registry() as other:
        build = a_build(other, "web")
        project = make_project(tmp_path, away, other, [build], {"web/Dockerfile": f"FROM {base}\n"})
        other.stop()
        started = time.monotonic()
        ran = project.run("check")
    assert ran.code == 1
    assert "failed (exit code 1)" in ran.log
    assert "connection refused" in ran.log
    assert time.monotonic() - started > 25
    assert not (project.state / "found.json").exists()
    assert mirror.tags("base/busybox") == ["1"]


# --- builders that are killed


def test_a_buildah_that_is_killed_says_so_and_the_next_run_completes(
    tmp_path: Path, mirror: Registry, base: str
) -> None:
    with image_builders.buildah_builder() as builder:
        repository = f"{mirror.host}/killed/buildah"
        dockerfile = f"FROM {base}\nRUN echo first\nRUN sleep 3.25\n"
        project = make_project(
            tmp_path,
            builder,
            mirror,
            [a_build(mirror, "web", repository=repository)],
            {"web/Dockerfile": dockerfile},
        )
        project.check()
        process = project.start("build", STAGECAST_BUILDS="0")
        await_process("sleep", "3.25")
        os.kill(await_process("buildah", "build", below=process.pid), signal.SIGKILL)
        log = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 1
        assert "the build failed (killed by SIGKILL)" in log
        assert mirror.tags("killed/buildah") == []
        again = project.run("build", STAGECAST_BUILDS="0")
        assert again.code == 0, again.log
        assert len(mirror.tags("killed/buildah")) == 1


def test_an_engine_that_is_killed_says_so_and_the_next_run_completes(
    tmp_path: Path, mirror: Registry, base: str
) -> None:
    repository = f"{mirror.host}/killed/docker"
    files = {"web/Dockerfile": f"FROM {base}\nRUN echo first\nRUN sleep 3.5\n"}
    build = a_build(mirror, "web", repository=repository, cache="none", timeout_s=60)
    with docker_engine() as engine:
        if not engine.private:
            pytest.skip("THE ENGINE IS NOT OURS TO KILL")
        with image_builders.docker_builder(engine) as builder:
            project = make_project(tmp_path, builder, mirror, [build], files)
            project.check()
            process = project.start("build", STAGECAST_BUILDS="0")
            await_process("sleep", "3.5")
            folder = Path(engine.environment["DOCKER_HOST"].removeprefix("unix://")).parent
            os.kill(int((folder / "d.pid").read_text()), signal.SIGKILL)
            log = process.communicate(timeout=90)[0].decode()
            assert process.returncode == 1
            assert "error: web: the build failed" in log
            with suppress(ProcessLookupError):
                os.kill(int((folder / "exec/containerd/containerd.pid").read_text()), signal.SIGKILL)
    assert mirror.tags("killed/docker") == []
    with docker_engine() as engine, image_builders.docker_builder(engine) as builder:
        again = Project(project.root, project.state, builder, mirror, {}).run("build", STAGECAST_BUILDS="0")
        assert again.code == 0, again.log
        assert len(mirror.tags("killed/docker")) == 1


def test_a_job_that_is_cancelled_ends_its_build(tmp_path: Path, mirror: Registry, base: str) -> None:
    with image_builders.buildah_builder() as builder:
        build = a_build(mirror, "web", repository=f"{mirror.host}/cancelled/web")
        project = make_project(
            tmp_path, builder, mirror, [build], {"web/Dockerfile": f"FROM {base}\nRUN sleep 64\n"}
        )
        project.check()
        process = project.start("build", STAGECAST_BUILDS="0")
        await_process("sleep", "64")
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 1
        assert "cancelled" in log
        assert [line["outcome"] for line in project.trace()] == ["cancelled"]
        assert not [argv for argv in running_commands() if argv == ["sleep", "64"]]


def await_process(*start: str, below: int | None = None) -> int:
    """The id of a process whose arguments start so, as soon as there is one."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                argv = path.read_bytes().decode(errors="replace").split("\0")
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            argv[0] = argv[0].rpartition("/")[2]
            if tuple(argv[: len(start)]) == start and below in (None, parent):
                return int(path.parent.name)
        time.sleep(0.05)
    raise AssertionError(f"{start} did not start")


# --- limits


def cgroups_work() -> bool:
    """Whether runc can limit memory on this machine."""
    return os.geteuid() == 0 and any(
        Path(folder).is_dir() and os.access(folder, os.W_OK)
        for folder in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
    )


def test_a_step_that_needs_more_memory_than_the_build_has_is_killed(
    tmp_path: Path, mirror: Registry, base: str
) -> None:
    """At a size that this machine has: 64 MB, of which a step wants 40 and another one 200."""
    if not cgroups_work():
        pytest.skip("NO CGROUPS CAN BE MADE HERE, SO THE MEMORY LIMIT WAS NOT TESTED")
    # dd fills a buffer of one block.
    fill = "dd if=/dev/zero of=/dev/null count=1 bs="
    with image_builders.buildah_builder("oci") as builder:
        sized = {"memory_bytes": 64_000_000, "cpu_milli": 500}
        builds = [
            a_build(mirror, "small", repository=f"{mirror.host}/limits/small", **sized),
            a_build(mirror, "large", repository=f"{mirror.host}/limits/large", **sized),
        ]
        quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null"
        files = {
            "small/Dockerfile": f"FROM {base}\nRUN {fill}40M && {quota}; true\n",
            "large/Dockerfile": f"FROM {base}\nRUN {fill}200M\n",
        }
        project = make_project(tmp_path, builder, mirror, builds, files)
        project.check()
        fits = project.run("build", STAGECAST_BUILDS="0")
        assert fits.code == 0, fits.log
        assert "50000" in fits.log, "the CPU quota of the step: half of every 100 ms"
        ran = project.run("build", STAGECAST_BUILDS="1")
        assert ran.code == 1
        assert (
            "a process was killed, as when it needs more than the build's 0.5 CPU and 0.064 GB" in ran.log
        ), ran.log
    assert mirror.tags("limits/large") == []


def test_the_builder_of_buildx_has_the_size_of_the_build_and_no_more(
    tmp_path: Path, mirror: Registry, base: str
) -> None:
    """Asserted of the running container, and shown: of 300 MB, BuildKit included, a step wants 600."""
    with ExitStack() as stack:
        try:
            builder = stack.enter_context(image_builders.buildx_builder())
        except ToolMissingError as error:
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO BUILDX WAS NOT TESTED: {error}")
        sized = {"memory_bytes": 300_000_000, "cpu_milli": 1500, "cache": "none"}
        builds = [
            a_build(mirror, "small", repository=f"{mirror.host}/limits/buildx", **sized),
            a_build(mirror, "large", repository=f"{mirror.host}/limits/buildx-large", **sized),
        ]
        files = {
            "small/Dockerfile": f"FROM {base}\nRUN sleep 5.5\n",
            "large/Dockerfile": f"FROM {base}\nRUN dd if=/dev/zero of=/dev/null count=1 bs=600M\n",
        }
        project = make_project(tmp_path, builder, mirror, builds, files)
        project.check()
        process = project.start("build", STAGECAST_BUILDS="0")
        await_process("sleep", "5.5")
        [container] = docker(builder, "ps", "--quiet", "--filter=name=buildx_buildkit_stagecast-").split()
        host = json.loads(docker(builder, "inspect", container))[0]["HostConfig"]
        log = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 0, log
        limits = {name: host[name] for name in ("Memory", "MemorySwap", "CpuPeriod", "CpuQuota")}
        assert limits == {
            "Memory": 300_000_000,
            "MemorySwap": 300_000_000,
            "CpuPeriod": 100_000,
            "CpuQuota": 150_000,
        }
        assert docker(builder, "ps", "--all", "--quiet") == "", "nothing is left behind"
        assert docker(builder, "volume", "ls", "--quiet") == ""
        ran = project.run("build", STAGECAST_BUILDS="1")
        assert ran.code == 1
        assert "a process was killed" in ran.log, ran.log
    assert mirror.tags("limits/buildx-large") == []


def docker(builder: Builder, *arguments: str) -> str:
    """What the docker client of a builder prints."""
    environment = {**os.environ, **builder.environment}
    done = subprocess.run(
        ["docker", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize("attested", [["provenance"], ["sbom", "provenance"]])
def test_attestations_are_stored_or_refused(
    tmp_path: Path, mirror: Registry, base: str, attested: list[str]
) -> None:
    build = a_build(mirror, "web", repository=f"{mirror.host}/attested/web", attestations=attested)
    files = {"web/Dockerfile": f"FROM {base}\nRUN true\n"}
    refused = make_project(tmp_path / "refused", Builder("buildah", {}), mirror, [build], files).run("check")
    assert refused.code == 1
    assert f"buildah stores no {' and '.join(attested)} with an image" in refused.log
    if "sbom" in attested:
        # Its scanner is an image of Docker Hub's.
        return
    with ExitStack() as stack:
        try:
            builder = stack.enter_context(image_builders.buildctl_builder())
        except ToolMissingError as error:
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO BUILDCTL WAS NOT TESTED: {error}")
        project = make_project(tmp_path / "stored", builder, mirror, [build], files)
        project.check()
        ran = project.run("build", STAGECAST_BUILDS="0")
        assert ran.code == 0, ran.log
        [image] = [name for name in project.images() if "content-" in name]
        index, _ = mirror.manifest(*image.rsplit(":", 1))
        kinds = [
            entry.get("annotations", {}).get("vnd.docker.reference.type") for entry in index["manifests"]
        ]
        assert kinds == [None, "attestation-manifest"]


def test_the_lock_holds_what_the_registry_says(
    tmp_path: Path, docker_engine: DockerEngine, mirror: Registry, base: str
) -> None:
    repository = f"{mirror.host}/locked/web"
    _, base_digest = mirror.manifest("base/busybox", "1")
    images = [
        {"id": "web", "repository": repository, "build": 0, "tag": None, "digest": None, "services": ["web"]},
        {"id": "base", "repository": base.rpartition(":")[0], "build": None, "tag": "1", "digest": None,
         "services": ["base"]},
    ]  # fmt: skip
    gitops = {"branch": "stagecast/shop", "paths": ["helm"], "optional": [], "pins": "images/shop"}
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", remote], check=True)
    with image_builders.docker_builder(docker_engine) as builder:
        project = make_project(
            tmp_path / "project",
            builder,
            mirror,
            [a_build(mirror, "web", repository=repository)],
            {"web/Dockerfile": f"FROM {base}\nRUN true\n", "helm/values.yaml": "a: 1\n"},
            {"images": images, "gitops": gitops},
        )
        subprocess.run(["git", "remote", "add", "origin", remote], cwd=project.root, check=True)
        found = project.check()
        early = project.run("lock")
        assert early.code == 1
        assert f"the registry has no {repository}:{found['tags']['0']}" in early.log
        assert project.run("build", STAGECAST_BUILDS="0").code == 0
        ran = project.run("lock")
        assert ran.code == 0, ran.log
    show = ["git", "show", "stagecast/shop:images.lock.yaml"]
    text = subprocess.run(show, cwd=remote, capture_output=True, text=True, check=True).stdout
    locked = YAML(typ="safe").load(text)["images"]
    digest = mirror.manifest("locked/web", found["tags"]["0"])[1]
    assert locked["web"] == {"repository": repository, "tag": found["tags"]["0"], "digest": digest}
    assert locked["base"]["digest"] == base_digest
