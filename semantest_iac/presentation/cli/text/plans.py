"""Formats plans: a line per resource, and below it a line per changed property with its old and its new value."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from semantest_iac.presentation.cli.formatting import (
    OPERATION_DONE,
    OPERATION_MARKS,
    SHARED_NOTE,
    align_columns,
    type_name_with_module,
)
from semantest_iac.presentation.styles import StyledLine, join_styled, style_text

if TYPE_CHECKING:
    from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
    from semantest_iac.domain.deployment.property_changes import ChangeSource, PropertyChange
    from semantest_iac_events.values import ChangeCounts

DEFAULT_WIDTH = 120
DIGEST_LENGTH = 6
NO_CHANGES = "no changes"
_MOST_PROPERTIES = 40  # of one resource; `--json` has them all
_SHORTEST_VALUE = 16
_ARROW, _ELLIPSIS = " → ", "…"
_FORCED = " (forces replacement)"
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def format_plan(plan: ChangePlan, width: int | None = None) -> Iterator[str]:
    """Yield the counts, each changed resource with its properties, the change of code, and what is lost for good.

    What was changed outside of this tool comes first, with what the deployments knew and what the cloud has now.
    Without a width, values are shortened to lines of 120 characters.
    """
    yield from format_drift(plan.drift, width)
    yield join_styled("Plan: ", format_counts(plan.changes))
    yield from _resource_lines(plan.mutations, width or DEFAULT_WIDTH)
    is_shown = any(change.is_package for resource in plan.mutations for change in resource.properties)
    if plan.code and not is_shown:
        yield f"  code: {plan.code.old[:DIGEST_LENGTH]}{_ARROW}{plan.code.new[:DIGEST_LENGTH]}"
    if plan.lacks_code:
        yield "The code package will be published."
    if plan.losses:
        names = ", ".join(dict.fromkeys(show_characters(change.name) for change in plan.losses))
        yield style_text(f"Applying this plan loses data that cannot be restored: {names}.", "loss")


def format_drift(drift: Sequence[PlannedChange], width: int | None = None) -> Iterator[str]:
    """Yield each resource that was changed in the cloud, with its properties, below a title; nothing without any."""
    if drift:
        yield "Changed in the cloud since the last deployment:"
        yield from _resource_lines(drift, width or DEFAULT_WIDTH)


def format_counts(changes: ChangeCounts) -> StyledLine:
    """Return `3 to create, 1 to update`, without what is zero, or `no changes`."""
    counts = {name: count for name, count in changes.model_dump().items() if count and name != "same"}
    if not counts:
        return join_styled(NO_CHANGES, f" ({changes.same} unchanged)" if changes.same else "")
    parts: list[str] = []
    for name, count in counts.items():
        parts += [", "] * bool(parts) + [style_text(f"{count} to {name}", name)]
    return join_styled(*parts)


def _resource_lines(changes: Sequence[PlannedChange], width: int) -> Iterator[str]:
    rows = [_resource_row(change) for change in changes]
    for change, row in zip(changes, align_columns(rows) if rows else [], strict=True):
        yield row
        lines = list(_property_lines(change, width))
        yield from lines[:_MOST_PROPERTIES]
        if len(lines) > _MOST_PROPERTIES:
            yield f"      … and {len(lines) - _MOST_PROPERTIES} more; --json shows all"


def _resource_row(change: PlannedChange) -> list[str]:
    loss = style_text(f"cannot be undone: loses {change.loses}", "loss") if change.loses else ""
    operation = style_text(f"{OPERATION_MARKS[change.op]} {change.op}", change.op)
    differs = style_text(f"cannot be undone entirely: {change.differs}", "detail") if change.differs else ""
    kept = f"stays in the cloud with {change.keeps}" if change.keeps else SHARED_NOTE
    note = kept if change.op == "keep" else loss or differs
    return [join_styled("  ", operation), type_name_with_module(change.type), show_characters(change.name), note]


def _property_lines(change: PlannedChange, width: int) -> Iterator[str]:
    codes = [_hash_in_base64(it.new) for it in change.properties if it.is_package and it.new]
    return (_property_line(it, width) for it in change.properties if it.is_package or it.new not in codes)


def _hash_in_base64(digest: str) -> str:
    """Return the digest as clouds write it in another property beside the package, which says the same again."""
    try:
        return base64.b64encode(bytes.fromhex(digest)).decode("ascii")
    except ValueError:
        return digest


def _property_line(change: PropertyChange, width: int) -> StyledLine:
    suffix = f"{_describe_origin(change)}{_FORCED if change.replaces else ''}"
    is_added, is_removed = change.old is None, change.new is None
    mark = style_text("+", "create") if is_added else style_text("-", "delete") if is_removed else " "
    path = show_characters(change.path)
    if is_added and is_removed:  # nothing but the path is known
        return join_styled("      ", path, suffix)
    head = join_styled("    ", mark, " ", path, ": ")
    room = max(width - len(head) - len(suffix), 2 * _SHORTEST_VALUE)
    if change.is_computed and change.sources:
        value = _describe_wait(change.sources)
    elif is_added or is_removed:
        value = shorten_middle(_show_values(change)[is_added], room)
    else:
        value = _ARROW.join(_shorten_pair(*_show_values(change), room - len(_ARROW)))
    return join_styled(head, value, style_text(suffix, "replace" if change.replaces else "detail"))


def _describe_origin(change: PropertyChange) -> str:
    if change.is_computed or not change.sources:
        return ""
    return f" (from {', '.join(show_characters(source.name) for source in change.sources)})"


def _describe_wait(sources: Iterable[ChangeSource]) -> str:
    """Return `known after identity is replaced`, or `known after a and b are created and c is replaced`."""
    parts = []
    for op, group in groupby(sorted(sources, key=lambda source: source.op), key=lambda source: source.op):
        names = [show_characters(source.name) for source in group]
        parts.append(f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} {OPERATION_DONE[op]}")
    return f"known after {' and '.join(parts)}"


def _show_values(change: PropertyChange) -> tuple[str, str]:
    if change.is_package:
        return str(change.old or "")[:DIGEST_LENGTH], str(change.new or "")[:DIGEST_LENGTH]
    if change.is_secret:
        return str(change.old), str(change.new)
    has_text_only = all(isinstance(value, str | None) for value in (change.old, change.new))
    old = show_value(change.old, quote_ambiguous=not has_text_only)
    return old, str(change.new) if change.is_computed else show_value(change.new, quote_ambiguous=not has_text_only)


def show_value(value: Any, *, quote_ambiguous: bool = False) -> str:
    """Return a value on one line: text without quotes where that is clear, objects and lists as JSON."""
    if not isinstance(value, str):
        return show_characters(json.dumps(value, ensure_ascii=False))
    is_clear = value and value == value.strip() and not value.startswith(('"', "[", "(", "{"))
    if is_clear and not (quote_ambiguous and _is_json_scalar(value)):
        return show_characters(value)
    if value.startswith(("[", "{")) and _is_json(value):
        return show_characters(json.dumps(json.loads(value), ensure_ascii=False))
    return f'"{show_characters(value)}"'


def _is_json_scalar(text: str) -> bool:
    return text[:1] in "-0123456789tfn" and _is_json(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def show_characters(text: str) -> str:
    r"""Return the text on one line: line ends, control and invisible characters as `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _HIDDEN_CATEGORIES else char
        for char in text
    )


def _shorten_pair(old: str, new: str, room: int) -> tuple[str, str]:
    """Return both values in so many characters in all, each with the place where they begin to differ."""
    half = room // 2
    first, second = max(half, room - len(new)), max(half, room - len(old))
    pairs = enumerate(zip(old, new, strict=False))
    same = next((index for index, (left, right) in pairs if left != right), min(len(old), len(new)))
    return shorten_middle(old, first, same), shorten_middle(new, second, same)


def shorten_middle(text: str, room: int, start: int = 0) -> str:
    """Return head and tail of a longer text with `…` between them; the character at `start` stays visible."""
    if len(text) <= room:
        return text
    tail = room // 3
    head = room - tail - len(_ELLIPSIS)
    if start >= head and start < len(text) - tail:  # what differs is in the gap
        text, head = _ELLIPSIS + text[max(0, start - head // 2) :], head
        if len(text) <= room:
            return text
    return f"{text[:head]}{_ELLIPSIS}{text[len(text) - tail :]}"
