"""At least 2,000 random environments and all examples before every real consumer; what checkov says of them.

The batches run in two processes of their own (the Helm SDK is Go, which does
not survive a fork). Both Helms render and lint every release, the Helm 4 SDK
renders it under its own name. tests/compiler/corpus.py says why an umbrella
chart per batch is sound, and tests/compiler/test_corpus.py proves it.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import corpus
import corpus_batch
from compiler.targets import TARGETS
from corpus_batch import Tools, Verdict
from security_linters import accepted, checkov, checkov_program, not_accepted
from toolchain import CHECKOUT, Helm, ToolMissingError

ENVIRONMENTS = 2000
BATCH = 50
PROCESSES = 2
EXAMPLES = sorted(path.parent for path in (CHECKOUT / "examples").glob("*/stagecast.yaml"))

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def verdict(
    helm3: Helm,
    helm4: Helm,
    actionlint: Path,
    check_jsonschema: Path,
    zizmor: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Verdict:
    tools = Tools(helm3, helm4, actionlint, check_jsonschema, zizmor)
    folder = tmp_path_factory.mktemp("corpus")
    whole = Verdict()
    # It takes minutes: pytest need not print again and again where this process waits.
    faulthandler.cancel_dump_traceback_later()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        batches = [
            pool.submit(
                corpus_batch.judged,
                range(start, start + BATCH),
                folder / str(start),
                tools,
                True,
            )
            for start in range(0, ENVIRONMENTS, BATCH)
        ]
        try:
            for batch in batches:
                whole.add(batch.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    print(f"\n{dict(whole.counts)}\ncompiled {dict(whole.compiled)}\nrefused {dict(whole.refused)}")
    print({consumer: round(seconds) for consumer, seconds in sorted(whole.seconds.items())})
    return whole


def test_nothing_is_wrong(verdict: Verdict) -> None:
    # One of every sort: the first colon ends the name of the environment.
    sorts = {problem.partition(": ")[2]: problem for problem in reversed(verdict.problems)}
    assert list(sorts.values())[:20] == []
    assert verdict.counts["environments"] >= 2000
    for target in TARGETS:
        assert verdict.compiled[target] + verdict.refused[target] == ENVIRONMENTS
        assert verdict.compiled[target] >= ENVIRONMENTS / 4, f"too little of {target} is tested"
        assert verdict.refused[target], f"nothing that {target} cannot express is tested"


def test_security_linters_find_what_the_page_accepts_and_nothing_else(
    verdict: Verdict, tmp_path: Path
) -> None:
    """Both ways: what is found is listed with a reason, and what is listed is still found."""
    examples = corpus.examples(EXAMPLES, tmp_path / "examples")
    manifests = list(verdict.kept.values())
    assert list(corpus.each_rendered(examples.releases, manifests)) == []
    chosen = corpus_batch.telling(corpus.shapes(manifests))
    corpus_batch.written(chosen, tmp_path / "checked" / "manifests", corpus.NAMESPACE)
    for path, text in verdict.workflows.items():
        file = tmp_path / "checked" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    try:
        found = [*verdict.found, *checkov(checkov_program(), tmp_path / "checked")]
    except ToolMissingError as error:
        pytest.fail(f"a real component is missing: {error}")
    print(f"\ncheckov saw {len(chosen)} of {len(verdict.kept)} shapes, {len(verdict.workflows)} workflows")
    assert not_accepted(found) == []
    assert {(row.tool, row.rule) for row in accepted()} == {(one.tool, one.rule) for one in found}
