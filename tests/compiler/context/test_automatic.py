from __future__ import annotations

import pytest

from compiler.context.automatic import Writer, is_automatic, merges_automatic


@pytest.mark.parametrize(
    ("name", "email"),
    [
        # As they sign in public repositories.
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
        ("dependabot", "support@dependabot.com"),
        ("renovate[bot]", "29139614+renovate[bot]@users.noreply.github.com"),
        ("Mend Renovate", "bot@renovateapp.com"),
        ("WhiteSource Renovate", "bot@renovateapp.com"),
        ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"),
        ("GitHub Action", "action@github.com"),
        ("snyk-bot", "snyk-bot@snyk.io"),
        ("pre-commit-ci[bot]", "66853113+pre-commit-ci[bot]@users.noreply.github.com"),
        ("Docker Library Bot", "doi+docker-library-bot@docker.com"),
        ("Kubernetes Prow Robot", "k8s-ci-robot@users.noreply.github.com"),
        ("semantic-release-bot", "semantic-release-bot@martynus.net"),
        ("Hosted Weblate", "hosted@weblate.org"),
        ("Scala Steward", "me@scala-steward.org"),
        ("pyup-bot", "github-bot@pyup.io"),
        ("Crowdin Bot", "support+bot@crowdin.com"),
    ],
)
def test_programs(name: str, email: str) -> None:
    assert is_automatic(Writer(name, email, "Bump x from 1 to 2"))


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("Ada Person", "ada@example.com"),
        ("Tim Abbott", "tabbott@zulip.com"),
        ("Vito Botta", "vito@botta.me"),
        ("Bottomley", "robots@example.com"),
        ("Robert Botterill", "12+rbotter@users.noreply.github.com"),
        ("", ""),
        # Programs that write code as people do.
        ("claude[bot]", "209825114+claude[bot]@users.noreply.github.com"),
        ("copilot-swe-agent[bot]", "198982749+Copilot@users.noreply.github.com"),
    ],
)
def test_people(name: str, email: str) -> None:
    assert not is_automatic(Writer(name, email, "Fix the robot's arm"))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Bump a\n\nSigned-off-by: dependabot[bot] <support@github.com>\n", True),
        ("Fix\n\nSigned-off-by: Ada <a@example.com>\nSigned-off-by: dependabot[bot] <s@github.com>\n", False),
        ("Fix\n\nCo-authored-by: dependabot[bot] <support@github.com>\n", False),
        ("[maven-release-plugin] prepare release 1.2", True),
        ("Translated using Weblate (German)", True),
        ("Say what [maven-release-plugin] does", False),
    ],
)
def test_messages(message: str, expected: bool) -> None:
    assert is_automatic(Writer("Ada Person", "ada@example.com", message)) is expected


PERSON = Writer("Ada Person", "ada@example.com", "Fix")
PROGRAM = Writer("renovate[bot]", "bot@renovateapp.com", "Update")


@pytest.mark.parametrize(
    ("message", "merged", "expected"),
    [
        ("Merge pull request #1 from acme/fix", PERSON, False),
        ("Merge pull request #1 from acme/fix", PROGRAM, True),
        ("Merge pull request #1 from acme/dependabot/npm/x-1", PERSON, True),
        ("Merge branch 'renovate/x' into main", PERSON, True),
        ("Merge remote-tracking branch 'origin/l10n_main'", PERSON, True),
        ("Merge branch 'dependable' into main", PERSON, False),
        ("Merge #2", None, False),
    ],
)
def test_a_merge_is_what_it_merges(message: str, merged: Writer | None, expected: bool) -> None:
    person = Writer("Ada Person", "ada@example.com", message)
    assert merges_automatic(person, merged) is expected
    program = Writer("bors[bot]", "bors@example.com", message)
    assert merges_automatic(program, merged) is (expected or merged is None)
