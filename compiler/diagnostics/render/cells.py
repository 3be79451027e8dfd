"""What a code point looks like on a terminal: a printable form and a width in cells.

Takes text of unknown origin and gives text that a terminal only ever prints:
control characters, bidirectional overrides, invisible characters and lone
surrogates are spelled out, so that neither an escape sequence nor a hidden
character passes unseen. Knows nothing of diagnostics.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

TAB = "    "
_SPELLED_OUT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ZERO_WIDTH = frozenset({"Mn", "Me"})


@lru_cache(maxsize=4096)
def glyph(char: str) -> tuple[str, int]:
    """The printable form of one code point and its width in cells.

    Widths follow UAX #11: East Asian wide and fullwidth take two cells,
    nonspacing and enclosing marks and conjoining Hangul vowels and finals none.
    A tab is four spaces wherever it stands, so that a width has no context.
    """
    if char == "\t":
        return TAB, len(TAB)
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code), 1
    if code == 0x7F:
        return "\u2421", 1
    category = unicodedata.category(char)
    if category in _SPELLED_OUT:
        spelled = f"<U+{code:04X}>"
        return spelled, len(spelled)
    if category in _ZERO_WIDTH or 0x1160 <= code <= 0x11FF:
        return char, 0
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def visible(text: str) -> str:
    """`text` on one line with everything that does not print spelled out, tabs and line ends too."""
    if text.isprintable():
        return text
    return "".join("\u2409" if char == "\t" else glyph(char)[0] for char in text)


def visible_lines(text: str) -> list[str]:
    """The lines of `text`, each as `visible` has it; a message of ours may have several."""
    return [visible(line) for line in text.replace("\r\n", "\n").split("\n")]
