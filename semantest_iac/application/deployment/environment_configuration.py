"""Publishes the settings of an environment when they are not those that were published last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from semantest_iac.application.deployment.recorder import NO_STACK_STREAM, decode_event, find_stream
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerConflictError, LedgerReader, RecordedEvent
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import EnvironmentConfigured

_IDENTITY = ("project", "component", "provider", "environment", "environments", "region")
_HOW_TO_DEPLOY = ("engine", "cloud", "deadlines", "approvals", "guardrails")
_CODE_LOCATION = "source"  # a folder of this machine is no setting


class ConfiguredEnvironment(NamedTuple):
    """An environment as a configuration names it; `base` is what one of the configuration's own extends."""

    environment: str
    provider: str
    region: str
    project: str
    base: str | None = None


class EnvironmentConfigurator:
    """Publishes EnvironmentConfigured; until the first one, a built-in environment has its defaults."""

    def __init__(self, bus: MessageBus, ledger: LedgerReader) -> None:
        self._bus = bus
        self._ledger = ledger

    async def configure(
        self, environment: ConfiguredEnvironment, configuration: Mapping[str, Any], *causes: Event
    ) -> EnvironmentConfigured | None:
        """Publish the environment's settings in this configuration; None where they are published already.

        Of several processes that configure it at the same time, one publishes.
        """
        settings = select_settings_to_publish(configuration)
        event = EnvironmentConfigured(
            environment=environment.environment,
            provider=environment.provider,
            region=environment.region,
            project=environment.project,
            base_environment=environment.base,
            settings=settings,
            digest=_digest(environment.base, settings),
        ).caused_by(*causes)
        stream = find_stream(event)
        while True:
            newest = self._ledger.newest_event(stream)
            if self._find_published_digest(newest, event) == event.digest:
                return None
            try:
                await self._bus.publish(event, expected_version=newest.version if newest else 0)
            except LedgerConflictError:  # another process appended meanwhile
                continue
            return event

    def _find_published_digest(self, newest: RecordedEvent | None, event: EnvironmentConfigured) -> str:
        """Return the digest that was published last; that of the defaults where nothing was."""
        if newest is not None:
            return _read_digest(decode_event(newest))
        earlier = reversed(self._ledger.stream(NO_STACK_STREAM))  # earlier versions published all of them there
        published = (decode_event(row) for row in earlier if row.type == EnvironmentConfigured.type_name)
        same = (row for row in published if find_stream(row) == find_stream(event))
        return next(map(_read_digest, same), _digest(None, {}))


def _read_digest(event: Event) -> str:
    return event.digest if isinstance(event, EnvironmentConfigured) else ""


def select_settings_to_publish(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says about an environment: not which one, nor by which engine, nor where code is."""
    left_out = {*_IDENTITY, *_HOW_TO_DEPLOY}
    settings = {name: value for name, value in configuration.items() if name not in left_out}
    components = {
        name: {key: value for key, value in section.items() if key != _CODE_LOCATION}
        for name, section in (settings.get("components") or {}).items()
    }
    settings["components"] = {name: section for name, section in components.items() if section}
    return {name: value for name, value in settings.items() if value not in (None, {}, [])}


def _digest(base: str | None, settings: Mapping[str, Any]) -> str:
    return sha256(json.dumps([base, settings], sort_keys=True, ensure_ascii=False).encode()).hexdigest()
