"""The deployments of the WebSocket API under contract: each cloud, each engine, with and without tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.e2e.conftest import Workspace
from tests.e2e.serving import RunningGateway

SECRET = "a-canary-of-some-length"
CONFIGURATION = "components: {websocket: {throttling: {rate: 100000, burst: 100000}}}\n"


@dataclass(frozen=True)
class StackVariant:
    """The options of a deployment; each engine has its own region, so that one home holds all stacks."""

    provider: str
    region: str
    engine: str = "sandbox"
    environment: str = "development"

    @property
    def stack(self) -> str:
        return f"websocket.{self.provider}.{self.environment}.{self.region}"

    def __str__(self) -> str:
        return f"{self.provider}-{self.engine}"

    def with_tokens(self) -> StackVariant:
        """The same in an environment that requires tokens."""
        return replace(self, environment="staging")


VARIANTS = (
    StackVariant("aws", "us-east-1"),
    StackVariant("aws", "eu-west-1", "pulumi"),
    StackVariant("azure", "eastus"),
    StackVariant("azure", "westeurope", "pulumi"),
)
SANDBOX_VARIANTS = tuple(variant for variant in VARIANTS if variant.engine == "sandbox")
"""For expensive tests that do not depend on the engine."""


@dataclass(frozen=True)
class Deployments:
    """One home, and one gateway that serves its stacks."""

    workspace: Workspace
    gateway: RunningGateway
    _ready: set[StackVariant] = field(default_factory=set)

    def url(self, variant: StackVariant) -> str:
        """Deploy the variant if needed, and return the URL for its clients."""
        if variant not in self._ready:
            assert self.deploy(variant)["state"] == "completed"
            self._ready.add(variant)
        return f"{self.gateway.url}/{variant.stack}/"

    def deploy(self, variant: StackVariant, *options: str) -> dict[str, Any]:
        where = ("--provider", variant.provider, "--region", variant.region, "--env", variant.environment)
        engine = ("--engine", variant.engine, "--cloud", "sandbox")
        outcome = self.workspace.run("deploy", "--component", "websocket", *where, *engine, *options, "--json")
        assert isinstance(outcome.json, dict), outcome.err
        return outcome.json
