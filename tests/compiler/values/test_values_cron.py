"""Schedules against a second reading of robfig/cron v3, by bits as it has them; time zones."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.cron import check_timezone, parse_schedule
from compiler.values.malformed import Malformed

BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES: list[dict[str, int]] = [{}, {}, {}]
NAMES += [{name: i for i, name in enumerate(MONTHS, 1)}, {name: i for i, name in enumerate(WEEKDAYS)}]


class RobfigError(Exception):
    """What the Go code returns as an error."""


def robfig_field(text: str, bounds: tuple[int, int], names: dict[str, int]) -> tuple[set[int], bool]:
    """GetField and getRange of robfig/cron v3, parser.go."""

    def number(part: str) -> int:
        if part.lower() in names:
            return names[part.lower()]
        if not part.isascii() or not part.isdigit():
            raise RobfigError(part)
        return int(part)

    values: set[int] = set()
    star = False
    for expression in filter(None, text.split(",")):
        range_and_step = expression.split("/")
        low_and_high = range_and_step[0].split("-")
        extra = low_and_high[0] in ("*", "?")
        if extra:
            start, end = bounds
        else:
            start = end = number(low_and_high[0])
            if len(low_and_high) == 2:
                end = number(low_and_high[1])
            elif len(low_and_high) > 2:
                raise RobfigError("too many hyphens")
        step = 1
        if len(range_and_step) == 2:
            step = number(range_and_step[1])
            if len(low_and_high) == 1:
                end = bounds[1]
            extra = extra and step <= 1
        elif len(range_and_step) > 2:
            raise RobfigError("too many slashes")
        if start < bounds[0] or end > bounds[1] or start > end or step == 0:
            raise RobfigError("out of range")
        values |= set(range(start, end + 1, step))
        star = star or extra
    return values, star


_NUMBERS = st.sampled_from(["0", "1", "5", "7", "12", "23", "24", "29", "30", "31", "59", "60", "05"])
_ATOMS = _NUMBERS | st.sampled_from(["*", "?", "JAN", "feb", "Mon", "SUN", "x", "", "L", "+1", "*"])
_ITEMS = st.tuples(
    _ATOMS, st.sampled_from(["", "", "", "-"]), _NUMBERS, st.sampled_from(["", "", "/2", "/1", "/0", "/90"])
).map(lambda t: t[0] + (t[1] + t[2] if t[1] else "") + t[3])
FIELDS = st.lists(_ITEMS, min_size=1, max_size=2).map(",".join)
SIMPLE = st.sampled_from(["*", "0", "1", "*/5", "1-3", "29", "30", "31", "2", "4,6", "1/2", "?"])


def differs_on_purpose(text: str) -> bool:
    """Empty items and `*-5` are let through by the Go code and refused here."""
    items = [item for field in text.split() for item in field.split(",")]
    return any(not item or item.split("/")[0][:2] in ("*-", "?-") for item in items)


@given(st.lists(FIELDS | SIMPLE, min_size=5, max_size=5).map(" ".join))
def test_accepts_what_robfig_accepts_and_reads_the_same(text: str) -> None:
    fields = text.split()
    try:
        expected = [robfig_field(*field) for field in zip(fields, BOUNDS, NAMES, strict=True)]
    except (RobfigError, ValueError):
        expected = None
    try:
        found = parse_schedule(text)
    except Malformed as error:
        never = "never fires" in error.message
        assert expected is None or never or differs_on_purpose(text)
        return
    assert expected is not None
    values = [found.minutes, found.hours, found.days, found.months, found.weekdays]
    assert values == [tuple(sorted(numbers)) for numbers, _ in expected]
    assert found.any_day == (expected[2][1] or expected[4][1])


def fires_in_eight_years(text: str) -> bool:
    """Whether any day from 2024 on matches: dayMatches of robfig/cron v3, spec.go."""
    (days, any_day), (months, _), (weekdays, any_weekday) = [
        robfig_field(*field) for field in list(zip(text.split(), BOUNDS, NAMES, strict=True))[2:]
    ]
    for offset in range(366 * 8):
        day = date(2024, 1, 1) + timedelta(offset)
        in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
        matches = (in_month and in_week) if any_day or any_weekday else (in_month or in_week)
        if day.month in months and matches:
            return True
    return False


@given(
    st.sampled_from(["*", "?", "31", "30", "29", "30,31", "*/30", "1", "31-31", "*/1"]),
    st.sampled_from(["2", "FEB", "4,6", "2,4", "*", "2-3", "11"]),
    st.sampled_from(["*", "?", "MON", "0-6", "*/2", "*/1"]),
)
def test_a_schedule_that_never_fires_is_malformed(day: str, month: str, weekday: str) -> None:
    text = f"0 0 {day} {month} {weekday}"
    if fires_in_eight_years(text):
        parse_schedule(text)
    else:
        with pytest.raises(Malformed, match="never fires"):
            parse_schedule(text)


@pytest.mark.parametrize(
    ("macro", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_macros(macro: str, fields: str) -> None:
    assert parse_schedule(macro) == parse_schedule(fields)
    assert parse_schedule(macro).text == fields


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "0 fields instead of 5", "minute, hour"),
        ("* * * *", "4 fields", "minute, hour"),
        ("0 * * * * *", "6 fields", "no field for seconds"),
        ("60 * * * *", "field 1, the minute: 60 is not in the range 0 to 59", "use 0 to 59"),
        ("* 24 * * *", "field 2, the hour: 24", "use 0 to 23"),
        ("* * 0 * *", "field 3, the day of the month: 0", "use 1 to 31"),
        ("* * * 13 *", "field 4, the month: 13", "use 1 to 12"),
        ("* * * * 7", "field 5, the day of the week: 7", "Sunday is 0"),
        ("* * * * MONDAY", '"MONDAY" is not understood', "did you mean MON?"),
        ("* * * JNA *", "not understood", "did you mean JAN?"),
        ("* * L * *", "not understood", "none of L, W and #"),
        ("* * * * FRI-MON", 'the range "FRI-MON" runs backwards', "write FRI-6,0-MON"),
        ("*/0 * * * *", "step that is not a positive number", "*/5"),
        ("*/x * * * *", "step that is not a positive number", "*/5"),
        ("1,,2 * * * *", "empty item", "remove the comma"),
        ("*-5 * * * *", "not understood", "use 0 to 59"),
        ("1-2-3 * * * *", "not understood", ""),
        ("0 0 31 2 *", "never fires", "day 28"),
        ("@every 1h", "@every counts from when the CronJob was created", "*/30"),
        ("@dayly", '"@dayly" is not a schedule', "did you mean @daily?"),
        ("@reboot", "is not a schedule", "@daily"),
        ("TZ=UTC 0 3 * * *", "refused by Kubernetes", "timezone"),
        ("CRON_TZ=UTC 0 3 * * *", "refused by Kubernetes", "timezone"),
        ("0 3\u00a0* * *", "4 fields", ""),
        ("9" * 5000, "longer than 1000", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_messages_name_the_field(text: str, message: str, hint: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_schedule(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@given(st.text(max_size=30) | st.text("0123456789*/-,?@ \tLWJANTZ", max_size=30))
def test_any_text_is_read_or_malformed(text: str) -> None:
    with suppress(Malformed):
        assert len(parse_schedule(text).text.split()) == 5


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"])
def test_time_zones(name: str) -> None:
    assert check_timezone(name) == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Pariss", "did you mean Europe/Paris?"),
        ("europe/paris", "did you mean Europe/Paris?"),
        ("Paris", "did you mean Europe/Paris?"),
        ("Local", "name a place"),
        ("local", "name a place"),
        ("", "name a place"),
        ("../../etc/passwd", "name a place"),
        ("posix/Europe/Paris", ""),
        ("x" * 100_000, "name a place"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_time_zones(name: str, hint: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_timezone(name)
    assert hint in caught.value.hint
