"""What received events ask for, by themselves and by subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.intake.received_events import ReceivedEvent, read_received_event
from semantest_iac.application.intake.subscriptions import decide_changes, list_subscribed_types
from semantest_iac.domain.compute.scaling import ScalingChange
from semantest_iac.domain.environments.event_sections import SubscriptionSection


def subscription(**values: Any) -> SubscriptionSection:
    """A subscription to a warning, which deploys rest-api unless the values say otherwise."""
    return SubscriptionSection(
        **{"event": "ServerPerformanceWarning", "action": "deploy", "component": "rest-api"} | values
    )


def warning(source: str = "core", **payload: Any) -> ReceivedEvent:
    """A warning of Semantest's server."""
    form = {"eventType": "ServerPerformanceWarning", "correlationId": "c", "timestamp": "2026-11-30T08:00:00Z"}
    return read_received_event({**form, "payload": payload}, source)


class TestRequests:
    @pytest.mark.parametrize(
        "form",
        [
            {"eventType": "ServiceDeploymentNeeded", "service_type": "rest-api", "environment": "qa"},
            {"type": "ServiceDeploymentNeeded", "payload": {"serviceType": "Rest-API ", "environment": "qa"}},
            {
                "eventId": "evt_1",
                "eventType": "ServiceDeploymentNeeded",
                "payload": {"service_type": "rest-api", "environment": "qa"},
            },
            {
                "type": "event",
                "envelope": {
                    "event": {
                        "eventId": "evt_1",
                        "eventType": "ServiceDeploymentNeeded",
                        "payload": {"serviceType": "rest-api", "environment": "qa"},
                    },
                    "globalPosition": 4,
                },
            },
            {
                "specversion": "1.0",
                "id": "evt_no_uuid",
                "source": "/core",
                "type": "semantest.service.deployment.needed",
                "time": "2026-11-30T08:00:00Z",
                "data": {"service_type": "rest-api", "environment": "qa"},
            },
            {
                "specversion": "1.0",
                "id": "2",
                "source": "/core",
                "type": "ServiceDeploymentNeeded",
                "time": "2026-11-30T08:00:00Z",
                "data": {"serviceType": "rest-api", "environment": "qa"},
            },
        ],
        ids=["core", "wire", "server", "stored", "cloudevent", "cloudevent of the core"],
    )
    def test_are_read_from_every_form(self, form: dict[str, Any]) -> None:
        [change] = decide_changes(read_received_event(form, "core"), {}).changes

        assert (change.action, change.component, change.environment, change.request) == (
            "deploy",
            "rest-api",
            "qa",
            None,
        )

    def test_bring_the_settings_of_their_component(self) -> None:
        form = {"type": "ServiceDeploymentNeeded", "payload": {"serviceType": "a", "serviceConfig": {"memory": 512}}}

        [change] = decide_changes(read_received_event(form, "core"), {}).changes

        assert change.values == {"components": {"a": {"memory": 512}}}

    def test_are_not_asked_for_by_other_events(self) -> None:
        decision = decide_changes(warning(cpu=91), {})

        assert (decision.changes, decision.reasons) == (
            (),
            ("No subscription is for 'ServerPerformanceWarning', and it is no request.",),
        )


