"""Which image references may mean another image tomorrow.

Stricter where it can be, and milder where it must be, than
`compiler.values.images.is_mutable`, which judges images that a person chose to
deploy: a Dockerfile's base may be named by the release of a distribution
(`debian:bookworm`), which is its version.
"""

from __future__ import annotations

import re

from compiler.values.images import is_mutable, parse_image
from compiler.values.malformed import Malformed, shown

# Distributions, whose release names are versions.
_DISTRIBUTIONS = frozenset(("debian", "ubuntu", "buildpack-deps", "raspbian", "kali", "linuxmint"))
_RELEASES = frozenset(
    (
        *("stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "jessie", "wheezy"),
        *("trusty", "xenial", "bionic", "focal", "jammy", "noble", "hirsute", "impish", "kinetic", "lunar"),
        *("mantic", "oracular", "plucky", "questing"),
    )
)
# They move whatever stands behind them, unless that is a version.
_MOVING = frozenset(
    (
        *("latest", "lts", "stable", "mainline", "current", "nightly", "edge", "rolling", "main", "master"),
        *("dev", "develop", "canary", "next", "unstable", "testing", "snapshot"),
    )
)
# Variants, which say what is around the program and not which release of it.
_VARIANT = re.compile(
    r"(?:alpine|jdk|jre|java|openjdk|debian|ubuntu|ubi|slim|fpm|apache|cli|gpu|cuda|py|python|php|node"
    r"|minimal|full|headless|debug|nonroot|root|browsers|chrome|dev|runtime|amd64|arm64|x86_64|aarch64)"
    r"[0-9.]{0,12}"
)
_NONROOT = frozenset(("nonroot", "debug-nonroot", "debug"))

# All names without a slash that are, or were, images of Docker Hub (docker-library/official-images, library/,
# August 2026 and before). Any other is a build context, or an image that somebody made here.
OFFICIAL = frozenset(
    (
        *("adminer", "adoptopenjdk", "aerospike", "almalinux", "alpine", "alt", "amazoncorretto"),
        *("amazonlinux", "api-firewall", "arangodb", "archlinux", "azul-zulu", "backdrop", "bash"),
        *("bonita", "buildpack-deps", "busybox", "caddy", "cassandra", "celery", "centos", "chronograf"),
        *("cirros", "clearlinux", "clefos", "clickhouse", "clojure", "composer", "consul", "convertigo"),
        *("couchbase", "couchdb", "couchdb-nouveau", "crate", "crux", "dart", "debian", "django", "docker"),
        *("docker-dev", "drupal", "eclipse-mosquitto", "eclipse-temurin", "eggdrop", "elasticsearch"),
        *("elixir", "emqx", "erlang", "espocrm", "euleros", "express-gateway", "fedora", "flink"),
        *("fluentd", "friendica", "fsharp", "gazebo", "gcc", "geonetwork", "ghost", "glassfish", "golang"),
        *("gradle", "groovy", "haproxy", "haskell", "haxe", "hello-seattle", "hello-world", "hipache"),
        *("hitch", "hola-mundo", "httpd", "hylang", "ibm-semeru-runtimes", "ibmjava", "influxdb", "iojs"),
        *("irssi", "java", "jenkins", "jetty", "jobber", "joomla", "jruby", "julia", "kaazing-gateway"),
        *("kapacitor", "kibana", "known", "kong", "krakend", "lightstreamer", "lightstreamer-server"),
        *("liquibase", "logstash", "mageia", "mariadb", "matomo", "maven", "mediawiki", "memcached"),
        *("mongo", "mongo-express", "monica", "mono", "mosquitto", "mysql", "nats", "nats-streaming"),
        *("neo4j", "neurodebian", "nextcloud", "nginx", "nim", "node", "notary", "notary-server"),
        *("notary-signer", "nuxeo", "odoo", "open-liberty", "openjdk", "opensuse", "oraclelinux"),
        *("orientdb", "owncloud", "percona", "perl", "photon", "php", "php-zendserver", "phpmyadmin"),
        *("piwik", "plone", "postfixadmin", "postgres", "pypy", "python", "r-base", "rabbitmq", "rails"),
        *("rakudo-star", "rapidoid", "redis", "redmine", "registry", "rethinkdb", "rocket.chat"),
        *("rockylinux", "ros", "ruby", "rust", "sapmachine", "satosa", "sentry", "silverpeas", "sl"),
        *("solr", "sonarqube", "sourcemage", "spark", "spiped", "storm", "swarm", "swift", "swipl"),
        *("teamspeak", "telegraf", "thrift", "tomcat", "tomee", "traefik", "ubuntu", "ubuntu-debootstrap"),
        *("ubuntu-upstart", "unit", "varnish", "vault", "websphere-liberty", "wordpress", "xwiki"),
        *("yourls", "zend-php", "znc", "zookeeper"),
    )
)


def moving(image: str) -> str | None:
    """Why an image may be another one tomorrow, as a phrase; None where it may not, or nobody knows.

    `image` may hold variables that have no value: what is not theirs is judged alone.
    """
    if "@" in image:
        return None
    last = image.rpartition("/")[2]
    if "$" in last.partition(":")[0] and ":" not in last:
        return None
    if "$" not in image:
        return _known(image)
    if ":" not in last:
        return "without a tag it means `latest`"
    tag = last.rpartition(":")[2]
    # The repository is not known, so only a word that moves in all of them counts.
    return None if "$" in tag or not _leads(tag) else _moves(tag)


def _known(image: str) -> str | None:
    try:
        reference = parse_image(image)
    except Malformed:
        return None
    if reference.tag is None:
        return "without a tag it means `latest`"
    tag = reference.tag.lower()
    if _leads(tag):
        return _moves(reference.tag)
    name = reference.normalized_repository
    if not is_mutable(reference) and not (tag in _NONROOT and not re.search("[0-9]", name)):
        return None
    words = re.split(r"[-_.]", tag)
    released = any(word in _RELEASES for word in words)
    official = name.startswith("library/") and name.removeprefix("library/") not in _DISTRIBUTIONS
    if (released and not official) or (re.search(r"[0-9]", name) and not released):
        return None
    return _moves(reference.tag)


def _leads(tag: str) -> bool:
    """Whether a tag starts with a word that moves, and nothing behind it but variants holds it."""
    first, *others = tag.lower().split("-")
    return first in _MOVING and all(
        other in _MOVING or other in _RELEASES or _VARIANT.fullmatch(other) for other in others
    )


def _moves(tag: str) -> str:
    return f"the tag `{shown(tag)[1:-1]}` moves"
