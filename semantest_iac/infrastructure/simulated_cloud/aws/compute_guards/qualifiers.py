"""What Lambda refuses of aliases, permissions and provisioned concurrency."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.functions import (
    ALIAS_TYPE,
    INVALID_PARAMETER,
    MINIMUM_UNRESERVED,
    PROVISIONED_CONCURRENCY_TYPE,
    find_qualifier,
    function_name,
    provisioned_concurrency,
    unreserved_concurrency,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, OBSERVED
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts


def _version_weights(facts: RequestFacts) -> dict[str, float]:
    return dict((facts["routingConfig"] or {}).get("additionalVersionWeights") or {})


def _weights_unpublished_versions(context: GuardContext) -> bool:
    newest = str(context.facts["function_found"]["version"])
    published = range(1, int(newest) + 1) if newest.isdecimal() else ()
    return any(int(version) not in published for version in _version_weights(context.facts))


ALIAS_GUARDS: Final = (
    RequestGuard(
        lambda context: not all(map(str.isdecimal, _version_weights(context.facts))),
        Refusal(
            "ValidationException",
            "1 validation error detected: Value at 'routingConfig.additionalVersionWeights' failed to satisfy "
            "constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member "
            "must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
        ),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: len(_version_weights(context.facts)) > 1,
        Refusal(INVALID_PARAMETER, "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: context.facts["functionVersion"] in _version_weights(context.facts),
        Refusal(
            INVALID_PARAMETER,
            "Invalid function version {functionVersion}. Function version {functionVersion} is already included in "
            "routing configuration.",
        ),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: context.facts["functionVersion"] == "$LATEST" and bool(_version_weights(context.facts)),
        Refusal(INVALID_PARAMETER, "$LATEST is not supported for an alias pointing to more than 1 version"),
        OBSERVED,
    ),
    RequestGuard(
        _weights_unpublished_versions,
        Refusal("ResourceNotFoundException", "Function not found: {function_found[arn]}", 404),
        OBSERVED,
    ),
)

_PRINCIPAL_PATTERN: Final = (
    r"\*|\d{12}|arn:aws[a-zA-Z-]*:(iam|sts)::.+|([a-z0-9-]+\.)+(amazonaws\.com(\.cn)?|amazon\.com)"
)
"""Accounts, identities and services; which services and identities there are is not known here."""


def _mismatches_qualifier(context: GuardContext) -> bool:
    derived, stated = find_qualifier(context.facts["function"]), context.facts["qualifier"]
    return bool(derived and stated) and derived != stated


PERMISSION_GUARDS: Final = (
    RequestGuard(
        _mismatches_qualifier,
        Refusal(
            INVALID_PARAMETER, "The derived qualifier from the function name does not match the specified qualifier."
        ),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: "$LATEST" in (context.facts["qualifier"], find_qualifier(context.facts["function"])),
        Refusal(INVALID_PARAMETER, "We currently do not support adding policies for $LATEST."),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: "$" in (context.facts["qualifier"] or ""),
        Refusal("ResourceNotFoundException", "Function not found: {function_found[arn]}:{qualifier}", 404),
        OBSERVED,
    ),
    RequestGuard(
        lambda context: not re.fullmatch(_PRINCIPAL_PATTERN, context.facts["principal"]),
        Refusal(INVALID_PARAMETER, "The provided principal was invalid. Please check the principal and try again."),
        OBSERVED,
    ),
)


def _requested_concurrency(context: GuardContext) -> int:
    return int(context.facts["provisionedConcurrentExecutions"])


def _has_reservation(context: GuardContext) -> bool:
    return int(context.facts["function_found"]["reservedConcurrentExecutions"]) >= 0


def _otherwise_provisioned(context: GuardContext) -> int:
    """Return what other qualifiers of the function provision; the request replaces that of its own."""
    return provisioned_concurrency(context, context.facts["function_found"]["name"], context.facts["qualifier"])


def _available_unreserved_concurrency(context: GuardContext) -> int:
    """Return what the function may provision where it reserves nothing; messages show it as `unreserved`."""
    name = context.facts["function_found"]["name"]
    available = unreserved_concurrency(context, name) - _otherwise_provisioned(context)
    context.facts["unreserved"] = available
    return available


def _exceeds_reservation(context: GuardContext) -> bool:
    function = context.facts["function_found"]
    requested = _otherwise_provisioned(context) + _requested_concurrency(context)
    return _has_reservation(context) and requested > int(function["reservedConcurrentExecutions"])


def _exceeds_account(context: GuardContext) -> bool:
    return not _has_reservation(context) and _requested_concurrency(context) > _available_unreserved_concurrency(
        context
    )


def _leaves_too_little(context: GuardContext) -> bool:
    left = _available_unreserved_concurrency(context) - _requested_concurrency(context)
    return not _has_reservation(context) and left < MINIMUM_UNRESERVED


def _other_qualifiers_of_version(context: GuardContext) -> Iterable[str]:
    """Yield under which other qualifiers the version of the request has provisioned concurrency already."""
    facts, name = context.facts, context.facts["function_found"]["name"]
    aliases = {
        row["name"]: row["functionVersion"]
        for row in context.resources_of(ALIAS_TYPE)
        if function_name(row["functionName"]) == name
    }
    version = aliases.get(facts["qualifier"], facts["qualifier"])
    for row in context.resources_of(PROVISIONED_CONCURRENCY_TYPE):
        is_same = function_name(row["functionName"]) == name and row["qualifier"] != facts["qualifier"]
        if is_same and aliases.get(row["qualifier"], row["qualifier"]) == version:
            yield row["qualifier"]


def _version_of_alias_is_provisioned(context: GuardContext) -> bool:
    is_alias = not str(context.facts["qualifier"]).isdecimal()
    return is_alias and any(map(str.isdecimal, _other_qualifiers_of_version(context)))


def _alias_of_version_is_provisioned(context: GuardContext) -> bool:
    is_version = str(context.facts["qualifier"]).isdecimal()
    return is_version and not all(map(str.isdecimal, _other_qualifiers_of_version(context)))


PROVISIONED_CONCURRENCY_GUARDS: Final = (
    RequestGuard(
        lambda context: context.facts["qualifier"] == "$LATEST",
        Refusal(
            INVALID_PARAMETER, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        ),
        OBSERVED,
    ),
    RequestGuard(
        _version_of_alias_is_provisioned,
        Refusal(
            "ResourceConflictException",
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
            409,
        ),
        OBSERVED,
    ),
    RequestGuard(
        _alias_of_version_is_provisioned,
        Refusal("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias", 409),
        OBSERVED,
    ),
    RequestGuard(
        _exceeds_reservation,
        Refusal(
            INVALID_PARAMETER,
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
        ),
        DOC,
    ),
    RequestGuard(
        _exceeds_account,
        Refusal(
            INVALID_PARAMETER,
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            "[{unreserved}].",
        ),
        OBSERVED,
    ),
    RequestGuard(
        _leaves_too_little,
        Refusal(
            INVALID_PARAMETER,
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{MINIMUM_UNRESERVED}].",
        ),
        OBSERVED,
    ),
)
