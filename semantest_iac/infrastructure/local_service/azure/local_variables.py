"""Changes the settings of deployed apps to those with which they run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.domain.compute.triggers import CALL_VARIABLE_PREFIX
from semantest_iac.domain.messaging.queues import RECEIVE_VARIABLE_PREFIX, SEND_VARIABLE_PREFIX
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.api_frontend import read_app_settings, resources_of_type
from semantest_iac.infrastructure.local_service.azure.identities import Principal, find_identity_variables
from semantest_iac.infrastructure.local_service.azure.platform.deployed_containers import read_containers
from semantest_iac.infrastructure.local_service.azure.served_apps import WEB_APP_TYPE

_CALLER_SETTINGS = ("SEMANTEST_CALLER_TENANT", "SEMANTEST_CALLER_PRINCIPAL")


def find_message_addresses(url: str, resources: DeployedResources) -> Mapping[str, str]:
    """Return the addresses of this machine in place of those of Service Bus and of apps whose functions are called.

    They are `<url>/<namespace>/<queue or topic>` and `<url>/<app>/api/<function>`. Those who call get tokens here.
    """
    found = find_settings(resources, (SEND_VARIABLE_PREFIX, RECEIVE_VARIABLE_PREFIX, CALL_VARIABLE_PREFIX))
    moved = {name: _move_address(url, value) for name, value in found.items()}
    caller = find_settings(resources, _CALLER_SETTINGS)
    if len(caller) < len(_CALLER_SETTINGS):
        return moved
    return {**moved, **find_identity_variables(url, Principal(*(caller[name] for name in _CALLER_SETTINGS)))}


def find_settings(resources: DeployedResources, prefixes: str | tuple[str, ...]) -> dict[str, str]:
    """Return the settings of all apps, and the variables of all services, whose names begin so."""
    settings = [read_app_settings(app) for app in resources_of_type(resources, WEB_APP_TYPE)]
    settings += [container.variables for container in read_containers(resources)]
    return {name: value for pairs in settings for name, value in pairs.items() if name.startswith(prefixes)}


def _move_address(url: str, address: str) -> str:
    parts = urlsplit(address)
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{url}/{parts.netloc.partition('.')[0]}{parts.path}{fragment}"


def add_local_variables(resources: DeployedResources, variables: Mapping[str, str]) -> list[DeployedResource]:
    """Return the resources of a stack with further settings of its apps, in place of those of the same names."""
    return [_add_to_app(it, variables) if it.type == WEB_APP_TYPE else it for it in resources]


def _add_to_app(app: DeployedResource, variables: Mapping[str, str]) -> DeployedResource:
    config: Mapping[str, Any] = app.inputs.get("siteConfig") or {}
    settings = config.get("appSettings")
    if settings is not None and not isinstance(settings, list):
        return app
    kept = [pair for pair in settings or () if pair["name"] not in variables]
    added = [{"name": name, "value": value} for name, value in variables.items()]
    return replace(app, inputs={**app.inputs, "siteConfig": {**config, "appSettings": [*kept, *added]}})
