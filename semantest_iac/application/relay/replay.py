"""Publishes a dead letter again, as it was, when its target takes it now."""

from __future__ import annotations

from collections.abc import Iterable

from semantest_iac.application.ports.event_transports import DeadLetter, EventTarget
from semantest_iac.application.relay.messages import restore_message
from semantest_iac.domain.errors import NotFoundError


async def publish_dead_letter(letter: DeadLetter, targets: Iterable[EventTarget]) -> None:
    """Return once the target of the letter has its message, after messages that were recorded later.

    Raises TransportError, and NotFoundError where the configuration has no such target.
    """
    message = restore_message(letter)
    target = next((target for target in targets if target.name == letter.transport), None)
    if target is None:
        raise NotFoundError(
            f"Cannot publish dead letter '{letter.id}': the configuration has no target '{letter.transport}'.",
            hint="Configure it under event_targets, or remove the letter.",
        )
    async with target.connect() as publish:
        await publish(message)
