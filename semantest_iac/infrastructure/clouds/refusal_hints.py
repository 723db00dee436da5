"""Says what to do after a refusal of a cloud, by its code and message; both engines use the same table."""

from __future__ import annotations

import re
from typing import Final

_NAME_TAKEN: Final = "Another stack or person has that name. Destroy it there, or deploy to another environment."
_PERMISSION: Final = "The deploying identity lacks this permission."

# pattern over "code: message" -> hint; a hint may use the groups of its pattern, and the first match counts
_HINTS: Final = (
    (
        r"lower than function's total provisioned",
        "Lower instances.min in an update of its own, then instances.max. `deploy` does both in this order itself.",
    ),
    (r"greater than the reservedConcurrentExecution", "Write an instances.min of at most instances.max."),
    (
        r"concurrent ?executions?\b|ReservedConcurrent|Provisioned ?Concurrency",
        "New AWS accounts run as few as 10 functions at once. Raise the quota 'Concurrent "
        "executions' in Service Quotas, "
        "or set instances.min to 0 and leave instances.max out.",
    ),
    (
        r"roleAssignments/write",
        "The deploying identity may not assign roles, which Contributor cannot. Give it the role 'Role Based Access "
        "Control Administrator' or 'Owner' as well.",
    ),
    (
        r"not registered to use namespace '(?P<namespace>[\w.]+)'",
        "Register the resource provider once for the subscription: az provider register --namespace {namespace} --wait",
    ),
    (
        r"MissingSubscriptionRegistration",
        "Register the resource provider that the message names: az provider register --namespace <name> --wait",
    ),
    (
        r"availability zone Lambda doesn't support",
        "Name subnets in other zones under network.subnet_ids: Lambda does not run in every zone (not in use1-az3).",
    ),
    (
        r"softDeleteRetentionInDays.*can't be modified",
        "A vault keeps the days with which it was created. Write the former security.soft_delete_days, or destroy the "
        "stack and deploy it again.",
    ),
    (
        r"vault .* already exists in deleted state",
        "Recover the deleted vault (az keyvault recover --name NAME), or delete it for good if it has no protection "
        "from that (az keyvault purge --name NAME).",
    ),
    (
        r"workspace name .* (is reserved|is not available)",
        "A deleted workspace keeps its name for 14 days: az monitor log-analytics workspace recover brings it back "
        "into its resource group.",
    ),
    (
        r"scheduled for deletion",
        "Restore the secret (aws secretsmanager restore-secret --secret-id NAME), or wait until then.",
    ),
    (r"LimitExceeded|Quota", "Raise the quota in the cloud's console, or ask for less."),
    (r"AlreadyExists|ResourceConflict|already exists", _NAME_TAKEN),
    (r"AccessDenied|AuthorizationFailed|Unauthorized|Forbidden|not authorized to perform", _PERMISSION),
    (r"DependencyViolation", "Something outside this stack still uses it."),
    (r"InvalidRequest", "The name is still reserved after an earlier delete. Wait, or restore it."),
)


def find_refusal_hint(code: str, message: str) -> str:
    """Return what to do, or empty text where nothing is known."""
    for pattern, hint in _HINTS:
        if match := re.search(pattern, f"{code}: {message}", re.IGNORECASE):
            return hint.format_map(match.groupdict())
    return ""
