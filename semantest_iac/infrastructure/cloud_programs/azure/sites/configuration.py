"""The configuration file of a Static Web App, which answers with headers, fallbacks and times of caching.

Source: Azure's documentation, "Configure Azure Static Web Apps": routes are tried in order, a wildcard ends
a path, and the file has at most 20 KB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from semantest_iac.domain.networking.sites import INDEX_PAGE, VARIABLES_FILE
from semantest_iac.infrastructure.cloud_programs.site_files import ASK_AGAIN, KEEP_FOR_GOOD, find_cache_control

SITE_CONFIGURATION_FILE = "staticwebapp.config.json"
_FRONT_DOOR_ADDRESSES = "AzureFrontDoor.Backend"
_LARGEST_BYTES = 20_000
_ERROR_PAGE = "404.html"


def render_configuration(paths: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Return the file for a site of these files; only visitors of a Front Door are let in where it names one."""
    configuration: dict[str, Any] = {
        "globalHeaders": {"Cache-Control": ASK_AGAIN, **settings["headers"]},
        "routes": list(_list_routes(paths, int(settings["cache_s"]))),
    }
    if settings["single_page"]:
        configuration["navigationFallback"] = {"rewrite": f"/{INDEX_PAGE}"}
    elif _ERROR_PAGE in paths:
        configuration["responseOverrides"] = {"404": {"rewrite": f"/{_ERROR_PAGE}"}}
    if front_door := settings["front_door"]:
        configuration["networking"] = {"allowedIpRanges": [_FRONT_DOOR_ADDRESSES]}
        configuration["forwardingGateway"] = {"requiredHeaders": {"X-Azure-FDID": front_door}}
    text = json.dumps(configuration, sort_keys=True)
    if len(text) > _LARGEST_BYTES:  # then browsers ask again for every file
        return json.dumps(configuration | {"routes": []}, sort_keys=True)
    return text


def _list_routes(paths: Sequence[str], cache_s: int) -> Iterator[dict[str, Any]]:
    """Yield a route for each folder whose files are all kept for one time, and for each other file that is kept."""
    kept: dict[str, set[str]] = {}
    for path in paths:
        kept.setdefault(str(PurePosixPath(path).parent), set()).add(find_cache_control(path, cache_s))
    whole = {folder for folder, times in kept.items() if folder != "." and times == {KEEP_FOR_GOOD}}
    whole = {it for it in whole if not any(other.startswith(f"{it}/") for other in kept)}
    yield from (_route(f"/{folder}/*", KEEP_FOR_GOOD) for folder in sorted(whole))
    for path in sorted(paths):
        cache_control = find_cache_control(path, cache_s)
        if cache_control != ASK_AGAIN and path != VARIABLES_FILE and str(PurePosixPath(path).parent) not in whole:
            yield _route(f"/{path}", cache_control)


def _route(path: str, cache_control: str) -> dict[str, Any]:
    return {"route": path, "headers": {"Cache-Control": cache_control}}
