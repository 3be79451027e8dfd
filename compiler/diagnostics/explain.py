"""The catalog as text: `stagecast explain CODE` and docs/diagnostics.md."""

from __future__ import annotations

from compiler.diagnostics.catalog import GROUPS, RULES, Rule, find

_WIDTH = 88


def explain(code: str) -> str:
    """What a code means, for a terminal; `code` may be its slug as well.

    Raises:
        KeyError: there is no such code.
    """
    rule = find(code)
    if rule is None:
        raise KeyError(code)
    parts = [f"{rule.code} {rule.name} ({rule.severity.value})", rule.summary + ".", _wrapped(rule.why)]
    parts.append("Example:\n\n" + _indented(rule.example))
    if rule.instead:
        parts.append("Instead:\n\n" + _indented(rule.instead))
    if rule.advice:
        parts.append(_wrapped(rule.advice))
    if rule.can_be_ignored:
        parts.append(f"Ignore it in one place with the comment `# stagecast: ignore[{rule.code}]`.")
    return "\n\n".join(parts) + "\n"


def markdown(rule: Rule) -> str:
    """The documentation of one rule below its heading."""
    language = rule.prose.language
    parts = [f"{rule.summary}. Severity: {rule.severity.value}.", rule.why, _fence(rule.example, language)]
    if rule.instead:
        parts += ["Use instead:", _fence(rule.instead, language)]
    if rule.advice:
        parts.append(rule.advice)
    return "\n\n".join(parts)


def reference() -> str:
    """All of docs/diagnostics.md."""
    parts = [_INTRODUCTION]
    for digit, title in GROUPS.items():
        rules = [rule for code, rule in RULES.items() if code[3] == digit]
        parts.append(f"## {title}")
        parts.append(_table(rules))
        parts += [f"### {rule.code} {rule.name}\n\n{markdown(rule)}" for rule in rules]
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
<!-- Generated from compiler/diagnostics/catalog.py, do not edit. -->

# Diagnostics

Every finding has a code, and a code never changes its meaning. `stagecast explain CODE` prints
what is said of it here.

An error stops the compilation and a command with errors exits with 1. Warnings and notes do
not; with `--strict`, warnings exit with 1 as well. The project file can give a code another
severity, or ignore it everywhere. A comment ignores codes in one place: for findings that
start on its line, or, alone on a line, for those that start on the next line that is not a
comment.

```yaml
cache: {type: container, image: redis}   # stagecast: ignore[STC501]

# The vendor publishes no versions.
# stagecast: ignore[STC501, STC604]
legacy: {type: container, image: "vendor/legacy:latest", variables: {API_TOKEN: none}}
```

In a Dockerfile, where a comment has a line of its own, it speaks of the instruction that follows it or
that it stands in; inside a heredoc it is text.

```dockerfile
# The vendor publishes no versions.
# stagecast: ignore[STC901]
FROM vendor/legacy:latest
```

An ignore that suppresses nothing is reported as STC805. Errors of reading (STC0xx) cannot be
ignored, and nothing can be planned of an environment with an error, though it is ignored or has
another severity: commands other than `validate` report it all the same. Examples are shown
without the first lines `apiVersion`, `kind` and `name`."""


def _table(rules: list[Rule]) -> str:
    lines = ["| Code | Name | Severity | Meaning |", "| --- | --- | --- | --- |"]
    for rule in rules:
        anchor = f"#{rule.code.lower()}-{rule.name}"
        lines.append(f"| [{rule.code}]({anchor}) | {rule.name} | {rule.severity.value} | {rule.summary} |")
    return "\n".join(lines)


def _fence(snippet: str, language: str) -> str:
    return f"```{language}\n{snippet}```"


def _indented(snippet: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in snippet.splitlines())


def _wrapped(text: str) -> str:
    from textwrap import fill

    paragraphs = text.split("\n\n")
    return "\n\n".join(
        fill(" ".join(p.split()), _WIDTH, break_long_words=False, break_on_hyphens=False) for p in paragraphs
    )
