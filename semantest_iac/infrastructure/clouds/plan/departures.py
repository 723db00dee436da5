"""A value of the plan that a cloud cannot deploy as it is, and the warning about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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

    return check_departures
