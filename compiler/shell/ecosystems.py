"""The package managers of languages: what calls them, what they read, where they keep downloads.

A table and how to ask it. Takes names and paths, knows no file and no image.
Patterns are those of `covers`. Cache folders are those of root in the official
images; the comment before each entry names the documentation that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from compiler.shell.tables import words


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """One package manager.

    `installs` are the sub-commands that install what the manifests say (as
    words; options between them left out); those of `named` do so only without
    package names. "" is the program alone. `compiles` are sub-commands that compile
    the project, and may install what is missing before. `manifests` say what is wanted, `locks` what exactly,
    `others` are further files of a project that an install reads. `caches`
    are folders of downloads for a cache mount, absolute, or relative to
    the project; `results` are folders of the project that an install or compile fills, which a
    context should not carry.
    """

    programs: tuple[str, ...]
    installs: tuple[str, ...]
    compiles: tuple[str, ...]
    manifests: tuple[str, ...]
    locks: tuple[str, ...]
    others: tuple[str, ...]
    caches: tuple[str, ...]
    results: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


_NODE_OTHERS = (".npmrc", ".nvmrc", ".node-version", "patches/**")
# A build back end reads the files that the metadata names: nearly always these.
_PYTHON_OTHERS = ("README*", "LICENSE*", "MANIFEST.in", "pip.conf", ".python-version")

ECOSYSTEMS: dict[str, Ecosystem] = {
    # docs.npmjs.com/cli: npm-install, npm-ci, config "cache" (default ~/.npm); files: npmrc,
    # package-lock-json.
    "npm": Ecosystem(
        programs=("npm",),
        installs=words("ci clean-install install-ci-test install i add update"),
        named=("install", "i", "add", "update"),
        compiles=(),
        manifests=("package.json",),
        locks=("package-lock.json", "npm-shrinkwrap.json"),
        others=_NODE_OTHERS,
        caches=("/root/.npm",),
        results=("node_modules",),
    ),
    # classic.yarnpkg.com/en/docs/cli/cache (root: /usr/local/share/.cache/yarn);
    # yarnpkg.com/configuration/yarnrc: globalFolder ~/.yarn/berry, .yarn/{releases,plugins,patches,cache}
    # are part of a project.
    "yarn": Ecosystem(
        programs=("yarn", "yarnpkg"),
        installs=("", "install", "workspaces focus", "immutable"),
        compiles=(),
        manifests=("package.json",),
        locks=("yarn.lock",),
        others=(*_NODE_OTHERS, ".yarnrc", ".yarnrc.yml", ".yarn/**", ".pnp.cjs", ".pnp.loader.mjs"),
        caches=("/usr/local/share/.cache/yarn", "/root/.yarn/berry/cache"),
        results=("node_modules", ".yarn/install-state.gz"),
    ),
    # pnpm.io: cli/install, cli/fetch (reads the lock file only), docker (store below PNPM_HOME=/pnpm),
    # settings "store-dir" (~/.local/share/pnpm/store on Linux), pnpmfile, pnpm-workspace_yaml.
    "pnpm": Ecosystem(
        programs=("pnpm",),
        installs=("install", "i", "fetch", "install-test", "ci"),
        named=("install", "i"),
        compiles=(),
        manifests=("package.json",),
        locks=("pnpm-lock.yaml",),
        others=(*_NODE_OTHERS, *words("pnpm-workspace.yaml .pnpmfile.cjs .pnpmfile.mjs pnpmfile.js")),
        caches=("/root/.local/share/pnpm/store", "/pnpm/store"),
        results=("node_modules", ".pnpm-store"),
    ),
    # bun.sh/docs: cli/install, install/cache (~/.bun/install/cache), install/lockfile, runtime/bunfig.
    "bun": Ecosystem(
        programs=("bun",),
        installs=("install", "i", "ci"),
        named=("install", "i"),
        compiles=("build",),
        manifests=("package.json",),
        locks=("bun.lock", "bun.lockb"),
        others=(*_NODE_OTHERS, "bunfig.toml"),
        caches=("/root/.bun/install/cache",),
        results=("node_modules",),
    ),
    # pip.pypa.io/en/stable: cli/pip_install, topics/caching (~/.cache/pip),
    # reference/requirements-file-format (-r and -c nest), user_guide#constraints-files.
    "pip": Ecosystem(
        programs=("pip", "pip2", "pip3"),
        installs=("install", "wheel", "download"),
        named=("install", "wheel", "download"),
        compiles=(),
        manifests=words(
            "requirements*.txt requirements*.in requirements/** constraints*.txt pyproject.toml setup.py "
            "setup.cfg"
        ),
        locks=("requirements*.lock", "pylock*.toml"),
        others=_PYTHON_OTHERS,
        caches=("/root/.cache/pip",),
        results=(".venv", "venv", "__pycache__", "build", "dist", "*.egg-info"),
    ),
    # python-poetry.org/docs: cli/#install, configuration/#cache-dir (~/.cache/pypoetry), configuration
    # (poetry.toml).
    "poetry": Ecosystem(
        programs=("poetry",),
        installs=("install", "sync"),
        compiles=("build",),
        manifests=("pyproject.toml",),
        locks=("poetry.lock",),
        others=(*_PYTHON_OTHERS, "poetry.toml"),
        caches=("/root/.cache/pypoetry",),
        results=(".venv", "__pycache__", "dist"),
    ),
    # docs.astral.sh/uv: guides/integration/docker (~/.cache/uv), concepts/projects/sync,
    # configuration/files (uv.toml).
    "uv": Ecosystem(
        programs=("uv",),
        installs=("sync", "pip sync", "pip install", "export"),
        named=("pip install",),
        compiles=("build",),
        manifests=words("pyproject.toml requirements*.txt requirements*.in requirements/** constraints*.txt"),
        locks=("uv.lock", "pylock*.toml"),
        others=(*_PYTHON_OTHERS, "setup.py", "setup.cfg", "uv.toml"),
        caches=("/root/.cache/uv",),
        results=(".venv", "__pycache__", "dist"),
    ),
    # pipenv.pypa.io: commands (install, sync), configuration (PIPENV_CACHE_DIR, ~/.cache/pipenv).
    "pipenv": Ecosystem(
        programs=("pipenv",),
        installs=("install", "sync"),
        named=("install",),
        compiles=(),
        manifests=("Pipfile",),
        locks=("Pipfile.lock",),
        others=("setup.py", "setup.cfg", ".python-version"),
        caches=("/root/.cache/pipenv", "/root/.cache/pip"),
        results=(".venv", "__pycache__"),
    ),
    # docs.conda.io: commands/env/create, commands/install (--file), configuration "pkgs_dirs" (pkgs below
    # the installation; /opt/conda in the official images); conda-lock's files.
    "conda": Ecosystem(
        programs=("conda", "mamba", "micromamba"),
        installs=("env create", "env update", "install", "create", "update"),
        named=("install", "create", "update"),
        compiles=(),
        manifests=words(
            "environment*.yml environment*.yaml requirements*.txt conda*.yml conda*.yaml env.yml"
        ),
        locks=("conda-lock.yml", "conda-*.lock", "explicit*.txt"),
        others=(".condarc",),
        caches=("/opt/conda/pkgs",),
    ),
    # go.dev/ref/mod: go mod download, go.work, vendoring; cmd/go: GOCACHE (~/.cache/go-build); the
    # official image sets GOPATH=/go, so GOMODCACHE is /go/pkg/mod.
    "go": Ecosystem(
        programs=("go",),
        installs=("mod download", "mod vendor", "mod tidy", "mod verify", "get", "work sync"),
        named=("get",),
        compiles=("build", "install", "test", "vet", "generate", "run"),
        manifests=("go.mod", "go.work"),
        locks=("go.sum", "go.work.sum"),
        others=("vendor/modules.txt",),
        caches=("/go/pkg/mod", "/root/.cache/go-build"),
        results=("bin",),
    ),
    # maven.apache.org: plugins/maven-dependency-plugin (go-offline, resolve), settings
    # (~/.m2/repository), configure (.mvn/); the wrapper's files.
    "maven": Ecosystem(
        programs=("mvn", "mvnw", "mvnd"),
        installs=words(
            "dependency:go-offline dependency:resolve dependency:resolve-plugins "
            "dependency:copy-dependencies de.qaware.maven:go-offline-maven-plugin:resolve-dependencies "
            "validate dependency:tree"
        ),
        compiles=words(
            "compile test-compile test package verify install deploy spring-boot:repackage jib:build "
            "spring-boot:build-image process-classes prepare-package native:compile"
        ),
        manifests=("pom.xml",),
        locks=(),
        others=("settings.xml", ".mvn/**", "mvnw", "mvnw.cmd", "extensions.xml"),
        caches=("/root/.m2",),
        results=("target",),
    ),
    # docs.gradle.org: userguide/directory_layout (~/.gradle), dependency_locking, platforms (version
    # catalogs in gradle/), build_environment (gradle.properties); the official image sets
    # GRADLE_USER_HOME=/home/gradle/.gradle.
    "gradle": Ecosystem(
        programs=("gradle", "gradlew"),
        installs=words(
            "dependencies resolveDependencies downloadDependencies resolveAllDependencies "
            "buildEnvironment downloadRepos androidDependencies help tasks wrapper"
        ),
        compiles=words(
            "build assemble jar bootJar shadowJar installDist war bootWar compileJava classes distTar "
            "distZip compileKotlin test check nativeCompile install quarkusBuild publishToMavenLocal "
            "fatJar buildFatJar installShadowDist bootBuildImage"
        ),
        manifests=("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),
        locks=("gradle.lockfile", "*.lockfile", "gradle/verification-metadata.xml"),
        others=words("gradle.properties gradle/** gradlew gradlew.bat buildSrc/** build-logic/** *.gradle"),
        caches=("/root/.gradle", "/home/gradle/.gradle"),
        results=("build", ".gradle"),
    ),
    # doc.rust-lang.org/cargo: cargo-fetch, cargo-home (registry, git; /usr/local/cargo in the official
    # image), config (.cargo/config.toml), workspaces; rust-lang.github.io/rustup/overrides
    # (rust-toolchain); cargo-chef.
    "cargo": Ecosystem(
        programs=("cargo",),
        installs=("fetch", "vendor", "chef cook", "generate-lockfile"),
        compiles=words("build b install test run check rustc zigbuild leptos ndk auditable"),
        manifests=("Cargo.toml",),
        locks=("Cargo.lock",),
        others=("rust-toolchain", "rust-toolchain.toml", ".cargo/**", "recipe.json", "build.rs"),
        caches=("/usr/local/cargo/registry", "/usr/local/cargo/git/db", "target"),
        results=("target",),
    ),
    # bundler.io: man/bundle-install, man/bundle-config (.bundle/config), guides/creating_gem (gemspec,
    # lib/*/version.rb); docs.docker.com/build/cache/optimize names /root/.gem; the official image sets
    # GEM_HOME=/usr/local/bundle.
    "bundler": Ecosystem(
        programs=("bundle", "bundler"),
        installs=("", "install", "update", "package", "cache"),
        compiles=(),
        manifests=("Gemfile", "*.gemspec", "gems.rb"),
        locks=("Gemfile.lock", "gems.locked"),
        others=(".ruby-version", ".tool-versions", ".bundle/**", "vendor/cache/**", "version.rb"),
        caches=("/root/.gem", "/usr/local/bundle/cache"),
        results=("vendor/bundle", "tmp", "log"),
    ),
    # getcomposer.org/doc: 03-cli (install), 06-config (cache-dir: $COMPOSER_HOME/cache or
    # ~/.cache/composer); the official image sets COMPOSER_HOME=/tmp, and
    # docs.docker.com/build/cache/optimize names /tmp/cache.
    "composer": Ecosystem(
        programs=("composer", "composer.phar"),
        installs=("install", "i", "update", "u", "upgrade"),
        named=("update", "u", "upgrade"),
        compiles=("dump-autoload", "dumpautoload"),
        manifests=("composer.json",),
        locks=("composer.lock", "symfony.lock"),
        others=("auth.json",),
        caches=("/tmp/cache", "/root/.cache/composer"),
        results=("vendor",),
    ),
    # learn.microsoft.com: dotnet-restore,
    # nuget/consume-packages/managing-the-global-packages-and-cache-folders (~/.nuget/packages),
    # msbuild/customize-by-directory (Directory.*), central package management, global-json.
    "dotnet": Ecosystem(
        programs=("dotnet",),
        installs=("restore", "tool restore", "workload restore"),
        compiles=("build", "publish", "pack", "test", "msbuild", "run"),
        manifests=words("*.csproj *.fsproj *.vbproj *.sln *.slnx *.slnf *.esproj *.sqlproj *.dcproj"),
        locks=("packages.lock.json",),
        others=words(
            "nuget.config NuGet.config NuGet.Config Directory.*.props Directory.*.targets *.props "
            "*.targets global.json paket.* .paket/** .config/dotnet-tools.json packages.config"
        ),
        caches=("/root/.nuget/packages",),
        results=("bin", "obj"),
    ),
    # hexdocs.pm/mix: Mix.Tasks.Deps.Get, deps.compile (config/ is read by it), releases; hexdocs.pm/hex
    # (HEX_HOME ~/.hex).
    "mix": Ecosystem(
        programs=("mix",),
        installs=("deps.get", "deps.compile", "deps.update", "deps"),
        compiles=words("compile release assets.deploy phx.digest escript.build assets.build assets.setup"),
        manifests=("mix.exs",),
        locks=("mix.lock",),
        others=("config/**", ".formatter.exs", "rebar.config", "rebar.lock"),
        caches=("/root/.hex", "/root/.cache/rebar3"),
        results=("deps", "_build"),
    ),
}
"""The package managers by name."""


def covers(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns is for a file of a project; letter case counts.

    A pattern without "/" is for the file's name, wherever it lies; "x/**" for all below any folder x;
    another with "/" for the end of the path. Wildcards are those of fnmatch, within a name.
    """
    return _covering(tuple(patterns))(path)


