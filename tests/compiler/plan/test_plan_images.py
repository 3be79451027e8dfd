"""Which images are copied, to where, and what opens them."""

from __future__ import annotations

from compiler.plan.model import Image, Plan
from spec_plans import plan_of, spec, task

CLUSTER = "registry: {mirror: registry.example.com/shop, scope: cluster, pullSecret: mirror-pull}"
PREBUILT = """\
a: {type: container, image: "redis:7.4.2"}
b: {type: container, image: "docker.io/library/redis:7.4.2"}
c: {type: job, run: start, image: "redis:7.4.2"}
"""


def images(plan: Plan) -> dict[str, Image]:
    return {image.id: image for image in plan.images}


def cluster(services: str) -> Plan:
    return plan_of(spec(services).replace("registry: {mirror: registry.example.com/shop}", CLUSTER))


def test_scope_service_copies_for_each_service() -> None:
    plan = plan_of(spec(PREBUILT))
    assert {image.id: (image.repository, image.origin, image.mirror) for image in plan.images} == {
        name: (f"registry.example.com/shop/{name}", "docker.io/library/redis:7.4.2", f"mirror:{name}")
        for name in "abc"
    }


def test_scope_cluster_copies_once_for_all() -> None:
    plan = cluster(PREBUILT)
    (image,) = plan.images
    assert image.repository == "registry.example.com/shop/docker.io/library/redis"
    assert image.credentials == "mirror-pull"
    copy = task(plan, "mirror:docker.io/library/redis:7.4.2")
    assert (copy.services, copy.stage) == (("a", "b", "c"), "job")
    assert [each.id for each in plan.tasks if each.kind.value == "mirror"] == [copy.id]
    assert task(plan, "deploy:a").needs == ("gate:stage:job", copy.id)


def test_scope_cluster_keeps_hosts_apart() -> None:
    """The same path on two hosts is two images, and no path meets that of a built image."""
    services = """\
a: {type: container, image: "acme/redis:7.4.2"}
b: {type: container, image: "ghcr.io/acme/redis:7.4.2"}
c: {type: container, image: "localhost:5000/redis:7.4.2"}
redis: {type: application, source: {repository: "https://github.com/acme/shop", ref: v1}}
"""
    assert sorted(image.repository for image in cluster(services).images) == [
        "registry.example.com/shop/docker.io/acme/redis",
        "registry.example.com/shop/ghcr.io/acme/redis",
        "registry.example.com/shop/localhost-5000/redis",
        "registry.example.com/shop/redis",
    ]


def test_a_shared_copy_uses_the_credentials_that_one_of_its_services_has() -> None:
    services = """\
a: {type: container, image: "ghcr.io/acme/api:1.0.0"}
b: {type: container, image: "ghcr.io/acme/api:1.0.0", pullSecret: ghcr}
"""
    (image,) = cluster(services).images
    assert (image.origin_credentials, image.credentials) == ("ghcr", "mirror-pull")


def test_what_is_at_the_mirrors_host_is_not_copied() -> None:
    plan = cluster('a: {type: container, image: "registry.example.com/base/nginx:1.27.0"}')
    (image,) = plan.images
    assert image == Image(
        "a",
        "registry.example.com/base/nginx",
        origin="registry.example.com/base/nginx:1.27.0",
        tag="1.27.0",
        credentials="mirror-pull",
    )
    assert "mirror" not in {each.kind.value for each in plan.tasks}


def test_without_a_mirror_images_are_pulled_from_their_origin() -> None:
    text = spec('a: {type: container, image: "acme/api:1.0.0", pullSecret: hub}')
    plan = plan_of(text.replace("registry: {mirror: registry.example.com/shop}\n", ""))
    (image,) = plan.images
    assert (image.repository, image.tag, image.credentials, image.mirror) == (
        "docker.io/acme/api",
        "1.0.0",
        "hub",
        None,
    )


def test_a_digest_stays_with_its_image() -> None:
    digest = f"sha256:{'a' * 64}"
    services = "\n".join(
        f'{name}: {{type: container, image: "{image}@{digest}"}}'
        for name, image in (("a", "redis"), ("b", "redis:7.4.2"))
    )
    found = images(plan_of(spec(services)))
    assert (found["a"].tag, found["a"].digest) == (None, digest)
    assert (found["b"].tag, found["b"].digest) == ("7.4.2", digest)
    assert found["b"].origin == f"docker.io/library/redis:7.4.2@{digest}"


def test_databases_in_the_cluster_run_an_image_and_managed_ones_do_not() -> None:
    services = """\
db: {type: database, engine: postgresql, version: "16", storage: 1Gi}
ext: {type: database, engine: postgresql, version: "16", mode: managed, host: db.example.com}
"""
    plan = plan_of(spec(services))
    assert [(image.id, image.origin) for image in plan.images] == [("db", "docker.io/library/postgres:16")]
    workloads = {workload.service: workload for workload in plan.workloads}
    assert (workloads["db"].image, workloads["ext"].image) == ("db", None)
    assert workloads["db"].stateful
    assert not workloads["ext"].stateful


def test_sources_are_told_apart_by_what_they_say_not_by_where_it_stands() -> None:
    """An alias in an overlay is one place in the file, and two sources once it is merged."""
    base = spec(
        'a: {type: application, source: {repository: "https://github.com/acme/one", ref: v1}}\n'
        'b: {type: application, source: {repository: "https://github.com/acme/two", ref: v1}}'
    )
    over = (
        "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\nextends: base.yaml\n"
        "services:\n  a: {source: &both {context: app}}\n  b: {source: *both}\n"
    )
    plan = plan_of(over, {"base.yaml": base})
    assert [(build.source.repository, build.source.context) for build in plan.builds] == [
        ("https://github.com/acme/one", "app"),
        ("https://github.com/acme/two", "app"),
    ]


def test_arguments_are_the_plain_variables_that_the_dockerfile_declares() -> None:
    services = """\
web:
  type: application
  source: {repository: ".", context: web, args: {GIVEN: here}}
  variables: {DECLARED: one, UNDECLARED: two}
"""
    files = {"web/Dockerfile": "FROM scratch\nARG DECLARED\nARG OTHER\nUSER 1000\nCOPY . /\n"}
    plan = plan_of(spec(services), files)
    assert plan.builds[0].arguments == (("DECLARED", "one"), ("GIVEN", "here"))
    assert plan.builds[0].source.dockerfile == "web/Dockerfile"
    assert plan.workloads[0].non_root_user == 1000
