"""STC1xx: the shape of a spec."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

UNKNOWN_KEY = Prose(
    why="""
        A key that is misspelt would otherwise be ignored, and the setting that it carries would be
        missing in production. Keys that start with `x-` are yours: they are allowed anywhere and never
        read.
    """,
    example="""
        services:
          cache:
            type: container
            image: "redis:7.4.2"
            dependson: []
    """,
    instead="""
        services:
          cache:
            type: container
            image: "redis:7.4.2"
            dependsOn: []
            x-owner: team-data
    """,
)

MISSING_KEY = Prose(
    why="""
        The mapping lacks a key that has no default. The place that is marked is the key that holds the
        mapping, since there is nothing to mark inside it.
    """,
    example="""
        services:
          cache: {type: container}
    """,
    instead="""
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
)

WRONG_TYPE = Prose(
    why="""
        The value is of another type than the key takes: text instead of a list, a number instead of text,
        nothing at all. Versions are the usual case: `1.10` is the number 1.1 unless it is quoted. In YAML
        1.2 only `true` and `false` are switches; `yes` and `on` are text.
    """,
    example="""
        services:
          orders: {type: database, engine: postgresql, version: 16}
    """,
    instead="""
        services:
          orders: {type: database, engine: postgresql, version: "16"}
    """,
)

NOT_ALLOWED_VALUE = Prose(
    why="""
        The key takes one of a few words, and this is none of them. Words are compared exactly, in upper
        and lower case.
    """,
    example="""
        delivery: flux
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
    instead="""
        delivery: argocd
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
)

MALFORMED_VALUE = Prose(
    why="""
        The value is of the right type but not written in the form that the key requires, or it is a
        number that JSON, and with it every tool behind Stagecast, has no form for, such as `.inf`.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 80, name: Web UI}]
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 80, name: web-ui}]
    """,
)

OUT_OF_RANGE = Prose(
    why="""
        The value lies outside what Kubernetes or Stagecast can work with: a port above 65535, no builds
        at a time, an empty name, a text that is longer than the field holds.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 80800}]
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}]
    """,
)

CONFLICTING_KEYS = Prose(
    why="""
        Exactly one of several keys is needed, because each answers the same question: a job runs at a
        moment of the environment's life (`run`) or on a schedule (`cron`), from an image or from source.
        With both, one would win by an order that nobody sees; with none, there is no answer. A key that
        only makes sense beside another one, such as the `host` of a managed database, is held to that as
        well.
    """,
    example="""
        services:
          report:
            type: job
            run: start
            cron: {schedule: "0 3 * * *"}
            image: "acme/report:1.4.2"
    """,
    instead="""
        services:
          report:
            type: job
            cron: {schedule: "0 3 * * *"}
            image: "acme/report:1.4.2"
    """,
)

WRONG_API_VERSION = Prose(
    why="""
        `apiVersion` and `kind` say which format the file is in. A file of another version may give known
        keys another meaning, so it is not read on a guess.
    """,
    example="""
        apiVersion: stagecast/v2
        kind: Environment
        name: shop
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
    instead="""
        apiVersion: stagecast/v1beta1
        kind: Environment
        name: shop
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
)
