"""The lock of images: which digest each image of an environment has, as CI found it.

Takes a file that CI wrote (`pipeline.lock`) and that people and merges can
touch; gives the plan with every image pinned, or findings with their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.load import read_document, read_source
from compiler.document.node import Node, shortened
from compiler.plan.encode import plan_digest
from compiler.plan.model import Image, Plan
from compiler.source import Span
from compiler.spec.partial import read_partly
from compiler.spec.schema import document_schema
from compiler.spec.shape import Exactly, JsonSchema, MapOf, Record, Text, member

FILE_NAME = "images.lock.yaml"
KIND = "ImageLock"
_API_VERSION = "stagecast/v1beta1"
_STAND_INS = {"apiVersion": _API_VERSION, "kind": KIND, "environment": "", "images": {}}
_HINT = "take the lock of the run that built this state of the spec"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LockedImage:
    """An image as the registry has it."""

    at: Node
    repository: str = member(Text(min_length=1), "Where it is pulled from, without tag.")
    tag: str | None = member(
        Text(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", wanted="a tag"),
        "The tag that it was pushed under.",
        default=None,
    )
    digest: str = member(
        Text(pattern=r"^sha256:[0-9a-f]{64}$", wanted="`sha256:` and 64 hexadecimal digits"), "Its digest."
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lock:
    """The images of one environment by their ids in its plan."""

    at: Node
    api_version: str = member(Exactly(_API_VERSION), "Version of this format.")
    kind: str = member(Exactly(KIND), "What the file describes.")
    environment: str = member(Text(), "Name of the environment.")
    images: dict[str, LockedImage] = member(
        MapOf(Record(LockedImage)), "The images, by their ids in the plan."
    )


LOCK = Record(Lock)


def lock_schema() -> JsonSchema:
    """The schema of a lock."""
    return document_schema(LOCK, "Stagecast lock of images, stagecast/v1beta1")


def read_lock(path: Path, findings: Findings) -> Lock | None:
    """The lock in a file; None, and why in `findings`, when it cannot be used as a whole.

    Raises:
        OSError: the file cannot be read.
    """
    about = Findings()
    source = read_source(path, about)
    root = read_document(source, about, "a lock of images") if source is not None else None
    lock: Lock | None = read_partly(LOCK, root, _STAND_INS, about).value if root is not None else None
    findings.extend(about)
    return None if about.has_errors else lock


def pin(plan: Plan, lock: Lock, findings: Findings) -> Plan:
    """The plan with tag and digest of every image from the lock; what does not fit is in `findings`."""
    problems = list(_problems(plan, lock))
    findings.extend(problems)
    if problems:
        return plan
    images = tuple(_pinned(image, lock.images) for image in plan.images)
    pinned = replace(plan, images=images)
    return replace(pinned, digest=plan_digest(pinned))


def _pinned(image: Image, locked: Mapping[str, LockedImage]) -> Image:
    found = locked[image.id]
    return replace(image, tag=found.tag, digest=found.digest)


def _problems(plan: Plan, lock: Lock) -> Iterator[Diagnostic]:
    """Why the lock is not one of this plan."""
    if lock.environment != plan.environment:
        span = lock.at.at(("environment",)).place
        message = f"the lock is of the environment {shortened(lock.environment)}, not of {plan.environment}"
        yield _mismatch(message, span)
        return
    for image in plan.images:
        found = lock.images.get(image.id)
        if found is None:
            at = lock.at.at(("images",))
            yield _mismatch(f"the lock has no digest of the image {shortened(image.id)}", at.key_span)
        elif found.repository != image.repository:
            message = f"the image {shortened(image.id)} is now at {image.repository}"
            yield _mismatch(message, found.at.at(("repository",)).place)
        elif image.build is None and image.tag is not None and found.tag != image.tag:
            message = f"the image {shortened(image.id)} now has the tag {image.tag}"
            yield _mismatch(message, found.at.at(("tag",)).place)
        elif image.digest is not None and found.digest != image.digest:
            message = f"the image {shortened(image.id)} now has the digest {image.digest}"
            yield _mismatch(message, found.at.at(("digest",)).place)


def _mismatch(message: str, span: Span) -> Diagnostic:
    return Diagnostic("STC707", Severity.ERROR, message, span, hint=_HINT)
