"""Finds the function apps that API Management leads requests to, and the share of each."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources

WEB_APP_TYPE = "azure-native:web:WebApp"
_BACKEND, _POLICY = "azure-native:apimanagement:Backend", "azure-native:apimanagement:ApiPolicy"
_LIVE_BACKEND = "live"
_BACKEND_OF_POLICY = re.compile(r'<set-backend-service backend-id="([^"]+)"')


@dataclass(frozen=True, slots=True)
class ServedApps:
    """The app that is live, and that of a new version beside it with its `share` of the requests (0 to 1).

    `live` is None where nothing is deployed.
    """

    live: DeployedResource | None
    canary: DeployedResource | None = None
    share: float = 0.0

    @property
    def canary_key(self) -> str:
        """The key of the new version's processes; empty without one."""
        return str(self.canary.outputs["name"]) if self.canary else ""

    def choose(self, draw: Callable[[], float] = random.random) -> tuple[str, DeployedResource | None]:
        """Choose the app of one request at random; returns it with the key of its processes."""
        return (self.canary_key, self.canary) if self.canary and draw() < self.share else ("", self.live)


def find_served_apps(resources: DeployedResources) -> ServedApps:
    """Read which backend the policy of the gateway names, and how a pool divides the requests among its members.

    A pool draws by weight among members of the same priority, which all of ours have (Azure's page on backends).
    """
    apps = {str(it.outputs["defaultHostName"]): it for it in resources if it.type == WEB_APP_TYPE}
    hosts, backends = dict(_read_hosts(resources)), {it.id: it for it in resources if it.type == _BACKEND}
    live = apps.get(hosts.get(_LIVE_BACKEND, ""), next(iter(apps.values()), None))
    weights: dict[str, float] = {}
    for it in backends.values():
        if _read_backend_id(it) == _find_used_backend(resources):
            for member, weight in _read_members(it):
                if (backend := backends.get(member)) and (host := hosts.get(_read_backend_id(backend))):
                    weights[host] = weights.get(host, 0) + weight
    others = [host for host in weights if host in apps and apps[host] is not live]
    if not others:
        return ServedApps(live)
    return ServedApps(live, apps[others[0]], weights[others[0]] / sum(weights.values()))


def _find_used_backend(resources: DeployedResources) -> str:
    policies = (str(it.inputs.get("value", "")) for it in resources if it.type == _POLICY)
    return next((match[1] for text in policies if (match := _BACKEND_OF_POLICY.search(text))), _LIVE_BACKEND)


def _read_hosts(resources: DeployedResources) -> Iterator[tuple[str, str]]:
    for it in resources:
        if it.type == _BACKEND and it.inputs.get("url"):
            yield _read_backend_id(it), urlsplit(str(it.inputs["url"])).netloc


def _read_members(backend: DeployedResource) -> Iterator[tuple[str, float]]:
    """Yield the ids of the backends of a pool with their weights; a single backend has all of them."""
    pool: Mapping[str, Any] = backend.inputs.get("pool") or {}
    if not pool:
        yield backend.id, 1.0
    for service in pool.get("services") or ():
        yield str(service["id"]), float(service.get("weight") or 0)


def _read_backend_id(backend: DeployedResource) -> str:
    return str(backend.inputs.get("backendId", ""))
