"""The scripts that run on a CI runner and the tools that they call: builder, registry, helm, the check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.targets.pipeline import git, helm, registry
from compiler.targets.pipeline.__main__ import main
from compiler.targets.pipeline.build import build_command, builder_command
from compiler.targets.pipeline.contract import Build, Document
from compiler.targets.pipeline.state import PipelineError, opened
from pipeline_plans import Service, github_outputs, make_plan, rich_plan
from stub_tools import StubTools, a_job, commit
from toolchain import Helm

HOSTILE = ["$(id)", "`id`", "${{ github.token }}", "'\"\\", "a\nb", " ", "--x", "é\u2028", "%0A", "*", ""]


@pytest.fixture
def document() -> Document:
    data: Document = github_outputs(rich_plan())[1]  # type: ignore[assignment]
    return data


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubTools:
    tools = StubTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return tools


# --- building


def test_the_builder_has_exactly_the_size_of_the_build(document: Document) -> None:
    options = [
        part for part in builder_command("name", document["builds"][1]) if part.startswith("--driver-opt")
    ]
    assert options == [
        "--driver-opt=memory=4000000000",
        "--driver-opt=memory-swap=4000000000",
        "--driver-opt=cpu-period=100000",
        "--driver-opt=cpu-quota=400000",
    ]


def test_a_build_gets_exactly_its_arguments_and_secrets(tmp_path: Path, document: Document) -> None:
    job = a_job(tmp_path, document, SECRET_NPM_REGISTRY__TOKEN="hidden", KUBE_CONFIG="other")
    task: Build = {**document["builds"][0], "arguments": [(f"A{n}", text) for n, text in enumerate(HOSTILE)]}
    repository = git.Repository("/src", "c" * 40, {})
    command, environment = build_command(job, task, "builder", repository, "registry/web:tag")
    assert [part for part in command if part.startswith("--build-arg")] == [
        f"--build-arg=A{n}={text}" for n, text in enumerate(HOSTILE)
    ]
    assert "--secret=id=npm,env=SECRET_NPM_REGISTRY__TOKEN" in command
    assert environment["SECRET_NPM_REGISTRY__TOKEN"] == "hidden"
    assert "KUBE_CONFIG" not in environment
    assert "hidden" not in str(command)
    cache = "type=registry,ref=registry.example.com/shop/web:buildcache"
    assert {f"--cache-from={cache}", f"--cache-to={cache},mode=max,ignore-error=true"} <= set(command)
    assert {
        "--target=run",
        "--file=/src/web/Dockerfile",
        f"--label=org.opencontainers.image.revision={'c' * 40}",
    } <= set(command)
    assert command[-2:] == ["--", "/src/web"]
    cold, _ = build_command(job, {**task, "cache": "none"}, "builder", repository, "registry/web:tag")
    assert not [part for part in cold if "cache" in part]


# --- the registry


@pytest.mark.parametrize(("failures", "copies", "ok"), [(0, 1, True), (3, 4, True), (4, 4, False)])
def test_a_copy_is_tried_three_times_more(
    stubs: StubTools, tmp_path: Path, document: Document, failures: int, copies: int, ok: bool
) -> None:
    stubs.tell(copy_failures=failures)
    job = a_job(tmp_path / "job", document)
    image: Any = {"origin": "docker.io/library/redis:7", "destination": "m/redis:7", "present": "m/redis:7"}
    assert registry.mirror(job, image, retries=3, timeout_s=60, pause_s=0).ok is ok
    calls = stubs.calls("skopeo", "copy")
    assert len(calls) == copies
    assert calls[0].argv == [
        "copy", "--all", "--preserve-digests", "docker://docker.io/library/redis:7", "docker://m/redis:7"
    ]  # fmt: skip
    if ok:
        assert registry.mirror(job, image, retries=3, timeout_s=60, pause_s=0).ok
        assert len(stubs.calls("skopeo", "copy")) == copies


def test_logging_in_hands_the_password_over_in_secret_and_adds_other_registries(
    stubs: StubTools, tmp_path: Path, document: Document
) -> None:
    secrets = {
        "REGISTRY_USERNAME": "robot",
        "REGISTRY_PASSWORD": "hidden",
        "SECRET_HUB__DOCKERCONFIGJSON": json.dumps({"auths": {"docker.io": {"auth": "h"}}}),
    }
    job = a_job(tmp_path / "job", document, **secrets)
    job.auth_file.write_text('{"auths": {}, "cliPluginsExtraDirs": ["/x"]}')
    registry.log_in(job)
    [login] = stubs.calls("skopeo", "login")
    assert (login.stdin, "hidden" in str(login.argv)) == ("hidden", False)
    config = json.loads(job.auth_file.read_text())
    assert config["cliPluginsExtraDirs"] == ["/x"]
    assert set(config["auths"]) == {"registry.example.com", "docker.io", "https://index.docker.io/v1/"}
    broken = replace(job, secrets={**secrets, "SECRET_HUB__DOCKERCONFIGJSON": "[]"})
    with pytest.raises(PipelineError, match="no Docker configuration"):
        registry.log_in(broken)


# --- helm


def releases(document: Document) -> dict[str, Any]:
    return {
        t["release"]["name"]: t["release"] for s in document["stages"] for t in s["tasks"] if t["release"]
    }


@pytest.mark.parametrize(
    ("version", "flag"),
    [("v3.17.2", "--atomic"), ("v4.1.4", "--rollback-on-failure"), ("v4.0.0+g1", "--rollback-on-failure")],
)
def test_only_a_stateless_release_is_rolled_back_in_its_helms_words(
    stubs: StubTools,
    tmp_path: Path,
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    flag: str,
) -> None:
    stubs.tell(helm=version)
    monkeypatch.setenv("STAGECAST_TAGS_1", '{"0": "content-0", "1": "content-1"}')
    job = a_job(tmp_path / "job", document)
    assert helm.command(job, releases(document)["web"], 600) == [
        "helm", "upgrade", "--install", "--namespace=shop", "--kube-context=prod-eu",
        "--values=helm/values/shop/web.yaml", "--wait", "--timeout=600s", flag,
        "--set-string=image.tag=content-0", "--", "web", "./helm/charts/workload",
    ]  # fmt: skip
    stateful = helm.command(job, releases(document)["postgres"], 600)
    assert "--wait" in stateful
    assert not {"--atomic", "--rollback-on-failure"} & set(stateful)


def test_a_chart_of_ones_own_gets_what_its_author_says(tmp_path: Path, document: Document) -> None:
    job = a_job(tmp_path, document)
    own = releases(document)["redis"]
    assert helm.command(job, own, 600) == [
        "helm", "upgrade", "--install", "--namespace=shop", "--kube-context=prod-eu", "--values=redis.yaml",
        "--values=helm/values/shop/redis.yaml", "--set-literal=b.c=x,y", "--version=1.2.3",
        "--repo=https://charts.example.com", "--devel", "--", "redis", "redis",
    ]  # fmt: skip
    oci = {**own, "chart": {**own["chart"], "repository": "oci://registry.example.com/charts/"}}
    assert helm.command(job, oci, 600)[-1] == "oci://registry.example.com/charts/redis"  # type: ignore[arg-type]


def test_helm_takes_single_values_byte_for_byte(helms: Helm, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 1.0.0\n")
    (chart / "templates" / "values.yaml").write_text("value: {{ .Values.a.b | toJson }}\n")
    for text in [*HOSTILE, "x,y=z", "{a,b}", "\\,", "null", "true", "1e3"]:
        result = helms.run("template", f"--set-literal=a.b={text}", "--", "name", chart)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout.partition("value: ")[2]) == text


# --- whole commands


@pytest.fixture
def checkout(
    tmp_path: Path,
    stubs: StubTools,  # noqa: ARG001 - in place of the real tools
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., tuple[int, dict[str, str]]]]:
    """Runs the check in a repository with these files; gives its exit code and outputs."""
    plan = make_plan([Service("web", "only", built=True), Service("cache", "only")])
    data = github_outputs(plan)[1]
    repository, results = tmp_path / "repository", tmp_path / "outputs"
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(results))
    monkeypatch.setenv("STAGECAST_DATA", "data.json")
    for name in ("REGISTRY_USERNAME", "REGISTRY_PASSWORD", "KUBE_CONFIG"):
        monkeypatch.setenv(name, "x" if name == "REGISTRY_USERNAME" else "y")

    def check(*files: str) -> tuple[int, dict[str, str]]:
        commit(repository, {"data.json": json.dumps(data), **dict.fromkeys(files, "FROM scratch\n")})
        monkeypatch.chdir(repository)
        results.write_text("")
        code = main(["check"])
        return code, dict(line.split("=", 1) for line in results.read_text().splitlines())

    yield check
    assert list((tmp_path / "temp").iterdir()) == [], "credentials are left behind"


COMPLETE = (
    "web/Dockerfile", "helm/charts/workload/Chart.yaml", "helm/values/shop/web.yaml",
    "helm/values/shop/cache.yaml",
)  # fmt: skip


def test_the_check_hands_over_commits_tags_and_what_is_missing(
    checkout: Callable[..., tuple[int, dict[str, str]]], stubs: StubTools
) -> None:
    code, found = checkout(*COMPLETE)
    assert (code, found["matrix_1"]) == (0, "[0]")
    tags = json.loads(found["tags_1"])
    assert len(json.loads(found["commits"])[0]) == 40
    (stubs.home / "registry" / f"registry.example.com_shop_web:{tags['0']}").touch()
    assert checkout("unrelated")[1]["matrix_1"] == "[]"


@pytest.mark.parametrize("missing", COMPLETE)
def test_the_check_finds_what_is_missing(
    checkout: Callable[..., tuple[int, dict[str, str]]], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = checkout(*(path for path in COMPLETE if path != missing))
    assert (code, found) == (1, {})
    assert missing in capsys.readouterr().out or missing == "web/Dockerfile"


def test_commands_get_no_secret_unless_it_is_handed_over(
    checkout: Callable[..., tuple[int, dict[str, str]]], stubs: StubTools
) -> None:
    checkout(*COMPLETE)
    assert {name for call in stubs.calls("skopeo") for name in call.env} == {"KUBECONFIG"}


def test_wrong_usage_and_wrong_data_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == main(["x"]) == 2
    monkeypatch.delenv("STAGECAST_DATA", raising=False)
    assert main(["check"]) == 1
    (tmp_path / "data.json").write_text('{"version": 0}')
    monkeypatch.setenv("STAGECAST_DATA", str(tmp_path / "data.json"))
    assert main(["check"]) == 1
    assert "of another version" in capsys.readouterr().out
    with pytest.raises(PipelineError), opened():
        pass
