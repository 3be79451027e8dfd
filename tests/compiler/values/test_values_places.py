"""Git URLs, refs and paths: git itself and posixpath are the oracles."""

from __future__ import annotations

import posixpath
import shutil
import subprocess
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.values.malformed import Malformed
from compiler.values.places import check_git_ref, check_git_url, escapes, normal_path


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop",
        "https://git.example.com:8443/acme/shop.git",
        "https://git.sr.ht/~acme/shop",
        "ssh://git@github.com/acme/shop.git",
        "ssh://git.example.com:2222/acme/shop",
        "git@github.com:acme/shop.git",
        "https://[2001:db8::1]/acme/shop",
    ],
)
def test_git_urls(url: str) -> None:
    assert check_git_url(url) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is not a Git URL"),
        (".", "is not a Git URL"),
        ("--upload-pack=touch /tmp/x", "is not a Git URL"),
        ("--upload-pack=x", "starts with a hyphen"),
        ("ssh://-oProxyCommand=x/y", "is not a Git URL"),
        ("-oProxyCommand=x@host:path", "starts with a hyphen"),
        ("git@-oProxyCommand=x:path", "is not a Git URL"),
        ("git@host:-path", "is not a Git URL"),
        ("ext::sh", "remote helper"),
        ("ext::https://host/path", "remote helper"),
        ("file:///etc", "on one machine only"),
        ("/srv/git/shop", "is not a Git URL"),
        ("../shop", "is not a Git URL"),
        ("http://github.com/acme/shop", "not encrypted"),
        ("git://github.com/acme/shop", "not encrypted"),
        ("HTTPS://github.com/acme/shop", "capital letters"),
        ("ftp://host/path", 'unknown scheme "ftp"'),
        ("https://github.com", "is not a Git URL"),
        ("https://github.com/acme/shop?ref=main", "query or a fragment"),
        ("https://github.com/acme/shop#main", "query or a fragment"),
        ("https://github.com/acme/shop;id", "is not a Git URL"),
        ("https://github.com/$(id)", "is not a Git URL"),
        ("https://github.com/acme/shop\n", "is not a Git URL"),
        ("https://github.com/" + "a" * 5000, "longer than"),
        (":" * 100_000 + "@", "longer than"),
    ],
    ids=lambda value: value[:40],
)
def test_refused_git_urls(url: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_git_url(url)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@github.com/acme/shop",
        "https://hunter2@github.com/acme/shop",
        "https://user:hun/ter2@github.com/acme/shop?hunter2",
        "HTTPS://hunter2@github.com/acme/shop",
        "ssh://git:hunter2@github.com/acme/shop",
        "git:hunter2@github.com:acme/shop",
        "http://github.com/acme/shop?token=hunter2",
    ],
)
def test_credentials_are_refused_and_never_shown(url: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_git_url(url)
    assert "hunter2" not in caught.value.message + caught.value.hint


@given(st.text("ab.-/~^:?*[\\@{} \x01\x7flock", max_size=10))
@settings(max_examples=150)
@example("main")
@example("a@{b")
@example("@")
@example("a.lock/b")
@example("feature/x.lock")
@example("é")
def test_refs_are_what_git_takes(ref: str) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    by_git = subprocess.run([git, "check-ref-format", f"refs/heads/{ref}"], check=False).returncode == 0
    try:
        accepted = check_git_ref(ref) == ref
    except Malformed:
        accepted = False
    # A leading hyphen is refused by `git branch` as well; @ alone names HEAD.
    assert accepted == (by_git and not ref.startswith("-") and ref != "@")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "."),
        ("./", "."),
        ("a/", "a"),
        ("a//b/./c", "a/b/c"),
        ("a/../b", "b"),
        ("a/..", "."),
        ("~/x", "~/x"),
    ],
)
def test_normal_path(path: str, expected: str) -> None:
    assert normal_path(path) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "empty"),
        ("/etc", "absolute"),
        ("//etc", "absolute"),
        ("C:/x", "absolute"),
        ("a\\b", "backslash"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("..", "leaves the repository"),
        ("a/../../b", "leaves the repository"),
        ("a/../../a", "leaves the repository"),
    ],
)
def test_refused_paths(path: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        normal_path(path)
    assert message in caught.value.message


@given(st.lists(st.sampled_from(["a", "b", "..", ".", ""]), min_size=1, max_size=7).map("/".join))
def test_paths_stay_below_their_root(path: str) -> None:
    try:
        found = normal_path(path)
    except Malformed:
        assert path == "" or escapes(path)
        return
    assert not escapes(path)
    assert found == posixpath.normpath(path)
    assert not found.startswith("..")
    assert normal_path(found) == found


@given(st.text())
def test_any_text_is_read_or_malformed(text: str) -> None:
    for check in (check_git_url, check_git_ref, normal_path):
        with suppress(Malformed):
            assert check(text)
