"""The engine of VS Code's YAML extension, yaml-language-server, over standard input and output.

Owns where the server comes from (npm, pinned with checksums by the lock file
beside this module, unpacked into the cache of `toolchain`), its life, and the
little of the Language Server Protocol that asks for completion, hover and
diagnostics. Takes schemas and texts, gives what the server answers. Lines and
columns count from 0, columns in UTF-16 code units, as the protocol has them.
Knows nothing of pytest and of the project.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import npm_tools

ENTRY = Path("node_modules/yaml-language-server/bin/yaml-language-server")
ANSWER_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10

Json = Any


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One entry of a completion list. `inserted` is a snippet, `kind` the protocol's number."""

    label: str
    documentation: str
    inserted: str
    kind: int


PROPERTY = 10  # CompletionItemKind.Property: a key


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic: its message, and where it starts and ends as (line, column)."""

    message: str
    start: tuple[int, int]
    end: tuple[int, int]


class ServerError(Exception):
    """The server answered with an error, or not at all."""


class LanguageServer:
    """A running server; made by `language_server`. For one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None, "started with pipes"
        assert process.stdout is not None, "started with pipes"
        self._to_server: IO[bytes] = process.stdin
        self._messages: queue.Queue[Json] = queue.Queue()
        self._settings: Mapping[str, Json] = {}
        self._answered = False
        self._diagnostics: dict[str, tuple[int, list[Json]]] = {}
        self._versions: dict[str, int] = {}
        self._last_id = 0
        threading.Thread(target=_receive, args=(process.stdout, self._messages), daemon=True).start()
        self.request("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": _CAPABILITIES})
        self._notify("initialized", {})
        self.associate({})

    def associate(self, schemas: Mapping[str, Sequence[str]]) -> None:
        """Set the setting that maps a schema's URI to the patterns of the files that it is for."""
        self._settings = _settings(schemas)
        self._answered = False
        self._notify("workspace/didChangeConfiguration", {"settings": {}})
        while not self._answered:
            self._handle(self._next())

    def open(self, uri: str, text: str) -> None:
        """Show a document, or what it has become, as an editor does at every keystroke."""
        version = self._versions[uri] = self._versions.get(uri, 0) + 1
        if version == 1:
            document = {"uri": uri, "languageId": "yaml", "version": version, "text": text}
            self._notify("textDocument/didOpen", {"textDocument": document})
        else:
            document = {"uri": uri, "version": version}
            changes = [{"text": text}]
            self._notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def complete(self, uri: str, line: int, column: int) -> list[Suggestion]:
        """What an open document's editor offers at a place."""
        answer = self.request("textDocument/completion", _place(uri, line, column)) or {"items": []}
        return [
            Suggestion(
                item["label"],
                _markup(item.get("documentation")),
                (item.get("textEdit") or {}).get("newText", item.get("insertText", "")),
                item.get("kind", 0),
            )
            for item in answer["items"]
        ]

    def hover(self, uri: str, line: int, column: int) -> str:
        """What an open document's editor shows when the mouse rests at a place; Markdown, "" for nothing."""
        answer = self.request("textDocument/hover", _place(uri, line, column))
        return _markup(answer["contents"]) if answer else ""

    def problems(self, uri: str) -> list[Problem]:
        """What the server says is wrong with an open document as it is now."""
        while self._diagnostics.get(uri, (0, []))[0] < self._versions[uri]:
            self._handle(self._next())
        return [
            Problem(found["message"], _position(found["range"]["start"]), _position(found["range"]["end"]))
            for found in self._diagnostics[uri][1]
        ]

    def request(self, method: str, params: Json) -> Json:
        """The answer to a request of the protocol. Raises ServerError."""
        self._last_id += 1
        number = self._last_id
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise ServerError(f"{method}: {message['error']}")
                return message["result"]
            self._handle(message)

    def stop(self) -> None:
        """Ask the server to end."""
        self.request("shutdown", None)
        self._notify("exit", None)

    def _notify(self, method: str, params: Json) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Json]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._to_server.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._to_server.flush()

    def _next(self) -> Json:
        try:
            message = self._messages.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            raise ServerError(f"no answer within {ANSWER_TIMEOUT_S} s") from None
        if message is None:
            raise ServerError("the server has ended")
        return message

    def _handle(self, message: Json) -> None:
        """What the server says and asks by itself."""
        method, params = message.get("method"), message.get("params")
        if method == "textDocument/publishDiagnostics":
            version = params.get("version", self._versions.get(params["uri"], 0))
            self._diagnostics[params["uri"]] = (version, params["diagnostics"])
        elif "id" in message and method == "workspace/configuration":
            answers = [self._settings.get(item.get("section")) for item in params["items"]]
            self._send({"id": message["id"], "result": answers})
            self._answered = True
        elif "id" in message and method is not None:
            self._send({"id": message["id"], "result": None})


_MARKDOWN_FIRST = ["markdown", "plaintext"]
_CAPABILITIES: Json = {
    "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": _MARKDOWN_FIRST}},
        "hover": {"contentFormat": _MARKDOWN_FIRST},
        "publishDiagnostics": {"versionSupport": True},
    },
}


def _settings(schemas: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """The extension's settings as a user has them, without what it fetches from elsewhere."""
    yaml = {
        "schemas": {uri: list(patterns) for uri, patterns in schemas.items()},
        "validate": True,
        "hover": True,
        "completion": True,
        "format": {"enable": False},
        "schemaStore": {"enable": False, "url": ""},
        "kubernetesCRDStore": {"enable": False},
    }
    return {"yaml": yaml, "[yaml]": {"editor.tabSize": 2}, "editor": {"detectIndentation": False}}


def _place(uri: str, line: int, column: int) -> Json:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}


def _position(value: Json) -> tuple[int, int]:
    return value["line"], value["character"]


def _markup(value: Json) -> str:
    """Documentation in each of the protocol's forms, as text."""
    if isinstance(value, list):
        return "\n\n".join(_markup(part) for part in value)
    return str(value["value"] if isinstance(value, dict) else value or "")


def _receive(stream: IO[bytes], messages: queue.Queue[Json]) -> None:
    """Put every message into the queue, and None at the end."""
    while True:
        length = 0
        while header := stream.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            messages.put(None)
            return
        messages.put(json.loads(stream.read(length)))


@contextmanager
def language_server(root: Path | None = None) -> Iterator[LanguageServer]:
    """A running server. `root` is the cache folder (that of `toolchain` by default).

    Raises ToolMissingError when there is no node or the server cannot be
    installed.
    """
    node = npm_tools.node()
    entry = npm_tools.installed("yaml-language-server", root) / ENTRY
    process = subprocess.Popen([node, entry, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        server = LanguageServer(process)
        yield server
        server.stop()
        process.wait(STOP_TIMEOUT_S)
    finally:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
        for stream in (process.stdin, process.stdout):
            assert stream is not None, "started with pipes"
            stream.close()
