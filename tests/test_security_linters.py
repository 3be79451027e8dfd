"""docs/security.md: its table is well-formed, and true for the examples; what it says of the outputs holds.

That the table is complete and has no idle row is shown on the whole corpus, with
checkov: tests/e2e/test_corpus_full.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import corpus
import security_linters
from compiler.diagnostics.catalog import RULES
from compiler.targets.github.steps import CHECKOUT
from corpus import Batch
from helm_plans import parse
from security_linters import PAGE, Accepted, Found, accepted, not_accepted
from security_linters import zizmor as run_zizmor
from toolchain import CHECKOUT as REPOSITORY

EXAMPLES = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/stagecast.yaml"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    batch = corpus.examples(EXAMPLES, tmp_path_factory.mktemp("examples"))
    seeds = corpus.generated(range(30), tmp_path_factory.mktemp("corpus"))
    for target, files in seeds.files.items():
        batch.files[target] += files
    return batch


def test_every_row_of_the_table_is_read() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| tool | rule | reason |")[2]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    rows = accepted()
    assert len(rows) == len(lines) > 10
    assert len({(row.tool, row.rule) for row in rows}) == len(rows)
    assert all(row.reason.endswith(".") for row in rows)


def test_what_is_not_in_the_table_is_not_accepted() -> None:
    first, unknown = accepted()[0], Found("checkov", "CKV_K8S_16", "/a.json Deployment.shop.web")
    assert not_accepted([Found(first.tool, first.rule, "here"), unknown]) == [unknown]
    assert not_accepted([Found("zizmor", first.rule, "here")]) != []


def test_a_table_of_another_form_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a row which nobody can read accepts nothing."""
    page = tmp_path / "security.md"
    page.write_text("| checkov | CKV_1 | no backquotes |\n| other | `X` | y |\n| zizmor | `a` | b |\n")
    monkeypatch.setattr(security_linters, "PAGE", page)
    assert accepted() == (Accepted("zizmor", "a", "b"),)


def test_zizmor_finds_nothing_else(batch: Batch, zizmor: Path) -> None:
    assert len(batch.files["github"]) > len(EXAMPLES)
    assert not_accepted(run_zizmor(zizmor, batch.files["github"])) == []


def test_zizmor_would_find_something(zizmor: Path, tmp_path: Path) -> None:
    """A workflow as ours must not be: so that silence means something."""
    workflow: dict[str, Any] = {
        "on": "pull_request_target",
        "jobs": {
            "a": {
                "runs-on": "ubuntu-latest",
                "steps": [
                    {"uses": "actions/checkout@v4"},
                    {"run": "echo ${{ github.event.pull_request.title }}"},
                ],
            }
        },
    }
    file = tmp_path / ".github" / "workflows" / "bad.yml"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(workflow))
    found = {one.rule for one in not_accepted(run_zizmor(zizmor, [file]))}
    assert {"template-injection", "unpinned-uses", "dangerous-triggers"} <= found


def test_workflows_are_as_the_page_says(batch: Batch) -> None:
    """One action, by its commit; least rights; no trigger that hands secrets to a fork."""
    written = 0
    for file in batch.files["github"]:
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"uses: (\S+)", text)) == {CHECKOUT}
        assert re.search(r"@[0-9a-f]{40}$", CHECKOUT)
        assert "pull_request_target" not in text
        assert text.count("persist-credentials: false") == text.count(f"uses: {CHECKOUT}")
        rights = re.findall(r"^permissions: (.*)$", text, re.MULTILINE)
        assert rights == ["{}"]
        jobs = re.findall(r"^    permissions:\n      (.*)$", text, re.MULTILINE)
        assert set(jobs) <= {"contents: read", "contents: write"}
        assert jobs.count("contents: write") == text.count("\n  lock:\n") <= 1
        written += jobs.count("contents: write")
    assert written, "no workflow writes to Git, so it was not tested"


def test_argo_writes_into_one_namespace(batch: Batch) -> None:
    """Roles and no cluster roles, no verb and no resource by a wildcard."""
    files = [file for file in batch.files["argo"] if file.name == "rbac.yaml"]
    assert files
    for file in files:
        [bundle] = parse(file.read_text(encoding="utf-8"))
        items = bundle["items"]
        assert not [item for item in items if item["kind"].startswith("Cluster")]
        rules = [rule for item in items for rule in item.get("rules", ())]
        assert rules
        for rule in rules:
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
        accounts = [item for item in items if item["kind"] == "ServiceAccount"]
        assert accounts
        assert all(account["automountServiceAccountToken"] is False for account in accounts)


def test_the_codes_on_the_page_exist() -> None:
    codes = set(re.findall(r"STC[0-9]{3}", PAGE.read_text(encoding="utf-8")))
    assert codes
    assert codes <= RULES.keys()
