"""The source of webhooks on a real socket: what it answers, how it ends, and how little hostile senders get."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.transports.http.webhook_server import WebhookLimits
from semantest_iac.infrastructure.transports.http.webhook_source import WebhookSource, open_source
from tests.fakes.seen_messages import FakeSeenMessages
from tests.webhooks import (
    BODY,
    NOW,
    SECRET,
    Receiver,
    Webhook,
    a_section,
    encode_request,
    listening,
    make_webhook_source,
    read_answer,
    send,
    send_bytes,
    sign_github,
    sign_standard,
)

_MIB = 1024 * 1024


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(60):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


class TestDelivery:
    async def test_is_accepted_once_it_is_taken(self) -> None:
        receiver = Receiver(gate=asyncio.Event())
        assert receiver.gate
        async with listening(make_webhook_source(), receiver.take) as url, asyncio.timeout(60):
            sending = asyncio.create_task(send(url, sign_standard()))
            await receiver.wait_until(lambda it: it.begun == 1)
            assert not sending.done()
            receiver.gate.set()
            answer = await sending

        assert (answer.status, answer.content) == (202, {"status": "accepted"})
        [message] = receiver.taken
        assert (message.source, message.body, message.place, message.deliveries) == ("hooks", BODY, "msg_1", 1)

    async def test_passes_on_what_says_what_it_is_and_no_credentials(self) -> None:
        receiver = Receiver()
        webhook = (
            sign_github(event="release").adding("Ce-Type", "com.example.changed").adding("Authorization", "Bearer x")
        )
        webhook = webhook.adding("Cookie", "a=b").adding("ce-source", "/one").adding("ce-source", "/two")
        async with listening(make_webhook_source("github"), receiver.take) as url:
            assert (await send(url, webhook)).status == 202

        assert receiver.taken[0].headers == {
            "content-type": "application/json",
            "x-github-delivery": "72d3162e",
            "x-github-event": "release",
            "ce-type": "com.example.changed",
            "ce-source": "/one, /two",
        }

    @pytest.mark.parametrize(
        ("sent", "passed_on"),
        [("%C3%BCber%20100%20%25", "%C3%BCber%20100%20%25"), ("über 100 %", "über 100 %"), ('"q"', '"q"')],
    )
    async def test_leaves_the_attributes_of_a_cloudevent_as_they_are(self, sent: str, passed_on: str) -> None:
        receiver = Receiver()
        async with listening(make_webhook_source(), receiver.take) as url:
            assert (await send(url, sign_standard().adding("ce-subject", sent))).status == 202

        assert receiver.taken[0].headers["ce-subject"] == passed_on

    async def test_has_no_bytes_in_its_headers_that_are_no_text(self) -> None:
        receiver = Receiver()
        async with listening(make_webhook_source(), receiver.take) as url:
            request = encode_request(url, sign_standard().adding("ce-subject", "placeholder"))
            assert (await send_bytes(url, request.replace(b"placeholder", b"\xff\xfe"))).status == 202

        assert receiver.taken[0].headers["ce-subject"] == "\ufffd\ufffd"

    async def test_that_cannot_be_taken_now_may_be_sent_again(self) -> None:
        receiver = Receiver(error=LedgerError("The ledger is locked."))
        async with listening(make_webhook_source(), receiver.take) as url:
            refused = await send(url, sign_standard())
            await send(url, sign_standard())
            receiver.error = None
            accepted = await send(url, sign_standard())

        assert (refused.status, refused.headers["retry-after"], accepted.status) == (503, "10", 202)
        assert refused.content["error"]["code"] == "NOT_TAKEN"
        assert [message.deliveries for message in receiver.taken] == [3]

    async def test_that_meets_a_bug_may_be_sent_again(self, caplog: pytest.LogCaptureFixture) -> None:
        receiver = Receiver(error=ZeroDivisionError())
        async with listening(make_webhook_source(), receiver.take) as url:
            answer = await send(url, sign_standard())

        assert answer.status == 503
        assert "ZeroDivisionError" in caplog.text

    async def test_is_not_accepted_before_it_is_remembered(self) -> None:
        seen, receiver = FakeSeenMessages(), Receiver()
        seen.error = LedgerError("The disk is full.")
        async with listening(make_webhook_source(seen=seen), receiver.take) as url:
            assert (await send(url, sign_standard())).status == 503
            seen.error = None
            assert (await send(url, sign_standard())).status == 202

    async def test_sent_many_times_at_once_is_taken_once(self) -> None:
        receiver = Receiver(gate=asyncio.Event())
        assert receiver.gate
        async with listening(make_webhook_source(), receiver.take) as url, asyncio.timeout(60):
            sending = [asyncio.create_task(send(url, sign_standard())) for _ in range(20)]
            done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            receiver.gate.set()
            answers = [await it for it in sending]

        assert (len(receiver.taken), len([it for it in answers if it.status == 202])) == (1, 1)
        assert {it.status for it in answers} <= {202, 409, 503}
        assert {it.result().status for it in done} == {503}

    async def test_is_known_after_a_restart(self, home: Path) -> None:
        receiver, statuses = Receiver(), list[int]()
        for _ in range(3):
            seen = Application(home).seen_messages
            async with listening(make_webhook_source(seen=seen), receiver.take) as url:
                statuses.append((await send(url, sign_standard())).status)

        assert (statuses, len(receiver.taken)) == ([202, 409, 409], 1)

    async def test_many_on_one_connection_are_answered_in_order(self) -> None:
        receiver = Receiver()
        async with listening(make_webhook_source(), receiver.take) as url:
            reader, writer = await _connect(url)
            requests = [encode_request(url, sign_standard(id_=f"m{number}")) for number in range(20)]
            writer.write(b"".join(it.replace(b"Connection: close\r\n", b"") for it in requests))
            answers = [await read_answer(reader) for _ in range(20)]
            writer.close()

        assert [answer.status for answer in answers] == [202] * 20
        assert [message.place for message in receiver.taken] == [f"m{number}" for number in range(20)]


class TestRequestsOfAnotherKind:
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
    async def test_have_another_method(self, method: str) -> None:
        receiver = Receiver()
        async with listening(make_webhook_source(), receiver.take) as url:
            answer = await send(url, Webhook(sign_standard().headers, method=method))

        assert (answer.status, answer.headers["allow"], receiver.taken) == (405, "POST", [])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", "text/plain"),
            ("content-type", "application/json-seq"),
            ("content-type", ""),
            ("content-encoding", "gzip"),
        ],
    )
    async def test_have_another_type(self, name: str, value: str) -> None:
        receiver = Receiver()
        async with listening(make_webhook_source(), receiver.take) as url:
            answer = await send(url, sign_standard().with_header(name, value))

        assert (answer.status, receiver.taken) == (415, [])

    @pytest.mark.parametrize("value", ["application/cloudevents+json; charset=utf-8", "Application/JSON"])
    async def test_have_a_type_of_json(self, value: str) -> None:
        async with listening(make_webhook_source(), Receiver().take) as url:
            assert (await send(url, sign_standard().with_header("content-type", value))).status == 202

    @pytest.mark.parametrize("path", ["/", "/events/", "/events/x", "/event", "/%65vents"])
    async def test_have_another_path(self, path: str) -> None:
        async with listening(make_webhook_source(), Receiver().take) as url:
            answer = await send(url.removesuffix("/events") + path, sign_standard())

        assert answer.status == 404

    @pytest.mark.parametrize("request_", [b"\x16\x03\x01\x02secret-bytes\r\n\r\n", b"GET secret\r\n\r\n"])
    async def test_are_no_http_and_are_not_repeated(self, request_: bytes) -> None:
        async with listening(make_webhook_source(), Receiver().take) as url:
            reader, writer = await _connect(url)
            writer.write(request_)
            answered = await _read_to_end(reader)
            writer.close()

        assert b" 400 " in answered
        assert b"secret" not in answered


class TestLimits:
    async def test_of_the_body_hold_whether_or_not_it_is_announced(self) -> None:
        receiver = Receiver()
        largest, larger = sign_standard(body=b"1" * _MIB), sign_standard(id_="b", body=b"1" * (_MIB + 1))
        chunked = larger.adding("Transfer-Encoding", "chunked")
        async with listening(make_webhook_source(), receiver.take) as url:
            announced = await send(url, larger)
            head = encode_request(url, chunked.with_body(b""), with_length=False)
            chunk = f"{len(larger.body):x}\r\n".encode() + larger.body + b"\r\n0\r\n\r\n"
            unannounced = await send_bytes(url, head + chunk)
            assert (announced.status, unannounced.status, receiver.taken) == (413, 413, [])
            assert (await send(url, largest)).status == 202

    async def test_of_a_body_that_never_comes(self) -> None:
        async with listening(make_webhook_source(), Receiver().take) as url:
            huge = encode_request(url, sign_standard().adding("Content-Length", str(10**12)), with_length=False)
            answer = await send_bytes(url, huge.removesuffix(BODY))

        assert answer.status == 413

    async def test_of_the_head(self) -> None:
        async with listening(make_webhook_source(), Receiver().take) as url:
            long = await send(url, sign_standard().adding("x-long", "a" * 9000))
            many = Webhook((*sign_standard().headers, *((f"x-{n}", "a") for n in range(100))))
            answer = await send(url, many)

        assert (long.status, answer.status) == (431, 400)

    @pytest.mark.parametrize("part", [b"", b"POST /events HT", b"head", b"body"])
    async def test_of_time_end_a_slow_sender(self, part: bytes) -> None:
        receiver = Receiver()
        source = make_webhook_source(limits=WebhookLimits(request_s=0.2))
        async with listening(source, receiver.take) as url:
            request = encode_request(url, sign_standard())
            sent = {b"head": request[:60], b"body": request[:-1]}.get(part, part)
            reader, writer = await _connect(url)
            for number in range(len(sent)):  # a byte at a time does not begin the time anew
                writer.write(sent[number : number + 1])
                await asyncio.sleep(0)
            assert await _read_to_end(reader) == b""
            writer.close()

        assert receiver.taken == []

    async def test_of_connections_leave_room_for_those_who_send(self) -> None:
        receiver, limits = Receiver(), WebhookLimits(connections=4)
        async with listening(make_webhook_source(limits=limits), receiver.take) as url:
            silent = [await _connect(url) for _ in range(40)]
            answers = [await send(url, sign_standard(id_=f"m{number}")) for number in range(10)]
            closed = await asyncio.gather(*(_read_to_end(reader) for reader, _ in silent[:36]))
            for _, writer in silent:
                writer.close()

        assert [answer.status for answer in answers] == [202] * 10
        assert closed == [b""] * 36

    async def test_of_all_bodies_are_kept_by_leaving_who_sends_one_for_longest(self) -> None:
        receiver, limits = Receiver(), WebhookLimits(held_bytes=3 * _MIB // 2)
        async with listening(make_webhook_source(limits=limits), receiver.take) as url:
            slow = [await _connect(url) for _ in range(3)]
            for number, (_, writer) in enumerate(slow):
                writer.write(encode_request(url, sign_standard(id_=f"s{number}", body=b"1" * _MIB))[:-100])
                await writer.drain()
            assert await _read_to_end(slow[0][0]) == b""
            assert await _read_to_end(slow[1][0]) == b""
            answer = await send(url, sign_standard())
            for _, writer in slow:
                writer.close()

        assert (answer.status, len(receiver.taken)) == (202, 1)

    async def test_of_all_bodies_refuse_what_has_no_room_beside_those_that_are_taken(self) -> None:
        receiver, limits = Receiver(gate=asyncio.Event()), WebhookLimits(held_bytes=3 * _MIB // 2)
        assert receiver.gate
        async with listening(make_webhook_source(limits=limits), receiver.take) as url, asyncio.timeout(60):
            first = asyncio.create_task(send(url, sign_standard(id_="first", body=b"1" * _MIB)))
            await receiver.wait_until(lambda it: it.begun == 1)
            refused = await send(url, sign_standard(id_="second", body=b"1" * _MIB))
            small = asyncio.create_task(send(url, sign_standard(id_="third")))
            await receiver.wait_until(lambda it: it.begun == 2)
            receiver.gate.set()
            answers = [(await first).status, (await small).status]
            again = await send(url, sign_standard(id_="second", body=b"1" * _MIB))

        assert (refused.status, answers, again.status) == (503, [202, 202], 202)

    async def test_of_connections_end_none_that_is_answered(self) -> None:
        receiver, limits = Receiver(gate=asyncio.Event()), WebhookLimits(connections=2)
        assert receiver.gate
        async with listening(make_webhook_source(limits=limits), receiver.take) as url, asyncio.timeout(60):
            sending = [asyncio.create_task(send(url, sign_standard(id_=f"m{number}"))) for number in range(2)]
            await receiver.wait_until(lambda it: it.begun == 2)
            reader, writer = await _connect(url)
            assert await _read_to_end(reader) == b""
            writer.close()
            receiver.gate.set()
            assert [(await it).status for it in sending] == [202, 202]


class TestEnd:
    async def test_lets_what_is_taken_come_to_its_end_and_leaves_the_others(self) -> None:
        receiver, stopped = Receiver(gate=asyncio.Event()), asyncio.Event()
        assert receiver.gate
        source = make_webhook_source()
        async with asyncio.timeout(60):
            receiving = asyncio.create_task(source.receive(receiver.take, stopped))
            await source.is_listening.wait()
            sending = asyncio.create_task(send(source.url, sign_standard()))
            reader, writer = await _connect(source.url)
            writer.write(encode_request(source.url, sign_standard(id_="half"))[:-5])
            await receiver.wait_until(lambda it: it.begun == 1)
            stopped.set()
            assert await _read_to_end(reader) == b""
            assert not receiving.done()
            receiver.gate.set()
            answer = await sending
            await receiving
            writer.close()

        assert (answer.status, [message.place for message in receiver.taken]) == (202, ["msg_1"])
        with pytest.raises(ConnectionRefusedError):
            await send(source.url, sign_standard(id_="late"))


class TestFaults:
    async def test_of_an_address_in_use_end_with_it(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = int(taken.getsockname()[1])
            source, stopped = make_webhook_source(port=port), asyncio.Event()
            assert source.find_fault() == "'hooks' does not listen yet"
            receiving = asyncio.create_task(source.receive(Receiver().take, stopped))
            async with asyncio.timeout(60):
                while "in use" not in source.find_fault():  # noqa: ASYNC110 - a fault announces itself to nobody
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            await source.is_listening.wait()
            assert source.find_fault() == ""
            assert (await send(source.url, sign_standard())).status == 202
            stopped.set()
            await receiving

    async def test_of_an_address_in_use_do_not_keep_it_from_stopping(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            source, stopped = make_webhook_source(port=int(taken.getsockname()[1])), asyncio.Event()
            stopped.set()
            async with asyncio.timeout(60):
                await source.receive(Receiver().take, stopped)

    async def test_two_workers_of_a_machine_share_an_address(self) -> None:
        seen, receiver = FakeSeenMessages(), Receiver()
        first = make_webhook_source(seen=seen)
        async with listening(first, receiver.take) as url:
            second = make_webhook_source(seen=seen, port=int(urlsplit(url).port or 0))
            async with listening(second, receiver.take):
                answers = [await send(url, sign_standard(id_=f"m{number}")) for number in range(30)]
                replays = [await send(url, sign_standard(id_=f"m{number}")) for number in range(30)]

        assert {answer.status for answer in answers} == {202}
        assert ({answer.status for answer in replays}, len(receiver.taken)) == ({409}, 30)


class TestLog:
    async def test_says_why_without_signature_and_secret_and_is_not_flooded(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        forged = sign_standard().with_header("webhook-signature", "v1,forged\x1b[31m")
        async with listening(make_webhook_source(), Receiver().take) as url:
            for _ in range(50):
                assert (await send(url, forged)).status in (400, 401)
            await send(url, sign_standard(at=NOW - 1000))

        assert "webhook" in caplog.text
        assert len(caplog.records) <= 3
        assert not any(word in caplog.text for word in ("forged", SECRET, "\x1b"))


class TestSettings:
    def test_are_those_of_the_section(self) -> None:
        section = a_section(listen="[::1]:8090", path="/hooks/a", signature="github", secret=f"{SECRET} {SECRET}b")

        assert isinstance(open_source("hooks", section, FakeSeenMessages()), WebhookSource)

    def test_that_are_wrong_are_named_all_at_once(self) -> None:
        section = a_section(listen="8090", path="events", secret="too-short")

        with pytest.raises(TransportError) as caught:
            open_source("hooks", section, FakeSeenMessages())

        assert [fault.path for fault in caught.value.faults] == [
            "event_sources.hooks.listen",
            "event_sources.hooks.path",
            "event_sources.hooks.secret",
        ]
        assert "too-short" not in caught.value.reason

    @pytest.mark.parametrize(
        "listen", ["127.0.0.1:65536", "127.0.0.1", ":80", "a b:80", "::1:80", "http://127.0.0.1:80"]
    )
    def test_have_an_address(self, listen: str) -> None:
        with pytest.raises(TransportError, match="webhooks"):
            open_source("hooks", a_section(listen=listen), FakeSeenMessages())
