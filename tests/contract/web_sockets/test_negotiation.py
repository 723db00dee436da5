"""Clients that negotiate an access token first, as those of Web PubSub do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from tests.contract.web_sockets.clients import StackClients, open_clients
from tests.contract.web_sockets.variants import SECRET, VARIANTS, Deployments

AZURE = next(variant for variant in VARIANTS if variant.provider == "azure")


def token(secret: str = SECRET, **claims: Any) -> str:
    return sign_hs256_token({"sub": "ann", "exp": int(time.time()) + 600, **claims}, secret)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def authorized_url(deployments: Deployments) -> str:
    return deployments.url(AZURE.with_tokens())


async def negotiate(url: str, **more: Any) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}negotiate", **more) as answer:
        return answer.status, await answer.json()


async def status_of(clients: StackClients, url: str) -> int:
    """The status of the handshake: 101 if the client is admitted."""
    try:
        await replace(clients, url=url).connect()
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    return 101


class TestWithoutTokens:
    async def test_returns_a_url_to_every_client(self, deployments: Deployments) -> None:
        status, body = await negotiate(deployments.url(AZURE))

        assert (status, body["url"]) == (200, f"{body['baseUrl']}?access_token={body['accessToken']}")
        async with open_clients(body["url"]) as clients:
            assert await (await clients.join("cli")).is_responsive()

    async def test_is_answered_for_the_invoke_command_too(self, deployments: Deployments) -> None:
        deployments.url(AZURE)
        arguments = (
            "invoke",
            "websocket",
            "GET",
            "/negotiate",
            "--provider",
            "azure",
            "--region",
            AZURE.region,
            "--env",
            AZURE.environment,
            "--json",
        )

        outcome = deployments.workspace.run(*arguments)
        assert (outcome.json["status"], ".webpubsub.azure.com/client/hubs/" in outcome.json["body"]) == (200, True)


class TestWithTokens:
    @pytest.mark.parametrize("location", ["header", "query"])
    async def test_returns_a_url_for_a_valid_token(self, authorized_url: str, location: str) -> None:
        credentials = {"headers": bearer(token())} if location == "header" else {"params": {"token": token()}}

        status, body = await negotiate(authorized_url, **credentials)
        assert (status, urlsplit(body["url"]).hostname) == (200, "127.0.0.1")
        async with open_clients(body["url"]) as clients:
            assert await (await clients.join("cli")).is_responsive()

    @pytest.mark.parametrize(
        "headers",
        [{}, bearer("x"), bearer(token("another secret")), bearer(token(exp=1))],
        ids=["none", "invalid", "other-signature", "expired"],
    )
    async def test_refuses_other_headers(self, authorized_url: str, headers: dict[str, str]) -> None:
        assert await negotiate(authorized_url, headers=headers) == (401, {"message": "Unauthorized"})

    async def test_enforces_the_claims_of_the_token(self, authorized_url: str) -> None:
        _, body = await negotiate(authorized_url, headers=bearer(token(clientType="cli")))

        async with open_clients(body["url"]) as clients:
            client = await clients.connect()
            await client.send(type="authenticate", clientType="extension")
            assert "The token is not one" in [await client.receive(), await client.receive()][1]["message"]

    async def test_accepts_no_other_access_tokens(self, authorized_url: str) -> None:
        _, body = await negotiate(authorized_url, headers=bearer(token(clientType="cli")))
        header, claims, signature = body["accessToken"].split(".")
        forged = sign_hs256_token({"sub": "semantest.e30", "aud": "x", "nbf": 0, "exp": 9e9}, "another key")
        tokens = [
            "",
            "x",
            forged,
            f"{header}.{claims}.{signature[::-1]}",
            f"{header}.{forged.split('.')[1]}.{signature}",
        ]

        async with open_clients(authorized_url) as clients:
            statuses = [await status_of(clients, f"{body['baseUrl']}?access_token={each}") for each in tokens]
        assert statuses == [401] * len(tokens)

    async def test_accepts_no_access_token_of_another_stack(
        self, deployments: Deployments, authorized_url: str
    ) -> None:
        _, body = await negotiate(deployments.url(AZURE))

        async with open_clients(authorized_url) as clients:
            assert await status_of(clients, f"{authorized_url}?access_token={body['accessToken']}") == 401


class TestOtherRequests:
    @pytest.mark.parametrize("path", ["", "negotiate/x", "other"])
    async def test_must_upgrade(self, deployments: Deployments, path: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{deployments.url(AZURE)}{path}") as answer:
            assert answer.status == 426

    async def test_on_aws_must_upgrade_too(self, deployments: Deployments) -> None:
        aws = next(variant for variant in VARIANTS if variant.provider == "aws")

        async with aiohttp.ClientSession() as session, session.get(f"{deployments.url(aws)}negotiate") as answer:
            assert answer.status == 426
