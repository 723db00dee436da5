"""A small model of what the queue promises, against which the history of a nemesis is checked.

The history is that of the queue (each change in its transaction), that of the ledger, what clients were told, and when
workers changed a stack or were killed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS, DEPLOYMENT_REJECTED, TERMINAL_EVENT_TYPES
from tests.campaigns.nemesis_plan import NO_FAULT, REFUSED, STUCK, UNHEALTHY, PlannedRequest
from tests.campaigns.queue_history import QueueChange

_LIVE = ("running", "parked", "retrying")
_SUPERSEDED = "infrastructure.deployment.superseded"
_CANCELLED = "infrastructure.deployment.cancelled"
_ENDS: Mapping[str, tuple[str, ...]] = {
    NO_FAULT: ("deployment.completed", "removed"),
    REFUSED: ("deployment.completed", "deployment.rolled_back", "deployment.failed", "removed"),
    UNHEALTHY: ("deployment.rolled_back", "deployment.failed", "removed"),
    STUCK: (
        "deployment.completed",
        "deployment.rolled_back",
        "deployment.failed",
        "deployment.needs_operator",
        "removed",
    ),
}
"""How a request may end by what its configuration breaks, `infrastructure.` left out."""
_BROKEN_CODES = ("DISK_FULL", "LEDGER_FULL", "LEDGER_IO", "TOO_MANY_ATTEMPTS", "STORAGE_ERROR", "LEDGER_UNREACHABLE")
"""What the nemesis itself breaks: any deployment may end so."""
_FULL = "the disk is full"


@dataclass
class NemesisHistory:
    """Everything that was written down."""

    requests: Mapping[str, PlannedRequest]
    """By the name of the requester."""

    events: Sequence[RecordedEvent]
    changes: Sequence[QueueChange]
    answers: Sequence[Mapping[str, Any]]
    work: Sequence[Mapping[str, Any]]
    kills: Sequence[tuple[int, float]]
    """The ids of processes that were killed, or found ended, each with the moment; the system gives ids again."""


@dataclass
class _Run:
    """One request as the queue has it."""

    change: QueueChange
    was_claimed: bool = False


@dataclass
class NemesisModel:
    """Plays a history and collects what breaks a promise."""

    history: NemesisHistory
    violations: list[str] = field(default_factory=list)

    def check(self) -> list[str]:
        """Return the broken promises."""
        self._accepted = {
            str(deployment_id_of(row.event)): row for row in self.history.events if row.type in DEPLOYMENT_KINDS
        }
        self._rejected = {
            str(deployment_id_of(row.event)) for row in self.history.events if row.type == DEPLOYMENT_REJECTED
        }
        self._ends = self._find_ends()
        for check in (
            self._check_queue,
            self._check_terminal_events,
            self._check_superseded,
            self._check_outcomes,
            self._check_answers,
            self._check_events,
            self._check_sequences,
            self._check_work,
        ):
            self.violations += check()
        return self.violations

    def _find_ends(self) -> dict[str, list[RecordedEvent]]:
        ends: dict[str, list[RecordedEvent]] = defaultdict(list)
        for row in self.history.events:
            if row.type in TERMINAL_EVENT_TYPES:
                ends[str(deployment_id_of(row.event))].append(row)
        return ends

    def _check_queue(self) -> Iterator[str]:
        """Play the changes of the queue: who may start next, and that fences grow."""
        waiting: dict[str, dict[str, _Run]] = defaultdict(dict)
        live: dict[str, str] = {}
        fences: dict[str, int] = defaultdict(int)
        for change in self.history.changes:
            stack, name = change.stack, change.deployment
            if change.state_before == "":
                waiting[stack][name] = _Run(change)
                continue
            if change.is_claim:
                yield from self._check_claim(change, waiting[stack], live.get(stack), fences[stack])
                fences[stack] = max(fences[stack], change.fence)
            if change.state in _LIVE:
                waiting[stack].pop(name, None)
                live[stack] = name
            elif change.state == "ended":
                yield from self._check_end(change, name in waiting[stack])
                waiting[stack].pop(name, None)
                if live.get(stack) == name:
                    del live[stack]
        yield from (f"{name} never left the queue" for runs in waiting.values() for name in runs)
        yield from (f"{name} is still carried out" for name in live.values())

    def _check_claim(
        self, change: QueueChange, waiting: Mapping[str, _Run], live: str | None, fence: int
    ) -> Iterator[str]:
        name = change.deployment
        if live is not None and live != name:
            yield f"{name} was claimed while {live} had not ended"
        if change.fence <= fence:
            yield f"{name} was claimed with the fence {change.fence} after {fence}"
        if change.state_before != "waiting":
            return
        for other in waiting.values():
            given = other.change
            is_before = (-given.priority, given.position) < (-change.priority, change.position)
            if given.deployment != name and given.due is None and is_before:
                yield f"{name} was claimed before {given.deployment}, which was accepted or ranked before it"

    def _check_end(self, change: QueueChange, was_waiting: bool) -> Iterator[str]:
        """A run leaves the queue with its terminal event, or with the transaction that records it."""
        name = change.deployment
        ends = self._ends.get(name, [])
        if not was_waiting and not any(end.position <= change.events for end in ends):
            yield f"{name} left the queue before its terminal event"
        if was_waiting and ends and ends[0].type not in (_SUPERSEDED, _CANCELLED):
            yield f"{name} ended as {ends[0].type} without a run"

    def _check_terminal_events(self) -> Iterator[str]:
        for name in self._accepted:
            if len(ends := self._ends.get(name, [])) != 1:
                yield f"{name} has {len(ends)} terminal events: {[end.type for end in ends]}"
        unknown = self._ends.keys() - self._accepted.keys() - self._rejected
        yield from (f"{name} ended and was never requested" for name in unknown)

    def _check_superseded(self) -> Iterator[str]:
        """Only what never started is superseded, by what was accepted later for the same stack."""
        claimed = {change.deployment for change in self.history.changes if change.is_claim}
        for name, ends in self._ends.items():
            for end in ends:
                if end.type != _SUPERSEDED:
                    continue
                successor = self._accepted.get(end.event["data"]["successor"])
                before = self._accepted[name]
                if name in claimed:
                    yield f"{name} had started and was superseded"
                if successor is None or successor.stream != before.stream or successor.position < before.position:
                    yield f"{name} was superseded by {end.event['data']['successor']}, which did not come after it"

    def _check_outcomes(self) -> Iterator[str]:
        asked = {line["deployment"] for line in self.history.answers if line["what"] == "cancelling"}
        for name, row in self._accepted.items():
            for end in self._ends.get(name, ())[:1]:
                yield from self._check_outcome(name, row, end, asked)

    def _check_outcome(
        self, name: str, row: RecordedEvent, end: RecordedEvent, asked: Collection[str]
    ) -> Iterator[str]:
        planned = self.history.requests.get(row.event["data"]["requested_by"])
        kind, code = end.type.removeprefix("infrastructure."), str(end.event["data"].get("code", ""))
        if planned is None:
            yield f"{name} was requested by nobody: {row.event['data']['requested_by']}"
        elif code == "INTERNAL_ERROR" or "bug in semantest" in end.json:
            yield f"{name} ended with a defect: {end.event['data']}"
        elif end.type == _SUPERSEDED or code in _BROKEN_CODES or _FULL in end.json:
            return
        elif end.type == _CANCELLED:
            if name not in asked:
                yield f"{name} was cancelled, and nobody asked for that"
        elif kind not in _ENDS[planned.fault]:
            reason = end.event["data"].get("reason")
            yield f"{name}, whose fault was '{planned.fault}', ended as {kind} {code}: {reason}"

    def _check_answers(self) -> Iterator[str]:
        """Whoever asked was answered, and an event is the same deployment at each delivery."""
        known = self._accepted.keys() | self._rejected
        told: dict[int, set[str]] = defaultdict(set)
        for line in self.history.answers:
            if line["what"] != "answered":
                continue
            if "gave_up" in line:
                yield f"request {line['number']} was never answered: {line['gave_up']}"
            elif name := line.get("deployment"):
                told[line["number"]].add(name)
                yield from self._check_answer(self._find_planned(line["number"]), line, name in known)
        events = {number: names for number, names in told.items() if self._find_planned(number).is_event}
        yield from (f"event {number} became {sorted(names)}" for number, names in events.items() if len(names) > 1)

    def _check_answer(self, planned: PlannedRequest, line: Mapping[str, Any], is_known: bool) -> Iterator[str]:
        if not is_known:
            yield f"request {planned.number} was told {line['deployment']}, which is not in the ledger"
        if line.get("refusal") == "STALE_REQUEST":
            yield from self._check_stale(planned, line)

    def _check_events(self) -> Iterator[str]:
        """No event was accepted twice."""
        accepted: dict[str, list[str]] = defaultdict(list)
        for name, row in self._accepted.items():
            accepted[row.event["data"]["requested_by"]].append(name)
        for requester, names in accepted.items():
            planned = self.history.requests.get(requester)
            if planned is not None and planned.is_event and len(names) > 1:
                yield f"event {planned.number} was accepted as {names}"

    def _find_planned(self, number: int) -> PlannedRequest:
        return self.history.requests[f"nemesis-{number}"]

    def _check_stale(self, planned: PlannedRequest, line: Mapping[str, Any]) -> Iterator[str]:
        newer = self._accepted.get(str(line["refused_for"]))
        other = newer and self.history.requests.get(newer.event["data"]["requested_by"])
        is_newer = other and other.is_event and (other.source, other.stack) == (planned.source, planned.stack)
        if not is_newer or (other and (other.sequence or 0) <= (planned.sequence or 0)):
            yield f"request {planned.number} was refused as older than {line['refused_for']}, which is not newer"

    def _check_sequences(self) -> Iterator[str]:
        """Of one source, no older event of a stack is accepted after a newer one."""
        newest: dict[tuple[str, str], int] = defaultdict(lambda: -1)
        for name, row in sorted(self._accepted.items(), key=lambda item: item[1].position):
            planned = self.history.requests.get(row.event["data"]["requested_by"])
            if planned is None or planned.sequence is None:
                continue
            key = planned.source, row.stream
            if planned.sequence <= newest[key]:
                yield f"{name} with sequence {planned.sequence} was accepted after {newest[key]}"
            newest[key] = max(newest[key], planned.sequence)

    def _check_work(self) -> Iterator[str]:
        """No two processes change a stack at once; what a killed one had begun ends with it."""
        spans: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
        begun: dict[tuple[int, str], Mapping[str, Any]] = {}
        deaths = [{"what": "gone", "pid": pid, "at": at} for pid, at in self.history.kills]
        for line in sorted((*self.history.work, *deaths), key=lambda line: line["at"]):
            if line["what"] == "begin":
                begun[line["pid"], line["stack"]] = line
                continue
            ended = [key for key in begun if key[0] == line["pid"] and key[1] == line.get("stack", key[1])]
            for before in (begun.pop(key) for key in ended):
                span = before["at"], line["at"], f"{before['deployment']} in {before['pid']}"
                spans[before["stack"]].append(span)
        for stack, found in spans.items():
            for (_, end, one), (begin, _, two) in pairwise(sorted(found)):
                if begin < end:
                    yield f"{stack} was changed by {one} and {two} at once"
