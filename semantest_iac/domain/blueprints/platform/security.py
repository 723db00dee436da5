"""The security layer: a vault with the secrets of the stack, the identities of its workloads, and their first right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from semantest_iac.domain.blueprints.parts import secret_ref
from semantest_iac.domain.blueprints.platform.layer import Layer, LayerContext, identity_ref, service_identity_ref
from semantest_iac.domain.blueprints.platform.private_access import build_private_endpoint
from semantest_iac.domain.networking.private_endpoints import PrivateService
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, Workload, WorkloadIdentity

VAULT_REF = Ref("vault")
WORKLOADS: Mapping[str, Workload] = {
    "api": Workload.CONTAINER,
    "functions": Workload.FUNCTION,
    "etl": Workload.FUNCTION,
}
"""What runs in the platform, each with an identity of its own."""


def build_security(context: LayerContext) -> Layer:
    """Build the layer; identities get rights on resources of other layers there."""
    outputs = {"security_vault": (VAULT_REF, "name"), "security_vault_id": (VAULT_REF, "id")}
    outputs |= {f"security_identity_{name}": (identity_ref(name), "name") for name in WORKLOADS}
    endpoint = build_private_endpoint(context, PrivateService.SECRETS, (VAULT_REF,), "private-secrets")
    return Layer((*_build_vault(context), *_build_identities(context), *endpoint), outputs)


def _build_vault(context: LayerContext) -> Iterator[Resource]:
    security = context.platform.environment.security
    yield SecretVault(
        name=VAULT_REF,
        recovery_days=security.soft_delete_days,
        purge_protection=security.purge_protection,
        private=context.is_private,
    )
    for key in context.settings.secret_keys:
        yield AppSecret(name=secret_ref(key), key=key, recovery_days=security.soft_delete_days, vault=VAULT_REF)


def _build_identities(context: LayerContext) -> Iterator[Resource]:
    if "services" in context.platform.layers:
        yield from build_service_identities(context)
    for name, workload in WORKLOADS.items():
        yield WorkloadIdentity(name=identity_ref(name), workload=workload)
        yield RoleAssignment(
            name=f"{name}-reads-secrets",
            identity=identity_ref(name),
            target=VAULT_REF,
            right=AccessRight.READ_SECRETS,
        )


def build_service_identities(context: LayerContext) -> Iterator[WorkloadIdentity]:
    """Build an identity for each service, which gets its rights with the service; stores name some before that."""
    for name in context.platform.services.services:
        yield WorkloadIdentity(name=service_identity_ref(name), workload=Workload.CONTAINER)
