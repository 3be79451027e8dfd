"""How long steps take by what their commands do."""

from __future__ import annotations

import pytest

from build_graphs import by_text, graph_of, tree
from compiler.buildtime.defaults import DEFAULTS, KEPT_SHARE, SPEEDS
from compiler.buildtime.durations import step_times
from compiler.buildtime.works import Work, works

RUN_S = DEFAULTS["step", "run"].median_s


def doing(text: str) -> list[list[str]]:
    """What each RUN of a Dockerfile does."""
    found = works(graph_of(text))
    return [[f"{work.what} {work.by}" for work in each if work.what != "other"] for each in found if each]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("apt-get update && apt-get install -y a b && rm -rf /x", ["update apt-get", "system apt-get"]),
        ("npm ci && npm run build", ["install npm", "compile npm"]),
        ("pip install flask gunicorn", ["packages pip"]),
        ("go build .", ["install go", "compile go"]),
        ("go mod download && go build .", ["install go", "compile go"]),
        ("cargo build", ["install cargo", "libraries cargo", "compile cargo"]),
        ("cargo chef cook", ["install cargo", "libraries cargo"]),
        ("mix deps.get && mix deps.compile && mix release", ["install mix", "libraries mix", "compile mix"]),
        ("./build.sh && bash x/y.sh && /bin/true && . ./env.sh", ["script any", "script any"]),
        ("curl -o x https://a && make && gcc x.c", ["download any", "compile make", "compile small"]),
        ("", []),
    ],
)
def test_what_a_run_does(run: str, expected: list[str]) -> None:
    assert doing(f"FROM a\nRUN {run or 'true'}\n") == ([expected] if expected else [[]])


def test_what_a_step_before_has_installed_is_not_installed_again() -> None:
    text = "FROM a AS deps\nRUN go mod download\nFROM deps\nCOPY . .\nRUN go build .\n"
    assert doing(text) == [["install go"], ["compile go"]]
    text = "FROM a AS cook\nRUN cargo chef cook\nFROM a\nCOPY --from=cook /target target\nRUN cargo build\n"
    assert doing(text) == [["install cargo", "libraries cargo"], ["compile cargo"]]
    text = "FROM a AS other\nRUN go mod download\nFROM a\nRUN go build .\n"
    assert doing(text) == [["install go", "compile go"]]


def test_a_run_takes_what_its_commands_take_together() -> None:
    times = by_text("FROM a\nRUN apt-get update && apt-get install -y a b c\nRUN true\n")
    update, system = DEFAULTS["update", "any"], DEFAULTS["system", "any"]
    found = times["RUN apt-get update && ap"]
    assert found.median_s == pytest.approx(RUN_S + update.median_s + system.median_s + 3 * system.each_s)
    assert found.p90_s == pytest.approx(1.5 * found.median_s)
    assert found.layer_bytes == 50e6
    assert found.basis == "system (apt-get) and update (apt-get)"
    assert not found.measured
    assert found.mean_s > found.median_s
    assert times["RUN true"].median_s == pytest.approx(RUN_S + DEFAULTS["other", "any"].median_s)


def test_a_copy_goes_by_its_bytes_and_files() -> None:
    context = tree({"a/x": 50_000_000, "a/y": 50_000_000, "b": 7})
    times = by_text(
        "FROM a\nCOPY a /a\nCOPY b /b\nRUN --mount=type=bind,target=/c make -C /c\nWORKDIR /x\n", context
    )
    copy = DEFAULTS["step", "copy"]
    big = times["COPY a /a"]
    assert big.median_s == pytest.approx(copy.median_s + 2 * copy.each_s + 1e8 / SPEEDS["copy"].bytes_per_s)
    assert (big.layer_bytes, big.context_bytes) == (100_000_000, 100_000_000)
    assert times["COPY b /b"].layer_bytes == 7
    assert times["RUN --mount=type=bind,ta"].context_bytes == 100_000_007
    assert times["WORKDIR /x"].median_s == DEFAULTS["step", "workdir"].median_s
    assert times["FROM a"].median_s == 0
    assert by_text("FROM a\nCOPY a /a\n")["COPY a /a"].basis == "a copy of unknown size"


def test_what_is_copied_from_a_stage() -> None:
    times = by_text(
        "FROM a AS b\nRUN npm ci\nRUN true\n"
        "FROM c\nCOPY --from=b /app/node_modules n\nCOPY --from=b /app/main m\n"
    )
    assert times["COPY --from=b /app/node_"].layer_bytes == 150_000_000
    assert times["COPY --from=b /app/main "].layer_bytes == 30_000_000


@pytest.mark.parametrize(
    ("mount", "run", "what", "kept"),
    [
        ("/root/.npm", "npm ci", ("install", "npm"), True),
        ("/home/node/.npm", "npm ci", ("install", "npm"), True),
        ("/root", "npm ci", ("install", "npm"), True),
        ("/root/.cache", "pip install -r r.txt", ("install", "pip"), True),
        ("/root/.npm", "pip install -r r.txt", ("install", "pip"), False),
        ("/var/cache/apt", "apt-get install x", ("system", "apt-get"), True),
        ("/tmp", "npm ci", ("install", "npm"), False),
    ],
)
def test_a_cache_mount_leaves_a_share(mount: str, run: str, what: tuple[str, str], kept: bool) -> None:
    text = f"FROM a\nRUN --mount=type=cache,target={mount} {run}\n"
    [[work]] = [found for found in works(graph_of(text)) if found]
    assert (work.what, work.by, work.cached) == (*what, kept)
    graph = graph_of(text)
    stays, leaves = (step_times(graph, None, persistent=each)[-1].median_s for each in (True, False))
    assert stays - RUN_S == pytest.approx((leaves - RUN_S) * (KEPT_SHARE[what[0]] if kept else 1))


def test_objects_help_a_compiler_and_downloads_do_not() -> None:
    text = "FROM a\nRUN go mod download\nRUN --mount=type=cache,target={} go build .\n"
    assert works(graph_of(text.format("/root/.cache/go-build")))[-1] == (Work("compile", "go", 0, True),)
    assert works(graph_of(text.format("/go/pkg/mod")))[-1] == (Work("compile", "go"),)


def test_a_second_install_finds_the_downloads_of_the_first() -> None:
    text = "FROM a\nRUN pnpm fetch\nRUN pnpm install --offline\n"
    first, second = (each.median_s - RUN_S for each in step_times(graph_of(text), None)[1:])
    assert second == pytest.approx(first * KEPT_SHARE["install"])


def test_nothing_takes_a_year() -> None:
    text = "FROM a\nCOPY . .\nRUN apt-get install " + "x " * 20_000 + "\n"
    for time in step_times(graph_of(text), tree({"a": 10**18})):
        assert time.median_s <= time.p90_s <= 6 * 3600
        assert time.layer_bytes <= 10**12


def test_other_shells_are_scripts() -> None:
    text = 'FROM a\nSHELL ["powershell", "-Command"]\nRUN Install-Module x; npm ci\n'
    assert doing(text) == [["script any"]]
