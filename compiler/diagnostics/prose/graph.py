"""STC3xx: stages, dependencies and bases."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

DEPENDENCY_CYCLE = Prose(
    why="""
        Each service of the cycle waits for the next one to be deployed, so none is ever first. The whole
        cycle is shown; taking out any one of its dependencies opens it.
    """,
    example="""
        services:
          orders: {type: container, image: "acme/orders:3.1.0", dependsOn: [billing]}
          billing: {type: container, image: "acme/billing:2.8.4", dependsOn: [orders]}
    """,
    instead="""
        services:
          orders: {type: container, image: "acme/orders:3.1.0"}
          billing: {type: container, image: "acme/billing:2.8.4", dependsOn: [orders]}
    """,
    advice="A service that retries its connections at start needs no dependency for calls the other way.",
)

LATER_STAGE_DEPENDENCY = Prose(
    why="""
        Stages are deployed one after another. A service that depends on one of a later stage would wait
        for a stage that in turn waits for this one.
    """,
    example="""
        stages: [front, back]
        services:
          web: {type: container, image: "nginx:1.29.3", stage: front, dependsOn: [api]}
          api: {type: container, image: "acme/api:5.2.0", stage: back}
    """,
    instead="""
        stages: [back, front]
        services:
          web: {type: container, image: "nginx:1.29.3", stage: front, dependsOn: [api]}
          api: {type: container, image: "acme/api:5.2.0", stage: back}
    """,
)

SKIPPED_DEPENDENCY = Prose(
    why="""
        A skipped service is left out when the environment is deployed. What depends on it is deployed all
        the same, without waiting: in a new environment the service that it needs is not there.
    """,
    example="""
        services:
          cache: {type: container, image: "redis:7.4.2", skip: true}
          web: {type: container, image: "nginx:1.29.3", dependsOn: [cache]}
    """,
    advice="""
        Deploy the dependency as well, or take it out of `dependsOn`. If it was deployed before and stays,
        say so with an ignore comment.
    """,
)

SELF_DEPENDENCY = Prose(
    why="""
        A service cannot wait for its own deployment. Usually another service was meant.
    """,
    example="""
        services:
          web: {type: container, image: "nginx:1.29.3", dependsOn: [web]}
    """,
    instead="""
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
)

MISSING_BASE = Prose(
    why="""
        `extends` names a file that does not exist or cannot be read. The path counts from the folder of
        the file that says it. Without its base, a partial spec says too little to check.
    """,
    example="""
        extends: bases/no-such-file.yaml
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="Correct the path, or add the base.",
)

EXTENDS_LOOP = Prose(
    why="""
        Following `extends` from base to base leads back to a file that was already read, or through more
        bases than anyone can follow.
    """,
    example="""
        # this file is environment.yaml
        extends: environment.yaml
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="Take one of the `extends` out. What two files share goes into a third one that both extend.",
)
