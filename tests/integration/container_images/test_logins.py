"""How registries are logged in to: what is sent to whom, as the documents of each say."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from semantest_iac.infrastructure.cloud_programs.azure.platform.containers.registry_login import EntraRegistryLogin
from semantest_iac.infrastructure.container_images.image_names import ImageName
from semantest_iac.infrastructure.container_images.registry_client import (
    PasswordLogin,
    RegistryClient,
    RegistryError,
    RegistryLogin,
)

DIGEST = f"sha256:{'0' * 64}"
ENTRA_TOKEN = f"e30.{base64.urlsafe_b64encode(json.dumps({'tid': 'the tenant'}).encode()).decode().rstrip('=')}.x"


@dataclass
class Registry:
    """A registry that gives a blob to whoever has the token that it asks for; `asked` are its requests in order."""

    challenge: str
    accepted: str
    answers: Mapping[str, Any]
    blob: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    asked: list[tuple[str, str, Mapping[str, list[str]], str]] = field(default_factory=list)

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        url, body = urlsplit(handler.path), handler.rfile.read(length).decode()
        given = handler.headers.get("authorization") or ""
        self.asked.append((handler.command, url.path, parse_qs(body or url.query), given))
        if url.path in self.answers:
            _send(handler, 200, {}, json.dumps(self.answers[url.path]).encode())
        elif not url.path.startswith("/v2/"):
            _send(handler, 200 if not given else 400, {}, b"elsewhere")
        elif given != self.accepted:
            _send(handler, 401, {"www-authenticate": self.challenge.format(address=self.address)}, b"")
        else:
            _send(handler, 307 if self.blob else 200, self.blob, b"")

    def client(self, login: RegistryLogin) -> RegistryClient:
        return RegistryClient(ImageName(self.address, "shop/orders"), login, lambda _: None)


def _send(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
    handler.send_response(status)
    for name, value in {**headers, "content-length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serve(registry: Registry) -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            registry.respond(self)

        def do_HEAD(self) -> None:
            registry.respond(self)

        def do_POST(self) -> None:
            registry.respond(self)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.address = f"127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield registry
        server.shutdown()


class TestAnonymousLogin:
    """Source: "Token Authentication" of the distribution project."""

    def test_asks_for_the_scope_of_the_challenge(self) -> None:
        challenge = 'Bearer realm="http://{address}/token",service="a registry",scope="repository:shop/orders:pull"'
        with serve(Registry(challenge, "Bearer given", {"/token": {"token": "given"}})) as registry:
            assert registry.client(PasswordLogin()).has_blob(DIGEST)

        [_, asked, _] = registry.asked
        assert asked == (
            "GET",
            "/token",
            {"service": ["a registry"], "scope": ["repository:shop/orders:pull"]},
            "",
        )

    def test_is_not_told_to_the_host_to_which_a_registry_leads(self) -> None:
        challenge = 'Bearer realm="http://{address}/token",service="a registry"'
        with serve(Registry("", "", {})) as store:
            moved = {"location": f"http://{store.address}/blob"}
            with (
                serve(Registry(challenge, "Bearer given", {"/token": {"access_token": "given"}}, moved)) as registry,
                registry.client(PasswordLogin()).open_blob(DIGEST) as body,
            ):
                content = body.read()

        assert content == b"elsewhere"
        assert [given for *_, given in store.asked] == [""]

    def test_says_when_there_is_none(self) -> None:
        with (
            serve(Registry('Basic realm="a registry"', "Basic something", {})) as registry,
            pytest.raises(RegistryError, match="asks for a login"),
        ):
            registry.client(PasswordLogin()).has_blob(DIGEST)


class TestElasticContainerRegistry:
    """Source: ECR's guide, "Private registry authentication": HTTP basic authentication as the user AWS."""

    def test_gets_the_password_of_the_authorization_token(self) -> None:
        expected = f"Basic {base64.b64encode(b'AWS:the password').decode()}"
        with serve(Registry('Basic realm="https://{address}/",service="ecr"', expected, {})) as registry:
            assert registry.client(PasswordLogin("AWS", "the password")).has_blob(DIGEST)

        assert [given for *_, given in registry.asked] == ["", expected]


class TestAzureContainerRegistry:
    """Source: Azure/acr, docs/AAD-OAuth.md."""

    CHALLENGE = (
        'Bearer realm="http://{address}/oauth2/token",service="{address}",scope="repository:shop/orders:pull,push"'
    )

    def test_exchanges_the_token_of_entra(self) -> None:
        answers = {"/oauth2/exchange": {"refresh_token": "refreshing"}, "/oauth2/token": {"access_token": "given"}}
        with serve(Registry(self.CHALLENGE, "Bearer given", answers)) as registry:
            assert registry.client(EntraRegistryLogin(lambda: ENTRA_TOKEN)).has_blob(DIGEST)

        [_, exchange, token, _] = registry.asked
        assert exchange == (
            "POST",
            "/oauth2/exchange",
            {
                "grant_type": ["access_token"],
                "service": [registry.address],
                "tenant": ["the tenant"],
                "access_token": [ENTRA_TOKEN],
            },
            "",
        )
        assert token == (
            "POST",
            "/oauth2/token",
            {
                "grant_type": ["refresh_token"],
                "service": [registry.address],
                "scope": ["repository:shop/orders:pull,push"],
                "refresh_token": ["refreshing"],
            },
            "",
        )

    def test_sends_the_token_of_entra_to_nobody_else(self) -> None:
        challenge = 'Bearer realm="http://elsewhere.example/oauth2/token",service="{address}"'
        with (
            serve(Registry(challenge, "Bearer given", {})) as registry,
            pytest.raises(RegistryError, match="at another place than itself"),
        ):
            registry.client(EntraRegistryLogin(lambda: ENTRA_TOKEN)).has_blob(DIGEST)
