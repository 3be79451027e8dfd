"""STC904: copies of the whole context, with what no build needs and .dockerignore does not leave out.

Takes a Subject, gives diagnostics whose fix adds lines to .dockerignore. Asks
what lies in the context, so that nothing is said where that is not known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety, Severity
from compiler.layers.model import Step, StepKind
from compiler.practices.model import Subject
from compiler.practices.parts.changing import chosen, root
from compiler.practices.parts.moving import line_end
from compiler.practices.parts.runs import Run, named_lines
from compiler.source import SourceFile, Span

# Folders that only tools write, whatever the language.
_ALWAYS = frozenset(
    (
        *("node_modules", "__pycache__", ".venv", ".tox", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
        *(".gradle", ".next", ".nuxt", ".svelte-kit", ".turbo", ".parcel-cache", ".terraform", ".bundle"),
        *(".pnpm-store", "bower_components", ".nyc_output", ".eggs", ".angular", ".idea"),
    )
)
# Folders that tools write where the manifest lies beside them.
_BESIDE: dict[str, tuple[str, ...]] = {
    "package.json": ("node_modules",),
    "Cargo.toml": ("target",),
    "pom.xml": ("target",),
    "build.gradle": ("build", ".gradle"),
    "build.gradle.kts": ("build", ".gradle"),
    "mix.exs": ("_build", "deps"),
    "composer.json": ("vendor",),
}
# What only counts as a result where .gitignore has it.
_WITH_GITIGNORE = frozenset(
    ("dist", "build", "out", "venv", "env", "vendor", "bin", "obj", "coverage", "target", "tmp", "log")
)
# Words by which a build asks Git about itself.
_ASKS_GIT = re.compile(
    r"\bgit (?:describe|rev-parse|log|show|status|submodule|ls-files|diff|rev-list|config|branch|tag)\b"
)
_RUNS_GIT = re.compile(r"\bgit\b")
_MOST_SCRIPTS = 50
# Manifests whose tools read .git: setuptools_scm, versioneer, hatch-vcs, pbr, gemspecs with `git ls-files`.
_SCM = re.compile(
    r"setuptools[_-]scm|versioneer|hatch-vcs|poetry-dynamic-versioning|pdm-backend.*scm|\bpbr\b|git ls-files"
    r"|git-commit-id|jgitver|nbgv|Nerdbank\.GitVersioning|MinVer|GitVersion|gradle-git|simple-git|git-rev"
    r"|substrate-build-script-utils|GitInfo"
    r"|reckon|axion-release|vergen|shadow-rs|git-version|rev-parse|dunamai|git describe"
)
_MANIFESTS = (
    *(
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "package.json",
    ),
    *("Cargo.toml", "Cargo.lock", "build.rs", "Makefile", "Directory.Build.props", "vite.config.ts"),
    "vite.config.js",
    *("next.config.js", "next.config.mjs", "next.config.ts", "vue.config.js", "nuxt.config.ts", "Rakefile"),
)


def broad_copies(subject: Subject, runs: dict[int, Run]) -> Iterator[Diagnostic]:
    """One finding for the first broad copy of a build: one .dockerignore mends all of them."""
    if subject.context is None:
        return
    broad = [step for step in subject.graph.steps if _broad(step)]
    needed = _named(subject)
    if not broad or not _is_the_context(subject, needed):
        return
    git = _git(subject, runs)
    missing = [path for path in _unneeded(subject) if not _is_needed(path, needed)]
    if git and not _speaks_of_git(subject):
        missing.insert(0, ".git")
    if missing:
        stamps = any(a.ecosystem in ("go", "dotnet") for run in runs.values() for a in run.activities)
        yield _finding(subject, broad, missing, stamps=stamps)


def _broad(step: Step) -> bool:
    if step.kind not in (StepKind.COPY, StepKind.ADD) or chosen(step):
        return False
    reads = [read for read in step.reads if read.origin is None and not read.excludes]
    return any(root(pattern) for read in reads for pattern in read.patterns)


def _named(subject: Subject) -> set[str]:
    """The paths of the context that the file asks for by their names, in whatever stage."""
    found: set[str] = set()
    for step in subject.graph.steps:
        for read in step.reads:
            if read.origin is None:
                found |= {posixpath.normpath(p.lstrip("/")) for p in read.patterns if not root(p)}
    for instruction in subject.dockerfile.instructions:
        if instruction.name in ("COPY", "ADD") and instruction.flag("from") is None:
            found |= {
                posixpath.normpath(word.text.strip("\"'").lstrip("/") or ".")
                for word in instruction.words[:-1]
            }
    return found - {"."}


def _is_the_context(subject: Subject, named: set[str]) -> bool:
    """Whether the folder is surely what is built from: the repository's root, or it has what the file copies.

    A Dockerfile in a folder of a repository of many packages is often built from the repository's root.
    """
    if subject.prefix in ("", "."):
        return True
    entries = subject.context.entries if subject.context is not None else {}
    plain = [path for path in named if not any(character in path for character in "*?[$")]
    return any(path in entries or any(one.startswith(path + "/") for one in entries) for path in plain)


def _is_needed(path: str, needed: set[str]) -> bool:
    name = path.removeprefix("**/")
    return any(one == name or one.startswith(name + "/") or f"/{name}/" in f"/{one}/" for one in needed)


def _speaks_of_git(subject: Subject) -> bool:
    """Whether .dockerignore leaves .git out, or says which parts of it stay."""
    if subject.ignore is None:
        return False
    return _left_out(subject, ".git/HEAD") or any(
        rule.pattern == ".git" or rule.pattern.startswith((".git/", "**/.git"))
        for rule in subject.ignore.rules
    )


def _git(subject: Subject, runs: dict[int, Run]) -> bool:
    """Whether the repository's own folder is in the context, and no step is known to need it."""
    context = subject.context
    at_root = context is not None and (
        any(path.startswith(".git/") for path in context.entries)
        or (subject.history is not None and subject.prefix in ("", "."))
    )
    if not at_root or any(_ASKS_GIT.search(run.text) for run in runs.values()):
        return False
    for name in _MANIFESTS:
        source = subject.text(name)
        if source is not None and _SCM.search(source.text):
            return False
    for script in _scripts(runs):
        source = subject.text(script)
        if source is not None and _RUNS_GIT.search(source.text):
            return False
    return True


