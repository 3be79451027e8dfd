"""Image references: which image, from where, and whether it can change under its name.

The grammar is the distribution project's (github.com/distribution/reference,
regexp.go and normalize.go), the digests those that go-digest registers. One
thing is stricter: a first component with capitals (`Acme/web`) would be taken
for a registry there, and is nearly always a repository written wrongly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.values.malformed import Malformed, shown, text_of

DEFAULT_REGISTRY = "docker.io"
REPOSITORY_MAX = 255
TAG_MAX = 128
IMAGE_MAX = 1024
"""Characters of a whole reference; enough for the longest registry, repository, tag and digest."""

_HOST_PART = r"[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*"
_IPV6 = r"\[[a-fA-F0-9]*:[a-fA-F0-9:]*\]"
# A first component without a dot or a port is part of the repository, except for localhost.
_REGISTRY = (
    rf"(?:(?:{_HOST_PART}(?:\.{_HOST_PART})+|{_IPV6})(?::[0-9]{{1,5}})?|{_HOST_PART}:[0-9]{{1,5}}|localhost)"
)
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"

IMAGE_PATTERN = (
    rf"^(?:{_REGISTRY}/)?{_COMPONENT}(?:/{_COMPONENT})*"
    rf"(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}})?(?:@(?:{_DIGEST}))?$"
)
"""Matches all that `parse_image` accepts, and a little more: too long a repository, a port beyond
65535, and a bare id of 64 hexadecimal digits."""

_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_REGISTRY_FULL = re.compile(_REGISTRY)
_COMPONENT_FULL = re.compile(_COMPONENT)
_TAG_FULL = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]*")
_FLOATING = frozenset(
    (
        *("latest", "stable", "edge", "main", "master", "dev", "devel", "develop", "development"),
        *("nightly", "daily", "weekly", "snapshot", "current", "rolling", "unstable", "testing", "test"),
        *("staging", "prod", "production", "release", "rc", "beta", "alpha", "canary", "preview", "next"),
        *("head", "trunk", "mainline", "lts", "debug", "alpine", "slim", "debian", "ubuntu", "bookworm"),
        *("bullseye", "trixie", "buster", "jammy", "noble", "focal", "windowsservercore", "nanoserver"),
        *("distroless", "fpm", "apache", "full", "minimal", "base", "runtime"),
    )
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as it was written: `registry`, `tag` and `digest` are None where nothing was said.

    `digest` has its algorithm in front. Invariant: str() gives the text that was parsed.
    """

    registry: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        registry = f"{self.registry}/" if self.registry else ""
        return registry + self.repository + self._suffix

    @property
    def normalized_registry(self) -> str:
        """The registry that is asked: Docker Hub unless another was named."""
        if self.registry is None or self.registry == "index.docker.io":
            return DEFAULT_REGISTRY
        return self.registry

    @property
    def normalized_repository(self) -> str:
        """The repository at that registry: Docker Hub's official images live under `library`."""
        official = self.normalized_registry == DEFAULT_REGISTRY and "/" not in self.repository
        return f"library/{self.repository}" if official else self.repository

    @property
    def normalized(self) -> str:
        """The whole reference with its registry; neither a tag nor a digest is added."""
        return f"{self.normalized_registry}/{self.normalized_repository}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_image(text: str) -> ImageReference:
    """Read an image reference such as `redis:7.4.2`; raises Malformed that says which part is wrong."""
    text = text_of(text, "an image")
    _check_whole(text)
    name, at, digest = text.partition("@")
    if at:
        _check_digest(digest)
    registry, rest = _split_registry(name)
    repository, colon, tag = rest.partition(":")
    if colon:
        _check_tag(tag)
    if registry is not None:
        _check_registry(registry)
    _check_repository(repository)
    return ImageReference(registry, repository, tag if colon else None, digest if at else None)


def is_mutable(image: ImageReference) -> bool:
    """Whether the same reference may name another image tomorrow.

    So it is with neither tag nor digest, and with a tag made of floating words
    only (`latest`, `stable`, `lts-alpine`). A digest settles it. A tag with a
    number counts as fixed, although a registry could move it.
    """
    if image.digest:
        return False
    if not image.tag:
        return True
    return all(word in _FLOATING for word in re.split(r"[-_.]", image.tag.lower()))


