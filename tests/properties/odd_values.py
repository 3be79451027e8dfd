"""Values that are valid and odd: what people really write, and what consumers may stumble over.

Takes a `random.Random`, gives plain data. Knows the spec's rules for single
values, nothing of services.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

# Texts that YAML, shells, Go templates, and the expressions of CI services read as something else.
TEXTS = (
    *("info", "a b", "", " ", " lead", "trail ", "a: b", "- a", "# no comment", "a #b", "null", "~", "true"),
    *("on", "No", "y", "1e3", "0x1F", "0o7", "012", "1_000", "12:30:45", ".5", "-0", "2001-01-01", "=", "<<"),
    *("'", '"', "\\", "\\n", "`id`", "$HOME", "$(id)", "${X:-y}", "$$", "%PATH%", "!x", "&a", "*a", "|", ">"),
    *("${{ github.token }}", "${{ secrets.X }}", "$[[ inputs.x ]]", "$CI_JOB_TOKEN", "{% raw %}", "<%= x %>"),
    *("{{ .Values.x }}", "{{workflow.name}}", "{{inputs.parameters.x}}", "{{- fail }}", "}}", "}}}}", "{"),
    *("--set", "-rf /", "; rm -rf /", "| cat", "a\nb", "a\n\nb\n", "\n", "a\tb", "a\r\nb", "---\na", "...\n"),
    *("é", "日本語", "\U0001f600", "\u202eabc", "a\u00a0b", "\ufeffx", "e\u0301", "[]", "{}", "[a", "{a: b}"),
    *("https://a.example.com/?x=1&y=2#z", "user:pass@host", "C:\\temp", "@x", "%d", "a,b", "a=b", "x" * 300),
)
# Lines that a config file has; what is left of the trailing ones is up to the reader.
FILES = (
    "",
    "level = info\n",
    "# comment\nserver {\n  listen 80;\n}\n",
    '{"a": [1, 2, {"b": null}]}\n',
    "key: value\nlist:\n  - a\n  - b\n",
    '#!/bin/sh\nset -eu\nexec "$@"\n',
    "no line end",
    "\n\nblank lines\n\n\n",
    "tab\there\n  indented first\n",
    "  indented from the start\nthen not\n",
    "[a]\r\nwindows = yes\r\n",
    "{{ .Values.x }}\n${{ github.token }}\n$(id)\n",
    "é 日本語 \U0001f600\n",
    "x" * 5000,
    "line\n" * 400,
)
WORDS = (
    "team",
    "checkout",
    "shop",
    "web",
    "api",
    "cart",
    "pay",
    "mail",
    "search",
    "core",
    "edge",
    "data",
    "xy",
    "q7",
)
TOPLEVEL = ("example.com", "test", "internal", "shop.example.org", "xn--mnchen-3ya.example")

_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Text that a literal block holds as it is, ending in a line end.
_LITERAL = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff][^\r\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*\n"
)
_PLAIN_KEY = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z_][A-Za-z0-9_.-]*", re.IGNORECASE)


def text(random: Random) -> str:
    """Any text; now and then one that some target refuses."""
    form = random.random()
    if form < 0.002:
        return random.choice(("\x1b[31mred", "bell\a", "del\x7f", "\u0085next", "\u2028line", "\ufffe"))
    if form < 0.7:
        return random.choice(TEXTS)
    alphabet = "ab01 .-_/:=,'\"\\$(){}[]#%&*!|>é日\U0001f600\n\t"
    return "".join(random.choices(alphabet, k=random.randrange(12)))


def braces(value: str) -> str:
    """A text as a spec's variable holds it, where `{{` would open a reference."""
    return value.replace("{{", "{{{{").replace("}}}}", "}}}}}}}}")


def label(random: Random, longest: int = 20) -> str:
    """A DNS label that starts with a letter; not with `x-`, which a spec leaves out."""
    word = random.choice(WORDS)
    form = random.random()
    if form < 0.5:
        word = f"{word}-{random.choice(WORDS)}"
    elif form < 0.6:
        word = f"{word}--{random.randrange(100)}"
    elif form < 0.65:
        word = random.choice("abcyz")
    elif form < 0.68:
        word = "x" * longest
    return word[:longest].rstrip("-")


