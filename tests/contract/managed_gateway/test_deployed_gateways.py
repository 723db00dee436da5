"""A gateway that is deployed to each simulated cloud does what its configuration says, which both clouds do alike."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.serving.local_serving import LocalServing
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import LAYER_TYPES
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.infrastructure.local_service.gateway.rules import GatewayRules
from tests.contract.managed_gateway.gateways import Gateway, login_of
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.pulumi_cli import require_pulumi_cli

pytestmark = pytest.mark.skipif("gateway" not in LAYER_TYPES, reason="no component has a gateway")
STACKS = {
    "aws": Stack("gateway", "aws", "development", "us-east-1"),
    "azure": Stack("gateway", "azure", "development", "eastus"),
}
PASSWORD = "correct horse"
BACKEND = "https://orders.example.org/v2"
APIS: dict[str, dict[str, Any]] = {
    "orders": {
        "path": "/orders",
        "login": True,
        "operations": [{"path": "/", "methods": ["GET", "POST"]}, {"path": "/{id}", "methods": "GET"}],
        "request_headers": {"set": {"x-tenant": "semantest"}},
    },
    "prices": {"path": "/prices", "key": False, "cache": {"seconds": 30, "query": ["page"]}},
    "limited": {"path": "/limited", "key": False, "rate": {"calls": 5, "seconds": 60}},
    "inside": {"path": "/inside", "key": False, "allow_ips": ["203.0.113.0/24"]},
    "tokens": {"path": "/tokens", "key": False, "jwt": {"issuer": "https://login.example.org", "audience": ["us"]}},
    "sold": {"path": "/sold"},
    "news": {"path": "/news", "key": False, "request_headers": {"set": {"x-version": "none"}}},
    "news-v2": {"path": "/news", "version": "v2", "key": False, "request_headers": {"set": {"x-version": "v2"}}},
}
SECTION = {
    "publisher_email": "api@example.org",
    "login": {"user": "semantest", "password": "${secrets.gateway_password}"},
    "apis": {name: {"url": BACKEND, **api} for name, api in APIS.items()},
    "products": {
        "standard": {"apis": ["orders"]},
        "small": {"apis": ["sold"], "rate": {"calls": 10, "seconds": 60}, "quota": {"calls": 15, "period": "day"}},
    },
    "subscriptions": {"web": {"product": "standard"}, "shop": {"product": "small"}, "other": {"product": "small"}},
}


@pytest.fixture(scope="module", params=list(STACKS))
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GatewayRules:
    """What is read of the deployed gateway."""
    return asyncio.run(deploy_gateway(tmp_path_factory.mktemp("home"), STACKS[request.param]))


async def deploy_gateway(home: Path, stack: Stack, pulumi: Mapping[str, str] | None = None) -> GatewayRules:
    """Deploy by the sandbox, or by Pulumi's own engine with the variables by which its CLI is found."""
    application, variables = Application(home), {"SEMANTEST_SECRET_GATEWAY_PASSWORD": PASSWORD, **(pulumi or {})}
    engine = EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD) if pulumi is not None else None
    configuration = {"components": {"gateway": {"type": "gateway", "gateway": SECTION}}}
    row = await application.deployments(variables, engine=engine).deploy(stack, configuration)
    assert (row.state, row.error) == ("completed", None)
    found = await LocalServing(application, variables).find_entrance(stack)
    assert found is not None
    assert found.gateway is not None
    assert found.gateway.origin == str(row.outputs["gateway_url"]).removesuffix(found.gateway.base_path)
    return found.gateway


@pytest.fixture
def gateway(rules: GatewayRules) -> Gateway:
    return Gateway("", rules)


