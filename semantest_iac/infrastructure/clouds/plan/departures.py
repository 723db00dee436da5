"""A value of the plan that a cloud cannot deploy as it is, and the warning about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from semantest_iac.domain.environments.names import PLATFORM_TYPE
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.rules.findings import Finding, Rule, RuleSubject, advise


@dataclass(frozen=True, slots=True)
class Departure:
    """What is deployed in place of a value, in words that a person reads; `path` is that of the configuration."""

    layer: str
    path: str
    planned: str
    deployed: str
    reason: str
    source: str


FindDepartures = Callable[[PlatformSettings], Iterator[Departure]]
"""Yields what a cloud deploys otherwise of these settings, of every layer."""


def warn_of_departures(find: FindDepartures) -> Rule:
    """Return the rule that warns of each departure in the layers of a component."""

    def check_departures(subject: RuleSubject) -> Iterator[Finding]:
        settings = subject.settings
        if settings is None:
            return
        for platform in filter(None, (settings.platform, settings.resources)):
            for departure in find(platform):
                if departure.layer in platform.layers:
                    reason = f"{departure.planned} becomes {departure.deployed}: {departure.reason}"
                    yield advise(f"/{departure.path}", reason, f"Source: {departure.source}.")
        if subject.type == PLATFORM_TYPE and settings.platform is not None:
            yield from _find_missing_parts(settings.platform)

    return check_departures


MISSING_PARTS = {
    "enable_api_management": "the API gateway",
}
"""What the plan has and no layer deploys yet, by its flag."""


def _find_missing_parts(platform: PlatformSettings) -> Iterator[Finding]:
    """Warn of what the plan has and cannot be deployed yet."""
    for flag, part in MISSING_PARTS.items():
        if getattr(platform.environment.features, flag):
            yield advise(f"/features.{flag}", f"{part} cannot be deployed yet", "Set it to false to silence this.")
