"""How fast our YAML writer is against libyaml's emitter, side by side in one run.

Both write the same values: service records as the Helm back end emits them,
about 300,000 lines. Times are CPU seconds, the best of several alternating
rounds; only their ratio means anything on another machine. Both outputs are
loaded at a small size first and must be equal. Exit code 1 when the ratio is
above `--at-most`.

    python benchmarks/emit.py [--services N] [--rounds N] [--at-most RATIO]
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ruamel.yaml import YAML

from compiler.emit.yaml import _KEYS, _TEXTS, dump


def records(count: int) -> list[dict[str, object]]:
    """`count` services of 30 lines each: words, numbers, ambiguous strings, a script."""
    return [
        {
            "name": f"service-{n}",
            "image": f"registry.example.com/shop/service-{n}:7.4.{n}",
            "replicas": n % 5,
            "version": f"{n}",
            "ports": [{"internal": 8080, "protocol": "HTTP", "public": n % 2 == 0}],
            "resources": {"cpu": "500m", "memory": "4Gi"},
            "env": {f"VARIABLE_{k}": f"value {n % 50}: {k}" for k in range(14)},
            "command": "set -e\nexec ./run --port 8080\n",
        }
        for n in range(count)
    ]


def with_libyaml(value: object) -> str:
    """The same through ruamel.yaml's binding of libyaml, in block style."""
    writer = YAML(typ="safe", pure=False)
    writer.default_flow_style = False
    writer.width = 1 << 16
    stream = io.StringIO()
    writer.dump(value, stream)
    return stream.getvalue()


def with_ours(value: object) -> str:
    """Ours, with nothing remembered from the round before."""
    _TEXTS.clear()
    _KEYS.clear()
    return dump(value)


def cpu_s(write: Callable[[object], str], value: object) -> float:
    """CPU seconds of one call."""
    gc.collect()
    start = time.process_time()
    write(value)
    return time.process_time() - start


def main() -> int:
    """Measure, print one table, return the exit code."""
    parser = argparse.ArgumentParser(description="our YAML writer against libyaml's emitter")
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-most", type=float, default=0.1, metavar="RATIO")
    options = parser.parse_args()
    sample = records(50)
    for write in (with_ours, with_libyaml):
        if YAML(typ="safe").load(write(sample)) != sample:
            sys.exit(f"{write.__name__} does not write what was given")
    value = records(options.services)
    rounds = [(cpu_s(with_ours, value), cpu_s(with_libyaml, value)) for _ in range(options.rounds)]
    ours, libyaml = (min(times) for times in zip(*rounds, strict=True))
    ratio = ours / libyaml
    print(f"{'lines':<24}{dump(value).count(chr(10)):>10,}")
    print(f"{'ours':<24}{ours:>10.3f} s")
    print(f"{'ruamel.yaml, libyaml':<24}{libyaml:>10.3f} s")
    print(f"{'ratio':<24}{ratio:>10.3f}   (at most {options.at_most})")
    return int(ratio > options.at_most)


if __name__ == "__main__":
    sys.exit(main())
