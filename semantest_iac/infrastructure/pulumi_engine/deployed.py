"""What Pulumi's state says is deployed, for whoever has to call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.cloud_programs.code import Courier
from semantest_iac.infrastructure.pulumi_engine.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.states import holds_secret

_SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type
_VAULT_SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
_RUN_BY_SETTINGS = ("azure-native:web:WebApp",)
_NAMED = "secret-"  # how blueprints name the resource of a secret


async def deployed(
    engine: PulumiEngine, courier: Courier | None, stack: Stack, secret_value: Callable[[str], str]
) -> list[DeployedResource]:
    """The living resources; sealed values stay sealed, but for secrets, whose values are asked for anew.

    Where the very settings of an app are sealed, the CLI is asked to open the state.
    """
    state = await engine.state(stack)
    if state and any(it["type"] in _RUN_BY_SETTINGS and holds_secret(it.get("inputs")) for it in state.resources):
        state = await engine.revealed(stack)
    resources = [_resource(it, secret_value) for it in (state.living if state else ())]
    return courier.asked(resources) if courier else resources


async def endpoint(engine: PulumiEngine, stack: Stack) -> str | None:
    """Where the stack answers, by its outputs."""
    state = await engine.state(stack)
    found = state.outputs.get("endpoint") if state else None
    return str(found) if found else None


def _resource(raw: Mapping[str, Any], secret_value: Callable[[str], str]) -> DeployedResource:
    name, outputs = str(raw["urn"]).rpartition("::")[2], dict(raw.get("outputs") or {})
    inputs = dict(raw.get("inputs") or {})
    if raw["type"] == _SECRET_VERSION:
        outputs["secretString"] = secret_value(name.removeprefix(_NAMED))
    if raw["type"] == _VAULT_SECRET:
        inputs["properties"] = {"value": secret_value(name.removeprefix(_NAMED))}
    return DeployedResource(raw["type"], name, outputs, inputs)
