"""What Dockerfiles do with the build cache."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

LATE_SYSTEM_PACKAGES = Prose(
    why="""
        System packages are installed again whenever a file changes that they do not need.
    """,
    example="""
        FROM debian:12.8
        COPY . /app
        RUN apt-get update && apt-get install -y curl
    """,
    instead="""
        FROM debian:12.8
        RUN apt-get update && apt-get install -y curl
        COPY . /app
    """,
    language="dockerfile",
)

EARLY_CHANGING_ARGUMENT = Prose(
    why="""
        Every RUN after an ARG has its value in its key, whether it uses it or not.
    """,
    example="""
        FROM node:22.11.0
        ARG COMMIT_SHA
        RUN npm install -g pnpm@9.12.0
    """,
    instead="""
        FROM node:22.11.0
        RUN npm install -g pnpm@9.12.0
        ARG COMMIT_SHA
    """,
    language="dockerfile",
)

BROAD_COPY_WITHOUT_IGNORE = Prose(
    why="""
        What the build does not need is in the key of `COPY . .`.
    """,
    example="""
        FROM node:22.11.0
        COPY . .
    """,
    advice="See the page of the rule.",
    language="dockerfile",
)

UPDATE_ALONE = Prose(
    why="""
        A cached `apt-get update` is a list of packages that no longer exist.
    """,
    example="""
        FROM debian:12.8
        RUN apt-get update
        RUN apt-get install -y curl
    """,
    instead="""
        FROM debian:12.8
        RUN apt-get update && apt-get install -y curl
    """,
    language="dockerfile",
)

PACKAGE_CACHE_IN_IMAGE = Prose(
    why="""
        A package cache in a layer is pushed and pulled and never used.
    """,
    example="""
        FROM python:3.12.7
        RUN pip install flask==3.0.3
    """,
    instead="""
        FROM python:3.12.7
        RUN pip install --no-cache-dir flask==3.0.3
    """,
    language="dockerfile",
)

NO_CACHE_MOUNT = Prose(
    why="""
        Every run of an installation downloads everything again.
    """,
    example="""
        FROM python:3.12.7
        COPY requirements.txt .
        RUN pip install -r requirements.txt
    """,
    instead="""
        FROM python:3.12.7
        COPY requirements.txt .
        RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
    """,
    language="dockerfile",
)
