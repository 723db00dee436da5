"""Events that a deployment records: journal entries of its steps, and completion events per resource kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.ports.provisioner import ApplyResult, EventIdentity
from semantest_iac_events.event import StackEvent, StackFailure
from semantest_iac_events.infrastructure import (
    FunctionDeployed,
    HttpApiDeployed,
    InfrastructureUpdated,
    WebSocketApiDeployed,
)
from semantest_iac_events.values import Value

_NEEDS_CODE = "takes_code"  # the output of a kind that is nothing before its code has been published


def build_completion_event(
    kind: str, outputs: Mapping[str, Any], identity: EventIdentity, digest: str, *, lacks_code: bool = False
) -> StackEvent | None:
    """The event for a settled kind (`semantest:<area>:<Kind>`), or None where nobody needs to hear of it (yet)."""
    build = _BUILDERS.get(kind.rsplit(":", 1)[-1])
    if build is None or (lacks_code and outputs.get(_NEEDS_CODE)):
        return None
    return build(outputs, identity, digest)


def build_code_events(
    kinds: Iterable[tuple[str, Mapping[str, Any]]], identity: EventIdentity, digest: str
) -> Iterator[StackEvent]:
    """The events for those of a stack's kinds that waited for their code."""
    for kind, outputs in kinds:
        event = build_completion_event(kind, outputs, identity, digest) if outputs.get(_NEEDS_CODE) else None
        yield from [event] if event else []


def build_updated_event(identity: EventIdentity, applied: ApplyResult) -> InfrastructureUpdated:
    """The engine's last word on a run; where code was waited for, of both runs together."""
    return InfrastructureUpdated(**identity, changes=applied.changes, outputs=dict(applied.outputs))


def _function_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return FunctionDeployed(
        **identity,
        function_name=outputs["name"],
        arn=outputs["arn"],
        version=str(outputs["version"]),
        runtime=outputs["runtime"],
        memory_mb=outputs["memory_mb"],
        artifact_digest=outputs.get("digest", digest),
    )


def _http_api_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return HttpApiDeployed(**identity, **_api_fields(outputs))


def _web_socket_api_deployed(outputs: Mapping[str, Any], identity: EventIdentity, digest: str) -> StackEvent:
    return WebSocketApiDeployed(**identity, **_api_fields(outputs))


def _api_fields(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "api_name": outputs["name"],
        "api_id": outputs["id"],
        "endpoint": outputs["endpoint"],
        "routes": tuple(outputs["routes"]),
    }


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], EventIdentity, str], StackEvent]] = {
    "ServerlessFunction": _function_deployed,
    "HttpApi": _http_api_deployed,
    "WebSocketEndpoint": _web_socket_api_deployed,
}


class StepIntended(StackEvent):
    """A step is about to be taken: after a crash it is unknown whether it was."""

    type_name = "infrastructure.journal.step.intended"

    step: str


class StepObserved(StackEvent):
    """A step was taken."""

    type_name = "infrastructure.journal.step.observed"

    step: str


class StepFailed(StackFailure):
    """A step was tried and refused."""

    type_name = "infrastructure.journal.step.failed"

    step: str


class PackageRecord(Value):
    """One package, with what the cloud is told of it."""

    digest: str
    path: str
    handler: str
    runtime: str
    size: int
    variables: dict[str, str]

    @classmethod
    def of(cls, artifact: Artifact, **more: Any) -> Self:
        """The record of a package; `more` is what a kind of record says beside it."""
        return cls(
            digest=artifact.digest,
            path=str(artifact.path),
            handler=artifact.handler,
            runtime=artifact.runtime,
            size=artifact.size,
            variables=dict(artifact.environment),
            **more,
        )

    @property
    def artifact(self) -> Artifact:
        """The package again, as far as it has to be known to deploy it."""
        path = Path(self.path)
        return Artifact(self.digest, path, self.handler, self.runtime, self.size, environment=self.variables)


class PackageBuilt(StackEvent, PackageRecord):
    """What the deployment runs, in full: going back to it must not depend on what its source says by then."""

    type_name = "infrastructure.journal.package.built"

    notes: tuple[str, ...] = ()
    companions: dict[str, PackageRecord] = Field(default_factory=dict)

    @property
    def artifact(self) -> Artifact:
        """The package again, with all that comes with it."""
        companions = {name: companion.artifact for name, companion in self.companions.items()}
        return replace(super().artifact, companions=companions)


JOURNAL_TYPES = {entry.type_name: entry for entry in (StepIntended, StepObserved, StepFailed, PackageBuilt)}
