"""STC4xx: resources, quantities, ports, health checks and schedules."""

from __future__ import annotations

from compiler.diagnostics.prose import Prose

BUILD_EXCEEDS_POOL = Prose(
    why="""
        A build asks for more CPU or memory than the whole pool has. It would wait for ever, and
        everything behind it in the queue with it.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        pipeline:
          build: {parallelism: 2, pool: {cpu: 8, memory: 16GB}}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
            build: {memory: 32GB}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        pipeline:
          build: {parallelism: 2, pool: {cpu: 8, memory: 32GB}}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
            build: {memory: 32GB}
    """,
)

POOL_LIMITS_PARALLELISM = Prose(
    why="""
        `parallelism` allows more builds at a time than the pool can hold, so fewer run. Nothing fails,
        but the pipeline takes longer than the number suggests. The note shows the arithmetic: the pool's
        CPU by a build's CPU, the pool's memory by a build's memory, and the smaller of the two. Mind that
        4 GB and 4 GiB differ by 7 per cent: seven builds of 4Gi do not fit into 28GB.
    """,
    example="""
        registry: {mirror: registry.example.com/shop}
        pipeline:
          build: {parallelism: 7, cpu: 4, memory: 4Gi, pool: {cpu: 28, memory: 28GB}}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
    instead="""
        registry: {mirror: registry.example.com/shop}
        pipeline:
          build: {parallelism: 7, cpu: 4, memory: 4GB, pool: {cpu: 28, memory: 28GB}}
        services:
          web:
            type: application
            source: {repository: "https://github.com/acme/shop"}
    """,
)

REPLICAS_MAX_BELOW_MIN = Prose(
    why="""
        A range of replicas ends below its start. Kubernetes refuses an autoscaler like that.
    """,
    example="""
        services:
          web: {type: container, image: "nginx:1.29.3", replicas: {min: 5, max: 2}}
    """,
    instead="""
        services:
          web: {type: container, image: "nginx:1.29.3", replicas: {min: 2, max: 5}}
    """,
)

AMBIGUOUS_QUANTITY = Prose(
    why="""
        The value is not a quantity, or it is one that hardly anyone means. Kubernetes reads memory of
        `512m` as half a byte, because `m` is a thousandth there; a memory of `4` is four bytes; `30` may
        be seconds or minutes. Stagecast accepts what Kubernetes writes (`512Mi`, `500m` of CPU) and what
        people write (`4GB`, `1h30m`), and asks where it would have to guess.
    """,
    example="""
        services:
          cache: {type: container, image: "redis:7.4.2", memory: 512m}
    """,
    instead="""
        services:
          cache: {type: container, image: "redis:7.4.2", memory: 512MB}
    """,
)

PUBLIC_PORT_COLLISION = Prose(
    why="""
        Two public ports claim the same host and path, or the same external port. Only one of them can
        answer; which one depends on the ingress controller and on the age of the objects.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080, public: true, hosts: [shop.example.com]}]
          api:
            type: container
            image: "acme/api:5.2.0"
            ports: [{internal: 9000, public: true, hosts: [shop.example.com]}]
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080, public: true, hosts: [shop.example.com]}]
          api:
            type: container
            image: "acme/api:5.2.0"
            ports: [{internal: 9000, public: true, hosts: [shop.example.com], path: /api}]
    """,
)

PROBE_KINDS = Prose(
    why="""
        A health check is exactly one of `http`, `tcp`, `grpc` and `exec`. Kubernetes refuses a probe with
        two of them, and one with none checks nothing.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}]
            healthChecks:
              readiness: {http: {port: 8080}, tcp: {port: 8080}}
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}]
            healthChecks:
              readiness: {http: {port: 8080}}
    """,
)

PROBE_PORT_UNKNOWN = Prose(
    why="""
        A health check asks a port that the service does not declare. That can be meant, for a port of its
        own for health, but more often the port was changed in one place only, and the service will never
        be ready.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}]
            healthChecks:
              readiness: {tcp: {port: 80}}
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}]
            healthChecks:
              readiness: {tcp: {port: 8080}}
    """,
)

DUPLICATE_PORT = Prose(
    why="""
        A service declares a port twice, or two ports under one name. Kubernetes refuses a Service object
        whose ports are not unique by name, and by number and protocol.
    """,
    example="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080}, {internal: 8080, public: true}]
    """,
    instead="""
        services:
          web:
            type: container
            image: "nginx:1.29.3"
            ports: [{internal: 8080, public: true}]
    """,
)

STORAGE_WITH_AUTOSCALING = Prose(
    why="""
        A service with storage runs as a StatefulSet, and every replica has a volume of its own. An
        autoscaler would add empty volumes under load and leave full ones behind, so none is made: the
        service keeps its lowest number of replicas.
    """,
    example="""
        services:
          search:
            type: container
            image: "acme/search:8.0.3"
            storage: [{size: 10Gi, mount: /var/lib/search}]
            replicas: {min: 1, max: 4}
    """,
    instead="""
        services:
          search:
            type: container
            image: "acme/search:8.0.3"
            storage: [{size: 10Gi, mount: /var/lib/search}]
            replicas: 1
    """,
)

BAD_CRON_SCHEDULE = Prose(
    why="""
        The schedule is not five fields of minute, hour, day, month and weekday, or a field is out of its
        range, or no day in the calendar fits (the 30th of February). Kubernetes refuses the first two
        when the job is deployed, and accepts a job of the third kind that never runs.
    """,
    example="""
        services:
          report:
            type: job
            cron: {schedule: "0 25 * * *"}
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

UNKNOWN_TIMEZONE = Prose(
    why="""
        Time zones have the names of the IANA time zone database, such as `Europe/Paris`. Abbreviations
        such as `CET` or `PST` are ambiguous or do not follow daylight saving time, and Kubernetes refuses
        a cron job with a zone that it does not know.
    """,
    example="""
        services:
          report:
            type: job
            cron: {schedule: "0 3 * * *", timezone: Europe/Pariss}
            image: "acme/report:1.4.2"
    """,
    instead="""
        services:
          report:
            type: job
            cron: {schedule: "0 3 * * *", timezone: Europe/Paris}
            image: "acme/report:1.4.2"
    """,
)

DUPLICATE_MOUNT = Prose(
    why="""
        Two volumes or files of a service are mounted at the same path. Kubernetes refuses a pod like
        that.
    """,
    example="""
        services:
          search:
            type: container
            image: "acme/search:8.0.3"
            storage: [{size: 10Gi, mount: /data}, {size: 1Gi, mount: /data/}]
    """,
    instead="""
        services:
          search:
            type: container
            image: "acme/search:8.0.3"
            storage: [{size: 10Gi, mount: /data}, {size: 1Gi, mount: /scratch}]
    """,
)
