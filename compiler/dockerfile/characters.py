"""Which characters are white space to BuildKit, in its three senses.

Each function of its parser asks one of these: Go's unicode.IsSpace, a class of
its own for what separates words, and the white space of a regular expression.
"""

from __future__ import annotations

# unicode.IsSpace of Go: str.isspace() would add U+001C to U+001F.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)
# Between words (`reWhitespace` of frontend/dockerfile/parser).
BLANK = "\t\v\f\r "
# `\s` of Go's regexp.
REGEXP_SPACE = "\t\n\f\r "
BOM = "\ufeff"
