"""Random YAML documents in every style, with the data that they stand for."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# Plain scalars that YAML 1.2 and ruamel.yaml's safe loader read alike; ruamel.yaml makes dates of dates.
PLAIN: dict[str, Any] = {
    "text": "text", "two words": "two words", "a:b": "a:b", "-x": "-x", "null": None, "~": None,
    "true": True, "False": False, "no": "no", "on": "on", "12": 12, "-7": -7, "012": 12, "0o17": 15,
    "0x1F": 31, "1.5": 1.5, "-0.0": -0.0, "1e3": 1000.0, ".5": 0.5, "12:30": "12:30", "1.2.3": "1.2.3",
    "é": "é", "\U0001f600": "\U0001f600",
    "a#b": "a#b", "http://x/?y": "http://x/?y",
}  # fmt: skip
NAMES = st.text("abcxyz", min_size=1, max_size=4)
TEXTS = st.text(st.sampled_from("ab \n\t'\"\\#:-{}[],&*!|>%@`é\U0001f600"), max_size=8)

Written = tuple[str, Any]


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@st.composite
def scalars(draw: st.DrawFn) -> Written:
    """A scalar on one line: plain, or in quotes of both sorts."""
    if draw(st.booleans()):
        plain = draw(st.sampled_from(sorted(PLAIN)))
        return plain, PLAIN[plain]
    text = draw(TEXTS)
    if draw(st.booleans()) and not set(text) & set("\n\t"):
        return _single_quoted(text), text
    return json.dumps(text, ensure_ascii=False), text


@st.composite
def flows(draw: st.DrawFn, depth: int = 2) -> Written:
    """A value in flow style, on one line."""
    sort = draw(st.sampled_from(["scalar", "scalar", "list", "mapping"])) if depth else "scalar"
    if sort == "scalar":
        text, value = draw(scalars())
        # Inside brackets a plain scalar may hold less.
        return (
            (json.dumps(value, ensure_ascii=False), value)
            if isinstance(value, str) and not text.startswith(("'", '"'))
            else (text, value)
        )
    if sort == "list":
        items = draw(st.lists(flows(depth - 1), max_size=3))
        return "[" + ", ".join(text for text, _ in items) + "]", [value for _, value in items]
    entries = draw(st.dictionaries(NAMES, flows(depth - 1), max_size=3))
    text = ", ".join(f"{key}: {text}" for key, (text, _) in entries.items())
    return "{" + text + "}", {key: value for key, (_, value) in entries.items()}


@st.composite
def blocks(draw: st.DrawFn, indent: int = 0, depth: int = 3) -> Written:
    """What stands behind a key or a dash: a value on the same line, or lines below, indented by `indent`."""
    sort = draw(st.sampled_from(["flow", "mapping", "list", "literal"])) if depth else "flow"
    pad = " " * indent
    if sort == "literal":
        lines = draw(
            st.lists(
                st.text("ab #:", min_size=1, max_size=5).map(lambda t: "x" + t.rstrip()),
                min_size=1,
                max_size=3,
            )
        )
        return " |\n" + "".join(f"{pad}  {line}\n" for line in lines), "\n".join(lines) + "\n"
    if sort == "mapping":
        entries = draw(st.dictionaries(NAMES, blocks(indent + 2, depth - 1), min_size=1, max_size=3))
        text = "\n" + "".join(f"{pad}{key}:{text}" for key, (text, _) in entries.items())
        return text, {key: value for key, (_, value) in entries.items()}
    if sort == "list":
        items = draw(st.lists(blocks(indent + 2, depth - 1), min_size=1, max_size=3))
        return "\n" + "".join(f"{pad}-{text}" for text, _ in items), [value for _, value in items]
    text, value = draw(flows())
    return f" {text}{draw(st.sampled_from(['', ' # comment']))}\n", value


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A mapping, in part made of anchors, aliases and merge keys."""
    entries = draw(st.dictionaries(NAMES.map(lambda name: f"k{name}"), blocks(2), min_size=1, max_size=4))
    text = "".join(f"{key}:{text}" for key, (text, _) in entries.items())
    data = {key: value for key, (_, value) in entries.items()}
    base = draw(st.dictionaries(NAMES, flows(1), min_size=1, max_size=3))
    own = draw(st.dictionaries(NAMES, flows(1), max_size=3))
    body = ", ".join(f"{key}: {text}" for key, (text, _) in base.items())
    more = "".join(f", {key}: {text}" for key, (text, _) in own.items())
    base_data = {key: value for key, (_, value) in base.items()}
    own_data = {key: value for key, (_, value) in own.items()}
    if draw(st.booleans()):
        text = f"base: &base {{{body}}}\n{text}alias: *base\nmerged: {{<<: *base{more}}}\n"
        text += f"many: {{<<: [*base, {{z: 1}}]{more}}}\n"
        data |= {"base": base_data, "alias": base_data, "merged": {**base_data, **own_data}}
        data["many"] = {"z": 1, **base_data, **own_data}
    return text, data
