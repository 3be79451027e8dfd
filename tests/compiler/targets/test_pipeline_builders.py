"""The build half of the scripts without a builder: command lines, logs, ignore files, traces, what was found.

tests/e2e/test_builders.py and test_context_sent.py hold the same modules
against real builders.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.targets.pipeline import build as module
from compiler.targets.pipeline import (
    buildah,
    builders,
    buildx,
    content,
    found,
    git,
    registry,
    trace,
)
from compiler.targets.pipeline.build import build
from compiler.targets.pipeline.builders import ENGINES, Engine, Order
from compiler.targets.pipeline.contract import Build, Document
from compiler.targets.pipeline.ignore import ignored, patterns, rules
from compiler.targets.pipeline.layers import BuildahLayers, BuildKitLayers
from compiler.targets.pipeline.process import TIMED_OUT, Outcome, follow, run
from compiler.targets.pipeline.state import Job, PipelineError
from pipeline_plans import github_outputs, rich_plan
from stub_tools import StubTools, a_job, commit

HOSTILE = ["$(id)", "`id`", "${{ github.token }}", "'\"\\", "a\nb", " ", "--x", "é\u2028", "%0A", "*", ""]
COMMIT = "c" * 40


@pytest.fixture
def document() -> Document:
    data: Document = github_outputs(rich_plan())[1]  # type: ignore[assignment]
    return data


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubTools:
    tools = StubTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return tools


def engine(name: str) -> Engine:
    loaded: Engine = import_module(f"compiler.targets.pipeline.{name}")
    return loaded


def order(folder: Path, document: Document, **changed: Any) -> Order:
    """An order for the first build of the rich plan, which has arguments, labels, a target and a secret."""
    job = a_job(folder, document, SECRET_NPM_REGISTRY__TOKEN="hidden", KUBE_CONFIG="other")
    task: Build = {**document["builds"][0], **changed}  # type: ignore[typeddict-item]
    (folder / "private").mkdir()
    return Order(job, task, git.Repository("/src", COMMIT, {}), "registry/web:tag", folder / "private")


# --- what builders are called with


@pytest.mark.parametrize("name", ENGINES)
def test_every_builder_gets_exactly_the_arguments_labels_and_target(
    tmp_path: Path, document: Document, name: str
) -> None:
    texts = [(f"A{n}", text) for n, text in enumerate(HOSTILE)]
    given_order = order(tmp_path, document, arguments=texts, labels=texts, platforms=["linux/arm64"])
    [command, *pushes] = engine(name).commands(given_order, "cache")
    flags = {
        "buildctl": ("--opt=build-arg:", "--opt=label:", "--opt=target=run", "--opt=platform=linux/arm64"),
    }.get(name, ("--build-arg=", "--label=", "--target=run", "--platform=linux/arm64"))
    ours = [("BUILDKIT_INLINE_CACHE", "1")] if name == "docker" else []
    for flag, wanted in (
        (flags[0], [*texts, *ours]),
        (flags[1], [*texts, ("org.opencontainers.image.revision", COMMIT)]),
    ):
        said = [part.removeprefix(flag) for part in command.argv if part.startswith(flag)]
        assert said == [f"{key}={value}" for key, value in wanted]
    assert {flags[2], flags[3]} <= set(command.argv)
    assert bool(pushes) is (name in ("docker", "buildah"))


@pytest.mark.parametrize("name", ENGINES)
def test_a_secret_is_on_no_command_line_and_in_no_other_commands_environment(
    tmp_path: Path, document: Document, name: str
) -> None:
    given_order = order(tmp_path, document)
    [command, *pushes] = engine(name).commands(given_order, "builder")
    assert "hidden" not in str([command.argv, *(push.argv for push in pushes)])
    assert "hidden" not in str([push.environment for push in pushes])
    assert "KUBE_CONFIG" not in command.environment
    [mount] = [part for part in command.argv if part.startswith("--secret=")]
    if name == "buildah":
        path = Path(mount.partition("src=")[2])
        assert (path.read_text(), path.stat().st_mode & 0o077) == ("hidden", 0)
        assert "hidden" not in str(command.environment)
    else:
        assert mount == "--secret=id=npm,env=SECRET_NPM_REGISTRY__TOKEN"
        assert command.environment["SECRET_NPM_REGISTRY__TOKEN"] == "hidden"
    with pytest.raises(PipelineError, match="is not set"):
        engine(name).commands(replace(given_order, job=replace(given_order.job, secrets={})), "builder")


def test_the_sizes_that_builders_are_held_to(tmp_path: Path, document: Document) -> None:
    job = a_job(tmp_path / "job", document)
    create = buildx.create_command(job, "name", document["builds"][1])
    assert [part for part in create if part.startswith("--driver-opt")] == [
        "--driver-opt=memory=4000000000",
        "--driver-opt=memory-swap=4000000000",
        "--driver-opt=cpu-period=100000",
        "--driver-opt=cpu-quota=400000",
    ]
    [bud, _] = buildah.commands(order(tmp_path / "order", document), "")
    limits = ("--memory=4000000000", "--memory-swap=4000000000", "--cpu-period=100000", "--cpu-quota=400000")
    assert set(limits) <= set(bud.argv)


@pytest.mark.parametrize("name", ENGINES)
def test_a_builder_that_does_not_hold_the_size_says_so(
    document: Document, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("BUILDAH_ISOLATION", raising=False)
    said = engine(name).limits(document["builds"][0])
    assert ("not held" in said) is (name == "docker")
    assert "4 CPU and 4 GB" in said
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    assert "not held" in buildah.limits(document["builds"][0])


def test_an_old_docker_engine_keeps_its_layers_to_itself(tmp_path: Path, document: Document) -> None:
    commands = engine("docker").commands(order(tmp_path, document, cache="registry"), "")
    assert not [part for command in commands for part in command.argv if "cache" in part.lower()]


@pytest.mark.parametrize("name", ENGINES)
def test_each_cache_setting_does_what_the_builder_can(tmp_path: Path, document: Document, name: str) -> None:
    said = {}
    for cache in ("registry", "persistent", "none"):
        given_order = order(tmp_path / cache, document, cache=cache)
        commands = engine(name).commands(given_order, "cache" if cache == "registry" else "")
        flags = [part for part in commands[0].argv if part.startswith("--")]
        said[cache] = [flag for flag in flags if "cache" in flag.partition("=")[0] or "INLINE_CACHE" in flag]
    assert len(said["registry"]) >= 2
    assert said["persistent"] == []
    assert said["none"] == ["--no-cache"]


def test_plain_http_only_where_it_was_said(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGECAST_INSECURE_REGISTRIES", 'registry,odd".example')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "own.conf"))
    (tmp_path / "own.conf").write_text('unqualified-search-registries = ["quay.io"]\n')
    given_order = order(tmp_path / "order", document, repository="registry/web")
    create = buildx.create_command(given_order.job, "name", given_order.task)
    [config] = [part for part in create if part.startswith("--config=")]
    assert Path(config.partition("=")[2]).read_text().startswith('[registry."registry"]\n  http = true\n')
    [command] = engine("buildctl").commands(given_order, "address")
    assert next(part for part in command.argv if part.startswith("--output=")).endswith(
        "registry.insecure=true"
    )
    settings = Path(
        buildah.commands(given_order, "")[1].environment["CONTAINERS_REGISTRIES_CONF"]
    ).read_text()
    assert settings.startswith('unqualified-search-registries = ["quay.io"]\n')
    assert 'location = "odd\\".example"\ninsecure = true' in settings
    monkeypatch.delenv("STAGECAST_INSECURE_REGISTRIES")
    plain = order(tmp_path / "plain", document, repository="registry/web")
    assert "insecure" not in str(engine("buildctl").commands(plain, "address")[0].argv)
    assert buildah.commands(plain, "")[1].environment["CONTAINERS_REGISTRIES_CONF"] == str(
        tmp_path / "own.conf"
    )
    assert "--config" not in str(buildx.create_command(plain.job, "name", plain.task))


@pytest.mark.parametrize(
    ("repository", "host"),
    [("127.0.0.1:5000/a", True), ("localhost:5000/a", True), ("[::1]:5000/a", True),
     ("registry.example.com/a", False), ("127.example.com/a", False)],
)  # fmt: skip
def test_a_registry_on_loopback_is_reached_from_the_machines_network(
    tmp_path: Path, document: Document, repository: str, host: bool
) -> None:
    task: Build = {**document["builds"][0], "repository": repository}
    assert (
        "--driver-opt=network=host" in buildx.create_command(a_job(tmp_path, document), "n", task)
    ) is host


def test_what_a_builder_cannot_do_is_refused_all_at_once(document: Document) -> None:
    asked: Build = {**document["builds"][0], "attestations": ["sbom", "provenance"]}
    asked["platforms"] = ["linux/amd64", "linux/arm64"]
    said = {name: list(builders.refusals(name, engine(name), [asked, asked])) for name in ENGINES}
    assert [len(said[name]) for name in ENGINES] == [0, 4, 2, 0]
    assert "docker stores no sbom and provenance" in said["docker"][0]


def test_attestations_are_asked_for(tmp_path: Path, document: Document) -> None:
    given_order = order(tmp_path, document, attestations=["sbom", "provenance"])
    assert {"--sbom=true", "--provenance=mode=max"} <= set(buildx.commands(given_order, "b")[0].argv)
    argv = engine("buildctl").commands(given_order, "b")[0].argv
    assert {"--opt=attest:sbom=", "--opt=attest:provenance=mode=max"} <= set(argv)


def test_several_platforms_become_one_list_with_buildah(tmp_path: Path, document: Document) -> None:
    given_order = order(tmp_path, document, platforms=["linux/amd64", "linux/arm64"])
    [bud, push] = buildah.commands(given_order, "")
    assert "--manifest=registry/web:tag" in bud.argv
    assert push.argv[:4] == ["buildah", "manifest", "push", "--all"]


# --- logs

# What Docker 20.10, BuildKit of today and buildah 1.28 print, shortened.
LOGS = [
    (BuildKitLayers, (1, 1), """#1 [internal] load build definition from Dockerfile
