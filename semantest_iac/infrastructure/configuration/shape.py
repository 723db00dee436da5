"""From plain values to the model: what does not fit becomes a fault, and the rest is kept for further checks."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import shown, suggestion
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import Path, Values, dotted
from semantest_iac.infrastructure.configuration.schema import description_of, keys_beside

MOST_FAULTS = 50

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}

_PLACES: dict[str, Path] = {
    "at the top of the file": (),
    "below a component, such as components.rest-api": ("components", "rest-api"),
}


class Shaped(NamedTuple):
    """The part of the values that fits the model, and a fault for every part that does not."""

    configuration: Configuration
    faults: tuple[Fault, ...]


def shaped(values: Values) -> Shaped:
    """Never raises: in the worst case the configuration is empty and the faults say why, the first of them."""
    faults: list[Fault] = []
    while True:
        try:
            return Shaped(Configuration.model_validate(values), tuple(faults))
        except ValidationError as error:
            errors = error.errors(include_url=False)
            faults += [_fault(detail) for detail in errors[:MOST_FAULTS]]
            if len(errors) > MOST_FAULTS:
                return Shaped(Configuration(), (*faults, Fault("", f"and {len(errors) - MOST_FAULTS} more faults")))
            for detail in errors:
                values = _without(values, _blamed(detail))


def _fault(detail: ErrorDetails) -> Fault:
    path, kind, given = detail["loc"], detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return Fault(
            dotted(path), "unknown key", _place_of(str(path[-1])) or suggestion(str(path[-1]), keys_beside(path))
        )
    if kind == "missing":
        return Fault(dotted(path), "missing")
    if kind == "literal_error":
        known = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return Fault(dotted(path), f"'{shown(str(given))}' is not known here", suggestion(str(given), known))
    if kind in _EXPECTED:
        return Fault(dotted(path), f"must be {_EXPECTED[kind]}, not {_described(given)}", description_of(path))
    return Fault(dotted(path), detail["msg"])


def _place_of(key: str) -> str:
    """A key that is spelled well and stands in the wrong place."""
    places = (place for place, above in _PLACES.items() if key in keys_beside((*above, key)))
    return next((f"'{key}' belongs {place}." for place in places), "")


def _described(given: Any) -> str:
    if isinstance(given, dict | list):
        return "a mapping" if isinstance(given, dict) else "a list"
    if isinstance(given, bool):
        return str(given).lower()
    return f"'{shown(given)}'" if isinstance(given, str) else str(given)


def _blamed(detail: ErrorDetails) -> Path:
    return detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]


def _without(values: Values, path: Path) -> Values:
    """The values without what is at the path; from a list nothing can be taken, so all of it goes."""
    head, *rest = path
    inner = values.get(str(head))
    if rest and isinstance(inner, dict):
        return {**values, str(head): _without(inner, tuple(rest))}
    return {key: value for key, value in values.items() if key != head}
