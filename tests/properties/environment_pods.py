"""Random valid pods: variables, files, ports, storage, checks; and the draft of the environment around them.

Used by `environment_services`, which knows the types of services.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import odd_values as odd

Record = dict[str, Any]

_AFFINITIES: tuple[Record, ...] = (
    {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"on": "true", "1": "0o7"}},
                    },
                }
            ]
        }
    },
    {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd", "1e3"]}]}
                ]
            }
        }
    },
)
_PATCHES: tuple[Record, ...] = (
    {"pod": {"priorityClassName": "high", "tolerations": [{"key": "a", "operator": "Exists"}]}},
    {"container": {"workingDir": "/srv/on", "tty": True}},
    {
        "sidecars": [{"name": "proxy", "image": "envoyproxy/envoy:v1.32.1", "args": ["-c", "{{ x }}"]}],
        "extraVolumes": [{"name": "tmp", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "tmp", "mountPath": "/tmp/é"}],
    },
    {"extraEnv": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
    {"terminationGracePeriodSeconds": 5, "annotations": {"example.com/patched": "on"}},
)


@dataclass(slots=True)
class Draft:
    """An environment in the making: what is taken already, and what may be referred to."""

    random: Random
    stages: list[str]
    defaults: dict[str, str]
    names: dict[str, tuple[int, bool]] = field(default_factory=dict)  # service: stage, skipped
    offers: list[str] = field(default_factory=list)
    numbers: int = 0

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def number(self) -> int:
        """A number that nothing else in the environment has."""
        self.numbers += 1
        return self.numbers

    def some(self, record: Record, probability: float = 0.3, /, **fields: Callable[[], Any]) -> Record:
        """`record` with some of these fields as well."""
        return record | {name: make() for name, make in fields.items() if self.chance(probability)}


def variables(draft: Draft, most: int) -> Record:
    """Variables of all sorts; references only to what is offered already."""
    random = draft.random
    sources: tuple[Callable[[], Any], ...] = (
        lambda: _plain(random),
        lambda: _plain(random),
        lambda: {"value": _plain(random)},
        lambda: {"secret": secret(random)},
        lambda: {"alias": random.choice(draft.offers)} if draft.offers else "",
        lambda: _reference(draft),
        lambda: {"file": {"mount": f"/etc/v{draft.number()}/f.conf", "content": random.choice(odd.FILES)}},
    )
    names = ("LOG_LEVEL", "on", "_", "PATH", "a1", "VERSION", "x" * 60, "JAVA_OPTS", "No", "NULL")
    wanted = random.sample(names, random.randrange(min(most, len(names)) + 1))
    made = {name: random.choice(sources)() for name in wanted}
    # A secret of this name would be one of a build's arguments, which is an error.
    return made | ({"VERSION": "1.0"} if "VERSION" in made else {})


def _reference(draft: Draft) -> str:
    names = draft.random.choices(draft.offers, k=2) if draft.offers else ()
    return "a$" + "b".join(f"{{{{{name}}}}} {{{{ {name} }}}}" for name in names)


def _plain(random: Random) -> Any:
    value = odd.plain(random)
    return odd.braces(value) if isinstance(value, str) else value


def secret(random: Random) -> Record:
    return {
        "name": random.choice(("shop", "a.b", "x-1", "0", f"{'n' * 60}." * 4 + "n")),
        "key": random.choice(("token", ".dockerconfigjson", "A_b-c.d", "k" * 253)),
    }


def labels(random: Random) -> Record:
    values = ("on", "1e3", "", "a.b_c-d", "0x1F", "v" * 63, True, 7)
    keys = ("team", "example.com/on", "1", "y", f"{'p' * 60}.example.com/{'k' * 63}", "true")
    return {key: random.choice(values) for key in random.sample(keys, 2)}


def running(draft: Draft, service: Record) -> Record:
    random = draft.random
    return draft.some(
        service,
        0.25,
        cpu=lambda: odd.cpu(random),
        memory=lambda: odd.size(random),
        variables=lambda: variables(draft, 6),
        files=lambda: [_file(draft) for _ in range(random.randrange(1, 4))],
        serviceAccount=lambda: random.choice(("web", "a.b", "0")),
        affinity=lambda: random.choice(_AFFINITIES),
        nodeSelector=lambda: labels(random),
        security=lambda: draft.some({}, 0.9, user=lambda: random.choice((1, 1000, 65532, 2_147_483_647))),
        values=lambda: random.choice(_PATCHES),
    )


def _file(draft: Draft) -> Record:
    random = draft.random
    mounts = ("app.ini", "on", "a b.conf", "é/日本", ".hidden", "x" * 200)
    record: Record = {"mount": f"/etc/f{draft.number()}/{random.choice(mounts)}"}
    record |= {"secret": secret(random)} if draft.chance(0.3) else {"content": random.choice(odd.FILES)}
    return draft.some(record, executable=lambda: draft.chance(0.5))


def commanded(draft: Draft, service: Record) -> Record:
    random = draft.random
    return draft.some(
        running(draft, service),
        0.2,
        entrypoint=lambda: ["/bin/app", odd.text(random)],
        arguments=lambda: [odd.text(random) for _ in range(random.randrange(4))],
    )


def serving(draft: Draft, service: Record) -> Record:
    random = draft.random
    service = commanded(draft, service)
    ports = _ports(draft) if draft.chance(0.8) else []
    if ports:
        service["ports"] = ports
    stored = draft.chance(0.15)
    if stored:
        service["storage"] = [_volume(draft) for _ in range(random.randrange(1, 3))]
    service = draft.some(
        service,
        0.4,
        replicas=lambda: _replicas(draft, stored),
        healthChecks=lambda: _health(draft, [port["internal"] for port in ports]),
    )
    return draft.some(service, 0.25, rollout=lambda: _rollout(draft))


def _ports(draft: Draft) -> list[Record]:
    random = draft.random
    inner: set[int] = set()
    outer: set[int] = set()
    names = random.sample(("http", "a-1", "x2", "grpc-web", "metrics", "abcdefghijklmno", "y"), 4)
    ports = []
    for index in range(random.choice((1, 1, 1, 2, 3, 4))):
        protocol = random.choices(("HTTP", "GRPC", "TCP", "UDP"), (6, 2, 2, 1))[0]
        port: Record = {"internal": odd.port(random, inner), "external": odd.port(random, outer)}
        if draft.chance(0.8):
            port["protocol"] = protocol
        protocol = port.get("protocol", "HTTP")
        if draft.chance(0.5):
            port["name"] = names[index]
        if draft.chance(0.4):
            port["public"] = True
            if protocol in ("HTTP", "GRPC"):
                port |= _public(draft, protocol)
        ports.append(port)
    return ports


def _public(draft: Draft, protocol: str) -> Record:
    random = draft.random
    hosts = [odd.host(random, draft.number()) for _ in range(random.randrange(1, 4))]
    paths = ("/", "/shop.Cart", "/shop.Cart/Add") if protocol == "GRPC" else (odd.path(random),)
    port: Record = {"hosts": hosts}
    if draft.chance(0.15):
        # Without hosts it answers for all of them, and no other port may have its path.
        port = {"path": f"/p{draft.number()}"}
    else:
        port = draft.some(port, 0.4, path=lambda: random.choice(paths))
    port = draft.some(port, tls=lambda: {"secret": random.choice(("tls", "a.b"))})
    return draft.some(
        port,
        ingressClass=lambda: random.choice(("nginx", "a.b-c")),
        gateway=lambda: random.choice(("public", "g.w")),
    )


def _volume(draft: Draft) -> Record:
    random = draft.random
    number = draft.number()
    return draft.some(
        {"size": odd.size(random), "mount": f"/var/v{number}/{random.choice(('data', 'a b', 'é'))}"},
        name=lambda: f"{odd.label(random, 50)}-{number}",
        **{"class": lambda: random.choice(("fast", "a.b"))},  # a keyword of Python
    )


def _replicas(draft: Draft, stored: bool) -> Any:
    random = draft.random
    if draft.chance(0.4):
        return random.choice((0, 1, 2, 3, 10_000))
    least = random.choice((1, 2, 5))
    most = {} if stored or draft.chance(0.2) else {"max": random.choice((least, least + 1, 10_000))}
    return draft.some({"min": least} | most, targetCpu=lambda: random.choice((1, 50, 100)))


def _health(draft: Draft, ports: list[int]) -> Record:
    return draft.some(
        {},
        0.6,
        readiness=lambda: _probe(draft, ports) | draft.some({}, successThreshold=lambda: 3),
        liveness=lambda: _probe(draft, ports),
        startup=lambda: _probe(draft, ports),
    )


def _probe(draft: Draft, ports: list[int]) -> Record:
    random = draft.random
    number = random.choice(ports or [8080])
    action = random.choice(
        (
            {"exec": {"command": ["sh", "-c", odd.text(random)]}},
            {"tcp": {"port": number}},
            {
                "http": draft.some(
                    {"port": number}, 0.5, path=lambda: "/h?a=b&c={{x}}", scheme=lambda: "HTTPS"
                )
            },
            {
                "grpc": draft.some(
                    {"port": number},
                    0.5,
                    service=lambda: random.choice(("shop.Cart", odd.text(random) + "x")),
                )
            },
        )
    )
    return draft.some(
        action,
        initialDelay=lambda: random.choice(("0s", "30s", "1500ms")),
        period=lambda: odd.duration(random),
        timeout=lambda: odd.duration(random),
        failureThreshold=lambda: random.choice((1, 30, 1000)),
    )


def _rollout(draft: Draft) -> Record:
    random = draft.random
    return draft.some(
        {"maxUnavailable": random.choice((1, "25%", "100%"))},
        0.5,
        strategy=lambda: random.choice(("rolling", "recreate")),
        maxSurge=lambda: random.choice((0, 1, "50%", "0%")),
        gracePeriod=lambda: random.choice(("0s", "1s", "5m")),
    )
