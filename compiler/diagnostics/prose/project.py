"""STC8xx: the project file, severities and ignores."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

UNKNOWN_ENVIRONMENT = Prose(
    why="""
        An environment is asked for by a name that `environments` in stagecast.yaml does not have.
    """,
    example="""
        # stagecast plan prodution
        apiVersion: stagecast/v1beta1
        kind: Project
        environments:
          production: {spec: production.yaml, targets: [helm], output: deploy/production}
    """,
    advice="Use a name from the project file, or give the path of a spec instead.",
)

PROJECT_FILE_MISSING = Prose(
    why="""
        A command without arguments takes its environments from stagecast.yaml at the root of the
        repository, and there is none here or in a folder above.
    """,
    example="""
        # stagecast validate, in a repository without a stagecast.yaml
    """,
    advice="""
        Give a spec as argument (`stagecast validate environment.yaml`), or write a stagecast.yaml;
        `stagecast schema` prints its format.
    """,
)

OUTPUT_OUTSIDE_REPOSITORY = Prose(
    why="""
        An output folder leads out of the repository. Generated files are committed and stale ones are
        deleted; neither may happen outside of the repository. The path counts from the project file.
    """,
    example="""
        apiVersion: stagecast/v1beta1
        kind: Project
        environments:
          production: {spec: production.yaml, targets: [helm], output: ../deploy}
    """,
    instead="""
        apiVersion: stagecast/v1beta1
        kind: Project
        environments:
          production: {spec: production.yaml, targets: [helm], output: deploy/production}
    """,
)

UNKNOWN_CODE = Prose(
    why="""
        An ignore comment, or `severities` or `ignore` in the project file, names a code that does not
        exist. It has no effect, so what it was meant to silence is still reported. Codes are written in
        full and in upper case.
    """,
    example="""
        services:
          cache: {type: container, image: redis}   # stagecast: ignore[STC051]
    """,
    instead="""
        services:
          cache: {type: container, image: redis}   # stagecast: ignore[STC501]
    """,
)

UNUSED_IGNORE = Prose(
    why="""
        An ignore comment suppresses nothing: the problem has been mended, or the comment stands on the
        wrong line. Left in place it would hide the next problem of that sort. An ignore comment works for
        findings that start on its own line, or, alone on a line, for those that start on the next. Errors
        of reading (STC0xx) cannot be ignored.
    """,
    example="""
        services:
          cache: {type: container, image: "redis:7.4.2"}   # stagecast: ignore[STC501]
    """,
    instead="""
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
)

OVERLAPPING_OUTPUTS = Prose(
    why="""
        The output folder of one environment lies inside that of another. Each folder has a manifest that
        decides what in it is generated, stale or somebody's own, and the outer one would count the inner
        one's files as somebody's own. Environments may share one folder.
    """,
    example="""
        apiVersion: stagecast/v1beta1
        kind: Project
        environments:
          staging: {spec: staging.yaml, targets: [helm], output: deploy}
          production: {spec: production.yaml, targets: [helm], output: deploy/production}
    """,
    instead="""
        apiVersion: stagecast/v1beta1
        kind: Project
        environments:
          staging: {spec: staging.yaml, targets: [helm], output: deploy/staging}
          production: {spec: production.yaml, targets: [helm], output: deploy/production}
    """,
)
