"""How long each kind of work takes in a build where nobody has measured it, and why.

A table and nothing else; docs/build-times.md prints it and a test holds the two
together. A build log (`measured`) replaces it. `median_s` is for a typical project; `p90_ratio` is the
spread of one project from build to build, not that between projects.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Default:
    """What one piece of work takes and leaves: `median_s` seconds and `each_s` for each that it names.

    That is packages, and of a copy files. `p90_ratio` is P90 over median. `megabytes` is what it adds to the
    image, and `each_megabytes` per package, before compression.
    """

    median_s: float
    p90_ratio: float
    reason: str
    each_s: float = 0.0
    megabytes: float = 0.0
    each_megabytes: float = 0.0


_NETWORK = 1.5
_COMPILE = 1.3
_JUDGED = "judgement"

DEFAULTS: dict[tuple[str, str], Default] = {
    # Steps, whatever they do.
    ("step", "run"): Default(
        0.07, 1.5, "a RUN of `true` that does run takes about 70 ms on an engine beside it"
    ),
    ("step", "copy"): Default(
        0.1,
        1.5,
        "a COPY of one small file takes about as long as a trivial RUN, 2,000 small files 0.4 to 0.5 s, both "
        "measured; bytes come on top",
        each_s=0.0002,
    ),
    ("step", "workdir"): Default(0.02, 1.5, "one folder is made: below 50 ms, measured"),
    ("step", "url"): Default(3, 2.0, "ADD of a URL or a repository, as a download", megabytes=20),
    ("step", "image"): Default(
        0, 1.0, "the base image is counted as there: a builder that stays has pulled it before"
    ),
    # What the commands of a RUN do. "any" is for programs without a row of their own.
    ("update", "any"): Default(
        4, _NETWORK, "judgement: package lists of a few megabytes to some tens, fetched and sorted"
    ),
    ("update", "apk"): Default(1, _NETWORK, "judgement: two lists of 2 MB"),
    ("system", "any"): Default(
        5, _NETWORK, "judgement: resolve, fetch and unpack", each_s=1.5, megabytes=20, each_megabytes=10
    ),
    ("system", "apk"): Default(
        1, _NETWORK, "judgement: small packages, no scripts", each_s=0.4, megabytes=2, each_megabytes=5
    ),
    ("install", "npm"): Default(
        30,
        _NETWORK,
        "React, TypeScript, webpack, vite, eslint and jest took 20 s, measured; `npm ci` of a front end was "
        "published as 20 to 30 s (200 to 300 MB), of a larger one on a small machine as 127 s",
        megabytes=250,
    ),
    ("install", "yarn"): Default(
        30, _NETWORK, "as npm; a large repository of several packages was published as 120 s", megabytes=250
    ),
    ("install", "pnpm"): Default(
        20, _NETWORK, "two thirds of Yarn in the same repository (80 s against 120 s)", megabytes=250
    ),
    ("install", "bun"): Default(10, _NETWORK, "judgement: between pnpm and a bare download", megabytes=250),
    ("install", "pip"): Default(
        20,
        _NETWORK,
        "ten packages of a web service took 11 to 12 s, pandas, scipy, scikit-learn and matplotlib 20 s, "
        "measured",
        megabytes=120,
    ),
    ("install", "poetry"): Default(30, _NETWORK, "judgement: as pip, and poetry itself", megabytes=120),
    ("install", "uv"): Default(5, _NETWORK, "judgement: downloads at the network's speed", megabytes=120),
    ("install", "pipenv"): Default(40, _NETWORK, "judgement: pip, and hashes of all files", megabytes=120),
    ("install", "conda"): Default(120, _NETWORK, "judgement: a solver and packages of 1 GB", megabytes=1000),
    ("install", "go"): Default(
        20,
        _NETWORK,
        "judgement: a third of the 57.5 s published for a repository with several cloud SDKs",
        megabytes=200,
    ),
    ("install", "maven"): Default(
        60,
        _NETWORK,
        "a small Kotlin project took 113 to 125 s with its download, a hello world 183 s and 20 s once "
        "its dependencies were there (both published)",
        megabytes=150,
    ),
    ("install", "gradle"): Default(60, _NETWORK, "as Maven", megabytes=300),
    ("install", "cargo"): Default(10, _NETWORK, "judgement: sources only", megabytes=150),
    ("libraries", "cargo"): Default(
        150,
        _COMPILE,
        "a third of the 480 s that cargo-chef's author reports for some 500 dependencies (10 minutes "
        "without, 2 minutes with them compiled before)",
        megabytes=500,
    ),
    ("install", "bundler"): Default(
        40, _NETWORK, "judgement: gems, some of them compiled here", megabytes=150
    ),
    ("install", "composer"): Default(15, _NETWORK, "judgement: archives only", megabytes=80),
    ("install", "dotnet"): Default(15, _NETWORK, "judgement: archives only", megabytes=150),
    ("install", "mix"): Default(8, _NETWORK, "judgement: sources only", megabytes=50),
    ("libraries", "mix"): Default(40, _COMPILE, "judgement: some 60 libraries", megabytes=50),
    ("packages", "any"): Default(
        3, _NETWORK, "pip: ten named packages in 11 to 12 s, measured", each_s=1.0, each_megabytes=10
    ),
    ("packages", "cargo"): Default(
        5, _COMPILE, "judgement: a tool and its libraries, compiled", each_s=90, each_megabytes=15
    ),
    ("packages", "go"): Default(
        5, _COMPILE, "judgement: a tool and its libraries, compiled", each_s=20, each_megabytes=30
    ),
    ("packages", "conda"): Default(
        40, _NETWORK, "judgement: the solver", each_s=3, megabytes=100, each_megabytes=50
    ),
    ("compile", "any"): Default(30, _COMPILE, "judgement: a bundler, `make`, a transpiler", megabytes=30),
    ("compile", "npm"): Default(
        30, _COMPILE, "TypeScript and a bundle of a small front end: published as 30 to 50 s", megabytes=20
    ),
    ("compile", "go"): Default(
        30,
        _COMPILE,
        "a hello world with its libraries took 26 s, a repository with several cloud SDKs 81 s (both "
        "published)",
        megabytes=30,
    ),
    ("compile", "maven"): Default(
        25, _COMPILE, "a hello world took 20 s with its dependencies there (published)", megabytes=60
    ),
    ("compile", "gradle"): Default(40, _COMPILE, "judgement: as Maven, and a daemon to start", megabytes=60),
    ("compile", "cargo"): Default(
        45,
        _COMPILE,
        "120 s for 14,000 lines, by cargo-chef's author; a service is taken for a third of that",
        megabytes=100,
    ),
    ("compile", "dotnet"): Default(15, _COMPILE, "judgement: one service", megabytes=30),
    ("compile", "mix"): Default(15, _COMPILE, "judgement: one service", megabytes=30),
    ("compile", "make"): Default(60, _COMPILE, "judgement: a C or C++ project of middle size", megabytes=50),
    ("compile", "small"): Default(
        3, _COMPILE, "judgement: a configure script, one file through a compiler", megabytes=1
    ),
    ("download", "any"): Default(3, 2.0, "judgement: 50 MB at 20 MB/s", megabytes=50),
    ("script", "any"): Default(
        10, 2.0, "judgement: a script of the project or of the image, which is not read", megabytes=5
    ),
    ("other", "any"): Default(0.02, 1.5, "judgement: echo, mkdir, sed and their like"),
    # What a build does beside its steps.
    ("overhead", "start"): Default(
        1, 1.5, "judgement: the Dockerfile, .dockerignore and the base image's manifest are looked up"
    ),
    ("overhead", "finish"): Default(
        1.5, 2.0, "judgement: configuration, manifest and tag are written and pushed"
    ),
}
"""The defaults by what is done and by which program; the reasons are printed in docs/build-times.md."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How many bytes a second, and the spread of the time."""

    bytes_per_s: float
    p90_ratio: float
    reason: str


SPEEDS: dict[str, Speed] = {
    "context": Speed(140e6, 1.5, "210 MB in 2,000 files took 1.5 s to an engine beside the client, measured"),
    "copy": Speed(200e6, 1.5, "200 MB took 0.2 to 0.9 s, measured"),
    "export": Speed(
        85e6, 1.5, "compression: 204 MB to a registry beside the engine took 2.4 s, push included"
    ),
    "push": Speed(
        50e6,
        2.0,
        "20 MB/s of compressed layers, as docs/forecast.md has it; a layer is taken to compress to 40 %",
    ),
}
"""The speeds that bytes move at."""

KEPT_SHARE: dict[str, float] = {"install": 0.35, "packages": 0.35, "system": 0.7, "compile": 0.35}
"""What a command takes of its time where its downloads or objects are there already.

In a cache mount of a builder that stays, or from an install before it in the same stage.

Published pairs (without, with): Yarn 71 and 21 s, pnpm 34 and 10 s, npm 8.4 and 4.0 s, pip 10 and 2 s. System
packages are only downloaded once and still unpacked: judgement, as is that of compilers.
"""
