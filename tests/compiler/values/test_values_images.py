"""Image references against the grammar of github.com/distribution/reference, written out a second time."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.values.images import IMAGE_PATTERN, ImageReference, is_mutable, parse_image
from compiler.values.malformed import Malformed

SHA = "a" * 64

# regexp.go of distribution/reference, with the names that it has there.
_DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_COMPONENT}(?:\.{_DOMAIN_COMPONENT})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_NAME = rf"(?:{_DOMAIN}/)?({_PATH_COMPONENT}(?:/{_PATH_COMPONENT})*)"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
REFERENCE = re.compile(rf"({_NAME})(?::({_TAG}))?(?:@([A-Za-z0-9_+.-]+:[0-9a-fA-F]{{32,}}))?")
DIGEST = re.compile("sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")


def normalized(text: str) -> str | None:
    """ParseNormalizedNamed of normalize.go: the full reference, or None when it is refused."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return None
    first, slash, rest = text.partition("/")
    if not slash:
        domain, remainder = "docker.io", f"library/{text}"
    elif first == "index.docker.io":
        domain, remainder = "docker.io", rest
    elif first == "localhost" or "." in first or ":" in first or first.lower() != first:
        domain, remainder = first, rest
    else:
        domain, remainder = "docker.io", text
    if domain == "docker.io" and "/" not in remainder:
        remainder = f"library/{remainder}"
    match = REFERENCE.fullmatch(f"{domain}/{remainder}")
    if not match or len(match[2]) > 255 or (match[4] and not DIGEST.fullmatch(match[4])):
        return None
    return match[0]


_PART = st.sampled_from(["redis", "web", "a_b", "a__b", "a--b", "a.b", "a..b", "-a", "A", "Acme", "x1", ""])
_HOSTS = ["", "", "localhost/", "docker.io/", "index.docker.io/", "r.example.com:5000/", "[::1]:50/", "H.io/"]
_TAGS = ["", "", ":7.4.2", ":latest", ":", ":-x", ":a/b", ":" + "t" * 128, ":" + "t" * 129, ": 1"]
_ENDS = ["", "", f"@sha256:{SHA}", "@sha256:abc", f"@md5:{SHA}", f"@sha512:{SHA}{SHA}", "@", "\n"]
NEAR = st.tuples(
    st.sampled_from(_HOSTS),
    st.lists(_PART, min_size=1, max_size=3).map("/".join),
    st.sampled_from(_TAGS),
    st.sampled_from(_ENDS),
).map("".join)


@given(NEAR | st.text("aA0.:/@_-[]", max_size=12) | st.text(max_size=8))
@example("a" * 64)
@example("localhost/a")
@example("a.b")
@example("example.com:99999/a")
def test_accepts_what_the_reference_accepts(text: str) -> None:
    expected = normalized(text)
    try:
        image = parse_image(text)
    except Malformed as error:
        reason = error.message
    else:
        assert image.normalized == expected
        assert str(image) == text
        assert parse_image(image.normalized).normalized == expected
        return
    first = text.partition("/")[0]
    assert expected is None or first != first.lower() or "port" in reason, (text, reason)


@given(NEAR | st.text("aA0.:/@_-[]", max_size=12) | st.text(max_size=8))
def test_the_pattern_accepts_all_that_the_parser_does(text: str) -> None:
    regress = pytest.importorskip("regress")
    matched = re.fullmatch(IMAGE_PATTERN, text) is not None
    assert matched == (regress.Regex(IMAGE_PATTERN).find(text) is not None)
    try:
        parse_image(text)
    except Malformed:
        return
    assert matched


@settings(max_examples=30)
@given(st.from_regex(IMAGE_PATTERN, fullmatch=True))
def test_what_the_pattern_lets_through_is_nearly_always_an_image(text: str) -> None:
    image = text.removesuffix("\n")
    try:
        parse_image(image)
    except Malformed as error:
        reason = error.message
    else:
        return
    assert re.search("port|longer than|id that no registry knows", reason), (image, reason)


def test_normalisation() -> None:
    assert parse_image("redis:7.4.2").normalized == "docker.io/library/redis:7.4.2"
    assert parse_image("acme/web").normalized == "docker.io/acme/web"
    assert parse_image("index.docker.io/redis").normalized == "docker.io/library/redis"
    digested = parse_image(f"ghcr.io/acme/web:1@sha256:{SHA}")
    assert digested == ImageReference("ghcr.io", "acme/web", "1", f"sha256:{SHA}")
    assert digested.normalized_repository == "acme/web"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the image is empty", "redis:7.4.2"),
        ("acme/Web:1", 'the repository "acme/Web" has capital letters', "write acme/web"),
        ("Acme/web:1", "capital letters", "write acme/web"),
        ("redis :7", "white space", ""),
        ("redis:7\n", "white space", ""),
        ("redis:", "tag after the colon is empty", ""),
        ("redis:" + "t" * 129, "129 characters long, and 128", ""),
        ("redis:-1", "starts with . or -", ""),
        ("acme/web:1/b", "slash", "before the tag, or before a port"),
        ("https://ghcr.io/acme/web", "is a URL", "leave out https://"),
        ("redis:${TAG}", "variable", ""),
        ("redis:{{TAG}}", "variable", ""),
        ("redis@sha256:abc", "the sha256 digest has 3 digits instead of 64", ""),
        ("redis@sha256:" + "A" * 64, "lower-case hexadecimal", "lower case"),
        ("redis@md5:" + "a" * 32, 'algorithm "md5" is unknown', "sha256"),
        ("redis@" + SHA, "no algorithm", "sha256:"),
        (SHA, "no registry knows", ""),
        ("acme//web", "empty part", ""),
        ("r.io:70000/web", "not between 1 and 65535", ""),
        ("-r.io/web", "not a host name", ""),
        ("acme/-web", 'part "-web"', ""),
        ("rédis", 'the character "é"', ""),
        ("a/" * 200 + "b", "longer than 255", ""),
        ("a" * 100_000, "longer than 1024", ""),
    ],
    ids=lambda value: value[:40],
)
def test_messages_say_which_part_is_wrong(text: str, message: str, hint: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_image(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis", True),
        ("redis:latest", True),
        ("redis:LATEST", True),
        ("node:lts", True),
        ("node:lts-alpine", True),
        ("nginx:stable", True),
        ("acme/web:main", True),
        ("redis:7.4.2", False),
        ("redis:7-alpine", False),
        ("debian:bookworm", True),
        ("debian:bookworm-20240101", False),
        ("acme/web:a1b2c3d", False),
        (f"redis@sha256:{SHA}", False),
        (f"redis:latest@sha256:{SHA}", False),
    ],
)
def test_mutable(text: str, expected: bool) -> None:
    assert is_mutable(parse_image(text)) is expected
