"""Key vaults, identities of workloads, and roles on single resources."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity

from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.azure.foundation import (
    azure_name,
    common_arguments,
    globally_unique_name,
)
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.azure_rules import round_vault_recovery

_PRIVATE_ACCESS = {
    "public_network_access": "Disabled",
    "network_acls": {"bypass": "AzureServices", "default_action": "Deny"},
}

RIGHT_ROLES: Mapping[AccessRight, str] = {
    # Azure's built-in roles; source: Azure's list of built-in roles
    AccessRight.READ_SECRETS: "4633458b-17de-408a-b874-0445c86b69e6",  # Key Vault Secrets User
    AccessRight.SEND_MESSAGES: "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",  # Azure Service Bus Data Sender
    AccessRight.RECEIVE_MESSAGES: "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",  # Azure Service Bus Data Receiver
    AccessRight.READ_WRITE_OBJECTS: "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
    AccessRight.READ_WRITE_ITEMS: "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",  # Storage Table Data Contributor
    AccessRight.SEND_TELEMETRY: "3913510d-42f4-4e42-8a64-420c390055eb",  # Monitoring Metrics Publisher
}


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
    """Assign a built-in role on the target under a GUID of ours; naming the principal's type avoids replication."""
    target, subscription = context.outputs[assignment.target], context.outputs[FOUNDATION]["subscription"]
    role = RIGHT_ROLES.get(assignment.right)
    if role is None:  # as the table of what Azure has in part says
        return {}
    created = authorization.RoleAssignment(
        assignment.name,
        role_assignment_name=_make_guid(assignment.name, context),
        scope=target.get("id") or target["arn"],
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role
        ),
        principal_id=context.outputs[assignment.identity]["principal"],
        principal_type="ServicePrincipal",
        opts=context.options(
            # no property of an assignment can be changed, and its name exists only once
            replace_on_changes=["principalId", "principalType", "roleDefinitionId"],
            delete_before_replace=True,
        ),
    )
    return {"id": created.id, "resource": created}


def _make_guid(name: str, context: ProgramContext) -> str:
    return str(uuid5(NAMESPACE_URL, f"{context.stack}:{context.generation}:{name}"))
