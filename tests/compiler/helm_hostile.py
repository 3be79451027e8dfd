"""Hostile texts for charts, and what Kubernetes makes of a text."""

from __future__ import annotations

HOSTILE = [
    *("{{ .Values.x }}", "{{ fail `x` }}", "{{", "}}", "{{/*", '{{ include "stagecast.env" . }}'),
    *("$(id)", "$(HOME)", "$$(HOME)", "$$$(HOME)", "$HOME", "$é", "$", "$$", "$(", "`id`", "${{ a.token }}"),
    *("on", "y", "no", "1e3", "0o7", "017", "0x1f", "1_000", "12:30:45", "~", "null", "=", "<<"),
    *("{{ tpl }}", "2001-01-01"),
    *("", "'", '"', "\\", "a'b\"c", "a: b", "- a", "# a", "a #b", "&a", "*a", "!a", "|", ">", "%", "@", "[a"),
    *("{a: b}", "\n", "a\nb", "a\n---\nkind: Secret\n", "\n\n  a", "a\r\nb", "\t", " a", "a ", "  \n a\n"),
    *("a\n...\n", "\x01", "\x1b[31m", "\x85", "\xa0", "\u2028", "\ufeff", "\ud7ff", "é", "日本", "😀"),
    *("\U0010ffff", "--x", "</a>"),
]  # fmt: skip


def kubernetes_expands(text: str, variables: dict[str, str]) -> str:
    """What Kubernetes makes of a value: third_party/forked/golang/expansion/expand.go, byte for byte."""
    data, result, cursor = text.encode(), b"", 0
    while cursor < len(data):
        byte = data[cursor : cursor + 1]
        following = data[cursor + 1 : cursor + 2]
        if byte != b"$" or not following:
            result, cursor = result + byte, cursor + 1
        elif following == b"$":
            result, cursor = result + b"$", cursor + 2
        elif following == b"(":
            end = data.find(b")", cursor)
            if end < 0:
                result, cursor = result + b"$(", cursor + 2
            else:
                name = data[cursor + 2 : end].decode()
                result, cursor = result + variables.get(name, f"$({name})").encode(), end + 1
        else:
            # Go: string(input[0]) of a byte is the rune of that number.
            result, cursor = result + b"$" + chr(following[0]).encode(), cursor + 2
    return result.decode(errors="replace")