def _check_whole(text: str) -> None:
    if not text:
        raise Malformed("the image is empty", "write for example redis:7.4.2")
    if len(text) > IMAGE_MAX:
        raise Malformed(f"the image is longer than {IMAGE_MAX} characters")
    if re.search(r"\s", text):
        raise Malformed(f"{shown(text)} has white space in it", "remove it")
    if scheme := re.match(r"[a-z][a-z0-9+.-]*://", text):
        raise Malformed(f"{shown(text)} is a URL, not an image", f"leave out {scheme[0]}")
    if re.search(r"[${}]", text):
        raise Malformed(f"{shown(text)} has a variable in it: an image is fixed", "write the image out")
    if re.fullmatch(r"[a-f0-9]{64}", text):
        raise Malformed("64 hexadecimal digits are an id that no registry knows", "write repository:tag")
    if bad := re.search(r"[^a-zA-Z0-9._:/@\[\]+-]", text):
        raise Malformed(f"{shown(text)} has the character {shown(bad[0])} in it, which no image may have")


def _split_registry(name: str) -> tuple[str | None, str]:
    """The registry, if the first component is one, and the rest: splitDockerDomain in normalize.go."""
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first, rest
    return None, name


def _check_registry(registry: str) -> None:
    if not _REGISTRY_FULL.fullmatch(registry):
        raise Malformed(f"the registry {shown(registry)} is not a host name with an optional port")
    port = re.search(r":([0-9]+)$", registry)
    if port and not 0 < int(port[1]) <= 65535:
        raise Malformed(f"the registry's port {shown(port[1])} is not between 1 and 65535")


def _check_repository(repository: str) -> None:
    if not repository:
        raise Malformed("the image has no repository", "write for example redis:7.4.2")
    if repository != repository.lower():
        hint = f"write {shown(repository.lower())[1:-1]}"
        raise Malformed(f"the repository {shown(repository)} has capital letters", hint)
    # The limit counts the path without the registry (RepositoryNameTotalLengthMax).
    if len(repository) > REPOSITORY_MAX:
        raise Malformed(f"the repository is longer than {REPOSITORY_MAX} characters")
    for component in repository.split("/"):
        if component == "":
            raise Malformed(f"the repository {shown(repository)} has an empty part between slashes")
        if not _COMPONENT_FULL.fullmatch(component):
            rule = "letters and digits joined by ., _, __ or hyphens"
            raise Malformed(f"the repository's part {shown(component)} is not {rule}")


def _check_tag(tag: str) -> None:
    if not tag:
        raise Malformed(
            "the tag after the colon is empty", "write for example :7.4.2, or leave out the colon"
        )
    if "/" in tag:
        raise Malformed(
            f"the tag {shown(tag)} has a slash in it", "a colon belongs before the tag, or before a port"
        )
    if not _TAG_FULL.fullmatch(tag):
        raise Malformed(
            f"the tag {shown(tag)} has more than letters, digits, ., _ and -, or starts with . or -"
        )
    if len(tag) > TAG_MAX:
        raise Malformed(f"the tag is {len(tag)} characters long, and {TAG_MAX} are allowed")


def _check_digest(digest: str) -> None:
    algorithm, colon, value = digest.partition(":")
    if not colon:
        raise Malformed(
            f"the digest {shown(digest)} has no algorithm", "write @sha256: and 64 hexadecimal digits"
        )
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        raise Malformed(
            f"the digest's algorithm {shown(algorithm)} is unknown", "use sha256, sha384 or sha512"
        )
    if not re.fullmatch(r"[a-f0-9]*", value):
        hint = "write it in lower case" if re.fullmatch(r"[a-fA-F0-9]*", value) else ""
        raise Malformed("the digest is not in lower-case hexadecimal digits", hint)
    if len(value) != length:
        raise Malformed(f"the {algorithm} digest has {len(value)} digits instead of {length}")
