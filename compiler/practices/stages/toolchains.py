"""Toolchains: which images and packages hold one, what compiles with it. Tables and how to ask.

Sources: the descriptions of the official images, Debian's and Alpine's package names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.shell.model import Activity, ActivityKind


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One toolchain.

    `images` match the name of an image (without registry and tag) that holds
    it, `tags` its tag; `packages` the names of system packages that bring it.
    `small` says what the program can run in.
    """

    title: str
    images: re.Pattern[str]
    packages: re.Pattern[str]
    small: str
    tags: re.Pattern[str] = re.compile(r"")


def _pattern(*names: str) -> re.Pattern[str]:
    return re.compile("|".join(names))


TOOLCHAINS: dict[str, Toolchain] = {
    "go": Toolchain(
        "Go toolchain",
        _pattern(r"(?:.*/)?golang", r"(?:.*/)?go-toolset"),
        _pattern(r"golang(?:-go|-1.*)?", r"go"),
        "scratch, a distroless image or the distribution's small one",
    ),
    "cargo": Toolchain(
        "Rust toolchain",
        _pattern(r"(?:.*/)?rust", r"clux/muslrust", r".*/rust-musl-(?:builder|cross)"),
        _pattern(r"cargo", r"rust", r"rustc"),
        "a distroless image or the small image of the same distribution",
    ),
    "c": Toolchain(
        "C and C++ toolchain",
        _pattern(r"(?:library/)?gcc", r"silkeh/clang", r"rikorose/gcc-cmake"),
        _pattern(r"build-(?:essential|base)", "alpine-sdk", r"(?:gcc|g\+\+|clang)(?:-\d+)?", r"gcc-c\+\+"),
        "the small image of the same distribution, with the shared libraries that it needs",
    ),
    "jvm": Toolchain(
        "JDK and its build tool",
        _pattern(
            *("maven", "gradle", r".*jdk.*", r"(?:.*/)?eclipse-temurin", r"(?:.*/)?amazoncorretto"),
            *(r"(?:.*/)?ibm-semeru-runtimes", r"(?:.*/)?sapmachine"),
        ),
        _pattern(r"openjdk-?\d+(?:-jdk.*)?", r"default-jdk.*", r"maven", r"gradle", r"java-.*-devel"),
        "an image with a Java runtime alone",
        re.compile(r"(?!.*jre)"),
    ),
    "dotnet": Toolchain(
        ".NET SDK",
        _pattern(r"(?:.*/)?dotnet(?:/core|/nightly)?/sdk", r"microsoft/(?:dotnet|aspnetcore-build)"),
        _pattern(r"dotnet-sdk-.*", r"dotnet\d+"),
        "the runtime or aspnet image of the same version",
        re.compile(r"(?!.*runtime)"),
    ),
    "static": Toolchain(
        "Node.js build tools",
        _pattern(r"(?:.*/)?node", r"(?:.*/)?bun", r"(?:.*/)?node-\d+.*"),
        _pattern(r"nodejs", r"npm", r"yarn"),
        "the image of a web server",
    ),
}  # fmt: skip
"""By the key of `toolchain_of`."""

_LONGEST_NAME = 300
_LINKING = frozenset(("gcc", "g++", "cc", "c++", "clang", "clang++"))
_MAKING = frozenset(("make", "gmake", "ninja", "cmake", "meson"))
_JS_BUILD = re.compile(
    r"(?:vite|react-scripts|ng|vue-cli-service|parcel|astro|gatsby|webpack|rollup|hugo|docusaurus)$"
)
_RUNNERS = frozenset(("npm", "yarn", "pnpm", "bun"))


def toolchain_of(activity: Activity) -> str:
    """The toolchain that a command compiles an application with; "" for others."""
    command = activity.command
    words = [word for word in command.words[1:] if not word.startswith(("-", "+"))]
    verb = words[0] if words else ""
    if activity.ecosystem == "go":
        return "go" if verb in ("build", "install") and activity.kind is ActivityKind.COMPILE else ""
    if activity.ecosystem == "cargo":
        return (
            "cargo"
            if verb in ("build", "b", "install", "rustc") and activity.kind is ActivityKind.COMPILE
            else ""
        )
    if activity.ecosystem in ("maven", "gradle"):
        tests = {"test", "check", "verify", "help", "tasks"}
        return "jvm" if activity.kind is ActivityKind.COMPILE and not set(words) <= tests else ""
    if activity.ecosystem == "dotnet":
        return "dotnet" if verb in ("publish", "build") and activity.kind is ActivityKind.COMPILE else ""
    if command.program in _LINKING and "-c" not in command.words and words:
        return "c"
    if command.program in _MAKING:
        return "c"
    if command.program == "javac":
        return "jvm"
    if command.program in _RUNNERS and activity.kind is ActivityKind.COMPILE:
        return "static"
    if _JS_BUILD.fullmatch(command.program) and "build" in command.words:
        return "static"
    return ""


def holds(name: str, image: str) -> bool:
    """Whether an image holds a toolchain, by its name and tag."""
    if len(image) > _LONGEST_NAME:
        return False
    toolchain = TOOLCHAINS[name]
    plain = image.partition("@")[0]
    place, colon, tag = plain.rpartition(":")
    if not colon or "/" in tag:
        place, tag = plain, ""
    place = re.sub(r"^(?:docker\.io/|index\.docker\.io/)(?:library/)?", "", place)
    found = toolchain.images.fullmatch(place)
    return found is not None and toolchain.tags.match(tag) is not None


def installs_toolchain(name: str, activity: Activity) -> bool:
    """Whether a command installs a system package that brings a toolchain."""
    if activity.kind is not ActivityKind.SYSTEM_PACKAGES:
        return False
    packages = (re.split(r"[=<>~]", package)[0] for package in activity.names)
    return any(TOOLCHAINS[name].packages.fullmatch(package) for package in packages)
