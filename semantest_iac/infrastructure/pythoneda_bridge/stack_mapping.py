"""Reads which stack a request of PythonEDA means: its stack name, project name, location and metadata.

| `stackName` | component | provider | environment | region |
|---|---|---|---|---|
| `rest-api.aws.staging.us-east-1` | from the name | from the name | from the name | from the name |
| `shop.rest-api.aws.staging.us-east-1` | from the name, with the project | the same | the same | the same |
| `aws-staging` | metadata or configuration | from the name | from the name | `location` |
| `staging` | metadata or configuration | metadata, or the cloud that has the location | from the name | `location` |

What is said twice must agree. Environments have their aliases (`dev`, `prod`); a location is written as people do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.environments.names import (
    Region,
    canonical_environment,
    canonical_word,
    is_stack_part,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
from semantest_iac_events.stack_names import DEFAULT_PROJECT, STACK_NAME_FORM, STACK_SEPARATOR, split_stack_name

_PULUMI_PROJECT = "semantest-infrastructure"
"""The name of the default project in Pulumi.yaml, which other tools take for the project's."""

METADATA_KEYS = ("component", "provider", "configuration")
"""What is read of a request's metadata; the rest belongs to its sender."""


@dataclass(frozen=True, slots=True)
class WantedStack:
    """What a request says of its stack; None where the configuration of this machine decides.

    `configuration` has precedence over the configuration of this machine.
    """

    environment: str
    component: str | None = None
    provider: str | None = None
    region: str | None = None
    project: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)


def read_wanted_stack(
    stack_name: str, project_name: str, location: str, metadata: Mapping[str, Any], clouds: CloudDescriptions
) -> WantedStack:
    """Return the stack that a request means; raises ValidationError with everything that cannot be read."""
    reading = _Reading(clouds)
    parts = reading.read_name(stack_name)
    parts = reading.merge(parts, "metadata.component", "component", reading.read_word(metadata, "component"))
    parts = reading.merge(parts, "metadata.provider", "provider", reading.read_word(metadata, "provider"))
    parts = reading.merge(parts, "location", "region", str(Region.parse(location or "")) or None)
    parts = reading.merge(parts, "projectName", "project", _read_project(project_name))
    parts = reading.find_provider(parts)
    configuration = reading.read_configuration(metadata.get("configuration"))
    if reading.faults:
        what = make_printable(str(stack_name), 80)
        raise ValidationError(f"Cannot tell which stack '{what}' of PythonEDA is.", faults=reading.faults)
    return WantedStack(**parts, configuration=configuration)


class _Reading:
    """Collects the faults of one request."""

    def __init__(self, clouds: CloudDescriptions) -> None:
        self.faults: list[Fault] = []
        self._clouds = clouds

    def read_name(self, stack_name: object) -> dict[str, str]:
        """Return the parts of a stack that its name holds."""
        name = stack_name.strip().lower() if isinstance(stack_name, str) else ""
        if STACK_SEPARATOR in name:
            return self._read_full_name(name)
        provider, _, rest = name.partition("-")
        parts = {"provider": provider, "environment": rest} if provider in self._clouds and rest else {}
        environment = canonical_environment(parts.get("environment", name))
        if not is_stack_part(environment):
            self._refuse("stackName", f"'{make_printable(name, 80)}' names no environment")
        return parts | {"environment": environment}

    def _read_full_name(self, name: str) -> dict[str, str]:
        try:
            project, component, provider, environment, region = split_stack_name(name)
        except ValueError:
            self._refuse("stackName", f"'{make_printable(name, 80)}' is not {STACK_NAME_FORM}")
            return {"environment": name}
        own_project = {"project": project} if name.startswith(f"{project}{STACK_SEPARATOR}{component}.") else {}
        return {
            "component": component,
            "provider": provider,
            "environment": canonical_environment(environment),
            "region": region,
            **own_project,
        }

    def read_word(self, metadata: Mapping[str, Any], key: str) -> str | None:
        """Return a name in the metadata, None where there is none."""
        value = metadata.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return canonical_word(value)
        self.faults.append(Fault(f"metadata.{key}", "is not text"))
        return None

    def merge(self, parts: dict[str, str], path: str, part: str, said: str | None) -> dict[str, str]:
        """Return the parts with one that was said elsewhere, which must be the same where the name holds it too."""
        if said is None:
            return parts
        known = parts.get(part)
        if known is None:
            return parts | {part: said}
        if known != said:
            self.faults.append(
                Fault(path, f"'{make_printable(said)}' contradicts '{known}' of the stack's name", "Say it once.")
            )
        return parts

    def find_provider(self, parts: dict[str, str]) -> dict[str, str]:
        """Return the parts with the cloud that has the region, where none was named."""
        region, named = parts.get("region"), parts.get("provider")
        if named is not None:
            if named not in self._clouds:
                self.faults.append(
                    Fault("provider", f"unknown provider '{make_printable(named)}'", suggest_known(named, self._clouds))
                )
            return parts
        if region is None:
            return parts
        owners = [name for name, cloud in self._clouds.items() if region in cloud.regions]
        if len(owners) != 1:
            found = "no cloud has it" if not owners else f"{' and '.join(owners)} have it"
            hint = "Name the cloud as `provider` in the metadata, or in the stack's name: aws-dev."
            self.faults.append(Fault("location", f"'{make_printable(region)}' tells no cloud: {found}", hint))
            return parts
        return parts | {"provider": owners[0]}

    def read_configuration(self, given: object) -> Mapping[str, Any]:
        """Return the configuration in the metadata: a mapping, or its JSON text where only text can be sent."""
        if given in (None, ""):
            return {}
        try:
            value = json.loads(given) if isinstance(given, str) else json.loads(json.dumps(given))
        except (TypeError, ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        self.faults.append(Fault("metadata.configuration", "is neither a mapping nor the JSON text of one"))
        return {}

    def _refuse(self, path: str, message: str) -> None:
        forms = f"Write {STACK_NAME_FORM}, PROVIDER-ENVIRONMENT (aws-dev) or an environment (dev)."
        self.faults.append(Fault(path, message, forms))


def _read_project(name: object) -> str | None:
    word = canonical_word(name) if isinstance(name, str) else None
    return DEFAULT_PROJECT if word == _PULUMI_PROJECT else word or None
