"""The JSON Schema of `stagecast why --json` (draft 7): all keys are required, no others are allowed."""

from __future__ import annotations

from compiler.layers.model import Reason, StepKind
from compiler.layers.why import Difference
from simulator.report.json_schema import Schema, array, count, nullable, record, text
from stagecast.views.layer_reasons.json import WHY_VERSION


def why_schema() -> Schema:
    """Of `stagecast why --json`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:why:v1",
        "title": "Stagecast reasons of a build",
        **record(
            "Which steps of an image's build come from the cache and which run, and why, as "
            "`stagecast why --json` prints it.",
            {
                "version": {"const": WHY_VERSION, "description": "The version of this format."},
                "environment": text("The environment's name."),
                "services": array("The services that run the image.", text("A service's name.")),
                "dockerfile": text("The Dockerfile's path from the repository's root."),
                "context": text("The context's path from the repository's root."),
                "target": nullable(text("The stage that is built; null for the last one.")),
                "cache": text("Which cache it is.", enum=["persistent", "registry"]),
                "from": _end("What was built before, on an empty cache."),
                "to": _end("What is built then."),
                "hits": count("How many steps come from the cache."),
                "misses": count("How many steps run."),
                "steps": array("The steps that the target needs, base images included.", _step()),
            },
        ),
    }


def _end(description: str) -> Schema:
    return record(
        description,
        {
            "name": text("What it was called, or `the working tree`."),
            "commit": nullable(text("The commit's id; null for the working tree.")),
            "hasDockerfile": {"type": "boolean", "description": "Whether the Dockerfile is there."},
        },
    )


def _step() -> Schema:
    reasons = [reason.value for reason in Reason]
    return record(
        "One step.",
        {
            "step": count("Its number."),
            "line": count("The line of its instruction.", 1),
            "kind": text("What it does.", enum=[kind.value for kind in StepKind]),
            "stage": text("The name of its stage, or its number from 0."),
            "instruction": text(
                "The instruction on one line, shortened; the name of an image that is copied from."
            ),
            "hit": {"type": "boolean", "description": "Whether it comes from the cache."},
            "sure": {
                "type": "boolean",
                "description": "False where it hangs on what a command writes or on an unknown base image.",
            },
            "reason": nullable(
                text(
                    "Why it runs: a step before it runs (parent), its files or a part of its key are not "
                    "the same, there was no such step (new), the registry's cache does not hold it "
                    "(export), or it was told to (forced). Null for a hit.",
                    enum=[*reasons, None],
                )
            ),
            "roots": array("The steps that began it: itself unless the reason is parent.", count("A step.")),
            "files": array(
                "With the reason files: those that are not the same.",
                record(
                    "A file.",
                    {
                        "path": text("Its path from the context."),
                        "difference": text("What happened to it.", enum=[each.value for each in Difference]),
                    },
                ),
            ),
            "parts": array(
                "With the reason part: what is not the same.",
                record(
                    "A part of the step's key.",
                    {
                        "name": text("command, folder, image ..., or variable and its name."),
                        "line": nullable(count("The line that sets it; null where that is not known.", 1)),
                        "gone": {"type": "boolean", "description": "Whether it is no longer set."},
                        "was": nullable(text("What it was, for images and folders where that is known.")),
                        "now": nullable(text("What it is, for images and folders.")),
                    },
                ),
            ),
        },
    )
