"""What Dockerfiles should keep apart: dependencies and sources, building and running."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

TOOLCHAIN_IN_IMAGE = Prose(
    why="""
        The image that runs holds the compiler that made the program. It is hundreds of megabytes that every
        push, every node and every scan of the image carries, and tools in the hands of whoever breaks in.
        A build in a stage of its own leaves them behind, and the last stage only copies the result.

        It is told of Go, Rust, C and C++, Java, .NET and static web sites, and only where the toolchain, the
        compilation and a start of its result are all seen in the target's stage.
    """,
    example="""
        FROM golang:1.23.2
        WORKDIR /src
        COPY go.mod go.sum ./
        RUN go mod download
        COPY . .
        RUN CGO_ENABLED=0 go build -o /app .
        CMD ["/app"]
    """,
    instead="""
        FROM golang:1.23.2 AS build
        WORKDIR /src
        COPY go.mod go.sum ./
        RUN go mod download
        COPY . .
        RUN CGO_ENABLED=0 go build -o /app .

        FROM scratch
        COPY --from=build /app /app
        CMD ["/app"]
    """,
    advice="""
        Files that the program opens when it runs, such as templates and certificates, are copied as well.
        An image that is meant to hold the tools, to build, test or develop in, says so by its name
        (`Dockerfile.dev`, `ci/`), or by `# stagecast: ignore[STC907]`.
    """,
    language="dockerfile",
)

DEPENDENCIES_AFTER_SOURCES = Prose(
    why="""
        An install of dependencies reads a few files, but its cache key holds every file that was copied
        before it: one changed line of source downloads and installs everything again. In public repositories
        such an install was cached in 2 % of the builds; with the manifests copied first it would have been
        in 62 %.
    """,
    example="""
        FROM node:22.11.0
        WORKDIR /app
        COPY . .
        RUN npm ci
    """,
    instead="""
        FROM node:22.11.0
        WORKDIR /app
        COPY package.json package-lock.json ./
        RUN npm ci
        COPY . .
    """,
    advice="""
        What comes first is all that the install reads: the manifests of every workspace, lock file, settings,
        patches, and what its scripts run. The fix copies that closure, and is offered where all of it is
        known. It is safe where the later copy cannot overwrite what the install wrote: list `node_modules`,
        `vendor` and their like in .dockerignore.
    """,
    language="dockerfile",
)
