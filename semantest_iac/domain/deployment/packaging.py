"""What the functions of a stack are packaged from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semantest_iac.domain.blueprints.websocket import AUTHORIZER
from semantest_iac.domain.compute.artifact import Artifact, FunctionSource
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder

_BUNDLED = {"websocket": "websocket_service"}
_BUNDLED_ELSEWHERE = "health_service"


def packaged(builder: ArtifactBuilder, stack: Stack, settings: ComponentSettings) -> Artifact | None:
    """The package of the main function with those of the others beside it, None where no code is run.

    Blocks; raises ArtifactError.
    """
    if not stack.is_service:
        return None
    artifact = builder.build(source_of(stack, settings))
    companions = {name: builder.build(source) for name, source in companions_of(stack, settings).items()}
    return replace(artifact, companions=companions) if companions else artifact


def source_of(stack: Stack, settings: ComponentSettings) -> FunctionSource:
    """Where the main function's code comes from."""
    return FunctionSource(
        folder=Path(settings.source) if settings.source else None,
        entry=settings.entry or "",
        handler=settings.handler or "",
        runtime=settings.runtime or "",
        provider=stack.provider,
        bundled=_BUNDLED.get(stack.component, _BUNDLED_ELSEWHERE),
    )


def companions_of(stack: Stack, settings: ComponentSettings) -> dict[str, FunctionSource]:
    """Tokens are checked by code of ours, whatever language the person's own is in."""
    if stack.component != "websocket" or not settings.asks_for_token:
        return {}
    return {AUTHORIZER: FunctionSource(provider=stack.provider, bundled="websocket_authorizer")}
