"""STC2xx: names and references."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

BAD_SERVICE_NAME = Prose(
    why="""
        A service's name becomes the name of Kubernetes objects and a host name in the cluster. Such a
        name is a label of RFC 1035: lower-case letters, digits and hyphens, with a letter at the start
        and no hyphen at the end. The same holds for the environment's name and the namespace. Kubernetes
        would refuse the object in the middle of a deployment.
    """,
    example="""
        services:
          Web_Front: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        services:
          web-front: {type: container, image: "nginx:1.29.3"}
    """,
)

NAME_TOO_LONG = Prose(
    why="""
        Helm cuts off at 53 characters for a release, because charts append to the name and Kubernetes
        ends at 63. A cron job has 52, since Kubernetes adds eleven characters to each of its jobs.
    """,
    example="""
        services:
          recommendations-for-customers-who-bought-similar-items-lately:
            type: container
            image: "nginx:1.29.3"
    """,
    instead="""
        services:
          recommendations: {type: container, image: "nginx:1.29.3"}
    """,
)

COLLIDING_NAMES = Prose(
    why="""
        Two names that differ in the file become one where they are used: the built-in variables of the
        services `shop-api` and `shop.api` would both start with `SHOP_API_`, stage names do not differ in
        case. The second would replace the first without a word.
    """,
    example="""
        services:
          shop-api: {type: container, image: "nginx:1.29.3"}
          shop_api: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        services:
          shop-api: {type: container, image: "nginx:1.29.3"}
          shop-admin: {type: container, image: "nginx:1.29.3"}
    """,
)

UNKNOWN_STAGE = Prose(
    why="""
        A service names a stage that `stages` does not have, or names none and no stage is the default for
        its type. Without `stages` there are four: `database`, `job`, `container` and `application`. Names
        of stages compare without regard to case.
    """,
    example="""
        services:
          cache: {type: container, image: "redis:7.4.2", stage: backing}
    """,
    instead="""
        stages: [backing]
        services:
          cache: {type: container, image: "redis:7.4.2", stage: backing}
    """,
)

UNKNOWN_SERVICE = Prose(
    why="""
        A reference names a service that the environment, with its bases, does not have. Something that
        runs outside of the environment cannot be waited for.
    """,
    example="""
        services:
          cache: {type: container, image: "redis:7.4.2"}
          web: {type: container, image: "nginx:1.29.3", dependsOn: [cahce]}
    """,
    instead="""
        services:
          cache: {type: container, image: "redis:7.4.2"}
          web: {type: container, image: "nginx:1.29.3", dependsOn: [cache]}
    """,
)

DUPLICATE_STAGE = Prose(
    why="""
        Every service belongs to one stage, found by its name, without regard to case. With two of a name
        it would be open which of them a service is deployed in.
    """,
    example="""
        stages: [data, front, Data]
        services:
          cache: {type: container, image: "redis:7.4.2", stage: data}
          web: {type: container, image: "nginx:1.29.3", stage: front}
    """,
    instead="""
        stages: [data, front]
        services:
          cache: {type: container, image: "redis:7.4.2", stage: data}
          web: {type: container, image: "nginx:1.29.3", stage: front}
    """,
)

UNUSED_STAGE = Prose(
    why="""
        The file declares a stage that no service is in. That costs nothing, but it often is the trace of
        a service that was meant to be there. The four default stages are not reported.
    """,
    example="""
        stages: [warmup, container]
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        stages: [warmup, container]
        services:
          web: {type: container, image: "nginx:1.29.3"}
          prefill: {type: job, run: start, image: "acme/prefill:2.0.1", stage: warmup}
    """,
)

TWO_DEFAULT_STAGES = Prose(
    why="""
        A service without a `stage` goes to the default stage of its type. Two stages list the same type
        under `defaultFor`; only one of them can be meant.
    """,
    example="""
        stages:
          - {name: data, defaultFor: [database, container]}
          - {name: apps, defaultFor: [application, container]}
        services:
          cache: {type: container, image: "redis:7.4.2", stage: data}
          web: {type: container, image: "nginx:1.29.3", stage: apps}
    """,
    instead="""
        stages:
          - {name: data, defaultFor: [database]}
          - {name: apps, defaultFor: [application, container]}
        services:
          cache: {type: container, image: "redis:7.4.2", stage: data}
          web: {type: container, image: "nginx:1.29.3", stage: apps}
    """,
)
