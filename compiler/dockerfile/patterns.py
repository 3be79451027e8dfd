"""The patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*` and `?`, no classes.

What matches is what BuildKit's regular expressions match
(frontend/dockerfile/shell/lex.go, convertShellPatternToRegex): neither sign
matches a line feed, and of several matches the first is taken, at its longest
or, for a single `#` or `%`, at its shortest. Time is proportional to value
times pattern, by the bits of a number.
"""

from __future__ import annotations

from dataclasses import dataclass

_ANY, _MANY = "any", "many"
_Step = tuple[str, str]


class BadPattern(Exception):
    """A backslash before a character that needs none; the text is what BuildKit says of it."""


def without_prefix(pattern: str, value: str, *, greedy: bool) -> str:
    """`value` without what the pattern matches at its start.

    Raises:
        BadPattern: the pattern has a bad escape.
    """
    ends = _ends(_automaton(_steps(pattern)), value, 0)
    return value[(ends[-1] if greedy else ends[0]) :] if ends else value


def without_suffix(pattern: str, value: str, *, greedy: bool) -> str:
    """`value` without what the pattern matches at its end.

    Raises:
        BadPattern: the pattern has a bad escape.
    """
    return without_prefix(_reversed(pattern), value[::-1], greedy=greedy)[::-1]


def replaced(pattern: str, value: str, replacement: str, *, everywhere: bool) -> str:
    """`value` with the first match replaced, or all of them, as Go's ReplaceAllString has it.

    With `everywhere`, `$name` in the replacement is a group of Go's template;
    there are none, so it is nothing, `$0` is the match and `$$` a dollar.

    Raises:
        BadPattern: the pattern has a bad escape.
    """
    steps = _steps(pattern)
    automaton = _automaton(steps)
    # A match starts where the reversed pattern, looked for from the end, ends.
    starts = [len(value) - end for end in _ends(_automaton(steps[::-1]), value[::-1], 0, anywhere=True)][::-1]
    pieces: list[str] = []
    done = at = 0
    for start in starts:
        if start < at:
            continue
        end = _ends(automaton, value, start)[-1]
        pieces.append(value[done:start])
        # No empty match right after another match.
        if end > done or start == 0:
            pieces.append(_template(replacement, value[start:end]) if everywhere else replacement)
        done = end
        at = max(end, start + 1)
        if not everywhere:
            break
    return "".join(pieces) + value[done:]


def _steps(pattern: str) -> list[_Step]:
    """The pattern as (kind, character)."""
    steps: list[_Step] = []
    pattern = pattern.removeprefix("\ufeff")
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            # Several in a row match what one does.
            if not steps or steps[-1] != (_MANY, ""):
                steps.append((_MANY, ""))
        elif character == "?":
            steps.append((_ANY, ""))
        elif character == "\\" and pattern[at : at + 1] not in ("}", "/"):
            character = pattern[at : at + 1]
            at += 1
            if character not in ("*", "?", "\\"):
                raise BadPattern(f"invalid escape '\\{character}'")
            steps.append(("", character))
        elif character != "\\":
            steps.append(("", character))
    return steps


@dataclass(frozen=True, slots=True)
class _Automaton:
    """Bit n of a state is the place before step n; `loops` are the places before a `*`."""

    final: int
    loops: int
    any: int
    exact: dict[str, int]


def _automaton(steps: list[_Step]) -> _Automaton:
    loops = anything = 0
    exact: dict[str, int] = {}
    for n, (kind, character) in enumerate(steps):
        if kind == _MANY:
            loops |= 1 << n
        elif kind == _ANY:
            anything |= 1 << n
        else:
            exact[character] = exact.get(character, 0) | 1 << n
    return _Automaton(1 << len(steps), loops, anything, exact)


def _ends(automaton: _Automaton, value: str, start: int, *, anywhere: bool = False) -> list[int]:
    """Where the matches that start at `start` (or `anywhere` after it) end, ascending."""
    loops, final = automaton.loops, automaton.final
    # No two `*` follow each other, so one step over them is enough.
    first = 1 | (loops & 1) << 1
    places = first
    found = [start] if places & final else []
    for at in range(start, len(value)):
        character = value[at]
        moved = places & automaton.exact.get(character, 0)
        stays = 0
        if character != "\n":
            moved |= places & automaton.any
            stays = places & loops
        places = moved << 1 | stays
        places |= (places & loops) << 1
        if anywhere:
            places |= first
        if places & final:
            found.append(at + 1)
        elif not places:
            break
    return found


def _reversed(pattern: str) -> str:
    """The pattern read from its end, escapes kept before what they escape (reversePattern)."""
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        width = 2 if pattern[at] == "\\" and at + 1 < len(pattern) else 1
        pieces.append(pattern[at : at + width])
        at += width
    return "".join(reversed(pieces))


def _template(replacement: str, matched: str) -> str:
    """Go's Regexp.Expand for an expression without groups: `$0` is all that was matched."""
    pieces: list[str] = []
    at = 0
    while (dollar := replacement.find("$", at)) >= 0:
        pieces.append(replacement[at:dollar])
        at = dollar + 1
        if replacement.startswith("$", at):
            pieces.append("$")
            at += 1
            continue
        brace = replacement.startswith("{", at)
        end = at + brace
        while end < len(replacement) and (replacement[end].isalnum() or replacement[end] == "_"):
            end += 1
        if end == at + brace or (brace and not replacement.startswith("}", end)):
            # Malformed: it stands for itself.
            pieces.append("$")
        else:
            pieces.append(matched if replacement[at + brace : end] == "0" else "")
            at = end + brace
    return "".join(pieces) + replacement[at:]
