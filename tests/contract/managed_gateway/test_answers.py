"""What clients receive: kept answers, and headers that were set and removed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules
from semantest_iac.infrastructure.local_service.gateway.rules import CacheRule, CallRate, CountedBy
from tests.contract.managed_gateway.gateways import ROUTES, Gateway, make_gateway

CACHE = CacheRule(30, query=("page",), headers=("accept-language",))


def number_of(answer: HttpResponse) -> int:
    return int(json.loads(answer.body)["number"])


async def numbers(gateway: Gateway, *requests: dict[str, Any]) -> list[int]:
    return [number_of(await gateway.call(**request)) for request in requests]


class TestCache:
    async def test_answers_for_its_time(self, cloud: str) -> None:
        gateway = make_gateway(cloud, cache=CACHE)
        seen = await numbers(gateway, {}, {})
        gateway.clock.now += 29.9
        seen += await numbers(gateway, {})
        gateway.clock.now += 0.1

        assert seen + await numbers(gateway, {}) == [1, 1, 1, 2]

    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            ({"query": {"page": "2"}}, 2),
            ({"query": {"trace": "2"}}, 1),
            ({"headers": {"Accept-Language": "de"}}, 2),
            ({"headers": {"Accept": "text/html"}}, 1),
            ({"path": "/orders/7"}, 2),
        ],
        ids=["named parameter", "other parameter", "named header", "other header", "path"],
    )
    async def test_keeps_apart_what_the_rules_name(self, cloud: str, other: dict[str, Any], expected: int) -> None:
        gateway = make_gateway(cloud, cache=CACHE)

        assert await numbers(gateway, {}, other) == [1, expected]

    async def test_keeps_every_query_apart_if_none_is_named(self, cloud: str) -> None:
        gateway = make_gateway(cloud, cache=CacheRule(30, query=None))

        assert await numbers(gateway, {}, {"query": {"trace": "2"}}, {"query": {"trace": "2"}}) == [1, 2, 2]

    async def test_keeps_no_failures_and_no_other_methods(self, cloud: str) -> None:
        gateway = make_gateway(cloud, cache=CACHE)
        seen = await numbers(gateway, {"method": "POST"}, {"method": "POST"})
        gateway.backend.status = 404
        seen += await numbers(gateway, {}, {})

        assert seen == [1, 2, 3, 4]

    @pytest.mark.parametrize(("keeps_authorized", "expected"), [(True, [1, 1]), (False, [1, 2])])
    async def test_of_authorized_requests_is_for_the_rules_to_decide(
        self, cloud: str, keeps_authorized: bool, expected: list[int]
    ) -> None:
        gateway = make_gateway(cloud, cache=replace(CACHE, keeps_authorized=keeps_authorized))
        request = {"headers": {"Authorization": "Bearer x"}}

        assert await numbers(gateway, request, request) == expected

    async def test_counts_what_it_answers(self, cloud: str) -> None:
        gateway = make_gateway(cloud, cache=CACHE, rate=CallRate(2, 60, CountedBy.ALL))

        assert [(await gateway.call()).status for _ in range(3)] == [200, 200, 429]

    async def test_is_empty_after_a_deployment_that_changes_the_rules(self, cloud: str) -> None:
        gateway = make_gateway(cloud, cache=CACHE)
        seen = await numbers(gateway, {})
        gateway.played.switch_to(gateway.rules)
        seen += await numbers(gateway, {})
        gateway.played.switch_to(replace(gateway.rules, timeout_s=5))

        assert seen + await numbers(gateway, {}) == [1, 1, 2]

    async def test_gives_each_origin_its_own_cors_headers(self, cloud: str) -> None:
        origins = ["https://one.example", "https://two.example"]
        gateway = make_gateway(cloud, cache=CACHE, cors=CorsRules(origins))
        answers = [await gateway.call(headers={"origin": origin}) for origin in origins]

        assert [dict(answer.headers)["access-control-allow-origin"] for answer in answers] == origins
        assert len(gateway.backend.received) == 1

    async def test_answers_head_without_a_body(self, cloud: str) -> None:
        gateway = make_gateway(cloud, more={"routes": {"ANY /orders": ROUTES["GET /orders"]}}, cache=CACHE)
        answers = [await gateway.call(method="HEAD") for _ in range(2)]

        assert [(answer.status, answer.body) for answer in answers] == [(200, b"")] * 2
        assert len(gateway.backend.received) == 1


class TestHeaders:
    async def test_of_requests_are_changed_on_the_way_in(self, cloud: str) -> None:
        changes = HeaderRules((("X-Tenant", "semantest"),), remove=("x-api-key", "Cookie"))
        gateway = make_gateway(cloud, request_headers=changes)
        await gateway.call(headers={"x-tenant": "mine", "X-Api-Key": "secret", "cookie": "a=b", "accept": "*/*"})
        received = {name.lower(): value for name, value in gateway.backend.received[0].headers}

        assert received == {"accept": "*/*", "x-tenant": "semantest", "x-forwarded-for": "127.0.0.1"}

    async def test_of_answers_are_changed_on_the_way_out(self, cloud: str) -> None:
        changes = HeaderRules((("strict-transport-security", "max-age=1"),), remove=("X-Powered-By",))
        answer = await make_gateway(cloud, response_headers=changes).call()

        assert dict(answer.headers) == {"content-type": "application/json", "strict-transport-security": "max-age=1"}
