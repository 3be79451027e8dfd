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


class _StandIn(ModuleType):
    """A module of which only error classes are taken: each is a `MarkedYAMLError` of its own."""

    def __getattr__(self, name: str) -> Any:
        if not name.endswith("Error"):
            raise AttributeError(name)
        base = import_module(f"{_PACKAGE}.error").MarkedYAMLError
        return type(name, (base,), {})


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
