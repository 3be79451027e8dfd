"""The schemas of Argo CD's and Argo Workflows' own resources, generated from their types, from npm.

Takes resources, gives what is wrong with them: types, and fields that Argo does
not know. Knows nothing of pytest and of the project.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import npm_tools

SCRIPT = "validate.mjs"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class CrdSchemas:
    """The validators of one package in place."""

    node: str
    folder: Path

    def problems(self, resources: Sequence[Any]) -> list[str]:
        """What the schemas hold against resources, one line each."""
        result = subprocess.run(
            [self.node, SCRIPT],
            cwd=self.folder,
            input=json.dumps(resources),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        found: list[str] = json.loads(result.stdout)
        return found


def crd_schemas(name: str, root: Path | None = None) -> CrdSchemas:
    """The validators of "argo-cd" or "argo-workflows", installed on first use. Raises ToolMissingError."""
    return CrdSchemas(npm_tools.node(), npm_tools.installed(name, root))
