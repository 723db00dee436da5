"""Policies of the firewall of Front Door.

Source: Azure's documentation, "Policy settings for Web Application Firewall in Azure Front Door".
"""

from __future__ import annotations

from typing import Any

from pulumi_azure_native import frontdoor

from semantest_iac.domain.networking.sites import WebFirewall
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_PREMIUM = "Premium_AzureFrontDoor"
_MANAGED_RULES = (("Microsoft_DefaultRuleSet", "2.1", "Block"), ("Microsoft_BotManagerRuleSet", "1.1", None))
_EVERYBODY = ("0.0.0.0/0", "::/0")


def create_web_firewall(firewall: WebFirewall, context: ProgramContext) -> Outputs:
    """Create a policy with the rules that Azure keeps, and a limit for each address."""
    sets: Any = [
        {"rule_set_type": name, "rule_set_version": version, "rule_set_action": action}
        for name, version, action in _MANAGED_RULES
    ]
    limit: Any = {
        "name": "RequestsPerAddress",
        "priority": 1,
        "rule_type": "RateLimitRule",
        "rate_limit_duration_in_minutes": 5,
        "rate_limit_threshold": firewall.requests_per_address,
        "match_conditions": [
            {"match_variable": "SocketAddr", "operator": "IPMatch", "match_value": list(_EVERYBODY)},
        ],
        "action": "Block",
    }
    policy = frontdoor.Policy(
        firewall.name,
        policy_name=azure_name("web firewall", context, firewall.name).replace("-", ""),
        resource_group_name=context.outputs[FOUNDATION]["group"],
        location="Global",
        sku={"name": _PREMIUM},
        policy_settings={"enabled_state": "Enabled", "mode": "Prevention", "request_body_check": "Enabled"},
        managed_rules={"managed_rule_sets": sets},
        custom_rules={"rules": [limit]},
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": policy.id, "arn": policy.id, "name": policy.name}
