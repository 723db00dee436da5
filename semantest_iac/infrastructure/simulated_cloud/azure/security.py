"""Managed identities, role assignments, key vaults and their secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure import resource_type
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    IDENTITY_TYPE,
    PROVIDERS_ID_PREFIX,
    SIMULATED_TENANT,
    ArmType,
    refine,
    stable_guid,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    OBSERVED,
    TERRAFORM,
    Count,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    NameReservation,
    NamingScheme,
    OnDelete,
    RecomputedOutputs,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

ROLE_ASSIGNMENT_TYPE: Final = "azure-native:authorization:RoleAssignment"
ROLE_PROPAGATION_SECONDS: Final = 60.0
"""Virtual seconds until a new principal is known in the whole directory, and until a role assignment takes effect."""

_GUID_PATTERN: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def seconds_between(later: str, earlier: str) -> float:
    """Return the seconds between two ISO timestamps of the simulated cloud."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def _principal_is_not_propagated(context: GuardContext) -> bool:
    """Azure looks a new principal up, and may not find it yet, unless the request states its type."""
    facts = context.facts
    return not facts["principalType"] and any(
        row["principalId"] == facts["principalId"]
        and seconds_between(facts["now"], row["systemData"]["createdAt"]) < ROLE_PROPAGATION_SECONDS
        for row in context.resources_of(IDENTITY_TYPE)
    )


