"""Strict validation of manifests by Kubernetes' own schemas, for every version from 1.29 on.

The verdict is that of `kubernetes_validate.validate(strict=True)`, which reads
1.5 MB for every manifest; here the schemas are kept. A test holds the two together.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from jsonschema import Draft202012Validator
    from kubernetes_validate import utils as utils
    from referencing import Registry, Resource

OLDEST = (1, 29)
VERSIONS = [
    version for version in utils.all_versions() if tuple(int(n) for n in version.split(".")[:2]) >= OLDEST
]
# Not part of Kubernetes: their form is held by test_helm.py.
FOREIGN = ("gateway.networking.k8s.io/v1",)


@cache
def definitions(version: str) -> Any:
    """The definitions of one version: 1.5 MB, so read once."""
    contents = utils.schema_contents(
        f"kubernetes-json-schema/v{version}-local-strict/_definitions.json", version
    )
    return Resource.from_contents(contents) @ Registry()


@cache
def validator(version: str, kind: str, api: str) -> Any:
    """What kubernetes_validate.validate(strict=True) uses, kept."""
    group, _, rest = api.partition("/")
    name = f"{group.partition('.')[0]}-{rest}" if rest else group
    schema = utils.schema_contents(
        f"kubernetes-json-schema/v{version}-local-strict/{kind.lower()}-{name}.json", version
    )
    return Draft202012Validator(schema, registry=definitions(version))


def validate(manifests: Iterable[Mapping[str, Any]], version: str) -> None:
    """Fail unless every manifest is valid in this version."""
    for manifest in manifests:
        if manifest["apiVersion"] not in FOREIGN:
            found = validator(version, manifest["kind"], manifest["apiVersion"]).iter_errors(manifest)
            assert not [f"{list(error.path)}: {error.message}" for error in found], manifest
