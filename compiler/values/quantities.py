"""Amounts that people write: memory, storage, CPU, durations, percentages.

Takes the scalar as the document holds it, gives whole bytes, thousandths of a
core, seconds or percent; raises Malformed for all else. The grammar is
Kubernetes' (apimachinery, pkg/api/resource/quantity.go) with the `B` that
people add (4GB, 4GiB), and Go's time.ParseDuration with `d` for days, less the
spellings that are more likely a slip than meant.

Every `*_PATTERN` is a regular expression for Python and ECMA-262 that matches
the same strings as its parser accepts, values included. One difference: with
`re.search`, Python's `$` lets a final line feed through, and the parser does
not. Numbers that are not strings are bounded by `*_MINIMUM` and `*_MAXIMUM`.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from compiler.values import slips
from compiler.values.malformed import Malformed, shown

# A fraction of a unit below G is finer than anyone means, and 0.001G is the smallest of the
# larger ones: so that "at least a megabyte" is a property of the digits.
_DECIMALS = r"(?:\.[0-9]{1,9})?"
_PART_OF_ONE = r"0\.(?:[1-9][0-9]{0,8}|0[1-9][0-9]{0,7}|00[1-9][0-9]{0,6})"

MEMORY_PATTERN = (
    r"^(?:[1-9][0-9]{6,17}"
    r"|[1-9][0-9]{3,14}(?:k|kB|KB|KiB?)"
    rf"|[1-9][0-9]{{0,11}}{_DECIMALS}M(?:B|iB?)?"
    rf"|(?:[1-9][0-9]{{0,8}}{_DECIMALS}|{_PART_OF_ONE})G(?:B|iB?)?"
    rf"|(?:[1-9][0-9]{{0,5}}{_DECIMALS}|{_PART_OF_ONE})T(?:B|iB?)?"
    rf"|(?:[1-9][0-9]{{0,2}}{_DECIMALS}|{_PART_OF_ONE})P(?:B|iB?)?"
    rf"|[1-9][0-9]{{0,2}}{_DECIMALS}[eE]\+?(?:[6-9]|1[0-5]))$"
)
"""Memory as text. Everything that it matches lies between 1 MB and 2**63 bytes."""

MEMORY_MINIMUM = 1_000_000
"""The least number of bytes: anything below has lost its unit."""

MEMORY_MAXIMUM = 10**18 - 1
"""The greatest number of bytes written without a unit; all sums of such stay exact in 64 bits."""

STORAGE_PATTERN = MEMORY_PATTERN
STORAGE_MINIMUM = MEMORY_MINIMUM
STORAGE_MAXIMUM = MEMORY_MAXIMUM

_PART_OF_CORE = r"0\.(?:[1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9])"

CPU_PATTERN = (
    r"^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]?)(?:\.[0-9]{1,3})?|256(?:\.0{1,3})?"
    rf"|{_PART_OF_CORE}"
    r"|(?:256000|25[0-5][0-9]{3}|2[0-4][0-9]{4}|1[0-9]{5}|[1-9][0-9]{0,4})m)$"
)
"""CPU of one build or pod as text: 1m to 256 cores."""

CPU_MINIMUM = 0.001
CPU_MAXIMUM = 256
"""Cores. More than one machine has: `500` is far more often a lost `m`."""

POOL_CPU_PATTERN = rf"^(?:[1-9][0-9]{{0,4}}(?:\.[0-9]{{1,3}})?|{_PART_OF_CORE}|[1-9][0-9]{{0,7}}m)$"
"""CPU of a pool of machines as text: 1m to 99,999.999 cores."""

POOL_CPU_MAXIMUM = 99_999
"""Cores of a whole pool."""

_AMOUNT = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
DURATION_PATTERN = (
    r"^(?=[0-9])(?:[0-9]{1,5}(?:\.[0-9]{1,3})?d)?"
    rf"(?:{_AMOUNT}h)?(?:{_AMOUNT}m)?(?:{_AMOUNT}s)?(?:[0-9]{{1,9}}ms)?$"
)
"""A duration: days, hours, minutes, seconds, milliseconds, each at most once and in this order."""

POSITIVE_DURATION_PATTERN = r"^(?=.*[1-9])" + DURATION_PATTERN.removeprefix("^")
"""A duration that is longer than nothing."""

COUNT_OR_PERCENT_PATTERN = r"^(?:[0-9]{1,4}|[0-9]{1,3}%)$"
COUNT_MAXIMUM = 9999
"""Kubernetes' IntOrString for a number of pods: a count, or a percentage of them, as text or as number."""

