"""Gateways and sites of stacks behind the HTTP server of `serve`, with deployments that change them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

import aiohttp
import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules
from tests.integration.local_service.entrances import KEY, REFUSED, Deployed

CALLS, ALLOWED, AT_ONCE = 5000, 1000, 50


class TestGateways:
    async def test_let_exactly_the_allowed_number_of_5000_requests_pass(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(ALLOWED))
        url, statuses, numbers = f"{deployed.url}/{deployed.stack}/orders/7", list[int](), iter(range(CALLS))

        async def send_all(client: aiohttp.ClientSession) -> None:
            for _ in numbers:
                async with client.get(url, headers=KEY) as answer:
                    statuses.append(answer.status)

        async with aiohttp.ClientSession() as client:
            await asyncio.gather(*(send_all(client) for _ in range(AT_ONCE)))

        assert Counter(statuses) == {201: ALLOWED, REFUSED[deployed.cloud]: CALLS - ALLOWED}
        assert len(deployed.received) == ALLOWED

    async def test_pass_on_the_whole_request(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(10))
        url = f"{deployed.url}/{deployed.stack}/orders/a%20b?c=d"
        async with aiohttp.ClientSession() as client, client.put(url, headers=KEY, data=b"!" * 100_000) as answer:
            body = await answer.read()

        assert (answer.status, answer.headers["x-method"]) == (201, "PUT")
        assert body == b"/a%20b?c=d" + b"!" * 100_000

    async def test_take_the_handshake_of_a_web_socket_as_a_plain_request(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(10))
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"{deployed.url}/{deployed.stack}/orders/7", headers=KEY)

        (received,) = deployed.received
        assert (refused.value.status, received.method) == (201, "GET")

    async def test_count_on_after_a_deployment(self, deployed: Deployed) -> None:
        statuses = []
        async with aiohttp.ClientSession() as client:
            for release, timeout_s in (("one", 29), ("two", 28), ("three", 27)):
                deployed.deploy(release, replace(deployed.make_gateway(2), timeout_s=timeout_s))
                async with client.get(f"{deployed.url}/{deployed.stack}/orders/7", headers=KEY) as answer:
                    statuses.append(answer.status)

        assert statuses == [201, 201, REFUSED[deployed.cloud]]

    async def test_of_destroyed_stacks_are_gone(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(2))
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{deployed.url}/") as answer:
                before = json.loads(await answer.read())["stacks"]
            deployed.releases = {}
            (deployed.folder / "ledger.db").write_text("nothing")
            async with client.get(f"{deployed.url}/{deployed.stack}/orders/7", headers=KEY) as answer:
                after = answer.status

        assert ([it["stack"] for it in before], after) == ([deployed.stack], 404)


class TestSites:
    async def test_are_at_the_host_of_their_stack(self, deployed: Deployed) -> None:
        files = {"index.html": ServedFile(b"home", (("content-type", "text/html"),))}
        deployed.deploy("one", site=SiteRules(files, HttpResponse(404), HttpResponse(405), single_page=True))
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{deployed.url}/orders/7", headers=deployed.own_host) as answer:
                page = (answer.status, answer.headers["content-type"], await answer.read())
            url = f"{deployed.url}/{deployed.stack}/orders/7"
            async with client.get(url, allow_redirects=False) as answer:
                redirect = (answer.status, answer.headers["location"])

        port = deployed.url.rpartition(":")[2]
        assert page == (200, "text/html", b"home")
        assert redirect == (307, f"http://{deployed.stack}.localhost:{port}/orders/7")

    async def test_change_with_a_deployment(self, deployed: Deployed) -> None:
        seen = []
        async with aiohttp.ClientSession() as client:
            for release in ("one", "two"):
                site = SiteRules({"index.html": ServedFile(release.encode())}, HttpResponse(404), HttpResponse(405))
                deployed.deploy(release, site=site)
                async with client.get(f"{deployed.url}/", headers=deployed.own_host) as answer:
                    seen.append(await answer.read())

        assert seen == [b"one", b"two"]
