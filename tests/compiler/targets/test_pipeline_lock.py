"""The lock: what it commits to a branch of a real Git remote, and that it does nothing else."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from compiler.targets.pipeline import lock as module
from compiler.targets.pipeline.lock import Locked, lock, lock_text, pin_text
from compiler.targets.pipeline.state import Job, PipelineError
from stub_tools import StubTools, a_job, commit

BRANCH = "stagecast/shop"
DIGEST = "sha256:" + "a" * 64
OUTPUT = {
    "helm/charts/workload/Chart.yaml": "apiVersion: v2\nname: workload\nversion: 1.0.0\n",
    "helm/charts/workload/templates/a.yaml": "{{ .Values.x }}\n",
    "helm/values/shop/web.yaml": "service: web\n",
    "src/secret-of-the-source.txt": "not for the branch\n",
}
HOSTILE = ["../x", "a/b", ".git", "", "a\nb", "-x", "/etc/passwd", "a\0b", "\u00e9"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def document(**changed: Any) -> dict[str, Any]:
    images = [
        {"id": "web", "repository": "registry.example.com/shop/web", "build": 0, "tag": None, "digest": None,
         "services": ["web", "worker"]},
        {"id": "redis", "repository": "registry.example.com/shop/redis", "build": None, "tag": "7",
         "digest": DIGEST, "services": ["cache"]},
    ]  # fmt: skip
    gitops = {
        "branch": BRANCH,
        "paths": ["helm/charts", "helm/values/shop"],
        "optional": [],
        "pins": "helm/images/shop",
    }
    return {"environment": "shop", "registries": [], "logins": [], "images": images, "gitops": gitops,
            **changed}  # fmt: skip


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubTools:
    tools = StubTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    monkeypatch.setenv("STAGECAST_TAGS_1", '{"0": "content-1"}')
    monkeypatch.delenv("STAGECAST_FOUND", raising=False)
    tools.hold("registry.example.com/shop/web:content-1", "registry.example.com/shop/redis:7")
    return tools


@pytest.fixture
def remote(tmp_path: Path, stubs: StubTools) -> Path:  # noqa: ARG001 - before the job's PATH is used
    path = tmp_path / "remote.git"
    path.mkdir()
    git(path, "init", "-q", "--bare", "-b", "main")
    return path


@pytest.fixture
def open_job(tmp_path: Path, remote: Path) -> Callable[..., Job]:
    """Makes jobs, each with a checkout of its own whose origin is the remote."""
    made: list[Path] = []

    def make(files: Mapping[str, str] = OUTPUT, **changed: Any) -> Job:
        root = tmp_path / f"checkout-{len(made)}"
        made.append(root)
        commit(root, files)
        git(root, "remote", "add", "origin", f"file://{remote}")
        job = a_job(tmp_path / f"job-{len(made)}", document(**changed))
        return Job(job.document, root, job.scratch, job.environment, {})

    return make


def listed(remote: Path, branch: str = BRANCH) -> list[str]:
    return git(remote, "ls-tree", "-r", "--name-only", branch).splitlines()


def content(remote: Path, path: str) -> Any:
    return YAML(typ="safe").load(git(remote, "show", f"{BRANCH}:{path}"))


def test_the_first_commit_makes_the_branch_with_the_state_and_nothing_else(
    remote: Path, open_job: Callable[..., Job]
) -> None:
    job = open_job()
    before = git(job.root, "for-each-ref"), git(job.root, "status", "--porcelain", "--ignored")
    assert lock(job) == 0
    assert listed(remote) == [
        "helm/charts/workload/Chart.yaml", "helm/charts/workload/templates/a.yaml",
        "helm/images/shop/cache.yaml", "helm/images/shop/web.yaml", "helm/images/shop/worker.yaml",
        "helm/values/shop/web.yaml", "images.lock.yaml",
    ]  # fmt: skip
    images = content(remote, "images.lock.yaml")["images"]
    assert images["redis"] == {"repository": "registry.example.com/shop/redis", "tag": "7", "digest": DIGEST}
    assert images["web"]["tag"] == "content-1"
    pinned = content(remote, "helm/images/shop/worker.yaml")
    assert pinned == {"image": {"tag": "content-1", "digest": images["web"]["digest"]}}
    head = git(job.root, "rev-parse", "HEAD").strip()
    assert f"Source-Commit: {head}" in git(remote, "log", "-1", "--format=%B", BRANCH)
    assert len(git(remote, "rev-list", BRANCH).split()) == 1
    assert before == (git(job.root, "for-each-ref"), git(job.root, "status", "--porcelain", "--ignored"))


def test_nothing_is_committed_when_nothing_has_changed(remote: Path, open_job: Callable[..., Job]) -> None:
    assert lock(open_job()) == 0
    first = git(remote, "rev-parse", BRANCH)
    assert lock(open_job({**OUTPUT, "src/other.txt": "elsewhere\n"})) == 0
    assert git(remote, "rev-parse", BRANCH) == first


def test_the_same_state_gives_the_same_commit_whenever_it_is_made(
    remote: Path, open_job: Callable[..., Job]
) -> None:
    job = open_job()
    assert lock(job) == 0
    first = git(remote, "rev-parse", BRANCH)
    git(remote, "update-ref", "-d", f"refs/heads/{BRANCH}")
    again = Job(job.document, job.root, job.scratch / "again", job.environment, {})
    (again.scratch / "docker").mkdir(parents=True)
    again.auth_file.write_text("{}")
    assert lock(again) == 0
    assert git(remote, "rev-parse", BRANCH) == first


def test_what_left_the_output_leaves_the_branch_and_what_others_wrote_stays(
    remote: Path, open_job: Callable[..., Job], stubs: StubTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lock(open_job()) == 0
    other = open_job({"notes/README": "by hand\n"}).root
    git(other, "fetch", "-q", "origin", BRANCH)
    git(other, "checkout", "-q", "FETCH_HEAD")
    commit(other, {"notes/README": "by hand\n", "helm/images/shop/gone.yaml": "image: {}\n"})
    git(other, "push", "-q", "origin", f"HEAD:{BRANCH}")
    monkeypatch.setenv("STAGECAST_TAGS_1", '{"0": "content-2"}')
    stubs.hold("registry.example.com/shop/web:content-2", "registry.example.com/shop/redis:7")
    files = {name: text for name, text in OUTPUT.items() if "templates" not in name}
    assert lock(open_job(files)) == 0
    assert "helm/charts/workload/templates/a.yaml" not in listed(remote)
    assert "helm/images/shop/gone.yaml" not in listed(remote)
    assert "notes/README" in listed(remote)
    assert content(remote, "images.lock.yaml")["images"]["web"]["tag"] == "content-2"
    assert len(git(remote, "rev-list", BRANCH).split()) == 3


def test_a_push_that_comes_between_is_built_upon_and_never_overwritten(
    remote: Path, open_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    intruder = open_job({"theirs": "1\n"}).root
    real, times = module._commit_tree, []

    def overtaken(*arguments: Any) -> str:
        made = real(*arguments)
        times.append(1)
        if len(times) <= 2:
            commit(intruder, {"theirs": f"{len(times)}\n"})
            git(intruder, "push", "-q", "origin", f"HEAD:{BRANCH}")
        return made

    monkeypatch.setattr(module, "_commit_tree", overtaken)
    assert lock(open_job()) == 0
    assert len(times) == 3
    assert {"theirs", "images.lock.yaml"} <= set(listed(remote))
    assert git(remote, "show", f"{BRANCH}:theirs") == "2\n"


def test_two_environments_that_lock_at_once_both_land(
    remote: Path, open_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.02)
    jobs = []
    for name in ("one", "two", "three"):
        gitops = {
            "branch": BRANCH,
            "paths": [f"helm/values/{name}"],
            "optional": [],
            "pins": f"helm/images/{name}",
        }
        jobs.append(open_job({f"helm/values/{name}/web.yaml": "a: 1\n"}, gitops=gitops, environment=name))
    codes: list[int] = []
    threads = [threading.Thread(target=lambda job=job: codes.append(lock(job))) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0, 0]
    assert {f"helm/images/{name}/web.yaml" for name in ("one", "two", "three")} <= set(listed(remote))


def test_a_push_that_the_remote_refuses_says_so_and_is_not_tried_for_ever(
    remote: Path, open_job: Callable[..., Job]
) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PipelineError, match="protected branch"):
        lock(open_job())


def test_missing_images_are_all_named_and_nothing_is_committed(
    remote: Path, open_job: Callable[..., Job], stubs: StubTools
) -> None:
    stubs.hold()
    with pytest.raises(PipelineError, match=r"shop/web:content-1, no .*shop/redis:7:"):
        lock(open_job())
    assert git(remote, "for-each-ref") == ""


@pytest.mark.parametrize("service", HOSTILE)
def test_a_service_whose_name_is_no_file_name_is_refused(
    remote: Path, open_job: Callable[..., Job], service: str
) -> None:
    images = [{**document()["images"][0], "services": [service]}]
    with pytest.raises(PipelineError, match="cannot be the name of a file"):
        lock(open_job(images=images))
    assert git(remote, "for-each-ref") == ""


@pytest.mark.parametrize("path", ["../x", "../../etc", ".git", ".git/hooks", "helm/../../x"])
def test_a_path_out_of_the_branch_is_refused_by_git(
    remote: Path, open_job: Callable[..., Job], path: str
) -> None:
    gitops = {**document()["gitops"], "pins": path}
    with pytest.raises(PipelineError, match="cannot be the path"):
        lock(open_job(gitops=gitops))
    assert git(remote, "for-each-ref") == ""


@pytest.mark.parametrize("branch", ["--force", "a..b", "x\ny", "", "a b", "main:other", "-d"])
def test_a_branch_that_is_no_branch_is_refused(
    remote: Path, open_job: Callable[..., Job], branch: str
) -> None:
    gitops = {**document()["gitops"], "branch": branch}
    job = open_job(gitops=gitops)
    if branch.startswith("-"):
        # A legal name behind refs/heads/, and no option there.
        assert lock(job) == 0
        assert git(remote, "for-each-ref", "--format=%(refname)").strip() == f"refs/heads/{branch}"
        return
    with pytest.raises(PipelineError, match="git check-ref-format failed"):
        lock(job)
    assert git(remote, "for-each-ref") == ""


def test_links_and_folders_that_are_not_committed_are_refused(open_job: Callable[..., Job]) -> None:
    job = open_job()
    (job.root / "helm" / "charts" / "link").symlink_to("/etc/passwd")
    commit(job.root, {})
    with pytest.raises(PipelineError, match="link or a submodule"):
        lock(job)
    with pytest.raises(PipelineError, match="there is no 'helm/charts'"):
        lock(open_job({"x": "1\n"}))


def test_single_files_and_what_need_not_be_there(open_job: Callable[..., Job], remote: Path) -> None:
    files = {**OUTPUT, "values.yaml": "a: 1\n", "argocd/shop/appset.yaml": "kind: ApplicationSet\n"}
    gitops = {
        "branch": BRANCH,
        "paths": ["values.yaml", "helm/charts"],
        "optional": ["argocd/shop", "argocd/other"],
        "pins": "helm/images/shop",
    }
    assert lock(open_job(files, gitops=gitops)) == 0
    names = set(git(remote, "ls-tree", "-r", "--name-only", BRANCH).split())
    assert {"values.yaml", "argocd/shop/appset.yaml"} <= names
    assert not {name for name in names if name.startswith(("helm/values", "src"))}


def test_a_chart_at_the_root_needs_the_whole_repository(open_job: Callable[..., Job], remote: Path) -> None:
    gitops = {"branch": BRANCH, "paths": ["."], "optional": [], "pins": "helm/images/shop"}
    assert lock(open_job(gitops=gitops)) == 0
    assert set(OUTPUT) <= set(git(remote, "ls-tree", "-r", "--name-only", BRANCH).split())


def test_a_run_without_a_branch_or_a_remote_says_so(open_job: Callable[..., Job]) -> None:
    with pytest.raises(PipelineError, match="not deployed from Git"):
        lock(open_job(gitops=None))
    job = open_job()
    git(job.root, "remote", "remove", "origin")
    with pytest.raises(PipelineError, match="no remote named origin"):
        lock(job)


def test_the_token_goes_to_the_remotes_host_only(
    open_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGECAST_PUSH_TOKEN", "hidden")
    job = open_job()
    job = Job(job.document, job.root, job.scratch, {**job.environment, "STAGECAST_PUSH_TOKEN": "hidden"}, {})
    environment = module._environment(job, "https://user@git.example.com:8443/shop.git")
    assert environment["GIT_CONFIG_KEY_0"] == "http.https://git.example.com:8443/.extraheader"
    assert "hidden" not in str(environment)
    assert "GIT_CONFIG_KEY_0" not in module._environment(job, "file:///srv/shop.git")
    assert "STAGECAST_PUSH_TOKEN" not in module._environment(job, "ssh://git@git.example.com/shop.git")
    of_a_job = "https://gitlab-ci-token:hidden@git.example.com:8443/shop.git"
    assert module._without_user(of_a_job) == "https://git.example.com:8443/shop.git"
    assert module._without_user("git@git.example.com:shop.git") == "git@git.example.com:shop.git"


@pytest.mark.parametrize(
    "text", ["a", "é\u2028", '"', "'\\", "on", "1e3", "a: b", "{{ x }}", "\t", "#", "a\nb"]
)
def test_other_parsers_read_back_what_was_meant(text: str) -> None:
    image: Any = {"id": text, "repository": text, "services": [], "build": None, "tag": text, "digest": None}
    read = YAML(typ="safe").load(lock_text(text, [Locked(image, text, DIGEST)]))
    assert read["environment"] == text
    assert read["images"] == {text: {"repository": text, "tag": text, "digest": DIGEST}}
    assert YAML(typ="safe").load(pin_text(Locked(image, text, DIGEST)))["image"]["tag"] == text
    assert "tag" not in YAML(typ="safe").load(pin_text(Locked(image, None, DIGEST)))["image"]
    assert YAML(typ="safe").load(lock_text("x", []))["images"] == {}
    assert json.loads(json.dumps(text)) == text