SHARE_PATTERN = r"^(?:100|[1-9]?[0-9](?:\.[0-9]{1,3})?)%$"
"""A part of a whole as text: 0% to 100%, to a thousandth of a percent."""

SHARE_MINIMUM = 0
SHARE_MAXIMUM = 1
"""A part of a whole as a number."""

_BYTES: dict[str, int] = {
    "": 1,
    **dict.fromkeys(("k", "kB", "KB"), 10**3),
    **{f"{prefix}{b}": 1000**power for power, prefix in enumerate("MGTP", start=2) for b in ("", "B")},
    **{f"{prefix}i{b}": 1024**power for power, prefix in enumerate("KMGTP", start=1) for b in ("", "B")},
}
_SECONDS = {"d": Fraction(86400), "h": Fraction(3600), "m": Fraction(60), "s": Fraction(1)}
_SECONDS["ms"] = Fraction(1, 1000)

_MEMORY = re.compile(MEMORY_PATTERN)
_CPU = re.compile(CPU_PATTERN)
_POOL_CPU = re.compile(POOL_CPU_PATTERN)
_DURATION = re.compile(DURATION_PATTERN)
_SHARE = re.compile(SHARE_PATTERN)
_COUNT_OR_PERCENT = re.compile(COUNT_OR_PERCENT_PATTERN)
_NUMBER_AND_UNIT = re.compile(r"([0-9.]+)([A-Za-z]*)")


def parse_memory(value: str | int | float) -> int:
    """Bytes of memory: 4GB, 4G (10**9), 4GiB, 4Gi (2**30), 512M, 1e9, or a plain number of bytes.

    A fraction of a byte is rounded up, as Kubernetes does. Raises Malformed.
    """
    return _parse_bytes(value, "memory")


def parse_storage(value: str | int | float) -> int:
    """Bytes of storage, written as memory is. Raises Malformed."""
    return _parse_bytes(value, "storage")


def _parse_bytes(value: object, noun: str) -> int:
    if isinstance(value, str):
        if not _MEMORY.fullmatch(value):
            raise slips.explain_bytes(value, noun, lambda text: bool(_MEMORY.fullmatch(text)))
        if "e" in value or "E" in value:
            return math.ceil(Fraction(value))
        number, unit = _split(value)
        return math.ceil(number * _BYTES[unit])
    whole = _whole(value, f"an amount of {noun}", "4GB or 512Mi")
    if whole < MEMORY_MINIMUM:
        raise slips.too_few_bytes(whole, noun)
    if whole > MEMORY_MAXIMUM:
        raise Malformed(f"{shown(value)} bytes are more {noun} than there is", "write for example 4GB")
    return whole


def parse_cpu(value: str | int | float) -> int:
    """Thousandths of a core, of one build or pod: 4, 0.5, "500m"; at most 256 cores. Raises Malformed."""
    return _parse_cores(value, _CPU, Fraction(CPU_MAXIMUM))


def parse_pool_cpu(value: str | int | float) -> int:
    """Thousandths of a core, of a pool of machines: as `parse_cpu`, up to 99,999 cores. Raises Malformed."""
    return _parse_cores(value, _POOL_CPU, Fraction(POOL_CPU_MAXIMUM))


