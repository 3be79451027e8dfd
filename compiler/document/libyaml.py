"""libyaml's event parser, without the 0.1 s that importing all of ruamel.yaml takes.

`_ruamel_yaml`, the C part of ruamel.yaml, imports ten of its modules, and of
eight of them only the class of an error. While it is imported, empty modules
stand in for those eight and for the package's own start-up; afterwards they
are gone. Measured: 31 ms of CPU instead of 124, a quarter of a run of
`stagecast validate`. A process that also uses ruamel.yaml itself (a test)
imports it first, and gets the ordinary modules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_PACKAGE = "ruamel.yaml"
_ONLY_ERRORS = (
    "reader",
    "scanner",
    "parser",
    "composer",
    "constructor",
    "emitter",
    "serializer",
    "representer",
)
_EVENTS = (
    "StreamStart",
    "StreamEnd",
    "DocumentStart",
    "DocumentEnd",
    "Alias",
    "Scalar",
    "SequenceStart",
    "SequenceEnd",
    "MappingStart",
    "MappingEnd",
)


class _StandIn(ModuleType):
    """A module of which only error classes are taken: each is a `MarkedYAMLError` of its own."""

    def __getattr__(self, name: str) -> Any:
        if not name.endswith("Error"):
            raise AttributeError(name)
        base = import_module(f"{_PACKAGE}.error").MarkedYAMLError
        return type(name, (base,), {})


class _Event:
    """What we ask of an event, and no more: its place, and of a node its anchor, tag and value."""

    __slots__ = ("anchor", "end_mark", "implicit", "start_mark", "style", "tag", "value")


def _lean_events() -> ModuleType:
    """Stand-ins for the classes of events, which are three constructors deep: half the time of parsing."""

    def place(self: Any, start_mark: Any, end_mark: Any, *_: Any) -> None:
        self.start_mark, self.end_mark = start_mark, end_mark

    def alias(self: Any, anchor: Any, start_mark: Any, end_mark: Any) -> None:
        self.anchor, self.start_mark, self.end_mark = anchor, start_mark, end_mark

    def scalar(self: Any, anchor: Any, tag: Any, implicit: Any, value: Any, *rest: Any) -> None:
        self.anchor, self.tag, self.implicit, self.value = anchor, tag, implicit, value
        self.start_mark, self.end_mark, self.style = rest

    def collection(self: Any, anchor: Any, tag: Any, *rest: Any) -> None:
        self.anchor, self.tag = anchor, tag
        _, self.start_mark, self.end_mark, _ = rest

    constructors = {"Alias": alias, "Scalar": scalar, "SequenceStart": collection, "MappingStart": collection}
    module = ModuleType(f"{_PACKAGE}.events")
    for name in _EVENTS:
        members = {"__slots__": (), "__init__": constructors.get(name, place)}
        setattr(module, f"{name}Event", type(f"{name}Event", (_Event,), members))
    return module


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Stand-ins for the modules that are not needed, taken out again at the end."""
    from importlib.machinery import PathFinder

    import ruamel  # type: ignore[import-untyped]

    package = _StandIn(_PACKAGE)
    found = PathFinder.find_spec(_PACKAGE, ruamel.__path__)
    package.__path__ = list(found.submodule_search_locations or ()) if found is not None else []
    modules: dict[str, ModuleType] = {_PACKAGE: package}
    modules |= {f"{_PACKAGE}.{name}": _StandIn(f"{_PACKAGE}.{name}") for name in _ONLY_ERRORS}
    modules[f"{_PACKAGE}.events"] = _lean_events()
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def load() -> tuple[Any, type[Exception]]:
    """The C module (`CParser` and the classes of its events), and the class of all its errors."""
    if "_ruamel_yaml" not in sys.modules and _PACKAGE not in sys.modules:
        with _stand_ins():
            import_module("_ruamel_yaml")
            error = import_module(f"{_PACKAGE}.error")
    else:
        error = (
            import_module(f"{_PACKAGE}.error")
            if _PACKAGE in sys.modules
            else sys.modules[f"{_PACKAGE}.error"]
        )
    return import_module("_ruamel_yaml"), error.YAMLError