def _scripts(runs: dict[int, Run]) -> set[str]:
    """The scripts that RUNs start, as paths of the context where they are in it."""
    found: set[str] = set()
    for run in runs.values():
        for activity in run.activities:
            for word in activity.command.words[:3]:
                if word.endswith((".py", ".sh", ".js", ".mjs", ".ts", ".rb", ".pl")):
                    found.add(posixpath.normpath(word).lstrip("/"))
    return found if len(found) <= _MOST_SCRIPTS else set()


def _unneeded(subject: Subject) -> list[str]:
    """What lies in the context or will, made by tools and not left out, as patterns; the weightiest first."""
    if subject.context is None:
        return []
    ignored = subject.text(".gitignore")
    lines = set() if ignored is None else {line.strip().strip("/") for line in ignored.text.splitlines()}
    tracked = _tracked(subject)
    found: dict[str, None] = {}
    manifests: set[str] = set()
    seen: set[str] = set()
    judged: set[str] = set()
    for path in subject.context.entries:
        folder, _, name = path.rpartition("/")
        if folder not in seen:
            seen.add(folder)
            for above, part in _made(folder, lines):
                if above in judged:
                    continue
                judged.add(above)
                if above not in tracked and not _left_out(subject, f"{above}/x"):
                    found[part if part == above else f"**/{part}"] = None
        if path in _BESIDE:
            manifests.add(path)
    for name in sorted(manifests):
        for made in _BESIDE[name]:
            known = made in tracked or (made == "vendor" and "vendor" not in lines)
            if not known and not _left_out(subject, f"{made}/x") and _depends(subject, name):
                found[made] = None
    return sorted(found, key=lambda one: (one.startswith("**/"), one))


def _depends(subject: Subject, manifest: str) -> bool:
    """Whether a manifest makes a tool fetch anything: a package.json that only names a version does not."""
    if manifest != "package.json":
        return True
    source = subject.text(manifest)
    return source is None or '"dependencies"' in source.text or '"devDependencies"' in source.text


