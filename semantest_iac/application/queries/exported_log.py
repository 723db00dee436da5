"""The form in which a ledger is exported: one JSON object per line, each with an event and its place in the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.domain.errors import ValidationError

_PLACE = {"position": int, "stream": str, "version": int, "type": str, "hash": str}


def format_exported_event(row: RecordedEvent) -> str:
    """Return the line of an event; `event` holds the CloudEvent as it was recorded, to the byte.

    One that was recorded on several lines is in `json`, as a text.
    """
    place = _dump({name: getattr(row, name) for name in _PLACE})[:-1]
    is_one_line = not {"\n", "\r"}.intersection(row.json)
    return f'{place},"event":{row.json}}}' if is_one_line else f'{place},"json":{_dump(row.json)}}}'


def parse_exported_log(lines: Iterable[bytes]) -> Iterator[RecordedEvent]:
    """Yield the event of each line; raises ValidationError with the first line that holds none."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _parse_line(line.decode().rstrip("\r\n"))
            except (ValueError, KeyError, TypeError) as error:
                raise ValidationError(
                    f"Cannot read line {number} of the export: it holds no exported event.",
                    hint="Give a file that `semantest-iac ledger export` has written.",
                ) from error


def _parse_line(line: str) -> RecordedEvent:
    """Return the event with the text that its hash covers, which parsing and writing it again might change."""
    found: dict[str, Any] = json.loads(line)
    place = {name: found[name] for name in _PLACE}
    if any(type(place[name]) is not kind for name, kind in _PLACE.items()):
        raise TypeError
    if "json" in found:
        return RecordedEvent(**place, json=str(found["json"]))
    start = f'{_dump(place)[:-1]},"event":'
    is_verbatim = line.startswith(start) and line.endswith("}")
    return RecordedEvent(**place, json=line[len(start) : -1] if is_verbatim else _dump(found["event"]))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
