"""STC5xx: sources, images and Dockerfiles."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

MUTABLE_IMAGE_TAG = Prose(
    why="""
        An image without a tag, or with one such as `latest`, names something else tomorrow. Two
        deployments of the same spec then run different programs, a rollback does not roll back, and the
        copy in the mirror cannot be told from a stale one.
    """,
    example="""
        services:
          cache: {type: container, image: redis}
    """,
    instead="""
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
    advice="A digest (`redis:7.4.2@sha256:...`) cannot change at all.",
)

MALFORMED_IMAGE = Prose(
    why="""
        The reference does not follow the grammar of the OCI distribution specification: a registry, if
        any, a path in lower case, then `:tag` or `@sha256:` with 64 hexadecimal digits. No registry can
        serve it. The mirror's path and a database's version become parts of such a reference and follow
        the same rules.
    """,
    example="""
        services:
          web: {type: container, image: "Acme/Web:1.0"}
    """,
    instead="""
        services:
          web: {type: container, image: "acme/web:1.0"}
    """,
)

PATH_OUTSIDE_REPOSITORY = Prose(
    why="""
        A context, Dockerfile or other path leads out of the repository, through `..`, an absolute path or
        a symbolic link. It works on the machine of its author and nowhere else: a pipeline clones the
        repository and has nothing beside it.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop", context: ../shared}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop", context: web}
    """,
)

MISSING_DOCKERFILE = Prose(
    why="""
        The source is a local repository and has no file at the Dockerfile's path. The path counts from
        the context. The platform would find out in its pre-check, after the pipeline has started.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: ".", dockerfile: no-such.Dockerfile}
    """,
    advice="Correct `dockerfile` or `context`, or add the file.",
)

MISSING_CONTEXT = Prose(
    why="""
        The repository has nothing at this path: the context of a build, the folder of a chart or of a
        Terraform configuration, or a values file of a chart.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: ".", context: no-such-folder}
    """,
    advice="Correct the path. It counts from the file that says it.",
)

UNKNOWN_BUILD_TARGET = Prose(
    why="""
        `target` names a stage that no `FROM ... AS NAME` of the Dockerfile defines. BuildKit would fail
        after the clone, in a slot that other builds wait for.
    """,
    example="""
        # the Dockerfile has the stages "build" and "run"
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: ".", target: runtime}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: ".", target: run}
    """,
)

UNREADABLE_DOCKERFILE = Prose(
    why="""
        The Dockerfile of a local repository has an error that BuildKit would stop at: an unknown
        instruction, no valid `FROM`, a heredoc that never ends, text that is not UTF-8.
    """,
    example="""
        # the Dockerfile starts with "FORM nginx:1.29.3"
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "."}
    """,
    advice="Correct the Dockerfile at the place that is shown.",
)

REGISTRY_NEEDED = Prose(
    why="""
        Something is built, and `registry.mirror` does not say where its image goes. Deployments pull from
        the mirror; an image that is nowhere cannot be deployed.
    """,
    example="""
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
)

MALFORMED_REPOSITORY = Prose(
    why="""
        A repository is a path within the one that holds the spec (`.`), or a URL that git can clone:
        `https`, `ssh`, `git@host:path`. A user name with a password in the URL is refused as well, since
        it would be copied into every generated file; a token goes into `credentials`, by reference.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "ftp://github.com/acme/shop"}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
)

MISSING_HISTORY = Prose(
    why="""
        `stagecast history` replays the commits of the repository through the build cache. A shallow clone
        has the newest commits only, a partial one may lack their folders, and a folder that is in no Git
        repository has none. What is missing would look like files that never change, and the rates would
        be wrong, so none are shown.
    """,
    example="""
        # in a clone made with `git clone --depth=1`
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "."}
    """,
    advice="""
        `git fetch --unshallow` fetches the rest. In CI ask for all of it: `fetch-depth: 0` of
        actions/checkout, `GIT_DEPTH: 0` in GitLab.
    """,
)

REVISION_UNREADABLE = Prose(
    why="""
        `stagecast why` compares two builds: it reads the files of both from Git. A folder that is in no
        Git repository has no earlier build, and a shallow clone does not have the commits before its
        newest ones.
    """,
    example="""
        # in a folder that is in no Git repository
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "."}
    """,
    advice="""
        Ask in a clone. `git fetch --unshallow` fetches the commits that a shallow one lacks; in CI ask
        for all of them: `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` in GitLab.
    """,
)

HISTORY_ELSEWHERE = Prose(
    why="""
        The service is built from another repository. `stagecast history` reads the one that holds the
        spec and downloads nothing, so it says nothing of this build.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
    advice="""
        In a clone of that repository write a spec whose source is `repository: "."`, and replay it there.
    """,
)
