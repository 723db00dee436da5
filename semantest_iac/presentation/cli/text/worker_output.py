"""What `worker` prints: lines for people, or a log with one JSON object for each line.

No text that comes from elsewhere can forge a line of the log: what is no printable ASCII is escaped in JSON.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.application.trace_ids import derive_trace_id
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.error_lines import format_error
from semantest_iac_events.event import Event, StackEvent, StackFailure

if TYPE_CHECKING:
    from semantest_iac.application.intake.infrastructure_event_bus import EventResult
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.ports.event_transports import ReceivedMessage
    from semantest_iac.application.ports.run_queue import RunLease
    from semantest_iac.application.worker import RunChange
    from semantest_iac.presentation.cli.terminal import Terminal

_OWN_LOGGER = logging.getLogger("semantest_iac")
_LEVELS = {"lost": logging.WARNING, "failed": logging.WARNING}


class WorkerOutput:
    """Prints lines for people; with `as_json`, each recorded event as JSON on stdout."""

    def __init__(self, terminal: Terminal, *, as_json: bool) -> None:
        self._terminal = terminal
        self._as_json = as_json
        self._is_debugging = bool(_OWN_LOGGER.handlers)  # --debug shows its records

    def show_event(self, event: Event) -> None:
        """Show a recorded event."""
        if event.type_name.startswith(JOURNAL_PREFIX):
            return
        if self._as_json:
            from semantest_iac_events.forms.cloudevents import to_cloudevent

            self._terminal.print_json(to_cloudevent(event))
        else:
            self._show_line(event)

    def report_run(self, lease: RunLease, change: RunChange) -> None:
        """Show what happens to a run beside its events."""
        if change == "lost":
            self._terminal.print_remarks(
                f"Warning: the lease of deployment {lease.deployment} of {lease.stack} was lost; another worker has it."
            )

    def report_received(
        self, message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None:
        """Show what became of a message; an event that leads to nothing is not shown."""
        if event is None:
            self._terminal.print_remarks(f"Warning: a message from {message.source} is a dead letter: {reason}")
            return
        for result in results:
            if result.outcome != "skipped" and not self._as_json:
                self._terminal.print_lines(_format_event_result(event, result))

    def announce(self, name: str, text: str, **fields: Any) -> None:
        """Say something about the worker itself: `text` for people, `name` and `fields` for the log."""
        self._terminal.print_remarks(text)

    def report_error(self, error: DeploymentError) -> None:
        """Show the error that ends the worker."""
        if self._as_json:
            from semantest_iac.presentation.cli.failures import error_to_json

            self._terminal.print_json(error_to_json(error))
        else:
            self._terminal.print_remarks(*format_error(error))

    @contextmanager
    def take_log_records(self) -> Iterator[None]:
        """Show the warnings that the parts of the program log during the block."""
        if self._is_debugging:  # everything is shown already
            yield
            return
        with _handle_records(self._log_record, _OWN_LOGGER, logging.WARNING):
            yield

    def _show_line(self, event: Event) -> None:
        moment = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        reason = f"  {event.reason}" if isinstance(event, StackFailure) else ""
        self._terminal.print_lines(f"{moment}  {event.subject or '-'}  {event.type_name}{reason}")

    def _log_record(self, record: logging.LogRecord) -> None:
        label = "Error" if record.levelno >= logging.ERROR else "Warning"
        error = record.exc_info[1] if record.exc_info else None
        cause = f" {type(error).__name__}: {error}" if error else ""
        self._terminal.print_remarks(f"{label}: {record.getMessage()}{cause}")


def _format_event_result(event: ReceivedEvent, result: EventResult) -> str:
    """Return what one event has led to, on one line."""
    moment = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    about = "  ".join(part for part in (result.stack, result.deployment) if part)
    kind = make_printable(event.type, 80)
    return f"{moment}  {about or '-'}  {kind} from {event.source}: {result.outcome}. {result.reason}".rstrip()


class JsonWorkerLog(WorkerOutput):
    """Prints a log to stderr, one JSON object for each line, and to stdout what `as_json` asks for."""

    def __init__(self, terminal: Terminal, worker: str, *, as_json: bool) -> None:
        super().__init__(terminal, as_json=as_json)
        self._log = _open_structured_log(terminal, {"worker": worker}, is_debugging=self._is_debugging)

    def show_event(self, event: Event) -> None:
        """Log every event, with the deployment that it is about."""
        if self._as_json:
            super().show_event(event)
        fields: dict[str, Any] = {}
        if isinstance(event, StackEvent):
            fields = _describe_run(event.deployment_id, event.stack)
        if isinstance(event, StackFailure):
            fields |= {"code": event.code, "reason": event.reason}
        if step := getattr(event, "step", None):
            fields["step"] = step
        level = logging.DEBUG if event.type_name.startswith(JOURNAL_PREFIX) else logging.INFO
        self._log.log(logging.ERROR if event.is_error else level, event.type_name, **fields)

    def report_run(self, lease: RunLease, change: RunChange) -> None:
        """Log what happens to a run beside its events."""
        fields = {**_describe_run(lease.deployment, lease.stack), "attempts": lease.attempts}
        self._log.log(_LEVELS.get(change, logging.INFO), f"run.{change}", **fields)

    def report_received(
        self, message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None:
        """Log what became of a message."""
        fields = {"source": message.source, "place": message.place}
        if event is None:
            self._log.warning("event.dead_letter", **fields, reason=reason)
            return
        for result in results:
            level = logging.DEBUG if result.outcome == "skipped" else logging.INFO
            outcome = {name: value for name, value in asdict(result).items() if value}
            self._log.log(level, f"event.{result.outcome}", **fields, type=event.type, **outcome)

    def announce(self, name: str, text: str, **fields: Any) -> None:
        """Log the name and the fields."""
        self._log.info(name, **fields)

    def report_error(self, error: DeploymentError) -> None:
        """Log the error, and print it to stdout if that is to be JSON."""
        if self._as_json:
            super().report_error(error)
        self._log.error("worker.failed", code=error.error_code, reason=error.reason, hint=error.hint)

    @contextmanager
    def take_log_records(self) -> Iterator[None]:
        """Log what this program and its libraries log during the block, and let nobody else print it."""
        others, _OWN_LOGGER.handlers = _OWN_LOGGER.handlers, []
        try:
            with _handle_records(
                self._log_record, logging.getLogger(), logging.DEBUG if self._is_debugging else logging.INFO
            ):
                yield
        finally:
            _OWN_LOGGER.handlers = others

    def _log_record(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0]:
            fields["traceback"] = logging.Formatter().formatException(record.exc_info)
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        self._log.log(level, record.getMessage(), **fields)


def _describe_run(deployment: str, stack: str) -> dict[str, Any]:
    return {"deployment": deployment, "stack": stack, "trace_id": derive_trace_id(deployment)}


def _open_structured_log(terminal: Terminal, fields: Mapping[str, Any], *, is_debugging: bool) -> Any:
    """Return a logger that writes to the stderr of the terminal."""
    import structlog

    from semantest_iac.domain.security.redaction import redact_texts

    def redact(logger: object, method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
        first = {name: entry.pop(name) for name in ("time", "level", "event")}
        return dict(redact_texts({**first, **entry}, terminal.redact_text, is_shown=True))

    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        redact,
        structlog.processors.JSONRenderer(separators=(",", ":"), default=str),
    ]
    bound = structlog.make_filtering_bound_logger(logging.DEBUG if is_debugging else logging.INFO)
    return structlog.wrap_logger(_LineWriter(terminal), processors, wrapper_class=bound, **fields)


class _LineWriter:
    """Writes the lines of all levels in the same way."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def msg(self, line: str) -> None:
        self._terminal.print_log_line(line)

    debug = info = warning = error = critical = log = msg


class _RecordHandler(logging.Handler):
    def __init__(self, take: Any, level: int) -> None:
        super().__init__(level)
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        self._take(record)


@contextmanager
def _handle_records(take: Any, logger: logging.Logger, level: int) -> Iterator[None]:
    handler = _RecordHandler(take, level)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level, before) if before else level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
