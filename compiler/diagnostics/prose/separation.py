"""What Dockerfiles should keep apart: dependencies and sources, building and running."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

TOOLCHAIN_IN_IMAGE = Prose(
    why="""
        The image that runs holds the compiler that made it.
    """,
    example="""
        FROM golang:1.23.2
        COPY . .
        RUN go build -o /app .
        CMD ["/app"]
    """,
    advice="See the page of the rule.",
    language="dockerfile",
)

DEPENDENCIES_AFTER_SOURCES = Prose(
    why="""
        Dependencies are installed again whenever any file changes.
    """,
    example="""
        FROM node:22.11.0
        COPY . .
        RUN npm ci
    """,
    instead="""
        FROM node:22.11.0
        COPY package.json package-lock.json ./
        RUN npm ci
        COPY . .
    """,
    language="dockerfile",
)
