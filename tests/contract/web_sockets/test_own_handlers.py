"""A handler of one's own: the same folder answers on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from semantest_iac.infrastructure.local_service.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import opened
from tests.contract.web_sockets.places import SECRET, House, Place

PYTHON = """
import semantest_send

def handler(event, context):
    request = event["requestContext"]
    if request["eventType"] == "CONNECT":
        is_shut = (event.get("queryStringParameters") or {}).get("door") == "shut"
        return {"statusCode": 403 if is_shut else 200}
    told = {"event": request["eventType"], "route": request["routeKey"], "said": event.get("body")}
    who = (request.get("authorizer") or {}).get("principalId")
    semantest_send.post(request["connectionId"], {**told, "who": who})
    return {"statusCode": 200}
"""
NODE = """
const { post } = require("semantest-send");
exports.handler = async (event) => {
  const { eventType, connectionId, routeKey, authorizer } = event.requestContext;
  if (eventType === "CONNECT") {
    return { statusCode: event.queryStringParameters?.door === "shut" ? 403 : 200 };
  }
  const told = { event: eventType, route: routeKey, said: event.body, who: authorizer?.principalId ?? null };
  await post(connectionId, told);
  return { statusCode: 200 };
};
"""
TOKEN = sign_hs256_token({"sub": "ann", "exp": 4_000_000_000}, SECRET)


SOURCES = {
    "python-on-aws": ("app.py", PYTHON, Place("aws", "us-west-2")),
    "python-on-azure": ("app.py", PYTHON, Place("azure", "westus2")),
    "node-on-aws": ("app.cjs", NODE, Place("aws", "eu-central-1")),
    "node-on-azure": ("app.cjs", NODE, Place("azure", "northeurope")),
}


@dataclass(frozen=True)
class Home:
    """Where a source is deployed, in an environment that asks for tokens and in one that does not."""

    house: House
    place: Place

    def url(self, place: Place) -> str:
        """Where clients connect."""
        return f"{self.house.gateway.url}/{place.stack}/"


@pytest.fixture(scope="module", params=SOURCES)
def home(request: pytest.FixtureRequest, house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    file, content, place = SOURCES[request.param]
    folder = tmp_path_factory.mktemp("source")
    (folder / file).write_text(content)
    for each in (place, place.guarded()):
        words = ("--set", f"components.websocket.source={folder}", "--set", "components.websocket.handler=app.handler")
        outcome = house.deploy(each, *words)
        assert (outcome["state"], outcome.get("error")) == ("completed", None)
    yield Home(house, place)


async def negotiated(url: str, shown: str = "") -> str:
    """The address that is given to who asks for one."""
    headers = {"Authorization": f"Bearer {shown}", "Origin": "chrome-extension://abc"}
    async with aiohttp.ClientSession() as session, session.post(f"{url}negotiate", headers=headers) as answer:
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, headers["Origin"])
        return str((await answer.json())["url"])


async def heard(url: str, *messages: str) -> list[dict[str, Any]]:
    """What is answered to each message."""
    async with opened(url) as room:
        client = await room.connect()
        answers = []
        for message in messages:
            await client.socket.send_str(message)
            answers.append(await client.hear())
        return answers


class TestOwnHandler:
    async def test_hears_what_clients_say(self, home: Home) -> None:
        [answer] = await heard(home.url(home.place), "héllo")

        assert answer == {"event": "MESSAGE", "route": "$default", "said": "héllo", "who": None}

    async def test_hears_who_they_are(self, home: Home) -> None:
        [answer] = await heard(f"{home.url(home.place.guarded())}?token={TOKEN}", "hi")

        assert answer["who"] == "ann"

    async def test_refuses_clients(self, home: Home) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await heard(f"{home.url(home.place)}?door=shut", "hi")

        assert caught.value.status == 403

    async def test_refuses_clients_that_the_authorizer_let_in(self, home: Home) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await heard(f"{home.url(home.place.guarded())}?token={TOKEN}&door=shut", "hi")

        assert caught.value.status == 403

    @pytest.mark.parametrize("home", [name for name in SOURCES if name.endswith("azure")], indirect=True)
    async def test_hears_of_clients_that_negotiated_what_it_hears_of_others(self, home: Home) -> None:
        urls = await negotiated(home.url(home.place)), await negotiated(home.url(home.place.guarded()), TOKEN)
        assert [(await heard(url, "hi"))[0]["who"] for url in urls] == [None, "ann"]
