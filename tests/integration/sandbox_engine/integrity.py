"""The checks that Pulumi makes before it reads a state (`VerifyIntegrity` in `pkg/resource/deploy/snapshot.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

_DEPLOYMENT = {"manifest", "secrets_providers", "resources", "pending_operations"}
_RESOURCE = {
    *("urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect", "external", "dependencies"),
    *("initErrors", "provider", "propertyDependencies", "pendingReplacement", "additionalSecretOutputs"),
    *("customTimeouts", "retainOnDelete", "ignoreChanges", "replaceOnChanges"),
}


def faults(state: Mapping[str, Any]) -> list[str]:
    """Return every reason for which Pulumi would refuse the state, and every field that it does not know."""
    deployment = state["deployment"]
    manifest, resources = deployment["manifest"], deployment.get("resources", [])
    found = [f"unknown field {name}" for name in deployment.keys() - _DEPLOYMENT]
    if state["version"] != 3 or manifest["magic"] != sha256(manifest["version"].encode()).hexdigest():
        found.append("another version, or a magic that is not its hash")
    return [*found, *_resource_faults(resources), *_twins(resources)]


def _resource_faults(resources: list[dict[str, Any]]) -> Iterator[str]:
    seen: set[str] = set()
    providers: set[str] = set()
    for resource in resources:
        urn = resource["urn"]
        yield from (f"{urn}: unknown field {name}" for name in resource.keys() - _RESOURCE)
        if bool(resource.get("id")) != resource["custom"]:
            yield f"{urn}: custom without an id, or a component with one"
        if resource.get("provider") and resource["provider"] not in providers:
            yield f"{urn}: unknown provider {resource['provider']}"
        if resource["custom"] and not (resource.get("provider") or resource["type"].startswith("pulumi:providers:")):
            yield f"{urn}: no provider"
        yield from (f"{urn}: {need} does not come before it" for need in sorted(_needs(resource) - seen))
        seen.add(urn)
        if resource["type"].startswith("pulumi:providers:"):
            providers.add(f"{urn}::{resource['id']}")


def _needs(resource: Mapping[str, Any]) -> set[str]:
    direct = {*resource.get("dependencies", []), *filter(None, [resource.get("parent")])}
    return direct.union(*resource.get("propertyDependencies", {}).values())


def _twins(resources: list[dict[str, Any]]) -> Iterator[str]:
    living = [resource["urn"] for resource in resources if not resource.get("delete")]
    yield from (f"{urn}: lives twice" for urn in sorted(set(living)) if living.count(urn) > 1)
