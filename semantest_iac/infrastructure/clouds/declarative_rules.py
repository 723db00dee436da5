"""The rules of a cloud as data: limits, checks and hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.environment_settings import round_retention
from semantest_iac.domain.environments.rules.findings import CloudLimits, Finding, Rule, RuleSubject


def _no_explanation(message: str, stack: Stack) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class DeclarativeCloudRules:
    """Implements the port CloudRules; a cloud names what differs from the defaults."""

    limits: CloudLimits
    checks: tuple[Rule, ...] = ()
    round_retention: Callable[[int], int] = round_retention
    explain_refusal: Callable[[str, Stack], str] = _no_explanation

    def check_component(self, subject: RuleSubject) -> Iterator[Finding]:
        """Run every check."""
        for check in self.checks:
            yield from check(subject)
