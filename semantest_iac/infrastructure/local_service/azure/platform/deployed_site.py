"""A Static Web App, behind Front Door or alone, read from deployed resources.

What it answers follows from the configuration that its package gets when it is published, read as Azure's documentation
"Configure Azure Static Web Apps" says: the first route that fits, then the headers of all answers. Source of the words
of Front Door: "Caching with Azure Front Door", `X-Cache`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from semantest_iac.domain.networking.http_exchange import HttpResponse, Pairs
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.domain.networking.sites import VARIABLES_FILE
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.azure.sites.configuration import (
    SITE_CONFIGURATION_FILE,
    render_configuration,
)
from semantest_iac.infrastructure.cloud_programs.site_files import SiteFile, render_variables
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.api_frontend import resources_of_type
from semantest_iac.infrastructure.local_service.sites.rules import (
    CacheStatusHeader,
    ServedFile,
    SitePackages,
    SiteRules,
)

_SITE: Final = "azure-native:web:StaticSite"
_CONTAINER: Final = "azure-native:storage:BlobContainer"
_ENDPOINT: Final = "azure-native:cdn:AFDEndpoint"
_DOMAIN: Final = "azure-native:cdn:AFDCustomDomain"
_ROUTE: Final = "azure-native:cdn:Route"
_CACHE: Final = CacheStatusHeader("x-cache", "TCP_HIT", "TCP_MISS")
_CACHE_CONTROL: Final = "cache-control"
_MISSING: Final = HttpResponse(404, (("content-type", "text/html"),), b"<h1>404: Not Found</h1>")
_REFUSED_METHOD: Final = HttpResponse(405)


def read_site_rules(resources: DeployedResources, sources: SitePackages) -> SiteRules | None:
    """Read what a Static Web App answers; None if the stack has none."""
    site = next(resources_of_type(resources, _SITE), None)
    if site is None:
        return None
    settings = _read_settings(resources)
    folder = sources.unpack(site.code) if site.code else None
    paths = [it.relative_to(folder).as_posix() for it in sorted(folder.rglob("*")) if it.is_file()] if folder else []
    configuration = json.loads(render_configuration(paths, settings))
    override = (configuration.get("responseOverrides") or {}).get("404") or {}
    is_cached = any(it.inputs.get("cacheConfiguration") for it in resources_of_type(resources, _ROUTE))
    return SiteRules(
        dict(_read_files(folder, paths, configuration, settings["variables"])) if folder else {},
        _MISSING,
        _REFUSED_METHOD,
        single_page="navigationFallback" in configuration,
        error_page=str(override.get("rewrite", "")).lstrip("/"),
        headers=HeaderRules(tuple(it for it in _lower(configuration["globalHeaders"]) if it[0] != _CACHE_CONTROL)),
        cache=_CACHE if is_cached else None,
        origins=tuple(f"https://{host}" for host in _list_hosts(resources, site)),
    )


def _read_settings(resources: DeployedResources) -> Mapping[str, Any]:
    """Read what the publisher writes into the package, which stands with the container of packages."""
    metadata = (it.inputs.get("metadata") or {} for it in resources_of_type(resources, _CONTAINER))
    settings: Mapping[str, Any] = next(json.loads(it["settings"]) for it in metadata if "settings" in it)
    return settings


def _read_files(
    folder: Path, paths: list[str], configuration: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[tuple[str, ServedFile]]:
    for path in paths:
        if path != SITE_CONFIGURATION_FILE:
            yield path, ServedFile(folder / path, _read_headers(path, configuration))
    if variables:
        yield (
            VARIABLES_FILE,
            ServedFile(render_variables(variables).encode(), _read_headers(VARIABLES_FILE, configuration)),
        )


def _read_headers(path: str, configuration: Mapping[str, Any]) -> Pairs:
    """Return the type of a file, and for how long it is kept: as its route says, or as all answers do."""
    fitting = [it["headers"] for it in configuration["routes"] if fnmatchcase(f"/{path}", it["route"])]
    headers = {**configuration["globalHeaders"], **(fitting[0] if fitting else {})}
    kept = (value for name, value in _lower(headers) if name == _CACHE_CONTROL)
    return (("content-type", SiteFile(path, Path(path)).content_type), (_CACHE_CONTROL, next(kept, "")))


def _lower(headers: Mapping[str, str]) -> Pairs:
    return tuple((name.lower(), str(value)) for name, value in headers.items())


def _list_hosts(resources: DeployedResources, site: DeployedResource) -> Iterator[str]:
    """Yield the names of the site, first those that visitors use."""
    yield from (str(it.inputs["hostName"]) for it in resources_of_type(resources, _DOMAIN))
    yield from (str(it.outputs["hostName"]) for it in resources_of_type(resources, _ENDPOINT))
    yield str(site.outputs["defaultHostname"])
