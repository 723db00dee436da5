"""Managed identities and the roles that they and others have."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure import shapes
from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    IDENTITY,
    IN_GROUP,
    SEEN,
    TENANT,
    TERRAFORM,
    ArmType,
    guid,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Pattern
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Guard,
    Naming,
    OnDelete,
    Reference,
    Surroundings,
    TypeRule,
    Unique,
)

ROLE_ASSIGNMENT: Final = "azure-native:authorization:RoleAssignment"
PROPAGATION: Final = 60.0
"""Virtual seconds until a new principal is known everywhere and until a new role assignment acts."""

_GUID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def age(now: str, then: str) -> float:
    """Virtual seconds between two moments of the simulated cloud."""
    return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()


def _is_not_known_yet(around: Surroundings) -> bool:
    """A directory that is told the type of a principal need not look it up."""
    facts = around.facts
    return not facts["principalType"] and any(
        row["principalId"] == facts["principalId"] and age(facts["now"], row["systemData"]["createdAt"]) < PROPAGATION
        for row in around.rows(IDENTITY)
    )


TYPES: Final[dict[str, TypeRule]] = {
    IDENTITY: ArmType(IDENTITY, f"{IN_GROUP}Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}").rule(
        {"resourceName": known(Pattern(r"^[a-zA-Z0-9][\w-]{2,127}\Z", DOC))},
        computed={
            "clientId": guid("client"),
            "principalId": guid("principal"),
            "tenantId": TENANT,
        },
        latency=5,
    ),
    ROLE_ASSIGNMENT: ArmType(
        ROLE_ASSIGNMENT, "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
    ).rule(
        {
            "roleAssignmentName": known(Pattern(rf"^{_GUID}\Z", TERRAFORM)),
            "roleDefinitionId": known(
                Pattern(rf"/providers/Microsoft\.Authorization/roleDefinitions/{_GUID}\Z", DOC), replaces=True
            ),
            "principalId": known(Pattern(rf"^{_GUID}\Z", DOC), replaces=True),
            "principalType": known(replaces=True, settled=True),
            **dict.fromkeys(
                ("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"),
                known(replaces=True),  # no field of an assignment can be changed
            ),
        },
        naming=Naming.UUID,
        computed={
            "principalType": "ServicePrincipal",
            "createdOn": "{now}",
            "updatedOn": "{now}",
            "createdBy": "",
            "updatedBy": "",
        },
        unique=(
            Unique(
                "{scope}|{principalId}|{roleDefinitionId}",
                Refusal("RoleAssignmentExists", "The role assignment already exists.", 409),
            ),
        ),
        references=(
            Reference(
                "scope",
                shapes.TOKENS,
                Refusal("ResourceNotFound", "The Resource '{value}' was not found.", 404),
                SEEN,
                pattern="^(/subscriptions/.+/resourceGroups/.+)$",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        guards=(
            Guard(
                _is_not_known_yet,
                Refusal(
                    "PrincipalNotFound",
                    f"Principal {{principalId}} does not exist in the directory {TENANT}. Check that you have the "
                    "correct principal ID. If you are creating this principal and then immediately assigning a role, "
                    "this error might be related to a replication delay. In this case, set the role assignment "
                    "principalType property to a value, such as ServicePrincipal, User, or Group. "
                    "See https://aka.ms/docs-principaltype",
                    retryable=True,
                    retry_after=15,
                ),
                SEEN,
            ),
        ),
    ),
}
