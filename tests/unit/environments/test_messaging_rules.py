"""What is refused of queues, topics and what calls functions, each fault with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.calendars.cron_calendar import CronFreezeCalendar
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_QUEUES = {"orders": {}, "jobs": {"ordered": True}}
_WORKER = {"trigger": {"queue": "orders"}}


def _find_capabilities(provider: str) -> Capabilities:
    return find_cloud(provider).capabilities


def _find_faults(provider: str, section: dict[str, Any]) -> list[tuple[str, str]]:
    written = {"components": {"workers": {"type": "functions", "queues": _QUEUES, **section}}}
    service = ValidationService(date(2026, 11, 30), CLOUD_ENTRIES, _find_capabilities, calendar=CronFreezeCalendar())
    stack = Stack("workers", provider, "development", CLOUD_ENTRIES[provider].regions[0])
    report = service.validate(stack, DeploymentConfiguration.model_validate(written))
    return [(fault.path.removeprefix("components.workers."), fault.message) for fault in report.faults]


def _trigger(**trigger: Any) -> dict[str, Any]:
    return {"functions": {"worker": {"trigger": trigger}}}


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
class TestTriggers:
    @pytest.mark.parametrize(
        "trigger",
        [
            {"queue": "orders", "batch": 50},
            {"schedule": "0 3 * * MON-FRI", "time_zone": "Europe/Berlin"},
            {"queue": "jobs"},
        ],
    )
    def test_are_accepted(self, provider: str, trigger: dict[str, Any]) -> None:
        assert _find_faults(provider, _trigger(**trigger)) == []

    @pytest.mark.parametrize(
        ("trigger", "path", "reason"),
        [
            ({}, "trigger", "names nothing"),
            ({"queue": "orders", "schedule": "0 3 * * *"}, "trigger", "names queue and schedule"),
            ({"queue": "order"}, "trigger.queue", "there is no queue 'order'"),
            ({"topic": "news"}, "trigger.topic", "there is no topic 'news'"),
            ({"queue": "orders", "batch": 0}, "trigger.batch", "batch must be 1 to 1000"),
            ({"queue": "jobs", "batch": 11}, "trigger.batch", "'jobs' is ordered"),
            ({"queue": "orders", "filter": {"kind": "a"}}, "trigger.filter", "a queue has no filter"),
            ({"queue": "orders", "time_zone": "UTC"}, "trigger.time_zone", "a queue has no time_zone"),
            ({"schedule": "0 25 * * *"}, "trigger.schedule", "is no cron expression"),
            ({"schedule": "0 3 1 * MON"}, "trigger.schedule", "chooses days of the month and days of the week"),
            ({"schedule": "0 3 * * *", "time_zone": "Europe/Berlim"}, "trigger.time_zone", "is not a time zone"),
            ({"http": "internal"}, "trigger.http", "cannot be deployed yet"),
        ],
    )
    def test_are_refused(self, provider: str, trigger: dict[str, Any], path: str, reason: str) -> None:
        ((found, message),) = _find_faults(provider, _trigger(**trigger))

        assert found == f"functions.worker.{path}"
        assert reason in message


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
class TestFunctions:
    @pytest.mark.parametrize(
        ("function", "path", "reason"),
        [
            ({}, "trigger", "nothing would call it"),
            ({**_WORKER, "handler": "a.handler"}, "handler", "there is no source"),
            ({**_WORKER, "sends_to": ["order"]}, "sends_to[0]", "there is no queue or topic 'order'"),
            ({**_WORKER, "outbound": "nat"}, "outbound", "has no network with a NAT gateway"),
        ],
    )
    def test_are_refused(self, provider: str, function: dict[str, Any], path: str, reason: str) -> None:
        ((found, message),) = _find_faults(provider, {"functions": {"worker": function}})

        assert found == f"functions.worker.{path}"
        assert reason in message

    def test_may_not_run_longer_than_a_message_is_locked(self, provider: str) -> None:
        section = {"queues": {"orders": {"lock_s": 10}}, "functions": {"worker": _WORKER}, "timeout": 20}

        ((path, message),) = _find_faults(provider, section)

        assert (path, message) == (
            "queues.orders.lock_s",
            "10 s are less than the 20 s that 'worker' may take for a message",
        )


class TestMaximumCalls:
    def test_are_refused_on_azure(self) -> None:
        section = _trigger(queue="orders", max_concurrency=5)

        assert _find_faults("aws", section) == []
        ((_, message),) = _find_faults("azure", section)
        assert "for a whole app and by instance only" in message
