"""How often clients may call: rates and quotas, exactly."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from semantest_iac.infrastructure.local_service.gateway.rules import (
    CallQuota,
    CallRate,
    CountedBy,
    EnforcedProduct,
)
from tests.contract.managed_gateway.gateways import PRODUCT, key_of, make_gateway

TOO_MANY = 429
DAY_S, WEEK_S = 86_400, 604_800
OVER_QUOTA = {"aws": 429, "azure": 403}
WINDOW, BUCKET = CallRate(10, 60), CallRate(10, 60, is_bucket=True)


def sold(rate: CallRate | None = None, quota: CallQuota | None = None) -> EnforcedProduct:
    return replace(PRODUCT, rate=rate, quota=quota)


class TestRates:
    @pytest.mark.parametrize("rate", [WINDOW, BUCKET], ids=["window", "bucket"])
    async def test_let_exactly_the_allowed_calls_pass(self, cloud: str, rate: CallRate) -> None:
        gateway = make_gateway(cloud, product=sold(rate), needs_key=True)
        statuses = await gateway.statuses(5000, headers=key_of("web"))

        assert Counter(statuses) == {200: 10, TOO_MANY: 4990}
        assert len(gateway.backend.received) == 10

    @pytest.mark.parametrize("rate", [WINDOW, BUCKET], ids=["window", "bucket"])
    async def test_are_counted_for_each_key(self, cloud: str, rate: CallRate) -> None:
        gateway = make_gateway(cloud, product=sold(rate), needs_key=True)
        counts = [Counter(await gateway.statuses(20, headers=key_of(name))) for name in ("web", "mobile")]

        assert counts == [{200: 10, TOO_MANY: 10}] * 2

    async def test_of_an_api_may_count_all_clients_together(self, cloud: str) -> None:
        gateway = make_gateway(cloud, rate=CallRate(10, 60, CountedBy.ALL))
        statuses = [await gateway.statuses(8, client=client) for client in ("203.0.113.7", "203.0.113.8")]

        assert Counter(status for one in statuses for status in one) == {200: 10, TOO_MANY: 6}

    async def test_of_an_api_may_count_each_address(self, cloud: str) -> None:
        gateway = make_gateway(cloud, rate=CallRate(10, 60, CountedBy.ADDRESS))
        statuses = [await gateway.statuses(12, client=client) for client in ("203.0.113.7", "203.0.113.8")]

        assert [Counter(one) for one in statuses] == [{200: 10, TOO_MANY: 2}] * 2

    async def test_let_calls_pass_again_later(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(WINDOW), needs_key=True)
        await gateway.statuses(11, headers=key_of("web"))
        gateway.clock.now += 59.5
        early = await gateway.statuses(1, headers=key_of("web"))
        gateway.clock.now += 0.5

        assert early + await gateway.statuses(11, headers=key_of("web")) == [TOO_MANY, *[200] * 10, TOO_MANY]

    async def test_of_buckets_fill_again_bit_by_bit(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(replace(BUCKET, burst=4)), needs_key=True)
        first = Counter(await gateway.statuses(20, headers=key_of("web")))
        gateway.clock.now += 12  # two calls at ten a minute

        assert first == {200: 4, TOO_MANY: 16}
        assert Counter(await gateway.statuses(20, headers=key_of("web"))) == {200: 2, TOO_MANY: 18}

    async def test_say_when_to_try_again_where_the_cloud_does(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(WINDOW), needs_key=True)
        await gateway.statuses(10, headers=key_of("web"))
        gateway.clock.now += 20.5
        answer = await gateway.call(headers=key_of("web"))
        expected = {
            "aws": ("", "Too Many Requests"),
            "azure": ("40", "Rate limit is exceeded. Try again in 40 seconds."),
        }

        assert (dict(answer.headers).get("retry-after", ""), json.loads(answer.body)["message"]) == expected[cloud]

    async def test_outlive_a_deployment_that_leaves_them(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(WINDOW), needs_key=True)
        await gateway.statuses(10, headers=key_of("web"))
        gateway.played.switch_to(replace(gateway.rules, timeout_s=5))
        unchanged = await gateway.statuses(1, headers=key_of("web"))
        gateway.played.switch_to(replace(gateway.rules, products={"standard": sold(CallRate(20, 60))}))

        assert unchanged + await gateway.statuses(1, headers=key_of("web")) == [TOO_MANY, 200]


class TestQuotas:
    async def test_let_exactly_the_allowed_calls_pass(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(quota=CallQuota(1000)), needs_key=True)
        statuses = await gateway.statuses(5000, headers=key_of("web"))

        assert Counter(statuses) == {200: 1000, OVER_QUOTA[cloud]: 4000}

    async def test_do_not_count_what_the_rate_refused(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(WINDOW, CallQuota(15)), needs_key=True)
        first = Counter(await gateway.statuses(100, headers=key_of("web")))
        gateway.clock.now += 60

        assert first == {200: 10, TOO_MANY: 90}
        assert Counter(await gateway.statuses(10, headers=key_of("web")))[200] == 5

    @pytest.mark.parametrize(
        ("quota", "renewed_after_s"),
        [
            (CallQuota(1, DAY_S), 57_600),  # the test begins on Friday, 15 January 2027, at 08:00 UTC
            (CallQuota(1, WEEK_S), 57_600 + 2 * 86_400),
            (CallQuota(1, is_month=True), 57_600 + 16 * 86_400),
        ],
        ids=["day", "week", "month"],
    )
    async def test_are_renewed_when_their_period_ends(self, cloud: str, quota: CallQuota, renewed_after_s: int) -> None:
        gateway = make_gateway(cloud, product=sold(quota=quota), needs_key=True)
        statuses = await gateway.statuses(2, headers=key_of("web"))
        gateway.clock.now += renewed_after_s - 1
        statuses += await gateway.statuses(1, headers=key_of("web"))
        gateway.clock.now += 1
        statuses += await gateway.statuses(1, headers=key_of("web"))

        assert statuses == [200, OVER_QUOTA[cloud], OVER_QUOTA[cloud], 200]

    async def test_say_when_they_are_renewed_where_the_cloud_does(self, cloud: str) -> None:
        gateway = make_gateway(cloud, product=sold(quota=CallQuota(1)), needs_key=True)
        await gateway.call(headers=key_of("web"))
        answer = await gateway.call(headers=key_of("web"))
        told = "Out of call volume quota. Quota will be replenished in 16:00:00."
        expected = {"aws": ("", "Limit Exceeded"), "azure": ("57600", told)}

        assert (dict(answer.headers).get("retry-after", ""), json.loads(answer.body)["message"]) == expected[cloud]
