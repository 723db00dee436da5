"""What each guardrail finds in plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.costs.estimates import CostEstimate, CostItem, CostRise, Price
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, PlannedOperation, PolicyAdvice
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from semantest_iac.domain.environments.settings import Authorizer
from semantest_iac.domain.guardrails.guardrail_table import (
    GUARDRAILS,
    describe_guardrails,
    judge_plan,
    list_unjudged,
)
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan
from semantest_iac.domain.networking.managed_gateways import GatewayApi, ManagedGateway
from semantest_iac.domain.networking.sites import ContentDelivery
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.infrastructure.calendars.cron_calendar import CronFreezeCalendar

NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
TABLE = "aws:dynamodb/table:Table"


def change(op: PlannedOperation, name: str, type_: str = "aws:sns/topic:Topic", **more: Any) -> PlannedChange:
    """Return a change of one resource."""
    return PlannedChange(f"urn:{name}", type_, name, op, **more)


def estimate(amount: float, *unknown: str) -> CostEstimate:
    """Return an estimate of one item, and of items without a price."""
    known = CostItem("api", "requests", 1, "million", Price(amount, "https://example.org", "2026-01-01"))
    return CostEstimate((known, *(CostItem(name, "use", 1, "each", None) for name in unknown)))


def judge(
    guardrails: dict[str, Any], *changes: PlannedChange, kind: str = "deploy", **more: Any
) -> list[tuple[str, str, str]]:
    """Return guardrail, effect and reason of each finding."""
    stack = Stack("rest-api", "aws", "staging", "us-east-1")
    judged = JudgedPlan(stack, kind, ChangePlan(changes), NOW, CronFreezeCalendar(), **more)
    found = judge_plan(GuardrailsSection(**guardrails), judged)
    return [(finding.guardrail, finding.effect, finding.reason) for finding in found]


class TestDeletes:
    PLAN = (change("delete", "b"), change("delete", "a"), change("replace", "c"), change("update", "d"))

    @pytest.mark.parametrize(
        ("deletes", "found"),
        [
            ({}, []),
            ({"max": 2}, []),
            ({"max": 1}, [("deletes", "ask", "deletes 2 resources, and 1 may be: a, b")]),
            ({"max": 0, "effect": "refuse"}, [("deletes", "refuse", "deletes 2 resources, and 0 may be: a, b")]),
            ({"max": 0, "effect": "allow"}, []),
        ],
    )
    def test_are_limited(self, deletes: dict[str, Any], found: list[Any]) -> None:
        assert judge({"deletes": deletes}, *self.PLAN) == found

    def test_of_a_destroy_count_as_well(self) -> None:
        assert judge({"deletes": {"max": 0}}, change("delete", "a"), kind="destroy") == [
            ("deletes", "ask", "deletes 1 resource, and 0 may be: a")
        ]

    def test_are_named_up_to_five(self) -> None:
        ((_, _, reason),) = judge({"deletes": {"max": 0}}, *(change("delete", name) for name in "abcdefg"))

        assert reason == "deletes 7 resources, and 0 may be: a, b, c, d, e and 2 more"


class TestReplacementsOfStateful:
    PLAN = (
        change(
            "replace", "connections", TABLE, loses="its items", properties=(PropertyChange("hashKey", replaces=True),)
        ),
        change("replace", "topic"),
        change("delete", "old", TABLE, loses="its items"),
    )

    @pytest.mark.parametrize("effect", ["refuse", "ask", "note"])
    def test_have_the_effect(self, effect: str) -> None:
        assert judge({"replacements_of_stateful": effect}, *self.PLAN) == [
            ("replacements_of_stateful", effect, "replaces connections, which loses its items")
        ]

    @pytest.mark.parametrize("guardrails", [{}, {"replacements_of_stateful": "allow"}])
    def test_may_be_allowed(self, guardrails: dict[str, Any]) -> None:
        assert judge(guardrails, *self.PLAN) == []


class TestProtected:
    @pytest.mark.parametrize(
        ("protected", "names"),
        [
            (["connections"], ["connections"]),
            (["conn*"], ["connections"]),
            (["aws:dynamodb/*"], ["connections"]),
            (["*"], ["connections", "topic"]),
            (["other"], []),
            ([], []),
        ],
    )
    def test_resources_are_neither_deleted_nor_replaced(self, protected: list[str], names: list[str]) -> None:
        plan = (change("replace", "topic"), change("delete", "connections", TABLE), change("update", "function"))
        found = judge({"protected": protected}, *plan)

        assert [(guardrail, effect) for guardrail, effect, _ in found] == [("protected", "refuse")] * len(names)
        assert [reason.split()[1] for *_, reason in found] == names


class TestFreezes:
    @pytest.mark.parametrize("kind", ["deploy", "destroy", "rollback", "scale"])
    def test_hold_for_every_kind(self, kind: str) -> None:
        window = {"start": "2026-11-30T09:00", "end": "2026-12-01", "reason": "audit"}

        assert judge({"freeze": [window]}, change("update", "a"), kind=kind) == [
            ("freeze", "refuse", "frozen until 2026-12-01T00:00Z: audit")
        ]

    def test_have_effects_of_their_own(self) -> None:
        windows = [
            {"cron": "0 9 * * *", "hours": 2, "effect": "ask"},
            {"cron": "0 9 * * *", "hours": 0.5},
            {"cron": "0 8 * * *", "hours": 4, "effect": "note"},
        ]
        found = judge({"freeze": windows}, change("update", "a"))

        assert [effect for _, effect, _ in found] == ["ask", "note"]


class TestCost:
    @pytest.mark.parametrize(
        ("limit", "before", "found"),
        [
            ({}, 10, []),
            ({"max_rise": 20}, 10, []),
            (
                {"max_rise": 0},
                10,
                ["costs an estimated $20.00 a month more ($10.00 → $30.00); $0.00 more is allowed"],
            ),
            (
                {"max_rise": 19.99},
                10,
                ["costs an estimated $20.00 a month more ($10.00 → $30.00); $19.99 more is allowed"],
            ),
            ({"max_rise": "200%"}, 10, []),
            (
                {"max_rise": "20%"},
                10,
                ["costs an estimated $20.00 a month more ($10.00 → $30.00); 20 % more is allowed"],
            ),
            ({"max_rise": "20%"}, None, []),  # percent of nothing
            (
                {"max_rise": 20},
                None,
                ["costs an estimated $30.00 a month more ($0.00 → $30.00); $20.00 more is allowed"],
            ),
        ],
    )
    def test_may_rise_so_far(self, limit: dict[str, Any], before: float | None, found: list[str]) -> None:
        costs = CostRise(None if before is None else estimate(before), estimate(30))

        assert judge({"cost": limit}, change("update", "a"), costs=costs) == [("cost", "ask", it) for it in found]

    def test_that_is_not_known_is_said(self) -> None:
        costs = CostRise(estimate(10, "queue"), estimate(10, "queue", "cache"))

        assert judge({"cost": {"max_rise": 5, "effect": "refuse"}}, change("update", "a"), costs=costs) == [
            ("cost", "note", "what it costs more is not known in full: no price is known for use of cache")
        ]

    def test_is_not_judged_without_an_estimate_and_says_so(self) -> None:
        assert judge({"cost": {"max_rise": 0}}, change("update", "a")) == [
            ("cost", "note", "nobody knows what it costs: its prices or what is deployed cannot be read")
        ]
        assert judge({}, change("update", "a")) == []

    def test_is_limited_in_percent_of_what_is_deployed_for_nothing(self) -> None:
        costs = CostRise(estimate(0), estimate(30))

        assert judge({"cost": {"max_rise": "500%"}}, change("update", "a"), costs=costs) == [
            ("cost", "ask", "costs an estimated $30.00 a month more ($0.00 → $30.00); 500 % more is allowed")
        ]


class TestUsual:
    PAST: Sequence[Sequence[PlannedChange]] = (
        (change("create", "table", TABLE), change("create", "topic"), change("create", "a"), change("create", "b")),
        (change("update", "topic"), change("delete", "b")),
    )

    @pytest.mark.parametrize(
        ("plan", "reasons"),
        [
            ([change("update", "topic"), change("delete", "a")], []),
            ([change("create", "new")], []),
            (
                [change("delete", "a"), change("delete", "topic")],
                ["deletes 2 resources, each of the last 2 deployments 1 at most: a, topic"],
            ),
            (
                [change("replace", "table", TABLE, loses="its items")],
                [f"replaces a {TABLE} for the first time: table, which loses its items"],
            ),
            (
                [change("update", "stranger")],
                ["updates stranger, which no deployment of this stack has touched before"],
            ),
        ],
    )
    def test_changes_pass(self, plan: list[PlannedChange], reasons: list[str]) -> None:
        assert judge({"usual": {"effect": "ask"}}, *plan, past=self.PAST) == [("usual", "ask", it) for it in reasons]

    def test_deletions_are_those_of_so_many_deployments(self) -> None:
        past = (*self.PAST, (change("update", "topic"),))
        found = judge({"usual": {"effect": "note", "deployments": 1}}, change("delete", "a"), past=past)

        assert found == [("usual", "note", "deletes 1 resource, the last deployment 0 at most: a")]

    def test_replacements_are_known_from_any_deployment(self) -> None:
        past = ((change("replace", "table", TABLE, loses="data"),), *self.PAST)
        plan = change("replace", "table", TABLE, loses="its items")

        assert judge({"usual": {"effect": "ask"}}, plan, past=past) == []

    @pytest.mark.parametrize("more", [{"past": ()}, {"past": PAST, "kind": "destroy"}])
    def test_first_deployments_and_destroys_are_not_compared(self, more: dict[str, Any]) -> None:
        assert judge({"usual": {"effect": "ask"}}, change("delete", "stranger"), **more) == []


class TestStacks:
    @pytest.mark.parametrize(
        ("guardrails", "found"),
        [
            ({"tags": {"required": ["owner"]}}, [("tags", "refuse", "the tag 'owner' is missing")]),
            ({"tags": {"required": ["team"]}}, []),
            ({"tags": {"required": ["owner"], "effect": "note"}}, [("tags", "note", "the tag 'owner' is missing")]),
            ({"regions": {"allowed": ["us-*"]}}, []),
            (
                {"regions": {"allowed": ["eu-*", "us-west-2"]}},
                [("regions", "refuse", "the region us-east-1 is not allowed: eu-*, us-west-2")],
            ),
            ({"regions": {"allowed": []}}, [("regions", "refuse", "the region us-east-1 is not allowed: none is")]),
        ],
    )
    def test_need_tags_and_allowed_regions(self, guardrails: dict[str, Any], found: list[Any]) -> None:
        assert judge(guardrails, change("create", "a"), tags={"team": "core"}) == found

    @pytest.mark.parametrize(
        "guardrails", [{"tags": {"required": ["owner"]}}, {"regions": {"allowed": []}}, {"public_data": "refuse"}]
    )
    def test_can_be_destroyed_all_the_same(self, guardrails: dict[str, Any]) -> None:
        assert judge(guardrails, change("delete", "a", exposes="anybody can read it"), kind="destroy") == []


class TestPublicData:
    PLAN = (change("same", "blobs", exposes="anybody can read its blobs"), change("create", "private"))

    @pytest.mark.parametrize("effect", ["refuse", "ask", "note"])
    def test_is_found_in_unchanged_resources_too(self, effect: str) -> None:
        reason = "blobs (aws:sns/topic:Topic): anybody can read its blobs"

        assert judge({"public_data": effect}, *self.PLAN) == [("public_data", effect, reason)]

    def test_cannot_be_judged_in_recorded_plans(self) -> None:
        stack, settings = Stack("rest-api", "aws", "staging", "us-east-1"), GuardrailsSection(public_data="ask")
        judged = JudgedPlan(stack, "deploy", ChangePlan(self.PLAN), NOW, CronFreezeCalendar(), is_recorded=True)

        assert judge_plan(settings, judged) == ()
        assert list_unjudged(settings, judged) == ("public_data",)
        assert list_unjudged(GuardrailsSection(), judged) == ()


class TestOpenAccess:
    _API = GatewayApi(name="orders", path="/orders", url="https://orders.example.org", needs_key=False)
    _SERVICE = ContainerService(
        name="service-web",
        service="web",
        runs_in=Ref("containers"),
        identity=Ref("identity"),
        log_store=Ref("logs"),
        registry=Ref("registry"),
        balancer=Ref("balancer"),
        image="nginx:1.27",
    )
    _DELIVERY = ContentDelivery(name="delivery", site=Ref("site"), firewall=Ref("web-firewall"))

    def _judge(self, *resources: Resource, effect: str = "ask", kind: str = "deploy") -> list[tuple[str, str, str]]:
        stack = Stack("platform", "aws", "production", "us-east-1")
        return judge(
            {"open_access": effect}, change("update", "a"), kind=kind, blueprint=Blueprint(stack, 1, resources, {})
        )

    @pytest.mark.parametrize(
        ("resource", "reason"),
        [
            (
                ManagedGateway(name="gateway", apis=(_API,), publisher_email="api@example.org"),
                "everybody may call the API 'orders': it asks for no key, login or token",
            ),
            (replace(_SERVICE, public=True), "everybody may call the service 'web', without the gateway"),
            (replace(_DELIVERY, firewall=None), "no web application firewall is before the site"),
        ],
    )
    def test_is_found(self, resource: Resource, reason: str) -> None:
        assert self._judge(resource) == [("open_access", "ask", reason)]
        assert self._judge(resource, effect="allow") == self._judge(resource, kind="destroy") == []

    @pytest.mark.parametrize(
        "resource",
        [
            *(
                ManagedGateway(name="gateway", apis=(api,), publisher_email="api@example.org")
                for api in (
                    replace(_API, needs_key=True),
                    replace(_API, needs_login=True),
                    replace(_API, authorizer=Authorizer("https://login.example.org/", ("orders",))),
                    replace(_API, allowed_ips=("192.0.2.0/24",)),
                )
            ),
            _SERVICE,
            _DELIVERY,
            replace(_DELIVERY, firewall=None, caches=False),
        ],
    )
    def test_is_not_what_asks_who_calls(self, resource: Resource) -> None:
        assert self._judge(resource) == []


class TestAdvice:
    def test_is_noted_after_what_guardrails_find_with_the_name_of_its_resource(self) -> None:
        urn = "urn:pulumi:s::p::aws:sns/topic:Topic::alerts"
        plan = ChangePlan(advice=(PolicyAdvice("pack: names", "Name it.", urn), PolicyAdvice("pack: all", "Few.")))
        stack = Stack("rest-api", "aws", "staging", "us-east-1")

        found = judge_plan(GuardrailsSection(), JudgedPlan(stack, "deploy", plan, NOW, CronFreezeCalendar()))

        assert [(it.guardrail, it.effect, it.reason, it.resource) for it in found] == [
            ("pack: names", "note", "alerts: Name it.", "alerts"),
            ("pack: all", "note", "Few.", ""),
        ]


class TestTable:
    def test_has_every_key_of_the_section(self) -> None:
        assert set(GUARDRAILS) == set(GuardrailsSection.model_fields) - {"packs"}

    def test_says_what_holds(self) -> None:
        values = {
            "deletes": {"max": 3},
            "protected": ["connections"],
            "freeze": [{"cron": "0 16 * * 5", "hours": 64, "reason": "weekend"}],
            "cost": {"max_rise": "20%"},
        }
        settings = GuardrailsSection.model_validate(values)
        held = {it["guardrail"]: (it["holds"], it["effect"]) for it in describe_guardrails(settings)}

        assert held["deletes"] == ("at most 3 deleted resources", "ask")
        assert held["protected"] == ("never deleted or replaced: connections", "refuse")
        assert held["freeze"] == ("nothing is deployed 0 16 * * 5 for 64 hours (UTC): weekend", "refuse")
        assert held["cost"] == ("at most 20% a month more", "ask")
        assert held["usual"] == ("changes as in the last 20 deployments of the stack", "allow")
        assert "tags" not in held


class TestUnreadableFreezes:
    """A worker may lack what the machine had that accepted the configuration, such as the time zones."""

    @pytest.mark.parametrize(
        "window",
        [
            {"cron": "0 16 * * 5", "hours": 1, "timezone": "Europe/Berln"},
            {"start": "2026-01-01", "end": "2026-01-02", "timezone": "Europe/Berln"},
            {"cron": "0 16 * *", "hours": 1},
        ],
    )
    @pytest.mark.parametrize("effect", ["refuse", "ask", "note"])
    def test_hold(self, window: dict[str, Any], effect: str) -> None:
        ((guardrail, found, reason),) = judge({"freeze": [window | {"effect": effect}]}, change("update", "a"))

        assert (guardrail, found) == ("freeze", effect)
        assert reason.startswith("nobody knows whether it is frozen (")
