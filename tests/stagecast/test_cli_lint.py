"""`stagecast lint`: which files, which forms, which exit code, and what fixing writes."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli_runs import SPEC, Cli, Process, tree

MOVES = "FROM node\n"
FIXED = "FROM node:22.11.0\n"
ALONE = "FROM debian:12.8\nRUN apt-get update\nRUN apt-get install -y curl\n"
PROJECT = """\
apiVersion: stagecast/v1beta1
kind: Project
environments:
  prod: {spec: prod.yaml}
"""


def codes(out: str) -> list[tuple[str, str, int]]:
    return [(d["code"], d["file"], d["line"]) for d in json.loads(out)["diagnostics"]]


@pytest.fixture
def web(folder: Path) -> Path:
    """A Dockerfile with one finding, web/Dockerfile in the working folder."""
    (folder / "web").mkdir()
    (folder / "web" / "Dockerfile").write_text(MOVES)
    return Path("web/Dockerfile")


# --- which files


def test_a_file_is_judged_whatever_its_name(cli: Cli, folder: Path) -> None:
    (folder / "build.txt").write_text(MOVES)
    result = cli("lint", "build.txt", "--format", "json")
    assert (result.code, codes(result.out)) == (0, [("STC901", "build.txt", 1)])


def test_a_folder_gives_the_files_that_are_named_as_dockerfiles_are(cli: Cli, folder: Path) -> None:
    names = (
        *("Dockerfile", "a/Dockerfile.dev", "a/web.Dockerfile", "b/Containerfile", "b/x.dockerfile"),
        *("b/Dockerfile.dockerignore", "b/Dockerfile.j2", "b/README", "node_modules/x/Dockerfile"),
        *(".git/Dockerfile", "b/DockerfileOld"),
    )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(MOVES)
    result = cli("lint", ".", "--format", "json")
    assert [file for _, file, _ in codes(result.out)] == sorted(names[:5])
    assert cli("lint", "--format", "json").out == result.out, "without anything it is this folder"
    assert codes(cli("lint", "a", "a/Dockerfile.dev", "--format", "json").out) == [
        ("STC901", "a/Dockerfile.dev", 1),
        ("STC901", "a/web.Dockerfile", 1),
    ]


def test_standard_input(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MOVES.encode())))
    assert codes(cli("lint", "-", "--format", "json").out) == [("STC901", "-", 1)]
    assert cli("lint", "-", "--fix").code == 2


def test_a_file_that_is_no_dockerfile_is_told_and_the_others_are_judged(cli: Cli, web: Path) -> None:
    Path("Dockerfile").write_text("FORM node\n")
    Path("large.Dockerfile").write_bytes(b"#" * (1024 * 1024 + 1))
    result = cli("lint", ".", "--format", "json")
    assert result.code == 1
    assert codes(result.out) == [
        ("STC507", "Dockerfile", 1),
        ("STC507", "large.Dockerfile", 1),
        ("STC901", web.as_posix(), 1),
    ]


def test_what_is_not_there_is_unreadable(cli: Cli, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name in ("nowhere/Dockerfile", "pipe", "Dockerfile"):
        result = cli("lint", name)
        assert (result.code, result.out) == (3, "")
        assert "stagecast: " in result.err


def test_a_link_out_of_the_repository_is_not_followed(cli: Cli, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_text("FROM secret\n")
    (folder / "Dockerfile").symlink_to(outside)
    result = cli("lint", ".", "--format", "json")
    assert codes(result.out) == [("STC507", "Dockerfile", 1)]
    assert "secret" not in result.out


def test_a_file_that_vanishes_after_its_folder_was_listed(
    cli: Cli, web: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gone").mkdir()
    listed = [Path("gone/Dockerfile"), web]
    monkeypatch.setattr("stagecast.linting.inputs.dockerfiles", lambda _: iter(listed))
    result = cli("lint", ".", "--format", "json")
    assert (result.code, codes(result.out)) == (0, [("STC901", web.as_posix(), 1)])


def test_hostile_bytes_are_no_traceback(cli: Cli, folder: Path) -> None:
    for data in (b"\xff\xfe\x00", b"", b"FROM a\x00b\n", b"\xef\xbb\xbfFROM node\xff\n", b"FROM \x1b[31m\n"):
        (folder / "Dockerfile").write_bytes(data)
        for form in ("text", "json", "sarif", "github", "gitlab"):
            result = cli("lint", "Dockerfile", "--format", form)
            assert result.code in (0, 1)
            assert "\x1b" not in result.out


# --- forms and exit codes


def test_the_text_says_what_and_where(cli: Cli, web: Path) -> None:
    result = cli("lint", web)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "warning[STC901]: `node` can be another image tomorrow: without a tag it means `latest`\n"
        " --> web/Dockerfile:1:6\n  |\n1 | FROM node\n  |      ^^^^\n  |\n"
        "  = help: name a version, or a digest\n\n1 warning in 1 file\n"
    )


@pytest.mark.parametrize("form", ["json", "sarif", "github", "gitlab"])
def test_all_forms(cli: Cli, web: Path, form: str) -> None:
    result = cli("lint", web, "--format", form)
    assert result.code == 0
    assert "STC901" in result.out
    web.write_text(FIXED)
    assert "STC901 " not in cli("lint", web, "--format", form).out
    assert cli("lint", web, "--format", "xml").code == 2


def test_a_clean_file(cli: Cli, web: Path) -> None:
    web.write_text(FIXED)
    assert cli("lint", web).out == "1 Dockerfile, nothing to report\n"
    assert cli("lint", web, "--strict").code == 0
    assert cli("lint", web, "--format", "github").out == ""


def test_strict_counts_warnings(cli: Cli, web: Path) -> None:
    assert cli("lint", web).code == 0
    assert cli("lint", web, "--strict").code == 1


def test_comments_and_the_project_file_silence(cli: Cli, web: Path, folder: Path) -> None:
    web.write_text("# stagecast: ignore[STC901]\n" + MOVES)
    assert cli("lint", web, "--strict").out == "1 Dockerfile, nothing to report\n"
    web.write_text(MOVES)
    (folder / "stagecast.yaml").write_text(PROJECT + "severities: {STC901: error}\n")
    assert cli("lint", web).code == 1
    (folder / "stagecast.yaml").write_text(PROJECT + "ignore: [STC901]\n")
    assert cli("lint", web).out == "1 Dockerfile, nothing to report\n"


def test_options_that_do_not_go_together(cli: Cli, web: Path) -> None:
    assert cli("lint", web, "--fix", "--diff").code == 2
    assert cli("lint", web, "--unsafe-fixes").code == 2
    assert cli("lint", web, "--min-saving", "-1").code == 2
    assert cli("lint", web, "--min-saving", "nan").code == 2


# --- environments


@pytest.fixture
def environment(folder: Path) -> Path:
    """A repository with an environment `prod` that builds web/Dockerfile with an argument."""
    local = 'source: {repository: ".", context: web}'
    remote = 'source: {repository: "https://github.com/acme/shop", ref: v1.0.0, context: web}'
    (folder / "prod.yaml").write_text(SPEC.replace(remote, local).replace('CACHE: "', 'TAG: "'))
    (folder / "stagecast.yaml").write_text(PROJECT)
    (folder / "web").mkdir()
    (folder / "web" / "Dockerfile").write_text("FROM node\nUSER 1000\n")
    return folder


@pytest.mark.parametrize("arguments", [(), ("prod",), ("prod.yaml",)])
def test_the_builds_of_an_environment_are_judged(
    cli: Cli, environment: Path, arguments: tuple[str, ...]
) -> None:
    (environment / "other").mkdir()
    (environment / "other" / "Dockerfile").write_text(MOVES)
    result = cli("lint", *arguments, "--format", "json")
    assert (result.code, codes(result.out)) == (0, [("STC901", "web/Dockerfile", 1)])


def test_an_environment_with_errors_is_not_judged(cli: Cli, environment: Path) -> None:
    spec = environment / "prod.yaml"
    spec.write_text(spec.read_text().replace("[postgres, cache]", "[postgres, cahce]"))
    result = cli("lint")
    assert (result.code, result.out) == (1, "")
    assert "STC205" in result.err


def test_an_unknown_environment_is_a_wrong_usage(cli: Cli, environment: Path) -> None:  # noqa: ARG001
    result = cli("lint", "prodd")
    assert result.code == 2
    assert "did you mean prod?" in result.err


def test_an_environment_stands_alone(cli: Cli, environment: Path) -> None:  # noqa: ARG001
    result = cli("lint", "prod.yaml", "web")
    assert result.code == 2
    assert "prod.yaml is an environment" in result.err


LATE = "FROM debian:12.8\nCOPY . /app\nRUN apt-get update && apt-get install -y curl\nUSER 1000\n"


def notes(out: str, code: str) -> list[str]:
    return [note for d in json.loads(out)["diagnostics"] if d["code"] == code for note in d["notes"]]


def test_with_an_environment_it_is_said_what_the_pipeline_would_save(cli: Cli, environment: Path) -> None:
    spec = environment / "prod.yaml"
    (environment / "web" / "Dockerfile").write_text(LATE)
    (environment / "web" / "app.py").write_text("")
    alone = notes(cli("lint", "web", "--format", "json").out, "STC902")
    assert any(note.startswith("costs about ") for note in alone)
    assert not any("pipeline" in note for note in alone)
    # The Dockerfile says how long the build takes where the spec does not.
    spec.write_text(spec.read_text().replace("estimates: {build: 3m, deploy", "estimates: {deploy"))
    forecast = notes(cli("lint", "prod", "--format", "json").out, "STC902")
    assert any(note.startswith("costs the pipeline ") and " P90 " in note for note in forecast)


def test_builds_of_other_repositories_are_counted(cli: Cli, environment: Path) -> None:
    (environment / "web" / "Dockerfile").write_text("FROM debian:12.8\nUSER 1000\n")
    assert cli("lint", "prod").out == "1 Dockerfile, nothing to report\n"
    spec = environment / "prod.yaml"
    other = 'repository: "https://github.com/acme/shop", ref: v1.0.0,'
    spec.write_text(spec.read_text().replace('repository: ".",', other))
    assert cli("lint", "prod").out == (
        "0 Dockerfiles, nothing to report\n1 build from other repositories left out: lint them there\n"
    )


def test_without_rebuilds_it_is_said_why_shares_are_assumed(cli: Cli, environment: Path) -> None:
    (environment / "web" / "Dockerfile").write_text(LATE)
    (environment / "web" / "app.py").write_text("")
    for option, why in ((), "the folder lies in no Git repository"), (("--no-history",), "Git was not asked"):
        found = notes(cli("lint", "web", "--format", "json", *option).out, "STC902")
        assert any(f"(by assumed shares of misses, as {why}: " in note for note in found), found
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run([*git, *arguments], check=True)
    found = notes(cli("lint", "web", "--format", "json").out, "STC902")
    assert any("(by assumed shares of misses, as the history has no rebuild: " in note for note in found), (
        found
    )


def test_what_costs_most_is_told_last(cli: Cli, folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(LATE)
        (folder / name / "app.py").write_text("")
    (folder / "b" / "Dockerfile").write_text(LATE.replace("-y curl", "-y curl git build-essential python3"))
    lines = cli("lint", ".").out.splitlines()
    at = lines.index("What costs most per rebuild:")
    ranked = [line.split() for line in lines[at + 1 :]]
    assert [row[2] for row in ranked if row[1] == "STC902"] == ["b/Dockerfile:3", "a/Dockerfile:3"]


def test_an_ignore_that_one_of_two_builds_needs_is_used(cli: Cli, environment: Path) -> None:
    (environment / "web" / "Dockerfile").write_text(
        "FROM debian:12.8 AS base\nFROM base AS late\nCOPY . /app\n# stagecast: ignore[STC902, STC906]\n"
        "RUN apt-get update && apt-get install -y curl\nUSER 1000\nFROM base AS plain\nUSER 1000\n"
    )
    (environment / "web" / "app.py").write_text("")
    spec = environment / "prod.yaml"
    text = spec.read_text().replace("context: web}", "context: web, target: late}", 1)
    other = (
        text[text.index("  web:\n") :].replace("  web:", "  two:").replace("target: late", "target: plain")
    )
    spec.write_text(text + other.replace("public: true, hosts: [shop.example.com]", "protocol: HTTP"))
    result = cli("lint", "prod", "--format", "json")
    assert (result.code, codes(result.out)) == (0, []), result.err


# --- fixing


def test_fix_writes_and_tells(cli: Cli, folder: Path) -> None:
    file = folder / "Dockerfile"
    file.write_bytes(ALONE.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    assert codes(cli("lint", "Dockerfile", "--format", "json").out)[0][0] == "STC905"
    result = cli("lint", "Dockerfile", "--fix")
    assert result.code == 0
    assert re.fullmatch(r"fixed \d findings? in 1 file\n", result.err)
    assert "STC905" not in result.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    data = file.read_bytes()
    assert data.count(b"RUN") == 1
    assert data.count(b"\n") == data.count(b"\r\n")
    assert sorted(tree(folder)) == ["Dockerfile"], "nothing is left beside it"
    again = file.stat().st_mtime_ns
    assert cli("lint", "Dockerfile", "--fix").err == ""
    assert file.stat().st_mtime_ns == again


def test_diff_writes_nothing_and_git_takes_it(process: Process, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    data = b"FROM debian:12.8\n# caf\xe9\nRUN apt-get update\nRUN apt-get install -y curl"
    (tmp_path / "Dockerfile").write_bytes(data)
    command = [sys.executable, "-m", "stagecast", "lint", "Dockerfile", "--diff"]
    environment = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert (tmp_path / "Dockerfile").read_bytes() == data
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=done.stdout, check=True)
    assert process("lint", "Dockerfile", "--diff", cwd=tmp_path).code == 0
    assert b"# caf\xe9\n" in (tmp_path / "Dockerfile").read_bytes()


def test_a_link_is_followed_inside_the_repository_only(cli: Cli, folder: Path) -> None:
    (folder / "docker").mkdir()
    real = folder / "docker" / "real.txt"
    real.write_text(ALONE)
    (folder / "Dockerfile").symlink_to(real)
    assert cli("lint", "Dockerfile", "--fix").code == 0
    assert (folder / "Dockerfile").is_symlink()
    assert real.read_text() != ALONE


def test_a_file_that_cannot_be_written_is_told(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Dockerfile").write_text(ALONE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = cli("lint", "Dockerfile", "--fix")
    assert result.code == 3
    assert (folder / "Dockerfile").read_text() == ALONE
    assert sorted(tree(folder)) == ["Dockerfile"]
