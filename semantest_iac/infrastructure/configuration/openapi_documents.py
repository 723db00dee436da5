"""Reads the OpenAPI documents that a configuration names, and writes their operations in their place.

What is recorded of a configuration then holds without the files: a rollback, and another machine, need none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import ConfigurationValues, SourcePosition, format_key_path
from semantest_iac.infrastructure.configuration.text_files import read_text_file

MOST_API_OPERATIONS = 300
"""Of one document; source: the quota of API Gateway for resources of an API."""
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_VERSION = re.compile(r"3\.[01](\.\d+)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOCAL_REFERENCE = "#/"


class OpenApiError(Exception):
    """A document says something that a gateway cannot have."""


def expand_openapi_documents(
    values: ConfigurationValues, positions: Mapping[str, SourcePosition]
) -> tuple[ConfigurationValues, list[Fault]]:
    """Return the values with operations in place of documents, and what is wrong with those that cannot be read."""
    faults: list[Fault] = []
    for path, api in list(_find_apis(values)):
        at = format_key_path((*path, "openapi"))
        if api.get("operations") is not None:
            faults.append(Fault(at, "there are operations, too", "Leave one of them out."))
            continue
        try:
            document = _read_document(api["openapi"], positions.get(at))
            operations = list(_list_operations(document))
            if not 1 <= len(operations) <= MOST_API_OPERATIONS:
                raise OpenApiError(f"has {len(operations)} operations: a gateway takes 1 to {MOST_API_OPERATIONS}")
        except OpenApiError as error:
            faults.append(Fault(at, f"'{make_printable(str(api['openapi']), 200)}' {error}", "Name another document."))
            continue
        expanded = {key: value for key, value in api.items() if key != "openapi"} | {"operations": operations}
        if expanded.get("service") is None and expanded.get("url") is None and (server := _find_server(document)):
            expanded["url"] = server
        values = _replace_at(values, path, expanded)
    return values, faults


def _find_apis(values: ConfigurationValues) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the APIs that name a document, each with its path."""
    for name, component in _entries(values.get("components")):
        gateway = component.get("gateway")
        for api_name, api in _entries(gateway.get("apis") if isinstance(gateway, dict) else None):
            if isinstance(api.get("openapi"), str):
                yield ("components", name, "gateway", "apis", api_name), api


def _entries(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((str(key), entry) for key, entry in value.items() if isinstance(entry, dict))


def _replace_at(values: ConfigurationValues, path: tuple[str, ...], new: dict[str, Any]) -> ConfigurationValues:
    if not path:
        return new
    return {**values, path[0]: _replace_at(values[path[0]], path[1:], new)}


def _read_document(name: str, place: SourcePosition | None) -> dict[str, Any]:
    """Read a document that is relative to the file that names it, otherwise to the working directory."""
    folder = Path(place.source).absolute().parent if place and place.line else Path.cwd()
    text = read_text_file(folder / name, must_exist=True)
    if isinstance(text, Fault):
        raise OpenApiError(f"cannot be read: {text.message}")
    try:
        document = yaml.load(text or "", Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" in line {line + 1}" if line is not None else ""
        raise OpenApiError(f"is neither YAML nor JSON{where}") from error
    if not isinstance(document, dict) or not _VERSION.fullmatch(str(document.get("openapi", ""))):
        raise OpenApiError("is no OpenAPI document of version 3.0 or 3.1")
    return document


def _list_operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one entry for each method of each path, with the names of its parameters in the query."""
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict):
            raise OpenApiError(f"has a path '{make_printable(str(path))}' that is no mapping")
        item = _resolve(item, document)
        for method in _METHODS:
            if isinstance(operation := item.get(method), dict):
                query = [*_list_query(item, document), *_list_query(operation, document)]
                entry: dict[str, Any] = {"path": str(path), "methods": [method.upper()]}
                yield entry | ({"query": list(dict.fromkeys(query))} if query else {})


def _list_query(holder: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    parameters = holder.get("parameters")
    for written in parameters if isinstance(parameters, list) else ():
        parameter = _resolve(written, document) if isinstance(written, dict) else {}
        if parameter.get("in") == "query" and isinstance(parameter.get("name"), str):
            yield parameter["name"]


def _resolve(value: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Follow references within the document; one to another document cannot be followed."""
    for _ in range(8):
        reference = value.get("$ref")
        if reference is None:
            return value
        found: Any = document if str(reference).startswith(_LOCAL_REFERENCE) else None
        for step in str(reference).removeprefix(_LOCAL_REFERENCE).split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise OpenApiError(f"refers to '{make_printable(str(reference))}', which is not in it")
        value = found
    raise OpenApiError("has references that lead in a circle")


def _find_server(document: dict[str, Any]) -> str | None:
    """Return the address of the first server, if it is one without variables."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    url = first.get("url")
    return url.rstrip("/") if isinstance(url, str) and url.startswith("https://") and "{" not in url else None
