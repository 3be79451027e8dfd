"""Why an amount was refused, and what was probably meant.

Takes a text that a pattern of `quantities` has already refused, gives the
Malformed to raise. Decides nothing: what is accepted is the pattern's say, and
no mended spelling is offered that the pattern would refuse as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction

from compiler.values.malformed import Malformed, shown

Accepts = Callable[[str], bool]
Step = tuple[str, Callable[[str], str]]

_LONGEST = 64
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-zµ]*)")
_EXPONENT = re.compile(r"[0-9.]+[eE][+-]?[0-9]+")
_TOO_FINE = {"m": 1000, "u": 10**6, "n": 10**9}
_WORDS = {
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), "h"),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), "m"),
    **dict.fromkeys(("second", "seconds", "sec", "secs"), "s"),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs", "millis"), "ms"),
}
_SPELLING: tuple[Step, ...] = (
    ("has white space in it", lambda text: "".join(text.split())),
    ("has a sign", lambda text: text.removeprefix("+")),
    ("has a decimal comma", lambda text: re.sub(r"^([0-9]+),([0-9]{1,2})(?![0-9,])", r"\1.\2", text)),
    ("has digits in groups", lambda text: re.sub(r"(?<=[0-9])[_,'](?=[0-9]{3})", "", text)),
    ("has a leading zero", lambda text: re.sub(r"^0+(?=[0-9])", "", text)),
    ("has no digit before the point", lambda text: re.sub(r"^\.(?=[0-9])", "0.", text)),
    ("has no digit after the point", lambda text: re.sub(r"^([0-9]+)\.(?![0-9])", r"\1", text)),
)


def explain_bytes(text: str, noun: str, accepts: Accepts) -> Malformed:
    """Why `text` is not an amount of memory or storage."""
    if too_long := _too_long(text, f"an amount of {noun}"):
        return too_long
    match = _NUMBER.fullmatch("".join(text.split()))
    if match and match[2] in _TOO_FINE:
        return _thousandths(text, Fraction(match[1]), match[2])
    steps: tuple[Step, ...] = (
        *_SPELLING,
        ("needs no unit for bytes", lambda t: re.sub(r"(?<=[0-9])(?:[bB]|[bB]ytes?)$", "", t)),
        ("has a unit that Kubernetes does not know in this case", _unit_in_its_case),
    )
    if mended := _mend(text, steps, accepts):
        return mended
    if match and match[2] == "":
        whole = Fraction(match[1])
        return too_few_bytes(whole, noun) if whole < 1_000_000 else _beyond(text, noun)
    if _EXPONENT.fullmatch(text):
        return Malformed(f"{shown(text)} has an exponent out of range", "write it with a unit, such as 4GB")
    if match and re.fullmatch(r"(?:k|K|Ki|[MGTPE]i?)B?", match[2]):
        return _amount_of_unit(text, Fraction(match[1]), match[2], noun)
    if match:
        return Malformed(
            f'{shown(text)} has the unknown unit "{match[2]}"',
            "use kB, MB, GB or TB (powers of 1000), or Ki, Mi, Gi or Ti (powers of 1024)",
        )
    return _not(text, f"an amount of {noun}", "4GB or 512Mi")


def too_few_bytes(number: Fraction | int, noun: str) -> Malformed:
    """A bare number so small that its unit was forgotten."""
    if number <= 0:
        return Malformed(f"{_plain(number)} bytes are no amount of {noun}", "write for example 4GB or 512Mi")
    unit = "GB" if number <= 64 else "MB"
    byte = "byte" if number == 1 else "bytes"
    return Malformed(f"{_plain(number)} is {_plain(number)} {byte}", f"did you mean {_plain(number)}{unit}?")


def explain_cpu(text: str, most: Fraction, accepts: Accepts) -> Malformed:
    """Why `text` is not an amount of CPU."""
    if too_long := _too_long(text, "an amount of CPU"):
        return too_long
    compact = "".join(text.split())
    match = _NUMBER.fullmatch(compact)
    unit = match[2] if match else ""
    if match and re.fullmatch(r"[KGTPE]i?[bB]?|M(?:i[bB]?|[bB])|[kgt]i?[bB]?|mi?[bB]|mi", unit):
        return Malformed(f"{shown(text)} is an amount of memory, not of CPU", "write for example 4 or 500m")
    if match and unit in ("u", "n"):
        return Malformed(f"{shown(text)} is finer than 1m, a thousandth of a core")
    if match and unit in ("", "m"):
        cores = Fraction(match[1]) / (1000 if unit else 1)
        if not (0 < cores <= most) or (cores * 1000).denominator != 1:
            return cores_out_of_range(shown(text), cores, most)
    steps: tuple[Step, ...] = (
        *_SPELLING,
        ("names its unit", lambda t: re.sub(r"(?i)(?<=[0-9])(m?)(?:v?cpus?|cores?|c)$", r"\1", t)),
        ("means millions of cores", lambda t: re.sub(r"(?<=[0-9])M$", "m", t)),
        ("has a fraction of a thousandth, or zeros at its end", _trim_decimals),
    )
    return _mend(text, steps, accepts) or _not(text, "an amount of CPU", "4, 0.5 or 500m")


def cores_out_of_range(text: str, cores: Fraction, most: Fraction) -> Malformed:
    """An amount of CPU that is nothing, finer than Kubernetes counts, or more than there is."""
    if cores <= 0:
        return Malformed(f"{text} is no amount of CPU", "write for example 4, 0.5 or 500m")
    if cores > most:
        meant = cores.denominator == 1 and cores <= most * 1000 and not text.endswith('m"')
        hint = f"did you mean {cores}m?" if meant else f"write at most {most}"
        return Malformed(f"{text} is {_plain(cores)} cores", hint)
    return Malformed(f"{text} is finer than 1m, a thousandth of a core")


def no_unit(value: object) -> Malformed:
    """A duration that is only a number, or no text at all."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _not(value, "a duration", "30m, 1h30m or 180s")
    number = value if isinstance(value, str) else shown(value)
    return Malformed(f"{number} has no unit", f"write {number}s or {number}m")


