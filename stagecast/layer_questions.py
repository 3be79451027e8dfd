"""What the commands about layers share: whose image is asked about, which cache, where the spec says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from compiler.values.suggest import closest
from stagecast.session import Usage

if TYPE_CHECKING:
    from compiler.driver import Checked
    from compiler.layers.replay import Cache
    from compiler.plan.model import Build, Plan
    from compiler.source import Span

_CACHES = ("persistent", "registry")
CACHE = Annotated[
    str | None,
    typer.Option(metavar="|".join(_CACHES), help="Which cache. Default: the spec's.", show_default=False),
]


def check_cache(name: str | None) -> None:
    """Refuse a cache that there is not. Raises Usage."""
    if name is not None and name not in _CACHES:
        raise Usage(f"no cache {name}; choose one of {', '.join(_CACHES)}", param_hint="--cache")


def chosen_cache(build: Build, name: str | None) -> Cache:
    """The cache that is asked for, else the build's; without any, what a lasting one would give is told."""
    return "registry" if (name or build.cache.value) == "registry" else "persistent"


def build_of(plan: Plan, service: str) -> Build:
    """The build of a service's image. Raises Usage."""
    built = {each: build for build in plan.builds for each in build.services}
    known = {workload.service for workload in plan.workloads} | set(built)
    if service not in known:
        meant = closest(service, known)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(sorted(known)[:10])}"
        raise Usage(f"there is no service {service}; {hint}")
    if service not in built:
        raise Usage(f"no image is built for {service}: it runs one that exists")
    return built[service]


def repository_place(checked: Checked, build: Build) -> Span:
    """Where the spec says which repository a build is of."""
    from compiler.spec.context import git_source
    from compiler.spec.sources import said_at

    assert checked.context is not None
    source = git_source(checked.context.services[build.services[0]])
    assert source is not None
    return said_at(source, "repository").place
