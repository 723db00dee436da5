"""Tells which events of the ledger a target gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.domain.environments.event_sections import EventTargetSection, compile_type_patterns
from semantest_iac.domain.environments.names import canonical_environment, canonical_word


@dataclass(frozen=True, slots=True)
class PublishedSelection:
    """What a target gets: events whose type fits a pattern, of these components, environments and clouds.

    None is all. `*` in a pattern is any text. An event that is about no component is not of one. Journal entries are
    facts of this ledger, and are never published.
    """

    types: re.Pattern[str] | None = None
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has_type(self, event_type: str) -> bool:
        """Whether events of this type are selected, as far as it depends on the type."""
        is_published = not event_type.startswith(JOURNAL_PREFIX)
        return is_published and (self.types is None or self.types.fullmatch(event_type) is not None)

    def matches(self, recorded: RecordedEvent, data: Mapping[str, Any]) -> bool:
        """Whether the event with these fields is selected."""
        return self.has_type(recorded.type) and all(data.get(part) in names for part, names in self.parts.items())


def select_for_target(section: EventTargetSection) -> PublishedSelection:
    """Return what the settings of a target select; names may have any case, and environments be aliases."""
    named = {
        "component": _read_names(section.components, lambda name: canonical_word(name) or ""),
        "environment": _read_names(section.environments, canonical_environment),
        "provider": _read_names(section.providers, lambda name: canonical_word(name) or ""),
    }
    types = None if section.events is None else compile_type_patterns(section.events)
    return PublishedSelection(types, {part: names for part, names in named.items() if names is not None})


def _read_names(names: Iterable[str] | None, read: Any) -> frozenset[str] | None:
    return None if names is None else frozenset(map(read, names))
