"""What hostile inputs are built from: a small valid spec and places in it.

Knows the spec's keys; nothing of the code that reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

Inputs = Iterator[tuple[str, bytes]]

MIB = 1024 * 1024
DEEP = 10_000
HEAD = "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\n"
WEB = "services:\n  web:\n    type: container\n    image: redis:7.4.2\n"


def spec(body: str = WEB, head: str = HEAD) -> bytes:
    """A valid spec's head and `body`."""
    return (head + body).encode()


def with_key(key: str, text: str) -> bytes:
    """A spec whose top-level `key` is `text`, and where it is the only key of that name."""
    head = "".join(f"{line}\n" for line in HEAD.splitlines() if not line.startswith(f"{key}:"))
    return f"{head}{key}: {text}\n".encode()


def every_scalar(value: str) -> bytes:
    """A spec with `value` in every place where a scalar belongs."""
    v = value
    secret = f"{{name: {v}, key: {v}}}"
    service = f"{{stage: {v}, skip: {v}, dependsOn: [{v}], labels: {{a: {v}}}, annotations: {{a: {v}}}"
    service += f", estimates: {{build: {v}, deploy: {{median: {v}, p90: {v}}}}}"
    service += f", pathFilter: {{match: [{v}], exclude: [{v}]}}"
    running = f"{service}, cpu: {v}, memory: {v}, serviceAccount: {v}, security: {{user: {v}}}"
    running += f", variables: {{A: {v}, B: {{secret: {secret}}}, C: {{alias: {v}}}, D: {{value: {v}}}"
    running += f", E: {{file: {{mount: {v}, content: {v}}}}}}}, nodeSelector: {{a: {v}}}"
    running += f", files: [{{mount: {v}, content: {v}, executable: {v}}}]"
    command = f"{running}, entrypoint: [{v}], arguments: [{v}]"
    serving = f"{command}, replicas: {{min: {v}, max: {v}, targetCpu: {v}}}"
    serving += (
        f", ports: [{{internal: {v}, external: {v}, protocol: {v}, public: {v}, name: {v}, hosts: [{v}]"
    )
    serving += f", path: {v}, tls: {{secret: {v}}}, ingressClass: {v}, gateway: {v}}}]"
    serving += f", storage: [{{name: {v}, size: {v}, mount: {v}, class: {v}}}]"
    serving += f", healthChecks: {{readiness: {{http: {{port: {v}, path: {v}, scheme: {v}}}, period: {v}}}"
    serving += f", liveness: {{grpc: {{port: {v}, service: {v}}}}}, startup: {{exec: {{command: [{v}]}}}}}}"
    serving += f", rollout: {{strategy: {v}, maxSurge: {v}, maxUnavailable: {v}, gracePeriod: {v}}}"
    git = f"repository: {v}, ref: {v}, credentials: {secret}"
    source = (
        f"source: {{{git}, context: {v}, dockerfile: {v}, target: {v}, args: {{A: {v}}}, platforms: [{v}]}}"
    )
    source += f", build: {{cpu: {v}, memory: {v}, timeout: {v}, secrets: [{{id: {v}, secret: {secret}}}]}}"
    lines = [
        f"apiVersion: {v}\nkind: {v}\nname: {v}\nextends: {v}\ndelivery: {v}",
        f"stages: [{v}, {{name: {v}, defaultFor: [{v}], description: {v}}}]",
        f"target: {{namespace: {v}, context: {v}}}\nregistry: {{mirror: {v}, scope: {v}, pullSecret: {v}}}",
        f"pipeline:\n  strategy: {v}\n  deploy: {{parallelism: {v}}}",
        f"  build: {{parallelism: {v}, cpu: {v}, memory: {v}, timeout: {v}, cache: {v}"
        f", pool: {{cpu: {v}, memory: {v}}}}}",
        f"variables: {{A: {v}, PASSWORD: {v}}}\nservices:",
        f"  a: {serving}, type: application, {source}}}",
        f"  b: {serving}, type: container, image: {v}, pullSecret: {v}}}",
        f"  c: {running}, type: database, engine: {v}, version: {v}, mode: {v}, storage: {v}"
        f", storageClass: {v}, host: {v}, port: {v}, database: {v}, username: {v}, password: {secret}}}",
        f"  d: {command}, type: job, run: {v}, maxRestarts: {v}, maxDuration: {v}, outputs: [{v}]"
        f", {source}}}",
        f"  e: {command}, type: job, cron: {{schedule: {v}, timezone: {v}}}, image: {v}}}",
        f"  f: {service}, type: helm, chart: {{repository: {v}, name: {v}, version: {v}}}, values: {v}"
        f", valueFiles: [{v}], set: {{a: {v}}}, arguments: [{v}], timeout: {v}}}",
        f"  g: {service}, type: terraform, source: {{{git}, path: {v}}}, engine: {v}, version: {v}"
        f", backend: {v}}}",
        f"  h: {{type: {v}}}\n  i: {v}",
    ]
    return ("\n".join(lines) + "\n").encode()


def small_languages(value: str) -> bytes:
    """A spec that is valid but for `value`, which stands once in each field with a grammar of its own."""
    fields = {
        "schedule": f"{{type: job, image: 'a:1', cron: {{schedule: {value}}}}}",
        "timezone": f"{{type: job, image: 'a:1', cron: {{schedule: '0 3 * * *', timezone: {value}}}}}",
        "image": f"{{type: container, image: {value}}}",
        "repository": f"{{type: application, source: {{repository: {value}}}}}",
        "context": f"{{type: application, source: {{repository: ., context: {value}}}}}",
        "dockerfile": f"{{type: application, source: {{repository: ., dockerfile: {value}}}}}",
        "platform": f"{{type: application, source: {{repository: ., platforms: [{value}]}}}}",
        "host": f"{{type: container, image: a, ports: [{{internal: 80, public: true, hosts: [{value}]}}]}}",
        "mount": f"{{type: container, image: 'a:1', storage: [{{size: 1Gi, mount: {value}}}]}}",
        "memory": f"{{type: container, image: 'a:1', memory: {value}}}",
        "duration": f"{{type: container, image: 'a:1', estimates: {{deploy: {value}}}}}",
        "variable": f"{{type: container, image: 'a:1', variables: {{A: {value}}}}}",
        "label": f"{{type: container, image: 'a:1', labels: {{a: {value}}}}}",
        "stage": f"{{type: container, image: 'a:1', stage: {value}}}",
        "dependency": f"{{type: container, image: 'a:1', dependsOn: [{value}]}}",
        "chart": f"{{type: helm, chart: {{repository: {value}, name: a, version: '1'}}}}",
    }
    return spec("services:\n" + "".join(f"  {name}: {text}\n" for name, text in fields.items()))


def nest(opening: str, closing: str, depth: int = DEEP) -> str:
    """`depth` openings and as many closings."""
    return opening * depth + closing * depth
