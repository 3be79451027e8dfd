"""Names of variables whose value differs from build to build: commits, dates, build numbers, releases.

Takes a name and what it is set to, gives the kind. Versions and commits of
other projects' software (`NODE_VERSION`, `LIBFOO_COMMIT`) are not meant: they
change when somebody changes them.
"""

from __future__ import annotations

import re

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_KINDS: dict[str, str] = {
    **dict.fromkeys(("sha", "commit", "revision", "rev", "changeset", "githash", "gitsha", "ref"), "commit"),
    **dict.fromkeys(("date", "timestamp", "builddate", "buildtime", "created", "time", "epoch"), "date"),
    **dict.fromkeys(("number", "num", "id", "buildnumber", "buildid", "no"), "number"),
    **dict.fromkeys(("version", "release", "tag", "ver"), "version"),
    **dict.fromkeys(("hash", "branch"), "commit"),
}
# With these a kind that is too general on its own speaks of this build.
_OF_A_BUILD = frozenset(
    (
        *(
            "build",
            "git",
            "vcs",
            "commit",
            "ci",
            "github",
            "gitlab",
            "source",
            "image",
            "pipeline",
            "run",
            "job",
        ),
        *("jenkins", "buildkite", "circle", "drone", "release", "docker", "travis", "bitbucket", "azure"),
    )
)
# Words that may stand around it without another project being meant.
_AROUND = _OF_A_BUILD | frozenset(
    (
        *(
            "app",
            "application",
            "current",
            "head",
            "last",
            "short",
            "long",
            "full",
            "repo",
            "project",
            "package",
        ),
        *(
            "my",
            "this",
            "service",
            "product",
            "next",
            "public",
            "vite",
            "react",
            "nuxt",
            "latest",
            "label",
            "web",
        ),
        *(
            "container",
            "server",
            "client",
            "api",
            "frontend",
            "backend",
            "code",
            "src",
            "deploy",
            "deployment",
        ),
        *(
            "arg",
            "env",
            "utc",
            "iso",
            "name",
            "string",
            "short",
            "sentry",
            "vercel",
            "heroku",
            "railway",
            "at",
        ),
    )
)
_ALONE = frozenset(
    ("created", "sha", "commit", "revision", "githash", "gitsha", "timestamp", "builddate", "buildtime")
)
_ALONE_VERSIONS = frozenset(("version", "release"))
_VERSION_OF = frozenset(
    ("app", "application", "build", "image", "release", "project", "service", "package", "product")
)
_PLACEHOLDER = re.compile(
    r"(?i)|dev(el|elop|elopment)?|unknown|local|none|null|n/?a|latest|main|master|head|snapshot|undefined|unset"
    r"|docker|default|test|edge|nightly|v?0(\.0)*([.-](dev|0|snapshot).*)?|1970.*|now|unspecified|unreleased|todo|0+"
)
_DELIBERATE = frozenset(("bust", "buster", "cachebust", "cachebuster", "invalidate", "nocache", "cache"))


def kind(name: str) -> str:
    """What a variable says of the build: "commit", "date", "number" or "version"; "" for any other."""
    parts = [part.lower() for part in _PART.findall(name)]
    words = set(parts)
    found = [part for part in parts if part in _KINDS]
    if not found or words & _DELIBERATE or not all(p in _AROUND or p in _KINDS for p in parts):
        return ""
    kinds = {_KINDS[part] for part in found}
    if "version" in kinds and kinds <= {"version"}:
        others = words - {part for part in found if _KINDS[part] == "version"}
        alone = not others and words <= _ALONE_VERSIONS
        return "version" if alone or (others and others <= _VERSION_OF) else ""
    if "git" in words and "version" in words:
        return ""
    if (
        words & _OF_A_BUILD
        or (len(words) == 1 and words <= _ALONE)
        or (words - set(found) and words & _ALONE)
    ):
        return next(_KINDS[part] for part in reversed(found))
    return ""


def placeholder(value: str | None) -> bool:
    """Whether a default only stands for what the build gives: none, or a word such as `unknown`."""
    return value is None or _PLACEHOLDER.fullmatch(value.strip()) is not None
