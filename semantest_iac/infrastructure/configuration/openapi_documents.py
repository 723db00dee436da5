"""Reads the OpenAPI documents that a configuration names, and writes their operations in their place.

What is recorded of a configuration then holds without the files: a rollback, and another machine, need none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.environments.rules.component_rules import ROUTE_PATH_HINT, is_route_path, normalize_route
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import ConfigurationValues, SourcePosition, format_key_path
from semantest_iac.infrastructure.configuration.text_files import read_text_file

MOST_API_OPERATIONS = 300
"""Of one document; source: the quota of API Gateway for resources of an API."""
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_PATH_KEYS = ("$ref", "summary", "description", "servers", "parameters")
_EXTENSION = "x-"
_UNKNOWN: Mapping[str, Any] = {
    "operations": [{"path": "/{path+}", "methods": ["ANY"]}],
    "url": "https://unknown.example.org",
}
"""Stands for a faulty document, so that nothing is called missing that it may have."""
_VERSION = re.compile(r"3\.[01](\.\d+)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOCAL_REFERENCE = "#/"


class OpenApiError(Exception):
    """A document says something that a gateway cannot have; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "Correct it there.") -> None:
        super().__init__(problem)
        self.hint = hint


def expand_openapi_documents(
    values: ConfigurationValues, positions: Mapping[str, SourcePosition]
) -> tuple[ConfigurationValues, list[Fault]]:
    """Return the values with operations in place of documents, and what is wrong with the documents."""
    faults: list[Fault] = []
    for path, api in list(_find_apis(values)):
        at = format_key_path((*path, "openapi"))
        kept = {key: value for key, value in api.items() if key != "openapi"}
        if kept.get("operations") is not None:
            faults.append(Fault(at, "there are operations, too", "Leave one of them out."))
        else:
            found, errors = _read_operations(api["openapi"], positions.get(at))
            name = make_printable(str(api["openapi"]), 200)
            faults += (Fault(at, f"'{name}' {error}", error.hint) for error in errors)
            has_backend = kept.get("service") is not None or kept.get("url") is not None
            kept |= found if not has_backend else {"operations": found["operations"]}
        values = _replace_at(values, path, kept)
    return values, faults


def _read_operations(name: str, place: SourcePosition | None) -> tuple[dict[str, Any], list[OpenApiError]]:
    """Return the keys of an API that a document stands for, and what is wrong with it."""
    try:
        document = _read_document(name, place)
    except OpenApiError as error:
        return dict(_UNKNOWN), [error]
    operations, errors = _list_operations(document)
    if not errors and not 1 <= len(operations) <= MOST_API_OPERATIONS:
        problem = f"has {len(operations)} operations: a gateway takes 1 to {MOST_API_OPERATIONS}"
        errors = [OpenApiError(problem, "Leave the document out: then every request is passed on.")]
    if errors:
        return dict(_UNKNOWN), errors
    server = _find_server(document)
    return {"operations": operations} | ({"url": server} if server else {}), []


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
    if "://" in name:
        raise OpenApiError("is an address", "Download the document, and name the file.")
    folder = Path(place.source).absolute().parent if place and place.line else Path.cwd()
    text = read_text_file(folder / name, must_exist=True)
    if isinstance(text, Fault):
        raise OpenApiError(f"cannot be read: {text.message}", f"It is looked for at {folder / name}.")
    try:
        document = yaml.load(text or "", Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise OpenApiError(f"is neither YAML nor JSON{where}") from error
    if not isinstance(document, dict) or not _VERSION.fullmatch(str(document.get("openapi", ""))):
        hint = "Convert it, such as by `npx swagger2openapi`." if _is_older(document) else "Name another document."
        raise OpenApiError("is no OpenAPI document of version 3.0 or 3.1", hint)
    return document


def _is_older(document: Any) -> bool:
    return isinstance(document, dict) and "swagger" in document


def _list_operations(document: dict[str, Any]) -> tuple[list[dict[str, Any]], list[OpenApiError]]:
    """Return an entry for each method of each path, with the names of its parameters, and all errors."""
    operations: list[dict[str, Any]] = []
    errors: list[OpenApiError] = []
    seen: dict[str, str] = {}
    paths = document.get("paths")
    for written, item in paths.items() if isinstance(paths, dict) else ():
        path = str(written)
        if path.startswith(_EXTENSION):
            continue
        try:
            _check_path(path, item, seen)
            operations += _list_methods(path, _resolve(item, document), document)
        except OpenApiError as error:
            errors.append(error)
    return operations, errors


def _check_path(path: str, item: Any, seen: dict[str, str]) -> None:
    shown = make_printable(path)
    if not isinstance(item, dict):
        raise OpenApiError(f"has a path '{shown}' that is no mapping")
    if not is_route_path(path):
        raise OpenApiError(f"has the path '{shown}', which is none of a gateway", ROUTE_PATH_HINT)
    if (other := seen.setdefault(normalize_route(path), path)) != path:
        raise OpenApiError(f"has the paths '{other}' and '{shown}', which are the same", "Leave one of them out.")


def _list_methods(path: str, item: dict[str, Any], document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in map(str, item):
        if key not in _METHODS and key not in _PATH_KEYS and not key.startswith(_EXTENSION):
            raise OpenApiError(f"has '{make_printable(key)}' at '{make_printable(path)}'", suggest_known(key, _METHODS))
    for method in _METHODS:
        if isinstance(operation := item.get(method), dict):
            query = [*_list_query(item, document), *_list_query(operation, document)]
            entry: dict[str, Any] = {"path": path, "methods": [method.upper()]}
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
            hint = "Put it into the document, as `npx @redocly/cli bundle` does with other files."
            raise OpenApiError(f"refers to '{make_printable(str(reference))}', which is not in it", hint)
        value = found
    raise OpenApiError("has references that lead in a circle")


def _find_server(document: dict[str, Any]) -> str | None:
    """Return the address of the first server, if it is one without variables."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    url = first.get("url")
    return url.rstrip("/") if isinstance(url, str) and url.startswith("https://") and "{" not in url else None
