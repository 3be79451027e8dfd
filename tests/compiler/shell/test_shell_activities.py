"""What commands do: package managers of systems and languages, compilers, downloads; what wrappers run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.shell.activities import activities
from compiler.shell.ecosystems import ECOSYSTEMS, covers, read_by_install, says_dependencies
from compiler.shell.model import Activity, ActivityKind
from compiler.shell.options import VALUED
from compiler.shell.reading import read_script
from compiler.shell.systems import SYSTEM_MANAGERS
from compiler.shell.wrappers import seen_through

# A command and what it does: kind and tool, for an ecosystem "kind ecosystem"; + for "by manifests"; then
# the names, and the files in brackets.
CASES = """
apt-get -qq -o A=1 update                             | update apt-get
apt-get install -y --no-install-recommends git a=1 ./x.deb | system apt-get git a=1 ./x.deb [./x.deb]
apt-get upgrade -y                                    | system apt-get
apt-get purge -y --auto-remove gcc                    | clean
apt list                                              | other
apk add --no-cache --virtual .build gcc musl-dev      | system apk gcc musl-dev
apk del .build                                        | clean
yum -y update                                         | system yum
dnf makecache                                         | update dnf
microdnf install -y tar                               | system microdnf tar
zypper -n in vim                                      | system zypper vim
pacman -Syu --noconfirm base-devel                    | system pacman base-devel
pacman -Sy                                            | update pacman
pacman -Scc                                           | clean
npm ci --omit=dev                                     | install npm +
npm install                                           | install npm +
npm --prefix web ci                                   | install npm +
npm install -g pnpm@9                                 | install npm pnpm@9
npm i express                                         | install npm express
npm run build                                         | compile npm
npm run build:prod                                    | compile npm
npm run lint                                          | other
npm cache clean --force                               | clean
npm --version                                         | other
npx tsc -p .                                          | compile tsc
npx --yes next build                                  | compile next
yarn                                                  | install yarn +
yarn --version                                        | other
yarn install --frozen-lockfile --network-timeout 100000 | install yarn +
yarn --cwd ui install                                 | install yarn +
yarn global add serve                                 | install yarn serve
yarn add left-pad                                     | install yarn left-pad
yarn build                                            | compile yarn
yarn workspace web build                              | compile yarn
yarn tsc                                              | compile yarn
pnpm i --frozen-lockfile                              | install pnpm +
pnpm fetch                                            | install pnpm +
pnpm -r build                                         | compile pnpm
pnpm --filter web build                               | compile pnpm
pnpm turbo run build --filter=a                       | compile turbo
corepack pnpm install                                 | install pnpm +
corepack enable pnpm                                  | other
bun install                                           | install bun +
bun build ./index.ts                                  | compile bun
pip install -r requirements.txt                       | install pip + [requirements.txt]
pip install --no-cache-dir --requirement=a.txt -c c.txt | install pip + [a.txt c.txt]
pip install -rreq.txt                                 | install pip + [req.txt]
pip3 install .                                        | install pip + [.]
pip install .[all]                                    | install pip + [.[all]]
pip install -e ./lib flask                            | install pip + flask [./lib]
pip install -U pip setuptools                         | install pip pip setuptools
pip3.11 install -i https://x flask                    | install pip flask
pip install git+https://host/x                        | install pip git+https://host/x
python3 -m pip install -r r.txt                       | install pip + [r.txt]
python setup.py install                               | install pip + [setup.py]
python -m venv /venv                                  | other
python manage.py collectstatic                        | other
poetry install --no-root                              | install poetry +
poetry config a b                                     | other
poetry build                                          | compile poetry
uv sync --frozen --no-dev                             | install uv +
uv pip install --system -r requirements.txt           | install uv + [requirements.txt]
uv pip install torch                                  | install uv torch
pipenv install --system --deploy                      | install pipenv +
conda env create -f environment.yml                   | install conda + [environment.yml]
mamba install -y -c forge numpy                       | install conda numpy
conda clean -afy                                      | clean
go mod download                                       | install go +
go build -o /x ./cmd/x                                | compile go +
go install ./...                                      | compile go +
go install example.com/a/b@v1                         | install go example.com/a/b@v1
go get ./...                                          | install go +
go get -u example.com/a                               | install go example.com/a
go version                                            | other
xx-go build -o /x .                                   | compile go +
mvn -B dependency:go-offline                          | install maven +
mvn org.apache.maven.plugins:maven-dependency-plugin:3.1:resolve | install maven +
mvn -f a/pom.xml clean package -DskipTests            | compile maven + [a/pom.xml]
./mvnw clean                                          | clean
./gradlew bootJar -x test                             | compile gradle +
gradle :app:shadowJar --no-daemon                     | compile gradle +
gradle dependencies                                   | install gradle +
./gradlew downloadRepos                               | install gradle +
cargo fetch --locked                                  | install cargo +
cargo build --release                                 | compile cargo +
cargo +nightly build                                  | compile cargo +
cargo chef cook --release --recipe-path recipe.json   | install cargo + [recipe.json]
cargo chef prepare                                    | other
cargo install --path .                                | compile cargo + [.]
cargo install --locked cargo-chef                     | install cargo cargo-chef
bundle install --jobs 4                               | install bundler +
bundle config set without dev                         | other
bundle exec rake assets:precompile                    | compile rake
gem install bundler -v 2.4                            | install bundler bundler
composer install --no-dev                             | install composer +
composer dump-autoload -o                             | compile composer +
composer require a/b                                  | install composer a/b
dotnet restore "a/b.csproj"                           | install dotnet + [a/b.csproj]
dotnet publish -c Release -o out                      | compile dotnet +
dotnet tool install -g x                              | install dotnet x
mix deps.get --only prod                              | install mix +
mix do deps.get, deps.compile                         | install mix +
mix do deps.get, compile                              | compile mix +
mix local.hex --force                                 | install mix local.hex
make -j4 all                                          | compile make
make clean                                            | clean
gcc --version                                         | other
./configure --prefix=/x                               | compile configure
cmake --build .                                       | compile cmake
tsc                                                   | compile tsc
curl -fsSL -o x https://a/b                           | download curl https://a/b
wget -qO- https://a                                   | download wget https://a
git clone --depth 1 https://a x                       | download git https://a x
git config --global a b                               | other
rm -rf /var/lib/apt/lists/*                           | clean
echo hello                                            | other
/usr/bin/apt-get update                               | update apt-get
"""

_KINDS = {
    ActivityKind.SYSTEM_UPDATE: "update",
    ActivityKind.SYSTEM_PACKAGES: "system",
    ActivityKind.DEPENDENCIES: "install",
}


def told(found: Activity) -> str:
    kind = _KINDS.get(found.kind, found.kind.value)
    if found.kind in (ActivityKind.CLEAN, ActivityKind.OTHER):
        return kind
    parts = [kind, found.ecosystem or found.tool, "+" if found.from_manifest else "", *found.names]
    return " ".join([*filter(None, parts), *([f"[{' '.join(found.files)}]"] if found.files else [])])


@pytest.mark.parametrize("line", CASES.strip().split("\n"), ids=lambda line: line.split("|")[0].strip()[:40])
def test_what_a_command_does(line: str) -> None:
    text, _, expected = line.rpartition("|")
    [found] = activities(seen_through(read_script(text.strip())))
    assert told(found) == expected.strip()


WRAPPED = [
    ("sudo -u x -- env A=1 nice -n 5 npm ci", ["npm ci"]),
    ("exec time -p timeout -k 5 10 make", ["make"]),
    ('sh -c "npm ci && npm run build"', ["npm ci", "npm run build"]),
    ("bash -lc 'set -e; make'", ["set -e", "make"]),
    ("bash -euo pipefail -c 'a; b'", ["a", "b"]),
    ('su - app -c "bundle install"', ["bundle install"]),
    ("xargs -n 1 pip install", ["pip install"]),
    ("bash <<E\nnpm ci\nE", ["npm ci"]),
    ("poetry run pip install x", ["pip install x"]),
    ("sh -c 'sh -c \"sh -c a\"'", ["a"]),
    ("bash ./x.sh -c", ["bash ./x.sh -c"]),
    ("env", ["env"]),
    ("sudo -s", ["sudo -s"]),
]


@pytest.mark.parametrize(("text", "expected"), WRAPPED, ids=[text for text, _ in WRAPPED])
def test_wrappers_are_seen_through(text: str, expected: list[str]) -> None:
    script = read_script(text)
    found = seen_through(script)
    assert [" ".join(each.words) for each in found.commands] == expected
    [outer] = script.commands
    assert {(each.start, each.end) for each in found.commands} == {(outer.start, outer.end)}
    assert found.complete


def test_what_a_variable_runs_is_not_known() -> None:
    assert not seen_through(read_script('bash -c "$SCRIPT"')).complete
    assert seen_through(read_script('su x -c "nvm install $VERSION"')).complete
    deep = "sh -c " * 30 + "a"
    assert seen_through(read_script(deep)).commands


WORDS = st.sampled_from(
    [
        *(program for each in ECOSYSTEMS.values() for program in each.programs),
        *SYSTEM_MANAGERS,
        *(
            "install",
            "run",
            "-r",
            "--",
            "-",
            "",
            ".",
            "build",
            "-g",
            "do",
            "-c",
            "+x",
            "@",
            "=",
            "--path",
            "-S",
            "x",
        ),
        *(
            "python",
            "-m",
            "setup.py",
            "sudo",
            "sh",
            "npx",
            "git",
            "env",
            "xargs",
            "exec",
            "corepack",
            "workspace",
        ),
    ]
)


@given(st.lists(WORDS, max_size=7).map(lambda words: " ".join(f"'{word}'" for word in words)))
def test_nothing_raises_and_there_is_one_activity_for_each_command(text: str) -> None:
    script = seen_through(read_script(text))
    found = activities(script)
    assert [each.command for each in found] == list(script.commands)
    for each in found:
        assert each.kind is not ActivityKind.DEPENDENCIES or each.ecosystem in ECOSYSTEMS


@pytest.mark.parametrize(
    ("path", "manifest", "by"),
    [
        ("package.json", True, ("npm", "yarn", "pnpm", "bun")),
        ("a/b/package.json", True, ("npm",)),
        (".yarn/releases/yarn-4.cjs", False, ("yarn",)),
        ("patches/a.patch", False, ("npm",)),
        ("requirements/dev.txt", True, ("pip", "uv")),
        ("requirements-dev.txt", True, ("pip", "uv", "conda")),
        ("README.md", False, ("pip", "poetry")),
        ("go.sum", True, ("go",)),
        ("src/main.go", False, ()),
        ("gradle/wrapper/gradle-wrapper.jar", False, ("gradle",)),
        ("Directory.Build.props", False, ("dotnet",)),
        ("src/A/A.csproj", True, ("dotnet",)),
        ("config/config.exs", False, ("mix",)),
        ("my-patches.txt", False, ()),
    ],
)
def test_files(path: str, manifest: bool, by: tuple[str, ...]) -> None:
    assert says_dependencies(path) is manifest
    assert [name for name in by if not read_by_install(path, name)] == []
    if not by:
        assert not any(read_by_install(path, name) for name in ECOSYSTEMS)


def test_patterns() -> None:
    assert covers(("a/**",), "x/a/b/c")
    assert not covers(("a/**",), "a")
    assert covers(("a/b.txt",), "x/a/b.txt")
    assert not covers(("a/b.txt",), "xa/b.txt")


def test_the_tables_hold_together() -> None:
    programs = [program for each in ECOSYSTEMS.values() for program in each.programs]
    assert len(programs) == len(set(programs))
    assert set(ECOSYSTEMS) | set(SYSTEM_MANAGERS) <= set(VALUED)
    for each in ECOSYSTEMS.values():
        assert set(each.named) <= set(each.installs)
        assert each.manifests
        assert each.caches
