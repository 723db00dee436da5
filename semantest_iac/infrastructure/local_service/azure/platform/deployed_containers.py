"""What the containers of container apps get, read from deployed apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.api_frontend import (
    find_vault_value,
    read_vault_values,
    resources_of_type,
)
from semantest_iac.infrastructure.local_service.containers.service_spec import DeployedContainer, IngressRules

_INGRESS = IngressRules(idle_s=240, broken_status=503)
"""As Microsoft documents the ingress of Container Apps; its proxy is Envoy, whose status for a reset this is."""

_APP_TYPE = "azure-native:app:ContainerApp"


def read_containers(resources: DeployedResources) -> Iterator[DeployedContainer]:
    """Yield the containers of all services of a stack."""
    values = read_vault_values(resources)
    for app in resources_of_type(resources, _APP_TYPE):
        stored = dict(_read_secrets(app, values))
        for container in app.inputs["template"]["containers"]:
            variables = container.get("env") or ()
            yield DeployedContainer(
                container["name"],
                _INGRESS,
                {**_describe_app(app), **{it["name"]: str(it["value"]) for it in variables if "value" in it}},
                {it["name"]: stored[it["secretRef"]] for it in variables if it.get("secretRef") in stored},
            )


def _read_secrets(app: DeployedResource, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the secrets of an app by the names that its variables refer to."""
    configuration: Mapping[str, Any] = app.inputs.get("configuration") or {}
    for secret in configuration.get("secrets") or ():
        value = find_vault_value(values, secret.get("keyVaultUrl", ""))
        if value is not None:
            yield secret["name"], value


def _describe_app(app: DeployedResource) -> Mapping[str, str]:
    """Return what Container Apps sets; source: its page on built-in environment variables."""
    name = str(app.outputs.get("name", ""))
    return {"CONTAINER_APP_NAME": name, "CONTAINER_APP_REVISION": str(app.outputs.get("latestRevisionName") or name)}
