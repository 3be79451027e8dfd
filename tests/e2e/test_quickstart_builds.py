"""Every Dockerfile of examples/quickstart builds with a real BuildKit.

Where the engine is one of our own, nothing can be pulled: the public busybox
image that the Dockerfiles name is then stood in for by Debian's busybox-static
(see docker_engine). With the user's own engine the public image is pulled.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docker_engine import DockerEngine

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
DOCKERFILES = sorted(QUICKSTART.glob("**/Dockerfile"))
BUSYBOX = re.compile(r"^FROM (?:--platform=\S+ )?(busybox:\S+)", re.MULTILINE)

pytestmark = pytest.mark.e2e


def test_there_is_something_to_build() -> None:
    assert DOCKERFILES


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(QUICKSTART)))
def test_builds(docker_engine: DockerEngine, dockerfile: Path) -> None:
    """The context is the Dockerfile's folder, as it is in the example's environment."""
    if docker_engine.private:
        for reference in BUSYBOX.findall(dockerfile.read_text()):
            docker_engine.stand_in_for_busybox(reference)
    tag = f"stagecast-test/{dockerfile.parent.name.lower()}:e2e"
    try:
        result = docker_engine.build(dockerfile.parent, tag)
        assert result.returncode == 0, result.stdout + result.stderr
        [image] = json.loads(docker_engine.run("image", "inspect", tag).stdout)
        assert image["Config"]["Cmd"] or image["Config"]["Entrypoint"], "the image says what it runs"
    finally:
        docker_engine.run("image", "rm", "--force", tag)
