"""Which commits a program wrote: dependency updates, releases, translations, generated files.

It is judged by the author, since a program that merges or rebases what people
wrote is a committer and no author. The author of a merge is who, or what,
pressed the button: a merge is what it merges, so it is judged by the author of
the newest commit that it brings, or by the name of the branch.

A program is an author whose name or e-mail
- says `[bot]`, as all apps of GitHub do, or ends with the word bot or robot:
  `renovate-bot`, `Snyk Bot`, `k8s-ci-robot`, `elasticmachine`;
- has one of the names in `PROGRAMS`;
- or signs a commit off first under such a name: a person who takes over a
  commit of dependabot's is its author then.
A subject that begins as those of a release plugin or of Weblate do is a program's as well.

What `AGENTS` lists writes code as people do, and changes what people change: it counts as people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROGRAMS = frozenset(
    (
        "allcontributors",
        "argocd-image-updater",
        "autofix-ci",
        "crowdin",
        "crowdin-bridge",
        "dependabot",
        "dependabot-preview",
        "depfu",
        "elasticmachine",
        "fluxcd",
        "fluxcdbot",
        "github-action",
        "github-actions",
        "greenkeeper",
        "hosted-weblate",
        "imgbot",
        "imgbotapp",
        "jenkins",
        "mend-for-github-com",
        "pre-commit-ci",
        "pyup",
        "pyup-bot",
        "release-please",
        "renovate",
        "mend-renovate",
        "renovatebot",
        "scala-steward",
        "semantic-release",
        "snyk",
        "transifex",
        "updatecli",
        "weblate",
        "whitesource",
    )
)
AGENTS = frozenset(
    (
        "claude",
        "copilot",
        "copilot-swe-agent",
        "cursor",
        "devin-ai-integration",
        "google-labs-jules",
        "openhands",
    )
)
BRANCHES = (
    "all-contributors/",
    "changeset-release/",
    "dependabot/",
    "dependabot-",
    "depfu/",
    "greenkeeper/",
    "l10n_",
    "pre-commit-ci-update-config",
    "pyup-",
    "release-please--",
    "renovate/",
    "snyk-fix-",
    "snyk-upgrade-",
    "weblate-",
)
_SUBJECTS = ("[maven-release-plugin]", "[gradle release plugin]", "translated using weblate")
_PROGRAM = re.compile(r"(?:^|[-_ .])(?:ro)?bot$")
_SPACE = re.compile(r"[\s_.]+")
_MERGED = re.compile(
    r"Merge (?:pull request #\d+ from [^\s/]+/|(?:remote-tracking )?branch '(?:origin/)?)([^\s']+)"
)
_SIGNED = re.compile(r"^Signed-off-by: ([^<\n]{0,200})<?([^>\n]{0,200})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who is said to have written a commit, and what they say."""

    name: str
    email: str
    message: str


def is_automatic(writer: Writer) -> bool:
    """Whether a program wrote a commit that is no merge."""
    if _is_program(writer.name, writer.email) or writer.message.lower().startswith(_SUBJECTS):
        return True
    signed = _SIGNED.search(writer.message)
    return signed is not None and _is_program(signed[1], signed[2])


def merges_automatic(writer: Writer, merged: Writer | None) -> bool:
    """Whether a program wrote what a merge brings; `merged` wrote its newest commit, None where not known."""
    branch = _MERGED.match(writer.message)
    if branch is not None and branch[1].startswith(BRANCHES):
        return True
    return is_automatic(writer if merged is None else merged)


def _is_program(name: str, email: str) -> bool:
    # GitHub's addresses begin with the number of the account.
    account = email.partition("@")[0]
    both = [each.strip().lower() for each in (name, account.partition("+")[2] or account)]
    if any(each.removesuffix("[bot]") in AGENTS for each in both):
        return False
    return any(
        "[bot]" in each or _SPACE.sub("-", each) in PROGRAMS or _PROGRAM.search(each) is not None
        for each in both
    )