def host(random: Random, number: int) -> str:
    """A host name that nobody else has, now and then a wildcard or a long one."""
    name = f"{label(random)}.h{number}.{random.choice(TOPLEVEL)}"
    form = random.random()
    if form < 0.05:
        return f"*.{name}"
    return f"{'l' * 63}.{name}" if form < 0.08 else name


def path(random: Random) -> str:
    """A URL path that an Ingress takes."""
    return random.choice(("/", "/api", "/a/b", "/v1/", "/caf%C3%A9", "/a_b-c.d~e", "/a:b@c", "/x" * 40))


def size(random: Random) -> str | int:
    """Memory or storage, from the least to more than any machine has."""
    form = random.choice(
        ("Mi", "M", "MB", "MiB", "Gi", "G", "GB", "GiB", "bytes", "text", "fraction", "exponent", "T")
    )
    match form:
        case "bytes":
            return random.choice((1_000_000, 1_000_001, 123_456_789, 4_000_000_000))
        case "text":
            return str(random.choice((1_000_000, 2**31 + 1)))
        case "fraction":
            return random.choice(("0.5Gi", "1.5GB", "0.001G", "2.25GiB"))
        case "exponent":
            return random.choice(("1e9", "1.5e9", "2E8"))
        case "T":
            return random.choice(("1Ti", "2TB", "1P"))
    return f"{random.choice((1, 2, 3, 16, 64, 100, 512, 999))}{form}"


def cpu(random: Random) -> str | int | float:
    """CPU of a pod."""
    return random.choice((1, 2, 0.5, 0.001, 1.5, 256, "100m", "1m", "1500m", "0.25", "2", "1.001"))


def duration(random: Random) -> str:
    """Time that is longer than nothing and shorter than an hour."""
    return random.choice(
        ("1s", "30s", "1m", "90s", "1m30s", "0.5m", "59m59s", "500ms", "1m0s1ms", "2.5s", "0h10m")
    )


def port(random: Random, taken: set[int]) -> int:
    """A port that is not taken yet."""
    while True:
        number = random.choice((80, 443, 8080, 3000, 1, 65535, 53, 5432, 9090, random.randrange(1024, 65536)))
        if number not in taken:
            taken.add(number)
            return number


def plain(random: Random) -> Any:
    """A scalar as a mapping of texts takes it: text, number or switch."""
    return random.choice((text(random), 8080, 0, -7, 1.5, True, False, random.randrange(10**9)))


def tree(random: Random, depth: int = 2) -> Any:
    """A value of a chart that is not ours: anything that YAML has."""
    form = random.random()
    if depth == 0 or form < 0.5:
        return random.choice((text(random), 1, 0.25, True, False, None, 10**12, "1", "true"))
    if form < 0.75:
        return [tree(random, depth - 1) for _ in range(random.randrange(3))]
    return {
        key: tree(random, depth - 1)
        for key in random.sample(("a", "on", "b c", "1", "x.y", "é"), random.randrange(4))
    }


def write(random: Random, value: dict[str, Any]) -> str:
    """A document as YAML: blocks, flows, quoted and literal scalars, mixed as people mix them."""
    lines: list[str] = []
    _block(random, value, "", lines)
    return "\n".join(lines) + "\n"


def _block(random: Random, value: Any, indent: str, lines: list[str]) -> None:
    entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in entries:
        start = f"{indent}-" if key is None else f"{indent}{_key(key)}:"
        if isinstance(item, dict | list) and item and key is not None and random.random() < 0.8:
            lines.append(start)
            _block(random, item, indent + "  ", lines)
        elif isinstance(item, str) and _LITERAL.fullmatch(item) and random.random() < 0.7:
            _literal(start, item, indent, lines)
        else:
            lines.append(f"{start} {flow(item)}")


def _literal(start: str, item: str, indent: str, lines: list[str]) -> None:
    body = item.rstrip("\n")
    lines.append(f"{start} |{'+' if item.endswith(chr(10) * 2) else ''}")
    lines += [f"{indent}  {line}" if line else "" for line in body.split("\n")]
    lines += [""] * (len(item) - len(body) - 1)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(value: str) -> str:
    """In double quotes. YAML's escapes do not join surrogates, so only what must be escaped is."""
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