class Client:
    """A client of the deployed gateway with some of what it needs."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.keys = {it.name: it.value for it in gateway.rules.keys}

    def key(self, name: str) -> dict[str, str]:
        return {"x-api-key": self.keys[name]}

    async def status(self, path: str, method: str = "GET", **more: Any) -> int:
        return (await self.gateway.call(f"{self.gateway.rules.base_path}{path}", method, **more)).status


@pytest.fixture
def client(gateway: Gateway) -> Client:
    return Client(gateway)


LOGIN = login_of("semantest", PASSWORD)


class TestKeysAndLogin:
    async def test_open_an_api_together(self, client: Client) -> None:
        assert await client.status("/orders", headers={**client.key("web"), **LOGIN}) == 200

    @pytest.mark.parametrize(
        ("key", "login"),
        [("", LOGIN), ("wrong", LOGIN), ("web", {}), ("web", login_of("semantest", "wrong"))],
        ids=["no key", "wrong key", "no login", "wrong password"],
    )
    async def test_are_refused_with_401_otherwise(self, client: Client, key: str, login: dict[str, str]) -> None:
        sent = {"x-api-key": client.keys.get(key, "nobody's")} if key else {}

        assert await client.status("/orders", headers={**sent, **login}) == 401
        assert client.gateway.backend.received == []

    async def test_of_another_product_are_refused_as_the_cloud_does(self, client: Client) -> None:
        expected = 429 if client.gateway.rules.base_path else 401  # a plan of AWS turns methods off

        assert await client.status("/orders", headers={**client.key("shop"), **LOGIN}) == expected
        assert client.gateway.backend.received == []

    async def test_are_asked_for(self, client: Client) -> None:
        path = f"{client.gateway.rules.base_path}/orders"
        answer = await client.gateway.call(path, headers=client.key("web"))

        assert dict(answer.headers)["www-authenticate"].startswith('Basic realm="gateway"')


class TestRequests:
    async def test_reach_the_backend_below_its_path(self, client: Client) -> None:
        headers = {**client.key("web"), **LOGIN}
        await client.status("/orders/a%20b", headers=headers)
        await client.status("/orders", "POST", headers=headers)

        received = [(it.method, it.path) for it in client.gateway.backend.received]
        assert [path.removesuffix("/") for _, path in received] == ["/v2/a%20b", "/v2"]
        assert [method for method, _ in received] == ["GET", "POST"]

    async def test_have_the_headers_that_are_set(self, client: Client) -> None:
        await client.status("/orders", headers={**client.key("web"), **LOGIN})

        assert client.gateway.backend.received[0].header("x-tenant") == "semantest"

    async def test_reach_the_version_that_they_name_and_else_the_one_without(self, client: Client) -> None:
        statuses = [await client.status(path) for path in ("/news/7", "/news/v2/7", "/news/v2", "/news/v3/7")]

        received = [(it.path.removesuffix("/"), it.header("x-version")) for it in client.gateway.backend.received]
        assert statuses == [200] * 4
        assert received == [("/v2/7", "none"), ("/v2/7", "v2"), ("/v2", "v2"), ("/v2/v3/7", "none")]

    @pytest.mark.parametrize(("method", "path"), [("DELETE", "/orders"), ("GET", "/orders/1/2"), ("GET", "/nothing")])
    async def test_of_no_operation_are_not_found(self, client: Client, method: str, path: str) -> None:
        assert await client.status(path, method, headers={**client.key("web"), **LOGIN}) == 404

    @pytest.mark.parametrize(("address", "status"), [("203.0.113.9", 200), ("198.51.100.1", 403)])
    async def test_come_from_allowed_addresses(self, client: Client, address: str, status: int) -> None:
        assert await client.status("/inside", client=address) == status

    async def test_do_not_bring_the_key_to_the_backend(self, client: Client) -> None:
        """API Management takes it as a parameter, too."""
        key = client.keys["web"]
        await client.status("/orders", headers={**client.key("web"), **LOGIN}, query={"x-api-key": key, "a": "1"})
        [received] = client.gateway.backend.received

        assert key not in [value for _, value in received.headers]
        assert key not in received.query_string or not client.gateway.rules.key_parameter
        assert "a=1" in received.query_string

    async def test_name_the_host_of_the_gateway_whatever_the_client_says(self, client: Client) -> None:
        await client.status("/prices", headers={"x-forwarded-host": "evil.example.org"})

        host = client.gateway.rules.origin.removeprefix("https://")
        assert client.gateway.backend.received[0].header("x-forwarded-host") == host

    async def test_of_others_get_other_answers(self, client: Client) -> None:
        for token in ("one", "two", "one"):
            await client.status("/prices", headers={"authorization": f"Bearer {token}"})

        sent = [it.header("authorization") for it in client.gateway.backend.received]
        assert sent[:2] == ["Bearer one", "Bearer two"]

    async def test_need_a_token_where_it_is_asked_for(self, client: Client) -> None:
        assert await client.status("/tokens") == 401
        assert await client.status("/tokens", headers={"authorization": "Bearer no.token.here"}) == 401
        right, forged = (client.gateway.issuer.sign(signer=it, exp=client.gateway.clock.now + 60) for it in "12")
        assert await client.status("/tokens", headers={"authorization": f"Bearer {right}"}) == 200
        assert await client.status("/tokens", headers={"authorization": f"Bearer {forged}"}) == 401


class TestLimits:
    async def test_of_an_api_hold_for_all_clients(self, client: Client) -> None:
        statuses = [await client.status("/limited", client=f"203.0.113.{number}") for number in range(20)]

        assert Counter(statuses) == {200: 5, 429: 15}

    async def test_of_a_product_hold_for_each_key(self, client: Client) -> None:
        counts = {}
        for name in ("shop", "other"):
            counts[name] = Counter([await client.status("/sold", headers=client.key(name)) for _ in range(30)])

        assert counts == {"shop": {200: 10, 429: 20}, "other": {200: 10, 429: 20}}

    async def test_say_when_to_try_again(self, client: Client) -> None:
        path = f"{client.gateway.rules.base_path}/limited"
        answers = [await client.gateway.call(path) for _ in range(6)]

        assert int(dict(answers[-1].headers)["retry-after"]) > 0

    async def test_have_a_quota_for_the_day(self, client: Client) -> None:
        statuses = []
        for _ in range(3):
            statuses += [await client.status("/sold", headers=client.key("shop")) for _ in range(10)]
            client.gateway.clock.now += 60

        assert Counter(statuses) == {200: 15, 429: 15}


@pytest.mark.parametrize("cloud", STACKS)
async def test_keys_and_login_are_found_where_pulumis_engine_has_encrypted_them(cloud: str, tmp_path: Path) -> None:
    variables = cli_variables()
    require_pulumi_cli(variables)
    client = Client(Gateway(cloud, await deploy_gateway(tmp_path, STACKS[cloud], variables)))

    assert await client.status("/orders", headers={**client.key("web"), **LOGIN}) == 200
    assert await client.status("/orders", headers={**client.key("web"), **login_of("semantest", "wrong")}) == 401


class TestAnswers:
    async def test_are_given_again(self, client: Client) -> None:
        async def ask(**query: str) -> int:
            answer = await client.gateway.call(f"{client.gateway.rules.base_path}/prices", query=query)
            return int(json.loads(answer.body)["number"])

        seen = [await ask(), await ask(), await ask(page="2"), await ask(trace="2")]
        client.gateway.clock.now += 31

        assert [*seen, await ask()] == [1, 1, 2, 1, 3]
