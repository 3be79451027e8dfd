"""Base images of Dockerfiles."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

UNPINNED_BASE = Prose(
    why="""
        A base image without a fixed version is another image tomorrow.
    """,
    example="""
        FROM node
    """,
    instead="""
        FROM node:22.11.0-bookworm-slim
    """,
    language="dockerfile",
)
