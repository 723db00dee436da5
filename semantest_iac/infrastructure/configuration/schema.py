"""The JSON Schema of the configuration file, for editors; and which keys belong where."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.infrastructure.configuration.layers import Path

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def schema() -> dict[str, Any]:
    """Draft 2020-12, generated from the models."""
    return {"$schema": DIALECT, **Configuration.model_json_schema(), "title": "semantest.yaml"}


def schema_for(providers: Iterable[str]) -> dict[str, Any]:
    """The same where these clouds are installed."""
    properties = schema()["properties"]
    provider = {**properties["provider"], "enum": [*providers, None]}
    return {**schema(), "properties": {**properties, "provider": provider}}


def keys_beside(path: Path) -> list[str]:
    """The keys that are known in the mapping that holds the last step of the path."""
    node = schema()
    for step in path[:-1]:
        node = _below(node, step)
    return list(_resolved(node).get("properties", ()))


def description_of(path: Path) -> str:
    """What the schema says of the value at the path; nothing of one that it does not know."""
    node = schema()
    for step in path:
        node = _below(node, step)
    return str(node.get("description", ""))


def _below(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    holder = _resolved(node)
    if isinstance(step, int):
        return dict(holder.get("items", {}))
    return dict(holder.get("properties", {}).get(step) or holder.get("additionalProperties") or {})


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    inner = choices[0] if choices else node
    reference = inner.get("$ref", "").removeprefix("#/$defs/")
    return dict(schema()["$defs"][reference]) if reference else inner
