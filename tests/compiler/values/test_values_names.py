"""Names by the rules of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values import names
from compiler.values.malformed import Malformed

Check = Callable[[str], str]

GOOD: list[tuple[Check, str]] = [
    (names.check_dns_label, "web-1"),
    (names.check_dns_label, "1-web"),
    (names.check_dns_label, "a" * 63),
    (names.check_service_label, "web-1"),
    (names.check_subdomain, "a.b-c.d"),
    (names.check_variable, "_LOG_LEVEL2"),
    (names.check_label_key, "app"),
    (names.check_label_key, "app.kubernetes.io/name_1.x"),
    (names.check_annotation_key, "Example.com/Name"),
    (names.check_label_value, ""),
    (names.check_label_value, "1.4_a-B"),
    (names.check_host, "shop.example.com"),
    (names.check_host, "*.example.com"),
    (names.check_host, "localhost"),
]

BAD: list[tuple[Check, str, str, str]] = [
    (names.check_dns_label, "Web_Main", "is not a name for Kubernetes", "write web-main"),
    (names.check_dns_label, "-web", "is not a name for Kubernetes", "write web"),
    (names.check_dns_label, "web\n", "is not a name for Kubernetes", "write web"),
    (names.check_dns_label, "a" * 64, "64 characters long, and 63 are allowed", ""),
    (names.check_dns_label, "", "the name is empty", ""),
    (names.check_service_label, "1-web", "must start with a letter", ""),
    (names.check_subdomain, "a..b", "empty part", ""),
    (names.check_subdomain, "a.b_c", '"b_c" is not a name', "write b-c"),
    (names.check_subdomain, ".".join(["a" * 60] * 5), "304 characters", ""),
    (names.check_variable, "LOG-LEVEL", "not a variable's name", "write LOG_LEVEL"),
    (names.check_variable, "2FA", "not starting with a digit", "write _2FA"),
    (names.check_variable, "", "not a variable's name", ""),
    (names.check_variable, "A\n", "not a variable's name", "write A_"),
    (names.check_label_key, "", "the label's key", ""),
    (names.check_label_key, "a/b/c", 'the label\'s prefix "a/b"', "example.com/name"),
    (names.check_label_key, "Example.com/name", "prefix", ""),
    (names.check_label_key, "/name", "prefix", ""),
    (names.check_label_key, "x" * 64, "64 characters long", ""),
    (names.check_annotation_key, "a_b/name", 'the annotation\'s prefix "a_b"', ""),
    (names.check_label_value, "-x", "the label's value", ""),
    (names.check_label_value, "x\n", "the label's value", ""),
    (names.check_label_value, "x" * 64, "64 characters long", ""),
    (names.check_host, "https://shop.example.com", "is a URL", "the host alone"),
    (names.check_host, "shop.example.com:443", "has a port", "the host alone"),
    (names.check_host, "shop.*.com", "wildcard elsewhere", "*.example.com"),
    (names.check_host, "*", "wildcard elsewhere", ""),
    (names.check_host, "10.0.0.1", "is an address", ""),
    (names.check_host, "Shop.example.com", "lower-case", "write shop"),
    (names.check_host, "shop.example.com.", "empty part", ""),
]


@pytest.mark.parametrize(("check", "text"), GOOD, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_good_names_come_back(check: Check, text: str) -> None:
    assert check(text) == text


@pytest.mark.parametrize(
    ("check", "text", "message", "hint"), BAD, ids=lambda value: getattr(value, "__name__", str(value))[:30]
)
def test_bad_names_say_why(check: Check, text: str, message: str, hint: str) -> None:
    with pytest.raises(Malformed) as caught:
        check(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


CHECKED: list[tuple[str, Check, int]] = [
    (names.DNS_LABEL_PATTERN, names.check_dns_label, names.DNS_LABEL_MAX),
    (names.SERVICE_LABEL_PATTERN, names.check_service_label, names.DNS_LABEL_MAX),
    (names.SUBDOMAIN_PATTERN, names.check_subdomain, names.SUBDOMAIN_MAX),
    (names.VARIABLE_PATTERN, names.check_variable, names.VARIABLE_MAX),
    (names.LABEL_KEY_PATTERN, names.check_label_key, 10_000),
    (names.LABEL_VALUE_PATTERN, names.check_label_value, names.LABEL_MAX),
    (names.HOST_PATTERN, names.check_host, names.SUBDOMAIN_MAX),
]
NEAR = st.text("aZ0-_./*\n", max_size=8) | st.text(max_size=6)
NEAR |= st.sampled_from(["a" * 63, "a" * 64, "a." * 200])


@given(NEAR, st.sampled_from(["", "a", "-", ".a", "/a", "a.com/"]))
def test_patterns_and_checks_agree(text: str, more: str) -> None:
    regress = pytest.importorskip("regress")
    for pattern, check, longest in CHECKED:
        name = text + more
        try:
            accepted = check(name) == name
        except Malformed:
            accepted = False
        matched = re.fullmatch(pattern, name) is not None
        assert matched == (regress.Regex(pattern).find(name) is not None)
        is_address = re.fullmatch(r"\d+(\.\d+){3}", name) is not None and check is names.check_host
        is_long_prefix = len(name.rpartition("/")[0]) > names.SUBDOMAIN_MAX
        allowed = len(name) <= longest and not is_address and not is_long_prefix
        assert accepted == (matched and allowed), (pattern, name)


@given(st.from_regex(names.DNS_LABEL_PATTERN, fullmatch=True).map(lambda text: text.removesuffix("\n")))
def test_a_prefix_starts_a_variable_name(service: str) -> None:
    assert names.check_variable(names.variable_prefix(service) + "_HOST")


def test_prefixes() -> None:
    assert names.variable_prefix("postgres-main") == "POSTGRES_MAIN"
    assert names.variable_prefix("1st") == "_1ST"


@pytest.mark.parametrize("value", [None, 5, True, ["a"], {}])
@pytest.mark.parametrize("check", [check for _, check, _ in CHECKED], ids=lambda check: check.__name__)
def test_other_types_are_malformed(check: Callable[[object], str], value: object) -> None:
    with pytest.raises(Malformed):
        check(value)
