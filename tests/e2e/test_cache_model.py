"""The layer cache model against a real BuildKit: which steps hit, build for build, with no disagreement.

The model's cache sees the same builds in the same order as the engine's and
has to say the same of every step: named cases with what is expected written
down, random projects with random edits, and a registry's inline cache.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import cache_cases_files
import cache_cases_run
from cache_cases import BASE, Case, folder_of
from cache_judge import Judge, NotBuiltError, Project, disagreements, echoed, make_image
from cache_projects import Author, Draft
from compiler.layers.cache import RegistryCache
from compiler.layers.model import BaseImage
from compiler.layers.solver import BUILDKIT_0_8
from docker_engine import DockerEngine, docker_engine
from registry import registry
from toolchain import ToolMissingError

pytestmark = pytest.mark.e2e

IMAGES = {
    BASE: "FROM standin:1\nRUN mkdir -m 777 /gen\n",
    "other:1": "FROM standin:1\nRUN mkdir -m 777 /gen /other\n",
    "env:1": f"FROM {BASE}\nENV FROM_IMAGE=1\n",
    "trigger:1": f"FROM {BASE}\nONBUILD RUN echo onbuild-of-an-image\n",
}
CASES = (*cache_cases_run.CASES, *cache_cases_files.CASES)
AT_ONCE = 3
WORKERS = 6
PAIRS_EACH = 90
EDITS_EACH = 12
MOST_WRONG = 5


@dataclass(frozen=True, slots=True)
class World:
    """An engine with the images that the cases start from."""

    engine: DockerEngine
    bases: dict[str, BaseImage]


@pytest.fixture(scope="module")
def world(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(docker_engine, tmp_path_factory.mktemp("images"))


def a_world(engine: DockerEngine, folder: Path) -> World:
    """The images that the cases start from."""
    if not engine.private:
        pytest.skip(
            "A REAL COMPONENT IS MISSING, SO THE CACHE MODEL WAS NOT JUDGED: an engine of our own needs root"
        )
    engine.stand_in_for_busybox("standin:1")
    return World(engine, {tag: make_image(engine, folder, tag, text) for tag, text in IMAGES.items()})


@pytest.fixture(scope="module")
def verdicts(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """For each named case what is wrong with it, all of them built once."""

    def judged(part: list[Case]) -> dict[str, list[str]]:
        judge = Judge(world.engine, tmp_path_factory.mktemp("cases"), world.bases)
        return {case.name: problems(judge, case) for case in part}

    found: dict[str, list[str]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for part in pool.map(judged, [CASES[n::AT_ONCE] for n in range(AT_ONCE)]):
            found |= part
    return found


def problems(judge: Judge, case: Case) -> list[str]:
    """Build a case; what is not as the model, or the case, says."""
    found, pattern = [], ""
    for number, project in enumerate(case.builds):
        judged = judge.build(project, writes=echoed)
        found += [f"build {number}: {text}" for text in disagreements(judged)]
        own = [step.instruction.arguments == folder_of(case.name) for step in judged.steps]
        pattern = "".join(itertools.compress(judged.pattern, [not each for each in own]))
    if pattern != case.expected:
        found.append(f"expected {case.expected}, and the builder did {pattern}")
    return found


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_named_case(verdicts: dict[str, list[str]], name: str) -> None:
    assert not verdicts[name]


def test_there_are_cases_for_every_row() -> None:
    assert len(CASES) == len({case.name for case in CASES}) >= 60
    assert len({case.row for case in CASES}) >= 12


class Worker:
    """Builds random projects one after another, from an image that nobody else builds from."""

    def __init__(self, world: World, number: int, folder: Path) -> None:
        self.world, self.number, self.folder = world, number, folder
        self.fresh = itertools.count()
        self.start()

    def start(self) -> None:
        """Begin with an image of our own, and a cache that knows nothing of it."""
        self.apart = f"/apart-{self.number}-{next(self.fresh)}"
        self.image = f"random{self.apart.replace('/', '')}:1"
        text = f"FROM standin:1\nRUN mkdir -m 777 /gen /w {self.apart}\n"
        base = make_image(self.world.engine, self.folder / "image", self.image, text)
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        self.judge = Judge(self.world.engine, context, {self.image: base})

    def pairs(self, wanted: int) -> tuple[int, list[str]]:
        """Build projects and edits of them until so many pairs were compared."""
        author = Author(random.Random(self.number))
        compared, wrong = 0, list[str]()
        while compared < wanted and len(wrong) < MOST_WRONG:
            draft = author.draft()
            earlier: list[Draft] = []
            built = False
            for _ in range(EDITS_EACH):
                project = draft.project(self.image, self.apart)
                found = self.judged(project) if self.buildable(project) else None
                if found is not None:
                    wrong += [f"worker {self.number}, after {compared}: {text}\n{project}" for text in found]
                    compared += built
                    built = True
                    earlier.append(draft)
                built = built and found is not None
                draft = author.edited(earlier[-1] if earlier else author.draft(), earlier)
        return compared, wrong

    def buildable(self, project: Project) -> bool:
        """Whether all that is named in the context is there."""
        tree = self.judge.lay(project)
        reads = [
            read for step in self.judge.graph(project).steps for read in step.reads if read.origin is None
        ]
        plain = {pattern for read in reads for pattern in read.patterns if not set(pattern) & set("*?[")}
        return all(
            pattern == "." or any(path == pattern or path.startswith(f"{pattern}/") for path in tree.entries)
            for pattern in plain
        )

    def judged(self, project: Project) -> list[str] | None:
        """Where model and builder differ; None where it does not build."""
        try:
            judged = self.judge.build(project, writes=echoed)
        except NotBuiltError:
            # What it left in the cache is not known: begin anew.
            self.start()
            return None
        return disagreements(judged)


@pytest.fixture(scope="module")
def pairs(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, list[str]]]:
    """For each worker how many pairs of builds it compared, and where model and builder differ."""

    def work(number: int) -> tuple[int, list[str]]:
        return Worker(world, number, tmp_path_factory.mktemp(f"random{number}")).pairs(PAIRS_EACH)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(WORKERS)))


def test_random_edits_of_random_projects(pairs: list[tuple[int, list[str]]]) -> None:
    wrong = [text for _, found in pairs for text in found]
    assert not wrong, "\n\n".join(wrong[:3])
    assert sum(compared for compared, _ in pairs) >= 500


TWO_STAGES = """\
FROM base:1 AS b
COPY source /s
RUN {writes} > /gen/o
FROM base:1
RUN echo first
COPY --from=b /gen/o /o
COPY a /a
RUN ls
"""
THREE_STAGES = """\
FROM base:1 AS a
RUN echo 1 > /gen/a
FROM base:1 AS b
COPY --from=a /gen/a /a
RUN echo 2 > /gen/b
FROM base:1
COPY --from=b /gen/b /b
COPY a /a
"""
ONE = Project("FROM base:1\nCOPY a /a\nRUN ls\n", {"a": "1"})
# The projects in order, with what the builder does. Where a build hits in part, Docker 20.10 leaves the
# layers that it hit out of what it exports (moby/buildkit#1981): nothing that hangs on those may follow.
INLINE = {
    "all-or-nothing": (
        ("MMMMMM", TWO_STAGES.format(writes="echo 1"), {"source": "1", "a": "1"}),
        ("HHHHHH", TWO_STAGES.format(writes="echo 1"), {"source": "1", "a": "1"}),
    ),
    "only-the-results-of-the-last-stage": (
        ("MMMMMM", TWO_STAGES.format(writes="echo 1"), {"source": "1", "a": "1"}),
        ("MMHHHH", TWO_STAGES.format(writes="echo 1"), {"source": "2", "a": "1"}),
        ("HHHHHH", TWO_STAGES.format(writes="echo 1"), {"source": "2", "a": "1"}),
        ("HHHHMM", TWO_STAGES.format(writes="echo 1"), {"source": "2", "a": "2"}),
        ("HHHHHH", TWO_STAGES.format(writes="echo 1"), {"source": "2", "a": "2"}),
    ),
    "the-builder-runs-again-for-its-files": (
        ("MMMMMM", TWO_STAGES.format(writes="echo 1"), {"source": "1", "a": "1"}),
        # Its first step has a key, but no result: somebody needs it, so it is run.
        ("MMHMMM", TWO_STAGES.format(writes="echo 2"), {"source": "1", "a": "1"}),
    ),
    "stages-that-nobody-needs": (
        ("MMMMM", THREE_STAGES, {"a": "1"}),
        ("HHHHH", THREE_STAGES, {"a": "1"}),
        ("HHHHM", THREE_STAGES, {"a": "2"}),
    ),
    "replaced-by-each-export": (
        ("MM", ONE.dockerfile, {"a": "1"}),
        ("MM", ONE.dockerfile, {"a": "2"}),
        ("MM", ONE.dockerfile, {"a": "1"}),
        ("HH", ONE.dockerfile, {"a": "1"}),
    ),
}


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """An engine of its own, whose cache is thrown away before every build, and a registry."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(docker_engine())
            server = stack.enter_context(registry())
        except ToolMissingError as error:
            if os.environ.get("CI"):
                pytest.fail(f"a real component is missing: {error}", pytrace=False)
            pytest.skip(f"A REAL COMPONENT IS MISSING, SO NO REGISTRY CACHE WAS JUDGED: {error}")
        yield a_world(engine, tmp_path_factory.mktemp("images")), server.host


@pytest.mark.parametrize("name", INLINE)
def test_an_inline_cache_in_a_registry(exporting: tuple[World, str], tmp_path: Path, name: str) -> None:
    world, host = exporting
    reference = f"{host}/cache/{name}:last"
    judge = Judge(world.engine, tmp_path, world.bases, RegistryCache("min", solver=BUILDKIT_0_8), reference)
    for expected, dockerfile, files in INLINE[name]:
        world.engine.run("builder", "prune", "--all", "--force")
        world.engine.run("image", "rm", "--force", reference)
        flags = (f"--cache-from={reference}", "--build-arg=BUILDKIT_INLINE_CACHE=1")
        project = Project(dockerfile, files, flags=flags)
        judged = judge.build(project, writes=echoed)
        assert not disagreements(judged)
        assert judged.pattern == expected
        pushed = world.engine.run("push", reference)
        assert pushed.returncode == 0, pushed.stderr
