"""The documentation of every rule, a module for each group of codes.

`compiler.diagnostics.catalog` ties each text to its code; `stagecast explain`
and docs/diagnostics.md are made of it.
"""

from __future__ import annotations


class Prose:
    """Why a rule exists, an example that breaks it, and the way out: `instead`, `advice`, or both.

    `language` is that of `example` and `instead`: "yaml" or "dockerfile".
    Texts are written indented, as their module is, and given without the indent.
    They are trimmed when they are read: most runs read none.
    """

    __slots__ = ("_advice", "_example", "_instead", "_why", "language")

    def __init__(
        self, *, why: str, example: str, instead: str = "", advice: str = "", language: str = "yaml"
    ) -> None:
        self._why = why
        self._example = example
        self._instead = instead
        self._advice = advice
        self.language = language

    @property
    def why(self) -> str:
        """Markdown."""
        return _trimmed(self._why)

    @property
    def example(self) -> str:
        """Text in the language; ends with a line end."""
        return _trimmed(self._example) + "\n"

    @property
    def instead(self) -> str:
        """Text that ends with a line end, or ""."""
        return _trimmed(self._instead) + "\n" if self._instead else ""

    @property
    def advice(self) -> str:
        """Markdown, or ""."""
        return _trimmed(self._advice)


def _trimmed(text: str) -> str:
    from textwrap import dedent

    return dedent(text).strip("\n").rstrip()
