"""`stagecast compile`: what it writes, what it leaves alone, and what it says about it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cli_runs import BROKEN, SPEC, Cli, Process, tree
from compiler.targets import TARGETS

MANIFEST = ".stagecast-manifest.json"
CACHE = """\
  cache:
    type: container
    image: "redis:7.4.2"
    security: {user: 999}
    ports: [{internal: 6379, protocol: TCP}]
"""
WITHOUT_CACHE = (
    SPEC.replace(CACHE, "")
    .replace("[postgres, cache]", "[postgres]")
    .replace("{{CACHE_HOST}}:{{CACHE_PORT}}", "")
)


@pytest.fixture
def out(folder: Path) -> Path:
    """An output folder that is not there yet, below the working folder."""
    return (folder / "out").relative_to(folder)


def values_of(out: Path, service: str) -> Path:
    """The values file of a service, wherever the layout has it."""
    [found] = out.rglob(f"{service}.yaml")
    return found


def statuses(result: str) -> dict[str, str]:
    [one] = json.loads(result)
    return {file["path"]: file["status"] for file in one["files"]}


def of_target(paths: Iterable[str], target: str) -> list[str]:
    return [path for path in paths if path.startswith({"helm": "helm/", "github": ".github/"}[target])]


# --- writing


def test_it_writes_what_was_asked_for_and_a_manifest_of_it(cli: Cli, spec: Path, out: Path) -> None:
    result = cli("compile", spec, "-o", out, "--target", "helm", "--target", "github")
    assert result.code == 0
    files = tree(out)
    assert set(json.loads(files.pop(MANIFEST))["files"]) == set(files)
    assert result.out == f"out: {len(files)} files: {len(files)} new\n"
    assert of_target(files, "helm")
    assert of_target(files, "github")
    assert any(path.endswith("plan.json") for path in files)


def test_targets_are_chosen_one_by_one_or_all_that_there_can_be(cli: Cli, spec: Path, folder: Path) -> None:
    for name in TARGETS:
        assert cli("compile", spec, "-o", folder / name, "-t", name).code == (1 if name == "argocd" else 0)
    assert not (folder / "argocd").exists()
    assert of_target(tree(folder / "helm"), "helm")
    assert not of_target(tree(folder / "helm"), "github")
    together = cli("compile", spec, "-o", folder / "all", "--target", "all")
    assert together.code == 0
    assert "argocd is left out: Argo CD does not deploy this environment" in together.err
    others = [tree(folder / name).items() for name in TARGETS if name != "argocd"]
    expected = {path: text for files in others for path, text in files if path != MANIFEST}
    assert {path: text for path, text in tree(folder / "all").items() if path != MANIFEST} == expected


def test_formats_with_comments_say_what_they_were_made_from(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "all")
    own = [values_of(out, service) for service in ("postgres", "cache", "web")]
    for path in (*own, *out.rglob(".github/workflows/*.yml")):
        assert path.read_text().startswith("# generated from environment.yaml, do not edit\n")
    for name, text in tree(out).items():
        assert b"stagecast 0." not in text, f"{name}: an upgrade alone changes nothing"


def test_a_second_run_touches_nothing(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "all")
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    result = cli("compile", spec, "-o", out, "-t", "all")
    assert result.code == 0
    assert result.out.endswith(" unchanged\n")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == stamps


def test_json_tells_what_became_of_every_file(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "helm")
    spec.write_text(SPEC.replace("7.4.2", "7.4.3"))
    result = cli("compile", spec, "-o", out, "-t", "helm", "--format", "json")
    [one] = json.loads(result.out)
    assert one["output"] == "out"
    [environment] = one["environments"]
    assert (environment["name"], environment["targets"]) == ("environment", ["helm"])
    plan = json.loads(cli("plan", spec, "--json").out)
    assert environment["digest"] == plan["digest"]
    found = statuses(result.out)
    assert set(found) == set(tree(out)) - {MANIFEST}
    changed = {path for path, status in found.items() if status == "changed"}
    assert {Path(path).name for path in changed} == {"cache.yaml", *(p.name for p in out.rglob("*plan.json"))}
    assert set(found.values()) == {"changed", "unchanged"}


def test_files_of_a_service_that_is_gone_are_deleted(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "helm")
    gone = values_of(out, "cache")
    kept = values_of(out, "web")
    spec.write_text(WITHOUT_CACHE)
    result = cli("compile", spec, "-o", out, "-t", "helm")
    assert result.code == 0
    assert " 1 removed" in result.out
    assert not gone.exists()
    assert kept.exists()
    assert gone.relative_to(out).as_posix() not in json.loads((out / MANIFEST).read_text())["files"]


def test_a_target_that_is_asked_for_no_more_leaves_no_files(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "all")
    cli("compile", spec, "-o", out, "-t", "helm")
    assert not of_target(tree(out), "github")
    assert not (out / ".github").exists()


# --- the project


def test_without_arguments_every_environment_of_the_project_is_written(cli: Cli, project: Path) -> None:
    result = cli("compile")
    assert result.code == 0
    assert [line.partition(":")[0] for line in result.out.splitlines()] == ["deploy/prod", "deploy/staging"]
    assert of_target(tree(project / "deploy/prod"), "github")
    assert not of_target(tree(project / "deploy/staging"), "github")


def test_one_environment_is_written_alone(cli: Cli, project: Path) -> None:
    assert cli("compile", "staging").code == 0
    assert not (project / "deploy" / "prod").exists()
    assert cli("compile", "prod.yaml").code == 0, "a spec's path finds its environment, too"
    assert (project / "deploy" / "prod" / MANIFEST).is_file()


def test_the_command_line_overrides_the_project(cli: Cli, project: Path) -> None:
    assert cli("compile", "prod", "-o", "else", "-t", "helm").code == 0
    assert not (project / "deploy").exists()
    assert not of_target(tree(project / "else"), "github")


def test_environments_can_share_an_output(cli: Cli, project: Path) -> None:
    file = project / "stagecast.yaml"
    file.write_text(file.read_text().replace("deploy/staging", "deploy/prod"))
    assert cli("compile").code == 0
    shared = tree(project / "deploy" / "prod")
    assert len([path for path in shared if Path(path).name == "web.yaml"]) == 2
    assert cli("compile", "prod").out.endswith(" unchanged\n"), "one alone does not delete the other"
    assert tree(project / "deploy" / "prod") == shared
    (project / "staging.yaml").write_text(BROKEN)
    assert cli("compile", "prod").code == 1
    assert tree(project / "deploy" / "prod") == shared


def test_environments_of_one_name_cannot_share_an_output(cli: Cli, project: Path) -> None:
    file = project / "stagecast.yaml"
    file.write_text(file.read_text().replace("deploy/staging", "deploy/prod"))
    (project / "staging.yaml").write_text(SPEC)
    result = cli("compile")
    assert result.code == 1
    assert "STC806" in result.err
    assert not (project / "deploy").exists()


# --- wrong usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no stagecast.yaml here or above"),
        (("environment.yaml",), "--target: say what to write"),
        (("environment.yaml", "-t", "helm"), "--output: say where to write"),
        (("environment.yaml", "-o", "x", "-t", "hem"), "--target: no target hem; did you mean helm?"),
        (("environment.yaml", "-o", "x", "-t", "compose"), "choose one of helm, github"),
        (("environment.yaml", "-o", "x", "-t", "all", "-t", "none"), "no target none"),
        (("environment.yaml", "-o", "x", "-t", "helm", "-f", "sarif"), "--format: no format sarif"),
        (("environment.yaml", "-o"), "requires an argument"),
        (("environment.yaml", "-o", "", "-t", "helm"), "--output: it is empty"),
    ],
)
def test_wrong_usage(cli: Cli, spec: Path, arguments: tuple[str, ...], message: str) -> None:
    result = cli("compile", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.split())
    assert sorted(os.listdir()) == [".git", spec.name]


def test_several_environments_are_not_written_to_one_folder_by_hand(cli: Cli, project: Path) -> None:
    result = cli("compile", "-o", "x")
    assert result.code == 2
    assert "name one" in result.err
    assert not (project / "x").exists()


# --- errors


def test_errors_leave_the_output_as_it_was(cli: Cli, spec: Path, out: Path) -> None:
    cli("compile", spec, "-o", out, "-t", "all")
    before = tree(out)
    spec.write_text(BROKEN)
    result = cli("compile", spec, "-o", out, "-t", "all")
    assert (result.code, result.out) == (1, "")
    assert "error[STC205]" in result.err
    assert tree(out) == before


def test_an_error_in_one_environment_leaves_all_outputs_as_they_were(cli: Cli, project: Path) -> None:
    cli("compile")
    before = tree(project / "deploy")
    (project / "prod.yaml").write_text(SPEC.replace("7.4.2", "7.4.3"))
    (project / "staging.yaml").write_text(BROKEN)
    assert cli("compile").code == 1
    assert tree(project / "deploy") == before


def test_a_broken_project_file_is_what_is_said(cli: Cli, project: Path) -> None:
    (project / "stagecast.yaml").write_text("apiVersion: stagecast/v1beta1\nkind: Project\n")
    for arguments in ((), ("prod.yaml",)):
        result = cli("compile", *arguments)
        assert (result.code, result.out) == (1, "")
        assert "`environments` is missing" in result.err


def test_a_target_that_cannot_express_the_plan_is_an_error(cli: Cli, spec: Path, out: Path) -> None:
    spec.write_text(SPEC.replace("services:", "pipeline: {strategy: dag}\nservices:", 1))
    result = cli("compile", spec, "-o", out, "-t", "github")
    assert result.code == 1
    assert "error[STC701]: github:" in result.err
    assert not out.exists()


def test_a_workflow_that_is_not_at_the_root_is_noted(cli: Cli, spec: Path, out: Path) -> None:
    result = cli("compile", spec, "-o", out, "-t", "github")
    assert result.code == 0
    assert "note[STC702]: github: the workflow runs only from .github/workflows at the root" in result.err


def test_findings_in_github_actions_are_annotations(
    cli: Cli, spec: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    spec.write_text(BROKEN)
    assert "::error file=environment.yaml," in cli("compile", spec, "-o", out, "-t", "helm").err


# --- --check and --diff


def test_check_finds_an_output_that_is_missing_stale_or_no_longer_made(
    cli: Cli, spec: Path, out: Path
) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    missing = cli(*arguments, "--check")
    assert missing.code == 1
    assert "STC704" in missing.err
    assert not out.exists()
    cli(*arguments)
    clean = cli(*arguments, "--check")
    assert (clean.code, clean.out) == (0, "")
    assert "STC704" not in clean.err
    before = tree(out)
    spec.write_text(WITHOUT_CACHE.replace('"16"', '"16.4"'))
    stale = cli(*arguments, "--check")
    assert stale.code == 1
    assert stale.err.count("error[STC704]: out does not match the spec") == 1
    assert "/postgres.yaml is stale" in stale.err
    assert "/cache.yaml is no longer generated" in stale.err
    assert tree(out) == before


def test_the_diff_is_one_that_git_applies(cli: Cli, spec: Path, out: Path, folder: Path) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "all")
    cli(*arguments)
    copy = folder / "copy"
    shutil.copytree(out, copy)
    spec.write_text(WITHOUT_CACHE.replace('"16"', '"16.4"').replace("name: shop", "name: store", 1))
    shown = cli(*arguments, "--check")
    assert shown.code == 1
    (folder / "patch").write_text(shown.out)
    assert tree(out) == tree(copy)
    cli(*arguments)
    subprocess.run(["git", "apply", "--directory=copy", "patch"], cwd=folder, check=True)
    assert {**tree(copy), MANIFEST: b""} == {**tree(out), MANIFEST: b""}


def test_diff_shows_and_does_not_judge(cli: Cli, spec: Path, out: Path) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    new = cli(*arguments, "--diff")
    assert new.code == 0
    assert "+++ b/helm/" in new.out
    assert not out.exists()
    cli(*arguments)
    assert cli(*arguments, "--diff").out == ""
    spec.write_text(SPEC.replace("7.4.2", "7.4.3"))
    changed = cli(*arguments, "--diff")
    assert changed.code == 0
    assert '-  tag: "7.4.2"' in changed.out
    assert '+  tag: "7.4.3"' in changed.out
    assert '"7.4.2"' in values_of(out, "cache").read_text()


def test_check_in_json(cli: Cli, spec: Path, out: Path) -> None:
    result = cli("compile", spec, "-o", out, "-t", "helm", "--check", "-f", "json")
    assert result.code == 1
    assert set(statuses(result.out).values()) == {"new"}


# --- what a person wrote


def with_person(out: Path, case: str) -> Path:
    """Do what a person may do to a generated file, or before there is one."""
    path = values_of(out, "cache")
    if case == "changed":
        path.write_text(path.read_text() + "# mine\n")
    elif case == "folder":
        path.unlink()
        path.mkdir()
        (path / "mine").write_text("mine")
    elif case == "link":
        path.unlink()
        path.symlink_to("web.yaml")
    return path


@pytest.mark.parametrize("case", ["changed", "folder", "link"])
@pytest.mark.parametrize("removed", [False, True])
def test_what_a_person_changed_is_neither_overwritten_nor_deleted(
    cli: Cli, spec: Path, out: Path, case: str, removed: bool
) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    cli(*arguments)
    path = with_person(out, case)
    spec.write_text(WITHOUT_CACHE if removed else SPEC.replace("7.4.2", "7.4.3"))
    before = tree(out)
    result = cli(*arguments)
    if removed and case != "changed":
        # Nothing of ours is left at the path, so nothing is in the way.
        assert path.is_symlink() if case == "link" else (path / "mine").read_text() == "mine"
        return
    assert (result.code, result.out) == (1, "")
    assert f"error[STC703]: {path.relative_to(out)} " in result.err
    assert f"--> {path}:1:1" in result.err
    assert tree(out) == before
    check = cli(*arguments, "--check")
    assert check.code == 1
    assert "STC703" in check.err


def test_a_file_that_a_person_wrote_first_is_not_overwritten(cli: Cli, spec: Path, out: Path) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    cli(*arguments)
    mine = values_of(out, "web")
    shutil.copy(mine, "generated.yaml")
    shutil.rmtree(out)
    mine.parent.mkdir(parents=True)
    mine.write_text("mine: true\n")
    result = cli(*arguments)
    assert result.code == 1
    assert "error[STC703]" in result.err
    assert tree(out) == {mine.relative_to(out).as_posix(): b"mine: true\n"}
    shutil.copy("generated.yaml", mine)
    assert cli(*arguments).code == 0, "a file that already is what it should be is in nobody's way"


def test_other_files_in_the_folder_stay(cli: Cli, spec: Path, out: Path) -> None:
    (out / "helm" / "values").mkdir(parents=True)
    (out / "helm" / "values" / "README.md").write_text("mine")
    (out / "mine.txt").write_text("mine")
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    assert cli(*arguments).code == 0
    spec.write_text(WITHOUT_CACHE)
    assert cli(*arguments).code == 0
    assert cli(*arguments, "--check").code == 0
    assert (out / "helm" / "values" / "README.md").read_text() == "mine"
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "\0", '{"version": "stagecast/output/v1", "files": {"../x": 1}}']
)
def test_a_damaged_manifest_stops_everything(cli: Cli, spec: Path, out: Path, content: str) -> None:
    arguments = ("compile", spec, "-o", out, "-t", "helm")
    cli(*arguments)
    (out / MANIFEST).write_text(content)
    before = tree(out)
    result = cli(*arguments)
    assert (result.code, result.out) == (1, "")
    assert "error[STC706]" in result.err
    assert tree(out) == before


def test_an_output_that_is_a_file_is_unwritable(cli: Cli, spec: Path, out: Path) -> None:
    out.write_text("mine")
    result = cli("compile", spec, "-o", out, "-t", "helm")
    assert (result.code, result.out) == (3, "")
    assert result.err.splitlines()[-1].startswith("stagecast: out")
    assert out.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_may_not_be_written_is_unwritable(cli: Cli, spec: Path, out: Path) -> None:
    out.mkdir(mode=0o555)
    result = cli("compile", spec, "-o", out, "-t", "helm")
    assert result.code == 3
    assert "permission denied" in result.err


# --- two at once


def test_two_at_once_wait_for_each_other(process: Process, spec: Path, out: Path, folder: Path) -> None:
    """The lock is held by somebody for a while: the run that waits for it then writes all."""
    out.mkdir()
    lock = (out / ".stagecast-lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    command: list[Any] = ["compile", str(spec), "-o", str(out), "-t", "all"]
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(process, *command, cwd=folder) for _ in range(2)]
        assert not list(out.rglob("*.yaml"))
        (out / ".stagecast-lock").unlink()
        lock.close()
        results = [each.result() for each in running]
    assert [result.code for result in results] == [0, 0], results
    files = tree(out)
    assert set(json.loads(files.pop(MANIFEST))["files"]) == set(files)


# --- what was deployed before

DATABASE = 'version: "16"'


def test_a_change_that_loses_data_is_refused_until_it_is_allowed(cli: Cli, spec: Path, out: Path) -> None:
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0
    before = tree(out)
    assert DATABASE in spec.read_text()
    spec.write_text(spec.read_text().replace(DATABASE, 'version: "17"'))
    refused = cli("compile", spec, "-o", out, "--target", "helm")
    assert refused.code == 1
    assert "error[STC708]: postgresql 17 does not start on the data of 16" in refused.err
    assert tree(out) == before
    assert cli("compile", spec, "-o", out, "--target", "helm", "--allow-replace", "cache").code == 1
    assert cli("compile", spec, "-o", out, "--target", "helm", "--allow-replace", "postgres").code == 0
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0


def test_no_comment_silences_a_change_that_loses_data(cli: Cli, spec: Path, out: Path) -> None:
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0
    ignored = 'version: "17" # stagecast: ignore[STC708]'
    spec.write_text(spec.read_text().replace(DATABASE, ignored))
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 1


def test_a_past_that_cannot_be_read_is_a_warning(cli: Cli, spec: Path, out: Path) -> None:
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0
    [plan] = (out / ".stagecast").glob("*.plan.json")
    plan.write_text("{}")
    result = cli("compile", spec, "-o", out, "--target", "helm")
    assert "warning[STC709]" in result.err
    # What a person wrote stays there.
    assert "STC703" in result.err
    assert result.code == 1


def test_a_service_that_left_the_spec_is_listed_and_only_pruned_when_asked(
    cli: Cli, spec: Path, out: Path
) -> None:
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0
    spec.write_text(WITHOUT_CACHE)
    assert "still deployed cache" in cli("plan", spec, "--previous", out).out
    assert cli("compile", spec, "-o", out, "--target", "helm").code == 0
    assert departed(out) == [{"service": "cache", "release": "cache"}]
    assert cli("compile", spec, "-o", out, "--target", "helm", "--prune").code == 0
    assert departed(out) == [{"service": "cache", "release": "cache", "prune": True}]
    assert "to be removed cache" in cli("plan", spec, "--previous", out).out
    assert cli("compile", spec, "-o", out, "--target", "helm", "--check").code == 0


def departed(out: Path) -> list[dict[str, object]]:
    [plan] = (out / ".stagecast").glob("*.plan.json")
    found: list[dict[str, object]] = json.loads(plan.read_text())["departed"]
    return found


def test_a_lock_pins_every_image_and_another_environments_lock_is_refused(
    cli: Cli, spec: Path, out: Path, folder: Path
) -> None:
    plan = json.loads(cli("plan", spec, "--json").out)
    digest = "sha256:" + "ab" * 32
    images = {
        image["id"]: {
            "repository": image["repository"],
            "tag": image.get("tag", "content-1"),
            "digest": digest,
        }
        for image in plan["images"]
    }
    lock = {"apiVersion": "stagecast/v1beta1", "kind": "ImageLock", "environment": "shop", "images": images}
    (folder / "images.lock.yaml").write_text(json.dumps(lock))
    assert cli("compile", spec, "-o", out, "--target", "helm", "--images", "images.lock.yaml").code == 0
    assert f"digest: {digest}" in values_of(out, "cache").read_text()
    (folder / "images.lock.yaml").write_text(json.dumps({**lock, "environment": "other"}))
    refused = cli("compile", spec, "-o", out, "--target", "helm", "--images", "images.lock.yaml")
    assert refused.code == 1
    assert "STC707" in refused.err
