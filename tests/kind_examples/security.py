"""Examples of vaults, identities of workloads and their rights."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.domain.resource import Ref
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, Workload, WorkloadIdentity
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample

SECRET_VAULT = SecretVault(name=Ref("vault"), recovery_days=30)
WORKLOAD_IDENTITY = WorkloadIdentity(name=Ref("identity-api"), workload=Workload.CONTAINER)
_RIGHT = RoleAssignment(
    name=Ref("api-reads-secrets"),
    identity=Ref("identity-api"),
    target=Ref("vault"),
    right=AccessRight.READ_SECRETS,
)
_KEPT_SECRET = replace(shared.APP_SECRET, vault=Ref("vault"))

SECURITY_EXAMPLES = (
    KindExample(
        resource=SECRET_VAULT,
        changed=replace(SECRET_VAULT, purge_protection=True),
        change=("update",),
        changes={"aws": ()},  # nobody can shorten the recovery of a key anyway
        outputs=("id", "name"),
    ),
    KindExample(
        resource=WORKLOAD_IDENTITY,
        changed=replace(WORKLOAD_IDENTITY, workload=Workload.FUNCTION),
        change=("update",),
        changes={"azure": ()},  # an identity serves whatever has it
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_RIGHT,
        changed=replace(_RIGHT, target=Ref("secret")),
        change=("update",),
        changes={"azure": ("replace",)},
        needs=(WORKLOAD_IDENTITY, SECRET_VAULT, _KEPT_SECRET),
        outputs=("id",),
    ),
    KindExample(
        resource=_KEPT_SECRET,
        changed=replace(_KEPT_SECRET, key="other"),
        change=("replace",),
        changes={"azure": ("update",)},
        needs=(SECRET_VAULT,),
        label="in a vault",
    ),
)
