"""What the compiler knows of database engines."""

from __future__ import annotations

# Docker official images, https://hub.docker.com/_/<name>
_IMAGES = {
    "postgresql": "docker.io/library/postgres",
    "mysql": "docker.io/library/mysql",
    "mongodb": "docker.io/library/mongo",
    "redis": "docker.io/library/redis",
}


def database_image(engine: str, version: str) -> str:
    """The image that runs an engine in the cluster."""
    return f"{_IMAGES[engine]}:{version}"
