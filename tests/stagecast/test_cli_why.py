"""`stagecast why` on real repositories, and the outputs that its page shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import CHECKOUT, SURROUNDINGS, Cli
from git_repositories import Made, check_out, git, make_repository
from stagecast.views.layer_reasons.schema import why_schema

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
services:
  cache:
    type: container
    image: "redis:7.4.2"
    security: {user: 999}
    ports: [{internal: 6379, protocol: TCP}]
  web:
    type: application
    source: {repository: ".", context: web}
    security: {user: 1000}
    ports: [{internal: 8080}]
"""
ELSEWHERE = SPEC.replace('repository: "."', 'repository: "https://github.com/acme/shop", ref: v1')
DOCKERFILE = """\
FROM node:22 AS build
ARG VERSION=1.4.0
WORKDIR /app
COPY . .
RUN npm ci
RUN npm run build

FROM nginx:1.27
COPY nginx.conf /etc/nginx/nginx.conf
COPY --from=build /app/dist /usr/share/nginx/html
"""
SORTED = DOCKERFILE.replace(
    "COPY . .\nRUN npm ci\n", "COPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n"
)
COMMITS = [
    Made(
        {
            "environment.yaml": SPEC,
            ".gitignore": "node_modules\n",
            "web/Dockerfile": DOCKERFILE,
            "web/.dockerignore": "Dockerfile\n.dockerignore\nnode_modules\n",
            "web/package.json": "{}",
            "web/package-lock.json": "{}",
            "web/nginx.conf": "events {}\n",
            "web/src/api.ts": "export const a = 1\n",
            "web/src/main.ts": "import './api'\n",
        },
        message="Start",
    ),
    Made({"web/Dockerfile": SORTED}, message="Install before the sources are copied"),
    Made({"web/Dockerfile": SORTED.replace("1.4.0", "1.5.0")}, message="Release 1.5.0"),
]
PAGE = CHECKOUT / "docs" / "why.md"
_BLOCK = re.compile(r"```console\n\$ (stagecast why [^\n]*)\n(.*?)```\n", re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository of the page, at its first commit; 80 columns."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    folder = check_out(make_repository(tmp_path / "shop", COMMITS))
    monkeypatch.chdir(folder)
    git(folder, "tag", "newest")
    git(folder, "reset", "--quiet", "--hard", "HEAD~2")
    return folder


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("why", "environment.yaml", *arguments, "--json")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    jsonschema.Draft7Validator(why_schema()).validate(data)
    return data


def missed(data: dict[str, Any]) -> list[int]:
    return [step["line"] for step in data["steps"] if not step["hit"]]


def test_from_head_to_the_working_tree(cli: Cli, shop: Path) -> None:
    data = data_of(cli)
    assert (missed(data), data["to"]["commit"]) == ([], None)
    (shop / "web" / "src" / "new.ts").write_text("new")
    (shop / "web" / "node_modules").mkdir()
    (shop / "web" / "node_modules" / "x").write_text("Git ignores it")
    (shop / "README.md").write_text("It is not in the context.")
    data = data_of(cli, "web")
    assert missed(data) == [4, 5, 6, 10]
    assert data["steps"][2]["files"] == [{"path": "src/new.ts", "difference": "added"}]


def test_between_two_commits(cli: Cli, shop: Path) -> None:
    # What lies there now does not count.
    (shop / "web" / "nginx.conf").write_text("other")
    data = data_of(cli, "web", "--from", "newest~1", "--to", "newest")
    assert data["steps"][3]["parts"] == [
        {"name": "variable VERSION", "line": 2, "gone": False, "was": None, "now": None}
    ]
    # Without --from it is the parent.
    assert data_of(cli, "web", "--to", "newest")["steps"] == data["steps"]


def test_the_caches(cli: Cli, shop: Path) -> None:
    (shop / "web" / "nginx.conf").write_text("other")
    data = data_of(cli, "web")
    assert data["cache"] == "registry"
    same = data_of(cli, "web", "--cache", "persistent")
    assert (same["cache"], same["steps"]) == ("persistent", data["steps"])


def test_a_dockerfile_that_is_new(cli: Cli, shop: Path) -> None:
    git(shop, "rm", "--quiet", "--cached", "web/Dockerfile")
    git(shop, "commit", "--quiet", "--message=none")
    result = cli("why", "environment.yaml")
    assert result.code == 0
    assert result.out.endswith("This is a first build: all 8 steps run.\n")
    result = cli("why", "environment.yaml", "--from", "HEAD~1", "--to", "HEAD")
    assert (result.code, "there is no web/Dockerfile in HEAD" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wbe",), "there is no service wbe; did you mean web?"),
        (("cache",), "no image is built for cache: it runs one that exists"),
        (("web", "--from", "nowhere"), "the repository has no revision nowhere"),
        (("web", "--to", "nowhere"), "the repository has no revision nowhere"),
        (("web", "--from=--all"), "the repository has no revision --all"),
        (("web", "--to", "HEAD"), "HEAD has no parent: say what was built before"),
        (("web", "--cache", "inline"), "no cache inline"),
        (("web", "--format", "yaml"), "no format yaml"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_what_cannot_be_asked(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    result = cli("why", "environment.yaml", *arguments)
    assert result.code == 2
    # The box around it breaks lines.
    assert message in " ".join(result.err.replace("│", " ").split())
    assert result.out == ""


def test_files_of_another_repository(cli: Cli, shop: Path) -> None:
    (shop / "environment.yaml").write_text(ELSEWHERE)
    result = cli("why", "environment.yaml", "web")
    assert result.code == 2
    assert "the files of web are in another repository" in " ".join(result.err.split())


def _no_repository(shop: Path) -> None:
    git(shop, "config", "--local", "core.bare", "false")
    (shop / ".git").rename(shop / "away")


def _no_commit(shop: Path) -> None:
    (shop / ".git").rename(shop / "away")
    git(shop, "init", "--quiet")


def _shallow(shop: Path) -> None:
    (shop / ".git").rename(shop / "away")
    git(shop, "clone", "--quiet", "--bare", "--depth=1", f"file://{shop}/away", ".git")
    git(shop, "config", "core.bare", "false")


@pytest.mark.parametrize(
    ("breaks", "code", "message"),
    [
        (_no_repository, 1, "error[STC511]: two builds cannot be compared: the folder lies in no Git"),
        (_shallow, 1, "the clone is shallow: `git fetch --unshallow` fetches the rest"),
        (_no_commit, 2, "the repository has no commit yet"),
    ],
)
def test_a_repository_that_cannot_be_read(
    cli: Cli, shop: Path, breaks: Callable[[Path], None], code: int, message: str
) -> None:
    breaks(shop)
    result = cli("why", "environment.yaml", "web", "--from", "HEAD~1" if breaks is _shallow else "HEAD")
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.split())


def test_the_outputs_on_the_page(cli: Cli, shop: Path, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    seen: list[str] = []

    def output(match: re.Match[str]) -> str:
        """What a command of the page prints. Before the first, a source is edited; then all is committed."""
        if not seen:
            (shop / "web" / "src" / "api.ts").write_text("export const a = 2\n")
        elif len(seen) == 1:
            git(shop, "reset", "--quiet", "--hard", "newest")
        seen.append(match.group(1))
        result = cli(*match.group(1).split()[1:])
        assert result.code == 0, result.err
        return f"```console\n$ {match.group(1)}\n{result.out}```\n"

    expected = _BLOCK.sub(output, page)
    assert len(seen) == 2
    if request.config.getoption("--update-goldens"):
        PAGE.write_text(expected, encoding="utf-8")
    assert page == expected or request.config.getoption("--update-goldens")
