"""Secrets in Key Vault, identities that are given roles."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity, monitor

from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

# Azure's built-in roles; source: its samples of function apps without keys
ROLES = {
    "blobs": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",  # Storage Blob Data Owner
    "queues": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",  # Storage Queue Data Contributor
    "tables": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",  # Storage Table Data Contributor
    "telemetry": "3913510d-42f4-4e42-8a64-420c390055eb",  # Monitoring Metrics Publisher
    "secrets": "4633458b-17de-408a-b874-0445c86b69e6",  # Key Vault Secrets User
    "hub": "12cf5a90-567b-43ae-8102-96cf46c7d9b4",  # Web PubSub Service Owner
}

_IMMUTABLE_PROPERTIES = [
    "principalId",
    "principalType",
    "roleDefinitionId",
]  # which Azure tells when it refuses the change


def create_app_secret(secret: AppSecret, context: ProgramContext) -> Outputs:
    """A secret whose address is all that anything else ever sees; every value has an address of its own."""
    ground = context.made[FOUNDATION]
    kept = keyvault.Secret(
        secret.name,
        secret_name=secret.key.replace("_", "-"),  # names here know no other separator
        vault_name=ground["vault"].name,
        resource_group_name=ground["group"],
        properties={"value": pulumi.Output.secret(context.secret_value(secret.key))},
        tags=context.tags,
        opts=context.options(additional_secret_outputs=["properties"]),
    )
    address = pulumi.Output.unsecret(kept.properties).apply(lambda told: told.secret_uri_with_version)
    return {"address": address, "resource": kept}


def create_function_identity(identity: FunctionIdentity, context: ProgramContext) -> Outputs:
    """An identity of its own, and not the app's: roles can be given before there is an app."""
    ground = context.made[FOUNDATION]
    made = managedidentity.UserAssignedIdentity(
        identity.name,
        resource_name_=azure_name("identity", context, identity.purpose),
        resource_group_name=ground["group"],
        location=context.stack.region,
        tags=context.tags,
        opts=context.options(),
    )
    known: Outputs = {
        "id": made.id,
        "principal": made.principal_id,
        "client": made.client_id,
        "purpose": identity.purpose,
    }
    rights = [assign_role("telemetry", context.made[identity.log_store]["insights"], known, context)]
    if identity.secrets:
        rights.append(assign_role("secrets", ground["vault"].id, known, context))
        _create_vault_audit(identity, context)
    for used in (*identity.uses, *identity.admits):  # letting a client in is a matter of the same role
        own = {**known, "purpose": _name_with_purpose(used, identity.purpose)}
        rights += [assign_role(role, scope, own, context) for role, scope in context.made[used].get("grants", ())]
    return {**known, "rights": rights}


def assign_role(role: str, scope: pulumi.Input[str], identity: Outputs, context: ProgramContext) -> pulumi.Resource:
    """A role on one resource. Its name, a GUID, is told by us: the type of the principal spares waiting for it."""
    subscription = context.made[FOUNDATION]["subscription"]
    definition = pulumi.Output.concat(
        "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", ROLES[role]
    )
    name = _name_with_purpose(role, identity["purpose"])
    made: pulumi.Resource = authorization.RoleAssignment(
        name,
        role_assignment_name=str(uuid5(NAMESPACE_URL, f"{context.stack}:{context.generation}:{name}")),
        scope=scope,
        role_definition_id=definition,
        principal_id=identity["principal"],
        principal_type="ServicePrincipal",
        opts=context.options(
            replace_on_changes=_IMMUTABLE_PROPERTIES, delete_before_replace=True
        ),  # its name can be had once
    )
    return made


def _create_vault_audit(identity: FunctionIdentity, context: ProgramContext) -> None:
    monitor.DiagnosticSetting(
        _name_with_purpose("secrets", identity.purpose),
        name=_name_with_purpose("audit", identity.purpose),
        resource_uri=context.made[FOUNDATION]["vault"].id,
        workspace_id=context.made[identity.log_store]["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )


def _name_with_purpose(name: str, purpose: str) -> str:
    """What several functions of a stack have each."""
    return f"{name}-{purpose}" if purpose else name
