"""Expands several components, providers and regions into single targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import TypeVar

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.environments.names import SERVICE_COMPONENTS, Region
from semantest_iac.domain.errors import DeploymentError, Fault, ValidationError
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions

ALL_COMPONENTS = "all"
_SERVICE_COMPONENTS = sorted(BLUEPRINTS.keys() & {*SERVICE_COMPONENTS})
_UNSPECIFIED = (None,)

Accepted = TypeVar("Accepted")
ProviderRegion = tuple[str | None, str | None]
"""A provider and a region; None leaves the choice to the configuration."""


def expand_components(named: Sequence[str]) -> list[str | None]:
    """Return the named components once each, with `all` expanded to every service."""
    expanded = (_SERVICE_COMPONENTS if name == ALL_COMPONENTS else [name] for name in named)
    return list(dict.fromkeys(name for names in expanded for name in names)) or [None]


def expand_targets(providers: Sequence[str], regions: Sequence[str], known: CloudDescriptions) -> list[ProviderRegion]:
    """Pair each region with the provider that has it; raises ValidationError for a provider without a region."""
    if len(providers) < 2 or not regions:
        return list(dict.fromkeys(product(providers or _UNSPECIFIED, regions or _UNSPECIFIED)))
    had = {name: known[name].regions for name in providers if name in known}
    owners = {region: [name for name in had if str(Region.parse(region)) in had[name]] for region in regions}
    if idle := [name for name in had if not any(name in found for found in owners.values())]:
        faults = [Fault("region", f"none of the regions is of {name}", _region_hint(had[name])) for name in idle]
        raise ValidationError("Cannot resolve the stacks.", faults=faults)
    return list(dict.fromkeys((owner, region) for region in regions for owner in owners[region] or providers[:1]))


def accept_all(attempts: Iterable[Callable[[], Accepted]]) -> list[Accepted]:
    """Call every attempt and return the results; if one fails, raise an error with the faults of all."""
    accepted, errors = [], []
    for attempt in attempts:
        try:
            accepted.append(attempt())
        except DeploymentError as error:
            errors.append(error)
    if errors:
        raise _merge_errors(errors, len(accepted) + len(errors))
    return accepted


def _merge_errors(errors: Sequence[DeploymentError], count: int) -> DeploymentError:
    """Prefer faults of the configuration to what is missing on this machine."""
    invalid = [error for error in errors if isinstance(error, ValidationError)]
    if len(errors) == 1 or not invalid:
        return errors[0]
    faults = dict.fromkeys(fault for error in invalid for fault in error.faults)
    return ValidationError(f"Cannot accept {len(errors)} of {count} stacks.", faults=tuple(faults))


def _region_hint(regions: Sequence[str]) -> str:
    return f"Name one as well, such as '{regions[0]}', or leave --region out."
