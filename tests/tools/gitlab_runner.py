"""The runner that executes GitLab pipelines here: gitlab-ci-local, jobs as processes of this machine.

Owns where it comes from (npm, pinned with checksums by the lock file beside
this module, unpacked into the cache of `toolchain`) and how it is called. Takes
a Git repository and the variables of its project. Knows nothing of pytest and
of the project.

What it does as GitLab does: includes, rules, variables, `extends`, stages,
`needs`, artifacts, child pipelines. What it does not: resource groups,
cancelling after a failure, `rules:variables` of trigger jobs, and jobs start
in waves.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import npm_tools
from toolchain import ToolMissingError

ENTRY = Path("node_modules/gitlab-ci-local/src/index.js")
PROGRAMS = {"node": "nodejs", "npm": "npm", "rsync": "rsync", "bash": "bash", "git": "git"}


@dataclass(frozen=True, slots=True)
class GitLab:
    """The runner, in place. `home` takes what it leaves behind outside the repository."""

    node: Path
    entry: Path
    home: Path

    def run(
        self,
        repository: Path,
        *arguments: str,
        variables: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `gitlab-ci-local ARGUMENTS` on a repository. At most 300 seconds.

        Every job has a copy of what git tracks and the artifacts that it asked
        for, nothing else. `variables` are those of the project's settings, and
        predefined ones that say what started the pipeline; `environment` is
        added to this process's. GitLab's schema is not looked at: that is
        check-jsonschema's business.
        """
        lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in variables.items())
        (self.home / "variables.yml").write_text(lines, encoding="utf-8")
        fixed = [
            f"--home={self.home}",
            f"--variables-file={os.path.relpath(self.home / 'variables.yml', repository)}",
            f"--ignore-predefined-vars={','.join(variables)}",
            "--shell-executor-no-image",
            "--shell-isolation",
            "--no-artifacts-to-source",
            "--no-json-schema-validation",
            "--no-color",
        ]
        return subprocess.run(
            [self.node, self.entry, *fixed, *arguments],
            cwd=repository,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def gitlab_runner(home: Path, root: Path | None = None) -> GitLab:
    """The pinned runner, installed on first use; safe in several processes at once.

    `root` is the cache folder (that of `toolchain` by default). Raises
    ToolMissingError when a program that it needs is missing, or it cannot be
    installed.
    """
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise ToolMissingError(f"gitlab-ci-local needs {program}: in Debian `{package}`")
    folder = npm_tools.installed("gitlab-ci-local", root)
    return GitLab(Path(npm_tools.node()), folder / ENTRY, home)
