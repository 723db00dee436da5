"""The target of webhooks on a real socket: what it sends, what it takes for an answer, and where it never goes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.domain.errors import ConfigurationError
from semantest_iac.infrastructure.transports.http.signatures import open_signature_check, parse_webhook_keys
from semantest_iac.infrastructure.transports.http.webhook_client import WebhookClient
from semantest_iac.infrastructure.transports.http.webhook_target import WebhookTarget, open_target
from tests.webhook_receiver import ReceivedRequest, ScriptedReceiver, serving_receiver

SECRET = "a-secret-of-the-tests-0123456789"
OTHER_SECRET = "the-newer-secret-of-the-tests-0123"
PATH = "/services/T0/B0/secret-token-canary"
NOW = 1_800_000_000
MESSAGE = PublishedMessage(
    "3f1c", "infrastructure.updated", "rest-api.aws", '{"é":1}'.encode(), "application/cloudevents+json"
)


def _target(url: str, secret: str | None = SECRET) -> WebhookTarget:
    keys = parse_webhook_keys(secret, "standard-webhooks") if secret else ()
    return WebhookTarget("hooks", url + PATH, keys, read_clock=lambda: NOW)


async def _publish(target: WebhookTarget, *messages: PublishedMessage) -> None:
    async with asyncio.timeout(60), target.connect() as publish:
        for message in messages or (MESSAGE,):
            await publish(message)


def _answer(status: int, **headers: str) -> Callable[[ReceivedRequest], web.StreamResponse]:
    return lambda request: web.Response(status=status, headers=headers)


class TestRequests:
    async def test_carry_the_message_and_its_signature(self) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver) as url:
            await _publish(_target(url))

        [request] = receiver.received
        assert (request.path, request.body) == (PATH, MESSAGE.body)
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["webhook-id"] == "3f1c"
        check = open_signature_check("standard-webhooks", parse_webhook_keys(SECRET, "standard-webhooks"))
        assert check.verify(tuple(request.headers.items()), request.body, NOW).id == "3f1c"

    async def test_have_a_signature_for_each_key(self) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver) as url:
            await _publish(_target(url, f"{OTHER_SECRET} {SECRET}"))

        [request] = receiver.received
        for secret in (SECRET, OTHER_SECRET):
            check = open_signature_check("standard-webhooks", parse_webhook_keys(secret, "standard-webhooks"))
            check.verify(tuple(request.headers.items()), request.body, NOW)

    async def test_without_a_key_have_no_signature(self) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver) as url:
            await _publish(_target(url, secret=None))

        assert {name for name in receiver.received[0].headers if name.startswith("webhook-")} == {"webhook-id"}

    async def test_share_a_connection(self) -> None:
        ports = set[object]()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            assert request.transport
            ports.add(request.transport.get_extra_info("peername"))
            await request.read()
            return web.Response(text="ok")

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await _publish(_target(f"http://127.0.0.1:{runner.addresses[0][1]}"), *[MESSAGE] * 20)
        await runner.cleanup()

        assert len(ports) == 1


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    async def test_of_success_are_the_end(self, status: int) -> None:
        async with serving_receiver(ScriptedReceiver(_answer(status))) as url:
            await _publish(_target(url))

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
    async def test_that_ask_for_another_try(self, status: int) -> None:
        async with serving_receiver(ScriptedReceiver(_answer(status))) as url:
            with pytest.raises(
                UnreachableTransportError, match=f"at http://127.0.0.1:\\d+: it answered {status}"
            ) as it:
                await _publish(_target(url))

        assert it.value.retry_after_s is None

    @pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422])
    async def test_that_refuse_the_message(self, status: int) -> None:
        receiver = ScriptedReceiver(_answer(status, location="http://127.0.0.1:9/elsewhere"))
        async with serving_receiver(receiver) as url:
            with pytest.raises(TransportError) as refused:
                await _publish(_target(url))

        assert (type(refused.value), refused.value.error_code) == (TransportError, "MESSAGE_REFUSED")
        assert len(receiver.received) == 1

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("120", 120.0),
            ("0", 0.0),
            (format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90), usegmt=True), 90.0),
            (format_datetime(datetime.fromtimestamp(NOW, UTC) - timedelta(days=1), usegmt=True), 0.0),
            ("9" * 5000, 999_999_999.0),
            ("soon", None),
            ("-5", None),
            ("", None),
        ],
    )
    async def test_say_how_long_to_wait(self, value: str, seconds: float | None) -> None:
        async with serving_receiver(ScriptedReceiver(_answer(429, **{"Retry-After": value}))) as url:
            with pytest.raises(UnreachableTransportError) as refused:
                await _publish(_target(url))

        assert refused.value.retry_after_s == seconds

    async def test_are_shown_without_the_path_and_what_moves_the_cursor(self) -> None:
        text = f"no_service {PATH}\x1b[2J\n" + "x" * 9000
        async with serving_receiver(ScriptedReceiver(lambda _: web.Response(status=404, text=text))) as url:
            with pytest.raises(TransportError) as refused:
                await _publish(_target(url))

        assert "it answered 404 Not Found: no_service ***\\u001b[2J" in refused.value.reason
        assert "canary" not in refused.value.reason and len(refused.value.reason) < 300


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(speak: Speak) -> AsyncIterator[str]:
    """Serve connections for the block, and yield the URL."""
    handling = set[asyncio.Task[None]]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await speak(reader, writer)
        writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.get_running_loop().create_task(handle(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*handling)
    await asyncio.sleep(0)  # for transports to be closed


class TestNoAnswer:
    async def test_of_a_port_without_a_server(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(UnreachableTransportError, match=f"Cannot reach {url}: ") as lost:
                await _publish(_target(url))

        assert "canary" not in repr(lost.value)

    async def test_of_a_server_that_hangs_up(self) -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        async with _serving(hang_up) as url:
            with pytest.raises(UnreachableTransportError):
                await _publish(_target(url))

    async def test_of_a_server_that_is_silent(self) -> None:
        async def read_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with _serving(read_on) as url:
            target = WebhookTarget("hooks", url, open_client=lambda url: WebhookClient(url, url, total_s=0.2))
            with pytest.raises(UnreachableTransportError, match="it does not answer in time"):
                await _publish(target)

    @pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n"])
    async def test_of_a_server_that_speaks_no_http(self, answer: bytes) -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(MESSAGE.body)
            writer.write(answer)
            await writer.drain()
            writer.close()

        async with _serving(speak) as url:
            with pytest.raises(UnreachableTransportError):
                await _publish(_target(url))

    async def test_of_a_server_whose_certificate_nobody_vouches_for(self, certificate: ssl.SSLContext) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver, certificate) as url:
            with pytest.raises(UnreachableTransportError, match="its certificate or its encryption is not accepted"):
                await _publish(_target(url))

        assert receiver.received == []

    async def test_is_no_reason_to_trust_proxies_or_netrc(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        receiver = ScriptedReceiver()
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password hunter2\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        async with serving_receiver(receiver) as url:
            await _publish(_target(url))

        assert "authorization" not in receiver.received[0].headers


class FixedResolver(AbstractResolver):
    """Says of every name that it leads to one address, whatever the name."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None: ...


