"""What Dockerfiles do with the build cache."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

LATE_SYSTEM_PACKAGES = Prose(
    why="""
        A step runs again when one before it did. An installation of system packages that
        stands after a `COPY` of sources is done again for every change of a source that it
        does not read, which takes ten seconds to minutes. Copies count that change often: by the
        repository's history, in at least one of ten commits that the build sees; without a
        history, the whole context, folders of sources, and what another stage compiled.

        Not reported: a stage that the target does not need; a RUN that names, starts or
        installs something that was copied; copies of keys, package sources, settings and
        manifests; copies to `/` and `/etc`, which may be meant for the installation.
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
        The value of an `ARG` or `ENV` is in the key of every RUN that follows it, whether the RUN
        uses it or not. A commit, a build's number or a date is another one each time, so
        that nothing after it is ever found in the cache. Declare it right before its first use.

        Not reported: versions and checksums of other software (`NODE_VERSION`), a fixed
        default, a RUN that starts something of the project's own, which may read the variable, and
        a RUN that runs again anyway because of the files before it.
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
        Every file that `COPY . .` takes along is in its key. `.git` is another one after each
        commit, even one that changes a README; dependencies and build results of the
        developer's machine are sent to the builder, change without need, and may overwrite
        those of the image. Leave them out with `.dockerignore`.

        Not reported: what .dockerignore has; a build in which something asks Git (`git describe`,
        setuptools_scm, a script that is run); folders such as `build` and `vendor` that the repository
        itself holds; what another instruction copies by its name; a context that is not known.
    """,
    example="""
        FROM node:22.11.0
        COPY . .
    """,
    advice="Write a `.dockerignore` with `.git`, `node_modules` and the like, a line each.",
    language="dockerfile",
)

UPDATE_ALONE = Prose(
    why="""
        The RUN that fetches the package list is found in the cache for as long as nothing
        before it changes. The other RUN then installs by a list that may be months old: packages
        that it names are gone from the mirror, and the build fails, or security updates are
        missing. In one RUN, the list is fetched whenever something is installed.

        Not reported: an installation that fetches the list itself (`apk add --no-cache`, `-U`).
        RUNs are never joined for the sake of having fewer.
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
        What a package manager keeps for its next run lies in the layer, is pushed with each build
        and pulled with each deployment, and nothing in a container reads it. A later RUN cannot take it
        out again: a layer only adds. Lists of apt are 20 to 50 MB; caches of pip and npm are
        as large as what they downloaded.

        Not reported: stages whose layers are not in the final image, a cache in a mount, and
        what the base image's variables may turn off when nobody knows that image.
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
        A layer is all or nothing: with one changed dependency the installation starts from an
        empty cache and downloads all of them. A cache mount keeps the downloads between the
        builds of one builder, and out of the image. Only for builders that stay: on one that is
        new for each build a mount is empty, and nothing is reported.
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
