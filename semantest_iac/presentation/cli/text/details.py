"""Formats everything that is known of one deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from semantest_iac.domain.deployment.status import UNCHANGED_STATUSES
from semantest_iac.presentation.cli.formatting import OPERATION_DONE, format_utc_time
from semantest_iac.presentation.styles import style_text

# The fields of lists have a line for each entry.
_LISTED = ("accepted_data_loss", "remainder", "commands")
_SHOWN = ("approved_by", "disapproved_by", "resolved_by", "successor", "reason", "endpoint")


def format_details(details: Mapping[str, Any], restored_numbers: Mapping[str, int | None]) -> list[tuple[str, str]]:
    """Return a name and a text for each thing that is known; unknown ones are left out."""
    return [(name.replace("_", " "), text) for name, text in _list_details(details, restored_numbers) if text]


def _list_details(details: Mapping[str, Any], restored_numbers: Mapping[str, int | None]) -> Iterator[tuple[str, str]]:
    restored, error = details.get("restored_deployment"), details.get("error") or {}
    simulated = " (simulated)" if details["simulated"] else ""
    yield from ((name, details[name]) for name in ("deployment", "stack"))
    yield "number", str(details["number"] or "")
    yield "kind", details["kind"]
    yield "state", style_text(f"{details['state']}{simulated}", details["state"])
    by = f" by {details['requested_by']}" if details.get("requested_by") else ""
    yield "requested", f"{format_utc_time(details['requested_at'])}{by}"
    yield "finished", format_utc_time(details["finished_at"]) if details["finished_at"] else ""
    yield "changes", format_changes(details["changes"], is_planned=details["state"] in UNCHANGED_STATUSES)
    if restored:
        yield "restored", f"{restored} (no. {restored_numbers.get(restored) or 'unknown'})"
    yield from ((name, str(details.get(name) or "")) for name in _SHOWN)
    yield from ((name, str(error.get(name, ""))) for name in ("code", "message", "hint"))
    for name in _LISTED:
        yield from ((name, str(entry)) for entry in details.get(name, ()))


def format_changes(changes: Mapping[str, int], *, is_planned: bool) -> str:
    """Return the changed resources by operation; a hyphen without any."""
    counts = {name: count for name, count in changes.items() if count and name != "same"}
    words = [f"{count} {f'to {name}' if is_planned else OPERATION_DONE[name]}" for name, count in counts.items()]
    return ", ".join(words) or "-"
