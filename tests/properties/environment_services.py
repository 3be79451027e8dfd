"""Random valid services of every type, with every field; see `environments`.

Takes a `Draft` of the environment and gives the service's plain data; the draft
remembers what is taken and what may be referred to.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import odd_values as odd
from environment_pods import Draft, Record, commanded, labels, running, secret, serving, variables

# Folders to build from, and the USER of their images.
CONTEXTS = {
    "web": "1000",
    "api": "65532:65532",
    "jobs/daily": "root",
    "über uns": "1",
    "a b/c": "app",
    ".": "7",
}
TYPES = {"application": 30, "container": 22, "database": 14, "job": 18, "helm": 10, "terraform": 1}
_VERSIONS = {
    "postgresql": ("16", "15.4-alpine", "17.2"),
    "mysql": ("8.4", "8.0.40"),
    "mongodb": ("7.0", "8"),
    "redis": ("7.4.2", "7.2-alpine", "8.0"),
}
_IMAGES = (
    *(
        "redis:7.4.2",
        "ghcr.io/acme/web:1.0",
        "registry.example.com:5000/a/b/c:v1.2.3-rc.1",
        "acme/tool:2024-11-05",
    ),
    *("localhost:5000/x:1", "quay.io/a__b/c-d.e:1_0", f"docker.io/library/nginx@sha256:{'0f' * 32}"),
    f"nginx:1.27.3@sha256:{'a1' * 32}",
)
_SCHEDULES = (
    "0 3 * * *",
    "*/5 * * * *",
    "30 2 1,15 jan-mar mon-fri",
    "@daily",
    "0 0 29 2 *",
    "59 23 31 12 ?",
)
_ZONES = ("Europe/Paris", "Etc/UTC", "Asia/Kathmandu", "America/Argentina/Buenos_Aires")


def service(draft: Draft) -> tuple[str, Record]:
    """The next service's name and data."""
    random = draft.random
    kind = random.choices(tuple(TYPES), tuple(TYPES.values()))[0]
    name = odd.label(random, 50)
    while name in draft.names:
        name = f"{name[:44]}-{draft.number()}"
    stage = draft.stages.index(draft.defaults[kind])
    service: Record = {"type": kind}
    if draft.chance(0.3):
        stage = random.randrange(len(draft.stages))
        service["stage"] = draft.stages[stage].upper() if draft.chance(0.1) else draft.stages[stage]
    before = [other for other, (place, _) in draft.names.items() if place <= stage]
    service = draft.some(
        service,
        0.15,
        dependsOn=lambda: random.sample(before, min(len(before), random.randrange(1, 4))),
        labels=lambda: labels(random),
        annotations=lambda: {
            "example.com/on": odd.text(random),
            "Example.com/N": 5,
            "note": odd.text(random),
        },
        estimates=lambda: draft.some(
            {}, 0.7, build=lambda: _estimate(random), deploy=lambda: _estimate(random)
        ),
        pathFilter=lambda: draft.some(
            {}, 0.6, match=lambda: [f"{odd.text(random)}x/"], exclude=lambda: ["docs/", "a b/"]
        ),
    )
    service = draft.some(service, 0.05, skip=lambda: True)
    service = _MAKERS[kind](draft, service)
    draft.offers += _offers(name, service)
    draft.names[name] = (stage, bool(service.get("skip")))
    return name, service


def _offers(name: str, service: Record) -> list[str]:
    """The variables that a service offers to those that come after it."""
    suffixes = ["HOST", "PORT"] if service.get("ports") or service["type"] == "database" else []
    suffixes += ["PASSWORD"] if service["type"] == "database" else []
    return [f"{name.upper().replace('-', '_')}_{suffix}" for suffix in suffixes]


def _estimate(random: Random) -> Any:
    return random.choice(("3m", {"median": "2m", "p90": "5m"}, {"fixed": "0s"}, {"median": "90s"}))


def _source(draft: Draft) -> Record:
    random = draft.random
    common = draft.some(
        {},
        0.3,
        target=lambda: random.choice(("run", "build")),
        args=lambda: {"SITE": odd.braces(odd.text(random)), "N": 5, "B": True},
        platforms=lambda: random.choice((["linux/amd64"], ["linux/amd64", "linux/arm64"], ["linux/arm/v7"])),
    )
    if draft.chance(0.7):
        return {"repository": ".", "context": random.choice(tuple(CONTEXTS))} | common
    return draft.some(
        {"repository": "https://github.com/acme/shop"} | common,
        0.5,
        ref=lambda: random.choice(("main", "v1.4.2", "feature/a_b", "0" * 40)),
        context=lambda: random.choice((".", "web", "a b/é", "x" * 100)),
        dockerfile=lambda: random.choice(("Dockerfile", "docker/Dockerfile.web", "a b")),
        credentials=lambda: {"name": "git", "key": "token"},
    )


