"""Translates variables of functions; values of secrets become references, and are written nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.domain.security.secret_patterns import SETTING_REFERENCE, looks_secret
from semantest_iac.infrastructure.configuration.conversion.function_variables import is_reserved_name, name_secret
from semantest_iac.infrastructure.configuration.conversion.notes import ConversionNotes
from semantest_iac.infrastructure.configuration.conversion.serverless.variables import (
    ServerlessVariables,
    UnresolvedValue,
    find_unresolved,
    to_text,
)
from semantest_iac.infrastructure.configuration.layers import KeyPath

_SECRET_SOURCES = ("${ssm:", "${aws:reference", "${vault:")


class EnvironmentConverter:
    """Translates mappings of variables, and collects what must be set on this machine."""

    def __init__(self, notes: ConversionNotes, variables: ServerlessVariables) -> None:
        self._notes = notes
        self._variables = variables
        self.required: dict[str, str] = {}
        """Variables of this machine, and where the value of each is."""

    def translate(self, written: Any, path: KeyPath) -> dict[str, str]:
        """Return the variables as a component has them."""
        values = self._variables.resolve(written, keep_environment=True)
        if not isinstance(values, dict):
            if values:
                self._notes.leave_out(path, "is known to the cloud or a program alone", "Write `environment`.")
            return {}
        translated = {name: self._translate_value(name, value, (*path, name)) for name, value in values.items()}
        for name in self._variables.unset_variables:
            reason = f"{name} is not set on this machine, so what stands behind it was taken"
            self._notes.differ(path, reason, f"Write ${{env.{name}}} where it is to be read.")
        self._variables.unset_variables.clear()
        return {name: value for name, value in translated.items() if value is not None}

    def _translate_value(self, name: str, value: Any, path: KeyPath) -> str | None:
        if value is None:
            return None
        if is_reserved_name(name):
            self._notes.leave_out(path, "names with this beginning belong to the cloud, or to this tool")
            return None
        if isinstance(value, UnresolvedValue) and (
            value.expression.startswith(_SECRET_SOURCES) or looks_secret(name, "value")
        ):
            return self._refer_to_secret(name, f"the value of {value.expression}")
        unknown = next(find_unresolved(value), None)
        if unknown is not None or isinstance(value, dict | list):
            reason = f"{unknown.expression} {unknown.reason}" if unknown else "is known to CloudFormation alone"
            hint = "Write the value. What a component has is in SEMANTEST_TABLE_, _BUCKET_ and _SEND_<NAME>."
            self._notes.leave_out(path, reason, hint)
            return None
        return self._translate_text(name, to_text(value), path)

    def _translate_text(self, name: str, text: str, path: KeyPath) -> str | None:
        variables = _find_variables(text)
        if any(looks_secret(each, "value") for each in (*variables, *([name] if variables else []))):
            return self._refer_to_secret(name, f"what {', '.join(variables)} had")
        if looks_secret(name, text):
            return self._refer_to_secret(name, "the value that stands in the file, which belongs into no file")
        for each in variables:
            self.required.setdefault(each, "read when the configuration is read")
        if "${" in text and not variables:
            self._notes.leave_out(path, "has text that this tool would take for a reference", "Write the value.")
            return None
        return text

    def _refer_to_secret(self, name: str, where: str) -> str:
        variable, reference = name_secret(name)
        self.required[variable] = where
        return reference


def _find_variables(text: str) -> list[str]:
    return [name.removeprefix("env.") for name in SETTING_REFERENCE.findall(text) if name.startswith("env.")]


def drop_repeated(variables: Mapping[str, str], common: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a function without those that its component has with the same value."""
    return {name: value for name, value in variables.items() if common.get(name) != value}
