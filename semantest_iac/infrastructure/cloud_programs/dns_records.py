"""Asks the name servers of this machine for records that a person was to set with the registrar of a domain.

The messages are those of RFC 1035. Standard libraries resolve addresses alone, and no records of other types.
"""

from __future__ import annotations

import logging
import secrets
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_LOG = logging.getLogger(__name__)
_TYPES: Final = {"CNAME": 5, "TXT": 16}
_CODES: Final = {code: name for name, code in _TYPES.items()}
_RESOLVER_FILE: Final = Path("/etc/resolv.conf")
_DNS_PORT: Final = 53
_TIMEOUT_S: Final = 3.0
_LARGEST_ANSWER: Final = 4096
_HEADER: Final = struct.Struct("!6H")
_RECORD: Final = struct.Struct("!HHIH")
_WANTS_RECURSION, _FAILURE_BITS = 0x0100, 0x000F
_POINTER: Final = 0xC0

Server = tuple[str, int]


class DnsError(Exception):
    """A name server gave no answer that can be read."""


def have_records(records: Sequence[str], servers: Sequence[Server] | None = None) -> bool:
    """Whether every record such as `api.example.com CNAME host` is answered. Blocks.

    Where no server answers, they count as not set: then the deployment lists them once more.
    """
    servers = _read_servers() if servers is None else servers
    return bool(servers) and all(_has_record(record, servers) for record in records)


def _read_servers() -> list[Server]:
    try:
        lines = _RESOLVER_FILE.read_text().splitlines()
    except OSError:
        return []
    words = (line.split() for line in lines)
    return [(found[1], _DNS_PORT) for found in words if len(found) > 1 and found[0] == "nameserver"]


def _has_record(record: str, servers: Sequence[Server]) -> bool:
    name, kind, value = record.split(" ", 2)
    for server in servers:
        try:
            found = ask_server(server, name, kind)
        except (DnsError, OSError) as error:
            _LOG.info("A name server says nothing of '%s': %s.", name, error)
            continue
        return any(it.lower().rstrip(".") == value.lower().rstrip(".") for it in found)
    return False


def ask_server(server: Server, name: str, kind: str) -> list[str]:
    """Return the values of the records of a type at a name; raises DnsError or OSError without an answer."""
    number = secrets.randbelow(1 << 16)
    question = _write_name(name) + struct.pack("!HH", _TYPES[kind], 1)
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(server)
        connection.send(_HEADER.pack(number, _WANTS_RECURSION, 1, 0, 0, 0) + question)
        answer = connection.recv(_LARGEST_ANSWER)
    try:
        return _read_answer(answer, number, kind)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise DnsError("the answer is damaged") from error


def _write_name(name: str) -> bytes:
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read_answer(answer: bytes, number: int, kind: str) -> list[str]:
    found, flags, questions, answers, _, _ = _HEADER.unpack_from(answer)
    if found != number:
        raise DnsError("the answer is to another question")
    if flags & _FAILURE_BITS not in (0, 3):  # 3: there is no such name
        raise DnsError(f"it failed with code {flags & _FAILURE_BITS}")
    at = _HEADER.size
    for _ in range(questions):
        at = _read_name(answer, at)[1] + 4
    values = []
    for _ in range(answers):
        at = _read_name(answer, at)[1]
        code, _, _, length = _RECORD.unpack_from(answer, at)
        at += _RECORD.size
        if _CODES.get(code) == kind:
            values.append(_read_value(answer, at, length, kind))
        at += length
    return values


def _read_value(answer: bytes, at: int, length: int, kind: str) -> str:
    if kind == "CNAME":
        return _read_name(answer, at)[0]
    parts, end = [], at + length
    while at < end:
        size = answer[at]
        parts.append(answer[at + 1 : at + 1 + size].decode("ascii"))
        at += 1 + size
    return "".join(parts)


def _read_name(answer: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place of the answer, and where what comes after it begins."""
    labels: list[str] = []
    after = 0
    for _ in range(len(answer)):  # pointers of a damaged answer may go round
        size = answer[at]
        if size & _POINTER == _POINTER:
            after = after or at + 2
            at = struct.unpack_from("!H", answer, at)[0] & 0x3FFF
        elif size == 0:
            return ".".join(labels), after or at + 1
        else:
            labels.append(answer[at + 1 : at + 1 + size].decode("ascii"))
            at += 1 + size
    raise DnsError("a name has no end")
