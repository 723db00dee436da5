"""What the configuration of this process says about plans, whatever a request says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from semantest_iac.domain.environments.rules.approval_checks import check_approvals
from semantest_iac.domain.guardrails.approval_rules import ApprovalRules, FindApprovalRules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.event_requests import LoadEnvironment
    from semantest_iac.application.reviews.plan_reviewer import FindOwnGuardrails
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
    from semantest_iac.domain.errors import Fault

FindGuardrailFaults = Callable[["GuardrailsSection"], "Iterable[Fault]"]


def watch_own_rules(load: LoadEnvironment) -> FindApprovalRules:
    """Return what finds the approvals that a configuration requires at the time.

    Where they cannot be read, everything must be approved: nobody knows what they were to be.
    """

    def find_own_rules(stack: Stack) -> ApprovalRules:
        loaded = load({"environment": stack.environment}, {})
        rules = ApprovalRules.from_section(loaded.configuration.approvals)
        is_unknown = _hides(loaded, "approvals") or any(
            finding.blocks for finding in check_approvals(loaded.configuration)
        )
        return replace(rules, need="always") if is_unknown else rules

    return find_own_rules


def watch_own_guardrails(load: LoadEnvironment, find_faults: FindGuardrailFaults) -> FindOwnGuardrails:
    """Return what finds the guardrails of a configuration at the time; those with faults are not known."""

    def find_own_guardrails(stack: Stack) -> GuardrailsSection | None:
        loaded = load({"environment": stack.environment}, {})
        guardrails = loaded.configuration.guardrails
        return None if _hides(loaded, "guardrails") or any(find_faults(guardrails)) else guardrails

    return find_own_guardrails


def _hides(loaded: LoadedConfiguration, section: str) -> bool:
    """Whether faults of a configuration hide one of its sections; a file elsewhere has none."""
    return any(
        section in fault.path.split(".")
        or (fault.path == "" and (fault.file or "").endswith(".yaml") and "is not read" not in fault.message)
        for fault in loaded.faults
    )
