"""Calls DynamoDB and the management API of connections, with AWS's SDK or unsigned on this machine."""

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
SDK_SETTINGS = {"connect_timeout": 3, "read_timeout": TIMEOUT_S, "retries": {"mode": "standard", "max_attempts": 4}}


class CallError(Exception):
    """A refused call, with AWS's error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AwsClient(Protocol):
    """The two services; both methods raise CallError."""

    def call_table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run one operation of DynamoDB, with the names of its JSON protocol."""

    def post(self, connection: str, data: bytes) -> None:
        """Send a message to a client."""


def make_client() -> AwsClient:
    """Make the client for the endpoints of the environment; calls to this machine are not signed."""
    hosts = [urlsplit(os.environ.get(name, "")).hostname for name in (TABLE_ENDPOINT, CONNECTIONS_ENDPOINT)]
    return LoopbackClient() if all(host in LOOPBACK for host in hosts) else SdkClient()


class SdkClient:
    """Uses boto3, which is part of Lambda's Python runtimes."""

    def __init__(self) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError

        config = Config(**SDK_SETTINGS)
        self._error = ClientError
        self._table = boto3.client("dynamodb", config=config)
        endpoint = os.environ[CONNECTIONS_ENDPOINT]
        self._connections = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)

    def call_table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call the method of boto3: PutItem is put_item there."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        answer: Mapping[str, Any] = self._call(self._table, method, **arguments)
        return answer

    def post(self, connection: str, data: bytes) -> None:
        self._call(self._connections, "post_to_connection", ConnectionId=connection, Data=data)

    def _call(self, client: Any, method: str, **arguments: Any) -> Any:
        try:
            return getattr(client, method)(**arguments)
        except self._error as error:
            raise CallError(error.response["Error"]["Code"]) from error


class LoopbackClient:
    """Uses HTTP over kept connections and sends each call as one packet; http.client takes four times as long."""

    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}

    def call_table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        target = f"DynamoDB_20120810.{operation}"
        body = self._send(os.environ[TABLE_ENDPOINT], "/", json.dumps(arguments).encode(), target)
        answer: Mapping[str, Any] = json.loads(body)
        return answer

    def post(self, connection: str, data: bytes) -> None:
        self._send(os.environ[CONNECTIONS_ENDPOINT], f"/@connections/{quote(connection, safe='')}", data)

    def _send(self, endpoint: str, path: str, body: bytes, target: str = "") -> bytes:
        url = urlsplit(endpoint)
        if url.netloc not in self.streams:
            self.streams[url.netloc] = _open_stream(url.hostname or "", url.port or 80)
        target = f"X-Amz-Target: {target}\r\n" if target else ""
        head = f"POST {url.path.rstrip('/')}{path} HTTP/1.1\r\nHost: {url.netloc}\r\n{target}"
        try:
            status, headers, answer = _exchange(self.streams[url.netloc], head, body)
        except BaseException:
            self.streams.pop(url.netloc).close()
            raise
        if status >= 300:
            raise CallError(_error_code(headers.get("x-amzn-errortype", ""), answer))
        return answer


def _open_stream(host: str, port: int) -> Any:
    with socket.create_connection((host, port), TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection.makefile("rwb")


def _exchange(stream: Any, head: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """Send a request and return status, headers by their lower-case names, and body."""
    stream.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    stream.flush()
    first, headers = stream.readline().split(b" "), {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if len(first) < 2:
        raise ConnectionError("the server closed the connection")
    return int(first[1]), headers, stream.read(int(headers["content-length"]))


def _error_code(header: str, body: bytes) -> str:
    """Read the error code, which API Gateway sends in a header and DynamoDB in the body."""
    try:
        code = header or str(json.loads(body).get("__type", ""))
    except (ValueError, AttributeError):
        code = ""
    return code.rpartition("#")[2].partition(":")[0] or "Unknown"