class TestNames:
    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:127.0.0.1", "224.0.0.1"]
    )
    async def test_that_lead_to_this_machine_or_its_links_are_refused(self, address: str) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver) as url:
            port = url.rpartition(":")[2]
            target = WebhookTarget(
                "hooks",
                f"https://rebound.example:{port}",
                open_client=lambda url: WebhookClient(url, "https://rebound.example", resolver=FixedResolver(address)),
            )
            with pytest.raises(UnreachableTransportError, match="its name leads to this machine or to a link-local"):
                await _publish(target)

        assert receiver.received == []

    async def test_of_this_machine_are_allowed(self) -> None:
        receiver = ScriptedReceiver()
        async with serving_receiver(receiver) as url:
            await _publish(_target(url.replace("127.0.0.1", "localhost")))

        assert len(receiver.received) == 1


def _section(**settings: object) -> EventTargetSection:
    return EventTargetSection.model_validate({"type": "webhook", "url": "https://hooks.example.com/x", **settings})


class TestSettings:
    @pytest.mark.parametrize(
        ("url", "fault"),
        [
            ("http://hooks.example.com/canary", "is not encrypted"),
            ("http://10.0.0.1/canary", "is not encrypted"),
            ("ftp://hooks.example.com/canary", "is no URL of HTTP"),
            ("file:///etc/canary", "is no URL of HTTP"),
            ("https:///canary", "is no URL of HTTP"),
            ("https://hooks.example.com:99999/canary", "is no URL"),
            ("https://[::1/canary", "is no URL"),
            ("https://ana:canary@hooks.example.com/", "has a user name or a password"),
            ("https://hooks.example.com/a\r\nx-canary: 1", "is no URL of HTTP"),
            ("canary", "is no URL of HTTP"),
        ],
    )
    def test_refuse_addresses_without_showing_them(self, url: str, fault: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            open_target("chat", _section(url=url))

        [found] = refused.value.faults
        assert (found.path, found.message) == ("event_targets.chat.url", fault)
        assert "canary" not in refused.value.reason + found.hint

    def test_refuse_a_weak_key_and_a_wrong_address_at_once(self) -> None:
        with pytest.raises(ConfigurationError) as refused:
            open_target("chat", _section(url="x", secret="short"))

        assert [fault.path for fault in refused.value.faults] == ["event_targets.chat.url", "event_targets.chat.secret"]
        assert "short" not in refused.value.reason

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:5/", "https://h.example"]
    )
    def test_accept_https_and_this_machine(self, url: str) -> None:
        assert open_target("chat", _section(url=url)).name == "chat"
