"""Validation rules for names of which a layer makes the same resource, output or right; paths are in the component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.platform.layer_settings import ETL_QUEUE
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, refuse

LAYER_IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "security": ("api", "functions", "etl"),
    "database": ("database-administrator",),
}
"""By layer, the identities that it makes besides those of functions and services."""

ETL_OUTPUTS = ("staging", "pipeline")
SERVICE_OUTPUTS = ("environment", "registry")
"""The outputs of two layers that are no functions and services, without the name of the layer."""

SERVICE_PARTS = ("start", "sends-telemetry", "connects-database")
"""What stands behind the name of a service in the names of its rights."""

SERVICE_IDENTITY_PREFIX = "service-"
SERVICE_LOG = "logs"
_HINT = "Choose another name."


def check_names(subject: RuleSubject) -> Iterator[Finding]:
    """No function or service has the name of what its layers make themselves."""
    platform = subject.platform
    if platform is None:
        return
    yield from _check_function_names(subject, platform.layers)
    yield from _check_service_names(subject, platform.layers)


def _check_function_names(subject: RuleSubject, layers: tuple[str, ...]) -> Iterator[Finding]:
    identities = {name for layer in layers for name in LAYER_IDENTITIES.get(layer, ())}
    services = subject.section.services or {}
    for name, function in subject.section.functions.items():
        at = f"functions.{make_printable(name)}"
        is_job = subject.type == "etl" or (function.trigger is not None and function.trigger.queue == ETL_QUEUE)
        if name in identities:
            yield refuse(at, f"the platform has an identity '{name}' of its own", _HINT)
        elif name.removeprefix(SERVICE_IDENTITY_PREFIX) in services and name.startswith(SERVICE_IDENTITY_PREFIX):
            service = name.removeprefix(SERVICE_IDENTITY_PREFIX)
            yield refuse(at, f"the identity of the service '{service}' has this name", _HINT)
        if is_job and "etl" in layers and name in ETL_OUTPUTS:
            yield refuse(at, f"etl_{name} is the output of the {name} of the layer", _HINT)


def _check_service_names(subject: RuleSubject, layers: tuple[str, ...]) -> Iterator[Finding]:
    services = subject.section.services or {}
    for name in services:
        at = f"services.{make_printable(name)}"
        if name in SERVICE_OUTPUTS:
            yield refuse(at, f"services_{name} is the output of the {name} of the layer", _HINT)
        if name == SERVICE_LOG and "observability" not in layers:
            yield refuse(at, "the log of the services has this name", _HINT)
        for part in SERVICE_PARTS:
            other = name.removesuffix(f"-{part}")
            if other != name and other in services:
                yield refuse(at, f"a right of the service '{other}' has this name", _HINT)


NAME_RULES: tuple[Rule, ...] = (check_names,)