def _made(folder: str, lines: set[str]) -> Iterator[tuple[str, str]]:
    """The outermost folder of a path that tools make, and its name; none where there is none."""
    parts = folder.split("/")
    for depth, part in enumerate(parts):
        if part in _ALWAYS or (part in _WITH_GITIGNORE and (part in lines or f"**/{part}" in lines)):
            yield "/".join(parts[: depth + 1]), part
            return


def _tracked(subject: Subject) -> frozenset[str]:
    """The folders that the repository itself holds, relative to the context; empty without a history."""
    history = subject.history
    if history is None:
        return frozenset()
    files = set(history.start.entries)
    for commit in history.commits:
        for change in commit.changes:
            (files.discard if change.after is None else files.add)(change.path)
    prefix = "" if subject.prefix in ("", ".") else subject.prefix.rstrip("/") + "/"
    folders: set[str] = set()
    for path in files:
        if path.startswith(prefix):
            parts = path[len(prefix) :].split("/")[:-1]
            folders |= {"/".join(parts[: n + 1]) for n in range(len(parts))}
    return frozenset(folders)


def _left_out(subject: Subject, path: str) -> bool:
    return subject.ignore is not None and bool(subject.ignore.ignored([path]))


def _finding(subject: Subject, broad: Sequence[Step], missing: Sequence[str], *, stamps: bool) -> Diagnostic:
    instruction = broad[0].instruction
    shown = ", ".join(f"`{path}`" for path in missing[:4]) + (" and more" if len(missing) > 4 else "")
    has = "does not leave it out" if len(missing) == 1 else "does not leave them out"
    why = f"{subject.ignore_path} {has}" if subject.ignore is not None else "there is no .dockerignore"
    notes = []
    if ".git" in missing:
        notes.append("`.git` is another one after each commit, so this step and all after it run again")
        if stamps:
            notes.append(
                "Go and .NET write the commit into what they build where they find it: see who reads that"
            )
    if len(missing) > (".git" in missing):
        notes.append("what tools wrote here is sent to the builder, and is in the key of this step")
    if len(broad) > 1:
        notes.append(f"the same holds for {named_lines([step.instruction for step in broad[1:]])}")
    title = f"Add {shown} to .dockerignore"
    return Diagnostic(
        "STC904",
        Severity.WARNING,
        f"`{instruction.name} {' '.join(instruction.arguments.split())[:40]}` takes {shown} along: {why}",
        instruction.span,
        notes=tuple(notes),
        hint="leave out what no step needs",
        fix=Fix(title, (_edit(subject, missing),), _safety(subject, missing)),
    )


def _safety(subject: Subject, missing: Sequence[str]) -> Safety:
    """Safe where nothing that lies in the context goes: then every image stays as it is."""
    if ".git" in missing or subject.context is None:
        return Safety.UNSAFE
    names = {path.removeprefix("**/") for path in missing}
    there = any(names.intersection(path.split("/")[:-1]) for path in subject.context.entries)
    return Safety.UNSAFE if there else Safety.SAFE


def _edit(subject: Subject, missing: Sequence[str]) -> Edit:
    """Lines at the end of .dockerignore, which is made where there is none."""
    if subject.ignore is None:
        source = SourceFile(subject.ignore_path, "")
        own = _own_names(subject)
        return Edit(Span(source, 0, 0), "".join(f"{line}\n" for line in (*missing, *own)))
    source = subject.ignore.source
    ending = line_end(source)
    end = len(source.text)
    start = "" if not source.text.removeprefix("\ufeff") or source.text.endswith("\n") else ending
    return Edit(Span(source, end, end), start + "".join(f"{line}{ending}" for line in missing))


def _own_names(subject: Subject) -> tuple[str, ...]:
    """The Dockerfile itself and the .dockerignore, which no step reads: patterns for a new .dockerignore."""
    if subject.context is None:
        return ()
    name = posixpath.basename(subject.dockerfile.source.path)
    named = any(name in step.instruction.arguments for step in subject.graph.steps)
    return (name,) if name in subject.context.entries and not named else ()