def _build(draft: Draft) -> Record:
    random = draft.random
    return draft.some(
        {},
        0.4,
        cpu=lambda: random.choice(("100m", 0.2)),
        memory=lambda: random.choice(("256MB", "100Mi")),
        timeout=lambda: odd.duration(random),
        secrets=lambda: [{"id": "npm-token", "secret": {"name": "npm", "key": "token"}}],
    )


def _application(draft: Draft, service: Record) -> Record:
    service = serving(draft, service | {"source": _source(draft)})
    return draft.some(service, 0.3, build=lambda: _build(draft))


def _container(draft: Draft, service: Record) -> Record:
    service = serving(draft, service | {"image": draft.random.choice(_IMAGES)})
    return draft.some(service, 0.2, pullSecret=lambda: draft.random.choice(("pull", "a.b")))


def _job(draft: Draft, service: Record) -> Record:
    random = draft.random
    service = commanded(draft, service)
    if draft.chance(0.4):
        cron: Record = {"schedule": random.choice(_SCHEDULES)}
        service["cron"] = draft.some(cron, 0.5, timezone=lambda: random.choice(_ZONES))
    else:
        service["run"] = random.choice(("start", "start", "stop", "delete"))
    if draft.chance(0.5):
        service["source"] = _source(draft)
        service = draft.some(service, 0.3, build=lambda: _build(draft))
    else:
        service["image"] = random.choice(_IMAGES)
        service = draft.some(service, 0.2, pullSecret=lambda: "pull")
    return draft.some(
        service,
        maxRestarts=lambda: random.choice((0, 1, 100)),
        maxDuration=lambda: odd.duration(random),
        outputs=lambda: ["BUCKET", "on"],
    )


def _database(draft: Draft, service: Record) -> Record:
    random = draft.random
    engine = random.choice(tuple(_VERSIONS))
    service = running(draft, service) | {"engine": engine, "version": random.choice(_VERSIONS[engine])}
    if draft.chance(0.3):
        hosts = ("db.example.com", "10.0.0.7", "fd00::7", f"{'h' * 63}.example.com")
        service |= {"mode": "managed", "host": random.choice(hosts)}
    else:
        service = draft.some(
            service,
            mode=lambda: "container",
            storage=lambda: odd.size(random),
            storageClass=lambda: random.choice(("fast", "a.b")),
        )
    return draft.some(
        service,
        port=lambda: random.choice((1, 5433, 65535)),
        database=lambda: random.choice(("shop", "a-b", "on", "1e3", "d" * 63)),
        username=lambda: random.choice(("shop", "u_1", "true")),
        password=lambda: secret(random),
    )


def _helm(draft: Draft, service: Record) -> Record:
    random = draft.random
    if draft.chance(0.7):
        repositories = ("https://charts.example.com", "oci://registry.example.com/charts")
        chart: Record = {"repository": random.choice(repositories), "name": random.choice(("nginx", "a-b"))}
        chart = draft.some(chart, 0.7, version=lambda: random.choice(("4.12.1", "1.0.0-rc.1+b", ">=1.2 <2")))
    elif draft.chance(0.5):
        chart = {"source": draft.some({"repository": "."}, 1.0, path=lambda: "chart")}
    else:
        source = {"repository": "https://github.com/acme/charts"}
        more = {
            "ref": lambda: "main",
            "credentials": lambda: {"name": "git", "key": "token"},
            "path": lambda: "c h",
        }
        chart = {"source": draft.some(source, 0.5, **more)}
    return draft.some(
        service | {"chart": chart},
        0.4,
        values=lambda: {"a": odd.tree(random), "on": {"y": "no"}, "n": odd.tree(random)},
        valueFiles=lambda: ["values/extra one.yaml"],
        set=lambda: draft.some({"a.b": odd.text(random), "d": True}, 0.1, **{"c[0]": lambda: 5}),
        arguments=lambda: ["--skip-crds"] if draft.chance(0.7) else ["--description", odd.text(random)],
        timeout=lambda: odd.duration(random),
    )


def _terraform(draft: Draft, service: Record) -> Record:
    random = draft.random
    remote = {
        "repository": "https://github.com/acme/tf",
        "ref": "v1",
        "credentials": {"name": "git", "key": "token"},
    }
    return draft.some(
        service
        | {
            "version": random.choice(("1.9.8", "1.10")),
            "source": random.choice(({"repository": ".", "path": "infrastructure"}, remote)),
        },
        0.5,
        engine=lambda: random.choice(("terraform", "opentofu")),
        backend=lambda: random.choice(("kubernetes", "user")),
        variables=lambda: variables(draft, 3),
        cpu=lambda: odd.cpu(random),
        memory=lambda: odd.size(random),
        timeout=lambda: odd.duration(random),
    )


_MAKERS: dict[str, Callable[[Draft, Record], Record]] = {
    "application": _application,
    "container": _container,
    "job": _job,
    "database": _database,
    "helm": _helm,
    "terraform": _terraform,
}
