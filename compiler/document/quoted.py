"""Where quoted and block scalars stand: text in which `#` opens no comment.

Asked only for files that hold an ignore comment; a second pass over the events
of those costs less than a list of places for every file.
"""

from __future__ import annotations

from compiler.document.libyaml import load
from compiler.source import SourceFile


def quoted_ranges(source: SourceFile) -> list[tuple[int, int]] | None:
    """Code-point ranges, from a scalar's tag or anchor to its end; None when the text is not YAML."""
    libyaml, yaml_error = load()
    ranges = []
    try:
        parser = libyaml.CParser(source.text)
        while (event := parser.get_event()).__class__ is not libyaml.StreamEndEvent:
            if event.__class__ is libyaml.ScalarEvent and event.style:
                ranges.append((event.start_mark.index, event.end_mark.index))
    except yaml_error:
        return None
    return ranges
