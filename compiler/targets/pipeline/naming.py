"""Names in Kubernetes that are made from names of ours, which may be longer and hold other characters.

What fits stays as it is; what does not is shortened and gets a hash of the whole, so that different
names stay different. Pure.
"""

from __future__ import annotations

import hashlib
import re

NAMESPACE_LENGTH = 63
LABEL_LENGTH = 63
OBJECT_LENGTH = 253

_SUFFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HASH_LENGTH = 10


def preview_suffix(text: str) -> str | None:
    """The name of a preview in lower case; None where it is not letters, digits and inner hyphens."""
    suffix = text.lower()
    return suffix if text.isascii() and _SUFFIX.fullmatch(suffix) else None


def preview_namespace(namespace: str, suffix: str) -> str:
    """The namespace of a preview: `NAMESPACE-SUFFIX`, at most 63 characters."""
    return _fitting(f"{namespace}-{suffix}", NAMESPACE_LENGTH)


def object_name(text: str) -> str:
    """A text as the name of an object (RFC 1123 subdomain)."""
    if len(text) <= OBJECT_LENGTH and _OBJECT.fullmatch(text):
        return text
    return _hashed(re.sub(r"[^a-z0-9]+", "-", text.lower()), text, OBJECT_LENGTH)


def label_value(text: str) -> str:
    """A text as the value of a label."""
    if len(text) <= LABEL_LENGTH and _LABEL.fullmatch(text):
        return text
    return _hashed(re.sub(r"[^A-Za-z0-9]+", "-", text), text, LABEL_LENGTH)


def _fitting(name: str, length: int) -> str:
    return name if len(name) <= length else _hashed(name, name, length)


def _hashed(readable: str, whole: str, length: int) -> str:
    digest = hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:_HASH_LENGTH]
    start = readable[: length - _HASH_LENGTH - 1].strip("-")
    return f"{start}-{digest}" if start else digest
