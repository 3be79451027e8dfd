"""STC8xx: the project file, severities and ignores."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

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
