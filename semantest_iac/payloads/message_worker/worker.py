"""The bundled worker of queues, topics and schedules: it records what it gets, and answers requests with its health."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle a batch of messages, a tick of a schedule, or a request."""
    records = event.get("Records")
    if records is not None:
        for record in records:
            _log("message", id=record["messageId"], size=len(record["body"]), attributes=_list_attributes(record))
        return {"batchItemFailures": []}
    if event.get("detail-type") == "Scheduled Event":
        _log("schedule", time=event["time"])
        return {}
    body = {"status": "healthy", "function": os.environ.get("SEMANTEST_FUNCTION", "")}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def _log(what: str, **facts: Any) -> None:
    print(json.dumps({"event": what, **facts}, sort_keys=True))


def _list_attributes(record: Mapping[str, Any]) -> list[str]:
    """Return the names alone: the values may be what a log must not hold."""
    return sorted(record.get("messageAttributes") or {})
