"""The deploy half of the scripts without a cluster: command lines, fingerprints, notes, names, records.

What they do to a real cluster is in tests/e2e/test_deploy_cluster.py.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_plans import Span, most_at_once
from compiler.targets.pipeline import deployed, helm, kubernetes, naming, records
from compiler.targets.pipeline.__main__ import main
from compiler.targets.pipeline.charts import Chart, Charts, folder_identity
from compiler.targets.pipeline.contract import Document, Preview
from compiler.targets.pipeline.deployed import Note
from compiler.targets.pipeline.guard import guarded
from compiler.targets.pipeline.preview import removal_order
from compiler.targets.pipeline.process import Outcome
from compiler.targets.pipeline.remove import left
from compiler.targets.pipeline.state import Job, PipelineError, numbers, opened
from pipeline_plans import Service, github_outputs, make_plan, rich_plan
from stub_tools import StubTools, a_job, commit
from toolchain import Helm

HOSTILE = ["$(id)", "`id`", "${{ github.token }}", "'\"\\", "a\nb", " ", "--x", "é\u2028", "%0A", "*", "{}"]
CHART = Chart("x", ("--devel",), "one")


@pytest.fixture
def document() -> Document:
    data: Document = github_outputs(rich_plan())[1]  # type: ignore[assignment]
    return data


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubTools:
    tools = StubTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return tools


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STAGECAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STAGECAST_TAGS_1", '{"0": "content-0", "1": "content-1"}')


def releases(document: Document) -> dict[str, Any]:
    return {
        t["release"]["name"]: t["release"] for s in document["stages"] for t in s["tasks"] if t["release"]
    }


def with_chart(release: Any, **changes: Any) -> Any:
    """A release whose own chart is another."""
    return {**release, "chart": {**release["chart"], **changes}}


# --- command lines


def test_a_release_is_never_undone_by_helm_itself_and_waited_for_alike(
    tmp_path: Path, document: Document, helms: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{helms.helm.parent}{os.pathsep}{os.environ['PATH']}")
    job = a_job(tmp_path, document)
    wait = {3: "--wait", 4: "--wait=legacy"}[helms.major]
    chart = Charts(job).of(releases(document)["web"])
    assert helm.command(job, releases(document)["web"], chart, 600) == [
        "helm", "upgrade", "--namespace=shop", "--kube-context=prod-eu", "--install",
        "--values=helm/values/shop/web.yaml", wait, "--timeout=600s",
        "--set-string=image.tag=content-0", "--", "web", "./helm/charts/workload",
    ]  # fmt: skip
    preview = replace(job, preview="pr-12")
    assert helm.image_flags(preview, releases(document)["web"]) == [
        "--set-string=image.tag=content-0", "--set-string=preview.prefix=pr-12-",
    ]  # fmt: skip


def test_a_helm_that_is_none_is_told(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match="helm does not say its version"):
        helm.wait_flags(a_job(tmp_path, document), 600)


def test_a_pinned_image_needs_nothing_to_be_set(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(tmp_path, document)
    web = releases(document)["web"]
    monkeypatch.delenv("STAGECAST_TAGS_1")
    with pytest.raises(PipelineError, match="web: the tag of its image is not known"):
        helm.image_flags(job, web)
    assert helm.image_flags(job, {**web, "build": None}) == []  # type: ignore[typeddict-item]


def test_a_chart_of_ones_own_gets_what_its_author_says(tmp_path: Path, document: Document) -> None:
    job = replace(a_job(tmp_path, document), preview="pr-12")
    own: Any = releases(document)["redis"]
    assert helm.command(job, own, Charts(job).of(own), 600) == [
        "helm", "upgrade", "--namespace=shop", "--kube-context=prod-eu", "--install", "--values=redis.yaml",
        "--values=helm/values/shop/redis.yaml", "--set-literal=b.c=x,y", "--version=1.2.3",
        "--repo=https://charts.example.com", "--devel", "--", "redis", "redis",
    ]  # fmt: skip
    oci = with_chart(own, repository="oci://registry.example.com/charts/")
    assert Charts(job).of(oci).place == "oci://registry.example.com/charts/redis"


# --- what a chart is


def test_a_chart_of_a_repository_is_known_only_by_one_exact_version(
    tmp_path: Path, document: Document
) -> None:
    job = a_job(tmp_path, document)
    own: Any = releases(document)["redis"]
    identities = {
        version: Charts(job).of(with_chart(own, version=version)).identity
        for version in (None, "1.2.3", "v1.2.3", "1.2.3-rc.1+b", "1.2", "^1.2.3", "1.x", "~1", "*", ">=1.0.0")
    }
    assert {version for version, known in identities.items() if known} == {"1.2.3", "v1.2.3", "1.2.3-rc.1+b"}
    assert len({known for known in identities.values() if known}) == 3


def test_a_chart_from_git_is_known_by_its_tree_and_cloned_once(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = tmp_path / "origin"

    def chart_at(**files: str) -> Chart:
        commit(origin, {f"charts/{name}": text for name, text in files.items()})
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=origin, check=True, capture_output=True, text=True
        )
        monkeypatch.setenv("STAGECAST_COMMITS", json.dumps([head.stdout.strip()]))
        source: Any = {"repository": f"file://{origin}", "ref": None, "credentials": None}
        job = a_job(tmp_path / head.stdout[:12], {**document, "sources": [source]})
        charts = Charts(job)
        tools: Any = releases(document)["tools"]
        tools = {**tools, "chart": {**tools["chart"], "source": 0}}
        assert charts.of(tools) == charts.of(tools)
        assert len(list(job.scratch.glob("source-*"))) == 1
        return charts.of(tools)

    first = chart_at(**{"web/Chart.yaml": "name: web\n"})
    assert (Path(first.place) / "Chart.yaml").is_file()
    elsewhere = chart_at(other="x")
    assert elsewhere.identity == first.identity
    assert chart_at(**{"web/values.yaml": "a: 1\n"}).identity != first.identity


def test_the_files_of_a_folder_are_its_identity(tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("a")
    (chart / "templates" / "x").write_text("b")
    seen = [folder_identity(chart)]
    for change in (
        lambda: (chart / "templates" / "x").write_text("c"),
        lambda: (chart / "templates" / "x").rename(chart / "x"),
        lambda: (chart / "Chart.yamlc").touch(),
        lambda: (chart / "x").unlink(),
    ):
        change()
        seen.append(folder_identity(chart))
    assert None not in seen
    assert len(set(seen)) == len(seen)
    (chart / "linked").symlink_to(tmp_path)
    assert folder_identity(chart) is None
    assert folder_identity(tmp_path / "missing") is None


# --- fingerprints


@pytest.fixture
def fingerprint(tmp_path: Path, document: Document) -> Callable[..., str | None]:
    job = a_job(tmp_path / "job", document)
    (job.root / "values.yaml").write_text("a: 1\n")
    (job.root / "more.yaml").write_text("b: 1\n")
    release = {**releases(document)["web"], "values": ["values.yaml"]}

    def found(chart: Chart = CHART, image: Any = ("a",), **changes: Any) -> str | None:
        return deployed.fingerprint(job, {**release, **changes}, chart, list(image))  # type: ignore[typeddict-item]

    return found


def test_a_fingerprint_changes_with_all_that_is_deployed(
    fingerprint: Callable[..., str | None], tmp_path: Path
) -> None:
    prints = [
        fingerprint(),
        fingerprint(chart=Chart("x", ("--devel",), "two")),
        fingerprint(chart=Chart("x", (), "one")),
        fingerprint(image=["b"]),
        fingerprint(set=["a=b"]),
        fingerprint(arguments=["a=b"]),
        fingerprint(values=["values.yaml", "more.yaml"]),
        fingerprint(values=["more.yaml", "values.yaml"]),
    ]
    (tmp_path / "job" / "values.yaml").write_text("a: 2\n")
    prints.append(fingerprint())
    assert None not in prints
    assert len(set(prints)) == len(prints)
    assert fingerprint() == fingerprint(chart=Chart("elsewhere", ("--devel",), "one"))


def test_what_nobody_can_know_to_be_the_same_has_no_fingerprint(
    fingerprint: Callable[..., str | None],
) -> None:
    assert fingerprint(chart=Chart("x")) is None
    assert fingerprint(values=["missing.yaml"]) is None
    for argument in ("-fx", "-f", "--values=https://x", "--set-file=a=b", "--post-renderer=x"):
        assert fingerprint(arguments=[argument]) is None


# --- notes


@given(st.none() | st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_hostile_note_is_no_note(content: Any) -> None:
    for text in (content, json.dumps(content), json.dumps({"revision": content, "fingerprint": content})):
        note = deployed.parsed(text)
        assert note is None or note.revision is None or (isinstance(content, int) and content > 0)


def test_notes_are_read_as_they_are_written() -> None:
    assert deployed.parsed('{"revision": 3, "fingerprint": "f", "begun": 4}') == Note(3, "f", 4)
    assert deployed.parsed('{"revision": true, "fingerprint": 1}') == Note(None, None)
    assert deployed.parsed("[" * 100_000) is None
    assert deployed.parsed("{" * 100_000) is None


# --- names

NAMES = st.text(st.sampled_from("abzAZ09-._ é/"), min_size=1, max_size=300)


@given(NAMES)
def test_names_are_what_kubernetes_takes(text: str) -> None:
    subdomain = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
    name, value = naming.object_name(f"stagecast-{text}"), naming.label_value(text)
    assert subdomain.fullmatch(name)
    assert len(name) <= 253
    assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", value)
    assert len(value) <= 63


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_different_names_stay_different(texts: list[str]) -> None:
    assert len({naming.object_name(f"stagecast-{text}") for text in texts}) == 2
    assert len({naming.label_value(text) for text in texts}) == 2


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True), st.text(max_size=80))
def test_a_previews_namespace_is_one(namespace: str, text: str) -> None:
    suffix = naming.preview_suffix(text)
    if suffix is not None:
        name = naming.preview_namespace(namespace, suffix)
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
        assert name != namespace


def test_only_letters_digits_and_hyphens_name_a_preview() -> None:
    assert [naming.preview_suffix(text) for text in ("pr-12", "PR-12", "a", "7")] == [
        "pr-12",
        "pr-12",
        "a",
        "7",
    ]
    for text in ("", "-a", "a-", "a_b", "a.b", "ä", "a\n", "a b", "İ", "../x"):
        assert naming.preview_suffix(text) is None
    long = [naming.preview_namespace("n" * 60, suffix) for suffix in ("pr-1", "pr-2")]
    assert len(set(long)) == 2


# --- Helm's records


def test_helms_own_records_change_in_their_status_only(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = "2026-01-02T03:04:05.6+02:00"
    release = {
        "name": "web",
        "info": {"status": "pending-install", "last_deployed": moment},
        "config": {"a": [1.5, 10**30, "é\u2028<>&"]},
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    secret: Any = {
        "metadata": {"name": "s", "resourceVersion": "7", "labels": {"a": "b"}},
        "data": {"release": packed},
    }
    sent: list[Any] = []

    def ask(_: Job, *arguments: str, stdin: str | None = None) -> Any:
        sent.append((arguments, json.loads(stdin or "")))
        return Outcome(0, "")

    monkeypatch.setattr(kubernetes, "ask", ask)
    monkeypatch.setattr(kubernetes, "read", lambda *_: "NAME type 1 5s web 2 pending-install\nx y 1 5s web\n")
    monkeypatch.setattr(kubernetes, "read_json", lambda *_: json.loads(json.dumps(secret)))
    job = a_job(tmp_path, document)
    records.settle(job, "web", ours=2, timeout_s=600)
    [(arguments, changed)] = sent
    assert arguments == ("replace", "--filename=-")
    assert changed["metadata"] == {
        "name": "s",
        "resourceVersion": "7",
        "labels": {"a": "b", "status": "failed"},
    }
    content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(changed["data"]["release"]))))
    assert content["info"].pop("status") == "failed"
    assert content["info"].pop("description")
    assert content == {**release, "info": {"last_deployed": moment}}
    for broken in ("", "x", base64.b64encode(b"x").decode(), "e30="):
        secret["data"]["release"] = broken
        with pytest.raises(PipelineError, match="is not what Helm writes"):
            records.settle(job, "web", ours=2, timeout_s=600)


def test_the_work_of_somebody_else_is_waited_for(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    release = {"info": {"status": "pending-upgrade", "last_deployed": begun}}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    answers = iter(["web 2 pending-upgrade", "web 2 pending-upgrade", "web 2 deployed"])
    monkeypatch.setattr(records, "POLL_S", 0)
    monkeypatch.setattr(kubernetes, "read", lambda *_: f"N T D A {next(answers)}\n")
    monkeypatch.setattr(kubernetes, "read_json", lambda *_: {"metadata": {}, "data": {"release": packed}})
    records.settle(a_job(tmp_path, document), "web", ours=1, timeout_s=600)
    assert list(answers) == []


def test_the_revision_to_go_back_to() -> None:
    def last_good(*statuses: str) -> int | None:
        return records.last_good([records.Revision(n + 1, status) for n, status in enumerate(statuses)])

    assert last_good("superseded", "deployed", "failed", "failed") == 2
    assert last_good("superseded", "superseded", "failed") == 2
    assert last_good("failed", "failed") is None


# --- a job


@pytest.fixture
def data(tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes the data file that the environment names."""
    monkeypatch.setenv("STAGECAST_DATA", str(tmp_path / "data.json"))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))

    def write(**changes: Any) -> None:
        (tmp_path / "data.json").write_text(json.dumps({**document, **changes}))

    write()
    return write


