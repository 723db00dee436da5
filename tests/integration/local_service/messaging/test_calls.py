"""Functions of a deployed stack call each other on this machine, and nobody calls what no function may call."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.azure.local_variables import find_settings
from semantest_iac.infrastructure.local_service.azure.tokens import issue_identity_token
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import DeployedMessaging
from semantest_iac.infrastructure.local_service.messaging.endpoint import find_message_variables
from tests.integration.local_service.messaging.conftest import AWS, AZURE, Workers, wait_until

_SOURCE = """
import json, os

def orders(event, context):
    from semantest_call import call
    for record in event["Records"]:
        order = json.loads(record["body"])
        answer = call("prices", "POST", "/prices/" + order["item"] + "?fast=1", body=order)
        with open(os.environ["HANDLED"], "a") as file:
            file.write(json.dumps([answer.status, len(answer.body), answer.text[:200]]) + "\\n")
    return {}

def prices(event, context):
    order = json.loads(event["body"])
    if order["item"] == "none":
        raise ValueError("as asked")
    if order["item"] == "large":
        return {"statusCode": 200, "body": "x" * 1_000_000}
    return {"statusCode": 201, "body": json.dumps([event["rawPath"], event["rawQueryString"], order["count"]])}
"""
_NODE_SOURCE = """
const fs = require('node:fs')
const { call } = require('semantest-call')

exports.orders = async (event) => {
  for (const record of event.Records) {
    const order = JSON.parse(record.body)
    const answer = await call('prices', 'POST', `/prices/${order.item}?fast=1`, { body: order })
    const line = JSON.stringify([answer.status, answer.body.length, answer.text().slice(0, 200)])
    fs.appendFileSync(process.env.HANDLED, line + '\\n')
  }
}

