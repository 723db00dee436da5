"""What the programs write about filters and schedules is read back from what they deployed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.messaging.message_filters import parse_filter
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.aws.platform.messaging import build_filter_policy
from semantest_iac.infrastructure.cloud_programs.aws.platform.triggers import build_schedule_expression
from semantest_iac.infrastructure.cloud_programs.azure.platform.messaging import build_sql_filter
from semantest_iac.infrastructure.clouds.azure_timers import describe_schedule
from semantest_iac.infrastructure.local_service.aws.deployed_messaging import (
    parse_filter_policy,
    parse_schedule_expression,
)
from semantest_iac.infrastructure.local_service.aws.local_variables import add_local_variables as add_to_functions
from semantest_iac.infrastructure.local_service.azure.deployed_messaging import (
    parse_iso_duration,
    parse_sql_filter,
    parse_timer_expression,
)
from semantest_iac.infrastructure.local_service.azure.local_variables import (
    add_local_variables as add_to_apps,
)
from semantest_iac.infrastructure.local_service.azure.local_variables import (
    find_message_addresses,
)
from semantest_iac.infrastructure.local_service.messaging.typed_attributes import compute_attributes_digest

_FILTERS: list[dict[str, Any]] = [
    {},
    {"kind": "order.paid"},
    {"kind": ["it's", "a AND b", "x, y"], "total": {"min": 10, "max": 500}},
    {"kind": {"not": ["order.cancelled", 5]}},
    {"kind": {"prefix": "100%_'!"}},
    {"total": {"min": -0.5}, "other": {"max": 1e-05}},
    {"total": [1, 2.5]},
    {"kind": {"exists": True}, "other": {"exists": False}},
]


class TestFilters:
    @pytest.mark.parametrize("written", _FILTERS, ids=str)
    def test_are_read_as_they_were_written(self, written: dict[str, Any]) -> None:
        wanted = parse_filter(written)

        assert parse_filter_policy(json.dumps(build_filter_policy(wanted))) == wanted
        assert parse_sql_filter(build_sql_filter(wanted)) == wanted

    def test_of_others_are_not_guessed(self) -> None:
        with pytest.raises(ValueError, match="its filter of 'kind' is not understood here"):
            parse_filter_policy('{"kind": [{"suffix": "x"}]}')
        with pytest.raises(ValueError, match=r"not understood here from 'sys\.label"):
            parse_sql_filter("EXISTS(user.[a]) AND sys.label = 'x'")


class TestSchedules:
    @pytest.mark.parametrize("cron", ["0 3 * * *", "*/5 8-18 * * MON-FRI", "30 2 1 JAN,jul *", "0 0 * * 0,6"])
    def test_are_read_as_they_were_written(self, cron: str) -> None:
        from semantest_iac.domain.compute.cron_times import CronTimes

        wanted = CronTimes.parse(cron)
        for read in (
            parse_schedule_expression(build_schedule_expression(cron)),
            parse_timer_expression(describe_schedule(cron, "UTC")["timer"]),
        ):
            found = CronTimes.parse(read)
            moment = datetime(2026, 3, 1, tzinfo=UTC)
            assert found.find_next(moment, UTC) == wanted.find_next(moment, UTC)
            assert (found.minutes, found.hours, found.months, found.week_days, found.month_days) == (
                *(wanted.minutes, wanted.hours, wanted.months),
                *(wanted.week_days, wanted.month_days),
            )

    @pytest.mark.parametrize("expression", ["rate(5 minutes)", "at(2026-01-01T00:00:00)", "cron(0 3 L * ? *)"])
    def test_of_others_are_not_guessed(self, expression: str) -> None:
        with pytest.raises(ValueError, match=r"not understood here|is not"):
            parse_schedule_expression(expression)

    def test_of_seconds_are_not_guessed(self) -> None:
        with pytest.raises(ValueError, match="not understood here"):
            parse_timer_expression("*/5 * * * * *")


class TestDurations:
    @pytest.mark.parametrize(("text", "seconds"), [("PT2M54S", 174), ("P14D", 1_209_600), ("P1DT1H", 90_000)])
    def test_are_read(self, text: str, seconds: int) -> None:
        assert parse_iso_duration(text) == seconds

    def test_of_others_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no duration"):
            parse_iso_duration("P1M")


class TestLocalVariables:
    def test_are_those_of_every_version(self) -> None:
        outputs = {"arn": "f", "environment": {"variables": {"OWN": "1"}}}
        function = DeployedResource("aws:lambda/function:Function", "f", outputs, versions={"1": outputs, "2": {}})
        other = DeployedResource("aws:sqs/queue:Queue", "q", {})

        added, same = add_to_functions([function, other], {"URL": "http://127.0.0.1"})

        assert same is other
        assert added.outputs["environment"]["variables"] == {"OWN": "1", "URL": "http://127.0.0.1"}
        assert added.versions["1"] == added.outputs
        assert added.versions["2"]["environment"]["variables"] == {"URL": "http://127.0.0.1"}

    def test_replace_addresses_of_the_bus(self) -> None:
        address = "https://space.servicebus.windows.net/orders-queue#ordered"
        settings = [{"name": "SEMANTEST_SEND_ORDERS_QUEUE", "value": address}, {"name": "OWN", "value": "1"}]
        app = DeployedResource("azure-native:web:WebApp", "app", {}, {"siteConfig": {"appSettings": settings}})

        found = find_message_addresses("http://127.0.0.1:4181", [app])
        (added,) = add_to_apps([app], found)

        local = "http://127.0.0.1:4181/space/orders-queue#ordered"
        assert found == {"SEMANTEST_SEND_ORDERS_QUEUE": local}
        assert {it["name"]: it["value"] for it in added.inputs["siteConfig"]["appSettings"]} == {"OWN": "1", **found}


class TestDigests:
    def test_are_those_of_the_service(self) -> None:
        typed = {"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}}

        assert compute_attributes_digest(typed) == "235c5c510d26fb653d073faed50ae77c"
