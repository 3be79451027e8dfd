"""The command line as a process: its module path, its pipes, its locale, and the same bytes everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli_runs import BROKEN, CHECKOUT, SPEC, Process, Result, tree
from stagecast import __version__

HOSTILE = "raise SystemExit('the working folder was imported')\n"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(process: Process, folder: Path, option: str) -> None:
    assert process(option, cwd=folder) == Result(0, f"stagecast {__version__}\n", "")


def test_a_folder_with_packages_of_our_names_is_not_imported(
    process: Process, spec: Path, folder: Path
) -> None:
    for name in ("compiler", "schemas", "simulator", "stagecast"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(HOSTILE)
    for name in ("json.py", "typer.py", "jsonschema.py"):
        (folder / name).write_text(HOSTILE)
    # `stagecast/` itself would be what `-m` runs, so it stands beside the project here.
    (folder / "stagecast" / "__init__.py").unlink()
    (folder / "stagecast").rmdir()
    result = process("validate", spec, cwd=folder)
    assert result == Result(0, "environment.yaml: 3 services, nothing to report\n", "")
    spec.write_text(BROKEN)
    assert process("validate", spec, cwd=folder).code == 1
    assert process("schema", "project", cwd=folder).code == 0


def test_the_exit_codes(process: Process, spec: Path, folder: Path) -> None:
    assert process("validate", spec, cwd=folder).code == 0
    assert process("validate", "none.yaml", cwd=folder) == Result(
        3, "", "stagecast: none.yaml: no such file or directory\n"
    )
    assert process("validate", spec, "--bad", cwd=folder).code == 2
    spec.write_text(BROKEN)
    found = process("validate", spec, cwd=folder)
    assert found.code == 1
    assert "Traceback" not in found.err


def test_a_reader_that_has_seen_enough_is_no_failure(spec: Path, folder: Path) -> None:
    """As with `| head -1`: no traceback, and nothing about a broken pipe."""
    for command in (["schema"], ["plan", str(spec), "--json"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "stagecast", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_text_goes_out_where_the_locale_knows_little(spec: Path, folder: Path, encoding: str) -> None:
    spec.write_text(BROKEN.replace("cahce", "größe-日本"), encoding="utf-8")
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "stagecast", "validate", str(spec)]
    result = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert result.stderr == b""
    assert "there is no service `größe-日本`" in result.stdout.decode()


@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland"},
        {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONUTF8": "0"},
    ],
    ids=["one", "other"],
)
def test_the_same_bytes_whatever_the_surroundings(
    process: Process, spec: Path, folder: Path, surroundings: Mapping[str, str]
) -> None:
    def everything(environment: Mapping[str, str], out: str) -> tuple[dict[str, bytes], list[str]]:
        compiled = process("compile", spec, "-o", out, "-t", "all", cwd=folder, environment=environment)
        assert compiled.code == 0, compiled.err
        outs = [
            process(*command, cwd=folder, environment=environment).out
            for command in (("graph", spec, "-f", "json"), ("simulate", spec, "--json", "--runs", "50"))
        ]
        return tree(folder / out), outs

    assert everything(surroundings, "here") == everything({}, "there")


def test_a_clone_elsewhere_gives_the_same_bytes(process: Process, tmp_path: Path) -> None:
    results = []
    for name in ("a", "b/deeper"):
        root = tmp_path / name
        (root / ".git").mkdir(parents=True)
        (root / "environment.yaml").write_text(SPEC)
        assert process("compile", "environment.yaml", "-o", "out", "-t", "all", cwd=root).code == 0
        results.append(tree(root / "out"))
    assert results[0] == results[1]
    assert not [path for path, content in results[0].items() if str(tmp_path).encode() in content]


def test_validate_loads_nothing_that_it_can_do_without(spec: Path, folder: Path) -> None:
    """A clean spec is the common case, and each of these costs more than all of the checks."""
    code = (
        "import sys; from stagecast.cli import run; code = run(['validate', 'environment.yaml']);"
        "heavy = {'networkx', 'numpy', 'jsonschema', 'simpy', 'rich', 'ruamel.yaml.main', 'pydantic'};"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.splitlines()[-1] == "0 []", result.stderr
    assert spec.name in result.stdout


def test_a_stream_that_cannot_be_written_is_no_traceback(spec: Path, folder: Path) -> None:
    start = f"{sys.executable} -m stagecast"
    for command, code in (
        (f"{start} validate {spec} >&-", 0),
        (f"{start} validate none.yaml 2>&-", 3),
        (f"{start} schema >/dev/full", 3),
    ):
        result = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
    assert result.stderr == "stagecast: no space left on device\n"


def test_a_path_that_is_not_text_is_no_traceback(folder: Path) -> None:
    name = b"sp\xff\xe9c.yaml"
    (folder / os.fsdecode(name)).write_text(BROKEN)
    for form in ("text", "json", "sarif", "github", "gitlab"):
        result = subprocess.run(
            [sys.executable, "-m", "stagecast", "validate", name, "-f", form],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (1, b"")
        if form in ("json", "sarif", "gitlab"):
            json.loads(result.stdout)