def explain_duration(text: str, accepts: Accepts) -> Malformed:
    """Why `text` is not a duration."""
    if too_long := _too_long(text, "a duration"):
        return too_long
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text.strip()):
        return no_unit(text.strip())
    if text.startswith("-"):
        return Malformed(f"{shown(text)} is negative", "write for example 30m, 1h30m or 180s")
    if re.search(r"[0-9](?:us|µs|μs|ns)", text):
        return Malformed(f"{shown(text)} is finer than a millisecond", "write it in ms, such as 500ms")
    steps: tuple[Step, ...] = (
        *_SPELLING[:3],
        ("has its unit as a word", _unit_as_letter),
        ("has a unit in capital letters", str.lower),
        ("has its units out of order", _units_in_order),
    )
    return _mend(text, steps, accepts) or _not(text, "a duration", "30m, 1h30m or 180s")


def explain_percent(text: str, accepts: Accepts) -> Malformed:
    """Why `text` is not a percentage."""
    if too_long := _too_long(text, "a percentage"):
        return too_long
    steps: tuple[Step, ...] = (
        *_SPELLING[:2],
        ("has a leading zero", lambda t: re.sub(r"^0+(?=[0-9])", "", t)),
        ("has no percent sign", lambda t: t if t.endswith("%") else t + "%"),
    )
    if mended := _mend(text, steps, accepts):
        return mended
    if re.fullmatch(r"-?[0-9]+%", text):
        return Malformed(f"{shown(text)} is not between 0 and 100 percent")
    return _not(text, "a percentage", "25%")


def _mend(text: str, steps: Iterable[Step], accepts: Accepts) -> Malformed | None:
    """Mend one slip after another until the text is accepted; the first one found is the reason given."""
    mended, reason = text, ""
    for complaint, step in steps:
        before, mended = mended, step(mended)
        if mended != before:
            reason = reason or complaint
            if accepts(mended):
                return Malformed(f"{shown(text)} {reason}", f"write {mended}")
    return None


def _thousandths(text: str, number: Fraction, unit: str) -> Malformed:
    word = {"m": "thousandths", "u": "millionths", "n": "billionths"}[unit]
    digits = _plain(number)
    return Malformed(
        f"{shown(text)} is {_plain(number / _TOO_FINE[unit])} bytes: {unit} means {word}",
        f"did you mean {digits}M or {digits}Mi?",
    )


def _amount_of_unit(text: str, number: Fraction, unit: str, noun: str) -> Malformed:
    """A known unit: so it is the number that is too small, too large or too fine."""
    megabytes = number / 1000 if unit[0] in "kK" else number
    if number == 0:
        return Malformed(f"{shown(text)} is no amount of {noun}", "write for example 4GB or 512Mi")
    if unit[0] in "kKM" and megabytes < 1:
        least = "1Mi" if "i" in unit else "1MB"
        larger = ("G" if unit[0] == "M" else "M") + ("i" if "i" in unit else "B")
        return Malformed(f"{shown(text)} is less than {least}", f"did you mean {_plain(number)}{larger}?")
    if number < 1:
        return Malformed(f"{shown(text)} is a very small part of its unit", "write it in M or Mi")
    if number.denominator != 1 and unit[0] != "E":
        return Malformed(f"{shown(text)} has too many decimals", "write it in a smaller unit")
    return _beyond(text, noun)


def _beyond(text: str, noun: str) -> Malformed:
    return Malformed(f"{shown(text)} is more {noun} than there is", "write for example 4GB or 512Mi")


def _unit_in_its_case(text: str) -> str:
    match = _NUMBER.fullmatch(text)
    if not match:
        return text
    unit = match[2].lower().removesuffix("ytes").removesuffix("yte")
    if not re.fullmatch(r"[kmgtp](?:i?b?)", unit):
        return text
    prefix = "k" if unit[0] == "k" and "i" not in unit else unit[0].upper()
    return match[1] + prefix + unit[1:].replace("b", "B")


def _trim_decimals(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit_as_letter(text: str) -> str:
    return re.sub(r"[A-Za-z]+", lambda m: _WORDS.get(m[0].lower(), m[0]), text)


def _units_in_order(text: str) -> str:
    parts = re.findall(r"([0-9.]+)(ms|[dhms])", text)
    if "".join(number + unit for number, unit in parts) != text:
        return text
    order = ["d", "h", "m", "s", "ms"]
    return "".join(number + unit for number, unit in sorted(parts, key=lambda part: order.index(part[1])))


def _plain(number: Fraction | int) -> str:
    """A number in digits without an exponent; short because `_too_long` texts never get here."""
    exact = Fraction(number)
    if exact.denominator == 1:
        return shown(exact.numerator)
    return f"{exact.numerator / exact.denominator:.12f}".rstrip("0").rstrip(".")


def _too_long(text: str, what: str) -> Malformed | None:
    if not text.strip():
        return Malformed(f"an empty text is not {what}")
    return Malformed(f"{shown(text)} is too long for {what}") if len(text) > _LONGEST else None


def _not(value: object, what: str, example: str) -> Malformed:
    return Malformed(f"{shown(value)} is not {what}", f"write for example {example}")
