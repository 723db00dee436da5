"""The clouds as validation sees them: regions, and rules that only one cloud knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.findings import CloudLimits, Finding, RuleSubject


class CloudRules(Protocol):
    """What one cloud accepts beyond what every cloud does."""

    @property
    def limits(self) -> CloudLimits:
        """Values that the rules of every cloud compare with."""
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
    """One cloud, ours or that of another distribution."""

    @property
    def name(self) -> str:
        """The name for `--provider`."""
        ...

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region; the first is the default."""
        ...

    @property
    def region_counterparts(self) -> Mapping[str, str]:
        """The nearest own region for regions of other clouds."""
        ...

    def load_rules(self) -> CloudRules:
        """Load the rules; raises RefusedError where they cannot be loaded."""
        ...


CloudDescriptions = Mapping[str, CloudDescription]
"""Clouds by name."""
