"""The README's outputs are real: each is what its command prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stagecast import cli

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"```console\n\$ (stagecast [^\n]*)\n(.*?)```\n", re.DOTALL)


def test_outputs_are_what_the_commands_print(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    text = README.read_text(encoding="utf-8")

    def run(match: re.Match[str]) -> str:
        cli.run(match.group(1).split()[1:])
        return f"```console\n$ {match.group(1)}\n{capsys.readouterr().out}```\n"

    expected = _BLOCK.sub(run, text)
    assert len(_BLOCK.findall(text)) == 2
    if request.config.getoption("--update-goldens"):
        README.write_text(expected, encoding="utf-8")
    assert text == expected or request.config.getoption("--update-goldens")


def test_links_lead_somewhere() -> None:
    for page in (README, *(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md"):
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
