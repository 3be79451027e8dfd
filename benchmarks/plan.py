"""`stagecast plan` on 2,500 and 10,000 services: CPU time and memory of the whole process, and how they grow.

The services are those of the README's shop, repeated: a database, a job, a
container and an application that needs them. Targets: 3 s of CPU and 1 GB for
10,000, and cost that grows linearly (start-up aside).

    python benchmarks/plan.py
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

STAGECAST = Path(sysconfig.get_path("scripts")) / "stagecast"
_SHOP = """\
  db-{0}: {{type: database, engine: postgresql, version: "16", storage: 10Gi}}
  job-{0}: {{type: job, run: start, image: "acme/migrate:1.4.{0}", dependsOn: [db-{0}]}}
  cache-{0}: {{type: container, image: "redis:7.4.2"}}
  web-{0}:
    type: application
    source: {{repository: "https://github.com/acme/shop", ref: main, context: web-{0}}}
    ports: [{{internal: 8080, protocol: HTTP, public: true, hosts: [s{0}.example.com]}}]
    dependsOn: [db-{0}, cache-{0}]
    variables:
      DATABASE_URL: "postgres://{{{{DB_{0}_HOST}}}}/shop"
      API_KEY: {{secret: {{name: shop-api, key: token}}}}
    estimates: {{build: 180s, deploy: 40s}}
"""


def spec(services: int) -> str:
    """An environment of `services` services (a multiple of four)."""
    head = (
        "apiVersion: stagecast/v1beta1\nkind: Environment\nname: big\n"
        "registry: {mirror: registry.example.com/big}\nservices:\n"
    )
    return head + "".join(_SHOP.format(number) for number in range(services // 4))


def cost(file: Path, form: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of one `stagecast plan`."""
    with subprocess.Popen([STAGECAST, "plan", file, "--format", form], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"stagecast plan failed with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        start_up, _ = cost(_written(Path(folder), 4), "text")
        print(f"4 services, text: {start_up:.2f} s of CPU")
        for form in ("text", "json"):
            costs = {}
            for services in (2_500, 10_000):
                file = _written(Path(folder), services)
                costs[services], memory = min(cost(file, form) for _ in range(3))
                print(f"{services:,} services, {form}: {costs[services]:.2f} s of CPU, {memory:.0f} MB")
            growth = (costs[10_000] - start_up) / (costs[2_500] - start_up)
            print(f"4 times the services, {form}: {growth:.1f} times the work")


def _written(folder: Path, services: int) -> Path:
    file = folder / f"{services}.yaml"
    file.write_text(spec(services), encoding="utf-8")
    return file


if __name__ == "__main__":
    main()