class TestMatch:
    @pytest.mark.parametrize(
        ("match", "payload", "is_matching"),
        [
            ({"cpu": {"at_least": 80}}, {"cpu": 80}, True),
            ({"cpu": {"at_least": 80}}, {"cpu": 79.9}, False),
            ({"cpu": {"above": 80, "below": 90}}, {"cpu": 85}, True),
            ({"cpu": {"above": 80, "below": 90}}, {"cpu": 90}, False),
            ({"cpu": {"at_most": 5}}, {"cpu": "1"}, False),
            ({"cpu": {"at_most": 5}}, {"cpu": True}, False),
            ({"severity": ["high", "critical"]}, {"severity": "high"}, True),
            ({"severity": ["high", "critical"]}, {"severity": "low"}, False),
            ({"server.load.one": 3}, {"server": {"load": {"one": 3.0}}}, True),
            ({"server.load": 3}, {"server.load": 3}, True),
            ({"server.load": 3}, {"server": [3]}, False),
            ({"active": True}, {"active": True}, True),
            ({"active": True}, {"active": 1}, False),
            ({"active": 1}, {"active": True}, False),
            ({"note": None}, {"note": None}, True),
            ({"a": 1, "b": 2}, {"a": 1}, False),
            ({}, {}, True),
        ],
    )
    def test_compares_values_of_the_payload(
        self, match: dict[str, Any], payload: dict[str, Any], is_matching: bool
    ) -> None:
        decision = decide_changes(warning(**payload), {"rule": subscription(match=match)})

        assert bool(decision.changes) is is_matching

    def test_says_what_does_not_match(self) -> None:
        rules = {"hot": subscription(match={"cpu": {"at_least": 80}}), "other": subscription(match={"disk": 1})}

        reasons = decide_changes(warning(cpu=12), rules).reasons

        assert reasons == (
            "Subscription 'hot' does not match: cpu is 12, not at least 80.",
            "Subscription 'other' does not match: disk is missing.",
        )

    def test_takes_patterns_of_types_and_names_of_sources(self) -> None:
        rules = {"pattern": subscription(event="Server*"), "elsewhere": subscription(sources=("hooks",))}

        changes = decide_changes(warning(), rules).changes

        assert [change.subscription for change in changes] == ["pattern"]


class TestTarget:
    def test_can_be_taken_from_the_event(self) -> None:
        rule = subscription(component="$.payload.service", environment="$.payload.place.name")

        [change] = decide_changes(warning(service="websocket", place={"name": "qa"}), {"rule": rule}).changes

        assert (change.component, change.environment) == ("websocket", "qa")

    @pytest.mark.parametrize("payload", [{}, {"service": 3}, {"service": ""}, {"service": {"name": "x"}}])
    def test_that_the_event_does_not_name_leads_to_nothing(self, payload: dict[str, Any]) -> None:
        rule = subscription(component="$.payload.service")

        decision = decide_changes(warning(**payload), {"rule": rule})

        assert (decision.changes, decision.reasons) == (
            (),
            ("Subscription 'rule' matches, but the event has no text at $.payload.service.",),
        )

    def test_of_a_scale_has_instances_and_a_limit(self) -> None:
        rule = subscription(action="scale", min_instances=1, max_instances=4, limit="4/3600")

        [change] = decide_changes(warning(), {"rule": rule}).changes

        assert change.scaling == ScalingChange(1, 4)
        assert (change.limit and (change.limit.count, change.limit.window_s)) == (4, 3600.0)

    @pytest.mark.parametrize(
        ("payload", "direction", "step"),
        [
            ({"detail": {"state": {"value": "ALARM"}}}, None, 2),
            ({"detail": {"state": {"value": "OK"}}}, None, -2),
            ({"NewStateValue": "ALARM"}, None, 2),
            ({"data": {"essentials": {"monitorCondition": "Resolved"}}}, None, -2),
            ({"load": "in"}, "$.payload.load", -2),
            ({"NewStateValue": "OK"}, "out", 2),
        ],
        ids=["EventBridge", "EventBridge ok", "SNS", "Azure Monitor", "path", "fixed"],
    )
    def test_of_a_step_goes_where_the_alarm_says(
        self, payload: dict[str, Any], direction: str | None, step: int
    ) -> None:
        rule = subscription(action="scale", min_step=2, direction=direction)

        [change] = decide_changes(warning(**payload), {"rule": rule}).changes

        assert change.scaling == ScalingChange(minimum_step=step)

    @pytest.mark.parametrize("payload", [{}, {"NewStateValue": "INSUFFICIENT_DATA"}, {"NewStateValue": 3}])
    def test_of_a_step_without_a_direction_leads_to_nothing(self, payload: dict[str, Any]) -> None:
        rule = subscription(action="scale", max_step=2)

        decision = decide_changes(warning(**payload), {"rule": rule})

        assert decision.changes == ()
        assert "the event says no direction" in decision.reasons[0]


class TestSubscribedTypes:
    def test_are_exact_ones(self) -> None:
        rules = {"a": subscription(), "b": subscription(event="Server*"), "c": subscription(event="X")}

        assert list_subscribed_types(rules, ("Own",)) == ["Own", "ServerPerformanceWarning", "X"]