#1 sha256:367a48a26fa8951c3272d90a31811dfc30b9f8386073f5920cc860d23ad59076
#1 DONE 0.0s
#5 [1/3] FROM docker.io/library/busybox:1.36
#5 DONE 0.0s
#6 [2/3] RUN echo hello
#6 sha256:090818dd80a68ef1523a527140fb839f82b0687a6e341d40dc66c5ff532636f3
#6 0.051 #6 CACHED
#6 DONE 0.1s
#7 [stage-1 3/3] RUN echo two
#7 CACHED
#8 exporting to image
#8 DONE 0.0s"""),
    (BuildKitLayers, (1, 2), """#7 [build 2/4] RUN --mount=type=secret,id=npm true
#7 sha256:40317f1a748722c9799f896e7203569166286f3fd85023580aaeef71ed379758 1.07MB / 1.07MB 0.1s done
#7 extracting sha256:7ad001fd56e5d274f5b65e53071aff9de89138c8d17a70ec37fc56fde0c81be9 done
#7 DONE 0.3s
#8 [linux/amd64 build 3/4] COPY . /src
#8 DONE 0.0s
#9 [run 1/1] RUN exit 3
#9 ERROR: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3"""),
    (BuildahLayers, (2, 2), """STEP 1/4: FROM localhost/busybox:1.36
STEP 2/4: RUN echo one
--> Using cache 3c824222b81fb80f9afc1bcdbabd75bdaeefdaef1a347755e02e9eb9be003302
--> 3c824222b81
[2/2] STEP 3/4: HEALTHCHECK CMD true
--> Cache pulled from remote 127.0.0.1:5000/cache:1
--> 6f97664a013
STEP 4/4: RUN echo two
two
STEP 5/5: ENV A=1"""),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "counted", "log"), LOGS)
def test_hits_and_misses_are_read_from_the_builders_log(
    counter: type[Any], counted: tuple[int, int], log: str
) -> None:
    layers = counter()
    for line in log.splitlines():
        layers.see(line)
    assert layers.counted() == counted


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=20))
def test_no_log_breaks_the_counting(lines: list[str]) -> None:
    for counter in (BuildKitLayers(), BuildahLayers()):
        for line in lines:
            counter.see(line)
        assert min(counter.counted()) >= 0


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (Outcome(1, "dial tcp 127.0.0.1:5000: connect: connection refused"), True),
        (Outcome(1, "ERROR: failed to do request: Head: EOF"), True),
        (Outcome(1, "failed to push: unknown: provided digest did not match uploaded content"), True),
        (Outcome(1, "RUN npm ci\nconnection refused\nprocess x did not complete successfully"), False),
        (Outcome(1, "executor failed running [sh]: exit code: 1: i/o timeout"), False),
        (Outcome(1, 'Error: building at STEP "RUN x": no such host'), False),
        (Outcome(1, "unauthorized"), False),
        (Outcome(TIMED_OUT, "i/o timeout"), False),
        (Outcome(-9, "connection refused"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(outcome: Outcome, again: bool) -> None:
    assert module._may_pass(outcome) is again


# --- whole builds, with stand-ins


@pytest.fixture
def job(
    tmp_path: Path,
    stubs: StubTools,  # noqa: ARG001 - in place of the real tools
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
) -> Job:
    """A job with both builds of the rich plan, from its own checkout."""
    for name in ("web", "api"):
        commit(tmp_path / "job", {f"{name}/Dockerfile": "FROM scratch\n"})
    document["sources"][0] = {"repository": ".", "ref": None, "credentials": None}
    secrets = {"REGISTRY_USERNAME": "x", "REGISTRY_PASSWORD": "y", "SECRET_NPM_REGISTRY__TOKEN": "hidden"}
    made = a_job(tmp_path / "state", document, **secrets)
    job = Job(made.document, tmp_path / "job", made.scratch, made.environment, secrets)
    head = git.look_up(job, document["sources"][0]).commit
    found_file = tmp_path / "found.json"
    commits = [head] * len(document["sources"])
    found_file.write_text(json.dumps({"commits": commits, "tags": {"0": "content-0", "1": "content-1"}}))
    monkeypatch.setenv("STAGECAST_FOUND", str(found_file))
    monkeypatch.setenv("STAGECAST_TRACE", str(tmp_path / "trace.jsonl"))
    monkeypatch.setenv("STAGECAST_BUILDS", "0,1")
    for name in ("STAGECAST_BUILDER", "STAGECAST_FORCE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return job


def steps(job: Job) -> list[tuple[str, str, str]]:
    lines = (job.root.parent / "trace.jsonl").read_text().splitlines()
    return [(line["task"], line["step"], line["outcome"]) for line in map(json.loads, lines)]


def test_builds_are_made_in_turn_unless_they_are_there(job: Job, stubs: StubTools) -> None:
    stubs.hold("registry.example.com/shop/web:content-0")
    assert build(job) == 0
    assert [call.name for call in stubs.calls("docker", "buildx", "build")] == ["api"]
    assert steps(job) == [
        ("build:web", "build", "skipped"), ("build:api", "git clone", "done"), ("build:api", "build", "done")
    ]  # fmt: skip
    [create] = stubs.calls("docker", "buildx", "create")
    [removed] = stubs.calls("docker", "buildx", "rm")
    assert removed.argv[-1] == next(p for p in create.argv if p.startswith("--name=")).partition("=")[2]
    assert list(job.scratch.glob("build-*")) == []


def test_force_builds_what_is_there(job: Job, stubs: StubTools, monkeypatch: pytest.MonkeyPatch) -> None:
    stubs.hold("registry.example.com/shop/web:content-0", "registry.example.com/shop/api:content-1")
    monkeypatch.setenv("STAGECAST_FORCE", "true")
    assert build(job) == 0
    assert [call.name for call in stubs.calls("docker", "buildx", "build")] == ["web", "api"]


def test_after_a_failure_nothing_more_is_built(
    job: Job, stubs: StubTools, capsys: pytest.CaptureFixture[str]
) -> None:
    stubs.tell(failing_builds=["web"])
    assert build(job) == 1
    assert [call.name for call in stubs.calls("docker", "buildx", "build")] == ["web"]
    assert "error: web: the build failed (exit code 1): ::error::a line" in capsys.readouterr().out
    assert steps(job)[-1] == ("build:web", "build", "failed")
    assert len(stubs.calls("docker", "buildx", "rm")) == 1


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("STAGECAST_BUILDER", "kaniko", "there are buildx, docker, buildah, buildctl"),
        ("STAGECAST_BUILDER", "../state", "there are"),
        ("STAGECAST_BUILDS", "7", "names a place outside"),
        ("STAGECAST_BUILDS", "a", "no list|not a list"),
        ("STAGECAST_BUILDS", "", "STAGECAST_GROUP is not a number"),
        ("STAGECAST_FOUND", "/nowhere/found.json", "the check writes it"),
    ],
)
def test_a_wrong_request_is_refused(
    job: Job, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(PipelineError, match=problem):
        build(job)


@pytest.mark.parametrize("group", ["-1", "5"])
def test_a_place_that_is_no_build_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch, group: str) -> None:
    monkeypatch.delenv("STAGECAST_BUILDS")
    monkeypatch.setenv("STAGECAST_GROUP", group)
    monkeypatch.setenv("STAGECAST_BUILD", "0")
    with pytest.raises(PipelineError, match="name no build"):
        build(job)


def test_a_persistent_cache_is_the_volume_of_a_builder_with_a_lasting_name(
    job: Job, stubs: StubTools
) -> None:
    task: Build = {**job.document["builds"][0], "cache": "persistent"}
    names = []
    for _ in range(2):
        with buildx.builder(job, task) as name:
            names.append(name)
    assert names[0] == names[1]
    assert all("--keep-state" in call.argv for call in stubs.calls("docker", "buildx", "rm"))
    with buildx.builder(job, {**task, "id": "build:other"}) as other:
        assert other != names[0]


# --- ignore files

# (patterns, left out, left in): what people write, and what is easily read wrongly.
IGNORE = [
    ("*.md", ["a.md"], ["b/a.md", "amd"]),
    ("**/*.md", ["a.md", "b/a.md", "b/c/a.md"], ["a.mdx"]),
    ("node_modules", ["node_modules/a", "node_modules/a/b"], ["b/node_modules/a"]),
    ("/node_modules/", ["node_modules/a"], ["b/node_modules/a"]),
    ("**/node_modules", ["b/node_modules/a/c"], ["b/node_modules2"]),
    ("*\n!src\n!package.json", ["a", "b/c"], ["src/a", "src/b/c", "package.json"]),
    ("*\n!src/**/*.py", ["src/a.md", "a.py"], ["src/a.py", "src/b/c.py"]),
    ("src\n!src/keep\nsrc/keep/not", ["src/a", "src/keep/not"], ["src/keep", "src/keep/b"]),
    ("# comment\n\n  a  \n\t", ["a"], ["b"]),
    (" # no comment", ["# no comment"], ["a"]),
    ("\ufeffa", ["a"], []),
    ("a\r\nb\r\n", ["a", "b"], ["c"]),
    ("a/../b", ["b"], ["a"]),
    ("./a/", ["a/b"], ["c"]),
    ("**", ["a", "b/c"], []),
    ("a/**", ["a/b", "a/b/c"], ["b"]),
    ("a?c", ["abc"], ["a/c", "ac"]),
    ("[a-c].md", ["b.md"], ["d.md", "[a-c].md"]),
    ("[^a].md", ["b.md"], ["a.md"]),
    ("\\*", ["*"], ["a"]),
    ("a.c", ["a.c"], ["abc"]),
    # Docker 20.10 reads these as regular expressions: they leave nothing out, and bring back what they say.
    ("a+(b)", [], ["a+(b)", "aab"]),
    ("c^d", [], ["c^d"]),
    ("*\n!a+(b)", ["aab"], ["a+(b)"]),
    (".", [], ["a"]),
    ("..\n../a", [], ["a"]),
    ("!", [], ["a"]),
    ("!a", [], ["a", "b"]),
    ("[", [], ["["]),
    ("a\\", [], ["a"]),
    ("\\d", [], ["1", "d"]),
    ("*\n!\\d", [], ["1", "a"]),
    ("a/**/b", ["a/b", "a/x/y/b"], ["b", "a/xb"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "out", "left"), IGNORE)
def test_what_an_ignore_file_leaves_out(text: str, out: list[str], left: list[str]) -> None:
    assert ignored([*out, *left], rules(text)) == set(out)


def test_no_pattern_takes_long() -> None:
    path = "/".join(["a" * 200] * 20)
    started = time.monotonic()
    for pattern in ("*a" * 60 + "b", "**/" * 60 + "b", "**a" * 60 + "b", "*" * 3000 + "b", "?*" * 90 + "[b]"):
        assert ignored([path], rules(pattern)) == set()
    assert ignored([path], rules("a" * 100_000)) == set()
    assert rules("a\n" * 100_000) == []
    assert time.monotonic() - started < 10


@given(
    st.text(alphabet=st.sampled_from("ab/*?[]^-!\\.# \n\ud800é{}()+$|"), max_size=40),
    st.lists(st.text(alphabet="ab./-é\\", min_size=1, max_size=10), max_size=5),
)
def test_no_ignore_file_breaks_anything_and_cleaned_patterns_mean_the_same(
    text: str, paths: list[str]
) -> None:
    out = ignored(paths, rules(text))
    assert out <= set(paths)
    if not any(pattern.startswith("#") for pattern in patterns(text)):
        assert out == ignored(paths, rules("\n".join(patterns(text))))


def a_repository(folder: Path, **files: str) -> git.Repository:
    commit(folder, {name.replace("__", "/"): text for name, text in files.items()})
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return git.Repository(str(folder), head.stdout.strip(), dict(os.environ))


@pytest.fixture
def web(document: Document) -> Build:
    return {**document["builds"][0], "context": "web", "dockerfile": "web/Dockerfile"}


def test_a_file_that_is_left_out_does_not_count_and_the_file_of_the_dockerfile_goes_first(
    tmp_path: Path, web: Build
) -> None:
    files = {
        "web/Dockerfile": "FROM scratch\n",
        "web/a.md": "1",
        "web/b.txt": "1",
        "web/.dockerignore": "*.md\n",
    }

    def tag(**changed: str) -> str:
        commit(tmp_path, {name.replace("__", "/"): text for name, text in changed.items()})
        return content.content_tag(a_repository(tmp_path), web)

    commit(tmp_path, files)
    first = tag()
    assert tag(**{"web/a.md": "2"}) == first
    second = tag(**{"web/b.txt": "2"})
    assert second != first
    own = tag(**{"web/Dockerfile.dockerignore": "*.txt\n"})
    assert own != second
    assert content.ignore_file(a_repository(tmp_path), web) == "web/Dockerfile.dockerignore"
    assert tag(**{"web/b.txt": "3"}) == own
    assert tag(**{"web/a.md": "3"}) != own
    assert tag(**{"web/Dockerfile": "FROM scratch AS x\n"}) != own


def test_an_ignore_file_that_is_a_link_leaves_nothing_out(tmp_path: Path, web: Build) -> None:
    commit(tmp_path, {"web/Dockerfile": "FROM scratch\n", "web/real": "*.md\n", "web/a.md": "1"})
    (tmp_path / "web" / ".dockerignore").symlink_to("real")
    first = content.content_tag(a_repository(tmp_path), web)
    assert content.content_tag(a_repository(tmp_path, **{"web/a.md": "2"}), web) != first


def test_a_dockerfile_that_is_left_out_counts_all_the_same(tmp_path: Path, web: Build) -> None:
    first = a_repository(tmp_path, **{"web/Dockerfile": "FROM scratch\n", "web/.dockerignore": "**\n"})
    tag = content.content_tag(first, web)
    assert content.content_tag(a_repository(tmp_path, **{"web/Dockerfile": "FROM a\n"}), web) != tag


# --- the files that are built


def test_a_checkout_with_other_files_is_not_built_but_its_commit_is(
    tmp_path: Path, document: Document
) -> None:
    repository = a_repository(tmp_path / "job", **{"web/a": "1", ".gitignore": "*.log\n"})
    job = replace(a_job(tmp_path / "state", document), root=tmp_path / "job")
    source: Any = {"repository": ".", "ref": None, "credentials": None}
    assert git.check_out(job, source, repository.commit).path == str(tmp_path / "job")
    for stray in ("web/stray", "web/x.log"):
        (tmp_path / "job" / stray).write_text("x")
        copy = Path(git.check_out(job, source, repository.commit).path)
        assert sorted(str(p.relative_to(copy)) for p in copy.rglob("*") if p.is_file()) == [
            ".gitignore",
            "web/a",
        ]
        (tmp_path / "job" / stray).unlink()
    later = a_repository(tmp_path / "job", **{"web/a": "2"})
    assert (Path(git.check_out(job, source, repository.commit).path) / "web" / "a").read_text() == "1"
    assert (Path(git.check_out(job, source, later.commit).path) / "web" / "a").read_text() == "2"
    status = subprocess.run(["git", "status", "--porcelain"], cwd=job.root, capture_output=True, check=True)
    assert status.stdout == b""


def test_submodules_are_built_as_they_were_committed(tmp_path: Path, document: Document) -> None:
    commit(tmp_path / "library", {"code": "1"})
    commit(tmp_path / "job", {"web/a": "1"})
    add = ["-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "library"), "web/lib"]
    subprocess.run(["git", *add], cwd=tmp_path / "job", check=True, capture_output=True)
    repository = a_repository(tmp_path / "job")
    (tmp_path / "job" / "web" / "lib" / "code").write_text("changed")
    job = replace(a_job(tmp_path / "state", document), root=tmp_path / "job")
    source: Any = {"repository": ".", "ref": None, "credentials": None}
    copy = Path(git.check_out(job, source, repository.commit).path)
    assert (copy / "web" / "lib" / "code").read_text() == "1"
    subprocess.run(["git", "submodule", "deinit", "-q", "-f", "web/lib"], cwd=job.root, check=True)
    (job.root / "stray").touch()
    with pytest.raises(PipelineError, match="the submodule 'web/lib' is not checked out"):
        git.check_out(job, source, repository.commit)


# --- commands whose lines are followed


def test_lines_come_when_they_are_printed_and_the_last_are_kept() -> None:
    code = "import sys, time\nfor n in range(80): print(n, flush=True)\nsys.stderr.write('end')\nsys.exit(3)"
    lines: list[str] = []
    outcome = follow([sys.executable, "-c", code], lines.append, timeout_s=20)
    assert lines == [*map(str, range(80)), "end"]
    assert (outcome.code, outcome.ended) == (3, "exit code 3")
    assert outcome.output.splitlines() == lines[-50:]


def test_a_followed_command_is_ended_with_its_children(tmp_path: Path) -> None:
    started = time.monotonic()
    script = f"(sleep 2; touch '{tmp_path}/mark') & echo begun; wait"
    outcome = follow(["sh", "-c", script], lambda _: None, timeout_s=0.5)
    assert (outcome.code, outcome.output, outcome.ended) == (TIMED_OUT, "begun", "timed out")
    assert time.monotonic() - started < 1.9
    time.sleep(2)
    assert not (tmp_path / "mark").exists()


def test_how_a_command_ended_is_said_in_words() -> None:
    killed = follow(["sh", "-c", "kill -KILL $$"], lambda _: None, timeout_s=10)
    assert (killed.code, killed.ended) == (-signal.SIGKILL, "killed by SIGKILL")
    assert follow(["no-such-program-here"], lambda _: None, timeout_s=1).code == 127


def test_a_log_that_cannot_be_written_does_not_hang_the_command() -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    outcome = follow(["sh", "-c", "yes | head -c 300000"], broken, timeout_s=10)
    assert outcome.ok


def test_standard_error_is_apart_where_output_is_exact() -> None:
    outcome = run(["sh", "-c", "printf 'a\\377'; echo why >&2; exit 1"], timeout_s=5, exact=True)
    assert (outcome.output.encode(errors="surrogateescape"), outcome.said) == (b"a\xff", "why")


def test_trying_again_ends_in_time() -> None:
    tries: list[float] = []

    def attempt() -> Outcome:
        tries.append(time.monotonic())
        return Outcome(1, "no")

    registry.again(attempt, lambda _: True, ends=time.monotonic() + 0.1, pauses_s=(0.01, 0.01, 5, 5))
    assert len(tries) == 3
    registry.again(attempt, lambda _: False, ends=time.monotonic() + 9, pauses_s=(0, 0))
    assert len(tries) == 4


# --- what the check found


def test_what_was_found_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGECAST_FOUND", str(tmp_path / "deep" / "found.json"))
    found.write([COMMIT], {0: "content-0", 12: "content-1"}, {12})
    assert found.tags() == {0: "content-0", 12: "content-1"}
    assert found.commits() == [COMMIT]
    assert json.loads((tmp_path / "deep" / "found.json").read_text())["present"] == [12]
    monkeypatch.setenv("STAGECAST_FOUND", "")
    monkeypatch.setenv("STAGECAST_TAGS_1", '{"0": "a"}')
    monkeypatch.setenv("STAGECAST_TAGS_2", '{"1": "b"}')
    monkeypatch.setenv("STAGECAST_COMMITS", '["c"]')
    assert (found.tags(), found.commits()) == ({0: "a", 1: "b"}, ["c"])


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"x"', "{}", '{"tags": [], "commits": {}}', '{"tags": {"x": "a"}, "commits": [1]}',
     '{"tags": {"0": 1}, "commits": "ab"}', '{"tags": {"²": "a"}, "commits": null}', "[" * 100_000],
)  # fmt: skip
def test_what_was_not_written_by_the_check_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "found.json").write_text(text)
    monkeypatch.setenv("STAGECAST_FOUND", str(tmp_path / "found.json"))
    for read in (found.tags, found.commits):
        with pytest.raises(PipelineError, match="STAGECAST_FOUND"):
            read()


