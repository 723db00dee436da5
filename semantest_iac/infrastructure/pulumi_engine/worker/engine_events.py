"""Follows one run of the engine by its events: steps, progress, settled components and errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pulumi.automation import EngineEvent
from pulumi.automation.events import DiagnosticEvent, PolicyEvent, StepEventMetadata

from semantest_iac.domain.deployment.property_changes import PropertyChange, ResourceValues, list_property_changes
from semantest_iac.infrastructure.pulumi_engine.state.states import drop_secret_values, to_neutral_value

SendMessage = Callable[[Mapping[str, Any]], None]

_PROVIDER_TYPE_PREFIX = "pulumi:providers:"
_COMPONENT_TYPE_PREFIX = "semantest:"
_DIAGNOSTICS_LIMIT = 50
_MESSAGE_LIMIT = 8_000
_MANDATORY = "mandatory"  # a level of enforcement; others only advise

# the engine's steps -> the operations that are shown; other steps change only the state
_OPERATION_BY_STEP = {
    "create": "create",
    "create-replacement": "replace",
    "delete": "delete",
    "delete-replaced": "replace",
    "import": "create",
    "same": "same",
    "update": "update",
}
_REFRESH, _DELETE, _KEEP, _CREATE_REPLACEMENT = "refresh", "delete", "keep", "create-replacement"
_COUNTED_OPERATION_BY_STEP = {
    **_OPERATION_BY_STEP,
    "replace": "replace",
    "create-replacement": None,
    "delete-replaced": None,
}


class EventWatcher:
    """Receives the engine events of one run, from any thread of the SDK, and sends progress to the parent.

    The SDK would swallow an exception of this callback: it is kept in `handler_error`, and `stop` ends the run.
    `redact` takes secrets out of messages before they are shortened.
    """

    def __init__(self, send: SendMessage, stop: Callable[[], None], redact: Callable[[str], str] = str) -> None:
        self.handler_error: Exception | None = None
        self.steps: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []  # what policy packs said
        self.refreshed: list[dict[str, Any]] = []  # how the cloud differs from the state
        self.diagnostics: list[dict[str, str]] = []  # message and URN; the URN may be empty
        self._send = send
        self._stop = stop
        self._redact = redact
        self._changed_components: set[str] = set()
        self._refreshed_urns: set[str] = set()
        self._started_at: dict[tuple[str, str], float] = {}

    def __call__(self, event: EngineEvent) -> None:
        if self.handler_error:
            return
        try:
            self._handle(event)
        except Exception as error:  # raised after the end of the run
            self.handler_error = error
            self._stop()

    def _handle(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._start_step(event.resource_pre_event.metadata, is_planning=bool(event.resource_pre_event.planning))
        elif event.res_outputs_event:
            self._finish_step(event.res_outputs_event.metadata, is_planning=bool(event.res_outputs_event.planning))
        elif event.res_op_failed_event:
            self._report_end(event.res_op_failed_event.metadata, "failed")
        elif event.policy_event:
            self._add_violation(event.policy_event)
        elif event.diagnostic_event:
            self._add_error(event.diagnostic_event)

    def _start_step(self, step: StepEventMetadata, *, is_planning: bool) -> None:
        if not _is_cloud_resource(step):
            return
        op = _KEEP if _is_retained(step) else _COUNTED_OPERATION_BY_STEP.get(step.op.value)
        if step.op.value == _CREATE_REPLACEMENT:
            self._complete_replacement(step)
        if op:
            self.steps.append(_describe_step(step, op))
        elif step.op.value == _REFRESH:
            self._refreshed_urns.add(step.urn)
            return
        if op != "same" and step.new:
            self._changed_components.add(step.new.parent)
        if not is_planning:
            self._started_at[step.urn, step.op.value] = time.monotonic()
            self._report(step, "running", 0.0)

    def _finish_step(self, step: StepEventMetadata, *, is_planning: bool) -> None:
        if step.urn in self._refreshed_urns:  # its operation is known only now
            self._refreshed_urns.discard(step.urn)
            self.refreshed.append(_describe_step(step, _refreshed_operation(step), is_refresh=True))
        elif not is_planning:
            self._report_end(step, "done")
            self._report_settled(step)

    def _complete_replacement(self, step: StepEventMetadata) -> None:
        """Take the properties that this event alone names, where a replacement of another resource caused this one."""
        for added in self.steps:
            if added["urn"] == step.urn and not added["properties"]:
                added["properties"] = [asdict(change) for change in read_property_changes(step)]

    def _report_end(self, step: StepEventMetadata, state: str) -> None:
        started_at = self._started_at.pop((step.urn, step.op.value), None)
        if started_at is not None:
            self._report(step, state, time.monotonic() - started_at)

    def _report(self, step: StepEventMetadata, state: str, seconds: float) -> None:
        op = _KEEP if _is_retained(step) else _OPERATION_BY_STEP.get(step.op.value, "same")
        if op != "same":
            progress = {"urn": step.urn, "type": step.type, "name": resource_name(step.urn), "op": op}
            self._send({"progress": {**progress, "state": state, "seconds": round(seconds, 3)}})

    def _report_settled(self, step: StepEventMetadata) -> None:
        outputs = step.new.outputs if step.new else None
        if step.type.startswith(_COMPONENT_TYPE_PREFIX) and outputs and step.urn in self._changed_components:
            self._send({"settled": {"kind": step.type, "outputs": drop_secret_values(outputs)}})

    def _add_violation(self, violation: PolicyEvent) -> None:
        """Add what a policy pack says about a resource; it is said in the preview and again while applying."""
        described = {
            "policy": f"{violation.policy_pack_name}: {violation.policy_name}",
            "message": self._redact(" ".join(violation.message.split()))[:_MESSAGE_LIMIT],
            "is_mandatory": violation.enforcement_level == _MANDATORY,
            "urn": violation.resource_urn or "",
        }
        if described not in self.violations and len(self.violations) < _DIAGNOSTICS_LIMIT:
            self.violations.append(described)

    def _add_error(self, diagnostic: DiagnosticEvent) -> None:
        if diagnostic.severity == "error" and len(self.diagnostics) < _DIAGNOSTICS_LIMIT:
            message = self._redact(diagnostic.message)[:_MESSAGE_LIMIT]
            self.diagnostics.append({"message": message, "urn": diagnostic.urn or ""})


def _describe_step(step: StepEventMetadata, op: str, *, is_refresh: bool = False) -> dict[str, Any]:
    changes = read_property_changes(step, is_refresh=is_refresh) if op in ("replace", "update") else ()
    return {
        "urn": step.urn,
        "type": step.type,
        "name": resource_name(step.urn),
        "parent": resource_name(step.new.parent) if step.new else "",
        "op": op,
        "properties": [asdict(change) for change in changes],
        "inputs": (step.new.inputs if step.new else None) or {},  # for this process alone: they may hold secrets
    }


def _refreshed_operation(step: StepEventMetadata) -> str:
    """Return how the cloud differs; a refresh before a plan only says it by the new state and the differences."""
    if step.op.value != _REFRESH:
        return _COUNTED_OPERATION_BY_STEP.get(step.op.value) or "same"
    if step.new is None:
        return _DELETE
    return "update" if step.diffs else "same"


def read_property_changes(step: StepEventMetadata, *, is_refresh: bool = False) -> tuple[PropertyChange, ...]:
    """The changed properties of an update or replacement with their values.

    A refresh compares what the cloud reported before with what it reports now.
    """
    if not is_refresh and step.op.value not in ("replace", _CREATE_REPLACEMENT, "update"):
        return ()
    old, old_outputs, new = (
        (step.old and step.old.outputs, {}, step.new and step.new.outputs)
        if is_refresh
        else (step.old and step.old.inputs, step.old and step.old.outputs, step.new and step.new.inputs)
    )
    values = ResourceValues(*(to_neutral_value(each or {}) for each in (old, old_outputs, new)))
    detailed = {path: diff.diff_kind.value.endswith("replace") for path, diff in (step.detailed_diff or {}).items()}
    return list_property_changes(values, detailed, step.diffs or (), step.keys or ())


def resource_name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _is_retained(step: StepEventMetadata) -> bool:
    """Whether a delete only removes the resource from the state, because it is retained in the cloud."""
    return step.op.value == _DELETE and bool(step.old and step.old.retain_on_delete)


def _is_cloud_resource(step: StepEventMetadata) -> bool:
    """False for components, which have no provider, and for providers."""
    return bool(step.provider) and not step.type.startswith(_PROVIDER_TYPE_PREFIX)
