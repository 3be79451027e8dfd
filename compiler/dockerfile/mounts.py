"""`RUN --mount=...`: its fields, as written.

Takes a flag, gives a Mount. The fields are one record of CSV
(frontend/dockerfile/instructions/commands_runmount.go); variables in their
values are expanded when the instruction runs, so they stay here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.dockerfile.instructions import Flag, Instruction
from compiler.dockerfile.problems import MOST_FIELDS
from compiler.dockerfile.words import BadWords
from compiler.source import Span

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_ALIASES = {
    **{"src": "source", "dst": "target", "destination": "target"},
    **{"ro": "readonly", "rw": "readwrite"},
}
_KEYS = frozenset(
    (
        *("type", "from", "source", "target", "readonly", "readwrite", "required", "size", "id", "sharing"),
        *("mode", "uid", "gid", "env"),
    )
)
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_QUOTED_FIELD = re.compile(r'"((?:[^"]|"")*+)"(?:,|\Z)')
_PLAIN_FIELD = re.compile(r'([^",]*+)(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount. `fields` are (key, value) in order, keys in lower case and without aliases.

    The value is None without an `=`.
    """

    fields: tuple[tuple[str, str | None], ...]
    span: Span

    def get(self, key: str) -> str | None:
        """The last value of a key such as `target`; None without one."""
        return next((value for name, value in reversed(self.fields) if name == key), None)

    @property
    def type(self) -> str:
        """One of TYPES, or what is written in its place."""
        return (self.get("type") or "bind").lower()

    @property
    def read_only(self) -> bool:
        """Whether the command cannot write there; cache and tmpfs can be written unless it is said."""
        result = self.type not in ("cache", "tmpfs")
        for key, value in self.fields:
            if key in ("readonly", "readwrite"):
                result = (value is None or value in _TRUE) is (key == "readonly")
        return result


def mounts(instruction: Instruction) -> tuple[Mount, ...]:
    """The mounts of a RUN in order, without those that BuildKit refuses."""
    found = []
    for flag in instruction.flags:
        if flag.name == "mount" and flag.value is not None:
            try:
                found.append(parse_mount(flag))
            except BadWords:
                continue
    return tuple(found)


def parse_mount(flag: Flag) -> Mount:
    """The mount that a flag asks for.

    Raises:
        BadWords: its fields are no CSV, or one of them is none of a mount.
    """
    fields: list[tuple[str, str | None]] = []
    for field in _record(flag.value or ""):
        key, equals, value = field.partition("=")
        key = _ALIASES.get(key.lower(), key.lower())
        if key not in _KEYS:
            raise BadWords(f"a mount has no field {key[:40]}")
        if not equals and key not in ("readonly", "readwrite", "required"):
            raise BadWords(f"the field {key} of a mount needs a value")
        if key == "from" and "$" in value[:-1]:
            raise BadWords("the field from of a mount takes no variables; name a stage after the image")
        if key == "type" and value.lower() not in TYPES and "$" not in value:
            raise BadWords(f"{value[:40]} is not a type of mount; there are {', '.join(TYPES)}")
        fields.append((key, value if equals else None))
    return Mount(tuple(fields), flag.span)


def _record(text: str) -> list[str]:
    """The fields of one CSV record, as Go's encoding/csv reads it."""
    fields: list[str] = []
    at = 0
    while True:
        quoted = text.startswith('"', at)
        match = (_QUOTED_FIELD if quoted else _PLAIN_FIELD).match(text, at)
        if match is None:
            raise BadWords("a quote stands where the fields of a mount have none")
        fields.append(match[1].replace('""', '"') if quoted else match[1])
        if len(fields) > MOST_FIELDS:
            raise BadWords(f"a mount has more than {MOST_FIELDS} fields")
        at = match.end()
        if not match[0].endswith(",") or (quoted and match[0].endswith('"')):
            return fields
