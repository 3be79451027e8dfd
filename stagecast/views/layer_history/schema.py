"""The JSON Schema of `stagecast history --json` (draft 7): all keys are required, no others are allowed."""

from __future__ import annotations

from simulator.report.json_schema import Schema, array, count, nullable, record, share, text
from stagecast.views.layer_history.json import HISTORY_VERSION


def history_schema() -> Schema:
    """Of `stagecast history --json`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:history:v1",
        "title": "Stagecast history of layers",
        **record(
            "How often each layer of an environment's images would have come from the build cache, as "
            "`stagecast history --json` prints it. Shares are between 0 and 1.",
            {
                "version": {"const": HISTORY_VERSION, "description": "The version of this format."},
                "environment": text("The environment's name."),
                "commits": record(
                    "The commits that were looked at: the last ones of the first-parent line.",
                    {
                        **_counts(),
                        "first": nullable(text("The oldest commit's id.")),
                        "last": nullable(text("The newest commit's id.")),
                        "complete": {"type": "boolean", "description": "Whether there are no older ones."},
                    },
                ),
                "builds": array("The builds of files of this repository.", _build()),
            },
        ),
    }


def _build() -> Schema:
    return record(
        "One build. A rebuild is a commit that changes a file that the build can see.",
        {
            "services": array("The services that run its image.", text("A service's name.")),
            "dockerfile": text("The Dockerfile's path from the repository's root."),
            "context": text("The context's path from the repository's root."),
            "target": nullable(text("The stage that is built; null for the last one.")),
            "cache": text("Which cache was replayed.", enum=["persistent", "registry"]),
            "rebuilds": record("How many rebuilds there were.", _counts()),
            "unbuildable": record(
                "Commits that are left out, since today's Dockerfile cannot be built of their files.",
                {
                    "commits": count("How many."),
                    "lacking": array("What some of them lack.", text("A pattern, from the context.")),
                },
            ),
            "recent": array(
                "What layers read and most of the history does not have: taken to be absent there.",
                text("A pattern, from the context."),
            ),
            "outside": array(
                "What layers read and Git does not have: it is taken to change with every commit.",
                text("A pattern, from the context."),
            ),
            "layers": array("The steps of the target in their order, base images left out.", _layer()),
            "paths": array(
                "The files that layers read and rebuilds changed, the most frequent first.", _path()
            ),
        },
    )


def _layer() -> Schema:
    rate = nullable(share("Of the rebuilds after such commits; null where there are none."))
    return record(
        "One step.",
        {
            "step": count("Its number; base images count as well."),
            "line": count("The line of its instruction.", 1),
            "kind": text("What it does.", enum=["run", "copy", "add", "workdir"]),
            "stage": text("The name of its stage, or its number from 0."),
            "instruction": text("The instruction on one line."),
            "hits": record("The rebuilds that found it in the cache.", _counts()),
            "hitRate": record(
                "The share of rebuilds that found it in the cache.",
                {"people": rate, "automatic": rate, "all": rate},
            ),
            "breaks": count("The rebuilds of which it was the first step that was not found."),
        },
    )


def _path() -> Schema:
    return record(
        "One file.",
        {
            "path": text("Its path from the context."),
            "changes": record("The rebuilds that changed it.", _counts()),
            "steps": array("The steps that read it, by their numbers.", count("A step.")),
        },
    )


def _counts() -> dict[str, Schema]:
    return {
        "people": count("After commits that people wrote."),
        "automatic": count("After commits that a program wrote."),
        "all": count("Of both."),
    }
