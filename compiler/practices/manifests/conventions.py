"""The usual names of manifests, the commands that download ahead, and what to do, by ecosystem: tables."""

from __future__ import annotations

from collections.abc import Mapping

CONVENTIONAL: Mapping[tuple[str, tuple[str, ...]], tuple[str, ...]] = {
    ("npm", ("ci",)): ("package.json", "package-lock.json"),
    ("npm", ()): ("package*.json",),
    ("yarn", ()): ("package.json", "yarn.lock"),
    ("pnpm", ()): ("package.json", "pnpm-lock.yaml"),
    ("bun", ()): ("package.json", "bun.lock*"),
    ("pipenv", ()): ("Pipfile", "Pipfile.lock"),
    ("go", ()): ("go.mod", "go.sum"),
    ("maven", ()): ("pom.xml",),
    ("bundler", ()): ("Gemfile", "Gemfile.lock"),
    ("mix", ()): ("mix.exs", "mix.lock"),
}
"""The files to show for an ecosystem and the first words of an install (none: any), without a context.

Poetry, uv, Composer, Cargo and .NET are not in it: their installs need more than a name.
"""

DOWNLOADS: Mapping[str, str] = {
    "go": "go mod download",
    "maven": "mvn --batch-mode dependency:go-offline",
    "dotnet": "dotnet restore",
}
"""Commands that download ahead. Maven's and .NET's are not the same as what the compilation asks for."""

_COPY_FIRST = "copy the manifests and the lock file first, install, then copy the rest"
ADVICE: Mapping[str, str] = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun", "pip", "pipenv", "conda", "bundler", "mix"), _COPY_FIRST),
    "poetry": "copy its two files, run `poetry install --no-root`, copy the rest, then install the root",
    "uv": "copy its two files, run `uv sync --no-install-project`, copy the rest, then run `uv sync`",
    "go": "copy go.mod and go.sum first and run `go mod download`, then copy the rest and build",
    "maven": "copy the POMs first and run `mvn dependency:go-offline`, then copy the sources and build",
    "gradle": "copy the build scripts first and resolve the dependencies, then copy the sources and build",
    "cargo": "build the dependencies in a layer of their own, with cargo-chef or with a cache mount",
    "composer": (
        "copy its two files, run `composer install --no-scripts --no-autoloader`, copy the rest, "
        "then run `composer dump-autoload`"
    ),
    "dotnet": "copy the projects first and run `dotnet restore`, then copy the sources and publish",
}
"""What to do, by ecosystem."""
