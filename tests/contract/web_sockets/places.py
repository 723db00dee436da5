"""Where the WebSocket API is deployed: on each cloud, by each engine, with and without tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.e2e.conftest import Workspace
from tests.e2e.serving import RunningGateway

SECRET = "a-canary-of-some-length"
CONFIGURATION = "components: {websocket: {throttling: {rate: 100000, burst: 100000}}}\n"


@dataclass(frozen=True)
class Place:
    """A stack by what the command is told of it; the engines have regions of their own, so that one home holds all."""

    provider: str
    region: str
    engine: str = "sandbox"
    environment: str = "development"

    @property
    def stack(self) -> str:
        """Its name."""
        return f"websocket.{self.provider}.{self.environment}.{self.region}"

    def __str__(self) -> str:
        return f"{self.provider}-{self.engine}"

    def guarded(self) -> Place:
        """The same in an environment that asks for tokens."""
        return replace(self, environment="staging")


PLACES = (
    Place("aws", "us-east-1"),
    Place("aws", "eu-west-1", "pulumi"),
    Place("azure", "eastus"),
    Place("azure", "westeurope", "pulumi"),
)
SANDBOXED = tuple(place for place in PLACES if place.engine == "sandbox")
"""For what costs much and never meets the engine."""


@dataclass(frozen=True)
class House:
    """One home, and one gateway before all that is deployed in it."""

    workspace: Workspace
    gateway: RunningGateway
    _ready: set[Place] = field(default_factory=set)

    def url(self, place: Place) -> str:
        """Where its clients connect, once it is deployed."""
        if place not in self._ready:
            assert self.deploy(place)["state"] == "completed"
            self._ready.add(place)
        return f"{self.gateway.url}/{place.stack}/"

    def deploy(self, place: Place, *options: str) -> dict[str, Any]:
        """How it ended."""
        where = ("--provider", place.provider, "--region", place.region, "--env", place.environment)
        engine = ("--engine", place.engine, "--cloud", "sandbox")
        outcome = self.workspace.run("deploy", "--component", "websocket", *where, *engine, *options, "--json")
        assert isinstance(outcome.json, dict), outcome.err
        return outcome.json
