"""Names that Kubernetes, Git and file systems put rules on.

Each `check_*` takes a text and gives it back, or raises Malformed. The rules
are Kubernetes' (apimachinery, pkg/util/validation), git-check-ref-format(1)
and RFC 1123. Patterns are for Python and ECMA-262; lengths stand beside them.
"""

from __future__ import annotations

import re

from compiler.values.malformed import Malformed, shown, text_of

DNS_LABEL_MAX = 63
SUBDOMAIN_MAX = 253
RELEASE_MAX = 53
"""Helm's limit on a release's name (helm.sh/helm, pkg/chartutil/validate_name.go)."""

CRON_JOB_MAX = 52
"""Kubernetes' limit on a CronJob's name: it adds 11 characters for each Job."""

LABEL_MAX = 63
VARIABLE_MAX = 253

# Not the usual X(?:Y*X)?: repeated, that takes exponential time in `regress`, the engine of check-jsonschema.
_LABEL = r"(?![-a-z0-9]{64})[a-z0-9]+(?:-+[a-z0-9]+)*"
_QUALIFIED = r"(?![-A-Za-z0-9_.]{64})[A-Za-z0-9]+(?:[-_.]+[A-Za-z0-9]+)*"

DNS_LABEL_PATTERN = rf"^{_LABEL}$"
SERVICE_LABEL_PATTERN = r"^(?![-a-z0-9]{64})[a-z][a-z0-9]*(?:-+[a-z0-9]+)*$"
SUBDOMAIN_PATTERN = rf"^{_LABEL}(?:\.{_LABEL})*$"
"""A host name in full; its length is at most SUBDOMAIN_MAX."""

VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
LABEL_KEY_PATTERN = rf"^(?:{_LABEL}(?:\.{_LABEL})*/)?{_QUALIFIED}$"
"""The prefix is at most SUBDOMAIN_MAX long."""

LABEL_VALUE_PATTERN = rf"^(?:{_QUALIFIED})?$"
HOST_PATTERN = rf"^(?:\*\.)?{_LABEL}(?:\.{_LABEL})*$"
"""Also matches IPv4 addresses, which `check_host` refuses; at most SUBDOMAIN_MAX long."""

_SUBDOMAIN = re.compile(SUBDOMAIN_PATTERN)
_QUALIFIED_NAME = re.compile(_QUALIFIED)


def check_dns_label(text: str) -> str:
    """A DNS-1123 label: lower-case letters, digits and inner hyphens, at most 63."""
    text = text_of(text, "a name")
    if re.fullmatch(DNS_LABEL_PATTERN, text):
        return text
    raise _bad_label(text, re.sub(r"[^a-z0-9]+", "-", text[:200].lower()).strip("-"))


def check_service_label(text: str) -> str:
    """A DNS-1035 label, as the name of a Kubernetes Service must be: it starts with a letter."""
    text = text_of(text, "a name")
    if re.fullmatch(SERVICE_LABEL_PATTERN, text):
        return text
    if re.match(r"[0-9]", text) and re.fullmatch(DNS_LABEL_PATTERN, text):
        raise Malformed(f"{shown(text)} starts with a digit, and a Service's name must start with a letter")
    raise _bad_label(text, re.sub(r"[^a-z0-9]+", "-", text[:200].lower()).lstrip("-0123456789").rstrip("-"))


def check_subdomain(text: str) -> str:
    """A DNS-1123 subdomain: labels joined by dots, at most 253 characters."""
    text = text_of(text, "a name")
    if len(text) > SUBDOMAIN_MAX:
        raise Malformed(f"the name is {len(text)} characters long, and {SUBDOMAIN_MAX} are allowed")
    if ".." in text or text.startswith(".") or text.endswith("."):
        raise Malformed(f"{shown(text)} has an empty part before, between or after its dots")
    if not _SUBDOMAIN.fullmatch(text):
        for label in text.split("."):
            check_dns_label(label)
    return text