exports.prices = async (event) => {
  const order = JSON.parse(event.body)
  if (order.item === 'none') throw new Error('as asked')
  if (order.item === 'large') return { statusCode: 200, body: 'x'.repeat(1000000) }
  return { statusCode: 201, body: `["${event.rawPath}", "${event.rawQueryString}", ${order.count}]` }
}
"""
_SETTINGS = {"region_name": "us-east-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}


class Shop(Workers):
    """A stack of a function that a queue calls and that calls another one."""

    async def deploy(self, file: str = "shop.py", **queues: Any) -> None:
        (self.handled_file.parent / "work" / "work.py").unlink()
        (self.handled_file.parent / "work" / file).write_text(_SOURCE if file == "shop.py" else _NODE_SOURCE)
        shared = {"timeout": 20, "environment": {"HANDLED": str(self.handled_file)}}
        functions = {
            "orders": {**shared, "handler": "shop.orders", "trigger": {"queue": "orders"}, "calls": ["prices"]},
            "prices": {**shared, "handler": "shop.prices", "trigger": {"http": "internal"}},
        }
        component = {
            "type": "functions",
            "source": str(self.handled_file.parent / "work"),
            "queues": {"orders": {}},
            "functions": functions,
        }
        row = await self.application.deployments({}).deploy(self.stack, {"components": {"workers": component}})
        assert (row.state, row.error) == ("completed", None)

    async def find_resources(self) -> DeployedResources:
        return await self.serving.find_local_probe(self.stack).find_resources(self.stack)

    async def read_app(self) -> tuple[str, str, str]:
        """Return the address of the called function here, and the directory and principal of its app."""
        settings = find_settings(await self.find_resources(), "SEMANTEST_CALLER_")
        address = _find_address(await self.read())
        return f"{self.url}/{address}", settings["SEMANTEST_CALLER_TENANT"], settings["SEMANTEST_CALLER_PRINCIPAL"]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path, AWS)
    await shop.deploy()
    yield shop


def _find_address(messaging: DeployedMessaging) -> str:
    (address,) = messaging.callable_functions
    return address


async def _post(url: str, headers: Mapping[str, str], body: bytes | None = b"{}") -> tuple[int, str]:
    def send() -> tuple[int, str]:
        request = urllib.request.Request(url, body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await to_thread(send)


class TestCalls:
    @pytest.mark.parametrize("file", ["shop.py", "shop.js"])
    async def test_reach_the_function_and_bring_its_answer(self, tmp_path: Path, stack: Stack, file: str) -> None:
        if file == "shop.js" and shutil.which("node") is None:
            pytest.skip("node is not on the PATH")
        shop = Shop(tmp_path, stack)
        await shop.deploy(file)
        for item in ("a", "none", "large"):
            await shop.send(json.dumps({"item": item, "count": 2}), queue="orders")

        async with shop.deliver():
            await wait_until(lambda: len(shop.read_handled()) >= 3)

        found = {tuple(it[:2]): it[2] for it in shop.read_handled()}
        answer = json.dumps(["/prices/a", "fast=1", 2])
        assert found[201, len(answer)] == answer
        assert found[500, 35] == '{"message":"Internal Server Error"}'
        assert found[200, 1_000_000] == "x" * 200
        calls = [(it.source, it.function, it.failed) for it in shop.reports if it.source == "call"]
        assert sorted(calls) == [("call", "prices", 0), ("call", "prices", 0), ("call", "prices", 1)]

    async def test_are_made_by_clients_of_the_sdk(self, shop: Shop) -> None:
        arn = _find_address(await shop.read())

        async with shop.deliver():
            client = boto3.client("lambda", endpoint_url=shop.url, **_SETTINGS)
            event = {"body": json.dumps({"item": "a", "count": 1}), "rawPath": "/", "rawQueryString": ""}
            answer = await to_thread(client.invoke, FunctionName=arn, Payload=json.dumps(event))
            failed = await to_thread(client.invoke, FunctionName=arn, Payload="{}")
            with pytest.raises(client.exceptions.ResourceNotFoundException):
                await to_thread(client.invoke, FunctionName=arn.replace("prices", "orders"), Payload="{}")

        assert json.loads(answer["Payload"].read())["statusCode"] == 201
        assert failed["FunctionError"] == "Unhandled"
        assert json.loads(failed["Payload"].read())["errorType"] == "KeyError"

    @pytest.mark.parametrize("headers", [{"origin": "https://example.org"}, {"host": "example.org"}])
    async def test_of_web_pages_are_refused(self, tmp_path: Path, stack: Stack, headers: Mapping[str, str]) -> None:
        shop = Shop(tmp_path, stack)
        await shop.deploy()
        address = _find_address(await shop.read())

        async with shop.deliver():
            path = f"2015-03-31/functions/{quote(address, safe='')}/invocations" if stack is AWS else address
            status, _ = await _post(f"{shop.url}/{path}", headers)

        assert (status, shop.reports) == (403, [])

    async def test_end_with_the_stack(self, tmp_path: Path, stack: Stack) -> None:
        shop = Shop(tmp_path, stack)
        await shop.deploy()
        address = _find_address(await shop.read())

        async with shop.deliver() as deliveries:
            await deliveries.refresh()
            await shop.destroy()
            await deliveries.refresh()

            assert await deliveries.call(address, {}) is None


async def test_roles_of_callers_alone_may_invoke_the_alias(shop: Shop) -> None:
    resources = await shop.serving.find_local_probe(AWS).find_resources(AWS)
    policies = {it.name: it.outputs["policy"] for it in resources if it.type == "aws:iam/rolePolicy:RolePolicy"}
    allowed = {
        name: [it["Resource"] for it in json.loads(policy)["Statement"] if "lambda:InvokeFunction" in it["Action"]]
        for name, policy in policies.items()
    }

    arn = _find_address(await shop.read())
    assert arn.endswith(":live")
    assert {name: it for name, it in allowed.items() if it} == {"identity-orders": [[arn]]}


_MANAGEMENT = "https://management.azure.com"


class TestCallsOfAzure:
    """An app answers itself alone, in both languages."""

    @pytest.mark.parametrize("file", ["shop.py", "shop.js"])
    async def test_of_anybody_else_are_refused(self, tmp_path: Path, file: str) -> None:
        if file == "shop.js" and shutil.which("node") is None:
            pytest.skip("node is not on the PATH")
        shop = Shop(tmp_path, AZURE)
        await shop.deploy(file)
        event = json.dumps(
            {"body": json.dumps({"item": "a", "count": 1}), "rawPath": "/", "rawQueryString": ""}
        ).encode()

        async with shop.deliver():
            url, tenant, principal = await shop.read_app()
            own = issue_identity_token(tenant, principal, _MANAGEMENT)
            strangers = {
                "none": "",
                "no token": "Bearer none",
                "other identity": f"Bearer {issue_identity_token(tenant, 'other', _MANAGEMENT)}",
                "other directory": f"Bearer {issue_identity_token('other', principal, _MANAGEMENT)}",
                "other audience": f"Bearer {issue_identity_token(tenant, principal, 'https://storage.azure.com')}",
                "changed": f"Bearer {own[:-8]}AAAAAAAA",
            }
            answers = {name: await _post(url, {"authorization": it}, event) for name, it in strangers.items()}
            allowed = await _post(url, {"authorization": f"Bearer {own}"}, event)
            others = [await _post(url.replace("prices", "orders"), {}), await _post(url, {}, None)]

        assert {status for status, _ in answers.values()} == {403}, answers
        assert {json.loads(text)["message"] for _, text in answers.values()} == {"Forbidden"}
        assert (allowed[0], json.loads(allowed[1])["statusCode"]) == (200, 201)
        assert [status for status, _ in others] == [404, 404]

    async def test_need_tokens_that_only_the_app_gets(self, tmp_path: Path) -> None:
        shop = Shop(tmp_path, AZURE)
        await shop.deploy()

        async with shop.deliver():
            variables = find_message_variables(shop.url, AZURE, await shop.find_resources())
            source, header = variables["IDENTITY_ENDPOINT"], variables["IDENTITY_HEADER"]
            asked = f"{source}?resource={_MANAGEMENT}&api-version=2019-08-01"
            _, tenant, principal = await shop.read_app()
            answers = [
                await _post(asked, {"x-identity-header": header}, None),
                await _post(asked, {}, None),
                await _post(asked.replace(principal, tenant), {"x-identity-header": header}, None),
                await _post(asked.replace("management", "vault"), {"x-identity-header": header}, None),
                await _post(f"{shop.url}/identities/other", {}, None),
            ]

        assert [status for status, _ in answers] == [200, 401, 401, 400, 404]
        assert len(json.loads(answers[0][1])["access_token"].split(".")) == 3
