"""Removes the messages of a stack that is destroyed, whether `serve` runs or not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import InfrastructureRemoved


def remove_messages_of_destroyed(home: Path) -> Callable[[Event], None]:
    """Return an observer of events that removes what is kept of each stack that was destroyed."""
    return partial(_remove_if_destroyed, home)


def _remove_if_destroyed(home: Path, event: Event) -> None:
    if isinstance(event, InfrastructureRemoved):
        from semantest_iac.infrastructure.message_store.messages import MessageStore

        MessageStore(home).forget(event.stack)
