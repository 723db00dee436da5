"""The bundled service: health and signature pages in the form of Semantest's own server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

STARTED_AT = time.monotonic()
READ_METHODS = ("GET", "HEAD")
HEADERS = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}

Page = tuple[int, dict[str, Any]]


def answer_request(method: str, path: str, environment: Mapping[str, str]) -> Page:
    """Return status and JSON body for one request, independent of the cloud."""
    page = PAGES.get(path.rstrip("/") or "/")
    if page is None:
        return 404, {"error": "Not Found", "path": path}
    if method not in READ_METHODS:
        return 405, {"error": "Method Not Allowed", "allowed": list(READ_METHODS)}
    return 200, page(environment)


def _health(environment: Mapping[str, str]) -> dict[str, Any]:
    return {"status": "healthy", **_time_fields(), **_service_fields(environment)}


def _live(environment: Mapping[str, str]) -> dict[str, Any]:
    return {"status": "alive", **_time_fields(), **_service_fields(environment)}


def _ready(environment: Mapping[str, str]) -> dict[str, Any]:
    return {"status": "ready", **_time_fields(), **_service_fields(environment)}


def _signature(environment: Mapping[str, str]) -> dict[str, Any]:
    return {**_service_fields(environment), "capabilities": ["rest-api"]}


def _time_fields() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"timestamp": now.replace("+00:00", "Z"), "uptime": round(time.monotonic() - STARTED_AT, 3)}


def _service_fields(environment: Mapping[str, str]) -> dict[str, Any]:
    version = environment.get("SERVICE_VERSION") or environment.get("API_VERSION") or "1.0.0"
    stage = environment.get("SEMANTEST_ENVIRONMENT") or "development"
    return {"service": "semantest", "version": version, "environment": stage}


PAGES = {
    "/health": _health,
    "/health/live": _live,
    "/health/ready": _ready,
    "/signature": _signature,
    "/semantest-signature": _signature,
}


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Handle an event of API Gateway in payload format 2.0."""
    request = event["requestContext"]
    method = request["http"]["method"]
    status, body = answer_request(method, _remove_stage(event["rawPath"], request.get("stage", "")), os.environ)
    headers = HEADERS | ({"allow": ", ".join(READ_METHODS)} if status == 405 else {})
    content = "" if method == "HEAD" else json.dumps(body)
    return {"statusCode": status, "headers": headers, "body": content, "isBase64Encoded": False}


def _remove_stage(path: str, stage: str) -> str:
    """Remove the stage, which API Gateway puts before the path unless it is `$default`."""
    prefix = f"/{stage}"
    if stage in ("", "$default") or not f"{path}/".startswith(f"{prefix}/"):
        return path
    return path[len(prefix) :] or "/"
