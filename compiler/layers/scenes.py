"""What holds in a stage as the build goes through it: environment, shell, folder, user, the step so far.

Takes the instructions one by one, in BuildKit's order, with the build
arguments; makes no step. It differs from `compiler.dockerfile.scope` in what
only the cache feels: the order of the environment. A variable that is set
again goes to the end (client/llb: EnvList.AddOrReplace), and a stage that is
built FROM another one sets the variables of that one's ENV anew, ARG or not
(frontend/dockerfile/dockerfile2llb/convert.go: dispatchStages).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.dockerfile.expansion import Allowance, BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.scope import DEFAULT_SHELL, LONGEST_PATH, LONGEST_VALUE
from compiler.layers.model import BaseImage

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RAW = Rules(no_quotes=True)
# Arguments of the frontend itself, which never enter the environment (nonEnvArgs).
_NEVER_SET = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))


@dataclass(slots=True)
class Scene:
    """A stage at one moment; it changes as the stage goes on.

    `values` is the environment of a RUN in its order, `config` what the image
    keeps of it (ENV, not ARG). `parent` is the step that the next one goes on
    from. `image_known` tells that the environment of the base image is known,
    `unset` are names that had no value when they were asked for. All expansions
    of a build share the allowance.
    """

    rules: Rules
    given: Mapping[str, str]
    everywhere: Mapping[str, str]
    allowance: Allowance
    values: dict[str, str] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = DEFAULT_SHELL
    folder: str = "/"
    user: str = ""
    platform: str = ""
    parent: int | None = None
    image_known: bool = True
    unset: set[str] = field(default_factory=set)

    def child(self) -> Scene:
        """What a stage that is built FROM this one starts with."""
        found = Scene(
            self.rules,
            self.given,
            self.everywhere,
            self.allowance,
            dict(self.values),
            dict(self.config),
            self.shell,
            self.folder,
            self.user,
            self.platform,
            self.parent,
            self.image_known,
        )
        found._set_again()
        return found

    def start(self, image: BaseImage | None) -> None:
        """Take over what the base image says; None is an image of which nothing is known."""
        self.image_known = image is not None
        if image is not None:
            self.config = dict(image.environment)
            self.config.setdefault("PATH", DEFAULT_PATH)
            self.folder, self.user = _joined("/", image.folder), image.user
            self._set_again()

    def _set_again(self) -> None:
        for name, value in self.config.items():
            self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        self.values.pop(name, None)
        self.values[name] = value

    def expand(self, text: str, *, raw: bool = False, limit: int = LONGEST_VALUE) -> str | None:
        """A word with its variables replaced, None where BuildKit refuses it; `raw` is a heredoc's text."""
        if "$" not in text and not any(c in text for c in ("'", '"', self.rules.escape, "\\", "\ufeff")):
            return text
        rules = _RAW if raw else self.rules
        try:
            found = expand(text, self.values, rules, max(limit, 2 * len(text)), self.allowance)
        except BadSubstitution:
            return None
        self.unset |= found.unset
        return found.text

    def state(self, instruction: Instruction) -> None:
        """Take in an instruction that makes no step."""
        if instruction.name == "ENV":
            self._environment(instruction)
        elif instruction.name == "ARG":
            self._declare(instruction)
        elif instruction.name == "SHELL" and instruction.json:
            self.shell = tuple(word.text for word in instruction.words)
        elif instruction.name == "USER" and instruction.words:
            self.user = self.expand(instruction.words[0].text) or self.user

    def go_to(self, instruction: Instruction) -> str:
        """Take in a WORKDIR; gives the folder."""
        said = self.expand(instruction.words[0].text, limit=LONGEST_PATH) if instruction.words else None
        if said:
            self.folder = _joined(self.folder, said)
        return self.folder

    def _environment(self, instruction: Instruction) -> None:
        # All of one ENV are expanded with what held before it.
        found = [
            (self.expand(each.name.text), self.expand(each.value.text) if each.value else "")
            for each in instruction.assignments
        ]
        for name, value in found:
            if name and value is not None:
                self._set(name, value)
                self.config[name] = value

    def _declare(self, instruction: Instruction) -> None:
        for assignment in instruction.assignments:
            name = assignment.name.text
            if name in self.given:
                value: str | None = self.given[name]
            elif assignment.value is not None:
                value = self.expand(assignment.value.text)
            else:
                value = self.everywhere.get(name)
            if value is not None and name not in _NEVER_SET:
                self._set(name, value)


def _joined(folder: str, said: str) -> str:
    """A folder after going to another one, cleaned as Go's filepath.Clean does."""
    return "/" + posixpath.normpath(posixpath.join(folder, said)).lstrip("/")