def _parse_cores(value: object, pattern: re.Pattern[str], most: Fraction) -> int:
    if isinstance(value, str):
        if not pattern.fullmatch(value):
            raise slips.explain_cpu(value, most, lambda text: bool(pattern.fullmatch(text)))
        number, unit = _split(value)
        return int(number if unit else number * 1000)
    cores = _exact(value)
    if cores is None:
        raise Malformed(f"{shown(value)} is not an amount of CPU", "write for example 4, 0.5 or 500m")
    if not Fraction(1, 1000) <= cores <= most:
        raise slips.cores_out_of_range(shown(value), cores, most)
    # Kubernetes rounds what is finer up; a schema has no way to refuse it.
    return math.ceil(cores * 1000)


def parse_duration(value: str | int | float) -> float:
    """Seconds: 30m, 1h30m, 180s, 500ms, 1.5h, 1d; never negative. A bare number is Malformed.

    Nothing below a millisecond, and at most about 10**13 s: the field says which
    durations make sense for it.
    """
    if not isinstance(value, str):
        raise slips.no_unit(value)
    if not _DURATION.fullmatch(value):
        raise slips.explain_duration(value, lambda text: bool(_DURATION.fullmatch(text)))
    parts = re.findall(r"([0-9.]+)([a-z]+)", value)
    return float(sum(Fraction(number) * _SECONDS[unit] for number, unit in parts))


def parse_positive_duration(value: str | int | float) -> float:
    """Seconds, as `parse_duration` reads them, and more than none. Raises Malformed."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise Malformed(f"{shown(value)} is no time at all", "write for example 30m, 1h30m or 180s")
    return seconds


def parse_count_or_percent(value: str | int | float) -> str:
    """A count of pods or a percentage of them, as text: "2", "25%". Raises Malformed."""
    text = value if isinstance(value, str) else str(_whole(value, "a number or a percentage", "1 or 25%"))
    if not _COUNT_OR_PERCENT.fullmatch(text):
        raise Malformed(f"{shown(value)} is not a number or a percentage", "write for example 1 or 25%")
    return text


def parse_share(value: str | int | float) -> float:
    """A part of a whole, 0 to 1: "25%", "0.5%", or 0.25 as a number. Raises Malformed."""
    if isinstance(value, str):
        if not _SHARE.fullmatch(value):
            raise slips.explain_percent(value, lambda text: bool(_SHARE.fullmatch(text)))
        return float(Fraction(value[:-1]) / 100)
    part = _exact(value)
    if part is None:
        raise Malformed(f"{shown(value)} is not a percentage", "write for example 25% or 0.25")
    if not SHARE_MINIMUM <= part <= SHARE_MAXIMUM:
        hint = f"write {shown(value)}%" if SHARE_MAXIMUM < part <= 100 else "write for example 25% or 0.25"
        raise Malformed(f"{shown(value)} is not between 0 and 1", hint)
    return float(part)


def format_memory(size_bytes: int) -> str:
    """Bytes in Kubernetes notation, exact and as short as it gets: 4G, 4Gi, 512Mi, 1500M, 1234567."""
    units = (unit for unit in _BYTES if not unit.endswith("B") and size_bytes % _BYTES[unit] == 0)
    spellings = [f"{size_bytes // _BYTES[unit]}{unit}" for unit in units] if size_bytes else ["0"]
    return min(spellings, key=lambda text: (len(text), "i" in text))


def format_cpu(cpu_milli: int) -> str:
    """Thousandths of a core in Kubernetes notation: 4, 500m, 1500m."""
    return f"{cpu_milli}m" if cpu_milli % 1000 else str(cpu_milli // 1000)


def format_duration(seconds: float) -> str:
    """Seconds as Go's time.ParseDuration reads them: 3m, 1h30m, 24h, 1s500ms, 0s.

    To the nearest millisecond. `seconds` is finite and not negative.
    """
    left = round(seconds * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _split(text: str) -> tuple[Fraction, str]:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    assert match is not None, text
    return Fraction(match[1]), match[2]


def _exact(value: object) -> Fraction | None:
    """A number as the person wrote it (repr() of 0.1 is a tenth, not the nearest binary fraction)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, float) and math.isfinite(value):
        return Fraction(repr(value))
    return None


def _whole(value: object, what: str, example: str) -> int:
    """An integer, also when YAML made a float of it (1e9)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Malformed(f"{shown(value)} is not {what}", f"write for example {example}")
