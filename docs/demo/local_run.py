"""The last part of `make demo`: `stagecast run` on examples/quickstart, where a container engine is there.

Everything is private and goes away afterwards: a Docker engine and two image
registries of its own, and a Kubernetes API whose binaries have been built before
(`make e2e` does). What is missing is said, and is no failure of the demo.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests" / "tools"), str(CHECKOUT / "tests" / "e2e"), str(CHECKOUT)]

import control_plane  # noqa: E402 - the tools of the tests, found by the path above
import toolchain  # noqa: E402
from docker_engine import docker_engine  # noqa: E402
from local_site import make_site  # noqa: E402
from registry import registry  # noqa: E402


def main() -> None:
    """Run the quickstart twice: the second time there is nothing to do."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(docker_engine())
            if not engine.private:
                raise toolchain.ToolMissingError("as root the demo starts a Docker engine of its own")
            mirror, origin = (stack.enter_context(registry()) for _ in range(2))
            built = os.environ.get("STAGECAST_K8S_BIN") or control_plane.is_built()
            if not built:
                raise toolchain.ToolMissingError("no Kubernetes API has been built yet (`make e2e` does)")
            cluster = stack.enter_context(control_plane.control_plane())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            site = make_site(folder, engine, mirror, origin, cluster, toolchain.helm(4))
        except toolchain.ToolMissingError as problem:
            print(f"no local run here: {problem}")
            return
        for _ in range(2):
            command = site.command()
            print(f"\n$ {' '.join(['stagecast', *command[3:]])}", flush=True)
            subprocess.run(command, cwd=site.repository, env=dict(site.environment), check=True)


if __name__ == "__main__":
    main()