# --- the trace


def test_lines_of_processes_that_write_at_once_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    code = """import sys
from compiler.targets.pipeline import trace
for _ in range(200):
    with trace.span(sys.argv[1], "build") as running:
        running.cache = (1, 2)
"""
    names = [f"build:{'x' * 200 * n}" for n in range(3)]
    environment = {**os.environ, "STAGECAST_TRACE": str(path), "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in names]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted({line["task"] for line in lines}) == sorted(names)
    assert len(lines) == 600
    assert all(line["cache"] == {"hit": 1, "miss": 2} and line["start"] <= line["end"] for line in lines)


@pytest.mark.parametrize(
    ("raised", "outcome"), [(None, "done"), (PipelineError, "failed"), (KeyboardInterrupt, "cancelled")]
)
def test_a_span_ends_as_what_is_inside_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException] | None, outcome: str
) -> None:
    monkeypatch.setenv("STAGECAST_TRACE", str(tmp_path / "trace.jsonl"))
    try:
        with trace.span("build:web", "git clone"):
            if raised:
                raise raised
    except (PipelineError, KeyboardInterrupt):
        pass
    [line] = [json.loads(text) for text in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert (line["outcome"], line["step"], "cache" in line) == (outcome, "git clone", False)


def test_without_a_place_for_it_there_is_no_trace_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGECAST_TRACE", raising=False)
    with trace.span("a", "build"):
        pass
    monkeypatch.setenv("STAGECAST_TRACE", str(tmp_path))
    with trace.span("a", "build"):
        pass
    assert "the trace cannot be written" in capsys.readouterr().out