IDENTITY_TYPES: Final[dict[str, TypeRule]] = {
    IDENTITY_TYPE: ArmType(
        IDENTITY_TYPE, f"{PROVIDERS_ID_PREFIX}Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}"
    ).rule(
        {"resourceName": refine(Pattern(r"^[a-zA-Z0-9][\w-]{2,127}\Z", DOC))},
        computed={
            "clientId": stable_guid("client"),
            "principalId": stable_guid("principal"),
            "tenantId": SIMULATED_TENANT,
        },
        latency_seconds=5,
    ),
    ROLE_ASSIGNMENT_TYPE: ArmType(
        ROLE_ASSIGNMENT_TYPE, "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
    ).rule(
        {
            "roleAssignmentName": refine(Pattern(rf"^{_GUID_PATTERN}\Z", TERRAFORM)),
            "roleDefinitionId": refine(
                Pattern(rf"/providers/Microsoft\.Authorization/roleDefinitions/{_GUID_PATTERN}\Z", DOC), force_new=True
            ),
            "principalId": refine(Pattern(rf"^{_GUID_PATTERN}\Z", DOC), force_new=True),
            "principalType": refine(force_new=True, computed_default=True),
            **dict.fromkeys(
                ("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"),
                refine(force_new=True),  # no field of an assignment can be changed
            ),
        },
        naming=NamingScheme.UUID,
        computed={
            "principalType": "ServicePrincipal",
            "createdOn": "{now}",
            "updatedOn": "{now}",
            "createdBy": "",
            "updatedBy": "",
        },
        unique=(
            UniqueHandle(
                "{scope}|{principalId}|{roleDefinitionId}",
                Refusal("RoleAssignmentExists", "The role assignment already exists.", 409),
            ),
        ),
        references=(
            ResourceReference(
                "scope",
                resource_type.TYPE_TOKENS,
                Refusal("ResourceNotFound", "The Resource '{value}' was not found.", 404),
                OBSERVED,
                pattern="^(/subscriptions/.+/resourceGroups/.+)$",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        guards=(
            RequestGuard(
                _principal_is_not_propagated,
                Refusal(
                    "PrincipalNotFound",
                    f"Principal {{principalId}} does not exist in the directory {SIMULATED_TENANT}. Check that you "
                    "have the correct principal ID. If you are creating this principal and then immediately assigning "
                    "a role, this error might be related to a replication delay. In this case, set the role assignment "
                    "principalType property to a value, such as ServicePrincipal, User, or Group. "
                    "See https://aka.ms/docs-principaltype",
                    retryable=True,
                    retry_after=15,
                ),
                OBSERVED,
            ),
        ),
    ),
}

VAULT_TYPE: Final = "azure-native:keyvault:Vault"
SECRET_TYPE: Final = "azure-native:keyvault:Secret"  # noqa: S105 - a type name

_VAULTS_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.KeyVault/vaults"
_RETENTION_INPUT: Final = "softDeleteRetentionInDays"
_PROTECTION_INPUT: Final = "enablePurgeProtection"
_SHORTEST_RETENTION_DAYS: Final = 7
_UNREPORTED_INPUTS: Final = {"createMode"}


def _vault_output(facts: RequestFacts) -> dict[str, Any]:
    """Protection from purging stays on once it is."""
    before = facts["previous"]["properties"] if facts["previous"] else {}
    protected = {_PROTECTION_INPUT: True} if before.get(_PROTECTION_INPUT) else {}
    given = {name: value for name, value in facts["properties"].items() if name not in _UNREPORTED_INPUTS}
    return {
        "enableSoftDelete": True,
        _RETENTION_INPUT: 90,
        "publicNetworkAccess": "Enabled",
        "provisioningState": "Succeeded",
        "vaultUri": f"https://{facts['vaultName']}.vault.azure.net/",
        **protected,
        **given,
    }


def _secret_output(facts: RequestFacts) -> dict[str, Any]:
    """Resource Manager never returns the value; every change makes a new version."""
    given = {name: value for name, value in facts["properties"].items() if name != "value"}
    uri = f"{facts['vault']['properties']['vaultUri']}secrets/{facts['secretName']}"
    version = f"{facts['revision']:08x}{facts['uuid'].replace('-', '')[8:]}"
    return {"attributes": {"enabled": True}, **given, "secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}


def _retention_seconds(vault: ResourceProperties) -> float:
    return float(vault["properties"][_RETENTION_INPUT]) * SECONDS_PER_DAY


def _is_recovered(facts: RequestFacts) -> bool:
    return bool(facts["properties"].get("createMode") == "recover")


def _changes_retention(context: GuardContext) -> bool:
    retention = context.facts["properties"].get(_RETENTION_INPUT)
    return bool(context.previous) and retention not in (None, context.previous["properties"][_RETENTION_INPUT])


VAULT_TYPES: Final[dict[str, TypeRule]] = {
    VAULT_TYPE: ArmType(VAULT_TYPE, f"{_VAULTS_ID}/{{vaultName}}").rule(
        {
            "vaultName": refine(Pattern(r"^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]\Z", DOC)),
            "properties.tenantId": refine(force_new=True),
            f"properties.{_RETENTION_INPUT}": refine(Range(7, 90, TERRAFORM), computed_default=True),
            f"properties.{_PROTECTION_INPUT}": refine(OneOf((True,), DOC), computed_default=True),
            "properties.enableSoftDelete": refine(computed_default=True),
            "properties.createMode": refine(reported_differently=True),
        },
        rendered={"properties": _vault_output},
        unique=(
            UniqueHandle(
                "{vaultName}",
                Refusal(
                    "VaultAlreadyExists",
                    "The vault name '{vaultName}' is already in use. Vault names are globally unique so it is "
                    "possible that the name is already taken.",
                    409,
                ),
            ),
        ),
        guards=(
            RequestGuard(
                _changes_retention,
                Refusal(
                    "BadRequest",
                    f'The property "{_RETENTION_INPUT}" has been set already and it can\'t be modified.',
                ),
                TERRAFORM,
            ),
        ),
        name_reservation=NameReservation(
            _retention_seconds,
            Refusal(
                "ConflictError",
                "A vault with the same name already exists in deleted state. You need to either recover or purge "
                "existing key vault.",
                409,
            ),
            restores_deleted=_is_recovered,
        ),
        latency_seconds=20,
    ),
    SECRET_TYPE: ArmType(SECRET_TYPE, f"{_VAULTS_ID}/{{vaultName}}/secrets/{{secretName}}").rule(
        {
            "secretName": refine(Pattern(r"^[a-zA-Z0-9-]*\Z", DOC), Length(1, 127, DOC)),
            "properties": refine(sensitive=True),
            "properties.value": refine(reported_differently=True),
            "tags": refine(Count(0, 15, DOC)),
        },
        computed={"location": "{vault[location]}"},
        rendered={"properties": _secret_output},
        recomputed=(RecomputedOutputs(("properties",), ("properties",)),),
        name_reservation=NameReservation(  # source: github.com/pulumi/pulumi-azure-native/issues/1174 and 4282
            lambda _: _SHORTEST_RETENTION_DAYS * SECONDS_PER_DAY,
            Refusal(
                "Conflict",
                "Secret {secretName} is currently in a deleted but recoverable state, and its name cannot be reused; "
                "in this state, the secret can only be recovered or purged.",
                409,
            ),
        ),
        latency_seconds=2,
    ),
}