def check_variable(text: str) -> str:
    """The name of an environment variable: letters, digits and underscores, not starting with a digit."""
    text = text_of(text, "a variable's name")
    if len(text) > VARIABLE_MAX:
        raise Malformed(f"the variable's name is longer than {VARIABLE_MAX} characters")
    if re.fullmatch(VARIABLE_PATTERN, text):
        return text
    mended = re.sub(r"[^A-Za-z0-9_]", "_", text)
    mended = f"_{mended}" if mended[:1].isdigit() else mended
    hint = f"write {mended}" if re.search(r"[A-Za-z0-9]", mended) else ""
    raise Malformed(
        f"{shown(text)} is not a variable's name: letters, digits and _ only, not starting with a digit", hint
    )


def check_label_key(text: str) -> str:
    """The key of a Kubernetes label: a name, with an optional DNS subdomain and a slash before it."""
    return _check_key(text, "label", text_of(text, "a label's key"))


def check_annotation_key(text: str) -> str:
    """The key of a Kubernetes annotation: as a label's, but capitals in the prefix are let through."""
    prefix, slash, name = text_of(text, "an annotation's key").rpartition("/")
    return _check_key(text, "annotation", prefix.lower() + slash + name)


def check_label_value(text: str) -> str:
    """The value of a Kubernetes label: at most 63 letters, digits, `-`, `_`, `.`; may be empty."""
    text = text_of(text, "a label's value")
    if text == "" or _QUALIFIED_NAME.fullmatch(text):
        return text
    raise _bad_qualified("the label's value", text)


def check_host(text: str) -> str:
    """A host name for an Ingress or a Gateway, optionally a wildcard in the first label (*.example.com)."""
    text = text_of(text, "a host name")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) or "/" in text:
        raise Malformed(
            f"{shown(text)} is a URL, not a host name", "write the host alone, such as shop.example.com"
        )
    if re.search(r":[0-9]+$", text):
        raise Malformed(f"{shown(text)} has a port in it", "write the host alone, such as shop.example.com")
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+){3}", text):
        raise Malformed(f"{shown(text)} is an address, and a host must be a name")
    bare = text.removeprefix("*.")
    if "*" in bare:
        raise Malformed(
            f"{shown(text)} has a wildcard elsewhere than in its first label", "write *.example.com"
        )
    check_subdomain(bare)
    if len(text) > SUBDOMAIN_MAX:
        raise Malformed(f"the host name is {len(text)} characters long, and {SUBDOMAIN_MAX} are allowed")
    return text


def variable_prefix(service: str) -> str:
    """What the built-in variables of a service start with: postgres-main gives POSTGRES_MAIN.

    `service` is a DNS label. The result is the start of a variable's name: a
    leading digit gets an underscore before it.
    """
    prefix = re.sub(r"[^A-Z0-9]", "_", service.upper())
    return f"_{prefix}" if prefix[:1].isdigit() else prefix


def _bad_label(text: str, mended: str) -> Malformed:
    if text == "":
        return Malformed("the name is empty")
    if len(text) > DNS_LABEL_MAX:
        return Malformed(f"the name is {len(text)} characters long, and {DNS_LABEL_MAX} are allowed")
    hint = f"write {mended}" if mended else ""
    return Malformed(
        f"{shown(text)} is not a name for Kubernetes: lower-case letters, digits and inner hyphens only", hint
    )


def _check_key(text: str, what: str, checked: str) -> str:
    prefix, slash, name = checked.rpartition("/")
    if slash:
        try:
            check_subdomain(prefix)
        except Malformed as error:
            raise Malformed(
                f"the {what}'s prefix {shown(prefix)} is not a DNS name", "write example.com/name"
            ) from error
    if not _QUALIFIED_NAME.fullmatch(name):
        raise _bad_qualified(f"the {what}'s key", name)
    return text


def _bad_qualified(what: str, text: str) -> Malformed:
    if len(text) > LABEL_MAX:
        return Malformed(f"{what} is {len(text)} characters long, and {LABEL_MAX} are allowed")
    return Malformed(
        f"{what} {shown(text)} is not letters, digits, -, _ and . with a letter or digit at both ends"
    )
