"""Chooses the route of an HTTP API, as API Gateway does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

DEFAULT = "$default"
LITERAL, VARIABLE, GREEDY = range(3)


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route that takes a request, and what its path variables stand for, decoded."""

    route_key: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)


def match_route(route_keys: Iterable[str], method: str, path: str) -> RouteMatch | None:
    """The most specific route: exact segments before variables before greedy ones, a method before ANY."""
    fitting = [match for key in route_keys if (match := _match(key, method, path)) is not None]
    return min(fitting, key=_rank, default=None)


def _match(route_key: str, method: str, path: str) -> RouteMatch | None:
    if route_key == DEFAULT:
        return RouteMatch(DEFAULT)
    wanted_method, _, template = route_key.partition(" ")
    if wanted_method not in (method, "ANY"):
        return None
    parameters = _parameters(_segments(template), _segments(path))
    return None if parameters is None else RouteMatch(route_key, parameters)


def _parameters(template: Sequence[str], path: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for place, segment in enumerate(template):
        kind, name = _kind(segment), segment.strip("{+}")
        if place >= len(path) or (kind == LITERAL and segment != unquote(path[place])):
            return None
        if kind == GREEDY:
            return parameters | {name: unquote("/".join(path[place:]))}
        if kind == VARIABLE:
            parameters[name] = unquote(path[place])
    return parameters if len(path) == len(template) else None


def _rank(match: RouteMatch) -> tuple[tuple[int, ...], bool]:
    if match.route_key == DEFAULT:
        return (GREEDY + 1,), True
    method, _, template = match.route_key.partition(" ")
    return tuple(_kind(segment) for segment in _segments(template)), method == "ANY"


def _kind(segment: str) -> int:
    if not segment.startswith("{"):
        return LITERAL
    return GREEDY if segment.endswith("+}") else VARIABLE


@lru_cache
def _segments(path: str) -> Sequence[str]:
    return tuple(part for part in path.split("/")[1:] if part)
