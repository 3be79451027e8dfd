"""Cron schedules and time zones, as a Kubernetes CronJob accepts them.

The grammar is that of robfig/cron v3's standard parser, which Kubernetes uses:
five fields, names for months and weekdays, `*` and `?`, lists, ranges, steps,
and the macros @hourly to @yearly. Refused although that parser takes them:
`@every` (its times depend on when the CronJob was created), empty items of a
list, `*-5`, signs before numbers, and schedules that never fire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from compiler.values.malformed import Malformed, shown, text_of
from compiler.values.suggest import closest

_LONGEST = 1000
_NAME_A_PLACE = "name a place, such as Europe/Paris, or Etc/UTC"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a cron job fires.

    `text` is the schedule in five fields, one space between them. The others
    are the values at which it fires, ascending; weekdays count from Sunday, 0.
    `any_day` tells that one of the two day fields starts with `*` or `?` (and
    without a step): then both must match. When both are restricted, either
    one is enough.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_day: bool


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    number: int
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 1, 0, 59),
    _Field("hour", 2, 0, 23),
    _Field("day of the month", 3, 1, 31),
    _Field("month", 4, 1, 12, _MONTHS),
    _Field("day of the week", 5, 0, 6, _WEEKDAYS),
)


def parse_schedule(text: str) -> Schedule:
    """Read a schedule; raises Malformed, naming the field and its position."""
    text = text_of(text, "a schedule")
    if len(text) > _LONGEST:
        raise Malformed(f"the schedule is longer than {_LONGEST} characters")
    if "TZ" in text:
        raise Malformed("a time zone inside the schedule is refused by Kubernetes", "use the key timezone")
    parts = re.split(r"[ \t\n\v\f\r]+", text.strip(" \t\n\v\f\r"))
    if parts[0].startswith("@"):
        parts = _macro(" ".join(parts)).split()
    if len(parts) != 5 or not parts[0]:
        raise _wrong_count(parts if parts[0] else [])
    read = [_parse_field(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = (tuple(sorted(numbers)) for numbers, _ in read)
    any_day = read[2][1] or read[4][1]
    schedule = Schedule(" ".join(parts), minutes, hours, days, months, weekdays, any_day)
    # With both day fields restricted a weekday is enough, and every month has all of them.
    if schedule.any_day and not any(schedule.days[0] <= _DAYS_OF_MONTH[m - 1] for m in schedule.months):
        raise Malformed(
            f"the schedule never fires: no chosen month has a day {schedule.days[0]}",
            "use day 28, or the first day of the month after",
        )
    return schedule


def check_timezone(name: str) -> str:
    """`name` when it is a time zone of the IANA database; raises Malformed with the closest one."""
    name = text_of(name, "a time zone")
    if name.lower() == "local":
        raise Malformed("the time zone Local is refused by Kubernetes", _NAME_A_PLACE)
    if name in _timezones():
        return name
    meant = closest(name, _timezones()) or closest(name, _places())
    meant = _places().get(meant, meant) if meant else None
    hint = f"did you mean {meant}?" if meant else _NAME_A_PLACE
    raise Malformed(f"{shown(name)} is not a time zone of the IANA database", hint)


@cache
def _timezones() -> frozenset[str]:
    # Imported here: with what it imports, it costs as much as the rest of this package.
    from importlib.resources import files

    # The list of the tzdata distribution, and not the machine's: every machine gives the same answer.
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def _places() -> dict[str, str]:
    """Zones by the last part of their names, for people who write Paris."""
    return {zone.rsplit("/", 1)[1]: zone for zone in sorted(_timezones()) if "/" in zone}


def _macro(text: str) -> str:
    if text in _MACROS:
        return _MACROS[text]
    if text.startswith("@every"):
        raise Malformed(
            "@every counts from when the CronJob was created, so its times are not known",
            "write five fields, such as */30 * * * *",
        )
    meant = closest(text, _MACROS)
    hint = f"did you mean {meant}?" if meant else f"use one of {', '.join(sorted(_MACROS))}, or five fields"
    raise Malformed(f"{shown(text)} is not a schedule that Kubernetes knows", hint)


def _wrong_count(parts: list[str]) -> Malformed:
    hint = "write minute, hour, day of the month, month and day of the week, such as 0 3 * * *"
    if len(parts) in (6, 7):
        hint = "Kubernetes has no field for seconds or years; " + hint
    fields = "1 field" if len(parts) == 1 else f"{len(parts)} fields"
    return Malformed(f"the schedule has {fields} instead of 5", hint)


def _parse_field(text: str, field: _Field) -> tuple[set[int], bool]:
    """The values of one field, and whether it is unrestricted (robfig's star bit)."""
    values: set[int] = set()
    star = False
    for item in text.split(","):
        if not item:
            raise _wrong(field, f"{shown(text)} has an empty item in its list", "remove the comma")
        numbers, is_star = _parse_item(item, field)
        values.update(numbers)
        star = star or is_star
    return values, star


def _parse_item(item: str, field: _Field) -> tuple[range, bool]:
    span, slash, step_text = item.partition("/")
    step = 1
    if slash:
        if not re.fullmatch(r"[0-9]{1,9}", step_text) or int(step_text) == 0:
            reason = f"{shown(item)} has a step that is not a positive number"
            raise _wrong(field, reason, "write for example */5")
        step = int(step_text)
    if span in ("*", "?"):
        return range(field.least, field.most + 1, step), step == 1
    low_text, hyphen, high_text = span.partition("-")
    low = _parse_number(low_text, item, field)
    high = _parse_number(high_text, item, field) if hyphen else field.most if slash else low
    if low > high:
        raise _wrong(
            field,
            f"the range {shown(span)} runs backwards",
            f"write {low_text}-{field.most},{field.least}-{high_text}",
        )
    return range(low, high + 1, step), False


def _parse_number(text: str, item: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.least
    limits = f"{field.least} to {field.most}"
    if re.fullmatch(r"[0-9]{1,9}", text):
        if field.least <= int(text) <= field.most:
            return int(text)
        hint = "Sunday is 0" if field.number == 5 and text == "7" else f"use {limits}"
        raise _wrong(field, f"{text} is not in the range {limits}", hint)
    meant = closest(text, field.names)
    hint = f"did you mean {meant.upper()}?" if meant else f"use {limits}, *, a list, a range or a step"
    if field.names and re.match(r"[A-Za-z]{4,}", text) and text[:3].lower() in field.names:
        hint = f"did you mean {text[:3].upper()}?"
    if re.search(r"[LW#]", text):
        hint = "Kubernetes knows none of L, W and #"
    raise _wrong(field, f"{shown(item)} is not understood", hint)


def _wrong(field: _Field, message: str, hint: str) -> Malformed:
    return Malformed(f"field {field.number}, the {field.name}: {message}", hint)
