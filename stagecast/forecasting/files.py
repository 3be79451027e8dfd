"""Files that a forecast is written to: whole or not at all, and never over a person's.

A file that is there already is replaced when it shows that it was written
here: a page or a picture by the comment at its end, a table by its header.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stagecast.session import Usage

if TYPE_CHECKING:
    from simulator.forecasting.forecast import Forecast

# After the end of a document HTML and XML both allow a comment.
MARK = "<!-- Written by Stagecast. -->\n"


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written. `header` is the first line of a table, "" for a page or a picture."""

    path: Path
    option: str
    header: str = ""


def check(outputs: Sequence[Output]) -> None:
    """Refuse what could not be written, before anything is simulated.

    Raises:
        Usage: a file is there that was not written here, or one is named twice.
        OSError: it cannot be looked at, or there is no such folder; it names what the caller named.
    """
    taken: set[str] = set()
    for output in outputs:
        place = os.path.realpath(output.path)
        if place in taken:
            raise Usage(f"{output.path} is named twice", param_hint=output.option)
        taken.add(place)
        _check_folder(output.path.parent)
        _check_replaceable(output)


def write(output: Output, text: str) -> None:
    """Write a file; a page or a picture gets the mark. Another process sees the old file or the new one.

    Raises:
        Usage: a file is there that was not written here.
        OSError: it cannot be written; the old one is as it was.
    """
    _check_folder(output.path.parent)
    _check_replaceable(output)
    if not output.header:
        text = f"{text.rstrip()}\n{MARK}"
    try:
        descriptor, temporary = tempfile.mkstemp(dir=output.path.parent, prefix=".stagecast-")
    except OSError as error:
        # Not the temporary file, whose name tells nobody anything.
        error.filename = str(output.path.parent)
        raise
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, output.path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            error.filename = str(output.path)
        raise


def wanted(report: Path | None, gantt: Path | None, csv: Path | None) -> dict[str, Output]:
    """The files to write, by what is in them.

    Raises:
        Usage: see `check`; or the library that draws a page is missing.
        OSError: see `check`.
    """
    found = {}
    if report is not None:
        _require_charts()
        found["report"] = Output(report, "--report")
    if gantt is not None:
        found["gantt"] = Output(gantt, "--gantt")
    if csv is not None:
        from simulator.report.csv import HEADERS

        for number, (name, header) in enumerate(HEADERS.items()):
            path = csv if number == 0 else csv.with_name(f"{csv.stem}-{name}{csv.suffix}")
            found[name] = Output(path, "--csv", ",".join(header))
    if found:
        check(tuple(found.values()))
    return found


def _require_charts() -> None:
    """Say before anything is simulated that a page cannot be drawn."""
    from simulator.report.page.vega import ReportUnavailableError, require

    try:
        require()
    except ReportUnavailableError as error:
        raise Usage(str(error), param_hint="--report") from error


def write_all(result: Forecast, outputs: Mapping[str, Output]) -> None:
    """Write what is wanted.

    Raises:
        Usage: see `write`.
        OSError: see `write`.
    """
    if not outputs:
        return
    if "report" in outputs:
        from simulator.report import html

        write(outputs["report"], html.render(result))
    if "gantt" in outputs:
        from simulator.report import svg

        write(outputs["gantt"], svg.render(result))
    if "services" in outputs:
        from simulator.report.csv import tables

        for table in tables(result):
            write(outputs[table.name], table.text)


def _check_folder(folder: Path) -> None:
    if not stat.S_ISDIR(os.stat(folder).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _check_replaceable(output: Output) -> None:
    try:
        found = os.lstat(output.path)
    except FileNotFoundError:
        return
    if stat.S_ISREG(found.st_mode) and (found.st_size == 0 or _is_ours(output)):
        return
    raise Usage(
        f"{output.path} is there and was not written by stagecast simulate: remove it, or name another file",
        param_hint=output.option,
    )


def _is_ours(output: Output) -> bool:
    with open(output.path, "rb") as file:
        if output.header:
            wanted = f"{output.header}\n".encode()
            return file.read(len(wanted)) == wanted
        wanted = MARK.encode()
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(wanted)))
        return file.read() == wanted


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
