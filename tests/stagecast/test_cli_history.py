from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import Cli
from git_repositories import PROGRAM, Content, Made, check_out, git, make_repository
from stagecast.views.layer_history.schema import history_schema

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
pipeline: {build: {cache: CACHE}}
services:
  web:
    type: application
    source: {repository: ".", context: web}
    security: {user: 1000}
    ports: [{internal: 8080}]
  docs:
    type: application
    source: {repository: ".", dockerfile: docs.Dockerfile}
    security: {user: 1000}
    ports: [{internal: 8080}]
"""
REMOTE = """\
  far:
    type: application
    source: {repository: "https://github.com/acme/far", ref: v1.0.0}
    security: {user: 1000}
    ports: [{internal: 8080}]
"""
WEB = """\
FROM node:22.11.0 AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build \\
  --silent

FROM nginx:1.29.3
COPY --from=build /app/dist /usr/share/nginx/html
"""
DOCS = "FROM nginx:1.29.3\nCOPY docs /usr/share/nginx/html\n"


def spec(cache: str = "persistent", more: str = "") -> str:
    return SPEC.replace("CACHE", cache) + more


def commits(text: str) -> list[Made]:
    """A root commit and 10 to web: 4 of them update a dependency, of which a program wrote 3."""
    files: dict[str, Content] = {
        "environment.yaml": text,
        "web/Dockerfile": WEB,
        "web/package.json": "{}",
        "web/package-lock.json": "{}",
        "web/index.ts": "0",
        ".dockerignore": "*\n!docs\n",
        "docs/index.html": "0",
        "docs.Dockerfile": DOCS,
    }
    made = [Made(files)]
    made += [Made({"web/index.ts": str(n)}) for n in range(1, 7)]
    made += [Made({"web/package-lock.json": str(n)}, author=PROGRAM) for n in range(3)]
    made += [Made({"web/package-lock.json": "person", "web/index.ts": "x", "docs/index.html": "1"})]
    return made


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a history, the working folder."""
    root = check_out(make_repository(tmp_path / "shop", commits(spec())))
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "80")
    return root


def rewrite(text: str) -> None:
    Path("environment.yaml").write_text(text)


