"""Amounts: the cases people meet, Kubernetes' own reading as oracle, and patterns against parsers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.values import quantities as q
from compiler.values.malformed import Malformed

GOOD_BYTES = {
    "4GB": 4_000_000_000,
    "4G": 4_000_000_000,
    "4Gi": 4_294_967_296,
    "4GiB": 4_294_967_296,
    "512M": 512_000_000,
    "512MB": 512_000_000,
    "512Mi": 536_870_912,
    "0.5Gi": 536_870_912,
    "1.3Gi": 1_395_864_372,  # rounded up from 1395864371.2
    "1e9": 1_000_000_000,
    "1.5E9": 1_500_000_000,
    "129e6": 129_000_000,
    "1048576": 1_048_576,
    "4000000Ki": 4_096_000_000,
    "1500000k": 1_500_000_000,
    "10Ti": 10 * 2**40,
    "999Pi": 999 * 2**50,
}

BAD_BYTES = [
    ("512m", "0.512 bytes: m means thousandths", "did you mean 512M or 512Mi?"),
    ("4 m", "0.004 bytes", "did you mean 4M or 4Mi?"),
    ("4", "4 bytes", "did you mean 4GB?"),
    (4, "4 is 4 bytes", "did you mean 4GB?"),
    (1, "1 is 1 byte", "did you mean 1GB?"),
    (512, "512 is 512 bytes", "did you mean 512MB?"),
    ("4G B", "white space", "write 4GB"),
    ("4 GB", "white space", "write 4GB"),
    ("4GB\n", "white space", "write 4GB"),
    ("4gb", "in this case", "write 4GB"),
    ("4g", "in this case", "write 4G"),
    ("4 gb", "white space", "write 4GB"),
    ("512mib", "in this case", "write 512MiB"),
    ("4Gb", "in this case", "write 4GB"),
    ("5000K", "in this case", "write 5000k"),
    ("2gigabytes", 'unknown unit "gigabytes"', "use kB"),
    ("+4G", "sign", "write 4G"),
    ("-4G", "is not an amount", "write for example"),
    (-4, "no amount of memory", "write for example"),
    ("04G", "leading zero", "write 4G"),
    (".5G", "before the point", "write 0.5G"),
    ("4.G", "after the point", "write 4G"),
    ("1,5G", "decimal comma", "write 1.5G"),
    ("4,000,000,000", "digits in groups", "write 4000000000"),
    ("4_000_000_000", "digits in groups", "write 4000000000"),
    ("4000000000B", "needs no unit", "write 4000000000"),
    ("100k", "less than 1MB", "did you mean 100MB?"),
    ("0.5M", "less than 1MB", "did you mean 0.5GB?"),
    ("9Ki", "less than 1Mi", "did you mean 9Mi?"),
    ("0G", "no amount of memory", ""),
    ("0.0001G", "very small part", "write it in M or Mi"),
    ("4E", "more memory than there is", ""),
    ("1e99", "exponent out of range", "such as 4GB"),
    ("9" * 60, "more memory than there is", ""),
    ("", "empty", ""),
    (True, "true is not an amount of memory", ""),
    (2.5, "2.5 is not an amount of memory", ""),
    (float("inf"), "inf is not an amount of memory", ""),
    ("four", "is not an amount of memory", "4GB or 512Mi"),
]

BAD_CPU = [
    ("500", "is 500 cores", "did you mean 500m?"),
    (500, "500 is 500 cores", "did you mean 500m?"),
    ("256001m", "is 256.001 cores", "write at most 256"),
    ("4GB", "memory, not of CPU", "4 or 500m"),
    ("512Mi", "memory, not of CPU", "4 or 500m"),
    ("4g", "memory, not of CPU", "4 or 500m"),
    ("0.0005", "finer than 1m", ""),
    (0.0005, "finer than 1m", ""),
    ("0.5m", "finer than 1m", ""),
    ("100u", "finer than 1m", ""),
    ("500M", "millions of cores", "write 500m"),
    ("500 m", "white space", "write 500m"),
    ("2 cores", "white space", "write 2"),
    ("2vCPU", "names its unit", "write 2"),
    ("0.5000", "zeros at its end", "write 0.5"),
    (0, "no amount of CPU", ""),
    (-1, "no amount of CPU", ""),
    (True, "true is not an amount of CPU", ""),
    (float("nan"), "nan is not an amount of CPU", ""),
    ("", "empty", ""),
]

BAD_DURATIONS = [
    (180, "180 has no unit", "write 180s or 180m"),
    (1.5, "1.5 has no unit", "write 1.5s or 1.5m"),
    ("180", "180 has no unit", "write 180s or 180m"),
    ("30 m", "white space", "write 30m"),
    ("30M", "capital letters", "write 30m"),
    ("30min", "as a word", "write 30m"),
    ("2 hours", "white space", "write 2h"),
    ("30m1h", "out of order", "write 1h30m"),
    ("-5m", "negative", ""),
    ("5us", "finer than a millisecond", "in ms"),
    ("1h1h", "is not a duration", "30m, 1h30m or 180s"),
    ("", "empty", ""),
    (True, "true is not a duration", ""),
]

BAD_SHARES = [
    ("25", "no percent sign", "write 25%"),
    ("25 %", "white space", "write 25%"),
    ("101%", "not between 0 and 100", ""),
    ("0.0001%", "is not a percentage", "25%"),
    (25, "25 is not between 0 and 1", "write 25%"),
    (101, "not between 0 and 1", "25% or 0.25"),
    (-1, "not between 0 and 1", ""),
    ("a%", "is not a percentage", "25%"),
    (True, "true is not a percentage", ""),
]

Parser = Callable[[str], float]
PATTERNS: list[tuple[str, Parser]] = [
    (q.MEMORY_PATTERN, q.parse_memory),
    (q.STORAGE_PATTERN, q.parse_storage),
    (q.CPU_PATTERN, q.parse_cpu),
    (q.POOL_CPU_PATTERN, q.parse_pool_cpu),
    (q.DURATION_PATTERN, q.parse_duration),
    (q.POSITIVE_DURATION_PATTERN, q.parse_positive_duration),
    (q.SHARE_PATTERN, q.parse_share),
]

_UNITS = ["", "k", "K", "M", "G", "T", "P", "E", "m", "u", "ms", "s", "h", "d", "%", "e9", "E12", "g"]
_DIGITS = st.text("0123456789", max_size=8) | st.sampled_from(["255", "256", "257", "999", "256000", "100"])
# Texts near the grammars: numbers with a sign, a fraction and a unit, one or several after another.
NEAR = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "0", "-", " "]),
        _DIGITS,
        st.sampled_from(["", "", ".", ".0", ".5", ".001", ".0001", ".1234567891"]),
        st.sampled_from(_UNITS),
        st.sampled_from(["", "", "i", "B", "iB", "\n", " "]),
    ).map("".join),
    max_size=3,
).map("".join)
TEXTS = NEAR | st.text(max_size=12) | st.sampled_from([key for key, *_ in BAD_BYTES if isinstance(key, str)])


def accepts(parse: Parser, text: str) -> bool:
    try:
        parse(text)
    except Malformed as error:
        said = error
    else:
        return True
    assert said.message
    assert not said.message.endswith(".")
    assert "\n" not in said.message + said.hint
    return False


@pytest.mark.parametrize(("text", "expected"), GOOD_BYTES.items())
def test_bytes(text: str, expected: int) -> None:
    assert q.parse_memory(text) == expected
    assert q.parse_storage(text) == expected


def test_yaml_numbers_are_bytes() -> None:
    assert q.parse_memory(4_000_000_000) == 4_000_000_000
    assert q.parse_memory(1e9) == 1_000_000_000
    assert q.parse_memory(q.MEMORY_MINIMUM) == q.MEMORY_MINIMUM
    assert q.parse_memory(q.MEMORY_MAXIMUM) == q.MEMORY_MAXIMUM
    for beyond in (q.MEMORY_MINIMUM - 1, q.MEMORY_MAXIMUM + 1):
        with pytest.raises(Malformed):
            q.parse_memory(beyond)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, 4000),
        (0.5, 500),
        ("500m", 500),
        ("2", 2000),
        ("0.001", 1),
        (0.001, 1),
        (0.1, 100),
        (256, 256_000),
        (1.0005, 1001),
    ],
)
def test_cpu(value: str | float, expected: int) -> None:
    assert q.parse_cpu(value) == expected


@pytest.mark.parametrize("value", ["0s", "0h0m", "0.000s", "0ms"])
def test_no_time_is_no_positive_duration(value: str) -> None:
    assert q.parse_duration(value) == 0
    with pytest.raises(Malformed, match="no time at all"):
        q.parse_positive_duration(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(1, "1"), (2.0, "2"), ("3", "3"), ("25%", "25%"), (9999, "9999")]
)
def test_count_or_percent(value: str | float, expected: str) -> None:
    assert q.parse_count_or_percent(value) == expected


@pytest.mark.parametrize("value", [-1, 10_000, 1.5, True, "", "%", "a quarter", "1000%", "25 %"])
def test_no_count_or_percent(value: str | float) -> None:
    with pytest.raises(Malformed):
        q.parse_count_or_percent(value)


def test_a_pool_may_have_more_cores_than_a_machine() -> None:
    assert q.parse_pool_cpu("500") == q.parse_pool_cpu(500) == 500_000
    with pytest.raises(Malformed, match="100000 is 100000 cores"):
        q.parse_pool_cpu(100_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", 1800), ("1h30m", 5400), ("180s", 180), ("500ms", 0.5), ("1d", 86400), ("1.5h", 5400), ("0s", 0)],
)
def test_duration(text: str, expected: float) -> None:
    assert q.parse_duration(text) == expected


def test_share() -> None:
    assert q.parse_share("25%") == q.parse_share(0.25) == 0.25
    assert q.parse_share("100%") == q.parse_share(1) == 1
    assert q.parse_share("0.5%") == 0.005


@pytest.mark.parametrize(
    ("parse", "value", "message", "hint"),
    [
        *((q.parse_memory, *case) for case in BAD_BYTES),
        *((q.parse_cpu, *case) for case in BAD_CPU),
        *((q.parse_duration, *case) for case in BAD_DURATIONS),
        *((q.parse_share, *case) for case in BAD_SHARES),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_slips_say_what_was_meant(
    parse: Callable[..., object], value: object, message: str, hint: str
) -> None:
    with pytest.raises(Malformed) as caught:
        parse(value)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", ["9" * 100_000, 10**5000, -(10**5000), "4" + " " * 100_000 + "G"], ids=type)
def test_huge_values_are_refused_in_few_words(value: str | int) -> None:
    parsers: list[Callable[..., object]] = [q.parse_memory, q.parse_cpu, q.parse_duration, q.parse_share]
    for parse in parsers:
        with pytest.raises(Malformed) as caught:
            parse(value)
        assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", [None, [], {}, ("4G",)])
def test_other_types_are_malformed(value: object) -> None:
    parsers: list[Callable[..., object]] = [q.parse_memory, q.parse_cpu, q.parse_duration, q.parse_share]
    for parse in parsers:
        with pytest.raises(Malformed):
            parse(value)


@given(TEXTS)
@example("4GB\n")
@example("0.00G")
@example("0001000000")
def test_pattern_and_parser_accept_the_same(text: str) -> None:
    regress = pytest.importorskip("regress")  # ECMA-262 regular expressions
    for pattern, parse in PATTERNS:
        accepted = accepts(parse, text)
        assert accepted == bool(re.fullmatch(pattern, text)), (pattern, text)
        assert accepted == (regress.Regex(pattern).find(text) is not None), (pattern, text)


@given(st.sampled_from(PATTERNS), st.data())
def test_what_a_pattern_generates_is_accepted(case: tuple[str, Parser], data: st.DataObject) -> None:
    pattern, parse = case
    text = data.draw(st.from_regex(pattern.replace("(?=[0-9])", ""), fullmatch=True))
    assert accepts(parse, text) == bool(text)  # the look-ahead that was cut is what forbids ""


def kubernetes_bytes(text: str) -> Fraction | None:
    """The value of a Kubernetes quantity, or of one with a B after it, read without regular expressions."""
    number = text.rstrip("kKMGTPEimunB")
    suffix = text[len(number) :]
    mantissa, _, exponent = number.lower().partition("e")
    if not suffix and exponent and (exponent.removeprefix("+").isdigit()):
        scale = Fraction(10) ** int(exponent)
    else:
        powers = {name: Fraction(1000) ** i for i, name in enumerate(["", "k", "M", "G", "T", "P"])}
        powers |= {f"{name}i": Fraction(1024) ** i for i, name in enumerate(["", *"KMGTP"]) if name}
        powers |= {"m": Fraction(1, 1000), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9)}
        scale = powers.get(suffix.removesuffix("B") if suffix != "B" else "-", Fraction(-1))
        scale = Fraction(1000) if suffix == "KB" else scale
    if scale < 0 or not all(c in "0123456789." for c in mantissa) or not mantissa.strip("."):
        return None
    return Fraction(Decimal(mantissa)) * scale if mantissa.count(".") < 2 else None


@given(NEAR)
@example("999.999999999T")
@example("1.000000001M")
def test_bytes_are_what_kubernetes_reads(text: str) -> None:
    try:
        parsed = q.parse_memory(text)
    except Malformed:
        return
    value = kubernetes_bytes(text)
    assert value is not None
    assert parsed == math.ceil(value)
    assert q.MEMORY_MINIMUM <= parsed < 2**63


@given(
    st.integers(1, 999_999),
    st.sampled_from(["", ".5", ".25"]),
    st.sampled_from([f"{prefix}{i}{b}" for prefix in "MGT" for i in ("", "i") for b in ("", "B")]),
)
def test_ordinary_amounts_are_accepted(number: int, fraction: str, unit: str) -> None:
    text = f"{number}{fraction}{unit}"
    assert Fraction(q.parse_memory(text)) == math.ceil(kubernetes_bytes(text) or 0)


@given(st.integers(q.MEMORY_MINIMUM, q.MEMORY_MAXIMUM) | st.integers(1, 2**20).map(lambda n: n * 2**30))
def test_formatted_memory_reads_back(size: int) -> None:
    text = q.format_memory(size)
    assert q.parse_memory(text) == size
    assert len(text) <= len(str(size))


def test_format_memory_is_the_shortest() -> None:
    cases = {4 * 10**9: "4G", 2**32: "4Gi", 2**29: "512Mi", 1_500_000_000: "1500M", 0: "0", 123_457: "123457"}
    assert {size: q.format_memory(size) for size in cases} == cases


@given(st.integers(1, 256_000))
def test_formatted_cpu_reads_back(milli: int) -> None:
    assert q.parse_cpu(q.format_cpu(milli)) == milli
    assert q.parse_cpu(milli / 1000) == milli


@given(st.integers(0, 10**12))
def test_formatted_durations_read_back(milliseconds: int) -> None:
    text = q.format_duration(milliseconds / 1000)
    assert q.parse_duration(text) == milliseconds / 1000
    assert "d" not in text  # Go, which reads it, has no days


def test_format_duration_is_short() -> None:
    cases = {180: "3m", 5400: "1h30m", 86400: "24h", 0: "0s", 0.5: "500ms", 90.25: "1m30s250ms"}
    assert {seconds: q.format_duration(seconds) for seconds in cases} == cases
    assert q.format_cpu(4000) == "4"
    assert q.format_cpu(1500) == "1500m"
