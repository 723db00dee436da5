"""Web ACLs of WAF in front of CloudFront, which lie in us-east-1 whatever the region of the stack is.

Source: WAF's guide, "How to set up AWS WAF and its components", and its list of managed rule groups.
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from semantest_iac.domain.networking.sites import WebFirewall
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.aws.sites.domains import CLOUDFRONT_REGION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_RULE_GROUPS = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet")
_RATE_RULE = "RequestsPerAddress"


def create_web_firewall(firewall: WebFirewall, context: ProgramContext) -> Outputs:
    """Create a web ACL with the rules that AWS keeps, and a limit for each address."""
    rules: Any = [_build_rate_rule(firewall), *(_build_group_rule(*row) for row in enumerate(_RULE_GROUPS, 1))]
    acl = aws.wafv2.WebAcl(
        firewall.name,
        name=aws_name("web acl", context, firewall.name),
        region=CLOUDFRONT_REGION,
        scope="CLOUDFRONT",
        default_action={"allow": {}},
        rules=rules,
        visibility_config=_build_metrics("Firewall"),
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": acl.id, "arn": acl.arn, "name": acl.name}


def _build_rate_rule(firewall: WebFirewall) -> dict[str, Any]:
    limit = {"limit": firewall.requests_per_address, "aggregate_key_type": "IP"}
    return {
        "name": _RATE_RULE,
        "priority": 0,
        "action": {"block": {}},
        "statement": {"rate_based_statement": limit},
        "visibility_config": _build_metrics(_RATE_RULE),
    }


def _build_group_rule(priority: int, group: str) -> dict[str, Any]:
    return {
        "name": group,
        "priority": priority,
        "override_action": {"none": {}},
        "statement": {"managed_rule_group_statement": {"vendor_name": "AWS", "name": group}},
        "visibility_config": _build_metrics(group),
    }


def _build_metrics(name: str) -> Any:
    return {"cloudwatch_metrics_enabled": True, "metric_name": name, "sampled_requests_enabled": True}
