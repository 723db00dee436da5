"""Which stacks are meant where several components, providers or regions are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import TypeVar

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.environments.names import SERVICES
from semantest_iac.domain.environments.providers import Providers
from semantest_iac.domain.environments.regions import normalised
from semantest_iac.domain.errors import DeploymentError, Fault, ValidationError

EVERY_COMPONENT = "all"
_EVERY = sorted(BLUEPRINTS.keys() & {*SERVICES})
_NOWHERE = (None,)

Accepted = TypeVar("Accepted")
Place = tuple[str | None, str | None]
"""A provider and a region; None is for the configuration to say."""


def components(named: Sequence[str]) -> list[str | None]:
    """As they were named, `all` standing for every service that there is."""
    spelled_out = (_EVERY if name == EVERY_COMPONENT else [name] for name in named)
    return list(dict.fromkeys(name for names in spelled_out for name in names)) or [None]


def places(providers: Sequence[str], regions: Sequence[str], known: Providers) -> list[Place]:
    """Each region at the provider that has it; raises ValidationError for a provider that none of them is of."""
    if len(providers) < 2 or not regions:
        return list(dict.fromkeys(product(providers or _NOWHERE, regions or _NOWHERE)))
    had = {name: known[name].regions for name in providers if name in known}
    owners = {region: [name for name in had if normalised(name, region) in had[name]] for region in regions}
    if idle := [name for name in had if not any(name in found for found in owners.values())]:
        faults = [Fault("region", f"none of the regions is of {name}", _hint(had[name])) for name in idle]
        raise ValidationError("Cannot tell which stacks are meant.", faults=faults)
    return list(dict.fromkeys((owner, region) for region in regions for owner in owners[region] or providers[:1]))


def together(attempts: Iterable[Callable[[], Accepted]]) -> list[Accepted]:
    """Everything that is accepted; raises with the faults of all where one is not."""
    accepted, errors = [], []
    for attempt in attempts:
        try:
            accepted.append(attempt())
        except DeploymentError as error:
            errors.append(error)
    if errors:
        raise _merged(errors, len(accepted) + len(errors))
    return accepted


def _merged(errors: Sequence[DeploymentError], count: int) -> DeploymentError:
    """What is written wrongly comes before what is missing on this machine."""
    invalid = [error for error in errors if isinstance(error, ValidationError)]
    if len(errors) == 1 or not invalid:
        return errors[0]
    faults = dict.fromkeys(fault for error in invalid for fault in error.faults)
    return ValidationError(f"Cannot accept {len(errors)} of {count} stacks.", faults=tuple(faults))


def _hint(regions: Sequence[str]) -> str:
    return f"Name one as well, such as '{regions[0]}', or leave --region out."
