"""Key vaults, identities of workloads, and roles on single resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_azure_native import managedidentity

from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    create_vault,
)
from semantest_iac.infrastructure.cloud_programs.azure.security import create_role_assignment
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_PRIVATE_ACCESS: Mapping[str, Any] = {
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
    """Create a vault; secrets are written through Resource Manager, so that a private one needs no way in for that."""
    access = _PRIVATE_ACCESS if vault.private else {}
    created = create_vault(vault.name, vault.name, vault.recovery_days, vault.purge_protection, context, **access)
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
