"""Which images workloads run, where they are pulled from, and which are copied there."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.plan.model import Build, Image, TaskKind, task_id
from compiler.spec.context import Context
from compiler.spec.databases import database_image
from compiler.spec.model import Container, DatabaseService, JobService, Service
from compiler.values.images import parse_image
from compiler.vocabulary import DatabaseMode, RegistryScope


def lower_images(
    context: Context, active: Mapping[str, Service], builds: tuple[Build, ...]
) -> tuple[tuple[Image, ...], dict[str, str]]:
    """All images by id, and the id of every service's image.

    With scope `service` a prebuilt image is copied for each service that runs
    it; with `cluster` once, under the host and path that it has at its origin:
    the same path on two hosts is two images, and no service is called like a host.
    """
    registry = context.environment.registry
    mirror = registry.mirror if registry is not None else None
    pull_secret = registry.pull_secret if registry is not None else None
    images: dict[str, Image] = {}
    image_of: dict[str, str] = {}
    for build in builds:
        repository = f"{mirror}/{build.image}" if mirror else build.image
        images[build.image] = Image(build.image, repository, build=build.id, credentials=pull_secret)
        image_of.update(dict.fromkeys(build.services, build.image))
    for name, service in active.items():
        text = _prebuilt(service)
        if text is None:
            continue
        shared = registry is not None and registry.scope is RegistryScope.CLUSTER
        image = _prebuilt_image(
            name, text, mirror, shared, pull_secret, getattr(service, "pull_secret", None)
        )
        known = images.get(image.id)
        if known is None or (known.origin_credentials is None and image.origin_credentials is not None):
            # One copy for several services: what opens its origin for one opens it for all.
            images[image.id] = image
        image_of[name] = image.id
    return tuple(images[key] for key in sorted(images)), image_of


def _prebuilt(service: Service) -> str | None:
    if isinstance(service, Container | JobService):
        return service.image
    if isinstance(service, DatabaseService) and service.mode is DatabaseMode.CONTAINER:
        return database_image(service.engine, service.version)
    return None


def _prebuilt_image(
    name: str, text: str, mirror: str | None, shared: bool, mirror_secret: str | None, own_secret: str | None
) -> Image:
    reference = parse_image(text)
    host, path = reference.normalized_registry, reference.normalized_repository
    tag = reference.tag or (None if reference.digest else "latest")
    origin = (
        f"{host}/{path}" + (f":{tag}" if tag else "") + (f"@{reference.digest}" if reference.digest else "")
    )
    at_mirror = mirror is not None and mirror.split("/", 1)[0] == host
    if mirror is None or at_mirror:
        # Nothing to copy: there is no mirror, or the image is on its host already.
        credentials = own_secret or (mirror_secret if at_mirror else None)
        return Image(
            name, f"{host}/{path}", origin=origin, tag=tag, digest=reference.digest, credentials=credentials
        )
    key = origin if shared else name
    return Image(
        id=key,
        # A host's port cannot stand in a path.
        repository=f"{mirror}/{host.lower().replace(':', '-')}/{path}" if shared else f"{mirror}/{name}",
        origin=origin,
        tag=tag,
        digest=reference.digest,
        mirror=task_id(TaskKind.MIRROR, key),
        credentials=mirror_secret,
        origin_credentials=own_secret,
    )
