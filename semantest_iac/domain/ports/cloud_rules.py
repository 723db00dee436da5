"""The clouds as validation sees them: regions, and rules that only one cloud knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.rules.findings import CloudLimits, Finding, RuleSubject


class CloudRules(Protocol):
    """Validates for one cloud beyond what holds on every cloud."""

    @property
    def limits(self) -> CloudLimits:
        """Return the values that the rules of every cloud compare with."""
        ...

    def round_retention(self, days: int, /) -> int:
        """Return for how many days the cloud keeps logs if `days` are requested; 0 is for ever."""
        ...

    def check_component(self, subject: RuleSubject, /) -> Iterator[Finding]:
        """Yield the findings of this cloud's own rules; paths are relative to the component."""
        ...

    def explain_refusal(self, message: str, stack: Stack, /) -> str:
        """Return a hint for a message with which the cloud refused a resource, empty if there is none."""
        ...


class CloudDescription(Protocol):
    """A cloud of this or another distribution."""

    @property
    def name(self) -> str:
        """Return the name for `--provider`."""
        ...

    @property
    def regions(self) -> tuple[str, ...]:
        """Return every region, the default first."""
        ...

    @property
    def region_counterparts(self) -> Mapping[str, str]:
        """Return the nearest own region by region of another cloud."""
        ...

    def load_rules(self) -> CloudRules:
        """Load the rules; raises RefusedError if they cannot be loaded."""
        ...


CloudDescriptions = Mapping[str, CloudDescription]
"""Clouds by name."""
