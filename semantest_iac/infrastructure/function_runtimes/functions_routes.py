"""Chooses the function that takes a request, as the host of Azure Functions does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from semantest_iac.infrastructure.function_runtimes.function_spec import NO_KEY, NO_ROUTE, FunctionSpec

LITERAL, CONSTRAINED, VARIABLE, GREEDY = range(4)
PARAMETER = re.compile(r"\{(?P<greedy>\*{0,2})(?P<name>\w+)(:(?P<constraint>[^?=}]+))?(=[^}]*)?(?P<optional>\?)?\}")
CONSTRAINTS = {
    "int": re.compile(r"-?\d+"),
    "long": re.compile(r"-?\d+"),
    "alpha": re.compile(r"[A-Za-z]+"),
    "bool": re.compile(r"(?i)true|false"),
    "guid": re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}  # others let everything pass
KEY_HEADER, KEY_PARAMETER = "x-functions-key", "code"


class Segment(NamedTuple):
    """One step of a template: its text or its parameter's name."""

    kind: int
    name: str
    constraint: str = ""
    is_optional: bool = False


def functions_call(
    spec: FunctionSpec, facts: Mapping[str, Any], event: Mapping[str, Any], request_id: str
) -> Mapping[str, Any]:
    """The request with the function that answers it, or the host's own error."""
    path = urlsplit(event["url"]).path
    prefix = _route_prefix(spec.package)
    fitting = [
        (_rank(segments), function, found)
        for function in facts["functions"]
        if function["isHttp"] and _takes(function, event["method"])
        for segments in [_segments(f"{prefix}/{function.get('route') or function['name']}")]
        if (found := _match(segments, [unquote(part) for part in path.split("/") if part])) is not None
    ]
    if not fitting:
        return {"error": {"errorType": NO_ROUTE, "errorMessage": f"No function takes {event['method']} {path}."}}
    _, function, params = min(fitting, key=lambda found: found[0])
    if function["authLevel"] != "anonymous" and not _has_key(event):
        return {"error": {"errorType": NO_KEY, "errorMessage": f"{function['name']} wants a key in {KEY_HEADER}."}}
    return {"function": function["name"], "http": {**event, "params": params}, "id": request_id}


def _takes(function: Mapping[str, Any], method: str) -> bool:
    methods = [known.upper() for known in function.get("methods") or ()]
    return not methods or method.upper() in methods


def _has_key(event: Mapping[str, Any]) -> bool:
    return bool(event["headers"].get(KEY_HEADER) or event["query"].get(KEY_PARAMETER))


@cache
def _route_prefix(package: Path) -> str:
    """What stands before every route; host.json was checked when the package was made, and `api` is the default."""
    try:
        settings = json.loads((package / "host.json").read_bytes())
        return str(settings["extensions"]["http"]["routePrefix"])
    except (OSError, ValueError, LookupError, TypeError):
        return "api"


def _segments(template: str) -> list[Segment]:
    return [_segment(part) for part in template.split("/") if part]


def _segment(part: str) -> Segment:
    match = PARAMETER.fullmatch(part)
    if match is None:
        return Segment(LITERAL, part.lower())
    constraint = match["constraint"] or ""
    kind = GREEDY if match["greedy"] else CONSTRAINED if constraint else VARIABLE
    return Segment(kind, match["name"], constraint, bool(match["optional"]))


def _match(segments: list[Segment], path: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for place, segment in enumerate(segments):
        if segment.kind == GREEDY:
            return params | {segment.name: "/".join(path[place:])}
        if place >= len(path):
            return params if segment.is_optional else None
        if not _fits(segment, path[place]):
            return None
        if segment.kind != LITERAL:
            params[segment.name] = path[place]
    return params if len(path) <= len(segments) else None


def _fits(segment: Segment, value: str) -> bool:
    if segment.kind == LITERAL:
        return value.lower() == segment.name
    pattern = CONSTRAINTS.get(segment.constraint)
    return pattern is None or pattern.fullmatch(value) is not None


def _rank(segments: list[Segment]) -> tuple[int, ...]:
    return tuple(segment.kind for segment in segments)
