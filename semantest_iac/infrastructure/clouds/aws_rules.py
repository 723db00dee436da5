"""What AWS accepts of a component beyond what every cloud does; paths are relative to the component."""

from __future__ import annotations

import re
from collections.abc import Iterator

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import account_deploy_command
from semantest_iac.domain.environments.findings import CloudLimits, Finding, RuleSubject, advise, refuse
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.runtimes import list_runtimes
from semantest_iac.infrastructure.clouds.standard_rules import StandardCloudRules

VARIABLES_LIMIT_BYTES = 4096  # names and values together
NETWORK_ID_PATTERNS = {
    "subnet_ids": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "security_group_ids": re.compile(r"sg-[0-9a-f]{8,17}"),
}
AWS_LIMITS = CloudLimits(
    runtimes=(  # source: the life cycle of Lambda runtimes that cfn-lint carries
        *list_runtimes("nodejs", v16="2024-06-12", v18="2025-09-01", v20="2026-04-30"),
        *list_runtimes("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *list_runtimes("python", v3_9="2025-12-15", v3_10="2026-10-31", v3_11="2027-06-30"),
        *list_runtimes("python", v3_12="2028-10-31", v3_13="2029-06-30", v3_14="2029-06-30"),
    ),
    reserved_prefixes=("AWS_", "LAMBDA_", "SEMANTEST_"),
    gateway="API Gateway",
)
_MISSING_ROLE_MESSAGE = "CloudWatch Logs role ARN must be set in account settings"
_ROLE_REQUIREMENT = "API Gateway logs WebSocket APIs through a role in the settings of the account and region."


def check_network_ids(subject: RuleSubject) -> Iterator[Finding]:
    """Subnets and security groups are named by their ids, and only together."""
    requested = subject.section.network
    if bool(requested.subnet_ids) != bool(requested.security_group_ids):
        yield refuse("network", "subnet_ids and security_group_ids need each other")
    for key, pattern in NETWORK_ID_PATTERNS.items():
        for index, identifier in enumerate(getattr(requested, key) or ()):
            if not pattern.fullmatch(identifier):
                yield refuse(f"network.{key}[{index}]", f"'{make_printable(identifier)}' is not such an id")


def check_variables_size(subject: RuleSubject) -> Iterator[Finding]:
    """Lambda limits the variables of a function by their size in all."""
    size = sum(len(f"{name}{value}".encode()) for name, value in subject.section.environment.items())
    if size > VARIABLES_LIMIT_BYTES:
        hint = "Move long values into files of the source."
        yield advise("environment", f"{size} bytes; AWS Lambda takes {VARIABLES_LIMIT_BYTES} in all", hint)


def explain_missing_log_role(message: str, stack: Stack) -> str:
    """Return what to do if the account has no role for logs; the engine and cloud of the run are not known here."""
    if _MISSING_ROLE_MESSAGE not in message:
        return ""
    options = "with this command's --engine and --cloud, if it had any"
    return f"{_ROLE_REQUIREMENT} Run: {account_deploy_command(stack)}, {options}; or leave features.access_logs out."


AWS_RULES = StandardCloudRules(
    AWS_LIMITS, (check_network_ids, check_variables_size), explain_refusal=explain_missing_log_role
)
