"""Calls other functions of the same component with requests: by Lambda's Invoke, or with the event to their app.

An app of Azure is called as its own identity. Source: Lambda's reference of Invoke, and the developer guide of API
Gateway on payload format 2.0 of HTTP APIs.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from uuid import uuid4

__all__ = ["Answer", "CallError", "call"]

CALL_PREFIX = "SEMANTEST_CALL_"
LARGEST_CALL = 6 * 1024 * 1024  # bytes of an event, and of an answer
LONGEST_CALL_S = 900  # for which a function may run
ATTEMPTS, PAUSE_S = 4, 0.5
BUSY = "TooManyRequestsException"  # the function has not run
ENDPOINT = "AWS_ENDPOINT_URL_LAMBDA"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
JSON_TYPE, TEXT_TYPE, BYTES_TYPE = "application/json", "text/plain; charset=utf-8", "application/octet-stream"
NO_ADDRESS = "0.0.0.0"  # a caller has none
ARN_PREFIX = "arn:"  # of an alias of Lambda; other addresses are those of an app
CALL_AUDIENCE = "https://management.azure.com"  # which every directory knows
ANSWER_HEADER = "x-semantest-call"  # of what a called function returned


class CallError(Exception):
    """A function was not called; the text says why, and holds no part of the request."""


class Answer(NamedTuple):
    """What a function answers, with the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body as text in UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return what the body says in JSON."""
        return json.loads(self.body)


def call(
    function: str,
    method: str,
    path: str,
    *,
    body: str | bytes | Mapping[str, Any] | Sequence[Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request to a function and return its answer; a function that fails answers 500.

    `path` is percent-encoded and may have a query. A mapping or list is sent as JSON. A call that no function got, as
    all of its instances are busy, is repeated; one that it may have got is not. Raises LookupError for a function that
    `calls` does not name, ValueError for a request that is no request or too large, and CallError where nothing ran.
    """
    address = os.environ.get(CALL_PREFIX + function.upper().replace("-", "_"), "")
    if not address:
        raise LookupError(f"This function does not call '{function}': name it in calls.")
    if not path.startswith("/") or not method.isalpha():
        raise ValueError(f"'{method} {path}' is no request: a path begins with a slash.")
    event = json.dumps(build_event(function, address, method, path, body, dict(headers or {}))).encode()
    if len(event) > LARGEST_CALL:
        raise ValueError(f"The request has {len(event)} bytes; at most {LARGEST_CALL} can be sent.")
    result, failed = _invoke(function, address, event)
    return failed_answer() if failed else read_answer(result)


