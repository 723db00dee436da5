"""When the settings of an environment are published, and what is published."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.application.deployment.recorder import NO_STACK_STREAM
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ValidationError
from semantest_iac_events.infrastructure import EnvironmentConfigured
from tests.fakes.application import REST, SECRET, InMemoryApp

_CONFIGURED = "environment.configured"
_OWN = Stack("rest-api", "aws", "pr-12", "us-east-1")
_EXTENDED = {"environments": {"pr-12": {"extends": "development"}}}
_SETTINGS = {"components": {"rest-api": {"memory": 1024}}, "tags": {"team": "qa"}}


async def _configure(app: InMemoryApp, **configuration: Any) -> EnvironmentConfigured | None:
    environments = app.application.environments({})
    return await environments.configure_environment("qa", "aws", "us-east-1", configuration)


def _find_last(app: InMemoryApp, stream: str) -> RecordedEvent | None:
    return next((row for row in reversed(app.ledger.recorded) if row.stream == stream), None)


def _published(app: InMemoryApp) -> list[dict[str, Any]]:
    return [row.event["data"] for row in app.ledger.recorded if row.type.endswith(_CONFIGURED)]


class TestDeployment:
    async def test_publishes_new_settings_once_before_it_starts(self, app: InMemoryApp) -> None:
        for settings in (_SETTINGS, _SETTINGS, {**_SETTINGS, "tags": {}}):
            await app.use_cases.deploy(REST, settings)

        requests = [place for place, name in enumerate(app.recorded) if name == "deployment.requested"]
        assert [app.recorded[place + 2] for place in requests] == [_CONFIGURED, "deployment.started", _CONFIGURED]
        first, last = _published(app)
        assert (first["settings"], last["settings"]) == (_SETTINGS, {"components": _SETTINGS["components"]})
        assert first["digest"] != last["digest"]

    async def test_publishes_nothing_for_the_defaults_of_a_built_in_environment(self, app: InMemoryApp) -> None:
        for environment, values in ((REST, {"provider": "aws", "engine": "sandbox"}), (_OWN, _EXTENDED)):
            await app.use_cases.deploy(environment, values)

        [published] = _published(app)
        assert (published["environment"], published["base_environment"]) == ("pr-12", "development")

    async def test_reads_no_earlier_configurations_to_find_the_last_one(
        self, app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await _configure(app, **_SETTINGS)
        monkeypatch.setattr(app.ledger, "stream", lambda *_: pytest.fail("reads a whole stream"))
        monkeypatch.setattr(app.ledger, "newest_event", lambda stream: _find_last(app, stream))

        assert await _configure(app, **_SETTINGS) is None

    async def test_knows_what_earlier_versions_published_in_one_stream(self, app: InMemoryApp) -> None:
        first = await _configure(app, **_SETTINGS)
        app.ledger.recorded[:] = [replace(row, stream=NO_STACK_STREAM) for row in app.ledger.recorded]

        assert first is not None
        assert await _configure(app, **_SETTINGS) is None

    async def test_of_several_stacks_at_once_publishes_once(self, app: InMemoryApp) -> None:
        others = [app.application.deployments({}) for _ in range(3)]

        await asyncio.gather(*(each.deploy(REST, _SETTINGS) for each in others))

        assert app.recorded.count(_CONFIGURED) == 1

    async def test_records_no_secret(self, app: InMemoryApp) -> None:
        await app.deploy(environment={"TOKEN": "${secrets.token}", "NOTE": f"it is {SECRET}"})

        [published] = _published(app)
        assert published["settings"]["components"]["rest-api"]["environment"]["TOKEN"] == "${secrets.token}"
        assert SECRET not in json.dumps(published)


class TestConfigureEnvironment:
    async def test_publishes_what_a_deployment_would(self, app: InMemoryApp) -> None:
        event = await _configure(app, **_SETTINGS)

        assert event is not None
        assert (await _configure(app, **_SETTINGS), event.settings) == (None, _SETTINGS)
        assert app.recorded == [_CONFIGURED]

    async def test_refuses_settings_with_every_fault(self, app: InMemoryApp) -> None:
        faulty = {"components": {"rest-api": {"memory": 1}, "websocket": {"timeout": -1}}, "tags": {"Stack": "x"}}

        with pytest.raises(ValidationError) as caught:
            await _configure(app, **faulty)

        assert [fault.path for fault in caught.value.faults] == [
            "components.rest-api.memory",
            "tags.Stack",
            "components.websocket.timeout",
        ]
        assert app.recorded == []
