"""STC901: base images of Dockerfiles."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

UNPINNED_BASE = Prose(
    why="""
        An image without a tag, or with one that moves (`latest`, `lts`, `alpine`), is another image
        tomorrow. The day it moves, every step of the build runs again, on every builder at its own time;
        two builds of one commit differ, and the one that worked cannot be made again. Defaults of build
        arguments are followed, and images of `COPY --from=` and `--mount=from=` count as well.

        Stages, `scratch`, digests and arguments without a default are no findings, nor is a release of a
        distribution such as `debian:bookworm`. There is no fix: which version is right the file does not say.
    """,
    example="""
        ARG NODE=node
        FROM ${NODE} AS build
        COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/
    """,
    instead="""
        ARG NODE=node:22.11.0-bookworm-slim
        FROM ${NODE} AS build
        COPY --from=ghcr.io/astral-sh/uv:0.5.4 /uv /bin/
    """,
    advice="A digest (`node:22.11.0@sha256:...`) cannot change at all.",
    language="dockerfile",
)
