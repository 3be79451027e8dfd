"""STC7xx: targets and output."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

TARGET_CANNOT_EXPRESS = Prose(
    why="""
        The environment asks for something that the target has no means for. Leaving it out would deploy
        another environment than the one that is described, so nothing is written for this target. What
        each target can express is in its page under docs/.
    """,
    example="""
        pipeline: {strategy: dag}   # compiled with --target github
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    instead="""
        pipeline: {strategy: staged}
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
)

TARGET_LIMITS = Prose(
    why="""
        The target does what is asked, but not quite in the way that the environment describes: a limit
        that it counts differently, a setting that it ignores. The output is correct; the note says what
        to expect.
    """,
    example="""
        pipeline: {build: {timeout: 400m}}   # compiled with --target github
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="Nothing has to be done. If the difference matters, choose another target.",
)

OUTPUT_NOT_OURS = Prose(
    why="""
        The output folder holds a file at a path that is to be generated, and the manifest does not know
        it or remembers other content: a person wrote or changed it. Stagecast never overwrites such a
        file.
    """,
    example="""
        # deploy/web/values.yaml was edited by hand after it was generated
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="""
        Move the change into the spec (`values` of a service patches the generated values) and delete the
        file, or choose another output folder. `stagecast compile --diff` shows what would change.
    """,
)

STALE_OUTPUT = Prose(
    why="""
        The files in the output folder are not what the spec compiles to now. What would be deployed is
        not what is described. `stagecast compile --check` reports this and changes nothing.
    """,
    example="""
        # compiled when the image was still nginx:1.29.2
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="Run `stagecast compile` and commit the result.",
)

VALUES_NOT_A_MAPPING = Prose(
    why="""
        The values of a Helm chart are a mapping, at the top of every value file and in `values`. Helm
        refuses anything else, after the deployment has started.
    """,
    example="""
        services:
          metrics:
            type: helm
            chart: {repository: "https://charts.example.com", name: metrics, version: "3.2.1"}
            values: [replicas]
    """,
    instead="""
        services:
          metrics:
            type: helm
            chart: {repository: "https://charts.example.com", name: metrics, version: "3.2.1"}
            values: {replicas: 2}
    """,
)

OUTPUT_MANIFEST_DAMAGED = Prose(
    why="""
        The manifest in the output folder maps every generated file to its hash; it decides what may be
        overwritten or deleted. It cannot be read, often because of an unresolved merge conflict, so
        nothing in the folder is touched.
    """,
    example="""
        # the manifest in the output folder holds "<<<<<<< HEAD"
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="""
        Restore the manifest from version control, whichever side of the conflict, and run `stagecast
        compile`.
    """,
)

IMAGE_LOCK_MISMATCH = Prose(
    why="""
        `stagecast compile --images` pins every image of the plan to the digest that CI found. The lock is
        of another environment, or the spec has changed since: an image is new, lies elsewhere or has
        another tag. Half of the images pinned and the rest not would be neither state, so nothing is
        written.
    """,
    example="""
        # images.lock.yaml was written when the cache had the tag 7.4.1
        services:
          cache: {type: container, image: "redis:7.4.2"}
    """,
    advice="Take the lock that CI wrote for this commit, or compile without `--images`.",
)

UNSAFE_UPGRADE = Prose(
    why="""
        The output holds the plan of the last compilation. Compared with it, the spec asks for something
        that the running release cannot become: Kubernetes does not change the volume claims of a
        StatefulSet, a database does not start on the files of another major version, and data stays where
        it is when the volume, the namespace or the engine changes.
    """,
    example="""
        # the last compilation had version "16"
        services:
          db: {type: database, engine: postgresql, version: "17", password: {name: db, key: password}}
    """,
    advice="""
        Undo the change, or move the data first and say `--allow-replace db`. The next compilation compares
        with what this one wrote.
    """,
)

UNKNOWN_PAST = Prose(
    why="""
        The plan of the last compilation lies in the output, to find changes that lose data and services
        that left the spec. It cannot be read, or another version of stagecast wrote it. This compilation
        goes on without it: such changes are not found.
    """,
    example="""
        # .stagecast/shop.plan.json in the output is of another version
        services:
          web: {type: container, image: "nginx:1.29.3"}
    """,
    advice="Look through `stagecast compile --diff` yourself this once, for storage and database versions.",
)
