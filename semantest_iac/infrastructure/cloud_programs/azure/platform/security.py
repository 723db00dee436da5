"""Key vaults, identities of workloads, and roles on single resources."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_azure_native import keyvault, managedidentity

from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.azure.security import create_role_assignment
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import round_vault_recovery

_PRIVATE_ACCESS = {
    "public_network_access": "Disabled",
    "network_acls": {"bypass": "AzureServices", "default_action": "Deny"},
}

RIGHT_ROLES: Mapping[AccessRight, str] = {
    AccessRight.READ_SECRETS: "secrets",
    AccessRight.SEND_MESSAGES: "send",
    AccessRight.RECEIVE_MESSAGES: "receive",
    AccessRight.READ_WRITE_OBJECTS: "objects",
    AccessRight.READ_WRITE_ITEMS: "tables",
    AccessRight.SEND_TELEMETRY: "telemetry",
}
"""The role of each right, by its name in `ROLES`."""


def create_secret_vault(vault: SecretVault, context: ProgramContext) -> Outputs:
    """Create a vault whose secrets are read with roles; protection from purging is irreversible, `false` is refused.

    Secrets are written through Resource Manager, so that a private vault needs no way in for the deployment.
    """
    foundation = context.outputs[FOUNDATION]
    created = keyvault.Vault(
        vault.name,
        vault_name=globally_unique_name("vault", context, vault.name),
        properties={
            "tenant_id": foundation["tenant"],
            "sku": {"family": "A", "name": "standard"},
            "enable_rbac_authorization": True,
            "soft_delete_retention_in_days": round_vault_recovery(vault.recovery_days),
            "enable_purge_protection": vault.purge_protection or None,
            **(_PRIVATE_ACCESS if vault.private else {}),
        },
        **common_arguments(context),
        opts=context.options(),
    )
    return {"id": created.id, "name": created.name, "address": created.properties.apply(lambda it: it.vault_uri)}


def create_workload_identity(identity: WorkloadIdentity, context: ProgramContext) -> Outputs:
    """Create a user-assigned identity, so that roles can be assigned before what uses it exists."""
    created = managedidentity.UserAssignedIdentity(
        identity.name,
        resource_name_=azure_name("identity", context, identity.name),
        **common_arguments(context),
        opts=context.options(),
    )
    return {
        "id": created.id,
        "name": created.name,
        "principal": created.principal_id,
        "client": created.client_id,
        "purpose": identity.name,
        "rights": [],
    }


def assign_right(assignment: RoleAssignment, context: ProgramContext) -> Outputs:
    """Assign a built-in role on the target."""
    role = RIGHT_ROLES.get(assignment.right)
    if role is None:  # as the table of what Azure has in part says
        return {}
    target, identity = context.outputs[assignment.target], context.outputs[assignment.identity]
    scope = target.get("id") or target["arn"]
    created = create_role_assignment(assignment.name, role, scope, identity, context)
    return {"id": created.id, "resource": created}
