"""A user's handler: the same folder runs on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import open_clients
from tests.contract.web_sockets.variants import SECRET, Deployments, StackVariant

PYTHON = """
import semantest_send

def handler(event, context):
    request = event["requestContext"]
    if request["eventType"] == "CONNECT":
        is_refused = (event.get("queryStringParameters") or {}).get("refuse") == "yes"
        return {"statusCode": 403 if is_refused else 200}
    answer = {"event": request["eventType"], "route": request["routeKey"], "body": event.get("body")}
    principal = (request.get("authorizer") or {}).get("principalId")
    semantest_send.post(request["connectionId"], {**answer, "principal": principal})
    return {"statusCode": 200}
"""
NODE = """
const { post } = require("semantest-send");
exports.handler = async (event) => {
  const { eventType, connectionId, routeKey, authorizer } = event.requestContext;
  if (eventType === "CONNECT") {
    return { statusCode: event.queryStringParameters?.refuse === "yes" ? 403 : 200 };
  }
  const answer = { event: eventType, route: routeKey, body: event.body, principal: authorizer?.principalId ?? null };
  await post(connectionId, answer);
  return { statusCode: 200 };
};
"""
TOKEN = sign_hs256_token({"sub": "ann", "exp": 4_000_000_000}, SECRET)


SOURCES = {
    "python-on-aws": ("app.py", PYTHON, StackVariant("aws", "us-west-2")),
    "python-on-azure": ("app.py", PYTHON, StackVariant("azure", "westus2")),
    "node-on-aws": ("app.cjs", NODE, StackVariant("aws", "eu-central-1")),
    "node-on-azure": ("app.cjs", NODE, StackVariant("azure", "northeurope")),
}


@dataclass(frozen=True)
class DeployedSource:
    """A deployed source, in an environment that requires tokens and in one that does not."""

    deployments: Deployments
    variant: StackVariant

    def url(self, variant: StackVariant) -> str:
        return f"{self.deployments.gateway.url}/{variant.stack}/"


@pytest.fixture(scope="module", params=SOURCES)
def source(
    request: pytest.FixtureRequest, deployments: Deployments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedSource]:
    file, content, variant = SOURCES[request.param]
    folder = tmp_path_factory.mktemp("source")
    (folder / file).write_text(content)
    for each in (variant, variant.with_tokens()):
        options = (
            "--set",
            f"components.websocket.source={folder}",
            "--set",
            "components.websocket.handler=app.handler",
        )
        outcome = deployments.deploy(each, *options)
        assert (outcome["state"], outcome.get("error")) == ("completed", None)
    yield DeployedSource(deployments, variant)


async def negotiate(url: str, token: str = "") -> str:
    headers = {"Authorization": f"Bearer {token}", "Origin": "chrome-extension://abc"}
    async with aiohttp.ClientSession() as session, session.post(f"{url}negotiate", headers=headers) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, headers["Origin"])
        return str((await answer.json())["url"])


async def send_all(url: str, *messages: str) -> list[dict[str, Any]]:
    """Send the messages and return the answer to each."""
    async with open_clients(url) as clients:
        client = await clients.connect()
        answers = []
        for message in messages:
            await client.socket.send_str(message)
            answers.append(await client.receive())
        return answers


class TestCustomHandler:
    async def test_receives_messages(self, source: DeployedSource) -> None:
        [answer] = await send_all(source.url(source.variant), "héllo")

        assert answer == {"event": "MESSAGE", "route": "$default", "body": "héllo", "principal": None}

    async def test_receives_the_principal(self, source: DeployedSource) -> None:
        [answer] = await send_all(f"{source.url(source.variant.with_tokens())}?token={TOKEN}", "hi")

        assert answer["principal"] == "ann"

    async def test_may_refuse_clients(self, source: DeployedSource) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await send_all(f"{source.url(source.variant)}?refuse=yes", "hi")

        assert caught.value.status == 403

    async def test_may_refuse_clients_that_the_authorizer_admitted(self, source: DeployedSource) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await send_all(f"{source.url(source.variant.with_tokens())}?token={TOKEN}&refuse=yes", "hi")

        assert caught.value.status == 403

    @pytest.mark.parametrize("source", [name for name in SOURCES if name.endswith("azure")], indirect=True)
    async def test_receives_the_same_of_clients_that_negotiated(self, source: DeployedSource) -> None:
        urls = (
            await negotiate(source.url(source.variant)),
            await negotiate(source.url(source.variant.with_tokens()), TOKEN),
        )
        assert [(await send_all(url, "hi"))[0]["principal"] for url in urls] == [None, "ann"]
