"""Calls to DynamoDB and to the management of connections: through AWS's SDK, or to stand-ins on this very machine."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

TABLE_ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
CONNECTIONS_ENDPOINT = "SEMANTEST_CONNECTIONS_ENDPOINT"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 5
PATIENCE = {"connect_timeout": 3, "read_timeout": TIMEOUT_S, "retries": {"mode": "standard", "max_attempts": 4}}


class CallError(Exception):
    """AWS's own code for what it did not do."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Calls(Protocol):
    """The two services; both raise CallError."""

    def table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One operation of DynamoDB, in the words of its JSON protocol."""

    def post(self, connection: str, data: bytes) -> None:
        """Send to a client."""


def calls() -> Calls:
    """Stand-ins are called without signing: that is right for no other machine."""
    places = [urlsplit(os.environ.get(name, "")).hostname for name in (TABLE_ENDPOINT, CONNECTIONS_ENDPOINT)]
    return Loopback() if all(place in LOOPBACK for place in places) else Sdk()


class Sdk:
    """Part of Lambda's Python runtimes."""

    def __init__(self) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError

        limits = Config(**PATIENCE)
        self._error = ClientError
        self._table = boto3.client("dynamodb", config=limits)
        endpoint = os.environ[CONNECTIONS_ENDPOINT]
        self._connections = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=limits)

    def table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """PutItem is put_item there."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        answer: Mapping[str, Any] = self._called(self._table, method, **arguments)
        return answer

    def post(self, connection: str, data: bytes) -> None:
        """Send to a client."""
        self._called(self._connections, "post_to_connection", ConnectionId=connection, Data=data)

    def _called(self, client: Any, method: str, **arguments: Any) -> Any:
        try:
            return getattr(client, method)(**arguments)
        except self._error as error:
            raise CallError(error.response["Error"]["Code"]) from error


class Loopback:
    """HTTP over two connections that are kept, and each call in one packet: Python's own takes four times as long."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One operation of DynamoDB."""
        target = f"DynamoDB_20120810.{operation}"
        answer = self._sent(os.environ[TABLE_ENDPOINT], "/", json.dumps(arguments).encode(), target)
        found: Mapping[str, Any] = json.loads(answer)
        return found

    def post(self, connection: str, data: bytes) -> None:
        """Send to a client."""
        self._sent(os.environ[CONNECTIONS_ENDPOINT], f"/@connections/{quote(connection, safe='')}", data)

    def _sent(self, endpoint: str, path: str, body: bytes, target: str = "") -> bytes:
        place = urlsplit(endpoint)
        if place.netloc not in self.kept:
            self.kept[place.netloc] = _opened(place.hostname or "", place.port or 80)
        target = f"X-Amz-Target: {target}\r\n" if target else ""
        head = f"POST {place.path.rstrip('/')}{path} HTTP/1.1\r\nHost: {place.netloc}\r\n{target}"
        try:
            status, headers, answer = _called(self.kept[place.netloc], head, body)
        except BaseException:
            self.kept.pop(place.netloc).close()
            raise
        if status >= 300:
            raise CallError(_code(headers.get("x-amzn-errortype", ""), answer))
        return answer


def _opened(host: str, port: int) -> Any:
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection.makefile("rwb")


def _called(stream: Any, head: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """The status, the headers by their names in lower case, and the body of the answer."""
    stream.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    stream.flush()
    first, headers = stream.readline().split(b" "), {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if len(first) < 2:
        raise ConnectionError("hung up")
    return int(first[1]), headers, stream.read(int(headers["content-length"]))


def _code(header: str, body: bytes) -> str:
    """DynamoDB names its refusals in the body, API Gateway in a header."""
    try:
        named = header or str(json.loads(body).get("__type", ""))
    except (ValueError, AttributeError):
        named = ""
    return named.rpartition("#")[2].partition(":")[0] or "Unknown"