def says_dependencies(path: str, ecosystem: str = "") -> bool:
    """Whether a file of a project is a manifest or lock file, of one ecosystem or ("") of any."""
    return _covering(_saying(ecosystem))(path)


def made_of_manifests(path: str) -> bool:
    """Whether a path of a stage is what says dependencies, or what a tool has made of nothing else.

    That is cargo-chef's recipe.json and what `turbo prune --docker` puts into out/json: built anew by every
    change of a source, they come out the same, so that copying them hits.
    """
    whole = "/" + path.strip("/")
    return whole.endswith(("/recipe.json", "/out/json")) or says_dependencies(path)


def read_by_install(path: str, ecosystem: str) -> bool:
    """Whether an install of an ecosystem is known to read a file of a project."""
    found = ECOSYSTEMS[ecosystem]
    return covers((*found.manifests, *found.locks, *found.others), path)


@lru_cache(maxsize=64)
def _saying(ecosystem: str) -> tuple[str, ...]:
    chosen = ECOSYSTEMS.values() if not ecosystem else (ECOSYSTEMS[ecosystem],)
    return tuple(sorted({pattern for each in chosen for pattern in (*each.manifests, *each.locks)}))


@lru_cache(maxsize=256)
def _covering(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """A fast form of `covers` for some patterns."""
    folders = [f"/{each[:-3]}/" for each in patterns if each.endswith("/**")]
    tails = tuple(f"/{each}" for each in patterns if "/" in each and not each.endswith("/**"))
    plain = [each for each in patterns if "/" not in each]
    names = frozenset(each for each in plain if "*" not in each)
    wild = re.compile("|".join(translate(each) for each in plain if "*" in each) or r"(?!)")

    def covers_path(path: str) -> bool:
        whole = "/" + path.strip("/")
        name = whole.rpartition("/")[2]
        return (
            name in names
            or wild.match(name) is not None
            or whole.endswith(tails)
            or any(folder in whole for folder in folders)
        )

    return covers_path
