"""Sends messages to queues and topics: with AWS's SDK, over Service Bus' REST interface, or unsigned on this machine.

Source: the references of SQS and SNS, and Azure's of "Send Message Batch" and of managed identities for apps.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SDK_SETTINGS = {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "max_attempts": 4}}
TIMEOUT_S, TOKEN_MARGIN_S, ATTEMPTS, PAUSE_S = 10, 300, 4, 0.5
BUS_AUDIENCE, IDENTITY_API_VERSION = "https://servicebus.azure.net", "2019-08-01"
CLIENT_SETTING = "AzureWebJobsStorage__clientId"  # names the app's identity
BATCH_TYPE = "application/vnd.microsoft.servicebus.json"
QUEUE_PATH = re.compile(r"/\d{12}/[\w-]+(\.fifo)?")  # of an address of SQS
SNS_ID = re.compile(r"<MessageId>([^<]+)</MessageId>")
ORDERED = "ordered"  # the fragment of an address whose messages need a group


class SendError(Exception):
    """A message was not taken; the text says who refused it, and holds no part of it."""


class Message(NamedTuple):
    """What is sent: the body as text, its attributes, the group whose order is kept, and an id of the sender's own."""

    body: str
    attributes: Mapping[str, str | int | float]
    group: str
    identifier: str


def send(address: str, message: Message) -> str:
    """Send to an address of SQS, SNS or Service Bus, and return the id of the message; raises SendError."""
    if address.startswith("arn:"):
        return _call_aws("sns", "publish", {"TopicArn": address, "Message": message.body}, address, message)
    if QUEUE_PATH.fullmatch(urlsplit(address).path):
        return _call_aws("sqs", "send_message", {"QueueUrl": address, "MessageBody": message.body}, address, message)
    return _send_to_bus(address, message)


def _call_aws(service: str, method: str, arguments: dict[str, Any], address: str, message: Message) -> str:
    identifier = message.identifier or str(uuid4())
    if message.attributes:
        arguments["MessageAttributes"] = {name: _describe(value) for name, value in message.attributes.items()}
    if address.endswith(".fifo"):
        arguments |= {"MessageGroupId": message.group or identifier, "MessageDeduplicationId": identifier}
    endpoint = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}", "")
    if endpoint and urlsplit(endpoint).hostname in LOOPBACK:
        return _call_unsigned(service, endpoint, arguments)
    return str(getattr(_sdk_client(service), method)(**arguments)["MessageId"])


def _describe(value: str | float) -> dict[str, str]:
    return {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}


@cache
def _sdk_client(service: str) -> Any:
    import boto3  # part of Lambda's Python runtimes
    from botocore.config import Config

    return boto3.client(service, config=Config(**SDK_SETTINGS))


def _call_unsigned(service: str, endpoint: str, arguments: Mapping[str, Any]) -> str:
    """Call a service on this machine: SQS in its JSON protocol, SNS with a form."""
    if service == "sqs":
        headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
        answer = _request(endpoint, "/", json.dumps(arguments).encode(), headers, "the queue")
        return str(json.loads(answer)["MessageId"])
    form = {"Action": "Publish", "Version": "2010-03-31"}
    form |= {name: value for name, value in arguments.items() if isinstance(value, str)}
    for number, (name, value) in enumerate(arguments.get("MessageAttributes", {}).items(), start=1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": name, **{f"{entry}.Value.{key}": text for key, text in value.items()}}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    found = SNS_ID.search(_request(endpoint, "/", urlencode(form).encode(), headers, "the topic").decode())
    if found is None:
        raise SendError("the topic gave no id for the message")
    return found[1]


def _send_to_bus(address: str, message: Message) -> str:
    """Send in the form of a batch, because it keeps the names and types of attributes; headers would not."""
    url, identifier = urlsplit(address), message.identifier or str(uuid4())
    properties = {"MessageId": identifier}
    if message.group or url.fragment == ORDERED:
        properties["SessionId"] = message.group or identifier
    sent = {"Body": message.body, "BrokerProperties": properties, "UserProperties": dict(message.attributes)}
    headers = {"Content-Type": BATCH_TYPE}
    if url.hostname not in LOOPBACK:
        headers["Authorization"] = f"Bearer {_identity.token()}"
    origin = f"{url.scheme}://{url.netloc}"
    _request(origin, f"{url.path}/messages", json.dumps([sent]).encode(), headers, "the broker")
    return identifier


class _Identity:
    """The app's own identity, whose token is kept until shortly before it expires."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token, self._renew_at = "", 0.0

    def token(self) -> str:
        with self._lock:
            if time.time() >= self._renew_at:
                self._token, self._renew_at = self._fetch()
            return self._token

    def _fetch(self) -> tuple[str, float]:
        endpoint, header = os.environ.get("IDENTITY_ENDPOINT", ""), os.environ.get("IDENTITY_HEADER", "")
        if not endpoint or not header:
            raise SendError("the app has no identity")
        client = os.environ.get(CLIENT_SETTING, "")
        query = {"resource": BUS_AUDIENCE, "api-version": IDENTITY_API_VERSION, "client_id": client}
        query = {name: value for name, value in query.items() if value}
        url = urlsplit(endpoint)
        path, headers = f"{url.path}?{urlencode(query)}", {"X-IDENTITY-HEADER": header}
        answer = json.loads(_request(f"{url.scheme}://{url.netloc}", path, None, headers, "the identity"))
        return str(answer["access_token"]), float(answer["expires_on"]) - TOKEN_MARGIN_S


_identity = _Identity()


def _request(origin: str, path: str, body: bytes | None, headers: Mapping[str, str], who: str) -> bytes:
    """Send a request and return the body of its answer; busy services and lost connections are tried again."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            status, answer = _request_once(origin, path, body, headers)
        except (OSError, HTTPException) as error:
            status, answer, reason = 503, b"", f"does not answer: {error}"
        else:
            reason = f"answered {status}"
        if status < 300:
            return answer
        if status not in (429, 500, 503):
            break
    raise SendError(f"{who} {reason}")


def _request_once(origin: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    url = urlsplit(origin)
    connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = connect(url.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
