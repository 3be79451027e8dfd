"""The job's log: groups, errors, and a fence around text that others wrote.

GitHub obeys lines such as `::error::` wherever they come from, so what tools
and builds print is fenced by `::stop-commands::`. Elsewhere plain headings.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def on_github() -> bool:
    """Whether the log is read by GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def say(text: str) -> None:
    """One line of our own; line ends inside it are shown, not obeyed."""
    print(_line(text), flush=True)


@contextmanager
def group(title: str) -> Iterator[None]:
    """A part of the log that can be folded."""
    print(f"::group::{_data(title)}" if on_github() else f"--- {_line(title)}", flush=True)
    try:
        yield
    finally:
        if on_github():
            print("::endgroup::", flush=True)


@contextmanager
def fenced() -> Iterator[None]:
    """While it is open, nothing that is printed is taken for a command."""
    if not on_github():
        yield
        return
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"\n::{token}::", flush=True)


def quote(text: str) -> None:
    """Print text that others wrote."""
    with fenced():
        print(text.rstrip("\n"), flush=True)


def error(message: str) -> None:
    """An error that the run's page shows."""
    print(f"::error::{_data(message)}" if on_github() else f"error: {_line(message)}", flush=True)


def summary(lines: list[str]) -> None:
    """Markdown for the run's page, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with open(path, "a", encoding="utf-8") as page:
            page.write("\n".join(lines) + "\n")


def cell(text: str) -> str:
    """A text that is safe inside a Markdown table."""
    escaped = "".join(c if c.isalnum() or c in " -._/:" else f"&#{ord(c)};" for c in text)
    return escaped.replace("\n", " ")


def output(name: str, value: str) -> None:
    """Hand a value of one line to later jobs."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with open(path, "a", encoding="utf-8") as page:
            page.write(f"{name}={value}\n")
    else:
        print(f"{name}={value}", file=sys.stderr)


def _line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _data(text: str) -> str:
    """Escaped as GitHub's workflow commands want it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