def test_a_preview_is_told_from_the_environment_itself_in_any_case(
    data: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as job:
        assert (job.preview, job.document["namespace"]) == (None, "shop")
    monkeypatch.setenv("STAGECAST_PREVIEW", "pr-12")
    with pytest.raises(PipelineError, match="has no previews"), opened():
        pass
    data(preview=Preview(secrets=[], secrets_from=None))
    with opened() as job:
        assert (job.preview, job.document["namespace"]) == ("pr-12", "shop-pr-12")
    for text in ("", " ", "pr_12", "$(id)"):
        monkeypatch.setenv("STAGECAST_PREVIEW", text)
        with pytest.raises(PipelineError, match="STAGECAST_PREVIEW"), opened():
            pass


def test_without_credentials_of_its_own_a_local_run_uses_the_users(
    data: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    data()
    mine = {"KUBECONFIG": "/home/me/kube", "DOCKER_CONFIG": "/home/me/docker"}
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    for name in ("REGISTRY_AUTH_FILE", "KUBE_CONFIG", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with opened() as job:
        assert not job.local
        assert all(job.environment[name].startswith(str(job.scratch)) for name in mine)
    monkeypatch.setenv("STAGECAST_LOCAL", "true")
    with opened() as job:
        assert {name: job.environment[name] for name in mine} == mine
        assert "REGISTRY_AUTH_FILE" not in job.environment
        kubernetes.write_kubeconfig(job)
        assert not (job.scratch / "kubeconfig").exists()
    monkeypatch.setenv("KUBE_CONFIG", base64.b64encode(b"clusters: []").decode())
    with opened() as job:
        kubernetes.write_kubeconfig(job)
        path = Path(job.environment["KUBECONFIG"])
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("clusters: []", 0o600)
        assert job.environment["DOCKER_CONFIG"] == mine["DOCKER_CONFIG"]


@pytest.mark.parametrize(
    ("text", "places"), [("", [0, 1, 2]), ("1", [1]), ("2,0", [0, 2]), ("0,0", [0]), (" 1 , 2 ", [1, 2])]
)
def test_a_list_of_places(monkeypatch: pytest.MonkeyPatch, text: str, places: list[int]) -> None:
    monkeypatch.setenv("STAGECAST_TASKS", text)
    assert numbers("STAGECAST_TASKS", 3) == places


@pytest.mark.parametrize("text", ["3", "-1", "a", "1,", "1;2", "1.0"])
def test_no_list_of_places(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("STAGECAST_TASKS", text)
    with pytest.raises(PipelineError, match="STAGECAST_TASKS"):
        numbers("STAGECAST_TASKS", 3)


# --- removal


def test_removal_goes_backwards_and_takes_unknown_ones_first(document: Document) -> None:
    order = removal_order(document["stages"], {"postgres", "web", "api", "old", "redis"})
    assert order[:2] == ["old", "redis"]
    assert order[-1] == "postgres"
    assert sorted(order[2:-1]) == ["api", "web"]


def test_what_left_the_document_is_what_neither_deploys_nor_is_removed(
    tmp_path: Path, document: Document
) -> None:
    gone: Any = {**document, "removed": [{"service": "pruned", "release": "pruned"}]}
    assert left(a_job(tmp_path, gone), {"web", "pruned", "old"}) == ["old"]


# --- processes


def test_a_guarded_command_ends_with_who_started_it(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import os, subprocess, sys; sys.path.insert(0, sys.argv[1]);"
        "from compiler.targets.pipeline.guard import guarded;"
        f"subprocess.run(guarded(['sh', '-c', 'echo $$ > {mark}; exec sleep 60']))"
    )
    checkout = str(Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-c", code, checkout], start_new_session=True) as process:
        wait_for(lambda: mark.exists() and mark.read_text().strip() != "")
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{mark.read_text().strip()}/cmdline").exists() or is_zombie(mark))


def is_zombie(mark: Path) -> bool:
    try:
        return Path(f"/proc/{mark.read_text().strip()}/cmdline").read_bytes() == b""
    except OSError:
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_guarded_command_gets_its_arguments_and_gives_its_exit_code() -> None:
    code = "import json, sys; print(json.dumps(sys.argv[1:])); sys.exit(5)"
    ended = subprocess.run(guarded([sys.executable, "-c", code, *HOSTILE]), capture_output=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout)) == (5, HOSTILE)
    assert (
        subprocess.run(guarded(["no-such-program-here"]), capture_output=True, check=False).returncode == 127
    )


# --- whole stages, with stand-ins for the tools


@pytest.fixture
def stage(
    tmp_path: Path, stubs: StubTools, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Deploys a stage of five releases in a checkout; gives the exit code."""
    plan = make_plan([Service(f"s{n}", "only", built=True) for n in range(5)], deploy_parallelism=2)
    document = {**github_outputs(plan)[1], "registries": []}
    (tmp_path / "data.json").write_text(json.dumps(document))
    (tmp_path / "temp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    monkeypatch.setenv("STAGECAST_DATA", "data.json")
    monkeypatch.setenv("STAGECAST_STAGE", "0")
    monkeypatch.setenv("STAGECAST_TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("STAGECAST_TAGS_1", json.dumps({str(n): f"content-{n}" for n in range(5)}))
    monkeypatch.setenv("KUBE_CONFIG", "clusters: []")
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}

    def run(**environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        stubs.forget()
        (tmp_path / "trace").unlink(missing_ok=True)
        code = main(["deploy"])
        return code, (tmp_path / "trace").read_text() if (tmp_path / "trace").exists() else ""

    yield run
    for signum, handler in handlers.items():
        signal.signal(signum, handler)
    assert list((tmp_path / "temp").iterdir()) == [], "credentials are left behind"


def test_a_stage_is_deployed_at_most_so_many_at_once(
    stage: Callable[..., tuple[int, str]], stubs: StubTools
) -> None:
    code, trace = stage()
    calls = stubs.calls("helm", "upgrade")
    assert code == 0
    assert sorted(call.name for call in calls) == [f"s{n}" for n in range(5)]
    lines = [json.loads(line) for line in trace.splitlines()]
    assert most_at_once([Span(**line) for line in lines if line["step"] == "deployment"]) == 2
    assert {line["task"] for line in lines if line["step"] == "deployment"} == {
        f"deploy:s{n}" for n in range(5)
    }
    assert {line["step"] for line in lines} == {"deployment", "deployment queueing"}


def test_of_a_stage_only_the_tasks_that_are_named(
    stage: Callable[..., tuple[int, str]], stubs: StubTools
) -> None:
    assert stage(STAGECAST_TASKS="1,3")[0] == 0
    assert sorted(call.name for call in stubs.calls("helm", "upgrade")) == ["s1", "s3"]
    for wrong in ({"STAGECAST_TASKS": "5"}, {"STAGECAST_TASKS": "", "STAGECAST_STAGE": "7"}):
        assert stage(**wrong)[0] == 1
        assert stubs.calls("helm", "upgrade") == []


def test_a_failure_is_explained_before_anything_is_undone(
    stage: Callable[..., tuple[int, str]], stubs: StubTools, capsys: pytest.CaptureFixture[str]
) -> None:
    stubs.tell(failing_releases=["s0"], deploy_s=2)
    code, trace = stage()
    said = capsys.readouterr().out
    assert code == 1
    assert (
        said.index("--- pods of s0")
        < said.index("--- logs of s0")
        < said.index("--- nothing of s0 was installed")
    )
    lines = [json.loads(line) for line in trace.splitlines()]
    outcomes = {line["task"]: line["outcome"] for line in lines if line["step"] == "deployment"}
    never = dict.fromkeys(("deploy:s2", "deploy:s3", "deploy:s4"), "cancelled")
    assert outcomes == {"deploy:s0": "failed", "deploy:s1": "done", **never}


def test_helms_other_storage_is_refused(
    stage: Callable[..., tuple[int, str]], stubs: StubTools, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage(HELM_DRIVER="sql")[0] == 1
    assert "HELM_DRIVER is sql" in capsys.readouterr().out
    assert stubs.calls("helm", "upgrade") == []


def test_a_broken_way_to_the_cluster_is_told_from_a_broken_release() -> None:
    for text in (
        "Error: Kubernetes cluster unreachable: Get ...",
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
        'Get "https://127.0.0.1:1/api": dial tcp 127.0.0.1:1: connect: connection refused',
        "Error: UPGRADE FAILED: Get ...: http2: client connection lost",
        "Error: etcdserver: request timed out",
    ):
        assert kubernetes.is_unreachable(text)
    for text in (
        "Error: UPGRADE FAILED: context deadline exceeded",
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        "Error: failed post-install: job migrate failed: BackoffLimitExceeded",
        "Error from server (Forbidden): secrets is forbidden",
    ):
        assert not kubernetes.is_unreachable(text)
