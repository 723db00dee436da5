"""What connections to brokers have in common."""

from __future__ import annotations

import asyncio
import logging

import pytest

from semantest_iac.application.ports.event_transports import (
    ReceivedMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.domain.environments.event_sections import EventSourceSection
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.transports.brokers.broker_source import BrokerSource, Delivery
from semantest_iac.infrastructure.transports.brokers.connections import (
    BrokerAddress,
    BrokerFailure,
    BrokerTiming,
    closing_within,
    read_address,
    translate_failures,
)
from semantest_iac.infrastructure.transports.brokers.redis_entries import read_entry


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "given", "expected"),
        [
            ("nats://h:4222", {}, ("nats://h:4222", None, None, None)),
            ("nats://u:p%40ss@h:4222", {}, ("nats://h:4222", "u", "p@ss", None)),
            ("nats://t0ken@h:4222", {}, ("nats://h:4222", None, None, "t0ken")),
            ("nats://t0ken@h:4222", {"token": "other"}, ("nats://h:4222", None, None, "other")),
            ("amqps://u:p@h/vhost", {"password": "q"}, ("amqps://h/vhost", "u", "q", None)),
            ("redis://:p@h:6379/2", {}, ("redis://h:6379/2", None, "p", None)),
            ("kafka://a:9092,b:9092", {"username": "u"}, ("kafka://a:9092,b:9092", "u", None, None)),
        ],
    )
    def test_has_credentials_apart(
        self, url: str, given: dict[str, str], expected: tuple[str, str | None, str | None, str | None]
    ) -> None:
        section = EventSourceSection.model_validate({"type": "nats", "url": url, **given})

        address = read_address("core", section)

        assert (address.url, address.username, address.password, address.token) == expected
        assert "p@ss" not in repr(address)

    def test_is_refused_where_it_is_none(self) -> None:
        section = EventSourceSection.model_validate({"type": "nats", "url": "nats://[::1"})

        with pytest.raises(TransportError, match=r"^Cannot use 'core': its url is no URL\.$"):
            read_address("core", section)

    @pytest.mark.parametrize(("scheme", "has_tls"), [("tls", True), ("amqps", True), ("nats", False), ("redis", False)])
    def test_says_whether_it_has_tls(self, scheme: str, has_tls: bool) -> None:
        assert (BrokerAddress("core", f"{scheme}://h").create_tls_context() is not None) == has_tls


class TestFailures:
    _ADDRESS = BrokerAddress("core", "nats://h")

    def _list(self) -> tuple[BrokerFailure, ...]:
        return (BrokerFailure((KeyError,), "it has none", "Create it.", "stream", is_final=True),)

    async def test_are_translated_by_class_and_text(self) -> None:
        with pytest.raises(TransportError) as final, translate_failures("use", self._ADDRESS, self._list):
            raise KeyError("no stream s3cret")
        with pytest.raises(UnreachableTransportError) as other, translate_failures("use", self._ADDRESS, self._list):
            raise ConnectionError

        assert final.value.reason == "Cannot use 'core' (nats://h): it has none."
        assert not final.value.retryable
        assert other.value.reason == "Cannot use 'core' (nats://h): the server does not answer."

    async def test_of_another_kind_stay(self) -> None:
        with pytest.raises(KeyError), translate_failures("use", self._ADDRESS, self._list):
            raise KeyError("other")

    async def test_include_what_a_library_cancels(self) -> None:
        with pytest.raises(UnreachableTransportError), translate_failures("use", self._ADDRESS, self._list):
            raise asyncio.CancelledError

    async def test_do_not_include_a_cancelled_task(self) -> None:
        async def wait() -> None:
            with translate_failures("use", self._ADDRESS, self._list):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_of_closing_are_left(self) -> None:
        async def close() -> None:
            raise asyncio.CancelledError  # as libraries do whose connection is lost

        async with closing_within(1.0, close):
            pass


class _Session:
    """Three messages, then a lost connection."""

    def __init__(self) -> None:
        self.settled: list[tuple[str, str]] = []
        self._left = [b"1", b"2", b"3"]

    async def __aenter__(self) -> _Session:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def receive_next(self) -> Delivery | None:
        if not self._left:
            raise UnreachableTransportError("It is lost.")
        return Delivery(ReceivedMessage("core", self._left.pop(0), place="here:1"), None)

    async def acknowledge(self, delivery: Delivery) -> None:
        self.settled.append(("acknowledged", delivery.message.body.decode()))

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        self.settled.append(("put off", delivery.message.body.decode()))

    async def extend_leases(self) -> None: ...

    async def check(self) -> None: ...


class TestSource:
    async def test_settles_each_message_and_connects_again(self, caplog: pytest.LogCaptureFixture) -> None:
        sessions, stopped = list[_Session](), asyncio.Event()

        def open_session() -> _Session:
            sessions.append(_Session())
            if len(sessions) == 2:
                stopped.set()
            return sessions[-1]

        async def take(message: ReceivedMessage) -> None:
            if message.body == b"2":
                raise LedgerError("The ledger is locked.")

        source = BrokerSource("core", open_session, BrokerTiming(reconnect_pauses=(0.0, 0.0)))
        with caplog.at_level(logging.INFO):
            await source.receive(take, stopped)

        assert sessions[0].settled == [("acknowledged", "1"), ("put off", "2"), ("acknowledged", "3")]
        assert sessions[1].settled == []
        assert "'core' could not hand over here:1: The ledger is locked. It is delivered again in" in caplog.text
        assert "It is lost." in caplog.text

    async def test_gives_up_what_no_try_mends(self) -> None:
        def open_session() -> _Session:
            raise TransportError("It refuses the password.")

        source = BrokerSource("core", open_session)

        with pytest.raises(TransportError):
            await source.receive(lambda _: asyncio.sleep(0), asyncio.Event())
        assert source.find_fault() == "It refuses the password."


class TestRedisEntries:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({b"body": b"\xff", b"Ce-Id": b"7"}, (b"\xff", {"ce-id": "7"})),
            ({b"event": b'{"a": 1}'}, (b'{"a": 1}', {})),
            ({b"__data__": b'{"data": "x"}'}, (b'{"data": "x"}', {})),
            ({b"type": b"T", b"payload": b'{"a":1}'}, (b'{"type": "T", "payload": {"a": 1}}', {})),
        ],
    )
    def test_have_a_body(self, fields: dict[bytes, bytes], expected: tuple[bytes, dict[str, str]]) -> None:
        assert read_entry(fields) == expected