def data(cli: Cli, *arguments: str) -> Any:
    result = cli("history", "environment.yaml", *arguments, "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    jsonschema.validate(found, history_schema())
    return found


def rates(build: Any, who: str = "all") -> dict[int, float | None]:
    return {layer["line"]: layer["hitRate"][who] for layer in build["layers"]}


def test_text(shop: Path, cli: Cli) -> None:
    last = git(shop, "rev-parse", "HEAD")[:12]
    result = cli("history", "environment.yaml")
    assert (result.code, result.err) == (0, "")
    assert (
        result.out
        == f"""\
shop  11 commits to {last}, the whole history: 8 by people, 3 automatic
  cache: one builder that keeps all that it built; Dockerfiles and .dockerignore
  as they are now
  a rebuild: a commit that changes a file that the build sees; the first only
  fills the cache

docs  docs.Dockerfile: 1 rebuild, 1 by people, 0 automatic
  line  people  automatic  all  found in the cache
     2      0%          -   0%  COPY docs /usr/share/nginx/html
  line  people  automatic  all  rebuilds that changed a file read there
     2       1          0    1  docs/index.html

web  web/Dockerfile: 10 rebuilds, 7 by people, 3 automatic
  line  people  automatic  all  found in the cache
     3     86%         0%  60%  COPY package.json package-lock.json ./
     4     86%         0%  60%  RUN npm ci
     5      0%         0%   0%  COPY . .
     6      0%         0%   0%  RUN npm run build --silent
    10      0%         0%   0%  COPY --from=build /app/dist /usr/share/nginx/...
  line  people  automatic  all  rebuilds that changed a file read there
     5       7          0    7  index.ts
  3, 5       1          3    4  package-lock.json
"""
    )


def test_json(shop: Path, cli: Cli) -> None:
    found = data(cli)
    assert (found["environment"], found["commits"]["all"], found["commits"]["complete"]) == ("shop", 11, True)
    assert found["commits"]["last"] == git(shop, "rev-parse", "HEAD").strip()
    web = found["builds"][1]
    assert (web["services"], web["dockerfile"], web["context"]) == (["web"], "web/Dockerfile", "web")
    assert web["rebuilds"] == {"people": 7, "automatic": 3, "all": 10}
    assert rates(web) == {2: 1.0, 3: 0.6, 4: 0.6, 5: 0.0, 6: 0.0, 10: 0.0}
    assert rates(web, "automatic") == {2: 1.0, 3: 0.0, 4: 0.0, 5: 0.0, 6: 0.0, 10: 0.0}
    assert {layer["line"]: layer["breaks"] for layer in web["layers"] if layer["breaks"]} == {3: 4, 5: 6}
    assert [(path["path"], path["changes"]["all"]) for path in web["paths"]] == [
        ("index.ts", 7),
        ("package-lock.json", 4),
    ]


@pytest.mark.usefixtures("shop")
def test_one_service(cli: Cli) -> None:
    assert [build["services"] for build in data(cli, "web")["builds"]] == [["web"]]
    assert [build["services"] for build in data(cli, "web", "docs")["builds"]] == [["docs"], ["web"]]


@pytest.mark.usefixtures("shop")
def test_commits_and_cache(cli: Cli) -> None:
    last = data(cli, "web", "--commits", "4")
    assert (last["commits"]["all"], last["commits"]["complete"]) == (4, False)
    assert last["builds"][0]["rebuilds"]["all"] == 4
    assert data(cli)["builds"][0]["cache"] == "persistent"
    assert data(cli, "--cache", "registry")["builds"][0]["cache"] == "registry"
    rewrite(spec("registry"))
    assert data(cli)["builds"][0]["cache"] == "registry"
    # What a cache would be worth, where there is none.
    rewrite(spec("none"))
    assert data(cli)["builds"][0]["cache"] == "persistent"


def test_content_that_comes_back(shop: Path, cli: Cli) -> None:
    (shop / "web/index.ts").write_text("6")
    (shop / "web/package-lock.json").write_text("2")
    git(shop, "commit", "--quiet", "--all", "--message=back")
    # As it was after the program's third update: a persistent cache has it still.
    assert data(cli, "web")["builds"][0]["layers"][-1]["hits"]["all"] == 1
    assert data(cli, "web", "--cache", "registry")["builds"][0]["layers"][-1]["hits"]["all"] == 0


def test_today_s_dockerfile_counts(shop: Path, cli: Cli) -> None:
    (shop / "web/Dockerfile").write_text("FROM nginx:1.29.3\nCOPY index.ts /\n")
    (shop / "web/.dockerignore").write_text("package-lock.json\n")
    web = data(cli, "web")["builds"][0]
    assert web["rebuilds"]["all"] == 7
    assert rates(web) == {2: 0.0}


@pytest.mark.usefixtures("shop")
def test_many_builds_begin_with_an_overview(cli: Cli) -> None:
    more = "".join(
        f'  s{n}:\n    type: application\n    source: {{repository: ".", context: web, args: {{N: "{n}"}}}}\n'
        "    security: {user: 1000}\n    ports: [{internal: 8080}]\n"
        for n in range(2)
    )
    rewrite(spec(more=more))
    result = cli("history", "environment.yaml")
    assert result.code == 0
    assert (
        """
  rebuilds  cached  service  most often runs from
         1      0%  docs     line 2 (100%): COPY docs /usr/share/nginx/html
        10     37%  s0       line 5 (60%): COPY . .
        10     37%  s1       line 5 (60%): COPY . .
        10     37%  web      line 5 (60%): COPY . .
"""
        in result.out
    )
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("width", ["60", "80", "120"])
@pytest.mark.usefixtures("shop")
def test_lines_fit(cli: Cli, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    result = cli("history", "environment.yaml")
    assert max(map(len, result.out.splitlines())) <= int(width)


def test_a_shallow_clone_is_a_finding_and_no_rate(
    shop: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=5", shop.as_uri(), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    result = cli("history", "environment.yaml", "--commits", "1")
    assert result.code == 1
    assert result.out == ""
    assert "error[STC510]" in result.err
    assert "the clone is shallow" in result.err
    assert "git fetch --unshallow" in result.err
    # It stands where the spec says which repository it is.
    assert "environment.yaml:15:26" in result.err
    assert "%" not in result.err
    git(Path(), "fetch", "--quiet", "--unshallow")
    assert cli("history", "environment.yaml").code == 0


def test_no_repository_and_no_commit(
    shop: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    (shop / ".git").rename(tmp_path / "git")
    shop.rename(copy)
    monkeypatch.chdir(copy)
    result = cli("history", "environment.yaml")
    assert result.code == 1
    assert "STC510" in result.err
    assert "the folder lies in no Git repository" in result.err
    git(copy, "init", "--quiet")
    result = cli("history", "environment.yaml")
    assert result.code == 1
    assert "the repository has no commit yet" in result.err


@pytest.mark.usefixtures("shop")
def test_other_repositories(cli: Cli) -> None:
    rewrite(spec(more=REMOTE))
    result = cli("history", "environment.yaml")
    assert result.code == 0
    assert "warning[STC512]" in result.err
    assert "the history of `far` is in another repository" in result.err
    assert "docs.Dockerfile: 1 rebuild" in result.out
    # What is not asked for is not missed.
    assert cli("history", "environment.yaml", "web").err == ""
    result = cli("history", "environment.yaml", "far")
    assert (result.code, result.out) == (1, "")
    assert "STC512" in result.err


@pytest.mark.usefixtures("shop")
def test_a_project_file_can_silence_a_warning(cli: Cli) -> None:
    rewrite(spec(more=REMOTE))
    Path("stagecast.yaml").write_text(
        "apiVersion: stagecast/v1beta1\nkind: Project\nignore: [STC512]\n"
        "environments: {shop: {spec: environment.yaml}}\n"
    )
    result = cli("history", "shop")
    assert (result.code, result.err) == (0, "")


def test_a_project_below_the_top_of_its_repository(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        Made({f"teams/shop/{path}": content for path, content in each.files.items()}, author=each.author)
        for each in commits(spec())
    ]
    made.insert(1, Made({"teams/other": "1"}))
    project = "apiVersion: stagecast/v1beta1\nkind: Project\nenvironments: {shop: {spec: environment.yaml}}\n"
    made.append(Made({"teams/shop/stagecast.yaml": project}))
    root = check_out(make_repository(tmp_path, made))
    monkeypatch.chdir(root / "teams" / "shop")
    web = data(cli, "web")["builds"][0]
    assert web["rebuilds"] == {"people": 7, "automatic": 3, "all": 10}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wbe"], "there is no service wbe; did you mean web?"),
        (["--cache", "inline"], "no cache inline"),
        (["--commits", "0"], "0 is not in the range"),
        (["--format", "yaml"], "no format yaml"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_wrong_command_lines(cli: Cli, arguments: list[str], said: str) -> None:
    result = cli("history", "environment.yaml", *arguments)
    assert result.code == 2
    assert said in result.err


@pytest.mark.usefixtures("shop")
def test_a_service_without_a_build(cli: Cli) -> None:
    rewrite(spec(more='  db: {type: database, engine: postgresql, version: "16"}\n'))
    result = cli("history", "environment.yaml", "db")
    assert result.code == 2
    assert "no image is built for db" in result.err


def test_names_do_not_steer_the_terminal(shop: Path, cli: Cli) -> None:
    names = ["web/esc\x1b[31m", "web/new\nline", "web/" + "x" * 200]
    for number in range(3):
        for name in names:
            (shop / name).write_text(str(number))
        git(shop, "add", "--all")
        git(shop, "commit", "--quiet", "--message=more")
    result = cli("history", "environment.yaml", "web")
    assert "\x1b" not in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "new\nline" in [path["path"] for path in data(cli, "web")["builds"][0]["paths"]]


def test_a_name_that_is_not_utf_8(shop: Path, cli: Cli) -> None:
    with open(bytes(shop) + b"/web/\xff", "w") as file:
        file.write("1")
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message=more")
    assert "\ufffd" in [path["path"] for path in data(cli, "web")["builds"][0]["paths"]]
    assert "<U+DCFF>" in cli("history", "environment.yaml", "web").out


def test_the_same_every_time(shop: Path, cli: Cli) -> None:
    assert data(cli) == data(cli)
    assert cli("history", "environment.yaml").out == cli("history", "environment.yaml").out
    assert str(shop) not in cli("history", "environment.yaml", "--json").out
