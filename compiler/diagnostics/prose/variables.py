"""STC6xx: variables and secrets."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

UNKNOWN_VARIABLE = Prose(
    why="""
        `{{NAME}}` stands for a variable of the service, of the environment, built in for a service (such
        as `POSTGRES_HOST` for a service `postgres`) or given by a job's outputs. This name is none of
        them, and an empty text in its place would show up only when the program runs.
    """,
    example="""
        services:
          postgres: {type: database, engine: postgresql, version: "16"}
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {DATABASE_URL: "postgres://{{POSTGRES_HOTS}}/shop"}
    """,
    instead="""
        services:
          postgres: {type: database, engine: postgresql, version: "16"}
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {DATABASE_URL: "postgres://{{POSTGRES_HOST}}/shop"}
    """,
)

VARIABLE_CYCLE = Prose(
    why="""
        The value of each variable of the cycle needs the next one, through interpolation or an alias, so
        none has a value. The whole cycle is shown.
    """,
    example="""
        variables:
          BASE_URL: "https://{{HOST}}/"
          HOST: "{{BASE_URL}}"
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        variables:
          BASE_URL: "https://{{HOST}}/"
          HOST: shop.example.com
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
)

UNKNOWN_ALIAS = Prose(
    why="""
        An alias gives a variable a second name. The variable that it points at exists neither in the
        service nor in the environment, nor is it built in.
    """,
    example="""
        services:
          postgres: {type: database, engine: postgresql, version: "16"}
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {PGHOST: {alias: POSTGRES_HOSTNAME}}
    """,
    instead="""
        services:
          postgres: {type: database, engine: postgresql, version: "16"}
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {PGHOST: {alias: POSTGRES_HOST}}
    """,
)

LITERAL_SECRET = Prose(
    why="""
        The key looks like that of a secret (password, token, API key, and so on) and the value stands in
        the file as text. Whoever can read the repository, the generated charts or the history of either
        has it. A reference names where the value is; Stagecast never knows it, and no generated file
        holds it.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {API_TOKEN: s3cr3t-t0ken}
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            variables: {API_TOKEN: {secret: {name: shop-api, key: token}}}
    """,
)

SECRET_BUILD_ARGUMENT = Prose(
    why="""
        A build argument is written into the history of the image and into the build cache. Whoever can
        pull the image can read it. BuildKit's secret mounts leave no trace.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source:
              repository: "https://github.com/acme/shop"
              args: {NPM_TOKEN: "{{NPM_TOKEN}}"}
            variables: {NPM_TOKEN: {secret: {name: npm, key: token}}}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
            build: {secrets: [{id: npm, secret: {name: npm, key: token}}]}
    """,
    advice="In the Dockerfile: `RUN --mount=type=secret,id=npm NPM_TOKEN=$(cat /run/secrets/npm) npm ci`.",
)

PER_ENVIRONMENT_BUILD_ARGUMENT = Prose(
    why="""
        The Dockerfile declares with `ARG` a variable whose value differs from one environment to the
        next. Its value is part of the image, so every environment builds an image of its own: what was
        tested in one is not what runs in the other, and nothing is shared.
    """,
    example="""
        # the Dockerfile says "ARG API_URL", and the base has another value for it
        extends: base.yaml
        registry: {mirror: registry.example.com/shop}
        variables: {API_URL: "https://api.staging.example.com"}
        services:
          web:
            type: application
            source: {repository: "."}
    """,
    advice="Read the value when the program starts, and take the `ARG` out of the Dockerfile.",
)

MALFORMED_INTERPOLATION = Prose(
    why="""
        `{{` opens an interpolation, which is a variable's name and `}}`. Here it is not closed, or
        something other than a name stands inside.
    """,
    example="""
        variables: {GREETING: "Hello {{USER NAME}}"}
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="""
        Write `{{USER_NAME}}`. For literal braces, such as those of another template language, write
        `{{{{` and `}}}}`.
    """,
)

BAD_VARIABLE_NAME = Prose(
    why="""
        The name of an environment variable consists of letters, digits and underscores, and does not
        start with a digit. Kubernetes accepts a few more, but no shell can read those.
    """,
    example="""
        variables: {LOG-LEVEL: info}
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        variables: {LOG_LEVEL: info}
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
)

OUTPUT_OF_LATER_JOB = Prose(
    why="""
        A job's outputs exist once it has run. This service may be deployed before that: it is in an
        earlier stage, or in the same one without waiting for the job through `dependsOn`.
    """,
    example="""
        stages: [front, setup]
        services:
          bucket: {type: job, run: start, image: "acme/bucket:1.0.0", stage: setup, outputs: [URL]}
          web:
            type: container
            image: "nginx:1.29.3"
            stage: front
            variables: {ASSETS: "{{BUCKET_URL}}"}
    """,
    instead="""
        stages: [setup, front]
        services:
          bucket: {type: job, run: start, image: "acme/bucket:1.0.0", stage: setup, outputs: [URL]}
          web:
            type: container
            image: "nginx:1.29.3"
            stage: front
            variables: {ASSETS: "{{BUCKET_URL}}"}
    """,
)
