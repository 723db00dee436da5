"""Follows one run of the engine by its events: steps, progress, settled components and errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.automation import EngineEvent
from pulumi.automation.events import DiagnosticEvent, StepEventMetadata

from semantest_iac.infrastructure.pulumi_engine.state.states import drop_secret_values

SendMessage = Callable[[Mapping[str, Any]], None]

_PROVIDER_TYPE_PREFIX = "pulumi:providers:"
_COMPONENT_TYPE_PREFIX = "semantest:"
_DIAGNOSTICS_LIMIT = 50
_MESSAGE_LIMIT = 8_000

# the engine's steps -> what they are to a person; what is not here happens in the state alone
_OPERATION_BY_STEP = {
    "create": "create",
    "create-replacement": "replace",
    "delete": "delete",
    "delete-replaced": "replace",
    "import": "create",
    "same": "same",
    "update": "update",
}
_REFRESH, _DELETE, _KEEP = "refresh", "delete", "keep"
_COUNTED_OPERATION_BY_STEP = {
    **_OPERATION_BY_STEP,
    "replace": "replace",
    "create-replacement": None,
    "delete-replaced": None,
}


@dataclass(frozen=True, slots=True)
class EngineDiagnostic:
    """An error that the engine told, and the resource it was about, if any."""

    message: str
    urn: str = ""

    def as_dict(self) -> dict[str, str]:
        """The form in which it travels."""
        return {"message": self.message, "urn": self.urn}


class EventWatcher:
    """Takes the events of one run, from whatever thread the SDK hands them in.

    What raises here would be lost in the SDK: it is kept in `fault`, and `stop` ends the run.
    """

    def __init__(self, send: SendMessage, stop: Callable[[], None]) -> None:
        self.fault: Exception | None = None
        self.has_begun = False
        self.steps: list[dict[str, Any]] = []
        self.errors: list[EngineDiagnostic] = []
        self._send = send
        self._stop = stop
        self._changed: set[str] = set()
        self._refreshed: set[str] = set()
        self._begun: dict[tuple[str, str], float] = {}

    def __call__(self, event: EngineEvent) -> None:
        """Take the next event."""
        if self.fault:
            return
        try:
            self._take(event)
        except Exception as error:  # kept, and raised when all has ended
            self.fault = error
            self._stop()

    def _take(self, event: EngineEvent) -> None:
        self.has_begun = True
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata, is_planning=bool(event.resource_pre_event.planning))
        elif event.res_outputs_event:
            self._conclude(event.res_outputs_event.metadata, is_planning=bool(event.res_outputs_event.planning))
        elif event.res_op_failed_event:
            self._end(event.res_op_failed_event.metadata, "failed")
        elif event.diagnostic_event:
            self._note(event.diagnostic_event)

    def _begin(self, step: StepEventMetadata, *, is_planning: bool) -> None:
        if not _is_cloud_resource(step):
            return
        op = _KEEP if _is_retained(step) else _COUNTED_OPERATION_BY_STEP.get(step.op.value)
        if op:
            self._count(step, op)
        elif step.op.value == _REFRESH:
            self._refreshed.add(step.urn)
        if op != "same" and step.new:
            self._changed.add(step.new.parent)
        if not is_planning:
            self._begun[step.urn, step.op.value] = time.monotonic()
            self._tick(step, "running", 0.0)

    def _conclude(self, step: StepEventMetadata, *, is_planning: bool) -> None:
        if step.urn in self._refreshed:  # only now it is known what the cloud has instead
            self._refreshed.discard(step.urn)
            self._count(step, _COUNTED_OPERATION_BY_STEP.get(step.op.value) or "same")
        if not is_planning:
            self._end(step, "done")
            self._settle(step)

    def _count(self, step: StepEventMetadata, op: str) -> None:
        why = step.keys if op == "replace" else step.diffs if op == "update" else None
        parent = resource_name(step.new.parent) if step.new else ""
        named = {"urn": step.urn, "type": step.type, "name": resource_name(step.urn), "parent": parent}
        self.steps.append({**named, "op": op, "why": sorted(why or ())})

    def _end(self, step: StepEventMetadata, state: str) -> None:
        begun = self._begun.pop((step.urn, step.op.value), None)
        if begun is not None:
            self._tick(step, state, time.monotonic() - begun)

    def _tick(self, step: StepEventMetadata, state: str, seconds: float) -> None:
        op = _KEEP if _is_retained(step) else _OPERATION_BY_STEP.get(step.op.value, "same")
        if op != "same":
            tick = {"urn": step.urn, "type": step.type, "name": resource_name(step.urn), "op": op}
            self._send({"tick": {**tick, "state": state, "seconds": round(seconds, 3)}})

    def _settle(self, step: StepEventMetadata) -> None:
        outputs = step.new.outputs if step.new else None
        if step.type.startswith(_COMPONENT_TYPE_PREFIX) and outputs and step.urn in self._changed:
            self._send({"settled": {"kind": step.type, "outputs": drop_secret_values(outputs)}})

    def _note(self, diagnostic: DiagnosticEvent) -> None:
        if diagnostic.severity == "error" and len(self.errors) < _DIAGNOSTICS_LIMIT:
            self.errors.append(EngineDiagnostic(diagnostic.message[:_MESSAGE_LIMIT], diagnostic.urn or ""))


def resource_name(urn: str) -> str:
    """The resource's own name."""
    return urn.rpartition("::")[2]


def _is_retained(step: StepEventMetadata) -> bool:
    """The engine calls it a delete; all that it does is to forget."""
    return step.op.value == _DELETE and bool(step.old and step.old.retain_on_delete)


def _is_cloud_resource(step: StepEventMetadata) -> bool:
    """Components and providers are how a program is written, not what it makes; every other type has a provider."""
    return bool(step.provider) and not step.type.startswith(_PROVIDER_TYPE_PREFIX)
