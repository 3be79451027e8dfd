"""`stagecast explain`: what a code means, why it matters, and what to do instead."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from compiler.diagnostics.catalog import RULES, Rule, find
from compiler.diagnostics.explain import explain
from compiler.values.suggest import closest
from stagecast.options import format_option
from stagecast.session import Usage, check_format

_FORMATS = ("text", "json")


def run(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="A code, or its name. Default: a list.")
    ] = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
) -> None:
    """Explain a code, or list all of them."""
    check_format(format_, _FORMATS)
    if code is None:
        if format_ == "json":
            _print_json([_data(rule) for rule in RULES.values()])
            return
        for rule in RULES.values():
            print(f"{rule.code}  {rule.severity.value:<7}  {rule.name}: {rule.summary}")
        return
    known = find(code)
    if known is None:
        meant = closest(code, [*RULES, *(rule.name for rule in RULES.values())])
        hint = f"did you mean {meant}?" if meant else "`stagecast explain` lists them"
        raise Usage(f"there is no code {code}; {hint}")
    if format_ == "json":
        _print_json(_data(known))
    else:
        sys.stdout.write(explain(known.code))


def _data(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": rule.summary,
        "why": rule.why,
        "example": rule.example,
        "instead": rule.instead,
    }


def _print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=2, ensure_ascii=False)
    print()
