"""Meadow's validation rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, refuse
from semantest_iac.infrastructure.clouds.aws_rules import AWS_LIMITS
from semantest_iac.infrastructure.clouds.declarative_rules import DeclarativeCloudRules

LARGEST_MEMORY_MB = 2048


def check_memory_limit(subject: RuleSubject) -> Iterator[Finding]:
    requested = subject.section.memory
    if requested is not None and requested > LARGEST_MEMORY_MB:
        yield refuse("memory", f"Meadow has {LARGEST_MEMORY_MB} MB at most, not {requested}")


RULES = DeclarativeCloudRules(replace(AWS_LIMITS, reserved_prefixes=("MEADOW_", "SEMANTEST_")), (check_memory_limit,))
