"""`stagecast validate` beside `check-jsonschema` with our schema, on the same files, in one run.

Prints ratios of medians; whole processes, in turn, so that a drift of the
machine's speed hits both. `--check` exits with 1 when a ratio is over its bound.

    python benchmarks/validate.py [--runs N] [--check]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))


@dataclass(frozen=True)
class Pair:
    """Two commands that are timed in turn, and the most that the first may take of the second."""

    name: str
    ours: list[str]
    peer: list[str]
    bound: float


def spec(services: int) -> str:
    """An environment of `services` services in all four default stages, with ports, checks and variables."""
    lines = [
        "apiVersion: stagecast/v1beta1",
        "kind: Environment",
        "name: benchmark",
        "registry: {mirror: registry.example.com/benchmark}",
        "variables: {LOG_LEVEL: info}",
        "services:",
        '  postgres: {type: database, engine: postgresql, version: "16", storage: 10Gi}',
        '  migrate: {type: job, run: start, image: "acme/migrate:1.4.2", dependsOn: [postgres]}',
    ]
    for number in range(services - 2):
        lines += [
            f"  web-{number}:",
            "    type: application",
            '    source: {repository: "https://github.com/acme/shop", ref: main, context: "services/web"}',
            "    memory: 512MB",
            "    ports: [{internal: 8080, protocol: HTTP}]",
            "    healthChecks: {readiness: {http: {port: 8080, path: /healthz}}}",
            "    dependsOn: [postgres, migrate]",
            '    variables: {DATABASE_URL: "postgres://{{POSTGRES_HOST}}/shop", MODE: production}',
        ]
    return "\n".join(lines) + "\n"


def median_s(commands: list[list[str]], runs: int) -> list[float]:
    """The median wall time of each command, run in turn; a warm-up run first."""
    times: list[list[float]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for command, measured in zip(commands, times, strict=True):
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
            took = time.perf_counter() - start
            if done.returncode:
                sys.exit(f"{' '.join(command)} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
            if turn:
                measured.append(took)
    return [statistics.median(measured) for measured in times]


def pairs(folder: Path) -> list[Pair]:
    """What is compared: 10 services, 1,000 services, and starting up at all."""
    result = []
    schema = ROOT / "schemas" / "environment.schema.json"
    for services, bound in ((10, 0.6), (1000, 0.4)):
        file = folder / f"{services}.yaml"
        file.write_text(spec(services), encoding="utf-8")
        peer = [str(SCRIPTS / "check-jsonschema"), "--schemafile", str(schema), str(file)]
        ours = [str(SCRIPTS / "stagecast"), "validate", str(file)]
        result.append(Pair(f"validate, {services} services / check-jsonschema", ours, peer, bound))
    version = [str(SCRIPTS / "stagecast"), "--version"]
    result.append(
        Pair("--version / python -c 'import typer'", version, [sys.executable, "-c", "import typer"], 1.2)
    )
    return result


def main() -> None:
    """Measure, print, and with `--check` judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for pair in pairs(Path(folder)):
            ours, peer = median_s([pair.ours, pair.peer], arguments.runs)
            ratio = ours / peer
            failed |= ratio > pair.bound
            measured = f"{ours * 1000:.0f} ms / {peer * 1000:.0f} ms = {ratio:.2f}"
            print(f"{pair.name}: {measured} (at most {pair.bound})")
    if arguments.check and failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
