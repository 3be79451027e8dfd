"""Programs that are no package managers and matter to the time of a build: compilers, downloads, removals.

Tables by program name. They list what public Dockerfiles call; one that is not here takes an assumed short
time.
"""

from __future__ import annotations

import re

from compiler.shell.tables import words

COMPILERS: dict[str, tuple[str, ...]] = {
    # Always compile.
    **dict.fromkeys(
        words(
            "make gmake ninja samu gcc g++ cc c++ clang clang++ rustc javac kotlinc ghc nim tsc webpack "
            "esbuild rollup swiftc configure autogen.sh bootstrap.sh sbt ant scalac dmd ldc2 crystal "
            "docker-php-ext-install gulp grunt hugo phpize autoreconf mage just xcodebuild protoc buf "
            "emcc wasm-pack trunk "
        ),
        (),
    ),
    # Compile with one of these words.
    "cmake": ("--build", "-S", "-B", ".", "..", "-G", "--install"),
    "meson": ("setup", "compile", "install", "build"),
    "xcaddy": ("build",),
    "bazel": ("build", "test", "run"),
    "zig": ("build", "build-exe"),
    "swift": ("build",),
    "stack": ("build", "install", "setup"),
    "cabal": ("build", "install", "v2-build"),
    "lein": ("uberjar", "compile", "jar"),
    "clojure": ("-T:build", "-X:uberjar"),
    "dart": ("compile", "build"),
    "flutter": ("build",),
    "shards": ("build",),
    "vite": ("build",),
    "ng": ("build",),
    "next": ("build",),
    "nuxt": ("build", "generate"),
    "nuxi": ("build", "generate"),
    "astro": ("build",),
    "gatsby": ("build",),
    "vue-cli-service": ("build",),
    "react-scripts": ("build",),
    "parcel": ("build",),
    "nest": ("build",),
    "turbo": ("build", "run"),
    "nx": ("build", "run", "run-many"),
    "lerna": ("build", "run"),
    "rush": ("build", "rebuild"),
    "prisma": ("generate",),
    "rake": ("assets:precompile", "build", "compile"),
    "rails": ("assets:precompile",),
    "jekyll": ("build",),
    "mkdocs": ("build",),
    "sphinx-build": (),
    "pecl": ("install",),
    "rebar3": ("compile", "release", "as", "escriptize"),
    "perl": ("Makefile.PL", "Build.PL"),
    "luarocks": ("install", "make"),
    "opam": ("install",),
    "dune": ("build",),
    "pyinstaller": (),
}
"""Programs that compile; where words are listed, only with one of them."""

DOWNLOADERS = frozenset(
    words("curl wget git aria2c svn gh gsutil aws rustup rustup-init playwright nvm fnm asdf mise pyenv sdk")
)
"""Programs that fetch something."""

CLEANERS = frozenset(("rm", "rmdir", "unlink", "shred", "docker-php-source", "npx-clean"))
"""Programs that only remove."""

_BUILD_SCRIPT = re.compile(
    r"(?:[a-z0-9_-]+:)*(?:build|compile|dist|bundle|webpack|prod|production|generate|prebuild|codegen|tsc|transpile|export"
    r"|package|release|assets)(?:[:_-][A-Za-z0-9:_-]+)?",
)


def build_script(name: str) -> bool:
    """Whether a script of package.json is, by its name, one that builds."""
    return _BUILD_SCRIPT.fullmatch(name) is not None
