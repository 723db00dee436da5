"""Generates the JSON Schema of the configuration file and validates values against the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import ConfigurationValues, KeyPath, format_key_path

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_MODEL_FAULTS = 50
_EXPECTED_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_KEY_PARENTS: dict[str, KeyPath] = {
    "at the top of the file": (),
    "below a component, such as components.rest-api": ("components", "rest-api"),
    "below an environment, such as environments.pr-12": ("environments", "pr-12"),
}

_KEYS_WITH_NAMES, _SECTION_DEPTH = ("components", "environments"), 2


@cache
def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) generated from the models."""
    return {"$schema": JSON_SCHEMA_DIALECT, **DeploymentConfiguration.model_json_schema(), "title": "semantest.yaml"}


def schema_for(providers: Iterable[str], engines: Iterable[str]) -> dict[str, Any]:
    """Return the schema with these providers and engines as the only choices."""
    choices = {"provider": [*providers, None], "engine": [*engines, None]}
    schema, sections = configuration_schema(), configuration_schema()["$defs"]
    own = _with_choices(sections["EnvironmentSection"], choices)
    return {**_with_choices(schema, choices), "$defs": {**sections, "EnvironmentSection": own}}


def _with_choices(schema: dict[str, Any], choices: dict[str, list[str | None]]) -> dict[str, Any]:
    properties = schema["properties"]
    chosen = {name: {**properties[name], "enum": values} for name, values in choices.items()}
    return {**schema, "properties": {**properties, **chosen}}


def sibling_keys(path: KeyPath) -> list[str]:
    """Return the known keys of the mapping that holds the last step of the path."""
    node = configuration_schema()
    for step in path[:-1]:
        node = _child_schema(node, step)
    return list(_resolve_reference(node).get("properties", ()))


def describe_key(path: KeyPath) -> str:
    """Return the schema's description of the value at the path, empty if there is none."""
    node = configuration_schema()
    for step in path:
        node = _child_schema(node, step)
    return str(node.get("description", ""))


def _child_schema(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    holder = _resolve_reference(node)
    if isinstance(step, int):
        return dict(holder.get("items", {}))
    return dict(holder.get("properties", {}).get(step) or holder.get("additionalProperties") or {})


def _resolve_reference(node: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    inner = choices[0] if choices else node
    reference = inner.get("$ref", "").removeprefix("#/$defs/")
    return dict(configuration_schema()["$defs"][reference]) if reference else inner


class ValidatedValues(NamedTuple):
    """The values that fit the model, also without conversion, and a fault for every value that does not."""

    configuration: DeploymentConfiguration
    faults: tuple[Fault, ...]
    values: ConfigurationValues


def validate_values(values: ConfigurationValues) -> ValidatedValues:
    """Validate without raising: in the worst case the configuration is empty, with the faults that explain why."""
    faults: list[Fault] = []
    while True:
        try:
            return ValidatedValues(DeploymentConfiguration.model_validate(values), tuple(faults), values)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            known = {fault.path for fault in faults}  # what had the wrong shape, and was taken out, is not missing
            found = [_model_fault(detail) for detail in errors[:MAX_MODEL_FAULTS]]
            faults += [fault for fault in found if fault.path not in known]
            if len(errors) > MAX_MODEL_FAULTS:
                more = Fault("", f"and {len(errors) - MAX_MODEL_FAULTS} more faults")
                return ValidatedValues(DeploymentConfiguration(), (*faults, more), {})
            for detail in errors:
                values = _remove_path(values, _faulty_path(detail))


def find_unknown_empty_keys(value: Any, path: KeyPath = ()) -> Iterator[Fault]:
    """Yield a fault for each unknown key without a value; the model never sees them."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        inner_path = (*path, step)
        if inner is None and (known := sibling_keys(inner_path)) and step not in known:
            yield _unknown_key_fault(inner_path)
        yield from find_unknown_empty_keys(inner, inner_path)


def _unknown_key_fault(path: KeyPath) -> Fault:
    key, is_in_section = str(path[-1]), len(path) == _SECTION_DEPTH and path[0] not in _KEYS_WITH_NAMES
    elsewhere = _suggest_parent(key)
    known = suggest_known(key, sibling_keys(path)) if is_in_section or not elsewhere else ""
    return Fault(format_key_path(path), "unknown key", " ".join(filter(None, (elsewhere, known))))


def _model_fault(detail: ErrorDetails) -> Fault:
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key_fault(path)
    if kind == "missing":
        return Fault(format_key_path(path), "missing")
    if kind == "literal_error":
        known = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return Fault(
            format_key_path(path), f"'{make_printable(str(given))}' is not known", suggest_known(str(given), known)
        )
    if kind in _EXPECTED_TYPES:
        return Fault(
            format_key_path(path), f"must be {_EXPECTED_TYPES[kind]}, not {_describe_value(given)}", describe_key(path)
        )
    return Fault(format_key_path(path), detail["msg"])


def _suggest_parent(key: str) -> str:
    """Return a hint for a key that is spelled correctly but stands in the wrong mapping."""
    hints = (hint for hint, parent in _KEY_PARENTS.items() if key in sibling_keys((*parent, key)))
    return next((f"'{key}' belongs {hint}." for hint in hints), "")


def _describe_value(given: Any) -> str:
    if isinstance(given, dict | list):
        return "a mapping" if isinstance(given, dict) else "a list"
    if isinstance(given, bool):
        return str(given).lower()
    return f"'{make_printable(given)}'" if isinstance(given, str) else str(given)


def _faulty_path(detail: ErrorDetails) -> KeyPath:
    return detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]


def _remove_path(values: ConfigurationValues, path: KeyPath) -> ConfigurationValues:
    """Return the values without the path; a list is removed as a whole."""
    head, *rest = path
    inner = values.get(str(head))
    if rest and isinstance(inner, dict):
        return {**values, str(head): _remove_path(inner, tuple(rest))}
    return {key: value for key, value in values.items() if key != head}
