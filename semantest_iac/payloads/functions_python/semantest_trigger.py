"""Translates between Azure's HTTP trigger and payload format 2.0, so that one source runs on both clouds."""

from __future__ import annotations

import base64
import json
import re
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func

TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
LONGEST_ANSWER_S = 230  # Azure's load balancer waits no longer
GATEWAY_HEADER = "x-semantest-gateway"
PORT = re.compile(r"^\[(?P<six>.*)\](:\d+)?$|^(?P<four>[\d.]+):\d+$")


class Context:
    """What handlers use of Lambda's context."""

    def __init__(self, aws_request_id: str, function_name: str) -> None:
        self.aws_request_id = aws_request_id
        self.function_name = function_name
        self._end = time.monotonic() + LONGEST_ANSWER_S

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until nobody waits for the answer any more."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def event_of(request: func.HttpRequest, context: Context, hops: int = 0) -> dict[str, Any]:
    """The request as API Gateway would tell it; `hops` of our own gateways stand between client and App Service."""
    url, headers = urlsplit(request.url), {**request.headers}
    headers.pop(GATEWAY_HEADER, None)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    client = _shown_client(headers, hops)
    body, is_base64 = _body(request.get_body() or b"", headers.get("content-type", TEXT_TYPES[1]).lower())
    parts = {"cookies": cookies, "queryStringParameters": _joined(parse_qsl(url.query, True)), "body": body}
    path = unquote(url.path) or "/"
    call = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": client}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": url.query,
        "headers": headers,
        "requestContext": _place(url.netloc, context) | {"http": call | {"userAgent": headers.get("user-agent", "")}},
        "isBase64Encoded": is_base64,
        **{name: value for name, value in parts.items() if value},
    }


def response_of(result: Any) -> func.HttpResponse:
    """What API Gateway would make of the result."""
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return func.HttpResponse(text, mimetype="application/json")
    text = result.get("body") or ""
    body = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text
    headers = {name.lower(): _text(value) for name, value in (result.get("headers") or {}).items()}
    headers.pop("content-length", None)
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    response = func.HttpResponse(body, status_code=int(result["statusCode"]), headers=headers)
    for cookie in result.get("cookies") or ():
        response.headers.add("Set-Cookie", _for_the_host(cookie))
    return response


def _shown_client(headers: dict[str, str], hops: int) -> str:
    """The client's address without the port that App Service adds; every earlier entry is the client's own claim."""
    entries = [entry.strip() for entry in headers.get("x-forwarded-for", "").split(",")]
    *claims, last = entries[: max(1, len(entries) - hops)]
    match = PORT.match(last)
    client = (match["six"] or match["four"]) if match else last
    if client:
        headers["x-forwarded-for"] = ", ".join([*claims, client])
    return client


def _place(host: str, context: Context) -> dict[str, Any]:
    return {
        "accountId": "azure",
        "apiId": context.function_name,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "requestId": context.aws_request_id,
        "routeKey": "$default",
        "stage": "$default",
        "timeEpoch": int(time.time() * 1000),
    }


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    if content_type.startswith(TEXT_TYPES):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), bool(body)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _for_the_host(cookie: str) -> str:
    """The cookie with its value decoded, and quoted where it must be: the host encodes it again."""
    pair, _, attributes = cookie.partition(";")
    name, _, value = pair.partition("=")
    try:
        quoted = SimpleCookie({name.strip(): unquote(value.strip())}).output(header="").strip()
    except CookieError:
        return cookie
    return f"{quoted};{attributes}" if attributes else quoted
