"""Random valid environments: every field of the spec, every type of service, one to forty of them.

`environment(seed)` gives the files of one environment, the same for a seed on
every machine; `repository` writes once what they all build from. `ENVIRONMENTS`
is the same as a hypothesis strategy. Valid means: no error of `validate`. A
target may still refuse one (STC701), which is rare by choice: strategies,
services and texts that some target cannot carry have small weights.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

import odd_values as odd
from environment_pods import Draft, Record, variables
from environment_services import CONTEXTS, TYPES, service

SPEC = "environment.yaml"
_BASE = "base.yaml"
_DOCKERFILE = """\
FROM docker.io/library/busybox:1.36.1 AS build
ARG VERSION
ARG SITE="a b"
RUN echo "$VERSION $SITE"
FROM build AS run
USER {user}
CMD ["true"]
"""


def environment(seed: int) -> dict[str, str]:
    """The files of one environment by name; `SPEC` is the one to check, the other its base."""
    random = Random(seed)
    stages, defaults, declared = _stages(random)
    draft = Draft(random, stages, defaults)
    shared = variables(draft, 4)
    count = random.choices((1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 40), (8, 8, 8, 6, 5, 4, 3, 2, 2, 1, 1))[0]
    services = dict(service(draft) for _ in range(count))
    document = draft.some(
        {"apiVersion": "stagecast/v1beta1", "kind": "Environment", "name": _environment_name(random)},
        0.6,
        target=lambda: draft.some(
            {"namespace": odd.label(random, 60)}, context=lambda: f"a@b/{odd.text(random)[:200]}x"
        ),
        pipeline=lambda: _pipeline(draft),
        variables=lambda: shared,
    )
    document |= {"registry": _registry(draft)}
    if declared is not None:
        document["stages"] = declared
    deliveries = ("helm", "argocd", "argocd", "argocd", "none")
    document = draft.some(document, 0.7, delivery=lambda: random.choice(deliveries))
    if document.get("delivery") == "argocd" or draft.chance(0.1):
        document["gitops"] = _gitops(draft)
    document = draft.some(
        document, 0.2, previews=lambda: draft.some({}, 0.7, secretsFrom=lambda: odd.label(random, 40))
    )
    document["services"] = services
    return _files(draft, document)


ENVIRONMENTS = st.integers(0, 2**32).map(environment)


def repository(folder: Path) -> None:
    """What the environments build from, as the root of a repository."""
    (folder / ".git").mkdir(parents=True)
    for context, user in CONTEXTS.items():
        (folder / context).mkdir(parents=True, exist_ok=True)
        (folder / context / "Dockerfile").write_text(_DOCKERFILE.format(user=user), encoding="utf-8")
    for path, text in {
        "chart/Chart.yaml": "apiVersion: v2\nname: own\nversion: 0.1.0\n",
        "values/extra one.yaml": "a: 1\n",
        "infrastructure/main.tf": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def _files(draft: Draft, document: Record) -> dict[str, str]:
    """One file, or an overlay and its base."""
    if not draft.chance(0.2):
        return {SPEC: odd.write(draft.random, {"x-note": odd.text(draft.random)} | document)}
    over = {key: document[key] for key in ("apiVersion", "kind", "name")} | {"extends": _BASE}
    for key in ("delivery", "gitops", "previews"):
        if key in document:
            over[key] = document.pop(key)
    changed = draft.random.sample(sorted(document["services"]), 1)
    over["services"] = {name: {"labels": {"overlay": "yes"}, "annotations": None} for name in changed}
    return {SPEC: odd.write(draft.random, over), _BASE: odd.write(draft.random, document)}


def _environment_name(random: Random) -> str:
    return odd.label(random) if random.random() < 0.8 else random.choice(("on", "1e3", "0x1f", "a" * 63))


def _stages(random: Random) -> tuple[list[str], dict[str, str], list[Any] | None]:
    """The names of the stages, the default stage of every type, and how the spec says so."""
    if random.random() < 0.4:
        names = ["database", "job", "container", "application"]
        return names, {"helm": "container", "terraform": "container"} | {name: name for name in names}, None
    names = random.sample(
        ("Data", "prepare it", "CORE", "edge/1", "on", "日本", "7", "last: one", "a" * 100), 5
    )
    names = names[: random.randrange(1, 6)]
    defaults = {kind: random.choice(names) for kind in TYPES}
    declared: list[Any] = []
    for name in names:
        stage: Record = {
            "name": name,
            "defaultFor": [kind for kind, home in defaults.items() if home == name],
        }
        if random.random() < 0.5:
            stage["description"] = odd.text(random)
        declared.append(stage if stage["defaultFor"] or random.random() < 0.5 else name)
    return names, defaults, declared


def _pipeline(draft: Draft) -> Record:
    random = draft.random
    build = draft.some(
        {},
        0.4,
        parallelism=lambda: random.choice((1, 2, 7, 50, 10_000)),
        cpu=lambda: random.choice((1, "500m", 4, 0.25)),
        memory=lambda: random.choice(("1GB", "512Mi", 4_000_000_000)),
        timeout=lambda: odd.duration(random),
        pool=lambda: {
            "cpu": random.choice((4, "8", 28, 4000)),
            "memory": random.choice(("4GB", "28GB", "1TB")),
        },
        attestations=lambda: random.choice(([], ["sbom"], ["provenance"], ["sbom", "provenance"])),
        cache=lambda: random.choice(("registry", "persistent", "none")),
    )
    strategy = random.choices(("build-first", "staged", "dag"), (10, 10, 1))[0]
    return draft.some(
        {"build": build},
        0.5,
        strategy=lambda: strategy,
        deploy=lambda: {"parallelism": random.choice((1, 3, 7, 10_000))},
    )


def _registry(draft: Draft) -> Record:
    random = draft.random
    mirrors = (
        "registry.example.com/shop",
        "registry.example.com:5000/a/b__c",
        "localhost:5000/x",
        "10.0.0.7/y-z",
    )
    return draft.some(
        {"mirror": random.choice(mirrors)},
        scope=lambda: random.choice(("service", "cluster")),
        pullSecret=lambda: random.choice(("pull", "a.b-c", "0")),
    )


def _gitops(draft: Draft) -> Record:
    random = draft.random
    repositories = (
        "https://git.example.com/shop/shop.git",
        "ssh://git@git.example.com:22/a/b",
        "git@h.example.com:a/b",
    )
    return draft.some(
        {"repository": random.choice(repositories)},
        0.4,
        branch=lambda: random.choice(("stagecast/production", "a", "deploy/1.0/x_y-z")),
        namespace=lambda: odd.label(random),
        project=lambda: random.choice(("default", "team.a")),
        server=lambda: random.choice(("https://kubernetes.default.svc", "https://10.0.0.1:6443")),
    )
