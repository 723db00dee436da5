"""Translates messages of Service Bus and timers into events of SQS and of schedules: one handler for both clouds."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

BROKER = "SEMANTEST_BROKER"  # the beginning of the names of the settings with the connection
LONGEST_DELAY = timedelta(days=2)  # a timer that fires later than this has lost what it missed
EARLY = timedelta(seconds=5)  # a timer may fire a little before its time
PLANNED_TIME = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)?$")
TIMEOUT_SETTING = "AzureFunctionsJobHost__functionTimeout"
SCHEDULE_SOURCE = "semantest.schedule"


class MessageFailedError(Exception):
    """The handler named the message as failed, so it is delivered again."""


def build_message_event(message: Any, source: str) -> dict[str, Any]:
    """Build the event of SQS with one record, because the host settles a batch only as a whole."""
    text, is_text = _read_body(message.get_body())
    identifier = str(message.message_id or message.lock_token or "")
    sent = int(message.enqueued_time_utc.timestamp() * 1000) if message.enqueued_time_utc else 0
    received = {"ApproximateReceiveCount": str(message.delivery_count or 1), "SentTimestamp": str(sent)}
    group = {"MessageGroupId": str(message.session_id)} if message.session_id else {}
    given = dict(message.application_properties or {})
    return {
        "Records": [
            {
                "messageId": identifier,
                "receiptHandle": str(message.lock_token or ""),
                "body": text,
                "attributes": {**received, **group},
                "messageAttributes": {name: _build_attribute(value) for name, value in given.items()},
                "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:azure::{source}",
                "awsRegion": "azure",
                **({} if is_text else {"isBase64Encoded": True}),
            }
        ]
    }


def _read_body(body: bytes) -> tuple[str, bool]:
    """Return the body as text; one that is no text in base64, which SQS could not carry otherwise."""
    try:
        return body.decode(), True
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), False


def _build_attribute(value: Any) -> dict[str, Any]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    kind = "Number" if is_number else "String"
    return {"stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": kind}


def require_success(result: Any, event: Mapping[str, Any]) -> None:
    """Raise MessageFailedError if the handler's result names the message as failed, or is none that Lambda accepts."""
    failures = result.get("batchItemFailures") if isinstance(result, Mapping) else None
    if not failures:
        return
    identifier = event["Records"][0]["messageId"]
    raise MessageFailedError(f"The handler reports message {identifier} as failed.")


def build_schedule_event(identifier: str, function: str, time: datetime) -> dict[str, Any]:
    """Build the event of a schedule, with the time for which it was planned."""
    return {
        "version": "0",
        "id": identifier,
        "detail-type": "Scheduled Event",
        "source": SCHEDULE_SOURCE,
        "time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [f"arn:aws:scheduler:azure::schedule/default/{function}"],
        "detail": {},
    }


def find_due_time(trigger: Mapping[str, Any], planned: datetime | None, now: datetime) -> datetime | None:
    """Return the minute for which the timer fires, None for one that the schedule does not mean.

    In a time zone the timer fires whenever a time may be meant; of several missed times the newest counts. A local time
    that occurs twice is meant only once, and one that is skipped not at all.
    """
    newest = (now + EARLY).replace(second=0, microsecond=0)
    is_late = planned is not None and now - LONGEST_DELAY < planned <= now + EARLY
    oldest = planned.replace(second=0, microsecond=0) if planned is not None and is_late else newest
    if "meant" not in trigger:
        return oldest
    moment = newest
    while moment >= oldest:
        if _is_meant(trigger, moment):
            return moment
        moment -= timedelta(minutes=1)
    return None


def read_planned_time(status: Mapping[str, Any] | None) -> datetime | None:
    """Read from the status of a timer when it was to fire, None where that is not known."""
    text = str((status or {}).get("Next") or "")
    match = PLANNED_TIME.match(text)
    if match is None:
        return None
    zone = {"": "+00:00", "Z": "+00:00"}.get(match["zone"] or "", match["zone"])
    return datetime.fromisoformat(f"{match['time']}{zone}").astimezone(UTC)


def read_timeout(environment: Mapping[str, str]) -> float:
    """Read how many seconds a function may run from the host's setting, which is written as a clock."""
    hours, minutes, seconds = (environment.get(TIMEOUT_SETTING) or "00:05:00").split(":")
    return (int(hours) * 60 + int(minutes)) * 60 + float(seconds)


def _is_meant(trigger: Mapping[str, Any], moment: datetime) -> bool:
    meant, offsets = trigger["meant"], list(_list_offsets(trigger["zone"], int(moment.timestamp())))
    local = moment + timedelta(minutes=offsets[0])
    repeats = len(offsets) > 1  # the same local time has been before the clocks were put back
    in_month, in_week = local.day in meant["month_days"], local.isoweekday() % 7 in meant["week_days"]
    is_time = local.minute in meant["minutes"] and local.hour in meant["hours"] and local.month in meant["months"]
    return is_time and in_month and in_week and not repeats


def _list_offsets(changes: list[list[int]], moment: int) -> Iterator[int]:
    """Yield the minutes that are added at a moment, and those before, if they gave the same local time already."""
    earlier = [change for change in changes if change[0] <= moment] or changes[:1]
    start, offset = earlier[-1]
    yield offset
    if len(earlier) > 1 and moment - start < (earlier[-2][1] - offset) * 60:
        yield earlier[-2][1]
