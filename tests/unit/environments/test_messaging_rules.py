"""What is refused of queues, topics and what calls functions, each fault with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.calendars.cron_calendar import CronFreezeCalendar
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_QUEUES = {"orders": {}, "jobs": {"ordered": True}}
_WORKER = {"trigger": {"queue": "orders"}}


def _find_capabilities(provider: str) -> Capabilities:
    return find_cloud(provider).capabilities


def _validate(provider: str, section: dict[str, Any]) -> ValidationReport:
    written = {"components": {"workers": {"type": "functions", "queues": _QUEUES, **section}}}
    service = ValidationService(date(2026, 11, 30), CLOUD_ENTRIES, _find_capabilities, calendar=CronFreezeCalendar())
    stack = Stack("workers", provider, "development", CLOUD_ENTRIES[provider].regions[0])
    return service.validate(stack, DeploymentConfiguration.model_validate(written))


def _find_faults(provider: str, section: dict[str, Any]) -> list[tuple[str, str]]:
    report = _validate(provider, section)
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
            ({**_WORKER, "calls": ["prices"]}, "calls[0]", "there is no function 'prices'"),
            ({**_WORKER, "calls": ["worker"]}, "calls[0]", "'worker' would call itself"),
            ({**_WORKER, "payload": "1.0"}, "payload", "have one form"),
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


_PRICES = {"trigger": {"http": "internal"}}


def _find_call_faults(provider: str, functions: dict[str, Any]) -> list[tuple[str, str]]:
    return _find_faults(provider, {"functions": functions})


class TestCalls:
    @pytest.mark.parametrize(
        ("trigger", "path", "reason"),
        [
            ({"batch": 5}, "trigger.batch", "requests have no batch"),
            ({"time_zone": "UTC"}, "trigger.time_zone", "requests have no time_zone"),
            ({"filter": {"kind": "a"}}, "trigger.filter", "requests have no filter"),
            ({"queue": "orders"}, "trigger", "names queue and http"),
        ],
    )
    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_have_no_keys_of_other_triggers(
        self, provider: str, trigger: dict[str, Any], path: str, reason: str
    ) -> None:
        functions = {"orders": {**_WORKER, "calls": ["prices"]}, "prices": {"trigger": {"http": "internal", **trigger}}}

        ((found, message),) = _find_call_faults(provider, functions)

        assert found == f"functions.prices.{path}"
        assert reason in message

    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_are_accepted(self, provider: str) -> None:
        functions = {
            "orders": {**_WORKER, "calls": ["prices"]},
            "prices": {**_PRICES, "calls": ["taxes"]},
            "taxes": _PRICES,
        }

        assert _find_faults(provider, {"functions": functions}) == []

    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_of_what_another_trigger_calls_are_refused(self, provider: str) -> None:
        functions = {"orders": {**_WORKER, "calls": ["nightly"]}, "nightly": {"trigger": {"schedule": "0 3 * * *"}}}

        ((path, message),) = _find_call_faults(provider, functions)

        assert (path, message) == (
            "functions.orders.calls[0]",
            "'nightly' answers no calls: it has another trigger",
        )

    @pytest.mark.parametrize("provider", CLOUD_ENTRIES)
    def test_in_a_circle_are_refused_once(self, provider: str) -> None:
        functions = {
            "orders": {**_WORKER, "calls": ["prices"]},
            "prices": {**_PRICES, "calls": ["taxes"]},
            "taxes": {**_PRICES, "calls": ["rates", "prices"]},
            "rates": _PRICES,
        }

        ((path, message),) = _find_call_faults(provider, functions)

        assert (path, message) == (
            "functions.prices.calls",
            "goes in a circle: 'prices' calls 'taxes' calls 'prices'",
        )

    def test_suggest_the_nearest_name(self) -> None:
        functions = {"orders": {**_WORKER, "calls": ["price"]}, "prices": _PRICES, "stock": _PRICES}

        (fault, *advice) = _validate("aws", {"functions": functions}).faults

        assert (fault.path, advice) == ("components.workers.functions.orders.calls[0]", [])
        assert "prices" in fault.hint

    def test_by_nobody_are_remarked(self) -> None:
        report = _validate("aws", {"functions": {"prices": _PRICES}})

        assert report.faults == ()
        assert [(it.path, it.message) for it in report.warnings] == [
            ("components.workers.functions.prices.trigger.http", "no function calls it")
        ]


class TestCallsOnAzure:
    """What functions need that check who calls them by the token of their app."""

    @pytest.mark.parametrize(
        ("environment", "network", "outbound", "faults"),
        [
            ("staging", {}, False, []),
            ("staging", {"nat_gateway": False, "firewall": False}, False, ["login.microsoftonline.com, to which"]),
            ("development", {"nat_gateway": False, "firewall": False}, False, []),
            (
                "staging",
                {"firewall": True, "allowed_hosts": ["api.example.org"]},
                False,
                ["need login.microsoftonline.com"],
            ),
            ("staging", {"firewall": True, "allowed_hosts": ["login.microsoftonline.com"]}, False, []),
            ("staging", {"firewall": True, "allowed_hosts": ["*.microsoftonline.com"]}, False, []),
            ("staging", {"firewall": False, "allowed_hosts": ["api.example.org"]}, False, []),
            ("development", {"firewall": True, "allowed_hosts": ["login.microsoftonline.com"]}, False, []),
            (
                "development",
                {"firewall": True, "allowed_hosts": ["login.microsoftonline.com"]},
                True,
                ["need *.azurewebsites.net"],
            ),
            (
                "development",
                {"firewall": True, "allowed_hosts": ["login.microsoftonline.com", "*.azurewebsites.net"]},
                True,
                [],
            ),
        ],
    )
    def test_is_a_way_to_the_directory(
        self, environment: str, network: dict[str, Any], outbound: bool, faults: list[str]
    ) -> None:
        orders = {
            "trigger": {"schedule": "0 3 * * *"},
            "calls": ["prices"],
            **({"outbound": "nat"} if outbound else {}),
        }
        section = {"functions": {"orders": orders, "prices": _PRICES}}

        for provider, expected in (("azure", faults), ("aws", [])):
            found = _validate_platform(provider, environment, section, network).faults
            assert [it.path for it in found] == ["components.platform.functions.prices.trigger.http"] * len(expected)
            assert all(reason in it.message for it, reason in zip(found, expected, strict=True))

    @pytest.mark.parametrize(("timeout", "warnings"), [(230, 0), (300, 1)])
    def test_is_an_answer_before_the_load_balancer_gives_up(self, timeout: int, warnings: int) -> None:
        functions = {"orders": {**_WORKER, "calls": ["prices"]}, "prices": _PRICES}

        report = _validate("azure", {"functions": functions, "timeout": timeout})

        found = [it for it in report.warnings if it.path.endswith("functions.prices.trigger.http")]
        assert len(found) == warnings


@pytest.mark.parametrize("provider", CLOUD_ENTRIES)
def test_names_that_nobody_can_print_stay_out_of_messages_and_hints(provider: str) -> None:
    hidden = "or\u202eders"
    section = {
        "queues": {hidden: {"ordered": True, "lock_s": 10}, "orders": {}},
        "topics": {hidden: {"subscriptions": {hidden: {}}}},
        "functions": {
            hidden: {"trigger": {"http": "internal"}},
            "worker": {"trigger": {"queue": hidden, "batch": 11}, "calls": [f"{hidden}s"]},
            "reader": {"trigger": {"topic": f"{hidden}s"}, "sends_to": [f"{hidden}s"]},
        },
        "timeout": 20,
    }

    report = _validate(provider, section)

    shown = [text for it in (*report.faults, *report.warnings) for text in (it.path, it.message, it.hint)]
    assert len(shown) > 20
    assert [text for text in shown if "\u202e" in text] == []


def _validate_platform(
    provider: str, environment: str, section: dict[str, Any], network: dict[str, Any]
) -> ValidationReport:
    written = {"network": network, "components": {"platform": section}}
    service = ValidationService(date(2026, 11, 30), CLOUD_ENTRIES, _find_capabilities, calendar=CronFreezeCalendar())
    stack = Stack("platform", provider, environment, CLOUD_ENTRIES[provider].regions[0])
    return service.validate(stack, DeploymentConfiguration.model_validate(written))
