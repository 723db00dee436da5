"""Secrets on Azure: where Key Vault keeps them, and which identities may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from semantest_iac.domain.blueprints.secret_access import SecretGrant, SecretResources
from semantest_iac.domain.resource import DeployedResource

_SECRET_TYPE: Final = "azure-native:keyvault:Secret"  # noqa: S105 - a type name
_IDENTITY_TYPE: Final = "azure-native:managedidentity:UserAssignedIdentity"
_ROLE_ASSIGNMENT_TYPE: Final = "azure-native:authorization:RoleAssignment"
_NAME_PREFIX: Final = "secret-"  # how blueprints name the resource of a secret
_READING_ROLES: Final = {
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
}
"""The built-in roles with the data action `secrets/getSecret/action`; source: Azure's list of built-in roles."""


class _AzureSecrets:
    """Role assignments hold for their scope and for everything below it."""

    def find_addresses(self, resources: Sequence[DeployedResource]) -> Mapping[str, str]:
        return {
            it.name.removeprefix(_NAME_PREFIX): (
                f"https://{it.inputs.get('vaultName')}.vault.azure.net/secrets/{it.inputs.get('secretName')}"
            )
            for it in resources
            if it.type == _SECRET_TYPE
        }

    def list_values(self, resources: Sequence[DeployedResource]) -> Sequence[str]:
        inputs = [it.inputs.get("properties") for it in resources if it.type == _SECRET_TYPE]
        values = [properties.get("value") for properties in inputs if isinstance(properties, Mapping)]
        return [value for value in values if isinstance(value, str)]

    def list_grants(self, resources: Sequence[DeployedResource]) -> Sequence[SecretGrant]:
        identities = {str(it.outputs.get("principalId")): it.name for it in resources if it.type == _IDENTITY_TYPE}
        return [
            SecretGrant(secret.name.removeprefix(_NAME_PREFIX), identities.get(principal, principal), means)
            for secret in sorted(resources, key=lambda it: it.name)
            if secret.type == _SECRET_TYPE
            for principal, means in _list_readers(resources, str(secret.outputs.get("id") or secret.id))
        ]


AZURE_SECRETS: Final[SecretResources] = _AzureSecrets()


def _list_readers(resources: Sequence[DeployedResource], secret: str) -> list[tuple[str, str]]:
    """Return the principals that may read a secret of this id, each with the role and its scope."""
    found = []
    for it in resources:
        scope = str(it.inputs.get("scope") or it.outputs.get("scope") or "")
        role = _READING_ROLES.get(str(it.outputs.get("roleDefinitionId")).rpartition("/")[2])
        if it.type == _ROLE_ASSIGNMENT_TYPE and role and scope and _is_within(secret, scope):
            found.append((str(it.outputs.get("principalId")), f"role '{role}' on {scope.rpartition('/')[2]}"))
    return found


def _is_within(resource: str, scope: str) -> bool:
    return f"{resource.lower()}/".startswith(f"{scope.lower().rstrip('/')}/")