def build_event(
    function: str, address: str, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return the event of a request, as an HTTP API of API Gateway sends it in format 2.0."""
    content, kind = _encode_body(body)
    sent = {name.lower(): str(value) for name, value in headers.items()}
    if content is not None:
        sent = {"content-type": kind, **sent, "content-length": str(len(content))}
    sent = {"user-agent": "semantest-call", **sent, "host": function}
    cookies = [it.strip() for it in sent.pop("cookie", "").split(";") if it.strip()]
    raw_path, _, raw_query = path.partition("#")[0].partition("?")
    now, decoded = time.time(), unquote(raw_path)
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    is_text = sent.get("content-type", "").lower().startswith(TEXT_TYPES)
    text, is_base64 = _make_event_body(content or b"", is_text)
    http = {"method": method.upper(), "path": decoded, "protocol": "HTTP/1.1"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": decoded,
        "rawQueryString": raw_query,
        **({"cookies": cookies} if cookies else {}),
        "headers": dict(sorted(sent.items())),
        **({"queryStringParameters": query} if query else {}),
        "requestContext": {
            "accountId": address.split(":")[4] if address.startswith(ARN_PREFIX) else "azure",
            "apiId": function,
            "domainName": function,
            "domainPrefix": function,
            "http": {**http, "sourceIp": NO_ADDRESS, "userAgent": sent["user-agent"]},
            "requestId": str(uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        **({"body": text} if text else {}),
        "isBase64Encoded": is_base64,
    }


def _encode_body(body: Any) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, bytes):
        return body, BYTES_TYPE
    return (body.encode(), TEXT_TYPE) if isinstance(body, str) else (json.dumps(body).encode(), JSON_TYPE)


def _make_event_body(content: bytes, is_text: bool) -> tuple[str, bool]:
    if is_text:
        try:
            return content.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(content).decode("ascii"), bool(content)


def read_answer(result: str) -> Answer:
    """Return what a function answered; without a status code, all that it returned is the body of a 200."""
    value = json.loads(result or "null")
    if not isinstance(value, dict) or "statusCode" not in value:
        return Answer(200, {"content-type": JSON_TYPE}, (value if isinstance(value, str) else result).encode())
    status, text = value["statusCode"], value.get("body") or ""
    try:
        if isinstance(status, bool | float) or not isinstance(text, str):
            return failed_answer()
        content = base64.b64decode(text, validate=True) if value.get("isBase64Encoded") else text.encode()
        headers = {"content-type": "text/plain;charset=UTF-8"}
        headers |= {name.lower(): _format_value(it) for name, it in (value.get("headers") or {}).items()}
        return Answer(int(status), headers, content, tuple(map(str, value.get("cookies") or ())))
    except (ValueError, TypeError, AttributeError):
        return failed_answer()


def _format_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def failed_answer() -> Answer:
    """Return what an HTTP API answers for a function that failed."""
    return Answer(500, {"content-type": JSON_TYPE}, b'{"message":"Internal Server Error"}')


def _invoke(function: str, address: str, event: bytes) -> tuple[str, bool]:
    """Return what the function returned, and whether it failed."""
    send = _choose_sender(address)
    for attempt in range(ATTEMPTS):
        result, failed, code = send(address, event)
        if not code:
            return result, failed
        if code != BUSY:
            break
        if attempt < ATTEMPTS - 1:
            time.sleep(PAUSE_S * 2**attempt)
    raise CallError(f"'{function}' was not called: {code}.")


def _choose_sender(address: str) -> Callable[[str, bytes], tuple[str, bool, str]]:
    if not address.startswith(ARN_PREFIX):
        return _post_to_app
    endpoint = os.environ.get(ENDPOINT, "")
    is_local = bool(endpoint) and urlsplit(endpoint).hostname in LOOPBACK
    return partial(_invoke_unsigned, endpoint) if is_local else _invoke_sdk


def _invoke_sdk(address: str, event: bytes) -> tuple[str, bool, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = _sdk_client().invoke(FunctionName=address, Payload=event)
    except ClientError as error:
        return "", False, str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        raise CallError(f"The function does not answer: {type(error).__name__}.") from error
    return answer["Payload"].read().decode(), "FunctionError" in answer, ""


@cache
def _sdk_client() -> Any:
    """Return a client that sends each request once: a function must not run twice because its answer was late."""
    import boto3  # part of Lambda's Python runtimes
    from botocore.config import Config

    return boto3.client(
        "lambda",
        config=Config(connect_timeout=5, read_timeout=LONGEST_CALL_S, retries={"total_max_attempts": 1}),
    )


def _invoke_unsigned(endpoint: str, address: str, event: bytes) -> tuple[str, bool, str]:
    path = f"/2015-03-31/functions/{quote(address, safe='')}/invocations"
    status, headers, text = _post(f"{endpoint.rstrip('/')}{path}", event, {})
    code = "" if status < 300 else headers.get("x-amzn-errortype") or str(status)
    return text, "x-amz-function-error" in headers, code


def _post_to_app(address: str, event: bytes) -> tuple[str, bool, str]:
    """Post the event as the identity of the app, which is that of all its functions."""
    from semantest_azure import RefusedError, get_token

    url = urlsplit(address)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise ValueError("The address of a function must begin with https://.")  # of what a token is sent to
    try:
        token = get_token(CALL_AUDIENCE)
    except (RefusedError, OSError, HTTPException, LookupError, ValueError) as error:
        raise CallError(f"The app has no token of its identity: {type(error).__name__}.") from error
    status, headers, text = _post(address, event, {"authorization": f"Bearer {token}"})
    if status == 200 and ANSWER_HEADER in headers:
        return text, False, ""
    if status == 500:  # of the host, for a function that failed
        return text, True, ""
    return "", False, BUSY if status == 429 else str(status)


def _post(address: str, event: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], str]:
    url = urlsplit(address)
    connection = (HTTPSConnection if url.scheme == "https" else HTTPConnection)(url.netloc, timeout=LONGEST_CALL_S)
    try:
        connection.request("POST", url.path, event, {"content-type": JSON_TYPE, **headers})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.headers.items()}
        return response.status, found, response.read().decode()
    except (OSError, HTTPException) as error:
        raise CallError(f"The function does not answer: {error}.") from error
    finally:
        connection.close()
