"""`stagecast compile --target all`: CPU time, memory and growth; and a few services beside `helm template`.

Bounds: 1,000 services to all targets in 1.5 s of CPU, 10,000 in at most 11
times that and under 1 GB; twelve services in no more time than `helm template`
takes for their twelve releases. `--check` exits with 1 when a bound is missed.
The services are those of benchmarks/plan.py. A clean folder every time.

    python benchmarks/compile.py [--helm HELM] [--check]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from plan import STAGECAST, spec

# The shop has four services, so three shops.
TEN, SMALL, LARGE = 12, 1_000, 10_000
CPU_S, GROWTH, MEMORY_MB = 1.5, 11.0, 1000.0


def compiled(file: Path, out: Path, *targets: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of one compilation into a folder that does not exist.

    Nothing is deleted in between: ext4 looks long for inodes that were not freed just now.
    """
    flags = [f"--target={target}" for target in targets]
    command = [STAGECAST, "compile", file, "--output", out, "--format", "json", *flags]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"stagecast compile failed with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def rendered(helm: str, out: Path) -> None:
    """`helm template` on every release of an output, one after another."""
    for values in sorted(out.glob("helm/values/*/*.yaml")):
        kind = {"db": "database", "job": "job"}.get(values.stem.partition("-")[0], "workload")
        # Built images get their tag at deployment.
        tag = ["--set-string=image.tag=content-1"] if kind == "workload" else []
        command = [helm, "template", values.stem, out / "helm/charts" / kind, "--values", values, *tag]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def large(folder: Path) -> bool:
    """Measure and print the two sizes; whether all bounds hold."""
    costs = {}
    for services in (SMALL, LARGE):
        file = folder / f"{services}.yaml"
        file.write_text(spec(services), encoding="utf-8")
        runs = [compiled(file, folder / f"{services}-{run}", "all") for run in range(3)]
        costs[services], memory = min(runs)
        print(f"{services:,} services, all targets: {costs[services]:.2f} s of CPU, {memory:.0f} MB")
    growth = costs[LARGE] / costs[SMALL]
    print(f"10 times the services: {growth:.1f} times the CPU (at most {GROWTH:.0f})")
    return costs[SMALL] <= CPU_S and growth <= GROWTH and memory <= MEMORY_MB


def small(folder: Path, helm: str) -> bool:
    """Time a few services beside helm, in turn; whether ours takes no longer."""
    file = folder / "ten.yaml"
    file.write_text(spec(TEN), encoding="utf-8")
    ratios = []
    for run in range(5):
        out = folder / f"ten-{run}"
        start = time.perf_counter()
        compiled(file, out, "helm")
        between = time.perf_counter()
        rendered(helm, out)
        ratios.append((between - start) / (time.perf_counter() - between))
    ratio = statistics.median(ratios)
    print(f"{TEN} services: stagecast compile / helm template on each release: {ratio:.2f}")
    return ratio <= 1


def main() -> None:
    """Measure, print, and judge when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--helm", default=shutil.which("helm"), help="the helm to compare with")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bound is missed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        good = small(Path(name), arguments.helm) if arguments.helm else True
        good = large(Path(name)) and good
    if arguments.check and not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
