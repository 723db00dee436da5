"""How long names may be on Azure, in characters, and which of them must be nobody else's in the world.

Source: the rules for names in Azure's documentation and in the validators of Terraform's provider.
"""

from __future__ import annotations

import pulumi

from semantest_iac.domain.environments import naming
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context

_LONGEST = {
    "action group": 260,
    "alarm": 260,
    "app": 60,
    "component": 255,
    "container": 63,
    "gateway": 50,
    "hub": 63,
    "group": 90,
    "identity": 128,
    "network": 64,
    "plan": 40,
    "security group": 80,
    "storage": 24,
    "vault": 24,
    "workspace": 63,
}
_UNHYPHENATED = ("storage",)


def name_of(kind: str, context: Context, purpose: str = "") -> str:
    """A name that is the stack's own within its resource group."""
    return context.physical_name(purpose, limit=_LONGEST[kind])


def worldwide(kind: str, context: Context, purpose: str = "") -> pulumi.Output[str]:
    """A name that no other subscription gives: it becomes a host name, and those belong to who comes first."""
    subscription: pulumi.Output[str] = context.made[GROUND]["subscription"]
    return subscription.apply(lambda account: _spelt(kind, context, purpose, account))


def _spelt(kind: str, context: Context, purpose: str, account: str) -> str:
    name = naming.physical_name(str(context.stack), context.generation, purpose, limit=_LONGEST[kind], account=account)
    return name.replace("-", "") if kind in _UNHYPHENATED else name
