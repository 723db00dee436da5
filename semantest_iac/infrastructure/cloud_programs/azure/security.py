"""Secrets in Key Vault, identities with roles."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity, monitor

from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name, common_arguments, make_guid
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

# Azure's built-in roles; source: Azure's samples of function apps without keys
ROLES = {
    "blobs": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner
    "objects": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",  # Storage Blob Data Contributor
    "queues": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",  # Storage Queue Data Contributor
    "tables": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",  # Storage Table Data Contributor
    "telemetry": "3913510d-42f4-4e42-8a64-420c390055eb",  # Monitoring Metrics Publisher
    "secrets": "4633458b-17de-408a-b874-0445c86b69e6",  # Key Vault Secrets User
    "hub": "12cf5a90-567b-43ae-8102-96cf46c7d9b4",  # Web PubSub Service Owner
    "send": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",  # Azure Service Bus Data Sender
    "pipelines": "673868aa-7521-48a0-acc6-0f60742d39f5",  # Data Factory Contributor
    "pull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
    "messages": "090c5cfd-751d-490a-894a-3ce6f1109419",  # Azure Service Bus Data Owner
    "receive": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",  # Azure Service Bus Data Receiver
}

_IMMUTABLE_PROPERTIES = [
    "principalId",
    "principalType",
    "roleDefinitionId",
]  # Azure names these when it refuses the change


def create_app_secret(secret: AppSecret, context: ProgramContext) -> Outputs:
    """Create a secret; other resources see the address of its value only, which changes with the value."""
    foundation = context.outputs[FOUNDATION]
    vault = context.outputs[secret.vault]["name"] if secret.vault else foundation["vault"].name
    created = keyvault.Secret(
        secret.name,
        secret_name=context.add_deployment_suffix(secret.key.replace("_", "-")),  # names may contain no underscore
        vault_name=vault,
        resource_group_name=foundation["group"],
        properties={"value": pulumi.Output.secret(context.secret_value(secret.key))},
        tags=context.tags,
        opts=context.options(additional_secret_outputs=["properties"], ignore_changes=["secretName"]),
    )
    address = pulumi.Output.unsecret(created.properties).apply(lambda it: it.secret_uri_with_version)
    return {
        "id": created.id,
        "address": address,
        "resource": created,
        "key": secret.key,
        **({"vault": secret.vault} if secret.vault else {}),
    }


def create_function_identity(identity: FunctionIdentity, context: ProgramContext) -> Outputs:
    """Create a user-assigned identity, so that roles can be assigned before the app exists.

    It reads its own secrets, and no others of their vault: another function of the stack, or its gateway, has those.
    """
    created = managedidentity.UserAssignedIdentity(
        identity.name,
        resource_name_=azure_name("identity", context, identity.purpose),
        **common_arguments(context),
        opts=context.options(),
    )
    outputs: Outputs = {
        "id": created.id,
        "principal": created.principal_id,
        "client": created.client_id,
        "purpose": identity.purpose,
    }
    rights = [assign_role("telemetry", context.outputs[identity.log_store]["insights"], outputs, context)]
    if any(not context.outputs[secret].get("vault") for secret in identity.secrets):
        _create_vault_audit(identity, context)
    grants = [(secret, "secrets", context.outputs[secret]["id"]) for secret in dict.fromkeys(identity.secrets)]
    used_for = dict.fromkeys((*identity.uses, *identity.admits_clients_to), "grants")  # admitting needs the same role
    for used, key in (*used_for.items(), *((source, "receive_grants") for source in identity.receives_from)):
        grants += [(used, role, scope) for role, scope in context.outputs[used].get(key, ())]
    for target, role, scope in grants:
        own = {**outputs, "purpose": _name_with_purpose(target, identity.purpose)}
        rights.append(assign_role(role, scope, own, context))
    return {**outputs, "rights": rights}


def assign_role(
    role: str, scope: pulumi.Input[str], identity: Outputs, context: ProgramContext
) -> authorization.RoleAssignment:
    """Assign a role on one resource, under a name made of both."""
    return create_role_assignment(_name_with_purpose(role, identity["purpose"]), role, scope, identity, context)


def create_role_assignment(
    name: str, role: str, scope: pulumi.Input[str], identity: Outputs, context: ProgramContext
) -> authorization.RoleAssignment:
    """Assign a role under a GUID of ours; naming the principal's type avoids waiting for replication."""
    subscription = context.outputs[FOUNDATION]["subscription"]
    return authorization.RoleAssignment(
        name,
        role_assignment_name=make_guid(name, context),
        scope=scope,
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", ROLES[role]
        ),
        principal_id=identity["principal"],
        principal_type="ServicePrincipal",
        opts=context.options(
            replace_on_changes=_IMMUTABLE_PROPERTIES, delete_before_replace=True
        ),  # its name can exist only once
    )


def _create_vault_audit(identity: FunctionIdentity, context: ProgramContext) -> None:
    monitor.DiagnosticSetting(
        _name_with_purpose("secrets", identity.purpose),
        name=_name_with_purpose("audit", identity.purpose),
        resource_uri=context.outputs[FOUNDATION]["vault"].id,
        workspace_id=context.outputs[identity.log_store]["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )


def _name_with_purpose(name: str, purpose: str) -> str:
    return f"{name}-{purpose}" if purpose else name
