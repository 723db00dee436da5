"""Records that a name server on this machine answers, in messages as RFC 1035 has them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.nameserver
import dns.resolver
import pytest

from semantest_iac.infrastructure.cloud_programs.dns_records import have_records

_NAME, _HOST = "_a1.api.example.org", "_b2.acm-validations.aws"
_RECORD = f"{_NAME} CNAME {_HOST}"
_ERROR = 2
Answer = Callable[[bytes], bytes]
Server = tuple[str, int]


def _encode(name: str) -> bytes:
    return b"".join(bytes([len(it)]) + it.encode() for it in name.split(".")) + b"\0"


def _answer(kind: int, *values: bytes, code: int = 0) -> Answer:
    """Return what answers a question with these values, each at a pointer to the name of the question."""

    def respond(question: bytes) -> bytes:
        head = question[:2] + struct.pack("!5H", 0x8180 | code, 1, len(values), 0, 0)
        records = (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(it)) + it for it in values)
        return head + question[12:] + b"".join(records)

    return respond


@contextmanager
def _serve(answer: Answer) -> Iterator[Server]:
    """Answer every question until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def run() -> None:
            while True:
                question, client = server.recvfrom(4096)
                if not question:
                    return
                server.sendto(answer(question), client)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _ask(*servers: Server) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.lifetime = 1.0  # a damaged answer is waited for
    resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in servers]
    return resolver


class TestRecords:
    def test_are_there_if_the_server_says_so(self) -> None:
        with _serve(_answer(5, _encode(_HOST.upper()))) as server:
            assert have_records([_RECORD], _ask(server))

    def test_may_be_texts_in_several_parts(self) -> None:
        with _serve(_answer(16, b"\x05hello\x06 world", b"\x05other")) as server:
            assert have_records(["_proof.example.org TXT hello world"], _ask(server))

    @pytest.mark.parametrize(
        "answer",
        [
            _answer(5, _encode("elsewhere.example.org")),
            _answer(5),
            _answer(5, code=3),
            _answer(5, code=_ERROR),
            lambda question: question[:4],
            _answer(5, b"\xc0\x2b"),
        ],
        ids=["another", "none", "no name", "failed", "damaged", "round in a circle"],
    )
    def test_are_not_there_otherwise(self, answer: Answer) -> None:
        with _serve(answer) as server:
            assert not have_records([_RECORD], _ask(server))

    def test_are_asked_of_the_next_server_if_one_fails(self) -> None:
        with _serve(_answer(5, code=_ERROR)) as first, _serve(_answer(5, _encode(_HOST))) as second:
            assert have_records([_RECORD], _ask(first, second))

    def test_are_not_there_without_a_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", _find_no_configuration)

        assert not have_records([_RECORD])


def _find_no_configuration(resolver: dns.resolver.Resolver, file: str) -> None:
    raise dns.resolver.NoResolverConfiguration
