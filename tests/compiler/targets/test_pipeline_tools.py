"""The scripts that run on a CI runner and the tools that they call: builder, registry, helm, the check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.targets.pipeline import registry
from compiler.targets.pipeline.__main__ import main
from compiler.targets.pipeline.contract import Document
from compiler.targets.pipeline.process import Outcome
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
        assert registry.exists(job, "m/redis:7")


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


def test_a_registry_that_is_away_for_a_moment_is_waited_for_and_not_taken_for_empty(
    stubs: StubTools, tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "PAUSES_S", (0.0,) * 5)
    monkeypatch.setattr(registry.again, "__kwdefaults__", {"pauses_s": (0.0,) * 5})
    job = a_job(tmp_path / "job", document)
    stubs.hold("m/redis:7")
    stubs.tell(registry_away=5)
    assert registry.exists(job, "m/redis:7")
    assert not registry.exists(job, "m/redis:8")
    assert len(stubs.calls("skopeo", "inspect")) == 7
    (stubs.home / "tries" / "inspect").unlink()
    stubs.tell(registry_away=6)
    with pytest.raises(PipelineError, match=r"cannot be asked .*connection refused"):
        registry.digest(job, "m/redis:7")


@pytest.mark.parametrize(
    ("said", "code", "missing"),
    [
        ("manifest unknown: manifest unknown", 1, True),
        ("manifest unknown: Requested image not found", 1, True),
        ("name unknown: The repository with name 'web' does not exist", 1, True),
        ("unknown: artifact library/web:1 not found", 1, True),
        ("requested access to the resource is denied", 1, True),
        ("unauthorized: authentication required", 1, True),
        ("anything", 2, True),
        ("dial tcp: lookup registry.example.com: no such host", 1, False),
        ("received unexpected HTTP status: 503 Service Unavailable", 1, False),
        ("server gave HTTP response to HTTPS client", 1, False),
        (
            'error getting credentials: exec: "docker-credential-x": executable file not found in $PATH',
            1,
            False,
        ),
        ("context deadline exceeded (manifest unknown)", 1, False),
        ("", 1, False),
    ],
)
def test_missing_and_unreachable_are_told_apart(said: str, code: int, missing: bool) -> None:
    assert registry._says_missing(Outcome(code, "", said)) is missing


def test_only_registries_that_are_named_are_asked_without_tls(
    stubs: StubTools, tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGECAST_INSECURE_REGISTRIES", "127.0.0.1:5000, plain.example.com,")
    job = a_job(tmp_path / "job", document)
    image: Any = {"origin": "docker.io/library/redis:7", "destination": "127.0.0.1:5000/redis:7",
                  "present": "127.0.0.1:5000/redis:7"}  # fmt: skip
    assert registry.mirror(job, image, retries=0, timeout_s=60).ok
    assert registry.exists(job, image["present"])
    [asked], [copied] = stubs.calls("skopeo", "inspect"), stubs.calls("skopeo", "copy")
    assert [part for part in asked.argv if "tls" in part] == ["--tls-verify=false"]
    assert [part for part in copied.argv if "tls" in part] == ["--dest-tls-verify=false"]
    registry.exists(job, "127.0.0.1:50000/redis:7")
    assert "--tls-verify=false" not in stubs.calls("skopeo", "inspect")[-1].argv


def test_a_digest_is_that_of_the_manifest_byte_for_byte(
    stubs: StubTools, tmp_path: Path, document: Document
) -> None:
    stubs.hold("m/redis:7")
    digest = "sha256:" + hashlib.sha256(b"m/redis:7").hexdigest()
    assert registry.digest(a_job(tmp_path / "job", document), "m/redis:7") == digest


# --- helm


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
    stubs.hold(f"registry.example.com/shop/web:{tags['0']}")
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
