"""What Bundler, Composer, Mix and Cargo read of a project.

Sources: bundler.io/man/gemfile.5, getcomposer.org/doc (04-schema, 05-repositories,
articles/autoloader-optimization), hexdocs.pm/mix (Mix.Tasks.Deps, umbrella projects),
doc.rust-lang.org/cargo (workspaces, build layout).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.practices.manifests.closure.model import (
    Closure,
    NotSure,
    Project,
    ReadsSources,
    joined,
    option,
    table,
)
from compiler.practices.manifests.installs import Install

_GEM_SOURCES = re.compile(
    r"^[ \t]*gemspec\b|\bpath:[ \t]|:path[ \t]*=>|^[ \t]*path[ \t]*[\"'(]", re.MULTILINE
)
_GEM_READS = re.compile(r"eval_gemfile|instance_eval|File\.|require_relative|\bload\b|Dir[.\[]", re.MULTILINE)
_RUBY_FILE = re.compile(r"ruby[ (]+file:\s*[\"']([\w./-]+)[\"']")
_VERSION_READ = re.compile(r"ruby[ (]+File\.read\([\"']\.?/?([\w.-]+)[\"']\)")
_MIX_LOCAL = re.compile(r"\bpath:\s*\"(?!\.\./\.\./(?:deps|_build|config))|\bin_umbrella:\s*true")
_MIX_READS = re.compile(r"File\.(?:read!?|exists\?|stream!?)\(\s*\"([\w./-]+)\"")


def bundler(project: Project, install: Install) -> Closure:
    """The closure of `bundle install`.

    Raises:
        NotSure: it cannot be told.
    """
    gemfile = project.at("Gemfile")
    text = "\n".join(line.partition("#")[0] for line in project.text(gemfile).splitlines())
    files = {gemfile, *project.present("Gemfile.lock")}
    for name in (*_RUBY_FILE.findall(text), *_VERSION_READ.findall(text)):
        files.add(project.word(name))
    rest = _VERSION_READ.sub("", _RUBY_FILE.sub("", text))
    if _GEM_SOURCES.search(rest):
        raise ReadsSources("`Gemfile` takes gems from the project itself")
    if (read := _GEM_READS.search(rest)) is not None:
        raise ReadsSources(f"`Gemfile` reads other files (`{read[0].strip()}`)")
    folders = [project.at("vendor/cache")] if project.holds(project.at("vendor/cache")) else []
    said = {"--deployment", "--frozen"} & set(install.words)
    held = said or {"BUNDLE_DEPLOYMENT", "BUNDLE_FROZEN"} & set(install.environment)
    doubts = [] if held else ["the install may write `Gemfile.lock` anew"]
    if option(install.words, "--path") or "BUNDLE_PATH" in install.environment or "--deployment" in said:
        doubts.append("gems are installed to a folder that the options name")
    return Closure(tuple(sorted(files)), tuple(folders), (project.at(".bundle"),), doubts=tuple(doubts))


def composer(project: Project, install: Install) -> Closure:
    """The closure of `composer install`.

    Raises:
        NotSure: it cannot be told, or the install reads the sources.
    """
    document = project.json(project.at("composer.json"))
    repositories = document.get("repositories")
    entries = repositories.values() if isinstance(repositories, dict) else repositories
    for entry in entries if entries is not None else ():
        if isinstance(entry, dict) and entry.get("type") in ("path", "artifact"):
            raise ReadsSources("a repository of `composer.json` is a folder of the project")
    words = set(install.words)
    hooks = [name for name in table(document, "scripts") if name.startswith(("pre-", "post-"))]
    if hooks and "--no-scripts" not in words:
        raise NotSure(f"its {hooks[0]} scripts run in the project; --no-scripts leaves them out")
    if "--no-autoloader" not in words:
        _plain_autoloader(document, words)
    plugins = [name for name, on in table(document, "config", "allow-plugins").items() if on]
    doubts = [f"the plugin `{plugins[0]}` may read or write files of the project"] if plugins else []
    if not project.present("composer.lock"):
        doubts.append("there is no lock file")
    files = project.present("composer.json", "composer.lock", "symfony.lock", "auth.json")
    return Closure(tuple(sorted(files)), (), (project.at("vendor"),), doubts=tuple(doubts))


def _plain_autoloader(document: dict[str, object], words: set[str]) -> None:
    asked = {"-o", "--optimize-autoloader", "-a", "--classmap-authoritative"} & words
    config = table(document, "config")
    asked_there = config.get("optimize-autoloader") or config.get("classmap-authoritative")
    scanned = [a for key in ("autoload", "autoload-dev") for a in table(document, key) if a == "classmap"]
    if asked or asked_there or scanned:
        raise NotSure(
            "its autoloader is made from the sources; --no-autoloader leaves it for a later dump-autoload"
        )


def mix(project: Project, _: Install) -> Closure:
    """The closure of `mix deps.get`.

    Raises:
        NotSure: it cannot be told.
    """
    umbrella = [path for path in project.below(project.at("apps")) if _is_app(project, path)]
    scripts = [project.at("mix.exs"), *umbrella]
    files = {*scripts, *project.present("mix.lock")}
    for path in scripts:
        text = "\n".join(line.partition("#")[0] for line in project.text(path).splitlines())
        if any("in_umbrella" not in found for found in _MIX_LOCAL.findall(text)):
            raise ReadsSources(f"a dependency of `{path}` is a folder of the project")
        files.update(_read_by(project, path, text))
    folders = [project.at("config")] if project.holds(project.at("config")) else []
    return Closure(
        tuple(sorted(files)),
        tuple(folders),
        (project.at("deps"), project.at("_build")),
        doubts=() if project.present("mix.lock") else ("there is no lock file",),
    )


def _is_app(project: Project, path: str) -> bool:
    rest = path.removeprefix(project.at("apps") + "/")
    return rest.count("/") == 1 and rest.endswith("/mix.exs")


def _read_by(project: Project, path: str, text: str) -> Iterator[str]:
    for name in _MIX_READS.findall(text):
        found = joined(path.rpartition("/")[0] or ".", name)
        if not project.has(found):
            raise NotSure(f"`{path}` reads `{name}`")
        yield found
    if re.search(r"Code\.(?:require|eval|compile)_file|File\.(?:read|ls|stream)", _MIX_READS.sub("", text)):
        raise NotSure(f"`{path}` reads other files")


def cargo(_project: Project, _install: Install) -> Closure:
    """There is none: Cargo reads no manifest whose sources are missing.

    Raises:
        NotSure: always.
    """
    raise NotSure(
        "Cargo wants the sources beside every Cargo.toml, so that copying manifests alone does not build"
    )
